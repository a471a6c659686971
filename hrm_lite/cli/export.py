"""`hrm-lite export`: a model in other forms, each held against the original before it is kept."""

from __future__ import annotations

from pathlib import Path

import click

from . import streams
from .sources import seq_len_option

SUFFIXES = {".safetensors": "half", ".onnx": "onnx", ".js": "page", ".bin": "half"}
_EXAMPLES = """\b
Examples:
  hrm-lite export sudoku-4x4 --to small.safetensors
  hrm-lite export sudoku-4x4 --to segment.onnx
  hrm-lite export sudoku-4x4 --to sudoku-4x4.js --weights int8

\b
Forms, told apart by the suffix or by --format:
  half  .safetensors  weights in bfloat16, half the size; load_model reads it
  onnx  .onnx         one segment as a graph: tokens, puzzle_ids, z_H, z_L in;
                      logits, q_halt, q_continue and the next z_H, z_L out
  page  .js           a script that a page can include, opened from disk too
"""


@click.command("export", epilog=_EXAMPLES)
@click.argument("model", metavar="MODEL")
@click.option(
    "--to",
    required=True,
    metavar="FILE",
    help="Where to write; what stands there is replaced once the new file has been checked.",
)
@click.option("--format", "form", type=click.Choice(["half", "onnx", "page"]), help="In place of the suffix.")
@click.option(
    "--puzzles",
    "source",
    metavar="SOURCE",
    help="Puzzles to hold it against the original on; for the known kinds some are made without it.",
)
@click.option(
    "--weights",
    type=click.Choice(["float16", "int8"]),
    default="float16",
    show_default=True,
    help="How a page model keeps its matrices.",
)
@seq_len_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, and nothing else.")
def command(model, to, form, source, weights, seq_len, as_json):
    """Write a model in other forms: half precision, ONNX, for the page.

    MODEL is a model file, a run folder, a folder with published weights, hub:OWNER/NAME or the name of a model that
    comes along.
    """
    path = Path(to).expanduser()
    form = form or SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise click.UsageError(f"{to} does not tell the form. End it in {', '.join(SUFFIXES)}, or say --format.")
    if path.is_dir():
        raise click.UsageError(f"{to} is a folder. Name a file in it.")
    with streams.only_the_result(as_json):
        if form == "onnx":
            _need("onnx", "onnxruntime")
        from .sources import read_model

        given = read_model(model, seq_len=seq_len)
        sets, kinds = _puzzles(given.model, source)
        path.parent.mkdir(parents=True, exist_ok=True)
        result = {"half": _half, "onnx": _onnx, "page": _page}[form](path, given, sets, weights)
        kinds = kinds if form == "onnx" else kinds[-1:]  # what answers are to be the same on: no noise
        result = {
            "model": given.name,
            "file": str(path),
            "format": form,
            "bytes": path.stat().st_size,
            "checked_on": kinds,
        } | result
    if as_json:
        streams.give(result)
        return
    click.echo(f"{path}: {result['bytes']:,} bytes, checked on {' and '.join(kinds)}.")
    if form == "onnx":
        click.echo(f"The largest difference from torch, relative to the largest output, is {result['difference']:.1e}.")
    else:
        click.echo(
            f"After {_SEGMENTS} segments {result['cells']:.2%} of the cells and {result['answers']:.1%} of the "
            f"whole answers are those of the original; its confidence differs by "
            f"{result['confidence']:.2g} at most."
        )


def _need(*modules: str) -> None:
    """Say at once which extra is missing, not after the work."""
    from importlib.util import find_spec

    from .extras import advice

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"This needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            f"installed. {advice(missing[0])}"
        )


_COUNT, _SEGMENTS = 32, 8
_KINDS = {
    (16, 6): "sudoku:generated:4x4:4-6",
    (36, 8): "sudoku:generated:6x6:10-14",
    (81, 11): "sudoku:generated:9x9:45-55",
    (900, 6): "maze:generated:30x30:unique",
}


def _puzzles(model, source: str | None):
    """[(tokens, puzzle_ids), …] to check on, and what they are: random tokens, and puzzles where some are known."""
    import torch

    from .sources import read_puzzles

    c = model.config
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(max(1, c.puzzles), (_COUNT,), generator=draw)
    sets = [(torch.randint(c.vocab_size, (_COUNT, c.seq_len), generator=draw), ids)]
    kinds = [f"{_COUNT} rows of random tokens"]
    source = source or _KINDS.get((c.seq_len, c.vocab_size))
    if source:
        puzzles = read_puzzles(source, "test", _COUNT)
        tokens, _, own = puzzles[:_COUNT].as_tensors()
        if tokens.shape[1] != c.seq_len or int(tokens.max()) >= c.vocab_size or int(own.max()) >= max(1, c.puzzles):
            raise ValueError(
                f"The puzzles of {source} ({puzzles.name}) are of another kind than the model, which reads "
                f"{c.seq_len} cells and {c.vocab_size} tokens. Give others with --puzzles."
            )
        sets.append((tokens, own))
        kinds.append(f"{len(tokens)} puzzles of {source}")
    return sets, kinds


def _onnx(path, given, sets, weights) -> dict:
    from ..training.onnx_segment import write_onnx

    return {"difference": write_onnx(path, given.model, sets)}


def _half(path, given, sets, weights) -> dict:
    from ..training import load_model, save_model

    return _kept(path, given, sets, lambda aside: save_model(aside, given.model, half=True), load_model)


def _page(path, given, sets, weights) -> dict:
    from ..training.page_weights import read_page_model, write_page_model

    facts = {"margin": given.margin} if given.margin is not None else {}

    def write(aside):
        write_page_model(aside, given.model, path.stem, weights, facts)

    return {"weights": weights} | _kept(path, given, sets, write, lambda aside: read_page_model(aside)[0])


def _kept(path: Path, given, sets, write, read) -> dict:
    """Write beside the place, read it back, hold its answers against the original's; then move it there."""
    import os

    import torch

    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        write(aside)
        ours, theirs = (_answers(model, *sets[-1]) for model in (given.model, read(aside)))
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    same = ours[0] == theirs[0]
    gap = (torch.sigmoid(ours[1]) - torch.sigmoid(theirs[1])).abs().max().item()
    return {"cells": same.float().mean().item(), "answers": same.all(1).float().mean().item(), "confidence": gap}


def _answers(model, tokens, ids):
    """Answers (rows, seq_len) and q_halt (rows,) after all segments."""
    from ..solving import solve

    found = solve(model, tokens, _SEGMENTS, halt=False, puzzle_ids=ids)
    return found.tokens, found.q_halt
