"""`hrm-lite evaluate`: a model on puzzles that it has not seen, by the published protocol and with halting."""

from __future__ import annotations

import time

import click

from . import streams
from .sources import seq_len_option

_EXAMPLES = """\b
Examples:
  hrm-lite evaluate sudoku-4x4 sudoku:generated:4x4:4-6 --limit 200
  hrm-lite evaluate runs/first puzzles.csv --segments 64 --restarts 4 --votes 9
  hrm-lite evaluate hub:sapientinc/HRM-checkpoint-sudoku-extreme hub:sapientinc/sudoku-extreme --limit 1000 --json
  hrm-lite evaluate runs/arc arc:arc-agi-1 --votes 50 --minutes 30
"""


@click.command("evaluate", epilog=_EXAMPLES)
@click.argument("model", metavar="MODEL")
@click.argument("puzzles", metavar="PUZZLES")
@click.option(
    "--split",
    type=click.Choice(["test", "train", "all"]),
    default="test",
    show_default=True,
    help="Which side of the puzzles.",
)
@click.option("--limit", type=click.IntRange(1), help="How many puzzles (of ARC: tasks).")
@click.option(
    "--segments",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="Run so many; reported after 1, 2, 4, 8 … of them.",
)
@click.option(
    "--margin",
    type=float,
    help="Halt once q_halt is above this. Without it: the margin in the record "
    "beside the model, else one chosen on a fifth of the puzzles, which are then not reported on.",
)
@click.option("--restarts", type=click.IntRange(0), default=0, help="Also with so many restarts of doubtful puzzles.")
@click.option(
    "--votes",
    type=click.IntRange(0),
    default=0,
    help="Also by a vote over so many copies of each puzzle; "
    "of ARC: how many copies of each task vote, all without it.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="Begin no batch after this time; what was measured until then is reported.",
)
@click.option("--batch-size", type=click.IntRange(1), default=256, show_default=True, help="Puzzles side by side.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="Seeds which puzzles --limit takes, restarts and votes; 0 without it. The copies of ARC's tasks are those of "
    "the seed that the model was trained with, where its record tells.",
)
@click.option("--device", help="cpu, cuda, cuda:1 …; without it the GPU if there is one.")
@seq_len_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, and nothing else.")
def command(
    model, puzzles, split, limit, segments, margin, restarts, votes, minutes, batch_size, seed, device, seq_len, as_json
):
    """How good a model is on a set of puzzles.

    MODEL is a model file, a run folder, a folder with published weights, hub:OWNER/NAME or the name of a model that
    comes along. PUZZLES is a source such as sudoku:generated:4x4:4-6, hub:OWNER/NAME, or a file.

    exact: equal to the label in every cell. by the rules: a right answer, whatever the label. cells: share of right
    cells. Puzzles without any label are left out of the count.
    """
    begun = time.monotonic()
    with streams.only_the_result(as_json):
        import torch

        from ..puzzles.arc import ArcSet
        from .sources import read_model, read_puzzles

        given = read_model(model, device or ("cuda" if torch.cuda.is_available() else "cpu"), seq_len)
        found = read_puzzles(puzzles, split, limit, seed or 0)
        if isinstance(found, ArcSet) and seed is None and given.seed:
            found = read_puzzles(puzzles, split, limit, given.seed)
        budget = None if minutes is None else begun + 60 * minutes
        if isinstance(found, ArcSet):
            from .arc_measuring import measure_tasks

            result = measure_tasks(given.model, found, votes or None, segments, batch_size, budget)
        else:
            result = _measure(given, found, segments, margin, restarts, votes, batch_size, seed or 0, budget)
        result = (
            {
                "model": given.name,
                "set": {"name": found.name, "source": found.source, "split": split, "sha256": found.content_hash},
            }
            | result
            | {"seconds": round(time.monotonic() - begun, 1)}
        )
    if as_json:
        streams.give(result)
    elif isinstance(found, ArcSet):
        from .arc_measuring import show_tasks

        show_tasks(result)
    else:
        _show(given, found, result)


def _measure(given, puzzles, segments, margin, restarts, votes, batch_size, seed, deadline) -> dict:
    from .measuring import labelled, measure, pick_margin

    c = given.model.config
    if (c.seq_len, c.vocab_size) != (puzzles.seq_len, puzzles.vocab_size):
        raise ValueError(
            f"{given.name} was made for puzzles of {c.seq_len} cells and {c.vocab_size} tokens, but {puzzles.name} has "
            f"{puzzles.seq_len} and {puzzles.vocab_size}. Give puzzles of the model's kind."
        )
    if puzzles.identifiers > max(1, c.puzzles):
        raise ValueError(
            f"{puzzles.name} has {puzzles.identifiers} puzzle identifiers, but {given.name} knows {max(1, c.puzzles)}: "
            "it was trained on other puzzles."
        )
    puzzles, left_out = labelled(puzzles)
    if not len(puzzles):
        raise ValueError(f"None of the {left_out} puzzles has an answer to be held against.")
    apart, chosen = 0, "as given"
    if margin is None and given.margin is not None:
        margin, chosen = given.margin, "from the record beside the model"
    elif margin is None:
        margin, apart = pick_margin(given.model, puzzles, segments, batch_size)
        chosen = (
            f"chosen on the first {apart:,} puzzles, which are set apart"
            if apart
            else "more likely right than wrong; too few puzzles to choose one on"
        )
    rest = puzzles.select(slice(apart, None))
    with streams.progress("puzzles", len(rest)) as advance:
        result = measure(given.model, rest, segments, margin, batch_size, restarts, votes, seed, deadline, advance)
    result["halting"] |= {"margin": margin, "margin_from": chosen}
    for name, count in (("restarts", restarts), ("votes", votes)):
        if name in result:
            result[name]["count"] = count
    return {"of": len(rest), "set_apart": apart, "without_label": left_out, "segments": segments} | result


def _show(given, puzzles, result: dict) -> None:
    from rich.table import Table

    screen = streams.console()
    screen.print(given.describe(), style="dim")
    screen.print(
        f"{puzzles.name} from {puzzles.source or 'memory'}: {result['puzzles']:,} of {result['of']:,} puzzles",
        style="dim",
    )
    narrow = screen.width < 60
    table = Table(box=None, padding=(0, 1, 0, 0) if narrow else (0, 2, 0, 0))
    table.add_column("")
    for name in ("segments", "exact", "rules", "cells"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [("all" if narrow else "all segments", share) for share in result["published"].values()]
    rows.append(("halting", result["halting"]))
    if "restarts" in result:
        rows.append((f"halting, {result['restarts']['count']} restarts", result["restarts"]))
    if "votes" in result:
        rows.append((f"vote of {result['votes']['count']}", result["votes"]))
    for name, share in rows:
        table.add_row(
            name,
            f"{share['segments']:.4g}",
            *(f"{share[key]:.1%}" for key in ("exact", "rules")),
            f"{share['cells']:.2%}",
        )
    screen.print(table)
    margin = result["halting"]
    screen.print(f"Halting margin {margin['margin']:.3g}, {margin['margin_from']}.")
    if result["without_label"]:
        screen.print(f"{result['without_label']:,} puzzles without a label were left out.")
    if result["puzzles"] < result["of"]:
        screen.print(f"The time was up after {result['puzzles']:,} puzzles.")
