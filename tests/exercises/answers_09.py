"""Answers to the exercises of chapter 9."""

import torch

DIGITS = {1, 2, 3, 4}


def groups(board):
    yield from board.tolist()
    yield from board.T.tolist()
    for r in (0, 2):
        for c in (0, 2):
            yield board[r : r + 2, c : c + 2].flatten().tolist()


def obeys(question, answer):
    kept = bool(((question == 0) | (question == answer)).all())
    return kept and all(set(group) == DIGITS for group in groups(answer))


def obeys_by_tensors(question, answer):
    one = torch.nn.functional.one_hot(answer, 5)[..., 1:]
    boxes = one.view(2, 2, 2, 2, 4).sum((1, 3))
    fine = (one.sum(0) == 1).all() & (one.sum(1) == 1).all() & (boxes == 1).all()
    return fine & ((question == 0) | (question == answer)).all()


def without_boxes(question, answer):
    rows = all(set(g) == DIGITS for g in [*answer.tolist(), *answer.T.tolist()])
    return rows and bool(((question == 0) | (question == answer)).all())


def by_sums(question, answer):
    return bool(((question == 0) | (question == answer)).all()) and all(sum(g) == 10 for g in groups(answer))


def givens_forgotten(question, answer):
    return all(set(group) == DIGITS for group in groups(answer))


def no_digit_twice(question, answer):
    kept = bool(((question == 0) | (question == answer)).all())
    return kept and all(len(set(g)) == len(g) for g in groups(answer))


def luck(right, blank):
    p = right[blank].double().mean()
    return (p ** blank.sum(1)).mean()


def luck_by_loops(right, blank):
    p = sum(r[b].sum().item() for r, b in zip(right, blank, strict=True)) / blank.sum().item()
    return sum(p ** int(b.sum()) for b in blank) / len(blank)


def measured(right, blank):
    return right.all(1).double().mean().item()


def with_givens(right, blank):
    return right.double().mean() ** 16


def mean_of_blanks(right, blank):
    return right[blank].double().mean() ** blank.sum(1).double().mean()


def luck_per_cent(right, blank):
    return 100 * luck(right, blank)


def accept(q, right, share):
    wrong = (~right)[q.argsort(descending=True)].cumsum(0)
    fine = (wrong <= share * torch.arange(1, len(q) + 1)).nonzero()
    return int(fine.max()) + 1 if len(fine) else 0


def accept_by_loops(q, right, share):
    order = sorted(range(len(q)), key=lambda i: -q[i].item())
    best = 0
    for k in range(1, len(q) + 1):
        if sum(not right[i] for i in order[:k]) <= share * k:
            best = k
    return torch.tensor(best)


def ascending(q, right, share):
    return accept(-q, right, share)


def first_stop(q, right, share):
    wrong = (~right)[q.argsort(descending=True)].cumsum(0)
    fine = wrong <= share * torch.arange(1, len(q) + 1)
    return int(fine.long().cumprod(0).sum())


def of_all(q, right, share):
    wrong = (~right)[q.argsort(descending=True)].cumsum(0)
    fine = (wrong <= share * len(q)).nonzero()
    return int(fine.max()) + 1 if len(fine) else 0


def as_share(q, right, share):
    return accept(q, right, share) / len(q) - 1e-9


RIGHT = {"9.1": [obeys, obeys_by_tensors], "9.2": [luck, luck_by_loops], "9.3": [accept, accept_by_loops]}
WRONG = {
    "9.1": [(without_boxes, "boxes hold a digit twice"), (by_sums, "add up to 10"),
            (givens_forgotten, "changes a given"), (no_digit_twice, "blank in it")],
    "9.2": [(measured, "what was measured"), (with_givens, "without any luck"), (mean_of_blanks, "mean of b"),
            (luck_per_cent, "not per cent")],
    "9.3": [(ascending, "wrong way"), (first_stop, "first place"), (of_all, "not of all"), (as_share, "whole number")],
}  # fmt: skip
