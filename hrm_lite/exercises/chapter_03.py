"""Checks of chapter 3, blocks. Nothing here is computed as the chapter does it: operations are counted by torch on
empty tensors, norms in float64, pairs of cells one by one, and rotations with complex numbers."""

from __future__ import annotations

import functools
import itertools

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


def _counted(s: int, d: int, u: int) -> tuple[int, int]:
    """Operations of one block with s positions, as torch counts them: all with all, and everything else."""
    shapes = (s, d), (s, u), (d, d), (d, u)
    x, wide, square, inner = (torch.empty(*shape, device="meta") for shape in shapes)
    with FlopCounterMode(display=False) as pairs:
        (x @ x.T) @ x
    with FlopCounterMode(display=False) as others:
        for _ in range(4):
            x @ square
        x @ inner, x @ inner, wide @ inner.T
    return pairs.get_total_flops(), others.get_total_flops()


@functools.cache
def _least_dear(d: int, u: int) -> int:
    low, high = 1, 8 * (d + u)
    while low < high:
        middle = (low + high) // 2
        pairs, others = _counted(middle, d, u)
        low, high = (low, middle) if pairs > others else (middle + 1, high)
    return low


@exercise("3.1", "a function of the width d and the inner width u that returns a number of positions")
def dear(positions) -> str:
    for d, u in ((512, 1536), (64, 176), (32, 85), (40, 300)):
        found = number(call(positions, d, u), "what your function returns")
        true = _least_dear(d, u)
        if found == true:
            continue
        said = f"for d = {d} and u = {u} your function says {found:g}. "
        if 0 < true - found <= 1:
            raise Wrong(f"{said}There the two cost the same, or it lies between two numbers of positions: take the "
                        "first whole number at which all with all costs *more*.")  # fmt: skip
        if abs(found - 1.5 * u) <= 1.5:
            raise Wrong(f"{said}From there on it costs more than SwiGLU. The four matrices of attention count, too.")
        if abs(found - 2 * d) <= 1.5:
            raise Wrong(f"{said}From there on it costs more than attention's own matrices. SwiGLU counts, too.")
        if abs(found - (4 * d + 3 * u)) <= 2.5:
            raise Wrong(f"{said}All with all is two products, queries with keys and weights with values.")
        raise Wrong(f"{said}Compare the three parts of `operations`. Two of them grow with s, and one with s².")
    return (
        "All with all grows with s², the rest with s, so they cross at a length that grows with the width: 3,329 "
        "positions at the published width, a board of 57×57, and 393 in a block of 64 numbers with u = 176."
    )


def _true_norm(x: Tensor) -> Tensor:
    wide = x.double()
    return wide / (wide.square().mean(-1, keepdim=True) + 1e-5).sqrt()


@exercise("3.2", "a function of a tensor that returns a tensor of the same shape and precision")
def sixteen_bits(careful) -> str:
    for dtype, size in itertools.product((torch.float32, torch.bfloat16, torch.float16), (300, 1)):
        x = (size * torch.randn(50, 3, 256)).to(dtype)
        found, name = call(careful, x), str(dtype)[6:]
        y = tensor(found, "what your function returns", (50, 3, 256)) if _finite(found) else None
        if y is None or (size == 300 and float(y.abs().max()) == 0):
            raise Wrong(f"in {name}, vectors of RMS {size} come out as zeros, NaN or infinity. What is the square of "
                        f"300, and where does {name} end? (torch.finfo({dtype}).max says it.)")  # fmt: skip
        true, step = _true_norm(x), torch.finfo(dtype).eps
        if ((y - true).abs() > 0.3 * true.abs()).double().mean() > 0.5:
            rms = y.square().mean(-1).sqrt().median()
            raise Wrong(f"vectors come out with an RMS of {rms:.3g}, not 1. Divide each by its own RMS.")
        if not isinstance(found, Tensor) or found.dtype != dtype:
            raise Wrong(f"{name} went in and {getattr(found, 'dtype', type(found))!s} came out. The next matrix is "
                        f"{name}, and so must be what it is given.")  # fmt: skip
        if dtype != torch.float32 and ((y - true).abs() > 0.51 * step * true.abs() + 1e-6).any():
            rms = y.square().mean(-1).sqrt()
            raise Wrong(f"in {name} the vectors come out with an RMS of {rms.min():.4f} to {rms.max():.4f}. A factor "
                        "rounded before it multiplies puts a whole vector off. What is rounded, and when?")
    short = torch.randn(20, 256) * 1e-3  # in float32, too, ε tells
    y = tensor(call(careful, short), "what your function returns", (20, 256))
    if ((y - _true_norm(short)).abs() > 1e-5).any():
        raise Wrong(f"vectors of RMS 0.001 come out with {float(y.square().mean(-1).sqrt().mean()):.2f}. The "
                    "published norm has ε = 0.00001 inside the root, beside the mean of the squares.")  # fmt: skip
    return (
        "Compute wide, round once. bfloat16 reaches as far as float32 and has 8 binary digits, so that a rounded "
        "factor is off by up to 0.4 %; float16 has 11 digits, and ends at 65,504, below the square of 300."
    )


