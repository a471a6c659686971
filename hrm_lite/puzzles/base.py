"""`PuzzleSet`: what training, solving and drawing need to know of a puzzle, and nothing else.

A puzzle is a grid of characters read row by row. Each character is a token; token 0 is the pad, which no
board shows and no loss counts. A set holds questions (`inputs`) and answers (`labels`) as arrays of
tokens, and knows the two things that a network cannot be told by examples alone: which changes leave the
puzzle the same (`augment`) and what makes an answer right (`check`).
"""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

import numpy as np
import torch

PAD = 0
IGNORE = -100
"""Label of a position that is not scored, in tensors."""


@dataclasses.dataclass(frozen=True)
class Face:
    """How a token is drawn: a character on a ground of some colour ("#rrggbb"; None: white)."""

    character: str = ""
    colour: str | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class PuzzleSet(ABC):
    """Questions and answers of one kind of puzzle, as tokens.

    name        what the puzzle is, e.g. "sudoku-9x9"
    vocab       the character of each token; vocab[0] stands for the pad
    grid        (rows, columns); a puzzle is a row-major sequence of rows * columns tokens
    box         (rows, columns) of the boxes that the grid divides into, or None
    inputs      (n, seq_len) uint8, the questions
    labels      (n, seq_len) uint8, the answers; 0 marks a cell that is not scored
    puzzle_ids  (n,) int32, which puzzle embedding a row uses; all zero where there is one rule for all
    ratings     (n,) how hard each puzzle is: int32, or float64 where some are fractions or (not a number) unknown; or
                None
    source      where the puzzles come from, for people; not part of `content_hash`

    Arrays are checked, copied and made read-only: two parts of a program may hold the same set. Arrays that
    are read-only already, such as the memory-mapped ones of `store`, are not copied. Tensors of them are made
    with `torch.tensor(puzzles.inputs)` (`torch.from_numpy` warns of read-only arrays).
    """

    name: str
    vocab: tuple[str, ...]
    grid: tuple[int, int]
    box: tuple[int, int] | None
    inputs: np.ndarray
    labels: np.ndarray
    puzzle_ids: np.ndarray | None = None
    ratings: np.ndarray | None = None
    source: str = ""

    def __post_init__(self) -> None:
        self._check_vocabulary()
        set_field = lambda field, value: object.__setattr__(self, field, value)  # noqa: E731 (frozen)
        inputs, labels = (self._tokens(field, getattr(self, field)) for field in ("inputs", "labels"))
        if inputs.shape != labels.shape:
            raise ValueError(
                f"{self.name}: inputs have shape {inputs.shape} and labels {labels.shape}; each question "
                "needs one answer of the same length.")
        set_field("inputs", inputs)
        set_field("labels", labels)
        ids = np.zeros(len(inputs), np.int32) if self.puzzle_ids is None else self.puzzle_ids
        set_field("puzzle_ids", self._per_puzzle("puzzle_ids", ids))
        if self.ratings is not None:
            ratings = np.asarray(self.ratings)
            set_field("ratings", self._fractions(ratings) if ratings.dtype.kind == "f" else
                      self._per_puzzle("ratings", ratings))
        if len(inputs) and self.puzzle_ids.min() < 0:
            raise ValueError(
                f"{self.name}: puzzle_ids must be 0 or more; the least given is {self.puzzle_ids.min()}.")

    # -- construction: one paragraph for each way to get it wrong

    def _check_vocabulary(self) -> None:
        if any(len(character) != 1 for character in self.vocab) or len(set(self.vocab)) != len(self.vocab):
            raise ValueError(
                f"{self.name}: the vocabulary {self.vocab!r} must give each token one character of its own.")
        if not 2 <= len(self.vocab) <= 256:
            raise ValueError(
                f"{self.name}: a vocabulary has 2 to 256 characters, the first for the pad; got "
                f"{len(self.vocab)}.")
        if len(self.grid) != 2 or min(self.grid) < 1:
            raise ValueError(f"{self.name}: grid is (rows, columns), both positive; got {self.grid!r}.")
        if self.box is not None and (self.grid[0] % self.box[0] or self.grid[1] % self.box[1]):
            raise ValueError(
                f"{self.name}: boxes of {self.box[0]} x {self.box[1]} cells do not divide a grid of "
                f"{self.grid[0]} x {self.grid[1]}.")

    def _tokens(self, field: str, values) -> np.ndarray:
        values = np.asarray(values)
        if values.ndim != 2 or values.shape[1] != self.seq_len:
            raise ValueError(
                f"{self.name}: {field} must have shape (n, {self.seq_len}), one row of "
                f"{self.grid[0]} x {self.grid[1]} tokens for each puzzle; got {values.shape}.")
        if values.dtype.kind not in "iu":
            raise ValueError(f"{self.name}: {field} must hold whole numbers (tokens); got {values.dtype}.")
        if values.size and (values.min() < 0 or values.max() >= self.vocab_size):
            raise ValueError(
                f"{self.name}: {field} must hold tokens 0 to {self.vocab_size - 1}; found "
                f"{values.min()} to {values.max()}. Use encode() to turn text into tokens.")
        return _read_only(values, np.uint8)

    def _per_puzzle(self, field: str, values) -> np.ndarray:
        values = np.asarray(values)
        if values.shape != (len(self.inputs),) or values.dtype.kind not in "iu":
            raise ValueError(
                f"{self.name}: {field} must hold one whole number for each of the {len(self.inputs)} "
                f"puzzles; got {values.dtype} of shape {values.shape}.")
        if values.size and not -(2**31) <= values.min() <= values.max() < 2**31:
            raise ValueError(
                f"{self.name}: {field} must lie between -2^31 and 2^31 - 1; found {values.min()} to {values.max()}.")
        return _read_only(values, np.int32)

    def _fractions(self, values: np.ndarray) -> np.ndarray:
        if values.shape != (len(self.inputs),) or np.isinf(values).any():
            raise ValueError(
                f"{self.name}: ratings must hold one finite number for each of the {len(self.inputs)} puzzles, or nan "
                f"where it is not known; got shape {values.shape}.")
        return _read_only(values, np.float64)

    # -- size and identity

    @property
    def seq_len(self) -> int:
        """Cells of a puzzle: `HRMConfig.seq_len`."""
        return self.grid[0] * self.grid[1]

    @property
    def vocab_size(self) -> int:
        """Different tokens, the pad included: `HRMConfig.vocab_size`."""
        return len(self.vocab)

    @property
    def identifiers(self) -> int:
        """How many puzzle embeddings a model needs that is to tell the puzzles apart: `HRMConfig.puzzles`."""
        return int(self.puzzle_ids.max(initial=0)) + 1

    @property
    def faces(self) -> tuple[Face, ...]:
        """How to draw each token: by its character, the pad not at all."""
        return (Face(), *(Face(character) for character in self.vocab[1:]))

    def __len__(self) -> int:
        return len(self.inputs)

    def __repr__(self) -> str:
        source = f" from {self.source}" if self.source else ""
        return f"<{type(self).__name__} {self.name}: {len(self):,} puzzles{source}>"

    @property
    def content_hash(self) -> str:
        """sha256 (hex) of the name, vocabulary, grid, questions, answers and ids, in their order.

        The same on every machine; the source and the ratings do not enter.
        """
        digest = hashlib.sha256(repr((self.name, tuple(self.vocab), tuple(self.grid), len(self))).encode())
        for array in (self.inputs, self.labels, self.puzzle_ids.astype("<i4")):
            digest.update(np.ascontiguousarray(array).data)  # not its bytes: the copy of a large array is large
        return digest.hexdigest()

    # -- parts

    def select(self, indices: slice | Iterable[int] | np.ndarray) -> PuzzleSet:
        """The puzzles at `indices` (a slice, whole numbers, or one bool per puzzle) as a set."""
        if isinstance(indices, slice):
            pick = np.arange(len(self))[indices]
        else:
            pick = np.asarray(indices if isinstance(indices, np.ndarray) else list(indices))
            if pick.dtype == bool and pick.shape == (len(self),):
                pick = np.flatnonzero(pick)
            if pick.size == 0:
                pick = pick.astype(np.int64)
            if pick.ndim != 1 or pick.dtype.kind not in "iu":
                raise ValueError(
                    f"{self.name}: select takes a slice, a list of whole numbers or {len(self)} bools; "
                    f"got {pick.dtype} of shape {pick.shape}.")
            if pick.size and (pick.min() < -len(self) or pick.max() >= len(self)):
                raise IndexError(
                    f"{self.name}: this set has {len(self)} puzzles, so indices run from 0 to "
                    f"{len(self) - 1}; got {pick.min()} to {pick.max()}.")
        if len(pick) == len(self) and (pick == np.arange(len(self))).all():
            return self
        return dataclasses.replace(
            self, inputs=self.inputs[pick], labels=self.labels[pick], puzzle_ids=self.puzzle_ids[pick],
            ratings=None if self.ratings is None else self.ratings[pick])

    def __getitem__(self, index) -> PuzzleSet:
        """`puzzles[10:20]`, `puzzles[[3, 5]]`, `puzzles[7]`: always a set, of one puzzle in the last case."""
        return self.select([index] if isinstance(index, (int, np.integer)) else index)

    # -- tensors

    def as_tensors(self, device="cpu") -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Questions (n, seq_len), answers with `IGNORE` for the pad (n, seq_len), puzzle identifiers (n,); int64."""
        tokens, labels, ids = (t.long() for t in self.stored_tensors(device))
        return tokens, labels.masked_fill(labels == PAD, IGNORE), ids

    def stored_tensors(self, device="cpu") -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Questions, answers, both uint8, and identifiers, int32: on a CPU the arrays themselves, not to be written to.

        Millions of puzzles fit on a GPU like this, and a memory-mapped set stays on disk on a CPU.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return tuple(torch.from_numpy(a).to(device) for a in (self.inputs, self.labels, self.puzzle_ids))

    # -- text

    def encode(self, text: str) -> np.ndarray:
        """Text of seq_len characters -> tokens (seq_len,) uint8. Line breaks are dropped."""
        text = text.replace("\n", "").replace("\r", "")
        token_of = {character: token for token, character in enumerate(self.vocab)}
        wrong = next(((i, c) for i, c in enumerate(text) if c not in token_of), None)
        if wrong:
            raise ValueError(
                f"{self.name}: character {wrong[1]!r} at position {wrong[0] + 1} is not one of "
                f"{''.join(self.vocab)!r}.")
        if len(text) != self.seq_len:
            raise ValueError(
                f"{self.name}: a puzzle has {self.grid[0]} x {self.grid[1]} = {self.seq_len} characters; "
                f"got {len(text)}.")
        return np.array([token_of[character] for character in text], np.uint8)

    def decode(self, tokens) -> str:
        """Tokens (seq_len,), array or tensor -> text of seq_len characters, without line breaks."""
        tokens = tokens.detach().cpu().numpy() if torch.is_tensor(tokens) else np.asarray(tokens)
        if tokens.shape != (self.seq_len,):
            raise ValueError(
                f"{self.name}: decode takes the {self.seq_len} tokens of one puzzle; got shape "
                f"{tokens.shape}.")
        if tokens.min() < 0 or tokens.max() >= self.vocab_size:
            raise ValueError(
                f"{self.name}: tokens run from 0 to {self.vocab_size - 1}; got {tokens.min()} to "
                f"{tokens.max()}.")
        return "".join(self.vocab[int(token)] for token in tokens)

    # -- the rules, which each puzzle fills in

    def augment(
        self, inputs: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Another puzzle of the same difficulty for each row: a random symmetry, drawn row by row.

        inputs, labels (batch, seq_len), int64 or uint8, on the device of `generator`; returns two new
        tensors of the same shape and type. A puzzle that knows no symmetry returns its rows as they are.
        """
        return inputs, labels

    def present(
        self, inputs: torch.Tensor, labels: torch.Tensor, puzzle_ids: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What training shows in place of each row: `augment`, where the puzzle's identifier stays the same.

        Shapes as for `augment`, puzzle_ids (batch,) int64. A puzzle whose changed copies go by identifiers of their
        own (ARC) says so here. Nothing in it may make a device wait.
        """
        return *self.augment(inputs, labels, generator), puzzle_ids

    def disguise(
        self, inputs: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
        """Another puzzle for each row, as `augment` makes them, and a function that takes answers back.

        inputs (batch, seq_len) on the device of `generator` -> the new puzzles, of the same shape and type,
        and `undo`: answers to them (batch, seq_len) -> answers to the old ones.
        """
        return inputs, lambda answers: answers

    @abstractmethod
    def check(self, inputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """Which answers solve their question, by the rules and not by the label.

        inputs, answers (batch, seq_len) tokens on any device -> (batch,) bool. An answer is right when it
        is complete, keeps what the question gives and breaks no rule.
        """

    @abstractmethod
    def violations(self, answers: torch.Tensor) -> torch.Tensor:
        """Cells that break a rule, for pictures: answers (batch, seq_len) -> (batch, seq_len) bool."""

    def score(self, answers) -> dict[str, float]:
        """How good answers to all questions are, array or tensor (n, seq_len): shares from 0 to 1.

        solved: right by the rules (`check`); exact: equal to the label in every cell that is scored; cells: share of
        those cells that are equal. solved is at least exact where the labels obey the rules. Rows without any label
        are left out of all three: an answer to them cannot be wrong.
        """
        answers = answers.cpu() if torch.is_tensor(answers) else torch.tensor(np.asarray(answers))
        if answers.shape != self.inputs.shape:
            raise ValueError(
                f"{self.name}: score takes an answer to each of the {len(self)} questions, shape "
                f"{self.inputs.shape}; got {tuple(answers.shape)}.")
        if not len(self):
            raise ValueError(f"{self.name} holds no puzzles: there is nothing to score.")
        rows, solved, exact, right, cells = 0, 0, 0, 0, 0
        for start in range(0, len(self), 1024):  # the rules may need a lot of memory for a board
            part = slice(start, start + 1024)
            labels = torch.tensor(self.labels[part])
            equal, scored = answers[part] == labels, labels != PAD
            counted = scored.any(1)
            rows += int(counted.sum())
            if counted.any():
                solved += int(self.check(torch.tensor(self.inputs[part])[counted], answers[part][counted]).sum())
            exact += int(((equal | ~scored).all(1) & counted).sum())
            right += int((equal & scored).sum())
            cells += int(scored.sum())
        if not rows:
            raise ValueError(
                f"{self.name}: none of the {len(self)} puzzles has a label, so there is nothing to score answers by. "
                "check(inputs, answers) judges by the rules, where the puzzle has some.")
        return {"solved": solved / rows, "exact": exact / rows, "cells": right / cells}


def _read_only(values: np.ndarray, dtype) -> np.ndarray:
    """A copy of the values in the given type that nobody can write to; a read-only array is kept as it is."""
    if values.dtype != dtype or values.flags.writeable or not values.flags.c_contiguous:
        values = np.array(values, dtype=dtype, order="C")
        values.flags.writeable = False
    return values
