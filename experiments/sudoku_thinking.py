"""How does a trained model go about 9x9 Sudoku, and what do more segments, restarts and votes add? For chapter 9.

    python experiments/sudoku_thinking.py                              the shipped model on generated puzzles
    python experiments/sudoku_thinking.py --hard FOLDER                and on FOLDER/test.csv (no puzzle is kept)
    python experiments/sudoku_thinking.py --puzzles 20 --tries 4 --attempts 4 --to /tmp/try

Trains nothing. Writes one record for each set of puzzles: exact accuracy after every segment, by rating and by givens;
what becomes of the puzzles that the model is in doubt about after 16 segments when it begins again, in several ways;
and on puzzles that need a guess, what changes on the board from step to step, beside a search that backs out.
With a model of a million weights the defaults take hours of a core, with one of 300,000 a third of that; --precision
bfloat16 halves them on processors that have instructions for it.

Restarts: "latents" begins at another random vector for each state, the same at all positions, as `solve` does;
"positions" draws one for each position; "noise" begins as always, with noise of a tenth on both states before each
segment; "latents and noise" does both; "copies" shows the puzzle in another symmetric form.
"""

from __future__ import annotations

import hashlib
from math import comb
from pathlib import Path

import numpy as np
import torch
from command_line import digits, keep, options, read
from torch import Tensor

from hrm_lite import HRM, load_model
from hrm_lite.dynamics import answers
from hrm_lite.layers import truncated_normal_
from hrm_lite.model import Latents
from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.stream import start
from hrm_lite.records import provenance
from hrm_lite.solving import Solution
from hrm_lite.solving.attempts import random_latents
from hrm_lite.voting import vote

SETS = {"24-40": "generated:9x9:24-40", "minimal": "generated:9x9:minimal", "hard": "generated:9x9:hard"}
SEGMENTS, ATTEMPT = 64, 16  # the longest run; the segments of one attempt
WAYS = {"latents": 1, "copies": 1, "positions": 4, "noise": 4, "latents and noise": 4}  # attempts are divided by this
NOISE, BATCH = 0.1, 64
RATINGS = (0, 1, 4, 10, 20, 40, 80)  # the lower ends of the bins
STEPS_OF = 16  # segments looked into step by step
MOST = 3_000  # boards of a search that are looked at
FILLED = (40, 50, 60, 70, 75, 78, 80)  # givens, when easy puzzles are made easier still


@torch.no_grad()
def run(model: HRM, tokens: Tensor, segments: int, z: Latents | None = None, noise=None):
    """(answers (segments, n, 81) uint8, q_halt (segments, n)) without halting; ``noise(z)`` before each segment."""
    z, shown, q = z or model.initial_latents(len(tokens)), [], []
    for _ in range(segments):
        out = model(z if noise is None else noise(z), tokens)
        z = out.latents
        shown.append(out.logits.argmax(-1).to(torch.uint8))
        q.append(out.q_halt.float())
    return torch.stack(shown), torch.stack(q)


def stopped(shown: Tensor, q: Tensor, margin: float = 0.0):
    """Where halting at ``margin`` would have stopped: the answers (n, 81), their q_halt and whether it was content."""
    content = q > margin
    last = content.clone()
    last[-1] = True
    at = last.int().argmax(0)
    each = torch.arange(q.shape[1])
    return shown[at, each].long(), q[at, each], content.any(0), at + 1


def attempt(model: HRM, puzzles, tokens: Tensor, way: str, number: int, seed: int):
    """One more attempt at every puzzle: answers, q_halt, content. The first, number 0, is the ordinary one."""
    n, (d, positions) = len(tokens), (model.config.d_model, model.config.positions_total)
    generators = [torch.Generator().manual_seed(start((seed, row, number))) for row in range(n)]
    z, noise, shown, undo = model.initial_latents(n), None, tokens, lambda answer: answer
    if number and way.startswith("latents"):
        z = random_latents(model, generators)
    if number and way == "positions":
        drawn = [truncated_normal_(torch.empty(2, positions, d), 1.0, g) for g in generators]
        z = Latents(*torch.stack(drawn, 1).to(model.dtype))
    if number and way.endswith("noise"):
        g = torch.Generator().manual_seed(start((seed, number)))
        noise = lambda z: Latents(*(s + NOISE * torch.randn(s.shape, generator=g).to(s) for s in z))  # noqa: E731
    if number and way == "copies":
        shown, undo = puzzles.disguise(tokens, torch.Generator().manual_seed(start((seed, number))))
    answer, q, content, _ = stopped(*run(model, shown, ATTEMPT, z, noise))
    return undo(answer), q, content


