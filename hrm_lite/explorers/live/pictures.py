"""One function for each live picture, and how Python puts its page together."""

from __future__ import annotations

import hashlib
import json
import re
from importlib import resources

import numpy as np
import torch
from IPython.display import HTML
from torch import Tensor

from ...puzzles.base import PuzzleSet

__all__ = [
    "chain", "clocks", "cobweb", "gradient_terms", "guess_effects", "halting_rule", "orbit", "restarts", "row_life",
    "thinking",
]  # fmt: skip

_STYLE = """
.hrm-live{--blue:#0072b2;--red:#c8500a;--green:#00805c;--grey:#7b818c;--purple:#8a63b0;--on:#fff;
max-width:720px;margin:.4rem auto;color:inherit}
.hrm-live.dark{--blue:#5cb3ec;--red:#f0894a;--green:#3cc59a;--grey:#98a0ab;--purple:#bb98dc;--on:#10151b;color-scheme:dark}
.hrm-live svg{display:block;font:12px system-ui,sans-serif;fill:currentColor}
.hrm-live svg [tabindex]{outline:none}
.hrm-live svg [tabindex]:focus{stroke:currentColor;stroke-width:2}
.hrm-live .controls{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(270px,100%),1fr));gap:.35rem 1.4rem;
align-items:center;margin-bottom:.7rem;font-size:14px}
.hrm-live label{display:flex;align-items:center;gap:.5rem;margin:0}
.hrm-live label span{white-space:nowrap}
.hrm-live output{min-width:2.7em;text-align:right;font-variant-numeric:tabular-nums}
.hrm-live input{accent-color:var(--blue);flex:1;min-width:80px;height:24px}
.hrm-live .buttons{display:flex;flex-wrap:wrap;gap:.5rem;grid-column:1/-1}
.hrm-live button{font:inherit;color:inherit;background:none;border:1px solid currentColor;border-radius:6px;
padding:.2rem .7rem;cursor:pointer}
.hrm-live .reading{font-size:14px;margin:.5rem 0 0;min-height:3.2em}
"""


def _script(name: str) -> str:
    """The JavaScript of a picture, without its comments and indentation."""
    text = resources.files(__package__).joinpath(f"{name}.js").read_text(encoding="utf-8")
    return "\n".join(line for line in map(str.strip, text.splitlines()) if line and not line.startswith("//"))


def _live(name: str, label: str, still: str, data=None) -> HTML:
    """A picture: ``label`` says in words what it shows, ``still`` stands there where scripts do not run."""
    given = json.dumps(data, separators=(",", ":"))
    ident = f"live-{name}-{hashlib.sha256(given.encode()).hexdigest()[:8]}"
    style = re.sub(r"\n", "", _STYLE)
    return HTML(
        f'<div class="hrm-live" id="{ident}" role="group" aria-label="{label}"><style>{style}</style>'
        f'<p class="still">{still}</p></div>\n'
        f'<script>(function(){{\nconst ID="{ident}",DATA={given};\n{_script("stage")}\n{_script(name)}\n}})();</script>'
    )


def cobweb() -> HTML:
    """z ← q cos z + x as a cobweb, beside the lengths of its steps; start, q and x are the reader's."""
    return _live(
        "cobweb",
        "A curve, the diagonal and the path of z between them; beside it the length of each step",
        "Here the path of z ← q cos z + x winds into the crossing of the curve with the diagonal, step by step.",
    )


def chain() -> HTML:
    """z_i ← tanh(g s_i z_{i−1}) over 32 bits: how far a flip of the first bit shows, step by step, for a gain g."""
    return _live(
        "chain",
        "Bars over 32 bits: the effect that flipping the first bit has on each, after so many steps",
        "With gain g below 1 the news of a flipped bit fades on its way along the chain; above 1 it comes through.",
    )


def clocks() -> HTML:
    """Two clocks, a toy of eight numbers: which network steps when, and how far each step goes, for any N and T."""
    return _live(
        "clocks",
        "The schedule of worker and controller, and below it the forward residual of every step over three segments",
        "The worker's steps shrink within a cycle and jump when the controller has moved: a comb whose teeth wear off.",
    )