def _finite(value) -> bool:
    return not isinstance(value, Tensor) or bool(torch.isfinite(value).all())


def _shares(n: int, count=None) -> Tensor:
    """Row, column, box: the share of the pairs of cells that are n apart in reading order. Pair by pair."""
    cells = list(itertools.product(range(9), repeat=2))
    pairs = [(cells[i], cells[i + n]) for i in range(81 - n)]
    row = sum(a[0] == b[0] for a, b in pairs)
    column = sum(a[1] == b[1] for a, b in pairs)
    box = sum(a[0] // 3 == b[0] // 3 and a[1] // 3 == b[1] // 3 for a, b in pairs)
    return torch.tensor([row, column, box], dtype=torch.float64) / (count or len(pairs))


@exercise("3.3", "a function of a distance that returns three shares: same row, same column, same box")
def distances(shares) -> str:
    for n in (9, 1, 2, 7, 8, 10, 20, 27, 63, 80):
        found = tensor(call(shares, n), "what your function returns", (3,))
        true = _shares(n)
        if (found - true).abs().max() < 1e-4:
            continue
        if found.max() > 1:
            raise Wrong("these are more than 1. Divide the pairs that share a row by all pairs at this distance.")
        if (found - _rolled(n)).abs().max() < 1e-4:
            raise Wrong("pairs that go round the end of the board were counted: after cell 80 there is none.")
        if (found - _shares(n, 81)).abs().max() < 1e-4:
            raise Wrong(f"that is divided by 81. How many pairs are {n} apart, when the last {n} have no partner?")
        if (found - true[[1, 0, 2]]).abs().max() < 1e-4:
            raise Wrong("rows and columns are exchanged. The board is read row by row: cell 1 is to the right of 0.")
        if n < 9 and found[0] == 1:
            raise Wrong(f"at distance {n} not every pair is in one row. Look at the last cell of a row and go on.")
        worst = int((found - true).abs().argmax())
        raise Wrong(f"at distance {n} the share for the {('row', 'column', 'box')[worst]} is not {found[worst]:.3f}. "
                    "A cell's row is cell // 9, its column cell % 9, and its box goes by thirds of both.")  # fmt: skip
    return (
        "A multiple of 9 means the same column, and nothing else does: a head can find columns by distance alone. No "
        "distance makes row or box certain; for those a head must know where it is, from elsewhere. It can: for one "
        "that looks at a position it knows, such as the prefix, the distance is the place."
    )


def _rolled(n: int) -> Tensor:
    """What comes of it when cell 80 is followed by cell 0."""
    cell = torch.arange(81)
    places = cell // 9, cell % 9, cell // 27 * 3 + cell % 9 // 3
    return torch.stack([(place == place.roll(-n)).double().mean() for place in places])


def _scores(q: Tensor, k: Tensor, neighbours: bool) -> Tensor:
    """q·k for every pair of positions, by complex numbers. q, k: (positions, 16)."""
    halves = [x.view(-1, 8, 2).unbind(-1) if neighbours else x.split(8, dim=1) for x in (q, k)]
    angle = torch.arange(len(q))[:, None] * 10000.0 ** (-torch.arange(8, dtype=torch.float64) / 8)
    q, k = (x * torch.polar(torch.ones_like(angle), angle) for x in itertools.starmap(torch.complex, halves))
    return (q @ k.conj().T).real


@exercise("3.4", "sixteen whole numbers: which entry goes to place 0, to place 1, …")
def wrong_pairs(order) -> str:
    asked = tensor(order, "your order", (16,))
    if sorted(asked.tolist()) != list(range(16)):
        raise Wrong("an order of sixteen entries holds each of the numbers 0 to 15 once.")
    order = asked.long()
    q, k = torch.randn(2, 12, 16, dtype=torch.float64)
    true = _scores(q, k, neighbours=False)

    def fits(order) -> bool:
        return torch.allclose(_scores(q[:, order], k[:, order], True), true)

    if fits(order):
        return (
            "A dot product does not care where its terms stand, so no score changes. Permute the rows of the query and "
            "key matrices of each head like this, and the weights fit the other convention: what converters of "
            "checkpoints do. Values are not turned, and stay."
        )
    off = _scores(q[:, order], k[:, order], True) - true
    by = f"the scores are off by {float(off.std() / true.std()):.0%} of their spread. "
    if torch.equal(order, torch.arange(16)):
        raise Wrong(f"{by}Nothing is reordered. Which two entries turn together by halves? Where must they stand?")
    if fits(order.argsort()):
        raise Wrong(f"{by}That is the way back, halves out of neighbours. `q[order]` has entry order[j] at place j.")
    if fits(order.view(8, 2).flip(1).flatten()):
        raise Wrong(f"{by}The right pairs stand together, with their two numbers exchanged: they turn the other way.")
    together = {frozenset(pair) for pair in order.view(8, 2).tolist()}
    if together == {frozenset((i, i + 8)) for i in range(8)}:
        raise Wrong(f"{by}The right entries are pairs now, and some turn at another pair's speed, or backwards.")
    raise Wrong(f"{by}Places 0 and 1 turn together by neighbours. Which two entries turned at that speed by halves?")
