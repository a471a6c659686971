"""What travels between judge and pupil: frames of JSON and raw bytes, of bounded size, never pickles.

A value becomes a tree of JSON. None, bool, str, small int and finite float stand for themselves; everything else is a
list that begins with its tag:

    ["i", "123…"]  ["f", "nan"]  ["c", re, im]        numbers that JSON has no form for
    ["l", […]]  ["t", […]]  ["d", [[key, value], …]]   list, tuple, dict with str keys
    ["T", dtype, shape, blob, grad]  ["A", dtype, shape, blob]  ["S", dtype, blob]   tensor, array, numpy scalar
    ["x", text]                                        an `expression`
    ["r", id, name]                                    something callable that stays in the pupil
    ["o", name]                                        anything else: nothing but the name of its type

The pupil's end is in a stranger's hands. So whatever arrives is read with `Nonsense` raised for all that is not
exactly of this form: nothing that arrives is evaluated, imported or trusted with a size.
"""

from __future__ import annotations

import json
import math
import re
import struct

import numpy as np
import torch

MOST_BYTES = 64 << 20  # of one frame
MOST_PARTS = 100_000  # of one value
MOST_DEPTH = 40
_HEAD = struct.Struct(">II")  # bytes of JSON, bytes of blobs
_TENSOR, _PARAMETER, _ARRAY, _SIZE = torch.Tensor, torch.nn.Parameter, np.ndarray, torch.Size
_ARRAYS = {name: np.dtype(name) for name in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
    "complex64", "complex128")}  # fmt: skip
_TENSORS = {name: getattr(torch, name) for name in (
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "complex128")}  # fmt: skip


class Nonsense(Exception):
    """What arrived is not of the agreed form."""


class TooLarge(Exception):
    """A value that is too large, or too deep, to travel."""


class Packer:
    """Turns values into trees, and collects the raw bytes beside them.

    keep(thing) -> (id, name): called with whatever can be called and is no plain data; it stays where it is.
    """

    def __init__(self, keep):
        self.keep, self.blobs, self.parts, self.size = keep, [], 0, 0

    def tree(self, value, depth: int = 0):
        self.parts += 1
        if depth > MOST_DEPTH or self.parts > MOST_PARTS:
            raise TooLarge(f"it holds more than {MOST_PARTS:,} parts, or lists within lists {MOST_DEPTH} deep")
        kind = type(value)  # exactly: a subclass may answer anything it likes
        if value is None or kind is bool:
            return value
        if kind is str:
            self._count(len(value))
            return value.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair is no text
        if kind is int:
            if abs(value) < 1 << 53:
                return value
            if value.bit_length() > 10_000:
                raise TooLarge("it holds a whole number of more than 3,000 digits")
            return ["i", str(value)]
        if kind is float:
            return value if math.isfinite(value) else ["f", repr(value)]
        if kind is complex:
            return ["c", self.tree(value.real), self.tree(value.imag)]
        if kind is list or kind is tuple or kind is _SIZE:
            return ["l" if kind is list else "t", [self.tree(part, depth + 1) for part in value]]
        if kind is dict and all(type(key) is str for key in value):
            return ["d", [[self.tree(key), self.tree(part, depth + 1)] for key, part in value.items()]]
        if kind is _TENSOR or kind is _PARAMETER:
            return self._tensor(value)
        if kind is _ARRAY and value.dtype.name in _ARRAYS:
            self._count(value.nbytes)
            return ["A", value.dtype.name, list(value.shape), self._blob(_plain(value).tobytes())]
        if issubclass(kind, np.generic) and _ARRAYS.get(value.dtype.name) is not None and kind.__module__ == "numpy":
            return ["S", value.dtype.name, self._blob(_plain(np.asarray(value)).tobytes())]
        if kind.__name__ == "expression" and kind.__module__ == "hrm_lite.exercises.base":
            return ["x", value.text]
        if callable(value):
            number, name = self.keep(value)
            return ["r", number, name]
        return self.other(type_name(kind))

    def other(self, name: str):
        """What does not travel. A subclass may refuse it."""
        return ["o", name]

    def _tensor(self, value):
        name = str(value.dtype).removeprefix("torch.")
        if name not in _TENSORS or value.layout is not torch.strided:
            return self.other("Tensor")
        self._count(value.numel() * value.element_size())
        raw = value.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8)
        return ["T", name, list(value.shape), self._blob(raw.numpy().tobytes()), bool(value.requires_grad)]

    def _blob(self, raw: bytes) -> int:
        self.blobs.append(raw)
        return len(self.blobs) - 1

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > MOST_BYTES // 2:
            raise TooLarge(f"it holds more than {MOST_BYTES >> 21} MB")


