"""Answers to the exercises of chapter 3."""

import math

import torch


def least(d, u):
    return math.floor(2 * d + 1.5 * u) + 1


def least_by_search(d, u):
    s = torch.arange(1, 10_000)
    return s[4 * s * s * d > 8 * s * d * d + 6 * s * d * u][0]


def crossing(d, u):
    return 2 * d + 1.5 * u


def against_swiglu(d, u):
    return int(1.5 * u) + 1


def against_matrices(d, u):
    return 2 * d + 1


def one_product(d, u):
    return math.floor(4 * d + 3 * u) + 1


def published(d, u):
    return 3329


def careful(x):
    y = x.float()
    return (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-5)).to(x.dtype)


def in_float64(x):
    y = x.double()
    return (y / (y.square().mean(-1, keepdim=True) + 1e-5) ** 0.5).type_as(x)


def careless(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5)


def careful_in_bfloat16(x):
    return careful(x) if x.dtype == torch.bfloat16 else careless(x)


def stays_wide(x):
    y = x.float()
    return y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-5)


def no_eps(x):
    y = x.float()
    return (y * torch.rsqrt(y.square().mean(-1, keepdim=True))).to(x.dtype)


def length(x):
    y = x.float()
    return (y / y.norm(dim=-1, keepdim=True)).to(x.dtype)


_cell = torch.arange(81)
_places = _cell // 9, _cell % 9, _cell // 27 * 3 + _cell % 9 // 3


def shares(n):
    return torch.stack([(index[n:] == index[:-n]).double().mean() for index in _places])


def shares_by_loops(n):
    pairs = [(divmod(a, 9), divmod(a + n, 9)) for a in range(81 - n)]
    same = [sum(a[0] == b[0] for a, b in pairs), sum(a[1] == b[1] for a, b in pairs),
            sum(a[0] // 3 == b[0] // 3 and a[1] // 3 == b[1] // 3 for a, b in pairs)]  # fmt: skip
    return [count / len(pairs) for count in same]


def shares_as_tuple(n):
    return tuple(shares(n))


def counts(n):
    return shares(n) * (81 - n)


def of_81(n):
    return counts(n) / 81


def exchanged(n):
    row, column, box = shares(n)
    return column, row, box


def sure_rows(n):
    _, column, box = shares(n)
    return float(n < 9), column, box


def rolled(n):
    return torch.stack([(index.roll(-n) == index).double().mean() for index in _places])


def no_boxes(n):
    row, column, _ = shares(n)
    return row, column, row


HALVES = torch.arange(16).view(2, 8).T.flatten()

RIGHT = {
    "3.1": [least, least_by_search],
    "3.2": [careful, in_float64],
    "3.3": [shares, shares_by_loops, shares_as_tuple],
    "3.4": [HALVES, HALVES.tolist(), HALVES.numpy(), tuple(float(i) for i in HALVES)],
}
WRONG = {
    "3.1": [(crossing, "costs *more*"), (against_swiglu, "four matrices"), (against_matrices, "SwiGLU counts"),
            (one_product, "two products"), (published, "one with s²")],
    "3.2": [(careless, "is rounded, and when"), (stays_wide, "float32 came out"), (no_eps, "inside the root"),
            (length, "own RMS"), (careful_in_bfloat16, "square of 300")],
    "3.3": [(counts, "more than 1"), (of_81, "divided by 81"), (exchanged, "exchanged"),
            (sure_rows, "last cell of a row"), (rolled, "round the end"), (no_boxes, "thirds of both")],
    "3.4": [(range(16), "Nothing is reordered"), (HALVES.argsort(), "the way back"),
            (HALVES.view(8, 2).flip(1).flatten(), "the other way"), ([0] * 16, "once"),
            ([7, 15, 6, 14, 5, 13, 4, 12, 3, 11, 2, 10, 1, 9, 0, 8], "another pair's speed"),
            ([0, 15, 1, 14, 2, 13, 3, 12, 4, 11, 5, 10, 6, 9, 7, 8], "Places 0 and 1")],
}  # fmt: skip
