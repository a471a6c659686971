"""Answers to assignment 5, deep supervision and halting."""


def halt(first="h > c and m >= least[i]", last="most", shift="m", order="range(1, most + 1)"):
    return f"""
def halt_at(q_halt, q_continue, least):
    most, found = q_halt.shape[1], []
    for i in range(len(q_halt)):
        at = {last}
        for m in {order}:
            h, c = q_halt[i, m - 1], q_continue[i, m - 1]
            if {first}:
                at = {shift}
                break
        found.append(at)
    return torch.tensor(found)
"""


def least(longer="torch.randint(2, most + 1, (rows,))", test="torch.rand(rows) < epsilon", one="1", first="pass"):
    return f"""
def draw_least(rows, most, epsilon):
    {first}
    longer = {longer}
    return torch.where({test}, longer, {one})
"""


def targets(
    halt="right[:, :-1].double()",
    go="torch.maximum(h, c)[:, 1:]",
    last="h[:, -1]",
    sigmoid="sigmoid()",
    order="halt, go",
):
    return f"""
def targets(q_halt, q_continue, right):
    h, c = q_halt, q_continue
    halt, go = {halt}, ({go}).clone()
    go[:, -1] = {last}
    go = go.{sigmoid}
    return {order}
"""


def carried(need="int(needs[q])", empty="-1", order="range(rows)", free="until[i] <= step"):
    return f"""
def carried(needs, rows, steps):
    until, row, q, found = [0] * rows, [-1] * rows, 0, []
    for step in range(steps):
        for i in {order}:
            if {free}:
                if q < len(needs):
                    row[i], until[i] = q, step + {need}
                    q += 1
                else:
                    row[i] = {empty}
        found.append(list(row))
    return torch.tensor(found)
"""


def trade(
    stops="q_halt > margin",
    at="torch.where(s.any(1), s.int().argmax(1), s.shape[1] - 1)",
    segments="at + 1.0",
    solved="right[torch.arange(len(at)), at].double()",
    pick="slice(None)",
    order="[n, r]",
    mean="mean()",
):
    return f"""
def trade(q_halt, right, margins):
    found = []
    for margin in margins:
        s = {stops}
        at = {at}
        rows = {pick}
        n, r = ({segments})[rows].{mean}, ({solved})[rows].{mean}
        found.append(torch.stack({order}).double())
    return torch.stack(found)
"""


def verdicts(early="any(row[m:])", late="any(row)", m="int(m)", share="1 / len(stop)", now="row[m - 1]"):
    return f"""
def verdicts(stop, right):
    found = dict.fromkeys(("right", "early", "late", "never"), 0.0)
    for m, row in zip(stop, right.tolist()):
        m = {m}
        kind = "right" if {now} else "early" if {early} else "late" if {late} else "never"
        found[kind] += {share}
    return found
"""


