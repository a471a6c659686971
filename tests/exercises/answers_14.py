"""Answers to the exercises of chapter 14."""

from math import comb, prod

import torch


def depth(cycles, steps, layers, segments):
    return segments * cycles * (steps + 1) * layers


def depth_by_loops(cycles, steps, layers, segments):
    count = 0
    for _ in range(segments):
        for _ in range(cycles):
            for _ in range(steps):
                count += layers
            count += layers
    return torch.tensor(count)


def worker_only(cycles, steps, layers, segments):
    return segments * cycles * steps * layers


def one_segment(cycles, steps, layers, segments):
    return cycles * (steps + 1) * layers


def steps_only(cycles, steps, layers, segments):
    return segments * cycles * (steps + 1)


def once_a_segment(cycles, steps, layers, segments):
    return segments * (cycles * steps + 1) * layers


def vote(answer, q):
    weight = torch.zeros(int(answer.max()) + 1).index_add(0, answer, q.sigmoid())
    return int((answer == weight.argmax()).nonzero()[0])


def vote_by_loops(answer, q):
    trust = q.sigmoid().tolist()
    weight = {}
    for a, t in zip(answer.tolist(), trust, strict=True):
        weight[a] = weight.get(a, 0) + t
    return answer.tolist().index(max(weight, key=weight.get))


def surest(answer, q):
    return q.argmax()


def most_frequent(answer, q):
    return int((answer == answer.bincount().argmax()).nonzero()[0])


def by_logits(answer, q):
    weight = torch.full((int(answer.max()) + 1,), -99.0)
    for one in answer.unique():
        weight[one] = q[answer == one].sum()
    return int((answer == weight.argmax()).nonzero()[0])


def the_answer_itself(answer, q):
    return 40 + int(answer[0])


def any_right(n, c, k):
    return 1 - comb(n - c, k) / comb(n, k)


def any_right_by_products(n, c, k):
    return 1 - prod(max(n - c - i, 0) / (n - i) for i in range(k))


def with_repetition(n, c, k):
    return 1 - (1 - c / n) ** k


def none_right(n, c, k):
    return comb(n - c, k) / comb(n, k)


def added_up(n, c, k):
    return min(1, k * c / n)


def any_per_cent(n, c, k):
    return 100 * any_right(n, c, k)


RIGHT = {"14.1": [depth, depth_by_loops], "14.2": [vote, vote_by_loops], "14.3": [any_right, any_right_by_products]}
WRONG = {
    "14.1": [(worker_only, "controller's are not"), (one_segment, "one segment"), (steps_only, "counts steps"),
             (once_a_segment, "not once in a segment")],
    "14.2": [(surest, "add up"), (most_frequent, "one vote each"), (by_logits, "add logits"),
             (the_answer_itself, "place of an attempt")],
    "14.3": [(with_repetition, "with repetition"), (none_right, "none of them"), (added_up, "do not add up"),
             (any_per_cent, "not per cent")],
}  # fmt: skip
