"""What a command is given: a model by path or name, its record beside it, and puzzles by their source."""

from __future__ import annotations

from pathlib import Path

# Models that come with the package, each by the name of its puzzles: the weights, and the record beside them.
SHIPPED = {"sudoku-4x4": ("sudoku/4x4-hrm/model.safetensors", "sudoku/4x4-hrm/seed0.json")}


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
    """The model of a file, a run folder or a shipped name, and its record."""
    import hrm_lite

    from ..records import read_json

    path = Path(source).expanduser()
    if source in SHIPPED and not path.exists():
        home = Path(__file__).resolve().parents[1]
        results = next(folder for folder in (home.parent / "results", home / "results") if folder.is_dir())
        weights, record = (results / name for name in SHIPPED[source])
        return hrm_lite.load_model(weights), read_json(record)
    folder = path if path.is_dir() else path.parent
    record = next((read_json(folder / name) for name in _RECORDS if (folder / name).is_file()), None)
    return hrm_lite.load_model(path / "model.safetensors" if path.is_dir() else path), record


def read_puzzles(source: str, split: str, limit: int | None = None, seed: int = 0):
    """The puzzles of a source such as "sudoku:generated:4x4:4-6", "hub:OWNER/NAME" or a file."""
    from ..puzzles import arc, maze, sudoku

    kind, _, rest = source.partition(":")
    if kind == "arc" or source.startswith("arc-agi"):
        return arc.load(rest if kind == "arc" else source, split, limit=limit, seed=seed)
    if kind in ("sudoku", "maze"):
        return {"sudoku": sudoku, "maze": maze}[kind].load(rest, split, limit=limit, seed=seed)
    return (maze if "maze" in source.lower() else sudoku).load(source, split, limit=limit, seed=seed)
