"""The notebook of ablations, and the rows of chapter 15: what they promise is there."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from hrm_lite import model_preset, records, train_preset
from hrm_lite.puzzles import maze, sudoku
from hrm_lite.records import catalogue, write_json

ROOT = Path(__file__).resolve().parent.parent
CELLS = {c["id"]: "".join(c["source"])
         for c in json.loads((ROOT / "notebooks/ablations.ipynb").read_text(encoding="utf-8"))["cells"]}
TASKS = ("sudoku-4x4", "sudoku-9x9", "maze")
GRIDS = {task: yaml.safe_load((ROOT / f"notebooks/ablations-{task}.yaml").read_text(encoding="utf-8"))
         for task in TASKS}


def settings(task: str) -> dict:
    """The names that the cells of tasks and variants make."""
    import hrm_lite

    names = {"profile": "smoke", "task": task, "hrm_lite": hrm_lite}
    exec(CELLS["tasks"] + "\n" + CELLS["variants"], names)
    return names


@pytest.mark.parametrize("task", TASKS)
def test_every_variant_of_every_task_can_be_built_and_costs_as_many_passes_as_it_says(task):
    made = settings(task)
    for name, changes in made["CHANGES"].items():
        config = made["base"].replace(**changes)
        if "cycle" not in name or name == "last_cycle":
            assert (config.cycles, config.steps) == (made["base"].cycles, made["base"].steps)
        assert config.cycles * (config.steps + 1) == made["passes"], name
    for changes in made["TRAINING"].values():
        assert train_preset(made["preset"], **changes) != train_preset(made["preset"])


def shown_as_made(task: str, source: str) -> bool:
    """Whether training without augmentation would be the same training."""
    some = (maze if task == "maze" else sudoku).load(source, "train", limit=20)
    x, y, _ = some.as_tensors()
    return bool((some.augment(x, y, torch.Generator().manual_seed(0))[0] == x).all())


@pytest.mark.parametrize("task", TASKS)
def test_a_grid_names_variants_that_differ_from_the_base_and_all_that_do(task):
    grid, made = GRIDS[task], settings(task)
    assert grid["parameters"]["task"] == task
    differ = {name for name, changes in made["CHANGES"].items() if made["base"].replace(**changes) != made["base"]}
    training = set(made["TRAINING"]) - ({"no_augmentation"} if shown_as_made(task, made["source"]) else set())
    assert set(grid["grid"]["variant"]) == {"base", "one_latent"} | differ | training
    assert len(grid["grid"]["seed"]) >= 3


def test_the_table_in_the_head_names_every_variant():
    made = settings("sudoku-4x4")
    assert all(f"`{name}`" in CELLS["title"] for name in {**made["CHANGES"], **made["TRAINING"]})
    assert model_preset(made["preset"]) == made["base"]


def lacking(grid: dict, kept: dict) -> list[str]:
    """The runs of a grid that have no record of that task, variant and seed."""
    there = {(r["task"], r["name"], r["train"]["seed"]) for r in kept.values() if r["finished"]}
    task = grid["parameters"]["task"]
    runs = [(v, s) for s in grid["grid"]["seed"] for v in grid["grid"]["variant"]]
    return [f"{v}, seed {s}" for v, s in runs if (task, v, s) not in there]


@pytest.mark.parametrize("task", TASKS)
def test_a_grid_that_has_records_has_all_of_them(task):
    kept = catalogue(f"ablations/{task}/*_seed*.json")
    assert not kept or not lacking(GRIDS[task], kept)
    some = dict(list(catalogue("ablations/sudoku-4x4/*.json").items())[1:])
    assert lacking(GRIDS["sudoku-4x4"], some) == ["attention, seed 0"]


# The rows of chapter 15

ROWS = json.loads((ROOT / "results/full_scale/rows.json").read_text(encoding="utf-8"))["rows"]


def missing(rows: list[dict]) -> list[str]:
    return [row["row"] for row in rows if row["record"] is not None and not catalogue(row["record"])]


def test_a_row_that_names_a_record_has_it():
    assert not missing(ROWS)
    assert missing([{"row": "a", "record": "sudoku/none/seed*.json"}, {"row": "b", "record": None}]) == ["a"]


def test_the_catalogue_names_what_is_there_in_order_and_nothing_else(tmp_path, monkeypatch):
    for name in ("b/seed1.json", "b/seed0.json", "b/.copies/seed0.json", "a/seed0.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_json(tmp_path / name, {"name": name})
    monkeypatch.setattr(records, "_results", lambda: (tmp_path / "gone", tmp_path))
    assert list(catalogue("b/*.json", "*/seed0.json")) == ["a/seed0.json", "b/seed0.json", "b/seed1.json"]
    assert list(catalogue("**/*.json")) == ["a/seed0.json", "b/seed0.json", "b/seed1.json"]
    assert catalogue("c/*.json") == {}
