"""What a command is given: a model by path or name, its record beside it, and puzzles by their source."""

from __future__ import annotations

from pathlib import Path

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


def read_model(source: str, device: str | None = None) -> Given:
    """The model that ``source`` names: a file, a run folder, a published folder, "hub:…" or a shipped name."""
    model, record = _load(source)
    return Given(model.to(device) if device else model, source, record)


def _load(source: str):
    """The model, and the record that lies beside it or that it came with."""
    import hrm_lite

    from ..records import SHIPPED, read_json, shipped

    model, path = hrm_lite.load_model(source), Path(source).expanduser()
    if source in SHIPPED:
        return model, read_json(shipped(source).record)
    folder = path if path.is_dir() else path.parent
    return model, next((read_json(folder / name) for name in _RECORDS if (folder / name).is_file()), None)


def read_puzzles(source: str, split: str, limit: int | None = None, seed: int = 0):
    """The puzzles of a source such as "sudoku:generated:4x4:4-6", "hub:OWNER/NAME" or a file."""
    from .. import puzzles

    return puzzles.load(source, split, limit=limit, seed=seed)