def gradient_terms() -> HTML:
    """The terms of the gradient at a fixed point as arrows, for one eigenvalue; the first is the one-step gradient."""
    return _live(
        "gradient_terms",
        "Arrows tip to tail: the terms of the gradient add up to the full gradient; the first one is marked",
        "Each term is the one before, turned and shortened by the eigenvalue; the first is the one-step gradient.",
    )


def row_life() -> HTML:
    """A batch of eight rows over segments: who goes on, who halts, what takes the row. What puzzles need is drawn."""
    return _live(
        "row_life",
        "Eight rows of boxes: each box is a segment of a puzzle; a new colour is a new puzzle",
        "Each row carries its latents from segment to segment until it halts; then a new puzzle takes the row.",
    )


def halting_rule(q_halt: Tensor, right: Tensor, q_continue: Tensor | None = None, margin: float = 0.0) -> HTML:
    """What the rule q_halt − q_continue > τ does to puzzles whose every segment is known.

    q_halt, right, q_continue: (segments, puzzles), logits, and whether the answer was right; without ``q_continue`` the
    rule is q_halt > τ. margin: the τ at which it opens. At most the first 150 puzzles are shown. ValueError for shapes
    that differ.
    """
    shapes = [tuple(t.shape) for t in (q_halt, right, q_continue) if t is not None]
    if len(set(shapes)) > 1 or len(shapes[0]) != 2:
        raise ValueError(f"q_halt, right and q_continue should all be (segments, puzzles), and they are {shapes}")
    data = {"halt": _numbers(q_halt), "right": right[:, :150].int().tolist(), "margin": margin}
    if q_continue is not None:
        data["cont"] = _numbers(q_continue)
    return _live(
        "halting_rule",
        "Left: the mean of both values and of the truth against the segment; right: where puzzles halt",
        "A small margin stops early, a large one late or never; the values and the truth stand beside it.",
        data,
    )


def restarts(question: Tensor, solution: Tensor, answers: Tensor, q_halt: Tensor, segments: Tensor) -> HTML:
    """One 9x9 puzzle that was begun several times: the answer of each attempt, its Q̂, and which one Q would choose.

    question, solution: (81,) tokens, 1 for a blank and k + 1 for the digit k; answers: (attempts, 81) tokens; q_halt:
    (attempts,) logits; segments: (attempts,). ValueError where the numbers of attempts or of cells differ.
    """
    count, cells = answers.shape
    if {len(q_halt), len(segments)} != {count} or {len(question), len(solution), cells} != {81}:
        raise ValueError(
            f"{count} answers of {cells} cells, {len(q_halt)} values of Q and {len(segments)} numbers of segments do "
            "not go together: one of each for every attempt, and 81 cells."
        )

    def digits(board: Tensor) -> str:
        return "".join(str(max(t - 1, 0)) for t in board.tolist())

    data = {"question": digits(question), "solution": digits(solution), "answers": [digits(a) for a in answers],
            "q": [round(q, 2) for q in q_halt.tolist()], "segments": segments.tolist()}  # fmt: skip
    return _live(
        "restarts",
        "Left: a Sudoku as one attempt fills it in, wrong cells shaded; right: a dot for the belief in each attempt",
        "The model is begun at other random vectors each time; some attempts find the answer, and Q̂ says which.",
        data,
    )


def thinking(
    puzzles: PuzzleSet, question, answers, titles=None, label=None, unit: str = "board", opens: int | None = None,
    plays: bool = False,
) -> HTML:  # fmt: skip
    """A board and the answers that it goes through, to be played, stepped and dragged.

    question: (seq_len,) tokens; answers: (boards, seq_len); titles: what each is called, otherwise "segment 1", ….
    label: the right answer; with it, a curve beside the board says how many blanks are right. unit: what the curve's
    axis counts. opens: the board that it opens at, 0 for the question; without it the one in the middle. plays: begin
    by itself, where the reader has not asked for less motion. ValueError for boards of another size.
    """
    boards = torch.cat([torch.tensor(np.asarray(t)).long().reshape(-1, puzzles.seq_len) for t in (question, answers)])
    titles = [f"segment {i}" for i in range(1, len(boards))] if titles is None else list(titles)
    if len(titles) != len(boards) - 1:
        raise ValueError(f"there are {len(boards) - 1} answers and {len(titles)} titles")
    broken = puzzles.violations(boards)
    broken[0] = False  # blanks are no mistake of the question
    data = {
        "grid": list(puzzles.grid), "box": list(puzzles.box) if puzzles.box else None, "titles": titles, "unit": unit,
        "faces": [[face.character, face.colour] for face in puzzles.faces],
        "boards": [_letters(b) for b in boards], "broken": [b.nonzero().flatten().tolist() for b in broken],
        "label": None if label is None else _letters(torch.tensor(np.asarray(label)).long()),
        "opens": (len(boards) - 1) // 2 if opens is None else opens, "plays": plays,
    }  # fmt: skip
    return _live(
        "thinking",
        "A puzzle and its answer, board after board; cells that break a rule are red, those that changed are grey",
        f"Here the answer to a puzzle forms in {len(boards) - 1} boards, all of its cells at once.",
        data,
    )


