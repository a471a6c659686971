"""What a command is given: a model by path or name, its record beside it, and puzzles by their source."""

from __future__ import annotations

from pathlib import Path

# The size of a Sudoku, in cells, and the name of the model that comes with the package for it.
SHIPPED = {16: "sudoku-4x4"}


class Given:
    """A model, what it was called, and the run record that lies beside it (None where there is none)."""

    def __init__(self, model, name: str, record: dict | None):
        self.model, self.name, self.record = model, name, record

    @property
    def margin(self) -> float | None:
        """The halting margin that was chosen when the model was measured, if its record holds one."""
        margin = ((self.record or {}).get("halting") or {}).get("margin")
        return margin if isinstance(margin, (int, float)) else None

    def describe(self) -> str:
        """The model in one line: name, weights, shape."""
        c = self.model.config
        return (
            f"{self.name}: {self.model.count_parameters():,} weights, {c.seq_len} cells, N = {c.cycles}, T = {c.steps}"
        )


def read_model(source: str, device: str | None = None) -> Given:
    """The model that ``source`` names: a file, a run folder, a published folder, "hub:…" or a shipped name."""
    path, record = _where(source)
    model = _load(str(path))
    if device:
        model = model.to(device)
    return Given(model, source, record)


def _load(source: str):
    import hrm_lite

    return hrm_lite.load_model(source)


def _where(source: str):
    from ..records import read_json

    home = Path(__file__).resolve().parents[1]
    path = Path(source).expanduser()
    if not path.exists() and source == "sudoku-4x4":
        roots = [root / "sudoku/4x4-hrm" for root in (home.parent / "results", home / "results")]
        path = next((root / "model.safetensors" for root in roots if root.is_dir()), path)
    folder = path if path.is_dir() else path.parent
    record = None
    for name in ("run.json", "seed0.json"):
        if (folder / name).is_file() and path.exists():
            record = read_json(folder / name)
            break
    if path.is_dir() and (path / "model.safetensors").is_file():
        path = path / "model.safetensors"
    return path, record


def read_puzzles(source: str, split: str, limit: int | None = None, seed: int = 0, **more):
    """The puzzles of a source such as "sudoku:generated:4x4:4-6", "hub:OWNER/NAME" or a file."""
    from ..puzzles import arc, maze, sudoku

    kind, _, rest = source.partition(":")
    if kind == "arc" or source.startswith("arc-agi"):
        return arc.load(rest if kind == "arc" else source, split, limit=limit, seed=seed, **more)
    if kind in ("sudoku", "maze"):
        return {"sudoku": sudoku, "maze": maze}[kind].load(rest, split, limit=limit, seed=seed)
    return (maze if "maze" in source.lower() else sudoku).load(source, split, limit=limit, seed=seed)
