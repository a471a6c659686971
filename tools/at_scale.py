"""The full-scale notebooks that were executed whole, and bringing their text up to date.

    python tools/at_scale.py        take over titles and text from notebooks/; refuses where code differs

An executed notebook lies beside its finished run: results/KIND/NAME/run/executed.ipynb, run.json, model.safetensors.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools import execute, fold  # noqa: E402

INJECTED = "injected-parameters"  # papermill's tag
KEPT = ("parameters", "provenance")  # of what `hrm-lite run` notes


def is_injected(cell: dict) -> bool:
    return INJECTED in cell["metadata"].get("tags", [])


def source_of(run: dict) -> Path:
    """The notebook that a run was made from; `hrm-lite run` notes its name and papermill its path."""
    noted = run["metadata"]
    name = noted.get("hrm_lite", {}).get("notebook") or noted["papermill"]["input_path"]
    return ROOT / "notebooks" / Path(name).name


def executed() -> dict[Path, Path]:
    """{executed notebook: its source}"""
    found = sorted((ROOT / "results").rglob("run/executed.ipynb"))
    return {path: source_of(json.loads(path.read_text(encoding="utf-8"))) for path in found}


def refreshed(path: Path, source: Path) -> dict:
    """The executed notebook with the present text. ValueError when its code is not the present code."""
    run, now = (json.loads(p.read_text(encoding="utf-8")) for p in (path, source))
    code = [cell for cell in run["cells"] if cell["cell_type"] == "code" and not is_injected(cell)]
    if [fold.text(cell) for cell in code] != [fold.text(cell) for cell in now["cells"] if cell["cell_type"] == "code"]:
        raise ValueError(f"{path.relative_to(ROOT)} was made from other code than {source.name} has now: run it again "
                         "(CONTRIBUTING.md says how).")
    # Folders, hosts and processes of whoever ran it are nobody else's business.
    noted = run["metadata"]
    own = {"notebook": source.name} | {key: noted["hrm_lite"][key] for key in KEPT if key in noted.get("hrm_lite", {})}
    own |= {"parameters": noted["papermill"]["parameters"]} if "papermill" in noted else {}
    page = execute.graft(now, run | {"cells": code}, own)
    for cell in filter(is_injected, run["cells"]):
        at = next(i for i, c in enumerate(page["cells"]) if "parameters" in c["metadata"].get("tags", []))
        page["cells"].insert(at + 1, cell | {"metadata": {"tags": [INJECTED]}})
    return page


if __name__ == "__main__":
    for path, source in executed().items():
        path.write_text(json.dumps(refreshed(path, source), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path.relative_to(ROOT))
