"""What a command is given: a model by path or name, its record beside it, and puzzles by their source."""

from __future__ import annotations

from pathlib import Path

import click

# What a run leaves beside its weights, and what the scripts in experiments/ leave beside those that they keep.
_RECORDS = ("run.json", "seed0.json")


class Given:
    """A model, what it was called, and the run record that lies beside it (None where there is none)."""

    def __init__(self, model, name: str, record: dict | None):
        self.model, self.name, self.record = model, name, record

    @property
    def margin(self) -> float | None:
        """The halting margin that was chosen when the model was measured, if its record holds one."""
        margin = ((self.record or {}).get("halting") or {}).get("margin")
        return margin if isinstance(margin, (int, float)) else None

    @property
    def seed(self) -> int:
        """The seed that the run had, 0 where no record tells: it decided which copies of ARC's tasks there are."""
        seed = ((self.record or {}).get("train") or {}).get("seed")
        return seed if isinstance(seed, int) else 0

    def describe(self) -> str:
        """The model in one line: name, weights, shape."""
        c = self.model.config
        return (
            f"{self.name}: {self.model.count_parameters():,} weights, {c.seq_len} cells, N = {c.cycles}, T = {c.steps}"
        )


def read_model(source: str, device: str | None = None, seq_len: int | None = None) -> Given:
    """The model that ``source`` names, as for `hrm_lite.load_model`, and the record beside it if it lies here."""
    import hrm_lite

    from ..records import SHIPPED, read_json, shipped

    model, path = hrm_lite.load_model(source, seq_len=seq_len), Path(source).expanduser()
    record = None
    if source in SHIPPED:
        record = read_json(shipped(source).record)
    elif path.exists():
        folder = path if path.is_dir() else path.parent
        record = next((read_json(folder / name) for name in _RECORDS if (folder / name).is_file()), None)
    return Given(model.to(device) if device else model, source, record)


def read_puzzles(source: str, split: str, limit: int | None = None, seed: int = 0):
    """The puzzles of a source, as for `hrm_lite.puzzles.load`."""
    from .. import puzzles

    return puzzles.load(source, split, limit=limit, seed=seed)


def seq_len_option(function):
    """``--seq-len``, for the published weights that do not say it."""
    return click.option(
        "--seq-len",
        type=click.IntRange(1),
        help="How many cells a puzzle has, where published weights do not say it.",
    )(function)
