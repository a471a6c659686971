"""What training shows: the set's own bytes, mapped from disk or not, and what a puzzle makes of a row."""

import numpy as np
import pytest
import torch
from helpers import TRAIN, make

from hrm_lite.losses import IGNORE
from hrm_lite.processes import Processes
from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.sudoku.grid import BOARDS
from hrm_lite.puzzles.sudoku.sets import SudokuSet
from hrm_lite.training.rows import Rows


def rows(puzzles, augment, batch=30, model=None):
    return Rows(puzzles, model or make(), batch, augment, torch.Generator().manual_seed(0), Processes())


def test_a_memory_mapped_set_is_read_where_it_lies(puzzles, tmp_path):
    for name in ("inputs", "labels"):
        np.save(tmp_path / f"{name}.npy", getattr(puzzles, name))
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("inputs", "labels")}
    far = SudokuSet.of(BOARDS["4x4"], **mapped)
    assert far.content_hash == puzzles.content_hash
    assert np.shares_memory(far.inputs, mapped["inputs"]) and far.select(range(60)) is far
    a, b = rows(puzzles, True), rows(far, True)
    assert b.data[0].dtype == torch.uint8 and b.data[0].data_ptr() == mapped["inputs"].ctypes.data
    for r in (a, b):
        r.refill(make())
    assert torch.equal(a.tokens, b.tokens) and torch.equal(a.labels, b.labels) and a.tokens.dtype == torch.long


class Numbered(SudokuSet):
    """Shows every puzzle under the identifier of one of four copies, and leaves the last cell unscored."""

    identifiers = 240

    def present(self, inputs, labels, puzzle_ids, generator):
        copy = torch.randint(4, (len(inputs),), generator=generator)
        return inputs, labels.clone().index_fill_(1, torch.tensor([15]), 0), puzzle_ids * 4 + copy


def test_a_puzzle_may_change_identifiers_and_what_is_scored(puzzles):
    numbered = Numbered(**{**vars(puzzles), "puzzle_ids": np.arange(60)})
    r = rows(numbered, True)
    r.refill(make())
    shown = {tuple(t.tolist()): i for i, t in enumerate(puzzles.as_tensors()[0])}
    which = torch.tensor([shown[tuple(t.tolist())] for t in r.tokens])
    assert torch.equal(r.ids // 4, which) and len(set((r.ids % 4).tolist())) == 4
    assert (r.labels[:, 15] == IGNORE).all() and (r.labels[:, :15] > 0).all()
    plain = rows(numbered, False)
    plain.refill(make())
    assert set(plain.ids.tolist()) <= set(range(60)) and (plain.labels > 0).all()


def test_a_set_knows_how_many_identifiers_it_needs(puzzles):
    assert puzzles.identifiers == 1 and puzzles[:0].identifiers == 1
    for far in (2**31, -(2**31) - 1):  # would wrap round to another number
        with pytest.raises(ValueError, match=r"must lie between -2\^31 and 2\^31 - 1"):
            SudokuSet(**{**vars(puzzles), "ratings": np.full(60, far)})
    assert SudokuSet(**{**vars(puzzles), "puzzle_ids": np.arange(60) * 2}).identifiers == 119
    assert sudoku.generate("4x4", "4-6", 3).faces[1].character == ""
    assert TRAIN.augment, "training shows changed puzzles unless it is told not to"
