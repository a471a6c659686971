"""Folders that the programs of the HRM and TRM repositories build: arrays of tokens, memory-mapped.

    train/ and test/    of each: SET__inputs.npy and SET__labels.npy (examples, cells), SET__puzzle_identifiers.npy
                        (puzzles,), SET__puzzle_indices.npy (puzzles + 1,): where the examples of each puzzle begin;
                        SET__group_indices.npy is for their way of drawing batches and not read here
    train/dataset.json  seq_len, vocab_size, pad_id, ignore_label_id, num_puzzle_identifiers, sets (of which SET is
                        one, usually "all")
    identifiers.json    the name of each identifier
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np

from hrm_lite.puzzles.base import IGNORE, PAD
from hrm_lite.puzzles.store import cached, sha256_of

__all__ = ["Arrays", "is_one", "read"]

_ROWS = 65_536  # looked at at a time


@dataclasses.dataclass
class Arrays:
    """One half of such a folder."""

    path: Path
    """The folder of the half, for messages"""
    inputs: np.ndarray
    """(n, cells) uint8, read-only, memory-mapped where the folder has one set of bytes"""
    labels: np.ndarray
    """(n, cells) uint8, the same; 0 where nothing is scored"""
    ids: np.ndarray
    """(n,) int32, the identifier of each example"""
    vocab_size: int
    """Tokens that a model of it knows, the pad included"""
    identifiers: int
    """Puzzle embeddings that a model of it has"""

    @property
    def cells(self) -> int:
        """Tokens of a question."""
        return self.inputs.shape[1]


def is_one(path: Path) -> bool:
    """Whether a folder looks like one that those programs built."""
    return any((path / half / name).is_file() for half in ("train", "test") for name in (
        "dataset.json", "all__inputs.npy"))


def read(path: Path, half: str) -> Arrays:
    """The arrays of "train" or "test". ValueError and FileNotFoundError name the file that is not as it should be."""
    home = path / half
    about = _json(home / "dataset.json", dict, {})
    for key, wanted in (("pad_id", PAD), ("blank_identifier_id", 0)):
        if about.get(key, wanted) != wanted:
            raise ValueError(
                f"{home / 'dataset.json'}: {key} is {about[key]}; here it is {wanted}. Renumber the arrays, or use "
                "hrm_lite.puzzles.own.from_arrays.")
    names = about.get("sets") or ["all"]
    parts = [_set(home, name, about.get("ignore_label_id", PAD)) for name in names]
    inputs, labels, ids = (
        column[0] if len(column) == 1 else np.concatenate(column) for column in zip(*parts, strict=True))
    cells, vocab_size = about.get("seq_len", inputs.shape[1]), about.get("vocab_size")
    if cells != inputs.shape[1]:
        raise ValueError(
            f"{home / 'dataset.json'}: seq_len is {cells}, but the arrays beside it have {inputs.shape[1]} cells. The "
            "files are not of one build; build the folder again.")
    highest = int(max(inputs.max(initial=0), labels.max(initial=0)))
    if vocab_size is None:  # of both halves, so that one model fits both
        files = (path / other / f"{name}__{what}.npy" for other in ("train", "test") for name in names
                 for what in ("inputs", "labels"))
        vocab_size = max(highest, *(int(_array(file, 2).max(initial=0)) for file in files if file.is_file())) + 1
    if highest >= vocab_size:
        raise ValueError(
            f"{home / 'dataset.json'}: vocab_size is {vocab_size}, but the arrays beside it hold token {highest}. The "
            "files are not of one build; build the folder again.")
    known = about.get("num_puzzle_identifiers") or len(_json(path / "identifiers.json", list, [])) or 1
    return Arrays(home, inputs, labels, ids, vocab_size, max(int(known), int(ids.max(initial=0)) + 1))


def _set(home: Path, name: str, ignore: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, labels and the identifier of each example."""
    inputs, labels = _array(home / f"{name}__inputs.npy", 2), _array(home / f"{name}__labels.npy", 2)
    if inputs.shape != labels.shape:
        raise ValueError(
            f"{home}: {name}__inputs.npy has shape {inputs.shape} and {name}__labels.npy {labels.shape}; each question "
            "needs one answer of the same length. Build the folder again.")
    ids = np.zeros(len(inputs), np.int32)
    if (home / f"{name}__puzzle_identifiers.npy").is_file():
        ids = np.asarray(_array(home / f"{name}__puzzle_identifiers.npy", 1))
        if (home / f"{name}__puzzle_indices.npy").is_file():
            starts = np.asarray(_array(home / f"{name}__puzzle_indices.npy", 1))
            if len(starts) != len(ids) + 1 or (np.diff(starts) < 0).any() or starts[0] != 0:
                raise ValueError(
                    f"{home}: {name}__puzzle_indices.npy must say where the examples of the {len(ids)} puzzles of "
                    f"{name}__puzzle_identifiers.npy begin, and where the last end; it holds {len(starts)} numbers.")
            ids = np.repeat(ids, np.diff(starts))
        if len(ids) != len(inputs):
            raise ValueError(
                f"{home}: {name}__puzzle_identifiers.npy and {name}__puzzle_indices.npy are for {len(ids)} examples, "
                f"but {name}__inputs.npy has {len(inputs)}. Build the folder again.")
    if inputs.dtype == labels.dtype == np.uint8 and ignore == PAD:
        return inputs, labels, ids.astype(np.int32)  # still on disk
    files = {what: home / f"{name}__{what}.npy" for what in ("inputs", "labels")}
    if ignore != PAD and any((labels[start : start + _ROWS] == PAD).any() for start in range(0, len(labels), _ROWS)):
        raise ValueError(
            f"{files['labels']} holds token {PAD}, and ignore_label_id in dataset.json is {ignore}, so it is scored; "
            "here it never is. Give the two arrays to hrm_lite.puzzles.own.from_arrays: it moves all tokens up by one.")
    key = {"published": 1, "ignore": ignore} | {what: sha256_of(file) for what, file in files.items()}
    tokens = cached(key, lambda: {
        "inputs": _bytes(files["inputs"], inputs, ()), "labels": _bytes(files["labels"], labels, (IGNORE, ignore))})
    return tokens["inputs"], tokens["labels"], ids.astype(np.int32)


