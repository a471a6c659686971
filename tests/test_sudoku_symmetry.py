"""Symmetries and canonical forms, against the whole group written out by hand."""

import itertools
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.stream import Stream
from hrm_lite.puzzles.sudoku import small as small

SHAPES = {"4x4": (2, 2), "6x6": (2, 3), "9x9": (3, 3)}


def line_orders(bands, height):
    """Orders of the lines that move whole bands, and lines within their band."""
    for outer in itertools.permutations(range(bands)):
        for inner in itertools.product(itertools.permutations(range(height)), repeat=bands):
            yield [band * height + line for band, lines in zip(outer, inner, strict=True) for line in lines]


def positions(size):
    """Every symmetry of the positions, as lists of cells, by plain loops."""
    height, width = SHAPES[size]
    side = height * width
    for rows in line_orders(side // height, height):
        for columns in line_orders(side // width, width):
            yield [r * side + c for r in rows for c in columns]
            if height == width:
                yield [r * side + c for c in columns for r in rows]


def renamed(text):
    """Digits renamed in the order in which they appear: equal for boards that differ by names only."""
    names = {}
    return "".join(c if c == "." else str(names.setdefault(c, len(names) + 1)) for c in text)


def random_image(text, size, rng):
    height, width = SHAPES[size]
    side = height * width
    rows, columns = (
        [band * group + line for band in rng.permutation(side // group) for line in rng.permutation(group)]
        for group in (height, width))
    gather = [r * side + c for r in rows for c in columns]
    if height == width and rng.random() < 0.5:
        gather = [r * side + c for c in columns for r in rows]
    names = dict(zip("123456789"[:side], rng.permutation(list("123456789"[:side])), strict=True))
    return "".join(names.get(text[cell], ".") for cell in gather)


# -- 4x4: everything, by brute force

def test_there_are_two_4x4_grids_up_to_symmetry():
    group = list(positions("4x4"))
    assert len(group) == len(set(map(tuple, group))) == 128
    text = ["".join(map(str, grid)) for grid in small.all_grids()]
    orbits = {frozenset(renamed("".join(grid[cell] for cell in gather)) for gather in group) for grid in text}
    assert len(text) == 288 and sorted(map(len, orbits)) == [4, 8]  # of 12 grids with first row 1234
    assert len({sudoku.canonical(grid) for grid in text}) == 2


@pytest.mark.parametrize("givens", [4, 5])
def test_classes_of_4x4_puzzles_are_orbits_of_the_whole_group(givens):
    """All puzzles with one solution, found and sorted into orbits without the package."""
    grids = ["".join(map(str, grid)) for grid in small.all_grids()]
    # Up to names a puzzle is a pattern of a grid whose first row reads 1234; it has one solution if no
    # other of the 288 grids shows the same digits on the pattern.
    puzzles = {}
    for grid in grids:
        if not grid.startswith("1234"):
            continue
        agreeing = {frozenset(c for c in range(16) if other[c] == grid[c]) for other in grids if other != grid}
        agreeing = [cells for cells in agreeing if not any(cells < more for more in agreeing)]
        for shown in itertools.combinations(range(16), givens):
            if not any(cells.issuperset(shown) for cells in agreeing):
                text = "".join(grid[c] if c in shown else "." for c in range(16))
                puzzles[renamed(text)] = text
    group = list(positions("4x4"))
    unseen, orbits = set(puzzles), []
    while unseen:
        start = puzzles[next(iter(unseen))]
        orbit = {renamed("".join(start[cell] for cell in gather)) for gather in group}
        assert orbit <= set(puzzles)  # no symmetry loses the one solution
        unseen -= orbit
        orbits.append(orbit)
    forms = [{sudoku.canonical(puzzles[name]) for name in sorted(orbit)[:: 1 + len(orbit) // 12]} for orbit in orbits]
    assert all(len(form) == 1 for form in forms)  # constant on orbits
    assert len(set.union(*forms)) == len(orbits)  # different across orbits
    table = small.classes().select(small.classes().givens == givens)
    assert set.union(*forms) == set(table.texts())
    assert len(orbits) == {4: 13, 5: 96}[givens]  # 13: as others have counted
    assert table.members.sum() == len(puzzles) * 24  # each name-free puzzle has 4! namings
    if givens == 4:
        assert table.members.sum() == 25_728


def test_4x4_table_counts_every_pattern():
    classes = small.classes()
    grids, forms = small.all_grids(), set(classes.texts())
    for givens in (4, 6, 9, 14):
        patterns = [small.MASKS[givens == small.GIVENS][i::7] for i in range(2)]
        for mask in np.concatenate(patterns)[:40]:
            shown = np.array([mask >> (15 - cell) & 1 for cell in range(16)], bool)
            alone = (grids[:, shown] == grids[0, shown]).all(1).sum() == 1
            text = "".join(str(d) if s else "." for d, s in zip(grids[0], shown, strict=True))
            if alone:
                assert sudoku.canonical(text) in forms
            else:
                with pytest.raises(ValueError, match="several"):
                    sudoku.canonical(text)
    # 36 classes are minimal, with 4, 5 or 6 givens
    assert Counter(classes.givens[classes.minimal].tolist()) == Counter({4: 13, 5: 22, 6: 1})


def test_members_of_a_4x4_class_are_counted_and_drawn_evenly():
    classes = small.classes()
    index = int(np.flatnonzero(classes.members == classes.members.min())[0])
    members = int(classes.members[index])
    questions, answers = classes.draw(np.full(members * 60, index), Stream(0))
    drawn = Counter(map(bytes, questions))
    assert len(drawn) == members and min(drawn.values()) > 20 and max(drawn.values()) < 130
    for question, answer in list(zip(questions, answers, strict=True))[:20]:
        text = "".join(map(str, question))
        assert sudoku.solve(text) == "".join(map(str, answer))
        assert sudoku.canonical(text) == classes.select([index]).texts()[0]


# -- 6x6 and 9x9: random elements, and a small brute force

def test_6x6_canonical_form_is_the_least_image_under_the_whole_group():
    group = list(positions("6x6"))
    assert len(group) == 3_456
    for question in sudoku.generate("6x6", "hard", 4, seed=1).questions():
        answer, images = sudoku.solve(question), []
        for gather in group:
            grid = "".join(answer[cell] for cell in gather)
            names = {digit: str(k + 1) for k, digit in enumerate(grid[:6])} | {".": "."}
            images.append(tuple("".join(names[text[cell]] for cell in gather) for text in (answer, question)))
        assert sudoku.canonical(question) == min(images)[1]  # '.' sorts before the digits
        assert len({sudoku.canonical(image) for _, image in images[::300]}) == 1


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["4x4", "6x6", "9x9"]), st.sampled_from(["minimal", "medium", "easy"]), st.integers(0, 40),
       st.integers(0, 2**32 - 1))
def test_canonical_form_does_not_see_symmetries(size, difficulty, index, seed):
    question = _pool(size, difficulty)[index]
    image = random_image(question, size, np.random.default_rng(seed))
    form = sudoku.canonical(question)
    assert sudoku.canonical(image) == form
    # The form is a puzzle of the same class: it stands for itself, and has as many givens.
    assert sudoku.canonical(form) == form
    assert form.count(".") == question.count(".")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["6x6", "9x9"]), st.integers(0, 40), st.integers(0, 80))
def test_canonical_form_sees_a_lost_given(size, index, cell):
    """Dropping one given and another one leads to the same class only if a symmetry says so."""
    question = _pool(size, "easy")[index]
    shown = [c for c in range(len(question)) if question[c] != "."]
    first, second = shown[cell % len(shown)], shown[(cell * 7 + 1) % len(shown)]
    parts = [question[:c] + "." + question[c + 1 :] for c in (first, second)]
    try:
        forms = {sudoku.canonical(part) for part in parts}
    except ValueError:
        return  # one of them has several solutions
    # Grids with symmetries of their own are rare: a random one has none.
    assert len(forms) == len({first, second})


def test_a_grid_with_many_symmetries_has_one_form():
    """The most symmetric 9x9 grid: 648 symmetries, so many ways to the least image."""
    grid = "".join(str((3 * r + r // 3 + c) % 9 + 1) for r in range(9) for c in range(9))
    rng = np.random.default_rng(0)
    question = "".join(digit if i % 2 else "." for i, digit in enumerate(grid))
    assert len({sudoku.canonical(random_image(grid, "9x9", rng)) for _ in range(10)}) == 1
    assert len({sudoku.canonical(random_image(question, "9x9", rng)) for _ in range(10)}) == 1


def test_6x6_boards_have_no_mirror():
    question = sudoku.generate("6x6", "easy", 1, seed=4).questions()[0]
    mirrored = "".join(question[c * 6 + r] for r in range(6) for c in range(6))
    with pytest.raises(ValueError, match=r"two \ds in box"):  # its boxes would be 3 rows x 2 columns
        sudoku.canonical(mirrored)


_POOLS = {}


def _pool(size, difficulty):
    if (size, difficulty) not in _POOLS:
        _POOLS[size, difficulty] = sudoku.generate(size, difficulty, 41, seed=6).questions()
    return _POOLS[size, difficulty]


# -- augmentation: the same symmetries on tensors

@pytest.mark.parametrize("size", ["4x4", "6x6", "9x9"])
@pytest.mark.parametrize("kind", [torch.uint8, torch.int64])
def test_augmented_puzzles_are_equivalent_and_solved_by_their_labels(size, kind):
    puzzles = sudoku.generate(size, "medium", 30)
    inputs, labels = (torch.tensor(a, dtype=kind) for a in (puzzles.inputs, puzzles.labels))
    generator = torch.Generator().manual_seed(0)
    more, answers = puzzles.augment(inputs, labels, generator)
    assert more.shape == inputs.shape and more.dtype == answers.dtype == kind
    assert puzzles.check(more, answers).all()
    assert (more != inputs).any(1).float().mean() > 0.9
    for before, after in zip(inputs, more, strict=True):
        assert sudoku.canonical(puzzles.decode(before)) == sudoku.canonical(puzzles.decode(after))
    again = puzzles.augment(inputs, labels, torch.Generator().manual_seed(0))
    assert torch.equal(again[0], more) and torch.equal(again[1], answers)


def test_augmentation_draws_every_symmetry_equally_often_row_by_row():
    """4x4 has 128 * 24 symmetries: 3,072 images of a grid with all different, each as likely."""
    classes = small.classes()
    index = int(np.flatnonzero(classes.members == classes.members.max())[0])
    puzzles = sudoku.SudokuSet.from_digits(
        small.BOARD, *classes.draw(np.array([index]), Stream(0)))
    rows = int(classes.members[index]) * 40
    inputs, labels = (torch.tensor(a).expand(rows, 16) for a in (puzzles.inputs, puzzles.labels))
    images, _ = puzzles.augment(inputs, labels, torch.Generator().manual_seed(0))
    drawn = torch.unique(images, dim=0, return_counts=True)[1]
    assert len(drawn) == classes.members[index] and drawn.min() > 10 and drawn.max() < 90


def test_augmentation_leaves_pads_alone():
    puzzles = sudoku.generate("9x9", "easy", 8)
    labels = torch.tensor(puzzles.labels, dtype=torch.int64)
    inputs = torch.tensor(puzzles.inputs, dtype=torch.int64)
    labels[inputs > 1] = 0  # score the blanks only
    more, answers = puzzles.augment(inputs, labels, torch.Generator().manual_seed(3))
    assert torch.equal(answers == 0, more > 1) and torch.equal(answers > 1, more == 1)
    assert puzzles.check(more, torch.where(answers == 0, more, answers)).all()