class Reader:
    """Turns trees into values. made(id, name) and other(name) stand for what stays elsewhere."""

    def __init__(self, blobs: list[bytes], made, other, expression):
        self.blobs, self.made, self.other, self.expression, self.parts = blobs, made, other, expression, 0

    def value(self, tree, depth: int = 0):
        self.parts += 1
        _insist(depth <= MOST_DEPTH and self.parts <= MOST_PARTS)
        if tree is None or type(tree) in (bool, str, int):
            return tree
        if type(tree) is float:
            _insist(math.isfinite(tree))
            return tree
        _insist(type(tree) is list and len(tree) >= 2 and type(tree[0]) is str)
        tag, *rest = tree
        if tag == "i" and len(rest) == 1:
            _insist(type(rest[0]) is str and re.fullmatch(r"-?[0-9]{1,3100}", rest[0]))
            return int(rest[0])
        if tag == "f" and len(rest) == 1:
            _insist(rest[0] in ("nan", "inf", "-inf"))
            return float(rest[0])
        if tag == "c" and len(rest) == 2:
            parts = [self.value(part, MOST_DEPTH - 1) for part in rest]
            _insist(all(type(part) is float for part in parts))
            return complex(*parts)
        if tag in ("l", "t") and len(rest) == 1:
            _insist(type(rest[0]) is list)
            parts = [self.value(part, depth + 1) for part in rest[0]]
            return parts if tag == "l" else tuple(parts)
        if tag == "d" and len(rest) == 1:
            _insist(type(rest[0]) is list)
            _insist(all(type(p) is list and len(p) == 2 and type(p[0]) is str for p in rest[0]))
            return {key: self.value(part, depth + 1) for key, part in rest[0]}
        if tag == "T" and len(rest) == 4:
            return self._tensor(*rest)
        if tag == "A" and len(rest) == 3:
            return self._array(*rest)
        if tag == "S" and len(rest) == 2:
            return self._array(rest[0], [], rest[1])[()]
        if tag == "x" and len(rest) == 1 and self.expression:
            return self.expression(rest[0])
        if tag == "r" and len(rest) == 2:
            _insist(type(rest[0]) is int and 0 <= rest[0] < 1 << 31)
            return self.made(rest[0], _word(rest[1]))
        if tag == "o" and len(rest) == 1:
            return self.other(_word(rest[0]))
        raise Nonsense(f"a value of the kind {tag!r}")

    def _bytes(self, shape, blob, itemsize: int) -> bytearray:
        _insist(type(shape) is list and len(shape) <= 16 and all(type(n) is int and 0 <= n < 1 << 31 for n in shape))
        _insist(type(blob) is int and 0 <= blob < len(self.blobs))
        _insist(math.prod(shape) * itemsize == len(self.blobs[blob]))
        return bytearray(self.blobs[blob])  # a copy: tensors may be written to

    def _array(self, dtype, shape, blob):
        _insist(type(dtype) is str and dtype in _ARRAYS)
        raw = self._bytes(shape, blob, _ARRAYS[dtype].itemsize)
        return np.frombuffer(raw, _ARRAYS[dtype]).reshape(shape)

    def _tensor(self, dtype, shape, blob, grad):
        _insist(type(dtype) is str and dtype in _TENSORS and type(grad) is bool)
        kind = _TENSORS[dtype]
        raw = self._bytes(shape, blob, kind.itemsize)
        found = torch.frombuffer(raw, dtype=kind) if raw else torch.empty(0, dtype=kind)
        return found.reshape(shape).requires_grad_(grad and (kind.is_floating_point or kind.is_complex))


def frame(message: dict, blobs=()) -> bytes:
    """One message, as bytes: the lengths, the JSON, and the blobs."""
    text = json.dumps(message | {"blobs": [len(blob) for blob in blobs]}, allow_nan=False).encode()
    size = sum(map(len, blobs))
    if len(text) + size > MOST_BYTES:
        raise TooLarge(f"it holds more than {MOST_BYTES >> 20} MB")
    return b"".join([_HEAD.pack(len(text), size), text, *blobs])


def lengths(head: bytes) -> tuple[int, int]:
    """How many bytes of JSON and of blobs follow the first HEAD bytes of a frame."""
    text, size = _HEAD.unpack(head)
    _insist(text + size <= MOST_BYTES)
    return text, size


HEAD = _HEAD.size


def unframe(text: bytes, raw: bytes) -> tuple[dict, list[bytes]]:
    """The message and its blobs."""
    try:
        message = json.loads(text.decode("utf-8"), parse_int=_digits)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise Nonsense("broken JSON") from error
    _insist(type(message) is dict)
    sizes = message.pop("blobs", None)
    _insist(type(sizes) is list and all(type(n) is int and n >= 0 for n in sizes) and sum(sizes) == len(raw))
    blobs, start = [], 0
    for size in sizes:
        blobs.append(raw[start : start + size])
        start += size
    return message, blobs


def type_name(kind: type) -> str:
    """The name of a type, fit for a sentence."""
    try:
        return _word(kind.__name__)
    except Exception:
        return "unknown"


def _digits(text: str) -> int:
    _insist(len(text) <= 17)
    return int(text)


def _word(text) -> str:
    _insist(type(text) is str)
    return re.sub(r"[^A-Za-z0-9_.]", "", text)[:40] or "unknown"


def _plain(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _insist(fits) -> None:
    if not fits:
        raise Nonsense("a message that is not of the agreed form")