def _bytes(file: Path, values: np.ndarray, ignored: tuple) -> np.ndarray:
    """Tokens as uint8, ignored labels as the pad; piece by piece, since they may be on disk."""
    tokens = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):
        piece = np.array(values[start : start + _ROWS])
        for token in ignored:
            if token is not None:
                piece[piece == token] = PAD
        if piece.size and (piece.min() < 0 or piece.max() > 255):
            raise ValueError(f"{file} holds {piece.min()} to {piece.max()}; tokens run from 0 to 255 here.")
        tokens[start : start + _ROWS] = piece
    return tokens


def _array(path: Path, dimensions: int) -> np.ndarray:
    try:
        # allow_pickle is off by default: nothing that is read here can be executed.
        array = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {path}. The programs that build such folders write it; build the folder again, or copy "
            "it whole.") from None
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(
            f"{path} is not an array that numpy can read ({error}). Copy it again from where it was built.") from None
    if array.ndim != dimensions or array.dtype.kind not in "iu":
        raise ValueError(
            f"{path} must hold whole numbers in {dimensions} dimension{'s' * (dimensions > 1)}; it has {array.dtype} "
            f"of shape {array.shape}.")
    return array


def _json(path: Path, kind: type, default):
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}). Copy it again from where it was built.") from None
    if not isinstance(value, kind):
        raise ValueError(f"{path} must hold a {kind.__name__}; it holds a {type(value).__name__}.")
    return value
