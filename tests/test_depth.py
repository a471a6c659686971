"""Puzzles with a knob, against a few lines of plain Python for each."""

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_lite.puzzles import depth

SOURCES = ["parity:32", "parity:5", "pointers:16:8", "pointers:40:1", "reach:9x9:12", "reach:4x7:3", "reach:20x20:30"]


def answer(source, question, grid):
    kind, *knobs = source.split(":")
    if kind == "parity":
        return [sum(token - 1 for token in question[: i + 1]) % 2 + 1 for i in range(len(question))]
    if kind == "pointers":
        node = question[0] - 1
        for _ in range(int(knobs[1])):
            node = question[1 + node] - 1
        return [node + 1] + [0] * (len(question) - 1)
    board = nx.grid_2d_graph(*grid)
    board.remove_nodes_from([divmod(i, grid[1]) for i, token in enumerate(question) if token == 1])
    near = nx.single_source_shortest_path_length(board, divmod(question.index(3), grid[1]), cutoff=int(knobs[1]))
    return [4 if token == 2 and divmod(i, grid[1]) in near else token for i, token in enumerate(question)]


@pytest.mark.parametrize("source", SOURCES)
def test_the_answers_are_right(source):
    puzzles = depth.load(source, "all", 200 if source != "parity:5" else 32, seed=1)
    for question, label in zip(puzzles.inputs.tolist(), puzzles.labels.tolist(), strict=True):
        assert label == answer(source, question, puzzles.grid)
    assert puzzles.depth == int(source.rpartition(":")[2]) and len(set(map(bytes, puzzles.inputs))) == len(puzzles)
    x, y = torch.tensor(puzzles.inputs), torch.tensor(puzzles.labels)
    assert puzzles.check(x, y).all() and puzzles.score(puzzles.labels)["solved"] == 1
    assert puzzles.check(x, torch.where(y == 0, 1, y)).all()  # what is not scored may be anything
    wrong = y.clone()
    wrong[:, 0] = y[:, 0] % 2 + 1
    assert puzzles.check(x, wrong).tolist() == (wrong == y).all(1).tolist() and not puzzles.check(x, wrong).all()


def test_pointers_lead_through_all_nodes():
    """One cycle: no chain of fewer pointers ends where HOPS pointers end."""
    puzzles = depth.load("pointers:12:11", "all", 50)
    for question in puzzles.inputs.tolist():
        node, seen = question[0], []
        for _ in range(12):
            node = question[node]
            seen.append(node)
        assert len(set(seen)) == 12
    starts = np.bincount(puzzles.inputs[:, 0])
    assert (starts[1:] > 0).sum() > 9  # any node may be the first


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(["parity:16", "parity:32", "pointers:7:3", "reach:4x4:3"]), st.integers(0, 10**6),
       st.integers(0, 10**6))
def test_train_and_test_share_no_question(source, seed, other):
    train, test = depth.load(source, "train", 300, seed), depth.load(source, "test", 100, other)
    assert not set(map(bytes, train.inputs)) & set(map(bytes, test.inputs))


def test_the_two_sides_are_the_whole():
    """All 4,096 questions of 12 bits: each on one side, about a fifth for testing."""
    whole = set(map(bytes, depth.load("parity:12", "all", 4096).inputs))
    assert len(whole) == 4096
    with pytest.raises(ValueError, match="different puzzles of 'parity:12' were found"):
        depth.load("parity:12", "test", 4096)
    test = set(map(bytes, depth.load("parity:12", "test", 700).inputs))
    train = set(map(bytes, depth.load("parity:12", "train", 3100).inputs))
    assert test | train < whole and not test & train


def test_a_seed_names_one_endless_list():
    for source in SOURCES[2:6]:
        many = depth.load(source, "train", 120, seed=7)
        assert depth.load(source, "train", 40, seed=7).content_hash == many[:40].content_hash
        assert depth.load(source, "train", 120, seed=8).content_hash != many.content_hash
    assert {s: depth.load(s, "train", 50, seed=3).content_hash[:16] for s in RECORDED} == RECORDED


RECORDED = {"parity:32": "7600501b2cc7bc72", "pointers:16:8": "70f982bea8ea69e6", "reach:9x9:12": "83e7dfe7fa9c535c"}


@pytest.mark.parametrize(("source", "words"), [
    ("parity", "'parity' is not a puzzle with a knob"),
    ("parity:0", "number of bits runs from 1 to 1024 here; got 0"),
    ("parity:-3", "is not a puzzle with a knob"),
    ("pointers:16", "is not a puzzle with a knob"),
    ("pointers:16:16", "number of hops runs from 1 to 15"),
    ("pointers:99:3", "number of nodes runs from 2 to 64"),
    ("reach:9x9:0", "number of steps"),
    ("reach:1x9:3", "number of rows"),
    ("parity:3", "different puzzles of 'parity:3' were found"),
])  # fmt: skip
def test_load_says_what_is_wrong(source, words):
    with pytest.raises(ValueError, match=words) as error:
        depth.load(source, "train", 50)
    assert "\n" not in str(error.value)


def test_the_search_for_more_puzzles_than_there_are_ends(monkeypatch):
    drawn = []
    real = depth.Stream.below
    monkeypatch.setattr(depth.Stream, "below", lambda self, bounds: drawn.append(len(bounds)) or real(self, bounds))
    with pytest.raises(ValueError, match="Only 32 different puzzles of 'parity:5' were found, but 33"):
        depth.load("parity:5", "all", 33)
    assert sum(drawn) < 300_000


@pytest.mark.parametrize(("settings", "words"), [
    ({"seed": -1}, "A seed is a whole number, 0 or more; got -1"),
    ({"limit": 0}, "limit must be 1 or more puzzles, or None for all; got 0"),
    ({"limit": 1.5}, "limit must be 1 or more .* got 1.5"),
    ({"limit": "5"}, "limit must be 1 or more .* got '5'"),
    ({"limit": True}, "limit must be 1 or more .* got True"),
    ({"split": "both"}, "no split 'both'"),
])  # fmt: skip
def test_load_refuses_settings(settings, words):
    with pytest.raises(ValueError, match=words):
        depth.load(**{"source": "parity:32", "split": "train"} | settings)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(SOURCES), st.data())
def test_the_codec_goes_there_and_back(source, data):
    kind, vocab, grid, _, _ = depth._parse(source)
    empty = np.zeros((0, grid[0] * grid[1]), np.uint8)
    puzzles = kind(source.replace(":", "-"), vocab, grid, None, empty, empty)
    text = data.draw(st.text(st.sampled_from(vocab), min_size=puzzles.seq_len, max_size=puzzles.seq_len))
    assert puzzles.decode(puzzles.encode(text)) == text
