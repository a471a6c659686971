"""Puzzles of one's own: questions and answers from a table or from arrays, judged by the answers, without a class.

From a file to a trained model (columns question and answer, one puzzle a line; every character is a token):

    import torch
    from hrm_lite import HRM, HRMConfig, TrainConfig, Trainer, solve
    from hrm_lite.puzzles import own

    train = own.load("columns.csv", "train")
    test = own.load("columns.csv", "test")
    model = HRM(HRMConfig(vocab_size=train.vocab_size, seq_len=train.seq_len, d_model=64, n_heads=4,
                          worker_layers=1, controller_layers=1))
    settings = TrainConfig(max_steps=2_000, batch_size=64, lr=1e-3, warmup_steps=100)
    Trainer(model, train, settings, run_dir="runs/own", held_out=test).fit()
    answers = solve(model, torch.tensor(test.inputs)).tokens
    print(test.score(answers))
    print(test.decode(answers[0]))

A puzzle whose rules are known can do better: a subclass of `PuzzleSet` says which answers are right beside the given
one, and which changes leave a puzzle the same, so that training sees more than the file holds (see CONTRIBUTING).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import re
from pathlib import Path

import numpy as np
import torch

from hrm_lite.puzzles import hub, sources
from hrm_lite.puzzles.base import IGNORE, PAD, PuzzleSet
from hrm_lite.puzzles.files import Portion, joined_ratings, read_portions
from hrm_lite.puzzles.published import Arrays
from hrm_lite.puzzles.splits import on_side

__all__ = ["OwnSet", "from_arrays", "load"]

_TOKENS = 255  # beside the pad: a token is a byte
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# How the tokens of the published programs are shown, by their number and the length of a puzzle (None: any).
_PUBLISHED = {(11, 81): ".123456789", (6, None): "# SGo", (12, 900): "|0123456789"}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class OwnSet(PuzzleSet):
    """Puzzles that are judged by their labels: an answer is right where it equals the label in all scored cells.

    embeddings  how many puzzle embeddings a model needs at least, where that is more than the ids of this set say
    """

    embeddings: int = 0

    @property
    def identifiers(self) -> int:
        """As for every `PuzzleSet`; a part of a larger collection needs as many as the whole."""
        return max(super().identifiers, self.embeddings)

    def check(self, inputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """(batch, seq_len) questions and answers -> (batch,) bool: equal to the label of the question.

        Where the set has a question several times, any of its answers is right; where it has none, nothing is.
        ValueError for a question that is not one of this set: its answer is not known.
        """
        right = []
        for i, (question, answer) in enumerate(zip(_bytes(inputs), _bytes(answers), strict=True)):
            rows = self._rows.get(question.tobytes())
            if rows is None:
                raise ValueError(
                    f"{self.name}: question {i} is not one of the {len(self)} in this set, so its answer is not known. "
                    "Check answers with the set that the question comes from.")
            labels = self.labels[rows]
            right.append(bool((((labels == answer) | (labels == PAD)).all(1) & (labels != PAD).any(1)).any()))
        return torch.tensor(right, dtype=torch.bool, device=answers.device)

    def violations(self, answers: torch.Tensor) -> torch.Tensor:
        """None: the rules are not known."""
        return torch.zeros_like(answers, dtype=torch.bool)

    @functools.cached_property
    def _rows(self) -> dict[bytes, list[int]]:
        rows: dict[bytes, list[int]] = {}
        for i, question in enumerate(self.inputs):
            rows.setdefault(question.tobytes(), []).append(i)
        return rows


def _bytes(tokens: torch.Tensor) -> np.ndarray:
    return tokens.detach().cpu().numpy().astype(np.uint8)


def load(
    source: str | os.PathLike, split: str, limit: int | None = None, seed: int = 0, min_rating: float = 0,
    grid: tuple[int, int] | None = None, vocab: str | None = None, ignore: str | None = None,
) -> OwnSet:
    """Puzzles of any kind from a table, to train on or to test with.

    source  a .csv file with a column for the question and one for the answer (named as `sudoku.read_csv` says), one
            puzzle a line, all of one length, every character a token; rating may be there
            a folder with train.csv and test.csv, or "hub:OWNER/NAME", a data set of the Hugging Face Hub with both
            a folder that the published programs built (train/all__inputs.npy, …), for any of their puzzles
    split, limit, seed, min_rating   as for `sudoku.load`. A single file is divided by a hash of the question: about
            one question in five is for testing, and questions that are equal are on one side
    grid    (rows, columns); None: what a column "grid" says ("10x20"), else a square, else one row
    vocab   the characters that may occur, in the order of their tokens; None: those of the file (of a folder: of both
            files), sorted
    ignore  a character that marks, in answers, a cell that is not scored

    ValueError, naming the line: puzzles of different lengths, a character that is not in the vocabulary, more than 255
    characters; a file without answers; and as for `sudoku.load`.
    """
    path = Path(os.fspath(source)).expanduser()
    scheme, _, rest = os.fspath(source).partition(":")
    if vocab is None and scheme == "hub" and rest:
        vocab = _characters([hub.fetch(rest, f"{half}.csv", "a .csv file") for half in ("train", "test")], ignore)
    elif vocab is None and path.is_dir():
        # Both halves: a token means the same in training and in the test.
        vocab = _characters([file for half in ("train", "test") if (file := path / f"{half}.csv").is_file()], ignore)
    kind = sources.Kind(
        "own puzzles cannot be generated", "the path of a .csv file", _generate,
        lambda file: _read(file, grid, vocab, ignore), _on_side, lambda arrays: _from_published(arrays, grid),
        (".csv", ".tsv"), _identity)
    return sources.load(kind, source, split, limit, seed, min_rating)


def from_arrays(
    inputs, labels, grid: tuple[int, int] | None = None, ids=None, ratings=None, ignore: int = IGNORE,
    vocab: str | None = None, name: str | None = None, source: str = "",
) -> OwnSet:
    """A set of questions and answers that are numbers: arrays, tensors or lists (n, cells) or (n, rows, columns).

    Values are whole numbers from 0; value v becomes token v + 1, since token 0 is the pad, which is never scored.
    ignore  marks, in labels, a cell that is not scored; -100, as torch has it. With ignore=0 the arrays hold tokens
            as the published programs write them, 0 for the pad, and are taken as they are
    grid    (rows, columns); None: that of the arrays if they have it, else a square, else one row
    ids     (n,) which puzzle embedding a row uses; None: all the same
    vocab   the character of each value, for pictures and `decode`, with ignore=0 without the pad; it also says how many
            values there are, so that sets which do not hold all of them agree. None: as many as occur, 0 to 9, then
            letters

    ValueError for rows of different lengths, numbers that are not whole, negative or above 254, and as for `PuzzleSet`.
    """
    inputs, labels = _numbers("inputs", inputs), _numbers("labels", labels)
    if inputs.shape != labels.shape:
        raise ValueError(
            f"inputs have shape {inputs.shape} and labels {labels.shape}; each question needs one answer of the same "
            "length. Pad the shorter with a value that stands for nothing, and mark it in labels as not scored.")
    if inputs.ndim not in (2, 3):
        raise ValueError(f"inputs must have shape (n, cells) or (n, rows, columns); got {inputs.shape}.")
    if grid is None and inputs.ndim == 3:
        grid = inputs.shape[1:]
    inputs, labels = (values.reshape(len(values), -1) for values in (inputs, labels))
    grid = _grid_of(inputs.shape[1], grid, "the arrays")
    first = 0 if ignore == PAD else 1
    scored = labels != ignore
    for what, values in (("inputs", inputs), ("labels", labels[scored])):
        if values.size and (values.min() < 0 or values.max() + first > _TOKENS):
            raise ValueError(
                f"{what} hold {values.min()} to {values.max()}; values run from 0 to {_TOKENS - first}. Number the "
                f"values anew; {ignore} in labels marks a cell that is not scored.")
    inputs, labels = inputs + first, np.where(scored, labels + first, PAD)
    highest = int(max(inputs.max(initial=1), labels.max(initial=1)))
    vocab = _signs(highest) if vocab is None else vocab
    if len(vocab) < highest:
        raise ValueError(
            f"vocab has {len(vocab)} characters, but the arrays hold {highest} values (0 to {highest - 1}). Give one "
            "character for each.")
    return OwnSet(name or f"own-{grid[0]}x{grid[1]}", (_pad(vocab), *vocab), grid, None, inputs, labels, ids, ratings,
                  source)


def _numbers(what: str, values) -> np.ndarray:
    if torch.is_tensor(values):
        values = values.detach().cpu().numpy()
    try:
        values = np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{what} have rows of different lengths. All puzzles of a set have one length: pad the shorter with a "
            "value that stands for nothing, and mark it in labels as not scored.") from None
    if values.dtype.kind == "f" and values.size and (values == np.round(values)).all():
        values = values.astype(np.int64)
    if values.dtype.kind not in "iub":
        raise ValueError(f"{what} must hold whole numbers; got {values.dtype}. Number the values from 0.")
    return values.astype(np.int64)


def _read(path: Path, grid: tuple[int, int] | None, vocab: str | None, ignore: str | None) -> OwnSet:
    vocab = _characters([path], ignore) if vocab is None else vocab
    if len(set(vocab)) != len(vocab) or not 1 <= len(vocab) <= _TOKENS:
        raise ValueError(f"vocab has 1 to {_TOKENS} different characters; got {vocab[:80]!r}.")
    parts, ratings, length = [], [], None
    for portion in read_portions(path):
        if length is None:
            length = len(portion.questions[0])
            said = portion.grids[0] if portion.grids else ""
            grid = _grid_of(length, grid or _size(said), f"{path}, line {portion.lines[0]}")
        parts.append((_tokens(portion, portion.questions, "question", vocab, None, length),
                      _tokens(portion, portion.answers, "answer", vocab, ignore, length)))
        ratings.append(portion.ratings)
    counts = [len(part[0]) for part in parts]
    inputs, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    return OwnSet(f"own-{grid[0]}x{grid[1]}", (_pad(vocab), *vocab), grid, None, inputs, labels,
                  ratings=joined_ratings(ratings, counts), source=str(path))


def _tokens(portion: Portion, texts: list[str], what: str, vocab: str, ignore: str | None, length: int) -> np.ndarray:
    """Texts -> (n, length) uint8: the place of each character in the vocabulary, from 1; 0 for ``ignore``."""
    wrong = next((i for i, text in enumerate(texts) if len(text) != length), None)
    if wrong is not None:
        hint = "An answer is needed: one's own puzzles are judged by it." if not texts[wrong] else (
            "All puzzles of a file have one length; pad the shorter with a character that stands for nothing.")
        raise ValueError(
            f"{portion.path}, line {portion.lines[wrong]}: the {what} has {len(texts[wrong])} characters, the first "
            f"question has {length}. {hint}")
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), "<u4").reshape(len(texts), length)
    token_of = np.zeros(0x110000, np.uint8)  # of every character that there is
    token_of[[ord(character) for character in vocab]] = np.arange(1, len(vocab) + 1)
    tokens = token_of[codes]
    fits = tokens > 0
    if ignore:
        tokens[codes == ord(ignore)], fits[codes == ord(ignore)] = PAD, True
    if not fits.all():
        row, cell = np.argwhere(~fits)[0]
        raise ValueError(
            f"{portion.path}, line {portion.lines[row]}: character {texts[row][cell]!r} at position {cell + 1} of the "
            f"{what} is not one of {vocab!r}. Give a vocab that has it, or leave vocab out to take those of the file.")
    return tokens


def _characters(paths: list[Path], ignore: str | None) -> str | None:
    """All characters of the questions and answers of some files, sorted; None for no files."""
    if ignore is not None and len(ignore) != 1:
        raise ValueError(f"ignore is one character; got {ignore!r}.")
    found: set[str] = set()
    for path in paths:
        for portion in read_portions(path):
            found.update("".join(portion.questions))
            found.update(set("".join(portion.answers)) - {ignore})
            if len(found) > _TOKENS:
                raise ValueError(
                    f"{path} has more than {_TOKENS} different characters by line {portion.lines[-1]}; a vocabulary "
                    f"has {_TOKENS} at most. Write the puzzles with fewer signs.")
    return "".join(sorted(found)) if paths else None


def _from_published(arrays: Arrays, grid: tuple[int, int] | None) -> OwnSet:
    """Any puzzle of the published programs. Signs are those of their kind where it is known."""
    signs = _PUBLISHED.get((arrays.vocab_size, arrays.cells)) or _PUBLISHED.get((arrays.vocab_size, None))
    vocab = signs or _signs(arrays.vocab_size - 1)
    grid = _grid_of(arrays.cells, grid, str(arrays.path))
    return OwnSet(f"own-{grid[0]}x{grid[1]}", (_pad(vocab), *vocab), grid, None, arrays.inputs, arrays.labels,
                  arrays.ids, source=str(arrays.path), embeddings=arrays.identifiers)


def _generate(rest: str, count: int, seed: int, split: str) -> OwnSet:
    raise ValueError(
        f"\"generated:{rest}\" is no puzzle of one's own: sudoku.load, maze.load and depth.load generate puzzles, "
        "own.load reads files.")


def _on_side(puzzles: OwnSet, split: str) -> np.ndarray:
    # By the text, not by the tokens: those depend on which other characters the file has.
    return on_side((puzzles.decode(row) for row in puzzles.inputs), split)


def _identity(puzzles: OwnSet, part: np.ndarray) -> np.ndarray:
    """Question, answer and id: a question with two answers is two puzzles, one with one answer in two lines is not."""
    ids = puzzles.puzzle_ids[part].astype("<i4")[:, None].view(np.uint8)
    return np.concatenate([puzzles.inputs[part], puzzles.labels[part], ids], 1)


def _size(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", text)
    return (int(match[1]), int(match[2])) if match else None


def _grid_of(cells: int, grid: tuple[int, int] | None, where: str) -> tuple[int, int]:
    side = math.isqrt(cells)
    grid = (int(grid[0]), int(grid[1])) if grid else (side, side) if side * side == cells else (1, cells)
    if grid[0] * grid[1] != cells:
        raise ValueError(
            f"{where}: a puzzle has {cells} cells, which is not {grid[0]} x {grid[1]}. Give grid=(rows, columns) whose "
            "product it is.")
    return grid


def _signs(count: int) -> str:
    """A character for each of ``count`` tokens."""
    return (_DIGITS + "".join(map(chr, range(0x100, 0x100 + 256))))[:count]


def _pad(vocab: str) -> str:
    """A character for the pad that is no other token's."""
    return next(character for character in "_∅␀" + chr(0xFFFD) if character not in vocab)
