"""What do z_H and z_L hold? For chapter 12: dimensions, probes, pushes, frozen parts, and wrong answers that stay.

    python experiments/inside.py                  ten models of 4x4, and the shipped 9x9 ones: half an hour of one core
    python experiments/inside.py --variants explore-050 --seeds 0 --steps 40 --to /tmp/try

Trains the 4x4 model of chapter 9 with exploration 0.5, the preset's, and 0.1, the paper's, and writes a record a seed.
Beside every trained model its untrained self goes through the same measurements of dimension and of what can be read.
"hard", "hard-laptop" and "transplant" train nothing: they follow a shipped 9x9 model. What is measured is
said at each function.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter

import numpy as np
import torch
from command_line import digits, keep, options, read
from torch import Tensor

from hrm_lite import HRM, Trainer, load_model, model_preset, train_preset
from hrm_lite.dynamics import (
    answers,
    directions,
    fit_probe,
    moments,
    nudge,
    participation_ratio,
    run_frozen,
)  # fmt: skip
from hrm_lite.model import Latents
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance, shipped
from hrm_lite.solving.attempts import random_latents

PRESET, SOURCE, TRAIN_PUZZLES, TEST_PUZZLES, PROBE_PUZZLES = "sudoku-4x4", "generated:4x4:4-6", 20_000, 500, 1_500
EXPLORATION = {"explore-050": 0.5, "explore-010": 0.1}
SEGMENTS, PROBED, COUNTS, SIZES = 64, 2, (2, 5, 10, 20, 50, 100, 200, 500), (0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
LOOKS = (1, 2, 4, 8)  # segments after a push
SETTLED = 8  # segments after which a model is pushed, and a part of it put back
# name: (shipped model, puzzles, how many)
NINE = {
    "hard": ("sudoku-9x9-compact", "generated:9x9:hard", 60),
    "hard-laptop": ("sudoku-9x9", "generated:9x9:hard", 100),
}
STARTS = 16


def rounded(values) -> list:
    """The same nested lists with four digits; None for what is no number (a mean over nothing)."""
    if isinstance(values, (Tensor, np.ndarray)):
        values = values.tolist()
    if isinstance(values, list):
        return [rounded(v) for v in values]
    return None if values != values else digits(values)


# ---- how many directions ----


def states_by_step(model: HRM, tokens: Tensor, segments: int) -> dict[str, Tensor]:
    """The states of the cells after each step of their own module: (puzzles, steps, cells, d), without the prefix."""
    kept = {"H": [], "L": []}
    for m in moments(model, tokens, segments):
        kept[m.part].append(m.after[:, model.config.prefix :])
    return {part: torch.stack(found, 1) for part, found in kept.items()}


def dimensions(model: HRM, tokens: Tensor, segments: int) -> dict:
    """Participation ratios for more and more puzzles, counted in two ways.

    "cells": each cell of each puzzle at each step is a sample of d numbers. "boards": all cells of a puzzle at a step
    side by side are one sample. "ends" and "end_boards": the same, with the last step alone.
    """
    found = {"puzzles": list(COUNTS)}
    for part, z in states_by_step(model, tokens, segments).items():
        for name, some, cells in (("cells", z, True), ("boards", z, False), ("ends", z[:, -1:], True),
                                  ("end_boards", z[:, -1:], False)):  # fmt: skip
            shape = (-1, z.shape[-1]) if cells else (-1, z.shape[-1] * z.shape[-2])
            found[f"{part}_{name}"] = [digits(participation_ratio(some[:n].reshape(shape))) for n in COUNTS]
        flat = z.reshape(-1, z.shape[-1])
        found[f"{part}_spectrum"] = rounded(directions(flat, 1)[2])
    x = model.input_net(tokens).detach()[:, model.config.prefix :]
    found["x_cells"] = [digits(participation_ratio(x[:n].reshape(-1, x.shape[-1]))) for n in COUNTS]
    return found


def explained(model: HRM, tokens: Tensor, labels: Tensor, segments: int) -> dict:
    """Which shares of the variance of the last states are told by the cell's place, its right digit, given or blank."""
    cells = torch.arange(tokens.shape[1]).expand_as(tokens)
    given = (tokens > 1).long()
    groups = {"digit": labels, "cell": cells, "given": given, "digit, given": 2 * labels + given,
              "cell, digit": 100 * cells + labels, "cell, digit, given": 200 * cells + 2 * labels + given}  # fmt: skip
    found = {}
    for part, z in states_by_step(model, tokens, segments).items():
        z = z[:, -1].reshape(-1, z.shape[-1]).double()
        z = z - z.mean(0)
        shares = {}
        for name, group in groups.items():
            _, which = group.flatten().unique(return_inverse=True)
            ones = torch.nn.functional.one_hot(which).double()
            means = (ones.T @ z) / ones.sum(0)[:, None]
            shares[name] = digits((means[which].square().sum()) / z.square().sum())
        found[part] = shares
    return found


