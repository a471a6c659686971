"""The notebooks that were executed whole, under results/: made from the sources that are here, and verifiable again."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hrm_lite.records import read_json
from tools import at_scale

ROOT = Path(__file__).resolve().parent.parent
EXECUTED = at_scale.executed()
each = pytest.mark.parametrize("path", EXECUTED, ids=lambda path: EXECUTED[path].stem)


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


@each
def test_an_executed_notebook_was_made_from_the_source_that_is_here_and_has_its_text(path):
    run = load(path)
    assert at_scale.refreshed(path, EXECUTED[path]) == run, "python tools/at_scale.py takes over the text"
    counts = [cell["execution_count"] for cell in run["cells"] if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1)), "executed once, from top to bottom"
    assert not any(output["output_type"] == "error" for cell in run["cells"] for output in cell.get("outputs", []))


def test_other_code_than_that_of_the_source_is_found(tmp_path, monkeypatch):
    path, source = next(iter(EXECUTED.items()))
    run = load(path)
    next(cell for cell in run["cells"] if cell["cell_type"] == "code")["source"] = "1 + 1"
    changed = tmp_path / "executed.ipynb"
    changed.write_text(json.dumps(run), encoding="utf-8")
    monkeypatch.setattr(at_scale, "ROOT", tmp_path)
    with pytest.raises(ValueError, match=r"made from other code.*run it again"):
        at_scale.refreshed(changed, source)


@each
def test_the_run_beside_it_is_finished_of_a_clean_commit_and_the_one_that_ships(path):
    run, record = read_json(path.parent / "run.json"), read_json(path.parent.parent / "seed0.json")
    assert run["finished"] and run["ended_by"] == "max_steps"
    assert "+" not in run["provenance"]["commit"]
    assert {key: record[key] for key in run} == run, "what was measured stands in the record, beside what was trained"


@pytest.mark.slow
@pytest.mark.skipif("HRM_LITE_SCALE" not in os.environ, reason="4 to 15 minutes of a core each: make scale")
@each
def test_an_executed_notebook_gives_its_outputs_again(path, tmp_path):
    """Strict nbval in a copy of its folder: the training cell finds the finished run, and all that follows is run."""
    for file in path.parent.iterdir():
        shutil.copy(file, tmp_path)
    words = ["-q", "-p", "no:cacheprovider", "-p", "tools.strict_nbval", "--nbval", "--nbval-kernel-name=python3",
             f"--nbval-sanitize-with={ROOT / 'tests/nbval.cfg'}", str(tmp_path / path.name)]  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "pytest", "--rootdir", str(ROOT), *words], cwd=ROOT,
                          capture_output=True, encoding="utf-8", timeout=1800)  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
