"""Answers to the exercises of chapter 10."""

from collections import deque

import numpy as np
import torch
from torch.nn.functional import pad


def king(a, b):
    return max(abs(a[0] - b[0]), abs(a[1] - b[1]))


def king_by_steps(a, b):
    (r, c), n = a, 0
    while (r, c) != b:
        r, c, n = r + np.sign(b[0] - r), c + np.sign(b[1] - c), n + 1
    return torch.tensor(n)


def rook(a, b):
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def crow(a, b):
    return float(np.hypot(a[0] - b[0], a[1] - b[1]))


def always_nine(a, b):
    return 9


def around(cells, kind="border"):
    x = cells.long()
    if kind == "roll":
        return x.roll(1, 0) + x.roll(-1, 0) + x.roll(1, 1) + x.roll(-1, 1)
    wide = pad(x, (1, 1, 1, 1))
    four = wide[2:, 1:-1] + wide[:-2, 1:-1] + wide[1:-1, 2:] + wide[1:-1, :-2]
    return four


def fill(free, ends):
    left = free.clone()
    for _ in range(free.numel()):
        left &= ends | (around(left) > 1)
    return left


def fill_by_loops(free, ends):
    left = free.numpy().copy()
    again = True
    while again:
        again = False
        for r, c in np.argwhere(left & ~ends.numpy()):
            beside = [(r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)]
            if sum(0 <= a < left.shape[0] and 0 <= b < left.shape[1] and left[a, b] for a, b in beside) < 2:
                left[r, c], again = False, True
    return left


def one_round(free, ends):
    return free & (ends | (around(free) > 1))


def ends_too(free, ends):
    return fill(free, torch.zeros_like(ends))


def rolled(free, ends):
    left = free.clone()
    for _ in range(50):
        left &= ends | (around(left, "roll") > 2)
    return left


def nothing_filled(free, ends):
    return free.clone()


def _rings(free, start):
    free, distance = np.asarray(free), {tuple(start): 0}
    queue = deque(distance)
    while queue:
        r, c = queue.popleft()
        for cell in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
            inside = 0 <= cell[0] < free.shape[0] and 0 <= cell[1] < free.shape[1]
            if inside and free[cell] and cell not in distance:
                distance[cell] = distance[r, c] + 1
                queue.append(cell)
    return distance


def count(free, start, goal):
    distance, ways = _rings(free, start), {tuple(start): 1}
    for r, c in sorted(distance, key=distance.get)[1:]:
        beside = ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1))
        ways[r, c] = sum(ways[b] for b in beside if distance.get(b, -2) == distance[r, c] - 1)
    return ways[tuple(goal)]


def count_with_tensors(free, start, goal):
    ways = torch.zeros(free.shape, dtype=torch.long)
    ways[start], seen = 1, torch.zeros(free.shape, dtype=torch.bool)
    seen[start] = True
    while not seen[goal]:
        new = torch.where(seen | ~free, 0, around(ways))
        ways = torch.where(new > 0, new, 0)
        seen |= ways > 0
    return ways[goal]


def length(free, start, goal):
    return _rings(free, start)[tuple(goal)]


def one(free, start, goal):
    return 1


def two(free, start, goal):
    return 2


def right(free, start, goal, drawn):
    drawn, free = np.asarray(drawn), np.asarray(free)
    if (drawn & ~free).any() or drawn.sum() != _rings(free, start)[tuple(goal)] - 1:
        return False
    there = drawn.copy()
    there[start] = there[goal] = True
    return tuple(goal) in _rings(there, start)


def right_as_tensor(free, start, goal, drawn):
    return torch.tensor(right(free, start, goal, drawn))


def by_number(free, start, goal, drawn):
    return int(drawn.sum()) == _rings(free, start)[tuple(goal)] - 1


def connected(free, start, goal, drawn):
    there = np.asarray(drawn) & np.asarray(free)
    there[start] = there[goal] = True
    return tuple(goal) in _rings(there, start)


def equal_to_one(free, start, goal, drawn):
    distance, cell, path = _rings(free, start), tuple(goal), np.zeros(free.shape, bool)
    while distance[cell] > 1:
        r, c = cell
        cell = next(b for b in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1))
                    if distance.get(b, 99) == distance[cell] - 1)  # fmt: skip
        path[cell] = True
    return bool((path == np.asarray(drawn)).all())


def long_enough(free, start, goal, drawn):
    return int(drawn.sum()) <= _rings(free, start)[tuple(goal)] - 1


RIGHT = {"10.1": [king, king_by_steps], "10.2": [fill, fill_by_loops], "10.3": [count, count_with_tensors],
         "10.4": [right, right_as_tensor]}  # fmt: skip
WRONG = {
    "10.1": [(rook, "diagonal"), (crow, "crow flies"), (always_nine, "says 9")],
    "10.2": [(one_round, "go on until none is"), (ends_too, "S or G was walled up"), (nothing_filled, "Nothing was"),
             (rolled, "beyond the border")],
    "10.3": [(length, "the length of a shortest path"), (one, "more on others"), (two, "all its neighbours")],
    "10.4": [(by_number, "elsewhere"), (connected, "longer than need be"), (equal_to_one, "was refused"),
             (long_enough, "gap before G")],
}  # fmt: skip
