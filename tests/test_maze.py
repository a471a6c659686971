"""Mazes against networkx, which finds its shortest paths by itself."""

import networkx as nx
import numpy as np
import pytest
import torch
from helpers import TRAIN, make, trainer
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_lite import solve
from hrm_lite.puzzles import maze
from hrm_lite.puzzles.maze.sets import FREE, GOAL, PATH, START, WALL, MazeSet, symmetries

KINDS = ["9x9:random", "9x9:unique", "9x9:tree", "9x9:hard", "6x13:random", "6x13:unique", "8x5:tree",
         "10x10:random:14-", "10x10:tree:20-30"]  # fmt: skip


def graph(tokens, grid):
    board = nx.grid_2d_graph(*grid)
    board.remove_nodes_from([divmod(int(cell), grid[1]) for cell in np.flatnonzero(tokens == WALL)])
    return board


def end(tokens, grid, token):
    (cell,) = np.flatnonzero(tokens == token)
    return divmod(int(cell), grid[1])


@pytest.mark.parametrize("kind", KINDS)
def test_generated_mazes_are_what_was_asked_for(kind):
    size, _, rest = kind.partition(":")
    puzzles = maze.generate(size, rest, 60, seed=1)
    grid = tuple(map(int, size.split("x")))
    assert puzzles.grid == grid and len(set(puzzles.questions())) == 60
    counts = puzzles.shortest_paths()
    for question, answer, steps, count in zip(puzzles.inputs, puzzles.labels, puzzles.ratings, counts, strict=True):
        board, ends = graph(question, grid), (end(question, grid, START), end(question, grid, GOAL))
        assert nx.shortest_path_length(board, *ends) == steps
        assert count == sum(1 for _ in nx.all_shortest_paths(board, *ends))
        path = np.flatnonzero(answer == PATH)
        assert (answer != question).sum() == len(path) == steps - 1 and (question[path] == FREE).all()
        trail = board.subgraph([*ends, *(divmod(int(cell), grid[1]) for cell in path)])
        assert nx.shortest_path_length(trail, *ends) == steps
        if "tree" in kind:
            corridors = board.subgraph(max(nx.connected_components(board), key=len))
            assert nx.is_tree(corridors) and len(corridors) == len(board)
        if "random" in kind or "hard" in kind:
            assert 0.3 <= (question == WALL).mean() <= 0.5
    if "unique" in kind or "tree" in kind:
        assert (counts == 1).all()
    if rest == "hard":
        assert puzzles.ratings.min() > 81 * 110 / 900
    if "14-" in rest:
        assert puzzles.ratings.min() >= 14
    if "20-30" in rest:
        assert puzzles.ratings.min() >= 20 and puzzles.ratings.max() <= 30


def test_the_published_size_has_long_paths_and_millions_of_them():
    puzzles = maze.generate("30x30", "hard", 12, seed=3)
    assert puzzles.ratings.min() > 110 and np.median(puzzles.shortest_paths()) > 1000
    question = puzzles.inputs[0]
    board = graph(question, (30, 30))
    assert nx.shortest_path_length(
        board, end(question, (30, 30), START), end(question, (30, 30), GOAL)) == puzzles.ratings[0]
    unique = maze.generate("30x30", "unique:111-", 3, seed=3)
    assert (unique.shortest_paths() == 1).all() and unique.ratings.min() > 110


def test_a_number_of_steps_is_met_at_both_ends():
    steps = maze.generate("7x7", "random:5-7", 150, seed=1).ratings
    assert set(steps.tolist()) == {5, 6, 7}
    assert set(maze.generate("7x7", "tree:6", 30).ratings.tolist()) == {6}
    assert maze.generate("2x3", "hard", 1).ratings.min() >= 2  # so small that "hard" alone would ask for less
    with pytest.raises(ValueError, match="count must be 1 or more and seed 0 or more; got count 0 and seed 0"):
        maze.generate("7x7", "random", 0)
    with pytest.raises(ValueError, match="got count 5 and seed -1"):
        maze.generate("7x7", "random", 5, seed=-1)