def of_many(right: Tensor, q: Tensor, count: int) -> tuple[float, float]:
    """Of attempt 0 and ``count`` − 1 random others: is the one with the highest q right; is any? Means over puzzles.

    right, q: (attempts, n). Exact over all choices of the others, not a sample of them.
    """
    others, chosen, anyone = len(right) - 1, 0.0, 0.0
    order = q[1:].argsort(0, descending=True)
    r, s = right[1:].gather(0, order).double(), q[1:].gather(0, order)
    ways, none = comb(others, count - 1), torch.ones_like(q[0], dtype=torch.double)
    for rank in range(others if count > 1 else 0):
        p = comb(others - 1 - rank, count - 2) / ways  # that this one is the best of those drawn
        better = s[rank] > q[0]
        chosen += p * (r[rank] * better).mean().item()
        none -= p * better
    chosen += (none * right[0].double()).mean().item()
    wrong = (~right[1:]).sum(0)
    for row in range(right.shape[1]):
        missed = 1.0 if not right[0, row] else 0.0
        anyone += 1 - missed * comb(int(wrong[row]), count - 1) / ways
    return chosen, anyone / right.shape[1]


def again(model: HRM, puzzles, labels: Tensor, way: str, attempts: int, seed: int) -> dict:
    """What ``attempts`` in all make of puzzles: Q's choice, the vote, and the ceiling, for 1, 2, 4, … attempts."""
    tokens = puzzles.as_tensors()[0]
    tries = [attempt(model, puzzles, tokens, way, number, seed) for number in range(attempts)]
    right = torch.stack([(answer == labels).all(1) for answer, _, _ in tries])
    obeys = torch.stack([puzzles.check(tokens, answer) for answer, _, _ in tries])
    assert torch.equal(right, obeys), "one solution each: who obeys the rules is right, and the other way round"
    q = torch.stack([q for _, q, _ in tries])
    counts = [2**i for i in range(attempts.bit_length()) if 2**i <= attempts]
    found = [of_many(right, q, count) for count in counts]
    solutions = [Solution(answer, torch.zeros(len(answer)), q) for answer, q, _ in tries]
    votes = [(vote(solutions[:count]).tokens == labels).all(1).double().mean() for count in counts]
    top = right.gather(0, q.argmax(0)[None])[0]
    return {
        "attempts": counts,
        "by_q": [digits(c) for c, _ in found],
        "by_vote": [digits(v) for v in votes],
        "any_right": [digits(a) for _, a in found],
        "each": digits(right[1:].double().mean()) if attempts > 1 else None,
        "never_right": int((~right.any(0)).sum()),
        "right_but_not_chosen": int((right.any(0) & ~top).sum()),
        "chosen": int(top.sum()),
    }


def in_bins(values: np.ndarray, lows, right: Tensor) -> list[dict]:
    """Shares of right answers (segments, n) where a value lies in a bin, after 1, 4, 16 and 64 segments."""
    found = []
    for low, high in zip(lows, [*lows[1:], np.inf], strict=True):
        where = torch.from_numpy((values >= low) & (values < high))
        if where.any():
            shares = {str(m): digits(right[m - 1, where].double().mean()) for m in (1, 4, 16, SEGMENTS)}
            found.append({"from": int(low), "to": None if np.isinf(high) else int(high) - 1,
                          "puzzles": int(where.sum()), "exact": shares})  # fmt: skip
    return found


# -- is it a search? ------------------------------------------------------------------------------------------------


def backing_out(puzzles, question: str, most: int = MOST) -> list[list[int]]:
    """Boards (tokens) of a search that goes deep and backs out: after each digit placed or taken back.

    It fills the blank with the fewest candidates, tries them in order, and takes back what no candidate is left for.
    """
    cells = [0 if c in ".0" else int(c) for c in question]
    seen = [np.flatnonzero(row).tolist() for row in puzzles.board.peers]
    boards, stack = [], []

    def options_of(cell):
        taken = {cells[p] for p in seen[cell]}
        return [d for d in range(1, 10) if d not in taken]

    def choose():
        blanks = [(len(options_of(c)), c) for c in range(81) if cells[c] == 0]
        cell = min(blanks)[1]
        stack.append((cell, options_of(cell)))

    choose()
    while len(boards) < most:
        cell, left = stack[-1]
        if not left:
            stack.pop()
            cells[cell] = 0
            if not stack:
                break
            continue
        cells[cell] = left.pop(0)
        boards.append([d + 1 for d in cells])
        if 0 not in cells:
            break
        choose()
    return boards


