"""Answers to the exercises of chapter 7."""

import numpy as np
import torch
import torch.nn.functional as F


def played(q_halt_after, q_continue_after, m, most):
    better = torch.maximum(q_halt_after, q_continue_after)
    return torch.where(m >= most - 1, q_halt_after, better).sigmoid()


def played_by_rows(q_halt_after, q_continue_after, m, most):
    rows = zip(q_halt_after.tolist(), q_continue_after.tolist(), m.tolist(), strict=True)
    return [1 / (1 + np.exp(-(h if now + 1 == most else max(h, c)))) for h, c, now in rows]


def published(q_halt_after, q_continue_after, m, most):
    return torch.where(m >= most, q_halt_after, torch.maximum(q_halt_after, q_continue_after)).sigmoid()


def only_halt(q_halt_after, q_continue_after, m, most):
    return q_halt_after.sigmoid()


def the_worse(q_halt_after, q_continue_after, m, most):
    return torch.where(m >= most - 1, q_halt_after, torch.minimum(q_halt_after, q_continue_after)).sigmoid()


def logits(q_halt_after, q_continue_after, m, most):
    return torch.where(m >= most - 1, q_halt_after, torch.maximum(q_halt_after, q_continue_after))


def too_early(q_halt_after, q_continue_after, m, most):
    better = torch.maximum(q_halt_after, q_continue_after)
    return torch.where(m >= most - 2, q_halt_after, better).sigmoid()


def prices(to_come=3, every=True):
    """By value iteration in torch and a fine grid of prices."""
    right = torch.tensor([0.02, 0.50, 0.97], dtype=torch.float64)
    moves = torch.tensor([[0.80, 0.20, 0.00], [0.10, 0.40, 0.50], [0.00, 0.00, 1.00]], dtype=torch.float64)
    price = torch.linspace(0, 0.5, 5001, dtype=torch.float64)[:, None]
    worth = right.expand(5001, 3)
    for left in range(to_come):
        go_on = worth @ moves.T - (price if every or left == to_come - 1 else 0)
        worth = torch.maximum(right, go_on)
    return [price[(go_on - right)[:, mood] > 0].max().item() for mood in (0, 1)]


def repeats(answers):
    stop = torch.zeros(answers.shape[:2], dtype=torch.bool)
    stop[:, 1:] = (answers[:, 1:] == answers[:, :-1]).all(-1)
    stop[:, -1] = True
    return stop.int().argmax(1) + 1


def repeats_by_loops(answers):
    found = []
    for row in answers.tolist():
        m = 1
        while m < len(row) and row[m] != row[m - 1]:
            m += 1
        found.append(min(m + 1, len(row)))
    return np.array(found)


def repeats_from_nought(answers):
    return repeats(answers) - 1


def repeats_or_first(answers):
    same = (answers[:, 1:] == answers[:, :-1]).all(-1)
    return same.int().argmax(1) + torch.where(same.any(1), 2, 1)


def repeats_any(answers):
    return [next((m + 1 for m in range(1, len(row)) if row[m] in row[:m]), len(row)) for row in answers.tolist()]


def one_cell_repeats(answers):
    stop = torch.zeros(answers.shape[:2], dtype=torch.bool)
    stop[:, 1:] = (answers[:, 1:] == answers[:, :-1]).any(-1)
    stop[:, -1] = True
    return stop.int().argmax(1) + 1


def always_last(answers):
    return torch.full((len(answers),), answers.shape[1])


def _fitted(q, right, free=(True, True)):
    ab = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([ab], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(ab[0] * q + ab[1], right.double())
        loss.backward()
        ab.grad *= torch.tensor(free)
        return loss

    optimizer.step(closure)
    return ab.detach()


def fit(q, right):
    return _fitted(q, right)


def fit_by_steps(q, right):
    a, b = 1.0, 0.0
    for _ in range(3000):
        error = torch.sigmoid(a * q + b) - right.double()
        a, b = a - (error * q).mean().item(), b - error.mean().item()
    return a, b


def fit_turned(q, right):
    return _fitted(q, right).flip(0)


def temperature(q, right):
    return _fitted(q, right, (True, False))


def shift(q, right):
    return _fitted(q, right, (False, True))


def least_squares(q, right):
    return np.polyfit(q.numpy(), right.double().numpy(), 1)


RIGHT = {
    "7.1": [played, played_by_rows],
    "7.2": [prices(), torch.tensor(prices()), np.round(prices(), 3)],
    "7.3": [repeats, repeats_by_loops],
    "7.4": [fit, fit_by_steps],
}
WRONG = {
    "7.1": [(published, "published target"), (only_halt, "two moves"), (the_worse, "the better"),
            (logits, "look like logits"), (too_early, "your target is")],
    "7.2": [(prices()[::-1], "wrong order"), (prices(every=False), "cost as well"), (prices(1), "one segment to come"),
            (prices(4), "with 4 segments to come"), ([prices()[0], 0.4], "from unsure")],
    "7.3": [(repeats_from_nought, "too early"), (repeats_or_first, "never repeats"), (repeats_any, "the one before"),
            (one_cell_repeats, "one cell"), (always_last, "should stop after segment")],
    "7.4": [(fit_turned, "in the wrong order"), (temperature, "a temperature"), (shift, "a is 1"),
            (least_squares, "derivatives")],
}  # fmt: skip
