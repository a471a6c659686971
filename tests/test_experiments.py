"""The scripts that leave run records: one command line for all, and what they write is a record."""

import pytest
from helpers import EXPERIMENTS, run_experiment

from hrm_lite.records import read_json

SCRIPTS = sorted(path.stem for path in EXPERIMENTS.glob("*.py") if path.stem != "command_line")
# The quickest of each script: one run of a few steps.
SHORT = {
    "convergence": "--seeds 0 --variants hrm --steps 3",
    "fixed_points": "--seeds 0 --variants parity-flat --steps 3",
    "optimizers": "--seeds 1 --optimizers adamw --rates 0.002 --steps 10",
}


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_says_what_it_does_and_takes_the_same_options(script):
    shown = run_experiment(script, "--help")
    assert shown.returncode == 0, shown.stderr
    assert f"python experiments/{script}.py" in shown.stdout, "its docstring shows how to call it"
    assert "--seeds" in shown.stdout and "--to" in shown.stdout


@pytest.mark.slow
@pytest.mark.parametrize("script", SHORT)
def test_a_short_run_leaves_a_record_where_it_is_told_to(script, tmp_path):
    done = run_experiment(script, *SHORT[script].split(), "--to", tmp_path / "new" / "folder")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "new" / "folder").glob("*.json")
    record = read_json(path)
    assert {"provenance", "train", "data"} <= record.keys() and "seed" in path.name
    assert f"seed {path.stem[-1]}" in done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_wrong_choice_is_refused_before_anything_runs(tmp_path):
    done = run_experiment("halting", "--settings", "both-111", "--to", tmp_path / "x")
    assert done.returncode == 2 and "invalid choice" in done.stderr and not (tmp_path / "x").exists()
