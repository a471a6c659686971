"""Answers to assignment 2, blocks."""


def norm(value):
    return f"def rms_norm(x, eps=1e-5):\n    return {value}\n"


def rotate(
    first="torch.arange(s)",
    speed="theta ** (-2 * torch.arange(h // 2) / h)",
    a="a * c - b * n",
    b="b * c + a * n",
    pairs="x[:, : h // 2], x[:, h // 2 :]",
    whole="torch.cat([one, two], 1)",
):
    return f"""
def rotate(x, theta=10000.0):
    s, h = x.shape
    angle = torch.outer({first}.to(x), ({speed}).to(x))
    c, n = angle.cos(), angle.sin()
    a, b = {pairs}
    one, two = {a}, {b}
    return {whole}
"""


def attend(score="q @ k.T / q.shape[1] ** 0.5", mask="allowed", weight="score.softmax(1).nan_to_num()"):
    return f"""
def attend(q, k, v, allowed):
    score = ({score}).masked_fill(~({mask}), -math.inf)
    return {weight} @ v
"""


def neighbours(test="r == R or c == C or (r // b, c // b) == (R // b, C // b)", box="math.isqrt(side)", own="i != j"):
    return f"""
def neighbours(side):
    b, found = {box}, torch.zeros(side**2, side**2, dtype=torch.bool)
    for i in range(side**2):
        for j in range(side**2):
            (r, c), (R, C) = divmod(i, side), divmod(j, side)
            found[i, j] = bool(({test}) and {own})
    return found
"""


def candidates(left="d not in seen", filled="d == board[i]", start=1, who="near[i] & (board > 0)"):
    return f"""
def candidates(board):
    side = round(len(board) ** 0.5)
    near = neighbours(side)
    found = torch.zeros(side**2, side, dtype=torch.bool)
    for i in range(side**2):
        seen = set(board[{who}].tolist())
        for d in range(1, side + 1):
            found[i, (d - {start}) % side] = bool({filled} if board[i] else {left})
    return found
"""


def think(rounds="steps", sure="(board == 0) & (left.sum(1) == 1)", digit="left.int().argmax(1) + 1", keep="board"):
    return f"""
def think(board, steps):
    start = board
    for _ in range({rounds}):
        left = candidates({keep})
        sure = {sure}
        board = torch.where(sure, {digit}, board)
    return board
"""


IN_PLACE = """
def think(board, steps):
    board = board.clone()
    for _ in range(steps):
        for i in range(len(board)):
            left = candidates(board)[i]
            if board[i] == 0 and left.sum() == 1:
                board[i] = left.int().argmax() + 1
    return board
"""

