"""The whole runs of the notebooks that are kept: results/**/run/executed.ipynb beside run.json and model.safetensors.

Such a folder is a run folder in small: the training cell finds a finished run there and does nothing, so nbval repeats
the evaluation alone. It is made, from a clean checkout, by

    mkdir -p results/maze/laptop/run && cd results/maze/laptop/run
    hrm-lite run ../../../../notebooks/train_maze_hard.ipynb -p profile=laptop -p run_dir=. --to executed.ipynb

after which all but these three files is removed. Needs nothing but Python.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROFILES = ("smoke", "laptop", "t4", "a100", "h200")
KEPT = {"executed.ipynb", "run.json", "model.safetensors"}
INJECTED = "injected-parameters"


def executed(root: Path = ROOT) -> list[Path]:
    return sorted((root / "results").glob("**/run/executed.ipynb"))


def code(notebook: dict) -> list[str]:
    """The code cells, without the parameters that papermill put in."""
    return ["".join(cell["source"]) for cell in notebook["cells"]
            if cell["cell_type"] == "code" and INJECTED not in cell["metadata"].get("tags", [])]


def source_name(notebook: dict, root: Path = ROOT) -> str:
    """Which notebook of notebooks/ this is a run of: the one with the same title. ValueError where there is none."""
    def title(n):
        return next(("".join(c["source"]).splitlines()[0] for c in n["cells"] if c["cell_type"] == "markdown"), None)

    for path in sorted((root / "notebooks").glob("*.ipynb")):
        if title(json.loads(path.read_text(encoding="utf-8"))) == title(notebook):
            return path.stem
    raise ValueError(f"no notebook under notebooks/ has the title {title(notebook)!r}")


def profile(notebook: dict) -> str:
    """The profile of the run: the last one that a cell of parameters sets."""
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"
             and {"parameters", INJECTED} & set(c["metadata"].get("tags", []))]
    return re.findall(r"(?m)^profile = [\"'](\w+)[\"']", "\n".join(cells))[-1]


def shown(root: Path = ROOT) -> dict[str, Path]:
    """For each notebook, the kept run that its page shows: the one of the largest profile."""
    best: dict[str, tuple[int, Path]] = {}
    for path in executed(root):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        rank, name = PROFILES.index(profile(notebook)), source_name(notebook, root)
        if name not in best or rank > best[name][0]:
            best[name] = rank, path
    return {name: path for name, (_, path) in best.items()}
