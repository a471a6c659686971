"""Making, loading, dividing and storing puzzles."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.splits import on_side
from hrm_lite.puzzles.stream import Stream

HEADER = "source,question,answer,rating\n"


# -- generated puzzles

@pytest.mark.parametrize(("size", "givens"), [
    ("4x4", (4, 6)), ("4x4", "8"), ("6x6", (10, 14)), ("6x6", "20-21"), ("9x9", (45, 55)), ("9x9", "26-32")])
def test_generated_puzzles_have_one_solution_and_the_givens_asked_for(size, givens):
    puzzles = sudoku.generate(size, givens, 300, seed=1)
    low, high = givens if isinstance(givens, tuple) else (int(givens.split("-")[0]), int(givens.split("-")[-1]))
    counts = np.bincount((puzzles.inputs > 1).sum(1), minlength=high + 1)
    assert counts[low : high + 1].sum() == 300
    assert counts[low : high + 1].min() > 300 / (high - low + 1) / 3  # evenly, give or take
    for question, answer in list(zip(puzzles.questions(), puzzles.answers(), strict=True))[:60]:
        assert sudoku.solve(question) == answer  # raises where there are several
    assert len(set(puzzles.questions())) == 300 and puzzles.ratings is None


@pytest.mark.parametrize("size", ["4x4", "6x6", "9x9"])
def test_minimal_puzzles_are_minimal_and_rated(size):
    puzzles = sudoku.generate(size, "minimal", 15, seed=2)
    assert puzzles.ratings.tolist() == [sudoku.rate(question) for question in puzzles.questions()]
    for question in puzzles.questions():
        for cell in (cell for cell, digit in enumerate(question) if digit != "."):
            with pytest.raises(ValueError, match="several solutions"):
                sudoku.solve(question[:cell] + "." + question[cell + 1 :])


@pytest.mark.parametrize(("size", "givens"), [("4x4", "4-6"), ("6x6", "10-14"), ("9x9", "40-50")])
def test_a_seed_names_one_endless_list(size, givens):
    many = sudoku.generate(size, givens, 120, seed=7)
    assert sudoku.generate(size, givens, 40, seed=7).content_hash == many[:40].content_hash
    assert sudoku.generate(size, givens, 120, seed=8).content_hash != many.content_hash


def test_random_numbers_are_those_of_splitmix64():
    """The first three numbers from state 1234567, as published with other implementations."""
    stream = Stream(0)
    stream.state = 1234567
    assert stream.bits(3).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert sorted(stream.orders(100).tolist()) == list(range(100))
    drawn = np.bincount(stream.below(np.full(7_000, 7)))
    assert len(drawn) == 7 and drawn.min() > 850 and drawn.max() < 1_150


def test_the_list_is_the_same_on_every_machine():
    """Recorded once: whoever changes the generator changes everybody's data and should know it."""
    hashes = {(size, givens): sudoku.generate(size, givens, 50, seed=3).content_hash[:16]
              for size, givens in [("4x4", "4-6"), ("6x6", "hard"), ("9x9", "30-40")]}
    assert hashes == RECORDED


RECORDED = {("4x4", "4-6"): "7ebecc9a170b2263", ("6x6", "hard"): "915ccbfd090c5e4d",
            ("9x9", "30-40"): "14e054be6309796b"}


def test_4x4_covers_nearly_all_classes():
    puzzles = sudoku.generate("4x4", "4-6", 20_000)
    names = {sudoku.canonical(question) for question in puzzles.questions()[:4_000]}
    assert len(names) > 470  # of the 485 classes with 4 to 6 givens
    assert len(set(puzzles.questions())) == 20_000