# ---- what can be read ----


def split(puzzles):
    """Puzzles to fit a probe on, and puzzles to judge it by: every other class of symmetric puzzles is of one kind."""
    forms = list(map(sudoku.canonical, puzzles.questions()))
    half = set(sorted(set(forms), key=lambda form: hashlib.sha256(form.encode()).digest())[::2])
    kinds = np.array([form in half for form in forms])
    return puzzles.select(np.flatnonzero(kinds)), puzzles.select(np.flatnonzero(~kinds))


def probes(model: HRM, fit, judge) -> dict:
    """Of blanks whose right digit a linear probe tells, after each step; the same for the input, and for who is wrong.

    One probe for all cells, fitted for each step and each state anew. "wrong": how many blanks the model's own answer
    has wrong at that step; "H_wrong", "L_wrong": the share of these that the probe has right. Inputs: "x" is x̃ of the
    cell; "board" a probe for each cell on the tokens of all; "peers" which digits its row, column and box hold.
    """
    (a, ya, _), (b, yb, _) = fit.as_tensors(), judge.as_tensors()
    blank_a, blank_b = a == 1, b == 1
    found = {"fit": len(fit), "judge": len(judge), "blanks": int(blank_b.sum()), "parts": "", "model": [],
             "H": [], "L": [], "H_wrong": [], "L_wrong": [], "wrong": []}  # fmt: skip
    prefix = model.config.prefix
    own = answers(model, b, PROBED)
    for m, n, said in zip(moments(model, a, PROBED), moments(model, b, PROBED), own, strict=True):
        wrong = (said != yb) & blank_b
        found["parts"] += m.part
        found["model"].append(digits((said == yb)[blank_b].double().mean()))
        found["wrong"].append(int(wrong.sum()))
        for part, one, other in (("H", m.z_H, n.z_H), ("L", m.z_L, n.z_L)):
            probe = fit_probe(one[:, prefix:][blank_a], ya[blank_a], model.config.vocab_size)
            read = probe(other[:, prefix:]) == yb
            found[part].append(digits(read[blank_b].double().mean()))
            found[f"{part}_wrong"].append(digits(read[wrong].double().mean()) if wrong.any() else None)
    with torch.no_grad():
        x = [model.input_net(t)[:, prefix:] for t in (a, b)]
    read = fit_probe(x[0][blank_a], ya[blank_a], model.config.vocab_size)(x[1])
    found["x"] = digits((read == yb)[blank_b].double().mean())
    return found | inputs_alone(fit, a, ya, b, yb)


def inputs_alone(fit, a: Tensor, ya: Tensor, b: Tensor, yb: Tensor) -> dict:
    """The same from the question without any network: all tokens (a probe a cell), and what a cell's peers hold."""
    one = [torch.nn.functional.one_hot(t, 6).flatten(1) for t in (a, b)]
    right = []
    for cell in range(a.shape[1]):
        u, v = a[:, cell] == 1, b[:, cell] == 1
        right.append(fit_probe(one[0][u], ya[u, cell], 6)(one[1][v]) == yb[v, cell])
    peers = torch.from_numpy(fit.board.peers).double()
    digits_of = [torch.nn.functional.one_hot(t, 6)[..., 2:].double() for t in (a, b)]
    seen = [torch.einsum("ij,bjk->bik", peers, d) > 0 for d in digits_of]
    u, v = a == 1, b == 1
    by_peers = fit_probe(seen[0][u], ya[u], 6)(seen[1][v]) == yb[v]
    return {"board": digits(torch.cat(right).double().mean()), "peers": digits(by_peers.double().mean())}


