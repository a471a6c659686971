"""Answers to assignment 4, the one-step gradient."""


def one(value, before="pass"):
    return f"def one_step(step, z, theta, v):\n    {before}\n    return {value}\n"


def implicit(value="torch.linalg.solve((I - J).T, v) @ B"):
    return f"""
def implicit(step, z, theta, v):
    J, B = torch.autograd.functional.jacobian(step, (z, theta))
    I = torch.eye(len(z), dtype=z.dtype)
    return {value}
"""


def truncated(test="i >= steps - last", run="steps", cut="z.detach()", back="torch.autograd.grad(z, t, v)[0]"):
    return f"""
def truncated(step, z, theta, v, steps, last):
    t = theta.clone().requires_grad_()
    for i in range({run}):
        if not ({test}):
            z = step({cut}, theta)
        else:
            z = step(z, t)
    return {back}
"""


def compare(
    cosine="(a @ b / (a.norm() * b.norm())).nan_to_num(0.0)",
    ratio="a.norm() / b.norm() if b.norm() else 0.0",
    order="cosine, ratio",
):
    return f"""
def compare(a, b):
    first, second = a, b
    a, b = torch.cat([x.reshape(-1) for x in a]), torch.cat([x.reshape(-1) for x in b])
    cosine, ratio = float({cosine}), float({ratio})
    return {order}
"""


def descend(start="z", v="z - target", sign="-", detach=".detach()", at="before"):
    return f"""
def descend(step, z, theta, target, rate, updates, between):
    first = z
    for _ in range(updates):
        z = {start}
        t = theta.detach().clone().requires_grad_()
        for i in range(between):
            before = z{detach}
            z = step(before, t)
        v = ({v}).detach()
        theta = theta {sign} rate * torch.autograd.grad(z, t, v)[0]
        z = z.detach()
    return theta
"""


def batch(weights="4 * weights", one="2", cycle="steps + 1", full="cycles * (steps + 1)", rest="max(0, left // row)"):
    return f"""
def largest_batch(budget, weights, per_step, cycles, steps, gradient):
    seen = {{"one_step": {one}, "last_cycle": {cycle}, "full": {full}}}[gradient]
    left, row = budget - {weights}, per_step * seen
    return {rest}
"""