@pytest.mark.parametrize(("arguments", "words"), [
    (("5x5", "easy"), "no Sudoku of size '5x5'"),
    (("9x9", "brutal"), "'brutal' is not a difficulty"),
    (("9x9", ""), "is not a difficulty"),
    (("9x9", (30, 40, 50)), "is not a difficulty"),
    (("9x9", None), "is not a difficulty"),
    (("9x9", "40-30"), "40 to 30 givens is not possible"),
    (("9x9", "10-20"), "at least 17"),
    (("4x4", "16"), "at most 15"),
    (("4x4", "4-6", 0), "count must be 1 or more"),
    (("4x4", "4-6", 5, -1), "seed 0 or more"),
    (("4x4", "4-4", 30_000), "There are 25,728 different 4x4 puzzles"),
    (("9x9", "17", 1), "rare"),
])
def test_generate_refuses(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        sudoku.generate(*arguments)
    assert "\n" not in str(error.value)


def test_every_4x4_puzzle_can_be_had():
    puzzles = sudoku.load("generated:4x4:4-4", "test", 1_152)
    assert len(set(puzzles.questions())) == 1_152
    with pytest.raises(ValueError, match="There are 1,152 different"):
        sudoku.load("generated:4x4:4-4", "test", 1_153)


# -- train and test

@settings(max_examples=8, deadline=None)
@given(st.sampled_from(["4x4:4-6", "4x4:hard", "6x6:10-14", "6x6:hard", "9x9:50-60"]), st.integers(0, 10**6),
       st.integers(0, 10**6))
def test_no_puzzle_of_one_split_is_equivalent_to_one_of_the_other(kind, seed, other):
    train, test = sudoku.load(f"generated:{kind}", "train", 150, seed), sudoku.load(
        f"generated:{kind}", "test", 60, other)
    sides = [{sudoku.canonical(question) for question in puzzles.questions()} for puzzles in (train, test)]
    assert not sides[0] & sides[1]


def test_about_one_class_in_five_is_for_testing():
    names = {sudoku.canonical(question) for question in sudoku.generate("6x6", "hard", 2_000).questions()}
    assert 0.17 < on_side(names, "test").mean() < 0.23
    assert (on_side(names, "test") ^ on_side(names, "train")).all() and on_side(names, "all").all()


def test_both_splits_together_are_the_whole_list():
    parts = [set(sudoku.generate("6x6", "10-14", count, 5, split).questions())
             for count, split in ((300, "all"), (400, "train"), (150, "test"))]
    assert parts[0] <= parts[1] | parts[2]


def test_load_says_what_it_knows():
    for source, split, words in [
        ("nowhere", "train", 'No puzzles at \'nowhere\'. A source is "generated:…" .for example generated:9x9:hard'),
        ("generated:4x4:4-6", "validation", "no split 'validation'"),
        ("generated:4x4", "train", "not a difficulty"),
        ("hub:nobody", "train", "OWNER/NAME"),
    ]:
        with pytest.raises(ValueError, match=words):
            sudoku.load(source, split)
    with pytest.raises(ValueError, match="limit must be 1 or more"):
        sudoku.load("generated:4x4:4-6", "train", 0)
    assert len(sudoku.load("generated:4x4:4-6", "test")) == 1_000
    assert len(sudoku.load("generated:4x4:4-6", "train")) == 10_000


# -- files


def test_csv_round_trip(tmp_path):
    for size in ("4x4", "6x6", "9x9"):
        puzzles = sudoku.generate(size, "minimal", 20)
        sudoku.write_csv(tmp_path / "p.csv", puzzles, source="made here, with a comma")
        back = sudoku.read_csv(tmp_path / "p.csv")
        assert back.content_hash == puzzles.content_hash and (back.ratings == puzzles.ratings).all()
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert lines[0] == "source,question,answer,rating" and lines[1].startswith('"made here, with a comma",')
    assert lines[1].endswith(f"{puzzles.questions()[0]},{puzzles.answers()[0]},{puzzles.ratings[0]}")
    sudoku.write_csv(tmp_path / "q.csv", sudoku.generate("9x9", "easy", 3))  # rated on the way
    assert sudoku.read_csv(tmp_path / "q.csv").ratings.tolist() == [0, 0, 0]
    assert (tmp_path / "q.csv").stat().st_mode & 0o044 == 0o044 or os.name == "nt"  # others may read it


def test_csv_of_others(tmp_path):
    """Zeros for blanks, other columns, another order, a byte order mark, blank lines, Windows line ends."""
    question, answer = _one()
    (tmp_path / "p.csv").write_bytes(
        f"\ufeffrating,question,extra,answer,source\r\n3,{question.replace('.', '0')},x,{answer},y\r\n\r\n".encode())
    puzzles = sudoku.read_csv(tmp_path / "p.csv")
    assert puzzles.questions() == [question] and puzzles.answers() == [answer] and puzzles.ratings.tolist() == [3]


def _one(size="4x4", seed=0):
    puzzles = sudoku.generate(size, "minimal", 1, seed=seed)
    return puzzles.questions()[0], puzzles.answers()[0]


@pytest.mark.parametrize(("content", "words"), [
    ("", "is empty"),
    ("question,answer\n", "has a header but no puzzles"),
    ("number,name\n1,a\n", "no column of the first line holds the questions; it has number, name"),
    (HEADER, "has a header but no puzzles"),
    (HEADER + "a,{q},{a},0\na,{q},{short}", "line 3: 3 fields where the header has 4"),
    (HEADER + "a,{q},{a},0\na,{q},{short},0", "line 3: the answer has 10 characters"),
    (HEADER + "a,{q},{a},0\na,{q},{a},high", "line 3: the rating 'high' is not a number"),
    (HEADER + "a,{q},{a},0\na,{q},{a},inf", "line 3: the rating 'inf' is not a number"),
    (HEADER + "a,{q},{a},0\na,{q},{a},0,7", "line 3: 5 fields where .* stands in quotes"),
    ("puzzle,quizzes,solution\n{q},{q},{a}\n", "'puzzle' and 'quizzes' could all be the question"),
    (HEADER + "a,{q},{a},0\na,{q},{wrong},0\n", "line 3: the answer does not solve .*1 of 2 lines"),
    (HEADER + "a,{q},{a},0\nb,{q},{q},0\n", "line 3: character '.' at position"),
    (HEADER + "a,{q},{a},0\nb,{letter},{a},0\n", "line 3: character 'q' at position 1 of the question"),
    (HEADER + "a,{q6},{a6},0\nb,{q},{a},0\n", "line 3: the question has 16 .* 6x6 Sudoku of 36"),
    (HEADER + "a,12,12,0\n", "line 2: the question has 2 characters"),
    (HEADER + "a,{q},{a},0\na,{q},{a},3000000000\n", "line 3: the rating 3000000000 is too large"),
    (HEADER + "a,{q},{a},99999999999999999999\n", "line 2: the rating 99999999999999999999 is too large"),
    (HEADER + "a,{q},{a},0\n\n\na,{q},{wrong},0\n", "line 5: the answer does not"),
])
def test_csv_faults_are_named(tmp_path, content, words):
    (q, a), (q6, a6) = _one(), _one("6x6")
    wrong = a.translate(str.maketrans("12", "21"))
    path = tmp_path / "p.csv"
    path.write_text(content.format(q=q, a=a, q6=q6, a6=a6, wrong=wrong, short=a[:10], letter="q" + q[1:]))
    with pytest.raises(ValueError, match=words) as error:
        sudoku.read_csv(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("lines", [1, 7, 20, 60])
def test_a_file_is_read_in_portions(tmp_path, monkeypatch, lines):
    monkeypatch.setattr("hrm_lite.puzzles.files._LINES", lines)
    puzzles, path = sudoku.generate("4x4", "minimal", 60), tmp_path / "p.csv"
    sudoku.write_csv(path, puzzles)
    assert sudoku.read_csv(path).content_hash == puzzles.content_hash
    path.write_text(path.read_text()[:-40])  # the last line is cut
    with pytest.raises(ValueError, match="line 61: "):
        sudoku.read_csv(path)


def test_files_that_are_no_csv(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        sudoku.read_csv(tmp_path / "none.csv")
    (tmp_path / "p.csv").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="not a CSV text file"):
        sudoku.read_csv(tmp_path / "p.csv")
    with pytest.raises(FileNotFoundError, match="no folder"):
        sudoku.write_csv(tmp_path / "none" / "p.csv", sudoku.generate("4x4", "4-6", 1))


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "p.csv"
    sudoku.write_csv(path, sudoku.generate("4x4", "4-6", 5))
    before = path.read_bytes()
    puzzles = sudoku.generate("4x4", "4-6", 9)
    monkeypatch.setattr(type(puzzles), "answers", lambda self: (1 // (row < 4) for row in range(9)))  # the 5th fails
    with pytest.raises(ZeroDivisionError):
        sudoku.write_csv(path, puzzles)
    assert path.read_bytes() == before and [entry.name for entry in tmp_path.iterdir()] == ["p.csv"]


def test_load_divides_one_file_by_class_and_drops_repeats(tmp_path):
    puzzles = sudoku.generate("4x4", "hard", 600)
    path = tmp_path / "p.csv"
    sudoku.write_csv(path, puzzles.select([*range(600), 5, 6, 7]))
    train, test, both = (sudoku.load(path, split) for split in ("train", "test", "all"))
    assert both.content_hash == puzzles.content_hash and (both.ratings == puzzles.ratings).all()
    assert sorted(train.questions() + test.questions()) == sorted(puzzles.questions())
    sides = [{sudoku.canonical(question) for question in part.questions()} for part in (train, test)]
    assert not sides[0] & sides[1] and sides[1]
    # The same side as for generated puzzles, by another road (a table for 4x4).
    assert sides[1] <= {sudoku.canonical(q) for q in sudoku.load("generated:4x4:hard", "test", 2_000).questions()}
    some = sudoku.load(path, "train", 50, seed=1)
    assert len(some) == 50 and set(some.questions()) <= set(train.questions())
    assert some.content_hash == sudoku.load(str(path), "train", 50, seed=1).content_hash
    assert some.content_hash != sudoku.load(path, "train", 50, seed=2).content_hash
    with pytest.raises(ValueError, match=f"has {len(test)} different puzzles in split \"test\", but 601"):
        sudoku.load(path, "test", 601)


def test_a_long_file_is_read_to_its_end_and_a_limit_shuffles(tmp_path):
    puzzles, path = sudoku.generate("4x4", "4-6", 5_000), tmp_path / "p.csv"
    sudoku.write_csv(path, puzzles)
    assert sudoku.load(path, "all").content_hash == puzzles.content_hash
    place = {question: i for i, question in enumerate(puzzles.questions())}
    order = [place[question] for question in sudoku.load(path, "all", 40).questions()]
    assert order != sorted(order) and max(order) > 2_500


def test_load_takes_a_folder_and_the_hub_as_divided_there(tmp_path, monkeypatch):
    parts = {split: sudoku.generate("6x6", "hard", 20, seed=seed) for seed, split in enumerate(("train", "test"))}
    for split, puzzles in parts.items():
        sudoku.write_csv(tmp_path / f"{split}.csv", puzzles)
    monkeypatch.setattr(
        "hrm_lite.puzzles.hub.fetch", lambda name, file, offline: {"them/puzzles": tmp_path / file}[name])
    for source in (str(tmp_path), "hub:them/puzzles"):
        for split, puzzles in parts.items():
            assert sudoku.load(source, split).content_hash == puzzles.content_hash
        assert len(sudoku.load(source, "all")) == 40 and len(sudoku.load(source, "test", 7)) == 7
    (tmp_path / "test.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"test\.csv"):
        sudoku.load(tmp_path, "test")