def commitments(boards: Tensor, question: Tensor, answer: Tensor, parts: int) -> dict:
    """What becomes of digits on a board that changes: boards (steps, 81), question and answer (81,) tokens.

    A commitment is a digit that has stood for ``parts`` steps. made: how many, and wrong of these. taken_back:
    commitments to a wrong digit that are given up later; lost: to a right one. later, earlier: when a commitment is
    given up, the share of the digits placed after it, and before it, that are given up in the same step; a search that
    backs out takes back all that came after. returns: how often a cell takes a digit that it has had and left.
    """
    blank = (question == 1).nonzero().flatten().tolist()
    rows, right, before = boards.tolist(), answer.tolist(), question.tolist()
    since, had, shares = {}, {c: set() for c in blank}, {"later": [], "earlier": []}
    made = wrong = taken_back = lost = returns = 0
    for t, now in enumerate(rows):
        gone = {c for c in blank if now[c] != before[c]}
        for c in gone:
            if before[c] > 1 and t - since[c] >= parts:
                taken_back, lost = taken_back + (before[c] != right[c]), lost + (before[c] == right[c])
                digits_of = [o for o in blank if before[o] > 1]
                for name, sign in (("later", 1), ("earlier", -1)):
                    others = [o in gone for o in digits_of if sign * (since[o] - since[c]) > 0]
                    shares[name] += [sum(others) / len(others)] if others else []
        for c in blank:
            if c in gone:
                since[c] = t
                returns += now[c] in had[c]
                had[c] |= {now[c]} - {1}
            if now[c] > 1 and t - since[c] == parts - 1:
                made, wrong = made + 1, wrong + (now[c] != right[c])
        before = now
    counts = {"made": made, "wrong": wrong, "taken_back": taken_back, "lost": lost, "returns": returns}
    return counts | shares


def steps_of(model: HRM, puzzles, labels: Tensor, solved: Tensor) -> dict:
    """Board by board: the model's, one for each step of the worker, and those of a search that backs out."""
    tokens, schedule = puzzles.as_tensors()[0], model.schedule()
    # After the controller's own step the board is the one that the look before it showed.
    looked = [part == "L" for part in schedule] * STEPS_OF
    seen = answers(model, tokens, STEPS_OF)[torch.tensor(looked)]  # (steps of the worker, n, 81)
    blank = tokens == 1
    before = torch.cat((tokens[None], seen[:-1]))
    changed = ((seen != before) & blank).sum(-1)
    wrong = ((seen != labels) & blank).sum(-1)
    broken = torch.stack([puzzles.violations(s).sum(-1) for s in seen])
    cycle = model.config.steps
    found = {"steps_in_a_segment": schedule.count("L"), "steps_in_a_cycle": cycle, "puzzles": len(tokens),
             "solved": int(solved.sum()), "blanks": digits(blank.sum(1).double().mean())}  # fmt: skip
    for name, who in (("solved", solved), ("unsolved", ~solved)):
        if not who.any():
            continue
        curves = {"changed": changed, "wrong": wrong, "breaking": broken}
        found[f"{name}_steps"] = {k: [digits(v) for v in c[:, who].double().mean(1)] for k, c in curves.items()}
        each = [commitments(seen[:, i], tokens[i], labels[i], cycle) for i in who.nonzero().flatten().tolist()]
        found[f"{name}_commitments"] = summed(each)
    searches = [torch.tensor(backing_out(puzzles, q)) for q in puzzles.questions()]
    each = [commitments(b, tokens[i], labels[i], 1) for i, b in enumerate(searches)]
    counts = {"boards": digits(np.mean([len(b) for b in searches])), "cut_off": sum(len(b) == MOST for b in searches)}
    found["search_commitments"] = summed(each) | counts
    return found


def summed(each: list[dict]) -> dict:
    """Means over puzzles, and the shares over all commitments that were given up."""
    means = {k: digits(np.mean([one[k] for one in each])) for k in ("made", "wrong", "taken_back", "lost", "returns")}
    for name in ("later", "earlier"):
        shares = [share for one in each for share in one[name]]
        means[name] = digits(np.mean(shares)) if shares else None
    return means


def filled_up(model: HRM, puzzles, labels: Tensor, seed: int) -> list[dict]:
    """The same puzzles with more and more of their answers given, down to one blank: exact after 1, 4 and 16."""
    tokens, found = puzzles.as_tensors()[0], []
    order = torch.from_numpy(np.random.default_rng(seed).permuted(np.tile(np.arange(81), (len(tokens), 1)), axis=1))
    order = order.gather(1, torch.argsort((tokens == 1).gather(1, order).int(), dim=1, stable=True))  # givens first
    for givens in FILLED:
        shown = torch.ones_like(tokens).scatter(1, order[:, :givens], labels.gather(1, order[:, :givens]))
        right = (run(model, shown, ATTEMPT)[0] == labels).all(-1).double().mean(1)
        found.append({"givens": givens, "exact": {str(m): digits(right[m - 1]) for m in (1, 4, 16)}})
    return found


