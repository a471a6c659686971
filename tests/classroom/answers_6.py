"""Answers to assignment 6, the project."""


def shares(exact="right.all(1)", cells="right[blank]", kept="(answers == labels)[~blank]"):
    return f"""
def shares(questions, answers, labels):
    right, blank = answers == labels, questions == 1
    found = {{"exact": {exact}, "cells": {cells}, "kept": {kept}}}
    return {{name: float(part.float().mean()) for name, part in found.items()}}
"""


def p_value(gap="abs(sum(x) / len(x) - sum(y) / len(y))", test="d >= d0 - 1e-9", size="len(a)", value="n / k"):
    return f"""
def p_value(a, b):
    def gap(x, y):
        return {gap}
    both, d0, n, k = list(a) + list(b), gap(a, b), 0, 0
    for at in itertools.combinations(range(len(both)), {size}):
        d = gap([both[i] for i in at], [both[i] for i in range(len(both)) if i not in at])
        n, k = n + ({test}), k + 1
    return {value}
"""


def curse(best="max(1).values", draw="torch.randn(30_000, tries, seeds).mean(2)", noise="noise"):
    return f"""
def winners_curse(noise, tries, seeds):
    return float({noise} * {draw}.{best}.mean())
"""


def configure(model="{}", training="{'lr': 3e-3, 'batch_size': 32}", whole="model, training"):
    return f"""
def configure():
    model, training = {model}, {training}
    return {whole}
"""


TASKS = {
    "task-1": {
        "name": "shares",
        "right": [
            shares(),
            """
def shares(questions, answers, labels):
    n = dict(exact=0, cells=0, kept=0, blanks=0, givens=0)
    for q, a, l in zip(questions.tolist(), answers.tolist(), labels.tolist()):
        n["exact"] += a == l
        for x, y, z in zip(q, a, l):
            n["blanks" if x == 1 else "givens"] += 1
            n["cells"] += x == 1 and y == z
            n["kept"] += x > 1 and x == y
    return {"exact": n["exact"] / len(questions), "cells": n["cells"] / n["blanks"], "kept": n["kept"] / n["givens"]}
""",
        ],
        "wrong": [
            (shares(exact="right.float().mean(1) > 0.7"), "whole or not at all"),
            (shares(cells="right"), "only the blanks count"),
            (shares(cells="right & blank"), "divide them by all blanks"),
            (shares(kept="(answers == questions)"), "they were, and you say"),
        ],
        "sly": [
            (
                shares(
                    cells="(right & blank).sum(1) / blank.sum(1)",
                    kept="((answers == questions) & ~blank).sum(1) / (~blank).sum(1)",
                ),
                "all blanks or",
            ),
            (shares(exact="right.float().mean(1) > 0.76"), "the shares are others"),
            (shares(kept="(answers == questions)[~blank][:20]"), "the shares are others"),
        ],
    },
    "task-2": {
        "name": "p_value",
        "right": [
            p_value(),
            """
def p_value(a, b):
    both = torch.tensor([*a, *b], dtype=torch.float64)
    masks = [m for m in itertools.product([True, False], repeat=len(both)) if sum(m) == len(a)]
    rows = torch.tensor(masks)
    gaps = ((both * rows).sum(1) / rows.sum(1) - (both * ~rows).sum(1) / (~rows).sum(1)).abs()
    seen = abs(both[: len(a)].mean() - both[len(a) :].mean())
    return (gaps > seen - 1e-9).double().mean()
""",
        ],
        "wrong": [
            (p_value(gap="sum(x) / len(x) - sum(y) / len(y)"), "one direction only"),
            (p_value(test="d > d0 + 1e-9"), "p is never 0"),
            (p_value(value="1 - n / k"), "you say 0.9"),
            (p_value(test="d >= d0 - 1e-9 and d0 > 0"), "p is 1"),
        ],
        "sly": [
            (p_value(size="len(both) // 2"), "into groups of these sizes"),
            (p_value(gap="abs(sum(x) - sum(y))"), "it is off"),
            (p_value(gap="abs(max(x) - max(y))"), "it is off"),
        ],
    },
    "task-3": {
        "name": "winners_curse",
        "right": [
            curse(),
            """
def winners_curse(noise, tries, seeds):
    draws = np.random.default_rng(0).normal(0, noise, (20_000, tries, seeds))
    return draws.mean(axis=2).max(axis=1).mean()
""",
        ],
        "wrong": [
            (curse(best="mean(1)"), "looks *best*"),
            (curse(best="min(1).values"), "yours the lowest"),
            (curse(draw="torch.randn(30_000, tries)"), "seeds make no difference"),
            (curse(draw="torch.randn(30_000, tries)", noise="noise / seeds"), "not to a quarter"),
            (curse(draw="torch.randn(30_000, tries, seeds).max(2).values"), "you say"),
        ],
        "sly": [
            (curse(noise="(noise * (math.log(tries) / math.log(10)) ** 0.5 if tries > 1 else noise)"), "it is off"),
            (curse(draw="torch.randn(30_000, min(tries, 10), seeds).mean(2)"), "it is off"),
            (curse(draw="torch.randn(30_000, tries)", noise="noise / (1 if seeds == 1 else 2)"), "it is off"),
        ],
    },
    "task-4": {
        "name": "configure",
        "right": [
            configure(),
            configure("dict(share_modules=True)", "dict(lr=0.003, batch_size=24)", "(model, training)"),
            configure(whole="[model, training]"),
        ],
        "wrong": [
            (configure(whole="model | training"), "should return two dictionaries"),
            (configure("{'width': 64}"), "is no setting of the model"),
            (configure("{'mixer': 'mlp'}"), "'mixer' is no setting"),
            (configure(training="{'lr': 5}"), "should lie between"),
            (configure("{'n_heads': 3}"), "cannot be built"),
            (
                configure("{'cycles': 6, 'steps': 6, 'gradient': 'full', 'd_model': 128}", "{'batch_size': 512}"),
                "That is no training",
            ),
        ],
        "sly": [
            (configure(training="{'lr': 1e-4}"), "none of three seeds"),
            (configure(training="{'lr': 1e-3}"), "are asked for"),
            (configure(training="{'lr': 2e-3}"), "are asked for"),
        ],
    },
}
