"""What a training notebook settles first: parameters, the card, and the reader's Drive, which keeps what is removed."""

import importlib
import importlib.machinery
import json
import os
import sys
import types
from pathlib import Path

import pytest
import torch
from helpers import assert_same_bits, make, trainer, weights

from hrm_lite import load_model, records
from hrm_lite.records import discard, read_json, write_json
from hrm_lite.training import notebook
from hrm_lite.training.notebook import check_parameters, check_precision, keep_run, needs_gpu

KNOWN = ("profile", "seed", "max_minutes")


def fresh(**names):
    """The globals of a notebook after its parameters cell."""
    return {"In": ["…"], "Out": {}, "_i1": "…", "exit": print, "importlib": importlib, "profile": "t4", "seed": 0,
            "max_minutes": None} | names  # fmt: skip


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(profil="h200"), "profil='h200' is not a parameter.*Did you mean profile"),
        (dict(learning_rate=1e-3), "learning_rate=0.001 is not a parameter of this notebook. It knows: max_minutes"),
        (dict(max_minute=0), "Did you mean max_minutes"),
    ],
)
def test_a_parameter_that_nothing_would_read_is_refused(given, says):
    with pytest.raises(ValueError, match=says):
        check_parameters(fresh(**given), KNOWN)


def test_running_the_cells_again_is_no_mistake_but_a_new_typo_is():
    names = fresh()
    check_parameters(names, KNOWN)
    names |= {"presets": 3, "tokens": [1], "found": {}}  # what later cells made
    check_parameters(names, KNOWN)
    names["seeed"] = 1
    with pytest.raises(ValueError, match="Did you mean seed"):
        check_parameters(names, KNOWN)


def test_without_a_gpu_one_sentence_says_where_to_get_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"profile='t4' trains on a GPU.*Runtime → Change runtime type"):
        needs_gpu("t4")
    check_precision("bfloat16")  # a processor is slow in it, and is told so elsewhere
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    needs_gpu("t4")


@pytest.mark.parametrize(("capability", "refused"), [((7, 5), True), ((8, 0), False), ((9, 0), False)])
def test_bfloat16_is_refused_on_a_card_that_emulates_it(monkeypatch, capability, refused):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Tesla T4")
    check_precision("auto"), check_precision("float16")
    if refused:
        with pytest.raises(RuntimeError, match=r"Tesla T4.*Change runtime type"):
            check_precision("bfloat16")
    else:
        check_precision("bfloat16")


# -- where the run is kept --------------------------------------------------------------------------------


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """A stub of google.colab whose Drive is mounted when the reader agrees; ``asked`` lists where."""
    asked, place = [], tmp_path / "drive"

    def mount(where):
        asked.append(where)
        if colab.declines:
            raise ValueError("mount failed")
        (place / "MyDrive").mkdir(parents=True)

    colab = types.ModuleType("google.colab")
    colab.drive = types.SimpleNamespace(mount=mount)
    colab.declines, colab.asked, colab.place = False, asked, place
    colab.__spec__ = importlib.machinery.ModuleSpec("google.colab", None)
    google = types.ModuleType("google")
    google.colab, google.__path__ = colab, []
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setattr(notebook, "DRIVE", place / "MyDrive")
    return colab


def test_on_colab_a_real_run_is_kept_on_the_drive_and_asked_for_once(colab, capsys):
    for _ in range(2):
        assert keep_run(None, "t4-seed0", True) == colab.place / "MyDrive" / "hrm-lite" / "t4-seed0"
    assert colab.asked == [str(colab.place)]
    assert "if you allow it" in capsys.readouterr().out


def test_who_declines_keeps_the_run_on_the_machine_and_is_told_what_that_means(colab, capsys):
    colab.declines = True
    assert keep_run(None, "t4-seed0", True).as_posix() == "runs/t4-seed0"
    assert "begins from nothing" in capsys.readouterr().out


def test_a_folder_that_is_given_a_smoke_test_and_another_machine_are_not_asked(colab, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert keep_run("~/mine", "x", True) == tmp_path / "mine"
    assert keep_run(None, "smoke", False).as_posix() == "runs/smoke"
    monkeypatch.delitem(sys.modules, "google.colab")
    monkeypatch.delitem(sys.modules, "google")
    assert keep_run(None, "x", True).as_posix() == "runs/x"
    assert colab.asked == []


# -- a drive that keeps what is removed -------------------------------------------------------------------


@pytest.fixture
def bin_of_drive(monkeypatch, tmp_path):
    """tmp_path is on the Drive: whatever is removed there, or written over, goes to the bin as it was."""
    monkeypatch.setattr(records, "_DRIVE", str(tmp_path))
    filled, unlink, replace = {}, Path.unlink, os.replace

    def to_bin(path):
        if Path(path).exists():
            filled[f"{Path(path).name} {len(filled)}"] = Path(path).stat().st_size

    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: (to_bin(self), unlink(self, missing_ok))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (to_bin(b), replace(a, b))[1])
    return filled


