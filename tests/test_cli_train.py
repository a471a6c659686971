"""`hrm-lite train`: settings reach the run, a run goes on, and what does not fit is said before anything starts."""

import json

import pytest
import torch
from helpers import TRAIN, assert_same_bits
from test_cli import call

from hrm_lite import HRM, Trainer, load_model, model_preset, puzzles, train_preset
from hrm_lite.cli.train import PUZZLES
from hrm_lite.presets import preset_names
from hrm_lite.puzzles import arc, sudoku
from hrm_lite.records import read_json

SMALL = ["--limit", "40", "--set", "d_model=16", "--set", "batch_size=8", "--set", "max_segments=2"]


def train(folder, *words, steps=6, preset="sudoku-4x4"):
    return call("train", preset, "--run-dir", str(folder), *SMALL, "--set", f"max_steps={steps}", *words)


def test_a_run_is_the_one_that_python_makes(tmp_path):
    result = train(tmp_path / "cli", "--seed", "3", "--held-out", "20", "--set", "lr=1e-3")
    assert result.exit_code == 0, result.output
    data = sudoku.load("generated:4x4:4-6", "train", limit=40, seed=3)
    held_out = sudoku.load("generated:4x4:4-6", "test", limit=20, seed=3)
    torch.manual_seed(3)
    model = HRM(model_preset("sudoku-4x4", d_model=16))
    config = train_preset("sudoku-4x4", batch_size=8, max_segments=2, max_steps=6, lr=1e-3, seed=3)
    record = Trainer(model, data, config, held_out=held_out, progress=False).fit()
    kept = read_json(tmp_path / "cli" / "run.json")
    for key in ("model", "train", "data", "initial", "steps", "best"):
        assert json.loads(json.dumps(record[key])) == kept[key]
    assert_same_bits(load_model(tmp_path / "cli" / "model.safetensors").state_dict(), model.state_dict())


def test_the_end_says_what_came_of_it_and_what_to_do_next(tmp_path):
    output = " ".join(train(tmp_path / "a run", "--held-out", "20").output.split())
    assert "Finished by max_steps: 6 steps" in output and "Held-out puzzles" in output
    for command in ("evaluate", "export", "solve --model"):
        assert f"hrm-lite {command} '{tmp_path / 'a run'}'" in output  # quoted, as a shell wants it


def test_the_same_line_goes_on_and_another_is_refused(tmp_path):
    assert train(tmp_path, steps=4).exit_code == 0
    again = train(tmp_path, "--json", steps=8)
    assert json.loads(again.stdout)["steps"] == 8 and "resumed at step 4" in again.stderr
    other = train(tmp_path, "--set", "lr=0.5", steps=8)
    assert other.exit_code == 1 and "lr: 0.003 stored, 0.5 given" in other.stderr and "--run-dir" not in other.stdout
    assert read_json(tmp_path / "run.json")["steps"] == 8
    whole = train(tmp_path / "whole", steps=8)
    assert whole.exit_code == 0
    runs = [load_model(folder / "model.safetensors").state_dict() for folder in (tmp_path, tmp_path / "whole")]
    assert_same_bits(*runs)


def test_minutes_end_a_run(tmp_path):
    result = train(tmp_path, "--minutes", "1e-9", "--json", steps=1000)
    assert json.loads(result.stdout)["ended_by"] == "max_minutes"
    assert train(tmp_path / "x", "--minutes", "0").exit_code == 2


def test_ctrl_c_keeps_the_run_and_leaves_with_130(tmp_path, monkeypatch):
    def fit(self):
        return self.record() | {"finished": False, "ended_by": "SIGINT"}

    monkeypatch.setattr(Trainer, "fit", fit)
    result = train(tmp_path)
    assert result.exit_code == 130 and "goes on from here" in result.output


@pytest.mark.parametrize(
    ("source", "add"),
    [
        ("sudoku:generated:6x6:10-14", ["seq_len=36", "vocab_size=8", "grid=6,6,2,3"]),
        ("sudoku:generated:9x9:45-55", ["seq_len=81", "vocab_size=11", "grid=9,9,3,3"]),
        ("maze:generated:6x6:unique", ["seq_len=36", "grid=6,6"]),
        ("maze:generated:4x4:unique", ["grid=4,4"]),
    ],
)
def test_puzzles_of_another_shape_are_refused_with_the_settings_that_help(tmp_path, source, add):
    words = ["--puzzles", source, "--limit", "8"]
    result = train(tmp_path, *words)
    assert result.exit_code == 1 and not list(tmp_path.iterdir())
    advice = result.stderr.split("Add ")[1].split()
    assert [word for word in advice if word != "--set"] == add
    mended = train(tmp_path, *words, *advice, steps=1)  # the advice can be followed
    assert mended.exit_code == 0, mended.output


