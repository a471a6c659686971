"""Answers to assignment 3, two clocks."""


def schedule(body):
    return f"def schedule(counts):\n    {body}\n"


def run(
    own="z[i] + ",
    fast="(z[i + 1] if i + 1 < len(z) else 0)",
    slow="(z[i - 1] if i else 0)",
    x="(x if i == 0 else 0)",
    copy="list(states)",
    back="z",
):
    return f"""
def run(nets, states, x, order):
    z = {copy}
    for i in map(int, order):
        z[i] = nets[i]({own}{fast} + {slow} + {x})
    return {back}
"""


OLD = """
def run(nets, states, x, order):
    z = list(states)
    old = list(states)
    for i in map(int, order):
        down, up = (old[i - 1] if i else x), (z[i + 1] if i + 1 < len(z) else 0)
        old[i] = z[i]
        z[i] = nets[i](z[i] + down + up)
    return z
"""


def kicks(value, start="1", end="len(order) - 1", test="order[i] == '1'"):
    return f"""
def kicks(lengths, order):
    return [float({value}) for i in range({start}, {end}) if {test}]
"""


BOTH = "order[i] == '1' and order[i - 1] == '0' and order[i + 1] == '0'"
PER_STEP = """
def per_step(a, b, c, d, T):
    return float({value})
"""


def cycle(
    matrix, value="torch.linalg.eigvals(torch.as_tensor(cycle_matrix(a, b, c, d, T))).abs().max() ** (1 / (T + 1))"
):
    return f"""
def cycle_matrix(a, b, c, d, T):
    r = a ** T
    s = T if a == 1 else (1 - a ** T) / (1 - a)
    return torch.tensor({matrix}, dtype=torch.float64)


def per_step(a, b, c, d, T):
    return float({value})
"""


GOOD = "[[c + d * b * s, d * r], [b * s, r]]"
EIGEN = "torch.linalg.eigvals(cycle_matrix(a, b, c, d, T))"


def left(first="f(z1 + push), f(z2 + push)", value="d / start", keep=""):
    return f"""
def left_over(f, z1, z2, push, steps):
    start, found = torch.linalg.vector_norm(z1 - z2), []
    for _ in range(steps):
        z1, z2 = {first}
        d = torch.linalg.vector_norm(z1 - z2)
        found.append(float({value}))
        {keep or "pass"}
    return found
"""


def counts(worker="N * T * M", controller="N * M", blocks="N * M * (T * w + c)", gradient="w + c"):
    return f"""
def counts(cycles, steps, worker_layers, controller_layers, segments):
    N, T, w, c, M = cycles, steps, worker_layers, controller_layers, segments
    return dict(worker={worker}, controller={controller}, blocks={blocks}, gradient={gradient})
"""


