"""Answers to assignment 1, fixed points."""

SETTLE = """
def settle(f, z, tolerance=1e-8, most=1000):
    for steps in range(1, most + 1):
        before, z = z, f(z)
        if {test}:
            return z, {steps}, True
    return z, most, {end}
"""
LENGTH = "(z - before).norm() <= tolerance"


def settle(test=LENGTH, steps="steps", end="False"):
    return SETTLE.format(test=test, steps=steps, end=end)


PERIOD = """
def period(f, z, burn=2000, most=64):
    for _ in range(burn):
        z = f(z)
    states = [z]
    for _ in range(most):
        states.append(f(states[-1]))
    for p in {order}:
        if {test}:
            return p
    return {none}
"""


def period(order="range(1, most + 1)", test="(states[p] - z).norm() <= 1e-6", none="0"):
    return PERIOD.format(order=order, test=test, none=none)


def newton(step, J="torch.func.jacrev(f)(z)"):
    return f"""
def newton(f, z, steps):
    I = torch.eye(len(z), dtype=z.dtype)
    for _ in range(steps):
        J = {J}
        z = {step}
    return z
"""


STEP = "z + torch.linalg.solve(I - J, f(z) - z)"


def rate(value):
    return f"""
def rate(lengths):
    half = lengths[len(lengths) // 2:]
    quotients = half[1:] / half[:-1]
    return {value}
"""


def ends(take="arrived and all((z - other).norm() >= 1e-3 for other in found)", keep="z", most=2000, none="starts[:0]"):
    return f"""
def ends(f, starts):
    found = []
    for start in starts:
        z, _, arrived = settle(f, start, 1e-8, {most})
        if {take}:
            found.append({keep})
    return torch.stack(found) if found else {none}
"""


def contracting(value):
    return f"""
def contracting(W, factor):
    norm = torch.linalg.svdvals(W)[0]
    return {value}
"""


