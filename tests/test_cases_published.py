"""Folders as the published programs build them, written here field by field as their builders do."""

import json

import numpy as np
import pytest
import torch
from helpers import TRAIN, make, trainer

from hrm_lite import puzzles as rooms
from hrm_lite.puzzles import arc, maze, own, sudoku
from hrm_lite.puzzles.arc.codec import encode


def build(folder, half, inputs, labels, vocab_size, identifiers=None, indices=None, dtype=np.uint8, **about):
    home = folder / half
    home.mkdir(parents=True, exist_ok=True)
    count = len(inputs)
    identifiers = np.zeros(count, np.int32) if identifiers is None else identifiers
    indices = np.arange(count + 1) if indices is None else indices
    arrays = {
        "inputs": np.asarray(inputs, dtype), "labels": np.asarray(labels, dtype),
        "group_indices": np.arange(len(identifiers) + 1, dtype=np.int32),
        "puzzle_indices": np.asarray(indices, np.int32), "puzzle_identifiers": np.asarray(identifiers, np.int32)}
    for name, array in arrays.items():
        np.save(home / f"all__{name}.npy", array)
    about = dict(
        seq_len=np.shape(inputs)[1], vocab_size=vocab_size, pad_id=0, ignore_label_id=0, blank_identifier_id=0,
        num_puzzle_identifiers=int(np.max(identifiers)) + 1, total_groups=len(identifiers), mean_puzzle_examples=1,
        sets=["all"]) | about
    (home / "dataset.json").write_text(json.dumps(about), encoding="utf-8")
    (folder / "identifiers.json").write_text(json.dumps(["<blank>"]), encoding="utf-8")


@pytest.fixture
def boards(tmp_path):
    made = sudoku.generate("9x9", "40-50", 12, seed=4)
    digits = [np.array([[int(c) for c in text.replace(".", "0")] for text in texts])
              for texts in (made.questions(), made.answers())]
    for half, part in (("train", slice(0, 8)), ("test", slice(8, 12))):
        build(tmp_path, half, digits[0][part] + 1, digits[1][part] + 1, 11)
    return tmp_path, made


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def test_sudoku(boards):
    folder, made = boards
    train = sudoku.load(folder, "train")
    assert train.content_hash == made[:8].content_hash and is_mapped(train.inputs) and is_mapped(train.labels)
    assert sudoku.load(folder, "test").content_hash == made[8:].content_hash
    assert sudoku.load(folder, "all").content_hash == made.content_hash
    some = sudoku.load(folder, "train", 3, seed=1)
    assert len(some) == 3 and set(some.questions()) <= set(made.questions())
    assert rooms.load(folder, "train").name == "sudoku-9x9" and rooms.load(f"own:{folder}", "train").name == "own-9x9"
    with pytest.raises(ValueError, match="has 8 puzzles, but 9 were asked for"):
        sudoku.load(folder, "train", 9)
    with pytest.raises(ValueError, match="has no ratings"):
        sudoku.load(folder, "train", min_rating=3)


def test_arrays_of_other_numbers_are_kept_in_the_cache(boards, tmp_path, monkeypatch):
    folder, made = boards
    monkeypatch.setenv("HRM_LITE_CACHE", str(tmp_path / "cache"))
    build(folder, "train", made.inputs[:8], made.labels[:8], 11, dtype=np.int64)  # as their turned copies are
    train = sudoku.load(folder, "train")
    assert train.content_hash == made[:8].content_hash and is_mapped(train.inputs)


def test_equal_puzzles_stay_as_they_were_put_in(boards):
    folder, made = boards
    build(folder, "train", made.inputs[[0, 0, 1]], made.labels[[0, 0, 1]], 11)
    assert sudoku.load(folder, "train").content_hash == made[[0, 0, 1]].content_hash


def test_mazes(tmp_path):
    made = maze.generate("6x6", "random", 9, seed=4)
    tokens = [np.array([["# SGo".index(c) + 1 for c in text] for text in texts])
              for texts in (made.questions(), made.answers())]
    build(tmp_path, "train", *tokens, 6)
    found = maze.load(tmp_path, "train", dihedral=True)
    assert found.dihedral and maze.load(tmp_path, "train").content_hash == made.content_hash
    assert rooms.load(tmp_path, "train").content_hash == made.content_hash
    assert maze.load(tmp_path, "train", grid=(4, 9)).grid == (4, 9)
    with pytest.raises(FileNotFoundError, match=r"all__inputs\.npy"):
        maze.load(tmp_path, "test")
    with pytest.raises(ValueError, match="36 cells and 6 tokens; a 9x9 Sudoku has"):
        sudoku.load(tmp_path, "train")


