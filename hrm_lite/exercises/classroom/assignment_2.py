"""Visible checks of assignment 2, blocks."""

from __future__ import annotations

import math

import torch

from ..base import Wrong, call, exercise, tensor

__all__: list[str] = []


@exercise("C2.1", "a function of x and eps that returns a tensor of the shape of x")
def rms_norm(answer) -> str:
    x = torch.tensor([[3.0, 4.0], [0.3, -0.4]], dtype=torch.float64)
    found = tensor(call(answer, x), "what rms_norm returns", (2, 2))
    mean = x.square().mean(1, keepdim=True)
    if torch.allclose(found, x / (mean + 1e-5).sqrt(), rtol=1e-4):
        tiny = tensor(call(answer, 1e-3 * x[:1], 1e-5), "what rms_norm returns", (1, 2))
        if not torch.allclose(tiny, 1e-3 * x[:1] / (1e-6 * mean[:1] + 1e-5).sqrt(), atol=1e-6):
            raise Wrong("for small x it matters where ε stands: under the root, added to the mean.")
        return (
            "There is no learned scale and no mean taken off. After it every position has the same length, however "
            "often "
            "the block is applied."
        )
    if torch.allclose(found, x / x.norm(dim=1, keepdim=True), atol=1e-4):
        raise Wrong("these have length 1. The *mean* of the squares should be 1, so a longer vector stays longer.")
    if torch.allclose(found, x / (x.square().mean() + 1e-5).sqrt(), atol=1e-4):
        raise Wrong("here all positions share one norm. Each row of the last axis has its own.")
    if torch.allclose(found, x / mean, rtol=1e-3):
        raise Wrong("the root is missing.")
    if torch.allclose(found.sum(1), torch.zeros(2).double(), atol=1e-6):
        raise Wrong("that takes the mean off, as LayerNorm does. RMSNorm does not.")
    raise Wrong(f"of (3, 4) it makes ({found[0, 0]:.4f}, {found[0, 1]:.4f}); the mean of their squares should be 1.")


@exercise("C2.2", "a function of x (positions, h) that returns a tensor of the same shape")
def rotate(answer) -> str:
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    found = tensor(call(answer, x), "what rotate returns", (3, 2))
    want = torch.tensor([[1.0, 0.0], [math.cos(1), math.sin(1)], [-math.sin(2), math.cos(2)]], dtype=torch.float64)
    if not torch.allclose(found, want, atol=1e-5):
        if torch.allclose(found[0], want[1], atol=1e-5):
            raise Wrong("the first row is position 0, which is not turned; yours is turned by one radian.")
        if torch.allclose(found[1], want[1] * torch.tensor([1.0, -1.0]).double(), atol=1e-5):
            raise Wrong("that turns the other way: mind the signs of the sines.")
        raise Wrong(
            f"with h = 2 there is one pair, turned by its position in radians. At position 1 (1, 0) should "
            "become "
            f"({want[1, 0]:.3f}, {want[1, 1]:.3f}), and is ({found[1, 0]:.3f}, {found[1, 1]:.3f})."
        )
    four = torch.zeros(2, 4, dtype=torch.float64)
    four[:, 0] = 1
    place = tensor(call(answer, four), "what rotate returns", (2, 4))[1].abs()
    if place[1] > 0.1:
        raise Wrong(
            "you pair neighbouring numbers. Here number i and number i + h/2 are a pair, as in the published code."
        )
    if abs(place[2] - math.sin(1)) > 1e-5:
        raise Wrong("with four numbers the first pair, numbers 0 and 2, still turns by one radian a position.")
    return (
        "A product of a turned query and a turned key depends on the difference of the two positions only. The "
        "choice of "
        "pairs matters to nobody but to whoever loads weights that were trained with the other choice."
    )


@exercise("C2.3", "a function of q, k, v and allowed that returns a tensor (s, the width of v)")
def attend(answer) -> str:
    zero, v = torch.zeros(3, 4, dtype=torch.float64), torch.tensor([[1.0], [2.0], [6.0]], dtype=torch.float64)
    look = torch.tensor([[True, True, False], [False, True, True], [True, True, True]])
    found = tensor(call(answer, zero, zero, v, look), "what attend returns", (3, 1))[:, 0].tolist()

    def near(wanted):
        return all(abs(a - b) < 1e-5 for a, b in zip(found, wanted, strict=True))

    if not near((1.5, 4.0, 3.0)):
        if near((3.5, 3.0, 4.0)):
            raise Wrong("`allowed[i, j]` says that i may look at j; yours is the other way round.")
        if near((1.0, 8 / 3, 3.0)):
            raise Wrong(
                "the weights of a row do not add up to 1: what is not allowed must not count in the sum "
                "below the "
                "fraction either."
            )
        if near((3.0, 3.0, 3.0)):
            raise Wrong("everyone looks everywhere: `allowed` makes no difference.")
        raise Wrong(
            f"with q = 0 every allowed position weighs the same, so row 0, which may look at 1 and 2, should "
            "give "
            f"1.5. It gives {found[0]:.4g}."
        )
    q = torch.tensor([[2.0, 0.0, 0.0, 0.0]] * 3, dtype=torch.float64)
    k = torch.tensor([[1.0, 0, 0, 0], [0.0, 0, 0, 0], [0.0, 0, 0, 0]], dtype=torch.float64)
    got = tensor(call(answer, q, k, v, look), "what attend returns", (3, 1))[0, 0].item()
    if abs(got - (math.e + 2) / (math.e + 1)) > 1e-5:
        if abs(got - (math.e**2 + 2) / (math.e**2 + 1)) < 1e-5:
            raise Wrong("the products are not divided by √h.")
        if abs(got - (math.exp(0.5) + 2) / (math.exp(0.5) + 1)) < 1e-5:
            raise Wrong("the products are divided by h, and should be by its root.")
        raise Wrong(
            f"a query of product 2 with one key and 0 with the other, h = 4, weighs them e : 1; you get "
            f"{got:.4f} "
            "from the values 1 and 2."
        )
    return "A softmax over what is allowed: HRM's blocks allow everything, and so have to learn whom to look at."


