"""What does more thinking at test time buy, and at what price? The shipped 9x9 model on hard puzzles. For chapter 14.

    python experiments/attempts.py --hard FOLDER --precision bfloat16   all; no puzzle of FOLDER/test.csv is kept
    python experiments/attempts.py --sets hard --ways latents --attempts 4 --seeds 0 --to /tmp/try

Trains nothing. For each set one record of a single long run of every puzzle, `SET_first.json`: whether the answer is
right after each segment, and the segment after which the Q head is content. Then, for the puzzles that are in doubt
after 16 segments (with --tries: for the first so many of them), one record for each way of making attempts differ and
each seed, `SET_WAY_seedN.json`: of every attempt whether it is right, its Q logit, its segments, and which of the
answers to this puzzle it gave. Choices, votes and their price are worked out by who reads the records, so that any
rule can be tried on them.

An attempt ends when the model is content (q_halt > 0), or after 16 segments. Ways: "latents" begins at one random
vector for each state, the same at all positions; "positions" at one for each position; "noise-S" begins as always, with
noise of S on both states before each segment; "copies" shows the puzzle in another symmetric form. What exists is left
as it is: delete a record to make it again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from command_line import digits, keep, options, read
from sudoku_thinking import run
from torch import Tensor

from hrm_lite import HRM, load_model
from hrm_lite.layers import truncated_normal_
from hrm_lite.model import Latents
from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.stream import start
from hrm_lite.records import provenance, read_json
from hrm_lite.solving.attempts import random_latents

SETS = {"hard": "generated:9x9:hard", "sudoku-hard": None}
WAYS = {"latents": 16, "copies": 8, "positions": 4, "noise-0.1": 4, "noise-0.3": 4}  # at most so many attempts
LONGEST, ATTEMPT, SIDE_BY_SIDE = 64, 16, 64  # segments of the long run, of an attempt; rows of a batch


def first_run(model: HRM, tokens: Tensor, labels: Tensor) -> list[dict]:
    """Of each puzzle: right after each segment, as "0110…", and the segment after which it is content (None: never)."""
    found = []
    for i in range(0, len(tokens), SIDE_BY_SIDE):
        x, y = tokens[i : i + SIDE_BY_SIDE], labels[i : i + SIDE_BY_SIDE]
        shown, q = run(model, x, LONGEST)
        for r, c in zip((shown == y).all(-1).T, (q > 0).T, strict=True):
            found.append({"right": as_text(r), "content": int(c.int().argmax()) + 1 if c.any() else None})
    return found


def as_text(truths: Tensor) -> str:
    return "".join("01"[t] for t in truths.int().tolist())


@torch.no_grad()
def attempt(model: HRM, puzzles, tokens: Tensor, way: str, seed: int, number: int):
    """One attempt at every puzzle, row by row until content: answers (n, 81), q_halt (n,), segments (n,)."""
    n, d, positions = len(tokens), model.config.d_model, model.config.positions_total
    generators = [torch.Generator().manual_seed(start((seed, row, number))) for row in range(n)]
    z, shown, undo, noise = model.initial_latents(n), tokens, lambda answers: answers, 0.0
    if way == "latents":
        z = random_latents(model, generators)
    elif way == "positions":
        drawn = [truncated_normal_(torch.empty(2, positions, d), 1.0, g) for g in generators]
        z = Latents(*torch.stack(drawn, 1).to(model.dtype))
    elif way == "copies":
        shown, undo = puzzles.disguise(tokens, torch.Generator().manual_seed(start((seed, number))))
    else:
        noise = float(way.removeprefix("noise-"))
    answer, q, segments = torch.zeros_like(tokens), torch.zeros(n), torch.zeros(n, dtype=torch.long)
    row = torch.arange(n)  # who is still at it
    for _ in range(ATTEMPT):
        if noise:
            drawn = torch.stack([torch.randn(2, positions, d, generator=generators[r]) for r in row.tolist()], 1)
            z = Latents(*(s + noise * e.to(s) for s, e in zip(z, drawn, strict=True)))
        out = model(z, shown[row])
        answer[row], q[row] = out.logits.argmax(-1), out.q_halt.float()
        segments[row] += 1
        left = out.q_halt <= 0
        row, z = row[left], Latents(*(s[left] for s in out.latents))
        if not len(row):
            break
    return undo(answer), q, segments


def attempts(model: HRM, puzzles, tokens: Tensor, labels: Tensor, way: str, count: int, seed: int) -> dict:
    """``count`` attempts at every puzzle, the rows of each list: right "0110…", q, segments, answer (a number each)."""
    made = [attempt(model, puzzles, tokens, way, seed, number) for number in range(1, count + 1)]
    answers, q, segments = (torch.stack(part, 1) for part in zip(*made, strict=True))
    right = (answers == labels[:, None]).all(-1)
    obeys = torch.stack([puzzles.check(tokens, answers[:, k]) for k in range(count)], 1)
    assert torch.equal(right, obeys), "one solution each: who obeys the rules is right, and the other way round"
    names = [torch.unique(a, dim=0, return_inverse=True)[1].tolist() for a in answers]
    return {
        "right": [as_text(r) for r in right], "q": [[digits(v) for v in row] for row in q.tolist()],
        "segments": segments.tolist(), "answer": names,
    }  # fmt: skip


def main() -> None:
    parser = options(__doc__, "attempts", 3, sets=SETS, ways=WAYS)
    parser.add_argument("--model", default="sudoku-9x9-compact", help="a name, or a file that `load_model` reads")
    parser.add_argument("--hard", type=Path, help="a folder with the test.csv of the set sudoku-hard")
    parser.add_argument("--puzzles", type=int, default=60, help="of each set")
    parser.add_argument("--tries", type=int, default=60, help="doubtful puzzles of each set that are begun again")
    parser.add_argument("--attempts", type=int, default=max(WAYS.values()), help="at most, at each doubtful puzzle")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    given = read(parser)
    model = load_model(given.model).to(dtype=getattr(torch, given.precision)).eval()
    weights = hashlib.sha256(b"".join(p.detach().float().numpy().tobytes() for p in model.parameters())).hexdigest()
    about = {"model": given.model, "weights": weights, "parameters": model.count_parameters(),
             "precision": given.precision, "segments": ATTEMPT, "evaluations_in_a_segment": len(model.schedule())}
    for name in given.sets:
        if name == "sudoku-hard" and given.hard is None:
            continue
        source = SETS[name]
        puzzles = (sudoku.load(source, "test", given.puzzles) if source
                   else sudoku.read_csv(given.hard / "test.csv")[: given.puzzles])  # fmt: skip
        tokens, labels, _ = puzzles.as_tensors()
        same = {"set": name, "held_out": puzzles.content_hash, "unseen": len(puzzles)}
        path = given.to / f"{name}_first.json"
        if not path.exists():
            record = about | same | {"longest": LONGEST, "runs": first_run(model, tokens, labels)}
            keep(record | {"provenance": provenance()}, path, f"{name}: the long run")
        runs = read_json(path)["runs"]
        doubtful = [i for i, run in enumerate(runs) if (run["content"] or LONGEST) > ATTEMPT]
        begun = doubtful[: given.tries]
        some, x, y = puzzles.select(np.array(begun)), tokens[begun], labels[begun]
        for seed in given.seeds:
            for way in given.ways:
                path = given.to / f"{name}_{way}_seed{seed}.json"
                if path.exists():
                    continue
                found = attempts(model, some, x, y, way, min(WAYS[way], given.attempts), seed)
                record = about | same | {"way": way, "seed": seed, "doubtful": doubtful, "begun": begun} | found
                any_right = np.mean(["1" in r for r in found["right"]])
                keep(record | {"provenance": provenance()}, path,
                     f"{name} {way} seed {seed}: any of {len(found['q'][0])} right in {any_right:.0%}")  # fmt: skip


if __name__ == "__main__":
    main()