def test_arc_and_any_other_kind(tmp_path):
    """Two puzzles of two and one examples, with identifiers of their own and pads that are not scored."""
    grids = [(np.array([[1, 2]]), np.array([[2]])), (np.array([[3]]), np.array([[3, 3]])), (np.eye(3, dtype=int),) * 2]
    inputs, labels = ([encode(pair[side]) for pair in grids] for side in (0, 1))
    build(tmp_path, "train", inputs, labels, 12, identifiers=[4, 2], indices=[0, 2, 3], num_puzzle_identifiers=7)
    puzzles = own.load(tmp_path, "train")
    assert puzzles.puzzle_ids.tolist() == [4, 4, 2] and puzzles.identifiers == 7 and puzzles.grid == (30, 30)
    assert puzzles.vocab == arc.encode.__globals__["VOCAB"] and is_mapped(puzzles.inputs)
    for row, (_, answer) in zip(puzzles.labels, grids, strict=True):
        assert (arc.decode(row) == answer).all()
    anything = torch.tensor(puzzles.labels)
    anything[anything == 0] = 5  # a pad may hold anything
    assert puzzles.score(anything) == {"solved": 1, "exact": 1, "cells": 1}
    assert rooms.load(tmp_path, "train").name == "own-30x30"
    (tmp_path / "train" / "dataset.json").unlink()  # then from the arrays, and the list of names
    (tmp_path / "identifiers.json").write_text(json.dumps(["<blank>"] * 9), encoding="utf-8")
    build(tmp_path, "test", [[13] * 900], [[1] * 900], 20)  # no half alone knows all tokens
    (tmp_path / "test" / "dataset.json").unlink()
    (tmp_path / "identifiers.json").write_text(json.dumps(["<blank>"] * 9), encoding="utf-8")
    assert own.load(tmp_path, "train").identifiers == 9
    assert own.load(tmp_path, "train").vocab_size == own.load(tmp_path, "test").vocab_size == 14


def test_they_can_be_trained_on(boards, tmp_path):
    folder, _ = boards
    puzzles = sudoku.load(folder, "train")
    model = make(vocab_size=11, seq_len=81)
    record = trainer(puzzles, tmp_path / "run", TRAIN.replace(max_steps=3), model, held_out=sudoku.load(folder, "test"))
    assert record.fit()["finished"]


def test_labels_ignored_by_another_number(tmp_path, monkeypatch):
    monkeypatch.setenv("HRM_LITE_CACHE", str(tmp_path / "cache"))
    build(tmp_path, "train", [[1, 2]], [[-100, 2]], 3, dtype=np.int32, ignore_label_id=-100)
    assert own.load(tmp_path, "train").labels.tolist() == [[0, 2]]
    build(tmp_path, "train", [[1, 2]], [[0, 2]], 3, dtype=np.int32, ignore_label_id=None)
    with pytest.raises(ValueError, match=r"ignore_label_id in dataset\.json is None, so it is scored"):
        own.load(tmp_path, "train")


@pytest.mark.parametrize(("change", "words"), [
    (lambda home: np.save(home / "all__labels.npy", np.ones((8, 80), np.uint8)), r"labels.npy \(8, 80\)"),
    (lambda home: np.save(home / "all__inputs.npy", np.ones((8, 81))), "must hold whole numbers .* float64"),
    (lambda home: (home / "all__inputs.npy").write_bytes(b"no"), "is not an array that numpy can read"),
    (lambda home: np.save(home / "all__puzzle_indices.npy", np.arange(5)), "it holds 5 numbers"),
    (lambda home: np.save(home / "all__puzzle_indices.npy", np.arange(9) // 2), "are for 4 examples"),
    (lambda home: (home / "dataset.json").write_text("{"), "is not JSON"),
    (lambda home: (home / "dataset.json").write_text("[]"), "must hold a dict; it holds a list"),
    (lambda home: (home / "dataset.json").write_text('{"seq_len": 80}'), "seq_len is 80, but the arrays .* 81"),
    (lambda home: (home / "dataset.json").write_text('{"vocab_size": 4}'), "vocab_size is 4, but .* token 10"),
    (lambda home: (home / "dataset.json").write_text('{"pad_id": 9}'), "pad_id is 9; here it is 0"),
    (lambda home: np.save(home / "all__labels.npy", np.load(home / "all__inputs.npy")), "the answer of example 0"),
])  # fmt: skip
def test_faults_are_named(boards, change, words):
    folder, _ = boards
    change(folder / "train")
    with pytest.raises(ValueError, match=words) as error:
        sudoku.load(folder, "train")
    assert str(folder) in str(error.value)


def test_nothing_is_unpickled(boards):
    folder, _ = boards
    np.save(folder / "train" / "all__inputs.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="is not an array that numpy can read"):
        sudoku.load(folder, "train")