# ---- who holds the answer ----


@torch.no_grad()
def after(model: HRM, tokens: Tensor, segments: int, z: Latents | None = None) -> Latents:
    z = z or model.initial_latents(len(tokens))
    for _ in range(segments):
        z = model(z, tokens).latents
    return z


def shares(shown: Tensor, labels: Tensor, blank: Tensor, before: Tensor | None = None) -> dict:
    """Over segments: puzzles right, blanks right, and blanks that differ from ``before``."""
    found = {"exact": (shown == labels).all(-1).double().mean(1),
             "blanks": (shown == labels)[:, blank].double().mean(1)}  # fmt: skip
    if before is not None:
        found["changed"] = (shown != before)[:, blank].double().mean(1)
    return {name: rounded(values) for name, values in found.items()}


def frozen(model: HRM, tokens: Tensor, labels: Tensor) -> dict:
    """Eight segments with a part standing still, from the start and from the end of the first segment."""
    blank, found = tokens == 1, {}
    for name, segments in (("start", 0), ("segment 1", 1)):
        z = after(model, tokens, segments)
        before = run_frozen(model, after(model, tokens, 0), tokens, 1)[0] if segments else None
        for part in ("", "H", "L"):
            shown = run_frozen(model, z, tokens, 8, part)
            found[f"{name}, {part or 'none'}"] = shares(shown, labels, blank, before)
    return found


def swapped(model: HRM, tokens: Tensor, labels: Tensor) -> dict:
    """A state of the settled model put back to its start, or taken from another puzzle: right answers afterwards.

    "other" is the next puzzle of the set; "theirs" counts the answers that are right for that one.
    """
    blank, found = tokens == 1, {}
    z, start = after(model, tokens, SETTLED), model.initial_latents(len(tokens))
    states = {"as it is": z, "z_H put back": Latents(start.z_H, z.z_L), "z_L put back": Latents(z.z_H, start.z_L),
              "z_H of another": Latents(z.z_H.roll(1, 0), z.z_L), "z_L of another": Latents(z.z_H, z.z_L.roll(1, 0)),
              "both of another": Latents(z.z_H.roll(1, 0), z.z_L.roll(1, 0))}  # fmt: skip
    for name, state in states.items():
        shown = run_frozen(model, state, tokens, max(LOOKS))
        found[name] = shares(shown, labels, blank)
        # what one step makes of it: the answer after the first cycle of the first segment
        x = model.input_net(tokens).detach()
        z_H, z_L = state
        steps = []
        with torch.no_grad():
            for part in model.schedule():
                z_H, z_L = model.advance(part, z_H, z_L, x)
                if part == "H":
                    steps.append(model.read_out(z_H, z_L).logits.argmax(-1))
        found[name]["by_cycle"] = rounded((torch.stack(steps) == labels)[:, blank].double().mean(1))
        found[name]["theirs"] = rounded((torch.stack(steps) == labels.roll(1, 0))[:, blank].double().mean(1))
    return found


# ---- does it stay ----