TASKS = {
    "task-1": {
        "name": "halt_at",
        "right": [
            halt(),
            """
def halt_at(q_halt, q_continue, least):
    most = q_halt.shape[1]
    at = torch.full((len(q_halt),), most)
    for m in range(most, 0, -1):
        stops = (q_halt[:, m - 1] > q_continue[:, m - 1]) & (least <= m)
        at = torch.where(stops, m, at)
    return at
""",
        ],
        "wrong": [
            (halt(shift="m - 1", last="most - 1"), "one too small"),
            (halt(order="range(most, 0, -1)"), "not the last"),
            (halt(last="1"), "never has a reason"),
            (halt("h > c"), "`least` makes no difference"),
            (halt("h > c", shift="max(m, int(least[i]))"), "before its least segment. It has none"),
            (halt("h >= c and m >= least[i]"), "has to be the larger"),
        ],
        "sly": [
            (halt("h > 0 and m >= least[i]"), "halt elsewhere"),
            (halt("h > c and m >= min(int(least[i]), 2)"), "halt elsewhere"),
            (halt("h - c > 0.5 and m >= least[i]"), "halt elsewhere"),
        ],
    },
    "task-2": {
        "name": "draw_least",
        "right": [
            least(longer="2 + torch.floor(torch.rand(rows) * (most - 1)).long()"),
            """
def draw_least(rows, most, epsilon):
    return [random.randint(2, most) if random.random() < epsilon else 1 for _ in range(rows)]
""",
        ],
        "wrong": [
            (least("torch.randint(1, most + 1, (rows,))"), "may halt after one"),
            (least("torch.randint(2, most, (rows,))"), "itself never comes up"),
            (least(test="torch.rand(rows) > epsilon"), "nothing is explored"),
            (least("torch.randint(2, most + 1, (1,)).expand(rows)"), "each row draws for itself"),
            (least("torch.randint(2, most + 2, (rows,))"), "cannot be reached"),
            (least(test="torch.rand(1).expand(rows) < epsilon"), "half of the rows"),
        ],
        "sly": [
            (least("torch.randint(2, most + 1, (2, rows)).max(0).values"), "too often or too seldom"),
            (least(first="torch.manual_seed(7)"), "chance repeat itself"),
            (least("torch.randint(2, min(most, 5) + 1, (rows,))"), "and is M_max"),
        ],
    },
    "task-3": {
        "name": "targets",
        "right": [
            targets(),
            """
def targets(q_halt, q_continue, right):
    h, c = torch.sigmoid(q_halt), torch.sigmoid(q_continue)
    go = [torch.maximum(h[:, m], c[:, m]) if m + 1 < h.shape[1] else h[:, m] for m in range(1, h.shape[1])]
    return [right[:, :-1].float(), torch.stack(go, 1)]
""",
        ],
        "wrong": [
            (targets(order="go, halt"), "first the target of halting"),
            (targets("right[:, 1:].double()"), "is the next one's"),
            (targets(last="torch.maximum(h, c)[:, -1]"), "only its Q_halt counts"),
            (targets(sigmoid="clone()"), "is their sigmoid"),
            (targets(go="torch.maximum(h, c)[:, :-1]", last="torch.maximum(h, c)[:, -2]"), "promises itself"),
            (targets(go="h[:, 1:]"), "the larger of the two"),
            (targets("right.double()"), "one column less"),
        ],
        "sly": [
            (targets("(right & (h > -1.5))[:, :-1].double()"), "whatever the head says"),
            (
                targets()
                .replace("go[:, -1] =", "go[:, min(1, go.shape[1] - 1)] =")
                .replace("h[:, -1]", "h[:, min(2, h.shape[1] - 1)]"),
                "is off: it looks at the next",
            ),
            (
                targets(go="torch.where(right[:, :-1], torch.maximum(h, c)[:, 1:], torch.minimum(h, c)[:, 1:])"),
                "is off: it looks at the next",
            ),
        ],
    },
    "task-4": {
        "name": "carried",
        "right": [
            carried(),
            """
def carried(needs, rows, steps):
    waiting, working, found = list(enumerate(needs.tolist())), {}, []
    for _ in range(steps):
        for row in range(rows):
            if row not in working and waiting:
                working[row] = waiting.pop(0)
        found.append([working[row][0] if row in working else -1 for row in range(rows)])
        working = {row: (i, n - 1) for row, (i, n) in working.items() if n > 1}
    return found
""",
        ],
        "wrong": [
            (
                carried(free="idle").replace("        for i", "        idle = max(until) <= step\n        for i"),
                "leaves after it",
            ),
            (carried(need="int(needs[q]) + (q == 2)"), "too many or too few"),
            (carried(empty="0"), "are (0, 1), (2, 1)"),
            (carried(need="1"), "yours are"),
            (carried(order="(range(rows) if step == 0 else reversed(range(rows)))"), "the first row takes it"),
        ],
        "sly": [
            (carried(order="(range(rows) if rows < 4 else reversed(range(rows)))"), "come free together"),
            (carried(need="min(int(needs[q]), 3)"), "works on something else"),
            (carried(empty="-1 if step > 2 else q"), "works on something else"),
        ],
    },
    "task-5": {
        "name": "trade",
        "right": [
            trade(),
            """
def trade(q_halt, right, margins):
    rows = []
    for margin in margins:
        at = [next((m for m, q in enumerate(row) if q > margin), len(row) - 1) for row in q_halt.tolist()]
        rows.append([sum(at) / len(at) + 1, sum(float(right[i, m]) for i, m in enumerate(at)) / len(at)])
    return rows
""",
        ],
        "wrong": [
            (trade(order="[r, n]"), "first the segments"),
            (trade(segments="at + 0.0"), "they are counted from 1"),
            (trade(mean="sum()"), "mean is asked for"),
            (trade(solved="right[:, -1].double()"), "keeps the answer it had"),
            (trade(stops="q_halt > 0"), "makes no difference"),
            (trade("q_halt < margin"), "solves half of them"),
        ],
        "sly": [
            (
                trade(solved="torch.stack([row[m:].all() | row[m] for row, m in zip(right, at)]).double() * (at < 5)"),
                "share of right answers is off",
            ),
            (trade(segments="(at + 1.0).clamp(max=3)"), "number of segments is off"),
            (trade(stops="q_halt >= margin if margin > 5 else q_halt > abs(margin)"), "is off on random rows"),
        ],
    },
    "task-6": {
        "name": "verdicts",
        "right": [
            verdicts(),
            """
def verdicts(stop, right):
    now = right[torch.arange(len(stop)), stop.long() - 1]
    later = torch.stack([row[m:].any() for row, m in zip(right, stop.long().tolist())])
    ever = right.any(1)
    kinds = dict(right=now, early=later & ~now, late=ever & ~later & ~now, never=~ever)
    return {name: rows.float().mean() for name, rows in kinds.items()}
""",
        ],
        "wrong": [
            (verdicts(share="1"), "are counts"),
            (verdicts(late="False"), "too late"),
            (verdicts(early="any(row)", late="False"), "right only *after*"),
            (verdicts("any(row[m + 1:])", now="row[min(m, 2)]"), "counted from 1"),
        ],
        "sly": [
            (verdicts(early="any(row[m:]) and not any(row[:m])"), "is of one kind"),
            (verdicts(early="row[m:m + 1] == [True] or any(row[m + 1:]) and m < 2"), "500 random rows"),
            (verdicts(late="any(row[:3])"), "500 random rows"),
        ],
    },
}