def test_ends_and_paths_are_drawn_evenly():
    """On boards so small that most mazes there are come up."""
    puzzles = maze.load("generated:3x4:random", "all", 3_000)
    seen = {}
    for question, answer in zip(puzzles.questions(), puzzles.answers(), strict=True):
        seen.setdefault(question, set()).add(answer)
    assert len(seen) == 3_000  # no question twice
    # Of all mazes with exactly two shortest paths, about half show the one that begins upwards or to the left.
    two = np.flatnonzero(puzzles.shortest_paths() == 2)
    solved = [maze.solve(_lines(puzzles, i)).replace("\n", "") for i in two]
    first = np.mean([puzzles.decode(puzzles.labels[i]) == text for i, text in zip(two, solved, strict=True)])
    assert len(two) > 300 and 0.42 < first < 0.58
    starts = np.bincount(np.argmax(puzzles.inputs == START, 1), minlength=12)
    goals = np.bincount(np.argmax(puzzles.inputs == GOAL, 1), minlength=12)
    assert abs(starts - goals).max() < 90  # S and G are drawn alike


def _lines(puzzles, index):
    rows, columns = puzzles.grid
    text = puzzles.decode(puzzles.inputs[index])
    return "\n".join(text[row * columns : (row + 1) * columns] for row in range(rows))


def test_a_seed_names_one_endless_list():
    many = maze.generate("9x9", "random", 120, seed=7)
    assert maze.generate("9x9", "random", 40, seed=7).content_hash == many[:40].content_hash
    assert maze.generate("9x9", "random", 120, seed=8).content_hash != many.content_hash


def test_the_list_is_the_same_on_every_machine():
    """Recorded once: whoever changes the generator changes everybody's data and should know it."""
    assert {kind: maze.generate(*kind.split(":", 1), 50, seed=3).content_hash[:16] for kind in RECORDED} == RECORDED


RECORDED = {"9x9:random": "698d0848f5f2a233", "9x9:unique": "97deff85696da370", "7x11:tree": "43740af96c180286"}


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(["5x5:random", "6x4:random", "7x7:tree", "6x6:unique"]), st.integers(0, 10**6),
       st.integers(0, 10**6))
def test_no_walls_of_one_split_are_those_of_the_other_turned_around(kind, seed, other):
    train, test = maze.load(f"generated:{kind}", "train", 150, seed), maze.load(f"generated:{kind}", "test", 60, other)
    walls = [{(row[gather] == WALL).tobytes() for row in part.inputs for gather in symmetries(part.grid)}
             for part in (train, test)]
    assert not walls[0] & walls[1]


# -- the rules


def brute_force(puzzles, question, answer):
    """`check` by networkx: the answer's path cells alone lead from S to G, in the fewest steps there are."""
    grid = puzzles.grid
    if not np.array_equal(np.where(answer == PATH, FREE, answer), question):
        return False
    board, ends = graph(question, grid), (end(question, grid, START), end(question, grid, GOAL))
    cells = [divmod(int(cell), grid[1]) for cell in np.flatnonzero(answer == PATH)]
    trail = board.subgraph([*ends, *cells])
    return nx.has_path(board, *ends) and nx.has_path(trail, *ends) and (
        nx.shortest_path_length(trail, *ends) == nx.shortest_path_length(board, *ends) == len(cells) + 1)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64])
def test_check_takes_any_shortest_path_and_nothing_else(kind):
    puzzles = maze.generate("7x9", "random", 300, seed=5)
    rng = np.random.default_rng(0)
    answers = puzzles.labels.copy()
    for i in range(300):
        if i % 3 == 0:  # another shortest path, where there is one
            answers[i] = puzzles.encode(maze.solve(_lines(puzzles, i)).replace("\n", ""))
        elif i % 3 == 1:  # one cell is something else
            answers[i, rng.integers(63)] = rng.integers(0, 6)
        else:  # a path with a detour or a gap
            free = np.flatnonzero(answers[i] >= FREE)
            cell = rng.choice(free)
            answers[i, cell] = {FREE: PATH, PATH: FREE}.get(answers[i, cell], answers[i, cell])
    right = puzzles.check(torch.tensor(puzzles.inputs, dtype=kind), torch.tensor(answers, dtype=kind))
    expected = [brute_force(puzzles, q, a) for q, a in zip(puzzles.inputs, answers, strict=True)]
    assert right.tolist() == expected and 100 <= sum(expected) < 250
    score = puzzles.score(answers)
    assert score["solved"] == sum(expected) / 300 and score["exact"] == (answers == puzzles.labels).all(1).mean()
    assert score["exact"] < score["solved"]  # another shortest path is right, and no exact match


