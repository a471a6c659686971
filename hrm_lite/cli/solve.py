"""`hrm-lite solve`: one puzzle, the thinking segment by segment, the verdict by the rules."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from . import streams
from .sources import seq_len_option

_EXAMPLES = """\b
Examples:
  hrm-lite solve "1... ..2. 4... .3.."
  hrm-lite solve 1......2.4....3. --json
  hrm-lite solve puzzle.txt --model runs/nine --segments 64 --restarts 4
"""

# Of several models that ship for one kind of puzzle, the one that solves most.
_STRONGEST = {"sudoku-9x9": "sudoku-9x9-compact"}


@click.command("solve", epilog=_EXAMPLES)
@click.argument("puzzle", required=False)
@click.option(
    "--model",
    "source",
    metavar="MODEL",
    help="A model file, a run folder, a folder with published weights, "
    "hub:OWNER/NAME, or the name of a model that comes along. Without it: the one of the puzzle's size.",
)
@click.option("--segments", type=click.IntRange(1), default=16, show_default=True, help="Think so long at most.")
@click.option("--no-halt", is_flag=True, help="Think through all segments, as the published evaluation does.")
@click.option(
    "--margin",
    type=float,
    help="Stop once the logit of being right is above this. Without it: the margin "
    "in the record beside the model, else 0, more likely right than wrong.",
)
@click.option(
    "--restarts",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Begin again so many times, elsewhere, while the model is not content.",
)
@seq_len_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, and nothing else.")
def command(puzzle, source, segments, no_halt, margin, restarts, seq_len, as_json):
    """Solve a puzzle and show the thinking.

    PUZZLE is 16, 36 or 81 characters row by row with '.' or '0' for a blank, a drawn grid, a maze of '#', ' ', 'S' and
    'G', or a file that holds one of these. Without it, or with -, it is read from standard input.

    A wrong answer is said to be wrong, with what breaks; the exit code is 0 all the same: the model has answered.
    """
    if no_halt and restarts:
        raise click.UsageError(
            "--restarts are for puzzles that the halting rule is not content with: leave out --no-halt, or --restarts."
        )
    text = _text(puzzle)
    with streams.only_the_result(as_json):
        from ..records import SHIPPED
        from .puzzle_text import read_puzzle
        from .sources import read_model
        from .thinking import breaks, think

        puzzles, warning = read_puzzle(text)
        if source is None:
            kind = "maze" if puzzles.name.startswith("maze-") else puzzles.name  # one model for mazes of all sizes
            source = _STRONGEST.get(kind, kind)
            source = source if source in SHIPPED else None
        if source is None:
            have = ", ".join(SHIPPED)
            raise ValueError(
                f"No model for a puzzle of the kind {puzzles.name} comes with hrm-lite (there is {have}). "
                "Name one of your own with --model; `hrm-lite train --help` tells how to make one."
            )
        given = read_model(source, seq_len=seq_len)
        if given.model.config.mixer == "convolution" and puzzles.seq_len != given.model.config.seq_len:
            given.model = given.model.on_grid(*puzzles.grid)
        if margin is None:
            margin = given.margin or 0.0
        _check_fit(given, puzzles)
        found = think(given.model, puzzles.as_tensors()[0][0], segments, not no_halt, margin, restarts)
        wrong = breaks(puzzles, found.answer)
        result = _result(puzzles, given, found, wrong, warning, margin)
    if as_json:
        streams.give(result)
    else:
        _show(puzzles, given, found, wrong, warning, not no_halt)


def _text(puzzle: str | None) -> str:
    """The puzzle as text: the argument itself, the file that it names, or standard input."""
    if puzzle is None or puzzle == "-":
        if puzzle is None and sys.stdin.isatty():
            raise click.UsageError(
                "There is no puzzle: give it as an argument, name a file, or send it to standard input."
            )
        return sys.stdin.read()
    looks_like_path = "\n" not in puzzle and len(puzzle) < 1000
    try:
        is_file = looks_like_path and Path(puzzle).expanduser().is_file()
    except (OSError, ValueError):  # a maze is no name that every system can look up
        is_file = False
    if is_file:
        try:
            return Path(puzzle).expanduser().read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{puzzle} is no text in UTF-8 ({error.reason} at byte {error.start}). A puzzle is a text file."
            ) from None
    if looks_like_path and (Path(puzzle).suffix.lower() in (".txt", ".sdk", ".csv", ".md", ".json")):
        raise FileNotFoundError(f"There is no file {puzzle}. Check the path, or give the puzzle itself.")
    return puzzle


def _check_fit(given, puzzles) -> None:
    c = given.model.config
    if (c.seq_len, c.vocab_size) != (puzzles.seq_len, puzzles.vocab_size):
        raise ValueError(
            f"{given.name} was made for puzzles of {c.seq_len} cells and {c.vocab_size} tokens; this one is "
            f"{puzzles.name}, with {puzzles.seq_len} cells and {puzzles.vocab_size} tokens. Name a model of this kind "
            "with --model."
        )


def _confidences(found) -> list[float]:
    import torch

    return torch.tensor(found.q_halt, dtype=torch.float64).sigmoid().tolist()


def _result(puzzles, given, found, wrong, warning, margin) -> dict:
    sure = _confidences(found)
    return {
        "puzzle": puzzles.name,
        "question": puzzles.decode(puzzles.inputs[0]),
        "model": given.name,
        "segments": [
            {"segment": number, "answer": puzzles.decode(answer), "q_halt": q, "confidence": confidence}
            for number, (answer, q, confidence) in enumerate(zip(found.answers, found.q_halt, sure, strict=True), 1)
        ],
        "answer": puzzles.decode(found.answer),
        "solved": not wrong,
        "breaks": wrong,
        "confidence": found.confidence,
        "segments_used": found.segments,
        "content": found.content,
        "margin": margin,
        "warning": warning,
    }


def _show(puzzles, given, found, wrong, warning, halts) -> None:
    from .boards import LEGEND, board, thinking

    screen = streams.console()
    if warning:
        screen.print(f"Note: {warning}", style="yellow")
    screen.print(given.describe(), style="dim")
    screen.print(thinking(puzzles, found.answers, _confidences(found)))
    screen.print(LEGEND if puzzles.name.startswith("sudoku") else LEGEND.replace("bold: given", ""), style="dim")
    if found.segments > len(found.answers):
        screen.print(board(puzzles, found.answer, found.answers[-1], f"after restarts: {found.confidence:.1%} sure"))
    screen.print()
    if wrong:
        more = f"; and {len(wrong) - 6} more" if len(wrong) > 6 else ""
        screen.print(f"Wrong, by the rules: {'; '.join(wrong[:6])}{more}.", style="bold red")
    else:
        screen.print("Right, by the rules.", style="bold green")
    how = "content" if found.content else "not content"
    thought = f"{found.segments} segment{'s' * (found.segments != 1)}"
    screen.print(
        f"The model is {found.confidence:.1%} sure of its answer after {thought}"
        + (f", and {how} with it." if halts else ".")
    )
    if wrong and halts and not found.content and not warning:  # what has no solution gets none by thinking
        screen.print("More thinking may help: --segments 64, --restarts 4.", style="dim")