def orbit(
    clouds: dict[str, Tensor], shares: dict[str, Tensor], groups: Tensor, letters: str, kind: str, moments: list[str]
) -> HTML:
    """Points on three principal axes, to be turned by dragging, with the arrow keys or by sliders.

    clouds: by name, (moments, points, 3), the coordinates on the axes. shares: by the same names, the share of the
    variance on each of the three. groups: (points,) numbers from 0; each point is drawn as its group's letter, which
    is the ``kind`` ("digit") that the reading names. moments: a word or two for each. ValueError where these do not
    fit together.
    """
    shapes = {name: tuple(cloud.shape) for name, cloud in clouds.items()}
    wanted = (len(moments), len(groups), 3)
    if set(shapes.values()) != {wanted} or set(shares) != set(clouds):
        raise ValueError(f"each cloud should be {wanted}, moments, points and axes, with its shares: they are {shapes}")
    if sorted(set(groups.tolist())) != list(range(len(letters))):
        raise ValueError(f"there are {len(letters)} letters, so groups should hold every number from 0 and no other")
    data = {
        "clouds": [
            {"name": name, "shares": [round(v, 4) for v in shares[name].tolist()], "points": _packed(cloud)}
            for name, cloud in clouds.items()
        ],
        "groups": groups.tolist(), "letters": list(letters), "kind": kind, "moments": list(moments),
    }  # fmt: skip
    return _live(
        "orbit",
        f"A cloud of points in three dimensions, each written as its {kind}; it turns when it is dragged",
        f"Here a cloud of points stands in three dimensions, each written as its {kind}, and turns when it is dragged.",
        data,
    )


def guess_effects(measured: dict[str, list[float]], says: dict[str, str] | None = None) -> HTML:
    """Changes of a model, for each a guess of what it does to accuracy; at a press, what was measured, seed by seed.

    measured: the change in points of exact accuracy, a number for each seed, by the name of the change. says: a few
    words beside a name. ValueError where there is nothing to guess.
    """
    if not measured or not all(measured.values()):
        raise ValueError(f"each change should have a number for at least one seed, and they are {measured}")
    reach = 20 * -(-max(abs(v) for values in measured.values() for v in values) // 20)  # ticks at a quarter of it
    data = {"names": list(measured), "says": [(says or {}).get(name, "") for name in measured], "reach": int(reach)}
    data["measured"] = [[round(v, 1) for v in values] for values in measured.values()]
    return _live(
        "guess_effects",
        "A row for each change of the model: a diamond for the guess, and on demand a dot for every seed measured",
        "Here one sets a guess for each change of the model and then sees what was measured, seed by seed.",
        data,
    )


def _letters(tokens: Tensor) -> str:
    return "".join(chr(65 + t) for t in tokens.tolist())


_KEYS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _packed(cloud: Tensor) -> str:
    """Two characters a coordinate: its thousandths of the largest distance from 0, from −1000 to 1000."""
    steps = (1000 + 1000 * cloud / cloud.norm(dim=-1).max()).round().long().flatten().tolist()
    return "".join(_KEYS[v // 62] + _KEYS[v % 62] for v in steps)


def _numbers(logits: Tensor) -> list[list[float]]:
    return [[round(q, 2) for q in row] for row in logits[:, :150].tolist()]