def test_check_knows_detours_loops_and_walls():
    question = "S   G" "## ##" "     " "     " "     "
    puzzles = MazeSet.of(_tokens([question]), _tokens([question]), (5, 5))
    x = torch.tensor(puzzles.inputs)
    for answer, right in {
        "SoooG" "## ##" "     " "     " "     ": True,
        "Soo G" "## ##" "     " "     " "     ": False,  # a gap
        "SoooG" "##o##" "     " "     " "     ": False,  # a dead end
        "SoooG" "## ##" "     " " oo  " " oo  ": False,  # something apart
        "SoooG" "##o##" "o    " "     " "     ": False,
        "SoooG" " # ##" "     " "     " "     ": False,  # a wall is gone
        "SooGo" "## ##" "     " "     " "     ": False,  # the goal has moved
        question: False,
    }.items():
        assert puzzles.check(x, torch.tensor(_tokens([answer]))).item() == right, answer
    boxed = MazeSet.of(_tokens(["S#G###   "]), _tokens(["S#G###   "]), (3, 3))
    assert not boxed.check(torch.tensor(boxed.inputs), torch.tensor(boxed.labels)).any()


def _tokens(texts):
    return np.array([["_# SGo".index(character) for character in text] for text in texts], np.uint8)


def test_violations_are_where_a_path_does_not_go_on():
    rows = ["SooG ", "  o  ", "     ", "   oo", "     "]
    puzzles = MazeSet.of(_tokens(["S  G " + " " * 20]), _tokens(["SooG " + " " * 20]), (5, 5))
    marks = puzzles.violations(torch.tensor(_tokens(["".join(rows)])))[0].reshape(5, 5)
    assert marks.nonzero().tolist() == [[0, 2], [1, 2], [3, 3], [3, 4]]
    assert not puzzles.violations(torch.tensor(puzzles.labels)).any()
    assert not puzzles.violations(torch.tensor(puzzles.inputs)).any()  # nothing drawn, nothing broken


def test_every_token_is_drawn_as_something_else():
    faces = maze.generate("5x5", "random", 1).faces
    assert len(set(faces)) == 5 and faces[0] == faces[FREE]  # the pad and a free cell are blank
    assert (faces[START].character, faces[GOAL].character) == ("S", "G") and faces[WALL].colour


# -- symmetries


@pytest.mark.parametrize(("size", "count"), [("6x6", 8), ("5x8", 4)])
def test_augmentation_turns_and_mirrors_when_it_is_switched_on(size, count):
    puzzles = maze.generate(size, "random", 1, seed=2, dihedral=True)
    inputs, labels = (torch.tensor(t).repeat(400, 1) for t in (puzzles.inputs, puzzles.labels))
    new, answers = puzzles.augment(inputs, labels, torch.Generator().manual_seed(0))
    assert puzzles.check(new, answers).all() and (answers.eq(PATH).sum(1) == labels.eq(PATH).sum(1)).all()
    board = puzzles.inputs[0].reshape(puzzles.grid)
    turns = [np.rot90(flip, turn) for flip in (board, board[::-1]) for turn in range(4)]
    expected = {turn.tobytes() for turn in turns if turn.shape == board.shape}
    seen, times = np.unique(new.numpy(), axis=0, return_counts=True)
    assert {row.tobytes() for row in seen} == expected and len(expected) == count and times.min() > 400 / count / 2
    off = maze.generate(size, "random", 1, seed=2)
    assert off.augment(inputs, labels, torch.Generator())[0] is inputs
    assert (off.inputs == puzzles.inputs).all() and off.content_hash != puzzles.content_hash
    other, undo = off.disguise(inputs, torch.Generator().manual_seed(1))
    assert (undo(other) == inputs).all() and (other != inputs).any()


# -- text