# -- records --------------------------------------------------------------------------------------------------------


def measure(name: str, puzzles, model: HRM, given, seed: int) -> dict:
    puzzles = puzzles.rated()
    tokens, labels, _ = puzzles.as_tensors()
    parts = [run(model, tokens[i : i + BATCH], SEGMENTS) for i in range(0, len(tokens), BATCH)]
    shown, q = (torch.cat(pieces, 1) for pieces in zip(*parts, strict=True))
    right = (shown == labels).all(-1)
    answer, _, content, segments = stopped(shown[:ATTEMPT], q[:ATTEMPT])
    first = (answer == labels).all(1)
    doubtful = (~content).nonzero().flatten()
    record = {
        "set": name, "source": puzzles.source if name in SETS else name, "seed": seed, "unseen": len(puzzles),
        "held_out": puzzles.content_hash, "rating": digits(puzzles.ratings.mean()),
        "exact": [digits(e) for e in right.double().mean(1)],
        "by_rating": in_bins(puzzles.ratings, RATINGS, right),
        "by_givens": in_bins((puzzles.inputs > 1).sum(1), list(range(17, 42)), right),
        "first_attempt": {"segments": ATTEMPT, "exact": digits(first.double().mean()),
                          "mean_segments": digits(segments.double().mean()),
                          "content": digits(content.double().mean()),
                          "content_but_wrong": digits((content & ~first).double().mean()),
                          "doubtful": len(doubtful)},
    }  # fmt: skip
    if name in SETS:
        record["questions"] = [{"question": puzzles.questions()[i], "rating": int(puzzles.ratings[i]),
                                "segments": int(right[:, i].int().argmax()) + 1 if right[:, i].any() else None}
                               for i in range(min(len(puzzles), 60))]  # fmt: skip
    if name == "24-40":
        some = puzzles.select(np.flatnonzero((puzzles.inputs > 1).sum(1) <= FILLED[0])[: given.tries])
        record["filled_up"] = filled_up(model, some, some.as_tensors()[1], seed)
    if len(doubtful) and given.tries:
        some = doubtful[: given.tries].numpy()
        record["again"] = {"puzzles": len(some)} | {
            way: again(model, puzzles.select(some), labels[some], way, max(1, given.attempts // share), seed)
            for way, share in WAYS.items()
        }
    guesses = np.flatnonzero(puzzles.ratings > 0)[: given.tries]
    if len(guesses) and given.tries:
        record["steps"] = steps_of(model, puzzles.select(guesses), labels[guesses], right[STEPS_OF - 1, guesses])
    return record


def sets(given) -> dict:
    found = {name: lambda source=source: sudoku.load(source, "test", given.puzzles) for name, source in SETS.items()}
    found = {name: make for name, make in found.items() if name in given.sets}
    if given.hard:
        found["sudoku-hard"] = lambda: sudoku.read_csv(given.hard / "test.csv")[: given.puzzles]
    return found


def main() -> None:
    parser = options(__doc__, "sudoku_thinking", 1, sets=SETS)
    parser.add_argument("--model", default="sudoku-9x9-compact", help="a name, or a file that `load_model` reads")
    parser.add_argument("--hard", type=Path, help="a folder with a test.csv of other hard puzzles")
    parser.add_argument("--puzzles", type=int, default=400, help="of each set")
    parser.add_argument("--tries", type=int, default=64, help="doubtful puzzles that are begun again")
    parser.add_argument("--attempts", type=int, default=64, help="at each of them, the first included")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    given = read(parser)
    model = load_model(given.model).to(dtype=getattr(torch, given.precision)).eval()
    weights = hashlib.sha256(b"".join(p.detach().float().numpy().tobytes() for p in model.parameters())).hexdigest()
    about = {"model": given.model, "weights": weights, "parameters": model.count_parameters(),
             "precision": given.precision}  # fmt: skip
    for name, make in sets(given).items():
        puzzles = make()
        for seed in given.seeds:
            record = about | measure(name, puzzles, model, given, seed) | {"provenance": provenance()}
            exact = "  ".join(f"{m}: {record['exact'][m - 1]:6.1%}" for m in (1, 4, 16, SEGMENTS))
            keep(record, given.to / f"{name}_seed{seed}.json", f"{name} seed {seed}  {exact}")


if __name__ == "__main__":
    main()