@torch.no_grad()
def long_run(model: HRM, tokens: Tensor, labels: Tensor) -> tuple[dict, Tensor, Tensor, Tensor]:
    """64 segments: puzzles right, how far both states go in one segment and in two, right answers that are left.

    Also the answers (64, n, cells), how far z_H goes in each segment (64, n), and the logits of the Q head (64, n).
    """
    z, shown, q, gone = model.initial_latents(len(tokens)), [], [], {"H": [], "L": [], "H2": [], "L2": []}
    before = [Latents(*(s.expand(len(tokens), model.config.positions_total, -1) for s in z))] * 2
    for _ in range(SEGMENTS):
        out = model(z, tokens)
        z = out.latents
        for i, part in enumerate("HL"):
            for steps, name in ((1, part), (2, part + "2")):
                old = before[-steps][i]
                gone[name].append((z[i] - old).flatten(1).norm(dim=1) / old.flatten(1).norm(dim=1))
        before = [before[-1], z]
        shown.append(out.logits.argmax(-1))
        q.append(out.q_halt.float())
    shown, q = torch.stack(shown), torch.stack(q)
    right = (shown == labels).all(-1)
    first = torch.where(right.any(0), right.int().argmax(0), SEGMENTS)
    ever_left = sum(not bool(right[f:, i].all()) for i, f in enumerate(first.tolist()) if f < SEGMENTS)
    kept = [int((right[m - 1] & ~right[m:].all(0)).sum()) for m in range(1, SEGMENTS)]
    quartiles = torch.tensor([0.25, 0.5, 0.75])
    record = {
        "puzzles": len(tokens), "exact": rounded(right.double().mean(1)), "ever_right": int((first < SEGMENTS).sum()),
        "ever_left": ever_left, "right_at": rounded(right.sum(1)), "left_later": kept,
        "residuals": {k: rounded(torch.stack(v).quantile(quartiles, 1).T) for k, v in gone.items()},
    }  # fmt: skip
    return record, shown, torch.stack(gone["H"]), q


def one_blank(model: HRM) -> dict:
    """Puzzles with one blank, and with two to six: right after each of 64 segments, and in all of them."""
    found = {}
    for givens in (15, 14, 12, 10):
        x, y, _ = sudoku.load(f"generated:4x4:{givens}-{givens}", "train", limit=200).as_tensors()
        record, shown, *_ = long_run(model, x, y)
        right = (shown == y).all(-1)
        found[str(16 - givens)] = {"exact": record["exact"], "always": int(right.all(0).sum()), "puzzles": len(x),
                                   "ever_left": record["ever_left"]}  # fmt: skip
    return found


def pushed(model: HRM, tokens: Tensor, labels: Tensor, settled: int = SETTLED) -> dict:
    """Puzzles that are right after ``settled`` segments, their states pushed: right at once and after 1, 2, 4, 8 more.

    "apart": how far z_H then is from where it would have been without the push, as a share of its length (median).
    """
    z = after(model, tokens, settled)
    with torch.no_grad():
        right = (model.read_out(*z).logits.argmax(-1) == labels).all(1)
    if not right.any():
        return {"puzzles": 0}
    tokens, labels, z = tokens[right], labels[right], Latents(*(s[right] for s in z))
    calm, state = [], z
    for _ in range(max(LOOKS)):
        state = after(model, tokens, 1, state)
        calm.append(state.z_H)
    found = {"puzzles": int(right.sum()), "sizes": list(SIZES), "looks": [0, *LOOKS]}
    for which in ("H", "L", "both"):
        exact, apart = [], []
        for k, size in enumerate(SIZES):
            draw = torch.Generator().manual_seed(1000 + k)
            state = Latents(
                *(nudge(s, size, draw) if which in (p, "both") else s for s, p in zip(z, "HL", strict=True))
            )
            with torch.no_grad():
                shown = [model.read_out(*state).logits.argmax(-1)]
            gaps = [(state.z_H - z.z_H).flatten(1).norm(dim=1) / z.z_H.flatten(1).norm(dim=1)]
            for m in range(max(LOOKS)):
                state = after(model, tokens, 1, state)
                if m + 1 in LOOKS:
                    with torch.no_grad():
                        shown.append(model.read_out(*state).logits.argmax(-1))
                    gaps.append((state.z_H - calm[m]).flatten(1).norm(dim=1) / calm[m].flatten(1).norm(dim=1))
            exact.append(rounded((torch.stack(shown) == labels).all(-1).double().mean(1)))
            apart.append(rounded(torch.stack(gaps).median(1).values))
        found[which] = {"exact": exact, "apart": apart}
    return found