def test_checkpoints_on_a_drive_do_not_fill_its_bin(puzzles, tmp_path, bin_of_drive):
    t = trainer(puzzles, tmp_path / "run")
    t.fit()
    states = sorted((tmp_path / "run" / "checkpoints").iterdir())
    assert len(states) == 2 and all(state.stat().st_size for state in states)
    assert any("model.safetensors" in name for name in bin_of_drive), "something was written over"
    large = {name: size for name, size in bin_of_drive.items() if size > 200}  # the lock's owner is a line of text
    assert not large, large
    assert_same_bits(load_model(tmp_path / "run" / "model.safetensors").state_dict(), weights(t.model))


def test_elsewhere_a_file_is_written_over_in_one_go(tmp_path, monkeypatch):
    write_json(tmp_path / "a.json", {"a": 1})
    seen, replace = [], os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append(b), replace(a, b)))
    write_json(tmp_path / "a.json", {"a": 2})
    assert seen == [tmp_path / "a.json"] and read_json(tmp_path / "a.json") == {"a": 2}


def test_what_a_kill_left_moved_aside_is_put_back(puzzles, tmp_path):
    """Between the two renames the old file stands under another name, and nothing under its own."""
    t = trainer(puzzles, tmp_path)
    t.fit()
    record = read_json(tmp_path / "run.json")
    for name in ("run.json", "model.safetensors"):
        (tmp_path / name).rename(tmp_path / f".{name}.old")
    assert trainer(puzzles, tmp_path, model=make()).fit() == record
    assert not list(tmp_path.glob(".*.old"))
    (tmp_path / ".run.json.old").write_text("{}")  # its new version is there: nothing to put back
    assert trainer(puzzles, tmp_path).fit() == record and not list(tmp_path.glob(".*.old"))


def test_discard_takes_a_file_that_is_not_there(tmp_path):
    discard(tmp_path / "none")


# -- what the notebook promises ---------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parent.parent