TASKS = {
    "task-1": {
        "name": "schedule",
        "right": [
            schedule(
                "return '0' * counts[0] if len(counts) == 1 else "
                "(schedule(counts[:-1]) + str(len(counts) - 1)) * counts[-1]"
            ),
            """
def schedule(counts):
    order, done = [], [0] * len(counts)
    clock = 0
    total = counts[0] if len(counts) == 1 else None
    def go(level):
        for _ in range(counts[level]):
            if level:
                go(level - 1)
            order.append(str(level))
    go(len(counts) - 1)
    return "".join(order)
""",
        ],
        "wrong": [
            (
                schedule(
                    "T, *more = counts[::-1]; o = '0' * T\n    for i, n in enumerate(more, 1): o = (o + str(i)) * n\n"
                    "    return o"
                ),
                "other way round",
            ),
            (
                schedule(
                    "o = '0' * counts[0]\n    for i, n in enumerate(counts[1:], 1): o = o * n + str(i)\n    return o"
                ),
                "once in *each* repetition",
            ),
            (
                schedule(
                    "o = '0' * counts[0]\n    for i, n in enumerate(counts[1:], 1): o = (str(i) + o) * n\n    return o"
                ),
                "after the fast ones",
            ),
            (schedule("return ('0' * counts[0] + '1') * counts[1]"), "IndexError"),
        ],
        "sly": [
            (
                schedule(
                    "T, N, K = [*counts, 1, 1][:3]; o = '0' * T\n    if len(counts) > 1: o = (o + '1') * N\n"
                    "    if len(counts) > 2: o = (o + '2') * K\n    return o"
                ),
                "whole order of the clocks below",
            ),
            (
                schedule(
                    "o = '0' * counts[0]\n    for i, n in enumerate(counts[1:], 1): o = (o + str(i)) * max(n, 2)\n"
                    "    return o"
                ),
                "as often as its own count",
            ),
            (
                schedule(
                    "o = '0' * counts[0]\n    for i, n in enumerate(counts[1:], 1): o = (o + str(min(i, 2))) * n\n"
                    "    return o"
                ),
                "the order is another one",
            ),
        ],
    },
    "task-2": {
        "name": "run",
        "right": [
            run(copy="[one.clone() for one in states]"),
            """
def run(nets, states, x, order):
    zero = torch.zeros_like(x)
    z = [x, *states, zero]
    for i in map(int, order):
        z[i + 1] = nets[i](z[i] + z[i + 1] + z[i + 2])
        z[0] = x
    return z[1:-1]
""",
        ],
        "wrong": [
            (run(x="0"), "input x is missing"),
            (run(fast="0"), "slower clock's state is missing"),
            (run(x="x"), "only the fastest clock does"),
            (run(slow="0"), "should give 2 + 4 + 1"),
            (OLD, "misprint"),
            (run(back="z[-1:]"), "list of the two states"),
        ],
        "sly": [
            (run(fast="(z[i + 1] if i == 0 and len(z) > 1 else 0)"), "above and below"),
            (run(slow="(z[0] if i else 0)"), "order 001001200"),
            (run(fast="(z[-1] if i + 1 < len(z) else 0)"), "order 001001200"),
            (run().replace("map(int, order)", "map(int, order[:9])"), "it is not HRM's loop"),
        ],
    },
    "task-3": {
        "name": "kicks",
        "right": [
            kicks("lengths[i + 1] / lengths[i - 1]", test=BOTH),
            """
def kicks(lengths, order):
    found, at = [], order.find("010")
    while at >= 0:
        found.append(lengths[at + 2] / lengths[at])
        at = order.find("010", at + 1)
    return torch.as_tensor(found)
""",
        ],
        "wrong": [
            (kicks("lengths[i - 1] / lengths[i + 1]"), "divided by the length after"),
            (kicks("lengths[i] / lengths[i - 1]"), "with the fast one before it"),
            (kicks("lengths[i + 1] / lengths[i]"), "with the slow one before it"),
            (kicks("lengths[i + 1] / lengths[i - 1]", test="True"), "the kicks are"),
        ],
        "sly": [
            (kicks("lengths[i + 1] / lengths[i - 1]"), "in a row"),
            (kicks("lengths[i + 1] / lengths[i - 1]", "0"), "no fast step on one side"),
            (kicks("lengths[(i + 1) % len(lengths)] / lengths[i - 1]", "0", "len(order)"), "no fast step on one side"),
        ],
    },
    "task-4": {
        "name": "cycle_matrix",
        "right": [
            cycle(GOOD),
            """
def cycle_matrix(a, b, c, d, T):
    def go(h, l):
        for _ in range(T):
            l = a * l + b * h
        return [c * h + d * l, l]
    return torch.tensor([go(1.0, 0.0), go(0.0, 1.0)]).T


def per_step(a, b, c, d, T):
    M = cycle_matrix(a, b, c, d, T)
    half, inside = M.trace().item() / 2, M.trace().item() ** 2 / 4 - torch.linalg.det(M).item()
    return max(abs(half + complex(inside) ** 0.5), abs(half - complex(inside) ** 0.5)) ** (1 / (T + 1))
""",
        ],
        "wrong": [
            (cycle("[[r, b * s], [d * r, c + d * b * s]]"), "Asked for is z_H first"),
            (cycle("[[c, d], [b * s, r]]"), "reads the old z_L"),
            (cycle("[[c, d], [b * s * c, r + b * s * d]]"), "steps first"),
            (cycle("[[c + d * b, d * a], [b, a]]"), "T makes no difference"),
            (cycle("[[c + d * b * T, d * r], [b * T, r]]"), "takes z_H in twice"),
        ],
        "sly": [
            (cycle(GOOD, EIGEN + ".abs().max()"), "a cycle has T + 1 steps"),
            (cycle(GOOD, EIGEN + ".abs().max() ** (1 / T)"), "a cycle has T + 1 steps"),
            (cycle(GOOD, EIGEN + ".real.max().clamp(min=0) ** (1 / (T + 1))"), "complex ones included"),
            (cycle(GOOD).replace("T if a == 1 else ", ""), "division by zero"),
            (cycle(GOOD).replace("a ** T", "a ** min(T, 2)"), "hold for every T"),
            (cycle(GOOD).replace("r = a ** T", "r = abs(a) ** T"), "by hand, a cycle does something else"),
        ],
    },
    "task-5": {
        "name": "left_over",
        "right": [
            left(),
            """
def left_over(f, z1, z2, push, steps):
    both, found = [z1, z2], torch.zeros(steps)
    for i in range(steps):
        both = [f(z + push) for z in both]
        found[i] = ((both[0] - both[1]) ** 2).sum().sqrt() / ((z1 - z2) ** 2).sum().sqrt()
    return found
""",
        ],
        "wrong": [
            (left(value="d"), "s a share of the distance at the start"),
            (left(keep="start = d"), "one step before"),
            (left().replace("    return found", "    return [1.0] + found"), "leave the start out"),
            (left("f(z1 + push), f(z2)"), "halves every distance"),
            (left("f(z1) + push, f(z2)"), "halves every distance"),
        ],
        "sly": [
            (left("f(z1), f(z2)"), "same push at each step"),
            (
                left().replace(
                    "torch.linalg.vector_norm(z1 - z2)",
                    "torch.linalg.matrix_norm((z1 - z2).reshape(-1, z1.shape[-1]), 2)",
                ),
                "one distance for the whole tensor",
            ),
            (left(keep="push = 0 * push"), "same push at each step"),
        ],
    },
    "task-6": {
        "name": "counts",
        "right": [
            counts(),
            """
def counts(cycles, steps, worker_layers, controller_layers, segments):
    order = ("L" * steps + "H") * cycles * segments
    size = {"L": worker_layers, "H": controller_layers}
    return {"worker": order.count("L"), "controller": order.count("H"), "blocks": sum(map(size.get, order)),
            "gradient": sum(map(size.get, order[-2:]))}
""",
        ],
        "wrong": [
            (counts(worker="N * T", controller="N"), "steps of one segment"),
            (counts(controller="N * T * M"), "once in a cycle"),
            (counts(blocks="N * T * M * w"), "blocks are applied as well"),
            (counts(blocks="(N * T * M + N * M) * (w + c)"), "ot every step applies"),
            (counts(gradient="T * w + c"), "whatever N and T"),
            (counts(gradient="M * (w + c)"), "you say 18 blocks"),
        ],
        "sly": [
            (counts(blocks="N * M * (3 * w + c)"), "with other N, T and layers"),
            (counts(gradient="9"), "with other N, T and layers"),
            (counts(worker="6 * M"), "with other N, T and layers"),
        ],
    },
}