@exercise("C2.4", "a function of the side that returns a tensor (side², side²) of True and False")
def neighbours(answer) -> str:
    found = tensor(call(answer, 4), "what neighbours returns", (16, 16))
    if found.diagonal().any():
        raise Wrong("a cell is not its own neighbour.")
    number = found[0].sum().item()
    if number == 6:
        raise Wrong("the first cell has six neighbours in its row and its column, and you forget its box.")
    if number != 7:
        raise Wrong(
            f"on the 4×4 board each cell has seven neighbours: three in its row, three in its column, and one "
            f"more in its box. The first of yours has {number:g}."
        )
    if not found[0, 5] or found[2, 5]:
        raise Wrong(
            "the boxes are not where they should be: cell 5 (second row, second column) is in the first cell's "
            "box, and not in that of cell 2."
        )
    if not torch.equal(found, found.T):
        raise Wrong("whoever is my neighbour, I am his.")
    return "Twenty neighbours at 9×9. HRM is told nothing of this."


@exercise("C2.5", "a function of a board that returns a tensor (cells, digits) of True and False")
def candidates(answer) -> str:
    board = torch.tensor([1, 2, 0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0, 0])
    found = tensor(call(answer, board), "what candidates returns", (16, 4)).bool()
    sets = [{d + 1 for d in range(4) if row[d]} for row in found]
    if sets[2] == {1, 2}:
        raise Wrong("these are the digits that are crossed out. Those that are left are asked for.")
    if 1 in sets[2] and sets[3] != {3, 4}:
        raise Wrong("there is a 1 in the box of the third cell, and you leave it a 1.")
    if sets[0] != {1}:
        raise Wrong(f"in the first cell stands a 1, so 1 is all that can stand there; you say {sorted(sets[0])}.")
    if sets[2] != {3, 4}:
        raise Wrong(
            f"the third cell sees 1 and 2 in its row and a 1 in its box, so 3 and 4 are left; you leave "
            f"{sorted(sets[2])}. Column d − 1 belongs to the digit d."
        )
    if sets[5] != {4}:
        raise Wrong(
            f"cell 5 sees 1 and 2 in its box, a 1 in its row and 2 and 3 in its column, which leaves 4; you "
            "leave "
            f"{sorted(sets[5])}."
        )
    return "A mean of one-hot vectors knows whether a digit was there: one attention layer, with nothing learned."


@exercise("C2.6", "a function of a board and a number of rounds that returns a board")
def think(answer) -> str:
    board = torch.tensor([1, 2, 3, 0, 3, 0, 0, 0, 2, 1, 0, 3, 0, 0, 0, 0])
    found = [tensor(call(answer, board, n), "what think returns", (16,)).tolist() for n in (1, 2)]
    once, twice = ([int(v) for v in one] for one in found)
    if once[:3] != [1, 2, 3]:
        raise Wrong("what stood on the board has changed.")
    if once[3] == 3 and once[10] == 3:
        raise Wrong("the blanks are filled with the column of the digit and not with the digit: one too small.")
    if once[3] != 4 or once[10] != 4:
        raise Wrong(
            f"after one round the fourth cell should hold 4, the one digit that its row leaves; it holds {once[3]}."
        )
    if any(once[i] for i in (6, 7, 14, 15)):
        raise Wrong("after one round a cell is filled that has more than one candidate.")
    if once[13]:
        raise Wrong(
            "after one round more is filled than was certain when it began. Does a round see what it has just filled?"
        )
    if twice == once:
        raise Wrong("the second round does nothing. It should start from the board that the first one left.")
    if twice[13] != 3:
        raise Wrong(
            "after two rounds the second cell of the last row should hold 3: by then its column has 1, 2 and 4."
        )
    return (
        "Every round carries a certainty one step further. What no chain of certainties reaches stays blank for ever."
    )