def test_arc_is_trained_and_evaluated_with_the_same_copies_of_its_tasks(tmp_path):
    """Another limit or seed for the second set would give its tasks the identifiers of others."""
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    for number in range(4):
        colours = [[number, 1], [2, 3]]
        task = {part: [{"input": colours, "output": colours[::-1]}] for part in ("train", "test")}
        (tasks / f"{number}.json").write_text(json.dumps(task), encoding="utf-8")
    source = ["--puzzles", f"arc:{tasks}", "--limit", "3", "--held-out", "2", "--seed", "5", "--set", "seed=5"]
    shape = ["seq_len=900", "vocab_size=12", "positions=none", "grid=", "d_model=8", "n_heads=1", "batch_size=2"]
    words = [*source, *(word for setting in shape for word in ("--set", setting))]
    refused = train(tmp_path / "run", *words, steps=1)
    assert refused.exit_code == 1 and "Add --set puzzles=" in refused.stderr
    done = train(tmp_path / "run", *words, *refused.stderr.split("Add ")[1].split(), steps=1)
    assert done.exit_code == 0, done.output
    record = read_json(tmp_path / "run" / "run.json")
    tests = arc.load(tasks, "test", limit=3, seed=5)
    assert record["model"]["puzzles"] == tests.identifiers
    assert record["history"][-1]["evaluated"] == tests[:2].content_hash
    result = call("evaluate", str(tmp_path / "run"), f"arc:{tasks}", "--limit", "3", "--votes", "1",
                  "--segments", "1", "--json")  # fmt: skip
    assert json.loads(result.stdout)["set"]["sha256"] == tests.content_hash


def test_presets_without_plain_puzzles_ask_for_them(tmp_path):
    result = call("train", "paper", "--run-dir", str(tmp_path / "x"))
    assert result.exit_code == 2 and "--puzzles" in result.output and "hub:sapientinc/sudoku-extreme" in result.output
    assert "--run-dir" in call("train", "sudoku-4x4").output
    assert call("train", "sudoku-4x4").exit_code == 2


@pytest.mark.parametrize("setting", ["lr=-1", "n_heads=3", "optimizer=sgd", "grid=3,3", "betas=0.9"])
def test_a_value_that_makes_no_sense_is_refused_by_its_name(tmp_path, setting):
    result = train(tmp_path / "x", "--set", setting)
    assert result.exit_code == 1 and setting.split("=")[0] in result.stderr and "not usable" in result.stderr
    assert not (tmp_path / "x").exists()


def test_show_lists_all_settings_and_trains_nothing(tmp_path):
    result = call("train", "sudoku-4x4", "--show", "--set", "lr=0.5")
    assert result.exit_code == 0 and "  --set lr=0.5\n" in result.output and "  --set grid=4,4,2,2\n" in result.output
    settings = json.loads(call("train", "sudoku-4x4", "--show", "--json").stdout)
    assert settings["train"] == json.loads(json.dumps(train_preset("sudoku-4x4").to_dict()))


def test_a_folder_that_cannot_be_made_is_an_error_of_one_line(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = train(tmp_path / "file" / "run")
    assert result.exit_code == 1 and len(result.stderr.strip().splitlines()[-1]) > 0
    assert "Traceback" not in result.output and str(tmp_path) in result.stderr


def test_the_helpers_training_is_not_what_presets_say():
    """The tests above change only what they name; a preset that changed underneath would go unnoticed."""
    assert train_preset("sudoku-4x4") != TRAIN


@pytest.mark.parametrize("preset", sorted(set(PUZZLES) - {"arc-laptop"}))  # which tests/test_arc.py asks
def test_the_puzzles_of_a_preset_fit_its_model(preset):
    some = puzzles.load(PUZZLES[preset], "train", limit=8)
    config = model_preset(preset)
    assert (config.vocab_size, config.seq_len) == (some.vocab_size, some.seq_len)
    assert config.puzzles == some.identifiers


def test_every_preset_but_those_of_the_paper_has_puzzles():
    assert set(preset_names()) - set(PUZZLES) == {"paper", "lite"}