TASKS = {
    "task-1": {
        "name": "one_step",
        "right": [
            one("v @ torch.func.jacrev(step, 1)(z, theta)"),
            one("torch.func.vjp(lambda t: step(z, t), theta)[1](v)[0]"),
            one(
                "torch.stack([(step(z, theta + h) - step(z, theta - h)) @ v / 2e-6 for h in "
                "1e-6 * torch.eye(len(theta)).to(theta)])"
            ),
        ],
        "wrong": [
            (one("torch.func.jacrev(step, 1)(z, theta).sum(0)"), "v is missing"),
            (one("v @ torch.func.jacrev(step, 0)(z, theta)"), "is the derivative by z"),
            (one("torch.func.jacrev(lambda t: (v * step(z, t)).mean())(theta)"), "a mean in place of a sum"),
            (one("v.sum() * torch.func.jacrev(step, 1)(z, theta).sum(0)"), "3 · 2 + 1 · 7"),
        ],
        "sly": [
            (one("torch.stack([(v * z).sum(), v.sum()])"), "has the shape"),
            (one("v @ torch.func.jacrev(step, 1)(0 * z, theta) + torch.cat([(v @ z)[None], 0 * theta[1:]])"), "is off"),
            (one("v @ torch.func.jacrev(step, 1)(z, 0 * theta)"), "is off"),
        ],
    },
    "task-2": {
        "name": "implicit",
        "right": [
            implicit(),
            implicit("v @ torch.linalg.solve(I - J, B)"),
            implicit("sum(v @ torch.linalg.matrix_power(J, k) for k in range(300)) @ B"),
        ],
        "wrong": [
            (implicit("v @ B"), "first term of the series"),
            (implicit("torch.linalg.solve((J - I).T, v) @ B"), "with the wrong sign"),
            (implicit("(v + v @ J) @ B"), "first two terms"),
            (implicit("v @ (I - J) @ B"), "should be divided by it"),
            (implicit("torch.linalg.solve(I - J, v) @ B"), "meets the transpose"),
        ],
        "sly": [
            (implicit("torch.linalg.solve((I - J.triu()).T, v) @ B"), "s not symmetric"),
            (implicit("torch.linalg.solve((I - J).T, v) @ B if len(z) < 3 else v @ B"), "s not symmetric"),
            (implicit("v @ torch.linalg.solve(I - torch.tanh(J).round(decimals=1), B)"), "s not symmetric"),
        ],
    },
    "task-3": {
        "name": "truncated",
        "right": [
            truncated(),
            """
def truncated(step, z, theta, v, steps, last):
    states = [z]
    for _ in range(steps):
        states.append(step(states[-1], theta))
    total = torch.zeros_like(theta)
    for z in states[-2 : -2 - min(last, steps) : -1]:
        total = total + v @ torch.func.jacrev(step, 1)(z, theta)
        v = v @ torch.func.jacrev(step, 0)(z, theta)
    return total
""",
        ],
        "wrong": [
            (truncated(test="i < last", cut="z"), "is the first step"),
            (truncated(test="True"), "through all three steps"),
            (truncated(run="steps + 1", test="i > steps - last"), "one step too many"),
            (
                """
def truncated(step, z, theta, v, steps, last):
    for _ in range(steps):
        before, z = z, step(z, theta)
    return one_step(step, before, theta, v)
""",
                "nothing is added",
            ),
            (truncated(test="i >= steps - last and steps >= last"), "fails with"),
        ],
        "sly": [
            (
                """
def truncated(step, z, theta, v, steps, last):
    states = [z]
    for _ in range(steps):
        states.append(step(states[-1], theta))
    total, J = 0 * theta, torch.func.jacrev(step, 0)(states[-1], theta)
    for z in states[-2 : -2 - min(last, steps) : -1]:
        total = total + v @ torch.func.jacrev(step, 1)(z, theta)
        v = v @ J
    return total
""",
                "is off",
            ),
            (
                """
def truncated(step, z, theta, v, steps, last):
    states = [z]
    for _ in range(steps):
        states.append(step(states[-1], theta))
    total = 0 * theta
    for z in states[-2 : -2 - min(last, steps) : -1]:
        total = total + v @ torch.func.jacrev(step, 1)(z, theta)
        v = torch.func.jacrev(step, 0)(z, theta) @ v
    return total
""",
                "is off",
            ),
            (truncated(test="i >= steps - min(last, 3)"), "steps and the last"),
        ],
    },
    "task-4": {
        "name": "compare",
        "right": [
            compare(),
            """
def compare(a, b):
    dot = sum((x * y).sum().item() for x, y in zip(a, b))
    aa, bb = (math.sqrt(sum((x * x).sum().item() for x in one)) for one in (a, b))
    return [dot / (aa * bb) if aa and bb else 0, aa / bb if bb else 0]
""",
        ],
        "wrong": [
            (compare(order="ratio, cosine"), "wrong order"),
            (
                compare(
                    "sum((x.flatten() @ y.flatten() / (x.norm() * y.norm())).nan_to_num(0.0) for x, y in "
                    "zip(first, second)) / len(first)"
                ),
                "mean of the cosines",
            ),
            (compare("a @ b"), "scalar product; divided"),
            (compare(ratio="b.norm() / a.norm() if a.norm() else 0.0"), "upside down"),
        ],
        "sly": [
            (compare("a @ b / (a.norm() * b.norm())"), "NaN"),
            (compare(ratio="a.norm() / b.norm().clamp(min=1e-12)"), "ratio is 0 if b is zero"),
            (compare("(a.abs() @ b.abs() / (a.norm() * b.norm())).nan_to_num(0.0)"), "different shapes"),
            (compare(ratio="a[-3:].norm() / b[-3:].norm() if b.norm() else 0.0"), "different shapes"),
        ],
    },
    "task-5": {
        "name": "descend",
        "right": [
            descend(),
            """
def descend(step, z, theta, target, rate, updates, between):
    for _ in range(updates):
        for _ in range(between - 1):
            z = step(z, theta)
        B = torch.func.jacrev(step, 1)(z, theta)
        z = step(z, theta)
        theta = theta - rate * (z - target) @ B
    return theta
""",
        ],
        "wrong": [
            (descend(sign="+"), "against the gradient"),
            (descend(v="before - target"), "before the step"),
            (descend(detach=""), "through all the steps in between"),
            (descend(start="first"), "begins at the first state again"),
            (descend(v="2 * (z - target)"), "yours goes to"),
        ],
        "sly": [
            (descend().replace("range(updates)", "range(min(updates, 20))"), "60 updates of 2 steps"),
            (descend().replace("torch.autograd.grad(z, t, v)[0]", "v"), "updates of"),
            (descend(v="(z - target).sum().expand_as(z)"), "updates of"),
        ],
    },
    "task-6": {
        "name": "largest_batch",
        "right": [
            batch(),
            """
def largest_batch(budget, weights, per_step, cycles, steps, gradient):
    order = ("L" * steps + "H") * cycles
    seen = len(order) if gradient == "full" else len(order) // cycles if gradient == "last_cycle" else 2
    rows = 0
    while 4 * weights + (rows + 1) * seen * per_step <= budget:
        rows += 1
    return rows
""",
        ],
        "wrong": [
            (batch("0"), "take no room"),
            (batch("weights"), "are counted once"),
            (batch(one="1"), "sees two steps"),
            (batch(cycle="steps"), "step of the controller, too"),
            (batch(full="cycles * steps"), "controller's N steps as well"),
            (batch(rest="left / row"), "no half one"),
            (batch(rest="round(left / row)"), "no half one"),
        ],
        "sly": [
            (batch(rest="left // row"), "no row does"),
            (batch(full="2 * (steps + 1)"), "counted one by one"),
            (batch(cycle="4"), "counted one by one"),
        ],
    },
}
