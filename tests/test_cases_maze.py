"""Mazes of any shape, from tables and from drawings."""

import csv
from pathlib import Path

import numpy as np
import pytest
from test_maze import brute_force

from hrm_lite.puzzles import maze
from hrm_lite.puzzles.maze.sets import GOAL, START

CASES = Path(__file__).parent / "data" / "cases" / "maze"


@pytest.mark.parametrize(("name", "grid"), [("10x20", (10, 20)), ("4x9", (4, 9))])
def test_the_cases_are_read_with_the_size_and_without(name, grid):
    puzzles = maze.load(CASES / f"{name}.csv", "all")
    told = maze.load(CASES / f"{name}.csv", "all", grid=grid)
    assert puzzles.grid == grid and puzzles.content_hash == told.content_hash
    assert all(brute_force(puzzles, *pair) for pair in zip(puzzles.inputs, puzzles.labels, strict=True))
    made = maze.load(f"generated:{name}:random:2-", "train", len(puzzles))
    assert set(puzzles.questions()) == set(made.questions())


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "p.csv"
    for size in ("3x5", "4x9", "9x4", "6x6"):  # 36 cells, three times
        puzzles = maze.generate(size, "random", 20, seed=1)
        maze.write_csv(path, puzzles, source="somewhere")
        back = maze.load(path, "all")
        assert back.content_hash == puzzles.content_hash and (back.ratings == puzzles.ratings).all()
        with path.open(newline="", encoding="utf-8") as file:
            header, first, *_ = csv.reader(file)
        assert header[:4] == ["source", "question", "answer", "rating"] and first[4:] == [size] * (size != "6x6")


def test_the_size_can_be_given_and_advice_can_be_followed(tmp_path):
    puzzles, path = maze.generate("4x9", "random", 20, seed=1), tmp_path / "train.csv"
    lines = [f"{q},{a}" for q, a in zip(puzzles.questions(), puzzles.answers(), strict=True)]
    path.write_text("\n".join(["question,answer", *lines]), encoding="utf-8")
    for source in (path, tmp_path):
        with pytest.raises(ValueError, match=r"read as 6x6; give grid=\(rows, columns\)"):
            maze.load(source, "train")
        assert len(maze.load(source, "train", grid=(4, 9))) > 10
    with pytest.raises(ValueError, match="has 36 characters, but this file is read as 5x9 mazes of 45"):
        maze.load(path, "train", grid=(5, 9))
    path.write_text("\n".join(["question,grid", lines[0].split(",")[0] + ",5x9"]), encoding="utf-8")
    with pytest.raises(ValueError, match="the grid '5x9' does not fit a question of 36"):
        maze.load(path, "train")


def test_a_table_without_answers_is_solved(tmp_path):
    puzzles, path = maze.generate("5x7", "unique", 20, seed=1), tmp_path / "p.csv"
    path.write_text("\n".join(["puzzle,grid", *(f"{q},5x7" for q in puzzles.questions())]), encoding="utf-8")
    back = maze.load(path, "all")
    assert back.content_hash == puzzles.content_hash and (back.ratings == puzzles.ratings).all()


# -- drawings

def drawn(puzzles):
    starts, columns = range(0, puzzles.seq_len, puzzles.grid[1]), puzzles.grid[1]
    return ["\n".join(q[i : i + columns] for i in starts) + "\n" for q in puzzles.questions()]


@pytest.mark.parametrize("size", ["6x6", "5x9"])
def test_drawn_mazes_become_a_set(tmp_path, size):
    puzzles, path = maze.generate(size, "unique", 12, seed=2), tmp_path / "p.txt"
    path.write_text("\n".join(drawn(puzzles)), encoding="utf-8")
    for found in (maze.read_texts(path), maze.load(path, "all")):
        assert found.content_hash == puzzles.content_hash and (found.ratings == puzzles.ratings).all()
    if size == "6x6":  # one a line
        path.write_bytes("\r\n".join(puzzles.questions()).encode("utf-8-sig"))
        assert maze.read_texts(path).content_hash == puzzles.content_hash


def test_a_maze_with_several_ways_shows_one_of_the_shortest(tmp_path):
    puzzles, path = maze.generate("6x8", "random", 30, seed=2), tmp_path / "p.txt"
    path.write_text("\n".join(drawn(puzzles)), encoding="utf-8")
    found = maze.read_texts(path)
    assert (found.inputs == puzzles.inputs).all() and (found.labels != puzzles.labels).any()
    assert all(brute_force(found, *pair) for pair in zip(found.inputs, found.labels, strict=True))


@pytest.mark.parametrize(("text", "words"), [
    ("#S \n# E\n", "'E' in row 2, column 3 .* Write 'G' for the goal"),
    ("#S \n# F\n", "'F' in row 2, column 3 .* Write 'G' for the goal"),
    ("█S \n# G\n", "'█' in row 1, column 1 .* Write '#' for a wall"),
    ("#S.\n# G\n", r"'\.' in row 1, column 3 .* a space for a free cell"),
    ("#SX\n# G\n", "'X' in row 1, column 3 .* Write 'o' for a cell of the path, and 'G' for the goal"),
    ("#sX\n# G\n", "'s' in row 1, column 2 .* Write 'S' for the start"),
    ("#S0\n# G\n", "'0' in row 1, column 3 .* Write ' ' for a free cell"),
])  # fmt: skip
def test_other_signs_are_named_with_the_right_one(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        maze.solve(text)
    (tmp_path / "p.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="the maze that begins in line 1: .*" + words):
        maze.load(tmp_path / "p.txt", "all")


@pytest.mark.parametrize(("text", "words"), [
    ("S G\n   \n\nS#G\n ##\n", "line 4: there is no way from S to G"),
    ("S G\n   \n\nS G\n   \n   \n", "line 4: it has 3x3 cells, the first one 2x3"),
    ("S G\n   \n\n\nS  \n G\n", "line 5: Row 2 of the maze has 2 characters"),
    ("S G\n   \n\nSoG\n   \n", "line 4: .*path 'o' drawn in it already"),
    ("\n\n", "holds no mazes"),
])  # fmt: skip
def test_faults_of_drawings_are_named(tmp_path, text, words):
    path = tmp_path / "p.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words) as error:
        maze.load(path, "all")
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="There is no file"):
        maze.load(path, "all")


def test_every_maze_of_a_set_has_one_start_and_one_goal():
    puzzles = maze.read_csv(CASES / "10x20.csv")
    assert ((puzzles.inputs == START).sum(1) == 1).all() and ((puzzles.inputs == GOAL).sum(1) == 1).all()
    assert np.isfinite(puzzles.ratings).all()