TASKS = {
    "task-1": {
        "name": "rms_norm",
        "right": [
            norm("x * torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + eps)"),
            norm("x / torch.sqrt(torch.sum(x * x, -1, keepdim=True) / x.shape[-1] + eps)"),
        ],
        "wrong": [
            (norm("x / (x.norm(dim=-1, keepdim=True) + eps)"), "a longer vector stays longer"),
            (norm("x / (x.square().mean() + eps).sqrt()"), "all positions share one norm"),
            (norm("x / (x.square().mean(-1, keepdim=True) + eps)"), "root is missing"),
            (norm("(x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps)"), "takes the mean off"),
            (norm("x / (x.square().mean(-1, keepdim=True).sqrt() + eps)"), "where ε stands"),
        ],
        "sly": [
            (norm("x / (x.square().mean(1, keepdim=True) + eps).sqrt()"), "along the last axis"),
            (norm("x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()"), "whatever its value"),
        ],
    },
    "task-2": {
        "name": "rotate",
        "right": [
            rotate(speed="torch.exp(-math.log(theta) * 2 * torch.arange(h // 2) / h)"),
            """
def rotate(x, theta=10000.0):
    s, h = x.shape
    z = torch.complex(x[:, : h // 2].contiguous(), x[:, h // 2 :].contiguous())
    turn = torch.arange(s)[:, None] * theta ** (-2 * torch.arange(h // 2, dtype=x.dtype) / h)
    z = z * torch.polar(torch.ones_like(turn), turn)
    return torch.cat([z.real, z.imag], 1)
""",
        ],
        "wrong": [
            (rotate(first="torch.arange(1, s + 1)"), "is position 0"),
            (rotate(a="a * c + b * n", b="b * c - a * n"), "the other way"),
            (
                rotate(pairs="x[:, ::2], x[:, 1::2]", whole="torch.stack([one, two], 2).flatten(1)"),
                "neighbouring numbers",
            ),
            (rotate(first="torch.zeros(s)"), "turned by its position"),
        ],
        "sly": [
            (rotate(speed="theta ** (-torch.arange(h // 2) / h)"), "turn at different speeds"),
            (rotate(speed="torch.ones(h // 2)"), "turn at different speeds"),
            (rotate(speed="10000.0 ** (-2 * torch.arange(h // 2) / h)"), "depends on θ"),
        ],
    },
    "task-3": {
        "name": "attend",
        "right": [
            attend(),
            """
def attend(q, k, v, allowed):
    rows = []
    for i in range(len(q)):
        at = allowed[i].nonzero().flatten()
        weight = torch.softmax(k[at] @ q[i] / math.sqrt(q.shape[1]), 0)
        rows.append(weight @ v[at] if len(at) else torch.zeros_like(v[0]))
    return torch.stack(rows)
""",
        ],
        "wrong": [
            (attend(mask="allowed.T"), "the other way round"),
            (attend("q @ k.T"), "not divided by √h"),
            (attend("q @ k.T / q.shape[1]"), "by its root"),
            (attend(weight="((q @ k.T / q.shape[1] ** 0.5).softmax(1) * allowed)"), "do not add up to 1"),
            (attend(mask="allowed | True"), "makes no difference"),
            (attend(weight="score.softmax(0).nan_to_num()"), "weighs the same"),
        ],
        "sly": [
            (attend("q @ k.T / 2"), "torch's own attention"),
            (attend(weight="(score.exp() / score.exp().sum(1, keepdim=True).clamp(min=1e-30))"), "holds NaN"),
            (attend(weight="score.softmax(1)"), "holds NaN"),
            (attend(weight="torch.where(allowed, q @ k.T / q.shape[1] ** 0.5, -100.0).softmax(1)"), "may look at"),
        ],
    },
    "task-4": {
        "name": "neighbours",
        "right": [
            neighbours(),
            """
def neighbours(side):
    b, eye, one = math.isqrt(side), torch.eye, torch.ones
    rows = torch.kron(eye(side), one(side, side))
    columns = torch.kron(one(side, side), eye(side))
    boxes = torch.kron(torch.kron(eye(b), one(b, b)), torch.kron(eye(b), one(b, b)))
    return ((rows + columns + boxes) > 0) & (eye(side * side) == 0)
""",
        ],
        "wrong": [
            (neighbours(own="True"), "not its own neighbour"),
            (neighbours("r == R or c == C"), "forget its box"),
            (neighbours("r == R or c == C or (r // b == R // b)"), "seven neighbours"),
            (neighbours("r == R or c == C or (r % b, c % b) == (R % b, C % b)"), "not where they should be"),
        ],
        "sly": [(neighbours(box="2"), "not for a larger one"), (neighbours(box="side // 2"), "not for a larger one")],
    },
    "task-5": {
        "name": "candidates",
        "right": [
            candidates(),
            """
def candidates(board):
    side = round(len(board) ** 0.5)
    hot = torch.nn.functional.one_hot(board, side + 1).float()
    free = (neighbours(side).float() @ hot)[:, 1:] == 0
    return torch.where((board > 0)[:, None], hot[:, 1:] > 0, free)
""",
        ],
        "wrong": [
            (candidates("d in seen"), "are crossed out"),
            (candidates(filled="d not in seen"), "1 is all that can stand there"),
            (candidates(filled="False"), "1 is all that can stand there"),
            (candidates(start=0), "you leave it a 1"),
            (
                candidates(who="near[i] & (board > 0) & (torch.arange(len(board)) // side == i // side)"),
                "which leaves 4",
            ),
        ],
        "sly": [
            (candidates("d not in seen or len(seen) == side"), "for which nothing is left"),
            (candidates(who="near[i] & (board > 0) & (board < 5)"), "nine by nine"),
            (
                candidates().replace(
                    "neighbours(side)", "neighbours(4) if side == 4 else torch.zeros(side**2, side**2).bool()"
                ),
                "nine by nine",
            ),
        ],
    },
    "task-6": {
        "name": "think",
        "right": [
            think(digit="(left * torch.arange(1, left.shape[1] + 1)).sum(1)"),
            """
def think(board, steps):
    if steps == 0:
        return board
    left, after = candidates(board), board.clone()
    for i in range(len(board)):
        if board[i] == 0 and left[i].sum() == 1:
            after[i] = left[i].nonzero()[0, 0] + 1
    return think(after, steps - 1)
""",
        ],
        "wrong": [
            (IN_PLACE, "Does a round see what it has just filled"),
            (think(digit="left.int().argmax(1)"), "one too small"),
            (think(sure="(board == 0) & left.any(1)"), "more than one candidate"),
            (think(keep="start"), "second round does nothing"),
            (think(rounds="steps - 1"), "should hold 4"),
        ],
        "sly": [
            (think(rounds="min(steps, 2)"), "How many rounds"),
            (think(sure="(board == 0) & (left.sum(1) <= 1)"), "breaks a rule"),
            (think(rounds="max(steps, 1)"), "How many rounds"),
        ],
    },
}