def test_solve_and_count_by_hand():
    assert maze.solve("S G\n   ") == "SoG\n   "
    assert maze.solve("S#G\n   \n") == "S#G\nooo"
    assert maze.solve("S       G") == "Soo  o  G"  # in one line: 3x3
    assert maze.solve("S       G\n") == "Soo  o  G"
    assert maze.solve("\r\nS#G\r\n   \r\n") == "S#G\nooo"  # as a Windows editor leaves it
    assert maze.shortest_paths("S  \n   \n  G") == 6 and maze.shortest_paths("S#G\n###") == 0
    assert maze.is_solution("S  \n   \n  G", "S  \no  \nooG") and not maze.is_solution("S G\n   ", "S G\nooo")


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 9), st.integers(2, 9), st.data())
def test_solve_finds_a_shortest_path_or_says_that_there_is_none(rows, columns, data):
    cells = data.draw(st.lists(st.sampled_from("## "), min_size=rows * columns, max_size=rows * columns))
    start, goal = data.draw(st.lists(st.integers(0, rows * columns - 1), min_size=2, max_size=2, unique=True))
    cells[start], cells[goal] = "S", "G"
    text = "\n".join("".join(cells[row * columns : (row + 1) * columns]) for row in range(rows))
    tokens = _tokens(["".join(cells)])[0]
    grid = rows, columns
    board, ends = graph(tokens, grid), (end(tokens, grid, START), end(tokens, grid, GOAL))
    if not nx.has_path(board, *ends):
        assert maze.shortest_paths(text) == 0
        with pytest.raises(ValueError, match="no way from S to G"):
            maze.solve(text)
        return
    assert maze.is_solution(text, maze.solve(text))
    assert maze.solve(text).count("o") == nx.shortest_path_length(board, *ends) - 1
    assert maze.shortest_paths(text) == sum(1 for _ in nx.all_shortest_paths(board, *ends))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=12, max_size=12))
def test_the_codec_goes_there_and_back(tokens):
    puzzles = MazeSet.of(np.zeros((0, 12), np.uint8), np.zeros((0, 12), np.uint8), (3, 4))
    assert puzzles.encode(puzzles.decode(np.array(tokens))).tolist() == tokens


@pytest.mark.parametrize(("text", "words"), [
    ("", "The maze is empty"),
    ("S  \n  G \n   ", r"Row 2 of the maze has 4 characters, row 1 has 3"),
    ("S G  ", "in one line is square, such as 900 .* has 5"),
    ("S  \n  X\n  G", "Character 'X' in row 2, column 3"),
    ("   \n  G", "no start 'S'"),
    ("S  \n   ", "no goal 'G'"),
    ("S S\n  G", "2 start 'S's"),
    ("SoG\n   ", "drawn in it already"),
    ("S#G\n###", "no way from S to G"),
    (b"S G", "given as text; got bytes"),
])  # fmt: skip
def test_solve_says_what_is_wrong(text, words):
    with pytest.raises(ValueError, match=words) as error:
        maze.solve(text)
    assert "\n" not in str(error.value)


def test_an_answer_of_another_shape():
    with pytest.raises(ValueError, match="2x3 cells and the answer 3x2"):
        maze.is_solution("S G\n   ", "So\n o\n G")


@pytest.mark.parametrize(("source", "words"), [
    ("generated:9:random", "'9' is not a size"),
    ("generated:1x9:random", "is not a size"),
    ("generated:999x9:random", "is not a size"),
    ("generated:9x9:twisty", "'twisty' is not a kind of maze"),
    ("generated:9x9", "is not a kind of maze"),
    ("generated:9x9:hard:5-", "is not a kind of maze"),
    ("generated:9x9:random:x", "'x' is not a number of steps"),
    ("generated:9x9:random:123456", "'123456' is not a number of steps"),
    ("generated:9x9:random:9-5", "9 to 5 steps is not possible"),
    ("generated:9x9:random:1-5", "has 2 steps at least"),
    ("generated:9x9:random:81-", "fewer than the 81 cells"),
    ("generated:4x4:random:14-", "No 4x4 maze of kind random .* 14 to 16 steps was found"),
    ("generated:2x3:random", "different mazes of 2x3:random:2- in split \"train\" were found"),
    ("nowhere", "No puzzles at 'nowhere'"),
])  # fmt: skip
def test_load_says_what_is_wrong(source, words):
    with pytest.raises(ValueError, match=words) as error:
        maze.load(source, "train", 50)
    assert "\n" not in str(error.value)


# -- files

HEADER = "source,question,answer,rating\n"


