"""One door to every kind of puzzle."""

import json
import shutil
from pathlib import Path

import pytest

from hrm_lite import puzzles
from hrm_lite.puzzles import depth, maze, own, sudoku

CASES = Path(__file__).parent / "data" / "cases"


@pytest.mark.parametrize(("source", "load"), [
    ("generated:4x4:4-6", sudoku.load), ("generated:6x6:minimal", sudoku.load), ("generated:5x5:random", maze.load),
    ("generated:9x9:tree:9-", maze.load), ("parity:8", depth.load), ("reach:5x5:3", depth.load)])  # fmt: skip
def test_a_source_that_shows_its_kind_needs_no_other(source, load):
    found = puzzles.load(source, "test", limit=5, seed=3)
    kind = load.__module__.split(".")[2]
    assert found.content_hash == load(source, "test", limit=5, seed=3).content_hash
    assert found.content_hash == puzzles.load(f"{kind}:{source}", "test", limit=5, seed=3).content_hash


@pytest.mark.parametrize(("path", "load"), [
    ("csv/kaggle_1m.csv", sudoku.load), ("csv/kaggle_9m.csv", sudoku.load), ("sudoku/list_of_two.txt", sudoku.load),
    ("sudoku/comments.sdk", sudoku.load), ("maze/10x20.csv", maze.load), ("maze/4x9.csv", maze.load),
    ("own/columns.csv", own.load)])  # fmt: skip
def test_a_file_shows_what_it_holds(path, load):
    found = puzzles.load(CASES / path, "all")
    assert found.content_hash == load(CASES / path, "all").content_hash
    assert found.content_hash == puzzles.load(f"{load.__module__.split('.')[2]}:{CASES / path}", "all").content_hash


def test_folders(tmp_path):
    made = maze.generate("5x5", "random", 9)
    for half in ("train", "test"):
        maze.write_csv(tmp_path / f"{half}.csv", made)
    assert puzzles.load(tmp_path, "train").content_hash == made.content_hash
    assert puzzles.load(f"maze:{tmp_path}", "train", dihedral=True).dihedral
    task = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]], "output": [[4]]}]}
    home = tmp_path / "tasks"
    home.mkdir()
    (home / "a.json").write_text(json.dumps(task), encoding="utf-8")
    assert puzzles.load(home, "test", augmentations=0).grid == (30, 30)
    assert puzzles.load(home / "a.json", "test", augmentations=0).grid == (30, 30)


def test_what_programs_leave_beside_data_is_none(tmp_path):
    for home in (tmp_path / ".ipynb_checkpoints", tmp_path / "__MACOSX"):
        home.mkdir()
        (home / "._a.json").write_text("{}", encoding="utf-8")
        (home / "b.json").write_text("{}", encoding="utf-8")
    (tmp_path / ".c.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="is not plain"):
        puzzles.load(tmp_path, "train")


def test_the_hub_by_the_names_that_are_known(monkeypatch, tmp_path):
    shutil.copy(CASES / "csv" / "kaggle_1m.csv", tmp_path / "s.csv")
    asked = []
    files = {"sapientinc/sudoku-extreme": CASES / "csv" / "kaggle_1m.csv",
             "sapientinc/maze-30x30-hard-1k": CASES / "maze" / "10x20.csv"}
    monkeypatch.setattr("hrm_lite.puzzles.hub.fetch", lambda name, file, _: asked.append((name, file)) or files[name])
    assert puzzles.load("hub:sapientinc/sudoku-extreme", "train").name == "sudoku-9x9"
    assert puzzles.load("hub:sapientinc/maze-30x30-hard-1k", "test").name == "maze-10x20"
    assert asked == [("sapientinc/sudoku-extreme", "train.csv"), ("sapientinc/maze-30x30-hard-1k", "test.csv")]


@pytest.mark.parametrize(("source", "words"), [
    ("generated:9x9:hard", 'Name it: "sudoku:generated:9x9:hard", "maze:generated:9x9:hard"'),
    ("hub:them/puzzles", 'Name it: "sudoku:hub:them/puzzles", "maze:hub:them/puzzles", "own:hub:them/puzzles"'),
    ("nowhere", "there is no such file or folder"),
    ("chess:generated:4x4", r"begins with no kind of puzzle \(sudoku:, maze:, arc:, depth:, own:\)"),
])  # fmt: skip
def test_what_is_not_plain_is_asked(source, words):
    with pytest.raises(ValueError, match=words):
        puzzles.load(source, "train")


def test_a_wrong_answer_makes_no_other_kind(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("question,answer\n1234341221434321,1234341221434312\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r'Name it: "sudoku:.*", "own:'):
        puzzles.load(path, "all")
    assert puzzles.load(f"own:{path}", "all").name == "own-4x4"
    with pytest.raises(ValueError, match="the answer does not solve the question"):
        puzzles.load(f"sudoku:{path}", "all")


def test_settings_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="depth does not know the setting 'grid'; it takes limit, seed, split"):
        puzzles.load("parity:8", "train", grid=(2, 2))
