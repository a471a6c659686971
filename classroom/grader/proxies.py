"""What the judge holds in place of a student's things: data as it is, functions as proxies, anything else as a name."""

from __future__ import annotations

import numpy as np
import torch

from hrm_lite.exercises.base import Wrong

from . import wire


class Foreign:
    """An object of a type that does not travel. It equals nothing, and compares with nothing."""

    def __init__(self, name: str):
        self._name = name

    def __eq__(self, other):
        return False

    def __ne__(self, other):
        return True

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"an object of type {self._name}"


class StudentError(Exception):
    """What the student's function raised. Its subclasses bear the names of the student's errors."""

    where: str = ""


class Remote:
    """A function, or something else to be called, that lives in the pupil."""

    def __init__(self, link, number: int, name: str, shown: str = ""):
        self._link, self._number, self._name = link, number, name
        self.__name__ = shown or name

    def __repr__(self) -> str:
        return f"a {self._name}"

    def __deepcopy__(self, memo):
        return self

    def __call__(self, *arguments, **named):
        packer = _Arguments()
        try:
            message = {
                "do": "call",
                "id": self._number,
                "args": packer.tree(list(arguments)),
                "named": packer.tree(named),
            }
        except wire.TooLarge as large:
            raise ValueError(f"an argument cannot be sent to the student's function: {large}") from None
        reply, blobs = self._link.ask(message, packer.blobs)
        if "error" in reply:
            raise _error(reply["error"])
        try:
            reader = _reader(self._link, blobs)
            for place, tree in reply["changed"].items():  # what it did to its arguments happens here, too
                _overwrite(arguments[int(place)], reader.value(tree))
            found = reader.value(reply["value"])
        except (KeyError, IndexError, ValueError, TypeError, AttributeError, wire.Nonsense):
            raise StudentError("the answer of your function cannot be read") from None
        return numbers_only(found, f"What `{self.__name__}` returns")


def fetch(link, names) -> dict:
    """Values of the student's notebook, by name; a name that is not there is left out."""
    reply, blobs = link.ask({"do": "get", "names": sorted(names)})
    if "error" in reply:
        raise _error(reply["error"])
    try:
        reader = _reader(link, blobs)
        found = {name: reader.value(tree) for name, tree in reply["values"].items() if name in names}
    except (KeyError, ValueError, TypeError, AttributeError, wire.Nonsense):
        raise StudentError("the values of your notebook cannot be read") from None
    for name, value in found.items():
        if isinstance(value, Remote):
            value.__name__ = name
    return found


def numbers_only(value, what: str):
    """``value``, unless a NaN is in it. Every comparison with NaN is false: `if error > 1e-6` would let it pass."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, (list, tuple)):
            todo += one
        elif isinstance(one, dict):
            todo += one.values()
        elif (
            (isinstance(one, (float, complex)) and one != one)
            or (isinstance(one, (np.ndarray, np.generic)) and one.dtype.kind in "fc" and np.isnan(one).any())
            or (isinstance(one, torch.Tensor) and bool(torch.isnan(one).any()))
        ):
            raise Wrong(f"{what} holds NaN: somewhere a number overflowed or was divided by zero.")
    return value


def _reader(link, blobs) -> wire.Reader:
    return wire.Reader(blobs, lambda number, name: Remote(link, number, name), Foreign, None)


class _Arguments(wire.Packer):
    """What a test hands to a student's function: data, expressions, and what came from the student."""

    def __init__(self):
        super().__init__(self._back)

    def _back(self, thing):
        return (thing._number, thing._name) if isinstance(thing, Remote) else self.other(wire.type_name(type(thing)))

    def other(self, name: str):
        raise TypeError(
            f"a test hands a {name} to the student's function: hand over plain data, or a function as "
            "expression('lambda x: …'), which can travel"
        )


def _overwrite(given, found) -> None:
    if isinstance(given, torch.Tensor) and isinstance(found, torch.Tensor) and given.dtype == found.dtype:
        with torch.no_grad():
            given.set_(found.detach())
    elif isinstance(given, np.ndarray) and isinstance(found, np.ndarray) and given.shape == found.shape:
        np.copyto(given, found, casting="unsafe")


def _error(told) -> Exception:
    """The student's error, as one that is raised here; `call` of hrm_lite.exercises then speaks of it by its name."""
    if not isinstance(told, dict):
        return StudentError("the error of your function cannot be read")
    name, text, line = (told.get(key) for key in ("type", "text", "line"))
    name = name if isinstance(name, str) and name.isidentifier() and len(name) <= 40 else "Exception"
    text = text[:300] if isinstance(text, str) else ""
    if name == "NotImplementedError":
        return NotImplementedError(text)
    error = type(name, (StudentError,), {})(text)
    error.where = f"line {line} of its cell" if type(line) is int else ""
    return error