def run(variant: str, seed: int, steps: int) -> dict:
    train, pool = sudoku.load(SOURCE, "train", TRAIN_PUZZLES), sudoku.load(SOURCE, "test", PROBE_PUZZLES)
    fit, judge = split(pool)
    test = pool[:TEST_PUZZLES]
    x, y, _ = test.as_tensors()
    torch.manual_seed(seed)
    model = HRM(model_preset(PRESET))
    untrained = HRM(model.config).eval()
    untrained.load_state_dict(model.state_dict())
    config = train_preset(PRESET, max_steps=steps, precision="float32", seed=seed, exploration=EXPLORATION[variant])
    begun = time.perf_counter()
    trainer = Trainer(model, train, config, progress=False)
    trained = trainer.fit()
    took = time.perf_counter() - begun
    model = trainer.supervision.model.eval()
    record = {
        "variant": variant, "seed": seed, "source": SOURCE, "held_out": test.content_hash,
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps")},
        "provenance": provenance(), "seconds": round(took, 1),
        "long_run": long_run(model, x, y)[0], "few_blanks": one_blank(model), "pushed": pushed(model, x, y),
        "frozen": frozen(model, x, y), "swapped": swapped(model, x, y),
    }  # fmt: skip
    for name, one in (("trained", model), ("untrained", untrained)):
        record[name] = {"dimensions": dimensions(one, x, SETTLED), "probes": probes(one, fit, judge),
                        "explained": explained(one, x, y, SETTLED)}  # fmt: skip
    return record


# ---- 9x9: wrong answers that stay ----