TASKS = {
    "task-1": {
        "name": "settle",
        "right": [
            settle("((z - before) ** 2).sum() <= tolerance ** 2"),
            """
def settle(f, z, tolerance=1e-8, most=1000):
    steps, length = 0, math.inf
    while steps < most and length > tolerance:
        new = f(z)
        length, steps, z = torch.linalg.vector_norm(new - z), steps + 1, new
    return z, steps, bool(length <= tolerance)
""",
        ],
        "wrong": [
            (settle(steps="steps - 1"), "counts, too"),
            (settle(end="True"), "Running out of steps is no arrival"),
            (settle("(z - before).norm() ** 2 <= tolerance"), "compared with the tolerance"),
            (settle().replace("return z, steps", "return before, steps"), "the last that was computed"),
        ],
        "sly": [
            (settle("(z - before).abs().max() <= tolerance"), "of the whole tensor"),
            (settle("(z - before).norm() < tolerance"), "short enough counts as arrived"),
            (settle("steps > 1 and (z - before).norm() <= tolerance"), "at rest already takes one evaluation"),
        ],
    },
    "task-2": {
        "name": "period",
        "right": [
            period(test="((states[p] - states[0]) ** 2).sum() ** 0.5 <= 1e-6"),
            """
def period(f, z, burn=2000, most=64):
    for _ in range(burn):
        z = f(z)
    first, p = z, 0
    while p < most:
        z, p = f(z), p + 1
        if torch.linalg.vector_norm(z - first) <= 1e-6:
            return p
    return 0
""",
        ],
        "wrong": [
            (period(order="range(most, 0, -1)"), "The smallest p"),
            (period(test="(states[p] - states[p - 1]).norm() <= 1e-6"), "not only with the one before"),
            (period(order="range(most + 1)"), "Rest is period 1"),
            (period(order="range(2, most + 1)"), "and you say 2"),
            (period(none="1", test="(states[p] - z).norm() <= 1e-6 and p == 1"), "each step is a long one"),
        ],
        "sly": [
            (period(order="(1, 2, 4, 8, 16, 32, 64)"), "need not be a power of two"),
            (period(test="(states[p] - z)[0].abs() <= 1e-6"), "has to be back"),
            (period(test="abs(states[p].norm() - z.norm()) <= 1e-6"), "all of them have to be"),
            (period(order="range(1, 65)").replace("range(most)", "range(64)"), "says how long a period is looked for"),
        ],
    },
    "task-3": {
        "name": "newton",
        "right": [
            newton("torch.linalg.solve(I - J, f(z) - J @ z)"),
            newton("z - torch.linalg.inv(J - I) @ (f(z) - z)", "torch.autograd.functional.jacobian(f, z)"),
            newton(STEP, "torch.stack([(f(z + 1e-6 * e) - f(z - 1e-6 * e)) / 2e-6 for e in I], 1)"),
        ],
        "wrong": [
            (newton("f(z)"), "where the iteration goes"),
            (newton("z - torch.linalg.solve(I - J, f(z) - z)"), "in the wrong direction"),
            (newton("z + torch.linalg.solve(J, f(z) - z)"), "Is it I − J"),
            (newton("z + torch.linalg.solve(I - J.T, f(z) - z)"), "that is the step with Jᵀ"),
            (newton("z + (f(z) - z) / (1 - J.diagonal())"), "J is a matrix"),
        ],
        "sly": [
            (newton(STEP).replace("range(steps)", "range(min(steps, 1))"), "one step is not enough"),
            (newton(STEP, "torch.func.jacrev(f)(torch.zeros_like(z))"), "tangent at 3"),
        ],
    },
    "task-4": {
        "name": "rate",
        "right": [
            rate("quotients.log().mean().exp()"),
            rate("quotients.prod() ** (1 / len(quotients))"),
            rate("float(half[-1] / half[0]) ** (1 / (len(half) - 1))"),
        ],
        "wrong": [
            (rate("half[-1] / half[0]"), "How much is it for one?"),
            (rate("(half[0] / half[-1]) ** (1 / (len(half) - 1))"), "have a rate below 1"),
            (rate("(half[-1] / half[0]) ** (1 / len(half))"), "nineteen steps"),
            (rate("quotients[-1]"), "One quotient says little"),
            (rate("1 - quotients.mean()"), "and you say"),
        ],
        "sly": [
            (rate("(lengths[-1] / lengths[0]) ** (1 / (len(lengths) - 1))"), "they should not count"),
            (rate("(quotients.log().mean().exp()).clamp(max=1)"), "have a rate above 1"),
        ],
    },
    "task-5": {
        "name": "ends",
        "right": [
            ends(most=1999),
            """
def ends(f, starts):
    rows = torch.zeros(0, starts.shape[1], dtype=starts.dtype)
    for z in starts:
        for _ in range(2000):
            before, z = z, f(z)
        if (z - before).norm() < 1e-8 and not ((rows - z).norm(dim=1) < 1e-3).any():
            rows = torch.cat([rows, z[None]])
    return rows
""",
        ],
        "wrong": [
            (ends("arrived"), "differ in the last digits only"),
            (ends("arrived and not any(torch.equal(z, other) for other in found)"), "differ in the last digits only"),
            (ends("arrived and not found", "start"), "comes to rest at 2"),
            (ends(most=3), "you return 0"),
            (ends("arrived and not found"), "you return 1 of them"),
        ],
        "sly": [
            (ends("all((z - other).norm() >= 1e-3 for other in found)"), "swings between 4 and −4"),
            (ends(none="starts"), "a tensor without rows"),
            (ends("arrived and all((z - other)[0].abs() >= 1e-3 for other in found)"), "has four ends"),
        ],
    },
    "task-6": {
        "name": "contracting",
        "right": [
            contracting("W if norm <= factor else W * factor / norm"),
            contracting("W * min(1.0, factor / float(norm))"),
        ],
        "wrong": [
            (contracting("W * factor / W.norm()"), "root of the sum of squares"),
            (contracting("W * factor"), "is multiplied by the factor"),
            (contracting("W / norm"), "should be 0.5 afterwards"),
            (contracting("W.clamp(-factor, factor)"), "scaled by one number"),
        ],
        "sly": [
            (contracting("W * factor / norm"), "should come back as it is"),
            (contracting("W if norm <= factor else W * factor / W.abs().sum(1).max()"), "how much it can lengthen"),
            (contracting("W * (factor / torch.linalg.eigvals(W).abs().max()).clamp(max=1)"), "small eigenvalues"),
        ],
    },
}