def promised(notebook: str) -> tuple[str, dict[str, str]]:
    """The head of a notebook, and the lines of its table by profile."""
    cells = json.loads((ROOT / "notebooks" / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]
    head = "".join(cells[0]["source"])
    return head, {line.split("|")[1].strip(" `"): line for line in head.splitlines() if line.startswith("| `")}


def span(shares: list[float]) -> str:
    """The least and the most of some shares, as the heads of notebooks say it."""
    low, high = (f"{100 * share:.1f}" for share in (min(shares), max(shares)))
    return f"{low} %" if low == high else f"{low} to {high} %"


def test_the_budgets_in_the_head_of_the_notebook_are_those_of_the_records():
    said, rows = promised("train_sudoku_extreme")
    assert list(rows) == ["smoke", "laptop", "t4", "a100", "h200"]

    laptop = [read_json(path) for path in sorted((ROOT / "results/sudoku/9x9-laptop").glob("seed*.json"))]
    assert len(laptop) >= 2 and {record["source"] for record in laptop} == {"generated:9x9:24-40"}
    for kind, kinds in (("30-40", "30 to 40 givens"), ("minimal", "minimal puzzles")):
        exact = [r["elsewhere"][f"generated:9x9:{kind} (test, seed {i})"]["exact"][-1] for i, r in enumerate(laptop)]
        assert f"{kinds}: {span(exact)}" in rows["laptop"]
    minutes = max(record["cpu_seconds"] for record in laptop) / 60
    assert f"{minutes:.0f} min of one core" in rows["laptop"]
    assert f"{round(laptop[0]['parameters'], -3):,} weights" in rows["laptop"]

    memory = {(r["preset"], r["precision"], r[""]): r["peak GB"] for r in
              read_json(ROOT / "results/throughput/h200.json")["presets"][1:]}  # fmt: skip
    assert f"{memory['compact', 'float16', 'compiled']:.1f} GB" in rows["t4"]
    assert all(f"{memory['lite', 'bfloat16', 'compiled']:.0f} GB" in rows[profile] for profile in ("a100", "h200"))

    compact = read_json(ROOT / "results/sudoku/9x9-compact/seed0.json")
    assert f"{compact['exact'][63]:.1%}".replace("%", " %") in rows["t4"]
    minimal = compact["elsewhere"]["generated:9x9:minimal"]["exact"][63]
    assert f"minimal puzzles: {minimal:.1%}".replace("%", " %") in rows["t4"]
    assert f"{compact['steps']:,} steps took {compact['seconds']:.0f} seconds" in said
    assert f"{compact['parameters'] / 1e6:.1f} million" in rows["t4"] and "24 to 40" in rows["t4"]
    assert compact["source"] == "generated:9x9:24-40"

    small = [read_json(path) for path in (ROOT / "results/sudoku/4x4-mlp").glob("seed*.json")]
    assert min(r["exact"][7] for r in small) >= 0.99 and "99 %" in rows["smoke"]
    assert f"{round(small[0]['parameters'], -3):,} weights" in rows["smoke"]
    for profile in ("a100", "h200"):  # the day there is a record, the table has to say what it found
        measured = any("sudoku-extreme" in json.loads(path.read_text(encoding="utf-8")).get("source", "")
                       for path in (ROOT / "results").rglob("*.json"))  # fmt: skip
        assert ("not yet measured" in rows[profile]) == (not measured)


def test_the_head_of_the_maze_notebook_says_what_the_records_say():
    _, rows = promised("train_maze_hard")
    assert list(rows) == ["smoke", "laptop", "t4", "a100", "h200"]

    for profile, least in (("laptop", 2), ("t4", 2)):
        runs = [read_json(path) for path in sorted((ROOT / "results/maze" / profile).glob("seed*.json"))]
        (weights_,), (steps,) = {r["parameters"] for r in runs}, {r["steps"] for r in runs}
        assert f"{weights_:,} weights" in rows[profile] and f"{steps:,} steps" in rows[profile]
        assert len(runs) >= least and all(r["finished"] for r in runs)
        assert [r["train"]["seed"] for r in runs] == list(range(len(runs)))
        for segments, said in ((4, "exact after 4 segments"), (8, "after 8")):
            shares = sorted(round(100 * r["exact"][segments - 1]) for r in runs)
            wanted = f"{shares[0]} to {shares[-1]} %" if shares[0] != shares[-1] else f"{shares[0]} %"
            assert f"{wanted} {said}" in rows[profile], wanted
        if profile == "laptop":
            minutes = max(-(-r["cpu_seconds"] // 60) for r in runs)
            assert f"{minutes:.0f} minutes of one processor core" in rows[profile]
        else:
            assert f"took {max(r['seconds'] for r in runs) / 60:.0f} min of an H200" in rows[profile]
    for profile in ("t4", "a100", "h200"):  # the day there is a record, the table has to say what it found
        measured = list((ROOT / "results/maze" / profile).rglob("*.json"))
        assert ("not yet measured" in rows[profile]) == (not measured)


def test_what_the_notebook_of_arc_promises_is_in_the_records():
    _, rows = promised("train_arc")
    assert list(rows) == ["smoke", "laptop", "t4", "a100", "h200"]
    laptop = [read_json(path) for path in sorted((ROOT / "results/arc/laptop").glob("seed*.json"))]
    assert laptop and {record["source"] for record in laptop} == {"arc-agi-1:10x10:7"}
    assert {record["tasks"]["seen"] for record in laptop} == {record["tasks"]["tested"] for record in laptop} == {77}
    assert f"{laptop[0]['tasks']['trained'] - 77} + 77 tasks" in rows["laptop"] and "8 copies" in rows["laptop"]
    assert span([record["votes"]["8 copies"]["pass@2"] for record in laptop]) in rows["laptop"]
    assert f"{laptop[0]['steps']:,} steps" in rows["laptop"]
    assert f"{round(laptop[0]['parameters'], -3):,} weights" in rows["laptop"]
    assert f"{max(record['cpu_seconds'] for record in laptop) / 60:.0f} min of one core" in rows["laptop"]

    card = [read_json(path) for path in sorted((ROOT / "results/arc/t4").glob("seed*.json"))]
    assert len(card) >= 2 and {record["source"] for record in card} == {"arc-agi-1:10x10:100"}
    assert span([record["votes"]["101 copies"]["pass@2"] for record in card]) in rows["t4"]
    steps = sorted(record["steps"] for record in card)
    assert f"{steps[0]:,} to {steps[-1]:,} steps" in rows["t4"]
    assert f"{max(record['seconds'] for record in card) / 60:.0f} min of an H200" in rows["t4"]
    for profile in ("t4", "a100", "h200"):  # the day there is a record, the table has to say what it found
        kept = ROOT / "results/arc" / profile
        assert ("not yet measured" in rows[profile]) == (not kept.exists())


def test_the_smallest_card_holds_what_its_profile_asks_for():
    """15 GB in float16, at the preset's batch, by the record; and the run ends by its steps, before its minutes."""
    rows = read_json(ROOT / "results/throughput/h200.json")["presets"][1:]
    (compact,) = [r for r in rows if (r["preset"], r["precision"]) == ("compact", "float16")]
    assert compact["peak GB"] < 0.6 * 15 and compact["in portions of"] == compact["batch"] == 768
