"""The full-scale notebooks that were executed whole, and bringing their text up to date.

    python tools/at_scale.py        take over titles and text from notebooks/; refuses where code differs

An executed notebook lies beside its finished run: results/KIND/NAME/run/executed.ipynb, run.json, model.safetensors.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

INJECTED = "injected-parameters"  # papermill's tag
KEPT = ("parameters", "provenance")  # of what `hrm-lite run` notes


def is_injected(cell: dict) -> bool:
    return INJECTED in cell["metadata"].get("tags", [])


def text(cell: dict) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


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
    cells = [cell for cell in run["cells"] if not is_injected(cell)]
    codes = [[text(cell) for cell in book if cell["cell_type"] == "code"] for book in (cells, now["cells"])]
    if codes[0] != codes[1]:
        raise ValueError(f"{path.relative_to(ROOT)} was made from other code than {source.name} has now: run it again "
                         "(CONTRIBUTING.md says how).")
    outputs = iter(cell for cell in run["cells"] if cell["cell_type"] == "code")
    merged = []
    for cell in now["cells"]:
        if cell["cell_type"] == "code":
            done = next(outputs)
            if is_injected(done):
                merged.append(done | {"metadata": {"tags": [INJECTED]}})
                done = next(outputs)
            cell = done | {"metadata": cell["metadata"]}
        merged.append(cell)
    # Folders, hosts and processes of whoever ran it are nobody else's business.
    noted = run["metadata"]
    own = {"notebook": source.name} | {key: noted["hrm_lite"][key] for key in KEPT if key in noted.get("hrm_lite", {})}
    own |= {"parameters": noted["papermill"]["parameters"]} if "papermill" in noted else {}
    widgets = {"widgets": noted["widgets"]} if "widgets" in noted else {}
    return run | {"cells": merged, "metadata": now["metadata"] | {"hrm_lite": own} | widgets}


if __name__ == "__main__":
    for path, source in executed().items():
        path.write_text(json.dumps(refreshed(path, source), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(path.relative_to(ROOT))