def test_csv_round_trip(tmp_path):
    for size, grid in (("6x6", None), ("5x8", (5, 8))):
        puzzles = maze.generate(size, "random", 30, seed=4)
        maze.write_csv(tmp_path / "p.csv", puzzles)
        back = maze.read_csv(tmp_path / "p.csv", grid)
        assert back.content_hash == puzzles.content_hash and (back.ratings == puzzles.ratings).all()
    text = (tmp_path / "p.csv").read_text(encoding="utf-8").replace("5x8", "")  # no word of the size
    (tmp_path / "p.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="40 characters, which is no square maze"):
        maze.read_csv(tmp_path / "p.csv")


def test_load_takes_files_folders_and_the_hub(tmp_path, monkeypatch):
    parts = {split: maze.generate("6x6", "random", 40, seed=seed) for seed, split in enumerate(("train", "test"))}
    for split, puzzles in parts.items():
        maze.write_csv(tmp_path / f"{split}.csv", puzzles)
    monkeypatch.setattr(
        "hrm_lite.puzzles.hub.fetch", lambda name, file, offline: {"them/mazes": tmp_path / file}[name])
    for source in (str(tmp_path), "hub:them/mazes"):
        for split, puzzles in parts.items():
            assert maze.load(source, split).content_hash == puzzles.content_hash
        assert len(maze.load(source, "all")) == 80 and len(maze.load(source, "test", 7)) == 7
    sides = [maze.load(tmp_path / "train.csv", split) for split in ("train", "test")]
    assert sorted(sides[0].questions() + sides[1].questions()) == sorted(parts["train"].questions()) and len(sides[1])
    some = maze.load(tmp_path, "train", min_rating=8, dihedral=True)
    assert some.ratings.min() >= 8 and len(some) == (parts["train"].ratings >= 8).sum() and some.dihedral
    with pytest.raises(ValueError, match="has a rating of 99 or more; the highest is"):
        maze.load(tmp_path, "train", min_rating=99)


@pytest.mark.parametrize(("content", "words"), [
    (HEADER + "a,{q},{a},4\na,{q},{cut}", "line 3: 3 fields where the header has 4"),
    (HEADER + "a,{q},{a},4\na,{q},{cut},4", "line 3: the answer has 7 characters"),
    (HEADER + "a,{nostart},{a},4\n", "line 2: the question has no start 'S', or more than one; 1 of 1 lines"),
    (HEADER + "a,{q},{a},4\na,{nogoal},{a},4\n", "line 3: the question has no goal 'G'"),
    (HEADER + "a,{boxed},{boxed},4\n", "line 2: there is no way from S to G"),
    (HEADER + "a,{q},{q},4\n", "line 2: the answer does not show a shortest path"),
    (HEADER + "a,{q},{long},4\n", "line 2: the answer does not show a shortest path"),
    (HEADER + "a,{a},{a},4\n", "character 'o' at position 2 of the question is not allowed in 3x3 mazes"),
    (HEADER + "a,S    G ,S    G ,4\n", "no square maze"),
])  # fmt: skip
def test_csv_faults_are_named(tmp_path, content, words):
    names = {"q": "S G      ", "a": "SoG      ", "cut": "SoG    ", "nostart": "  G      ", "nogoal": "S        ",
             "boxed": "S#G###   ", "long": "S Gooo   "}  # fmt: skip
    path = tmp_path / "p.csv"
    path.write_text(content.format(**names))
    with pytest.raises(ValueError, match=words) as error:
        maze.read_csv(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_mazes_can_be_trained_on_and_scored(tmp_path):
    puzzles = maze.load("generated:5x5:random", "train", 40, dihedral=True)
    model = make(vocab_size=puzzles.vocab_size, seq_len=puzzles.seq_len)
    record = trainer(puzzles, tmp_path, TRAIN.replace(max_steps=20), model, held_out=puzzles[:10]).fit()
    assert record["finished"]
    answers = solve(model, torch.tensor(puzzles.inputs), 2, halt=False).tokens
    assert puzzles.score(answers).keys() == {"solved", "exact", "cells"}
    with pytest.raises(ValueError, match=r"answer to each of the 40 questions"):
        puzzles.score(answers[:5])
    with pytest.raises(ValueError, match="holds no puzzles"):
        puzzles[:0].score(answers[:0])
