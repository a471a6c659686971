"""Hard 9x9 puzzles: the search, its lists on disk, and the least rating that one may ask for."""

import numpy as np
import pytest
from test_sudoku import all_solutions

from hrm_lite.puzzles import store, sudoku
from hrm_lite.puzzles.splits import parts
from hrm_lite.puzzles.sudoku import hard as sudoku_hard
from hrm_lite.puzzles.sudoku import search
from hrm_lite.puzzles.sudoku.grid import BOARDS, to_text
from hrm_lite.puzzles.sudoku.sets import search_many

BOARD = BOARDS["9x9"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HRM_LITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    return tmp_path / "cache"


@pytest.fixture
def quick(monkeypatch):
    """Short climbs and small chunks: puzzles that are not hard, made in the same way."""
    monkeypatch.setattr(search, "climb", lambda *a, climb=search.climb: climb(*a, 5))
    monkeypatch.setattr(sudoku_hard, "CHUNK", 8)


@pytest.fixture(scope="module")
def hard():
    return search.climb(3, "train", 0, 20)


# -- the search

def test_the_puzzles_are_hard(hard):
    """With 1,800 moves the mean of 20 is 21 give or take 4; random minimal puzzles have 0.8."""
    ratings = search_many(BOARD, hard[0], 1)[1]
    assert ratings.mean() > 12 and len(set(ratings.tolist())) > 8  # hard, and not all alike
    assert ratings.tolist() == [sudoku.rate(to_text(row)) for row in hard[0]]


def test_an_answer_of_its_own_for_each(hard):
    """No two are of one family: not even their complete answers are equivalent."""
    assert len({sudoku.canonical(to_text(row)) for row in hard[1]}) == 20


def test_one_solution_and_no_given_too_many_by_plain_backtracking(hard):
    for question, answer in list(zip(*hard, strict=True))[:1]:
        question, answer = to_text(question), to_text(answer)
        assert all_solutions(question, 2) == [answer]
        for cell in (cell for cell, digit in enumerate(question) if digit != "."):
            assert len(all_solutions(question[:cell] + "." + question[cell + 1 :], 2)) == 2


def test_one_solution_and_no_given_too_many(hard):
    """All of them, with the solver of the other sizes, which works in another way."""
    from hrm_lite.puzzles.sudoku.kernels import solve_many

    counts, _, answers = solve_many(BOARD, hard[0], 2)
    assert (counts == 1).all() and (answers == hard[1]).all()
    for question in hard[0]:
        givens = np.flatnonzero(question)
        without = np.repeat(question[None], len(givens), 0)
        without[np.arange(len(givens)), givens] = 0
        assert (solve_many(BOARD, without, 2)[0] == 2).all()


def test_the_list_is_the_same_on_every_machine(hard):
    """Recorded once: whoever changes the search changes everybody's data, and has to raise VERSION."""
    texts = [to_text(row) for row in hard[0][:2]]
    assert (search.VERSION, texts) == (1, RECORDED)


RECORDED = ["79.3..86.1.4..........8.........75.6..2....3..5.......6....2..5...94..73.3....6..",
            "..9....7......48.1....6..3...2..6..3...4....58...9.6..1..6......5.7.....98..31..2"]


def test_a_puzzle_depends_on_its_number_alone():
    together = search.climb(1, "test", 0, 9, 20)
    for start, stop in ((0, 2), (2, 9), (8, 9)):
        apart = search.climb(1, "test", start, stop - start, 20)
        assert all((one[start:stop] == other).all() for one, other in zip(together, apart, strict=True))
    for other in (search.climb(2, "test", 0, 9, 20), search.climb(1, "train", 0, 9, 20)):
        assert not (together[1] == other[1]).all(1).any()


@pytest.mark.parametrize(("split", "wanted"), [("test", [0] * 8), ("train", [4, 1, 2, 3, 4, 1, 2, 3])])
def test_each_puzzle_is_of_the_part_it_looked_for(split, wanted):
    questions, _ = search.climb(4, split, 3, 8, 30)
    assert parts(sudoku.canonical(to_text(row)) for row in questions).tolist() == wanted


def test_images_are_the_same_puzzle_and_differ(hard):
    boards = np.stack(hard, 1)[:3].copy()
    images = search._images(boards, np.arange(3), np.arange(3).astype(np.uint64), 40)
    for puzzle in range(3):
        assert len({bytes(image) for image in images[puzzle]}) == 40
        assert {sudoku.canonical(to_text(image[0])) for image in images[puzzle]} == {
            sudoku.canonical(to_text(boards[puzzle, 0]))}
        for question, answer in images[puzzle]:
            assert sudoku.is_solution(to_text(question), to_text(answer))


# -- the lists on disk

def test_threads_and_chunks_make_no_difference(quick, monkeypatch, tmp_path):
    lists = []
    for threads, size in ((1, 8), (2, 8), (2, 3)):
        monkeypatch.setenv("HRM_LITE_CACHE", str(tmp_path / f"{threads}{size}"))
        monkeypatch.setattr(sudoku_hard, "CHUNK", size)
        lists.append(sudoku_hard.hard_puzzles(21, 0, "all", threads))
    for other in lists[1:]:
        assert all((a == b).all() for a, b in zip(lists[0], other, strict=True))


def test_a_list_is_endless_divided_and_without_equivalents(quick):
    both, train, test = (sudoku.load("generated:9x9:hard", split, count, seed=6)
                         for split, count in (("all", 40), ("train", 32), ("test", 8)))
    names = [[sudoku.canonical(q) for q in puzzles.questions()] for puzzles in (both, train, test)]
    assert len(set(names[0])) == 40 and set(names[0]) == set(names[1]) | set(names[2])
    assert not set(names[1]) & set(names[2])
    for puzzles, split in ((both, "all"), (train, "train"), (test, "test")):
        few = sudoku.load("generated:9x9:hard", split, 7, seed=6)
        assert few.content_hash == puzzles[:7].content_hash and (few.ratings == puzzles.ratings[:7]).all()
    assert train.source == "generated:9x9:hard (train, seed 6)"
    assert train.ratings.tolist() == [sudoku.rate(question) for question in train.questions()]
    assert len(sudoku.generate("9x9", "hard", 1)) == 1


def test_equivalent_puzzles_are_left_out(quick, monkeypatch):
    """Two numbers that give one class: made up, for it does not happen."""
    def climb(*arguments, climb=search.climb):
        questions, answers = climb(*arguments)
        turned = [board[0].reshape(9, 9).T.ravel() for board in (questions, answers)]
        questions[5], answers[5] = turned
        return questions, answers

    monkeypatch.setattr(search, "climb", climb)
    questions = sudoku_hard.hard_puzzles(16, 0, "train", 1)[0]
    assert len({sudoku.canonical(to_text(row)) for row in questions}) == len(questions) == 16


def test_what_was_made_is_kept(quick, monkeypatch):
    made = []
    monkeypatch.setattr(search, "climb", lambda *a, climb=search.climb: made.append(a) or climb(*a))
    first = sudoku.generate("9x9", "hard", 16, 0, "test")
    assert len(made) == 2
    again = sudoku.generate("9x9", "hard", 16, 0, "test")
    assert len(made) == 2 and first.content_hash == again.content_hash and (first.ratings == again.ratings).all()
    longer = sudoku.generate("9x9", "hard", 20, 0, "test")
    assert len(made) == 3 and longer[:16].content_hash == first.content_hash
    sudoku.generate("9x9", "hard", 1, 1, "test")
    assert len(made) == 4  # another seed


def test_a_long_list_does_not_keep_its_files_open(quick):
    for _ in range(2):  # made, and from disk
        chunk = sudoku_hard._chunk(0, 5, "train")
        assert not any(isinstance(array, np.memmap) for array in chunk.values())


def test_an_interrupted_run_goes_on(quick, monkeypatch):
    made = []

    def climb(seed, split, start, count, climb=search.climb):
        made.append(start)
        if made == [0, 8, 16]:
            raise KeyboardInterrupt
        return climb(seed, split, start, count)

    monkeypatch.setattr(search, "climb", climb)
    with pytest.raises(KeyboardInterrupt):
        sudoku_hard.hard_puzzles(40, 0, "train", 1)
    assert made[:3] == [0, 8, 16]
    sudoku_hard.hard_puzzles(40, 0, "train", 1)
    assert sorted(made) == [0, 8, 16, 16, 24, 32]  # only the one that failed was begun twice


def test_the_key_holds_what_decides(quick, monkeypatch):
    keys = []
    monkeypatch.setattr(store, "cached", lambda key, make: keys.append(key) or make())
    sudoku_hard.hard_puzzles(9, 5, "train", 1)
    assert [key["chunk"] for key in keys] == [0, 1]
    assert keys[0] == {"what": "hard 9x9 Sudoku", "version": 1, "moves": search.MOVES, "seed": 5,
                       "split": "train", "chunk": 0, "size": 8}


# -- names

def test_minimal_is_what_hard_is_on_small_boards():
    for size in ("4x4", "6x6"):
        assert sudoku.generate(size, "minimal", 20).content_hash == sudoku.generate(size, "hard", 20).content_hash
    puzzles = sudoku.generate("9x9", "minimal", 5)
    assert puzzles.source == "generated:9x9:minimal (all, seed 0)" and puzzles.ratings is not None


# -- a least rating

def test_generated_puzzles_of_a_least_rating():
    puzzles = sudoku.load("generated:9x9:minimal", "train", 30, seed=1, min_rating=2)
    assert len(puzzles) == 30 and puzzles.ratings.min() == 2
    every = sudoku.load("generated:9x9:minimal", "train", 90, seed=1)
    want = every.select(every.ratings >= 2)
    assert puzzles[: len(want)].content_hash == want[:30].content_hash
    with pytest.raises(ValueError, match=r"Only 0 of the first 40 puzzles of generated:9x9:minimal .* 90 or more"):
        sudoku.load("generated:9x9:minimal", "all", 2, min_rating=90)
    with pytest.raises(ValueError, match=r"min_rating is 3, but generated:9x9:easy .* has no ratings"):
        sudoku.load("generated:9x9:easy", "all", 2, min_rating=3)


def test_puzzles_of_files_of_a_least_rating(tmp_path):
    puzzles = sudoku.generate("9x9", "minimal", 60, seed=1)
    sudoku.write_csv(tmp_path / "train.csv", puzzles)
    wanted = puzzles.select(puzzles.ratings >= 2)
    assert 5 < len(wanted) < 50
    for source in (tmp_path, tmp_path / "train.csv"):
        split = "train" if source == tmp_path else "all"
        chosen = sudoku.load(source, split, min_rating=2)
        assert chosen.content_hash == wanted.content_hash and chosen.ratings.tolist() == wanted.ratings.tolist()
        assert len(sudoku.load(source, split, 5, min_rating=2)) == 5
        with pytest.raises(ValueError, match="has a rating of 99 or more; the highest is"):
            sudoku.load(source, split, min_rating=99)
        with pytest.raises(ValueError, match=f"has {len(wanted)} different puzzles .* with a rating of at least 2"):
            sudoku.load(source, split, 60, min_rating=2)