def fate(answers_of_one: Tensor, gone: Tensor, right: bool) -> str:
    """What the last 32 of 64 segments were: right, a wrong answer that stays, a few that come in turn, or wandering."""
    if right:
        return "right"
    last = answers_of_one[SEGMENTS // 2 :]
    if (last == last[-1]).all():
        return "stuck at rest" if gone[-1] < 0.01 else "stuck"
    return "in a circle" if any((last[p:] == last[:-p]).all() for p in range(2, 9)) else "wandering"


def nine(name: str) -> dict:
    which, source, count = NINE[name]
    model = load_model(which)
    puzzles = sudoku.load(source, "test", count)
    x, y, _ = puzzles.as_tensors()
    begun = time.perf_counter()
    record, shown, gone, q = long_run(model, x, y)
    right = (shown == y).all(-1)
    fates = [fate(shown[:, i], gone[:, i], bool(right[-1, i])) for i in range(len(x))]
    unsolved = []
    for i in np.flatnonzero([f != "right" for f in fates]).tolist():
        starts = random_latents(model, [torch.Generator().manual_seed(k) for k in range(STARTS)])
        question, answer = x[i].expand(STARTS, -1), y[i]
        with torch.no_grad():
            again = after(model, question, 16, starts)
            out = model.read_out(*again)
        tries = out.logits.argmax(-1)
        good = (tries == answer).all(1)
        unsolved.append({
            "question": puzzles.questions()[i], "rating": sudoku.rate(puzzles.questions()[i]), "fate": fates[i],
            "q_halt": digits(q[-1, i]), "wrong_blanks": int((shown[-1, i] != answer).sum()),
            "broken": int(puzzles.violations(shown[-1, i][None]).sum()), "residual": digits(gone[-1, i]),
            "answers_in_the_last_32": len(shown[32:, i].unique(dim=0)),
            "again_right": int(good.sum()), "again_answers": len(tries.unique(dim=0)),
            "again_same_as_before": int((tries == shown[-1, i]).all(1).sum()),
            "again_chosen_right": bool(good[int(out.q_halt.argmax())]),
        })  # fmt: skip
    weights = hashlib.sha256(shipped(which).weights.read_bytes()).hexdigest()
    return {
        "variant": "9x9", "set": name, "source": source, "model": which, "weights": weights,
        "held_out": puzzles.content_hash, "provenance": provenance(), "long_run": record, "fates": dict(Counter(fates)),
        "starts": STARTS, "unsolved": unsolved,
        "seconds": round(time.perf_counter() - begun, 1),
    }  # fmt: skip


def transplant(count: int = 32, segments: int = 32) -> dict:
    """Easy 9x9 puzzles that are solved, each given the z_H of another: where is it 32 segments later, and at rest?

    "obeys": no row, column or box holds a digit twice; "overwritten": givens of the question that the answer changes.
    The first six that rest on a wrong answer are pushed four times: how many are right, how many there again, 16
    segments on?
    """
    model = load_model("sudoku-9x9-compact")
    puzzles = sudoku.load("generated:9x9:24-40", "test", count)
    x, y, _ = puzzles.as_tensors()
    begun = time.perf_counter()
    z = after(model, x, SETTLED)
    with torch.no_grad():
        right = (model.read_out(*z).logits.argmax(-1) == y).all(1)
    x, y, z = x[right], y[right], Latents(*(s[right] for s in z))
    state = Latents(z.z_H.roll(1, 0), z.z_L)
    shown, gone, q = [], [], []
    with torch.no_grad():
        for _ in range(segments):
            before, out = state, model(state, x)
            state = out.latents
            shown.append(out.logits.argmax(-1))
            q.append(out.q_halt)
            gone.append((state.z_H - before.z_H).flatten(1).norm(dim=1) / before.z_H.flatten(1).norm(dim=1))
    shown, gone, q = torch.stack(shown), torch.stack(gone), torch.stack(q)
    last, blank = shown[-1], x == 1
    rests = (shown[-16:] == last).all(-1).all(0) & (gone[-1] < 0.02)
    found = []
    for i in range(len(x)):
        case = {"right": bool((last[i] == y[i]).all()), "rests": bool(rests[i]), "moved": digits(gone[-1, i]),
                "q_halt": digits(q[-1, i]), "obeys": not bool(puzzles.violations(last[i][None]).any()),
                "overwritten": int((last[i] != x[i])[~blank[i]].sum()), "givens": int((~blank[i]).sum()),
                "own": digits((last[i] == y[i])[blank[i]].double().mean()),
                "theirs": digits((last[i] == y[i - 1])[blank[i]].double().mean())}  # fmt: skip
        if case["rests"] and not case["right"] and sum("pushed" in c for c in found) < 6:
            case["pushed"] = {}
            for size in (1.0, 4.0):
                draw = torch.Generator().manual_seed(i)
                moved = Latents(*(nudge(s[i].expand(4, -1, -1), size, draw) for s in state))
                with torch.no_grad():
                    ends = model.read_out(*after(model, x[i].expand(4, -1), 16, moved)).logits.argmax(-1)
                case["pushed"][str(size)] = [int((ends == y[i]).all(1).sum()), int((ends == last[i]).all(1).sum())]
        found.append(case)
    return {
        "variant": "9x9", "set": "transplant", "source": "generated:9x9:24-40", "model": "sudoku-9x9-compact",
        "weights": hashlib.sha256(shipped("sudoku-9x9-compact").weights.read_bytes()).hexdigest(),
        "held_out": puzzles.content_hash, "provenance": provenance(), "puzzles": len(x), "segments": segments,
        "first": {"theirs": digits((shown[0] == y.roll(1, 0))[blank].double().mean()),
                  "content": int((q[0] > 0).sum())},
        "cases": found, "seconds": round(time.perf_counter() - begun, 1),
    }  # fmt: skip


def main() -> None:
    given = read(options(__doc__, "inside", 5, 800, variants=[*EXPLORATION, *NINE, "transplant"]))
    for variant in given.variants:
        if variant == "transplant":
            record = transplant()
            rest = sum(c["rests"] and not c["right"] for c in record["cases"])
            says = f"transplant: {rest} of {record['puzzles']} rest on a wrong answer ({record['seconds']:.0f} s)"
            keep(record, given.to / "9x9-transplant.json", says)
            continue
        if variant in NINE:
            record = nine(variant)
            says = f"9x9 {variant}: {record['fates']} ({record['seconds']:.0f} s)"
            keep(record, given.to / f"9x9-{variant}.json", says)
            continue
        for seed in given.seeds:
            record = run(variant, seed, given.steps)
            long = record["long_run"]
            keep(record, given.to / f"{variant}_seed{seed}.json",
                 f"{variant} seed {seed}: right after 2 segments {long['exact'][1]:.3f}, 64 {long['exact'][-1]:.3f}; "
                 f"{long['ever_left']} right answers left ({record['seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
