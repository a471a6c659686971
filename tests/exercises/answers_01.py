"""Answers to the exercises of chapter 1."""

import numpy as np
import torch


def after(pointers, hops):
    place, jump, rounds = np.arange(len(pointers)), np.array(pointers), 0
    while hops:
        if hops & 1:
            place, rounds = jump[place], rounds + 1
        jump, hops, rounds = jump[jump], hops >> 1, rounds + 1
    return place, rounds


def after_by_lists(pointers, hops):
    """From the highest binary digit down: square, and go one further for a one."""
    step, jump, rounds = list(map(int, pointers)), list(range(len(pointers))), 0
    for digit in bin(hops)[2:]:
        jump, rounds = [jump[j] for j in jump], rounds + 1
        if digit == "1":
            jump, rounds = [step[j] for j in jump], rounds + 1
    return torch.tensor(jump), rounds


def walking(pointers, hops):
    place = np.arange(len(pointers))
    for _ in range(hops):
        place = pointers[place]
    return place, hops


def powers_only(pointers, hops):
    jump, rounds, done = np.array(pointers), 0, 1
    while done < hops:
        jump, rounds, done = jump[jump], rounds + 1, 2 * done
    return jump, rounds


def one_too_many(pointers, hops):
    place, rounds = after(pointers, hops)
    return np.array(pointers)[place], rounds


def without_rounds(pointers, hops):
    return after(pointers, hops)[0]


def row(shares, level):
    return int((shares > level).long().cumprod(0).sum())


def row_by_loop(shares, level):
    n = 0
    for share in shares.tolist():
        if share <= level:
            break
        n += 1
    return np.int64(n)


def all_above(shares, level):
    return (shares > level).sum()


def one_more(shares, level):
    return row(shares, level) + (row(shares, level) < len(shares))


def first_below(shares, level):
    return int((shares <= level).long().argmax())


def lengths(shares, level):
    return len(shares)


GATES = {"tree": (4, 15), "and_or": (2, 32769), "thresholds": (2, 17)}
RIGHT = {
    "1.1": [after, after_by_lists],
    "1.2": [GATES, {name: torch.tensor(pair) for name, pair in GATES.items()}],
    "1.3": [row, row_by_loop],
}
WRONG = {
    "1.1": [(walking, "all nodes work at once"), (powers_only, "no power of two"), (one_too_many, "one hop too many"),
            (without_rounds, "Return two things")],
    "1.2": [(GATES | {"tree": (15, 15)}, "is a chain"), (GATES | {"and_or": (2, 32768)}, "OR on top"),
            (GATES | {"and_or": (2, 65537)}, "*odd* parity"), (GATES | {"thresholds": (2, 16)}, "adds their answers"),
            ({"tree": (4, 15)}, "lacks and_or")],
    "1.3": [(all_above, "counts all places"), (one_more, "One too many"), (first_below, "whole string"),
            (lengths, "it is 3, not 6")],
}  # fmt: skip
