"""How an answer is checked: found by its number, read with care, judged, and answered in words.

A check is a function of the answer. It raises `Wrong` with a hint, or returns what there is to learn from the right
answer. Everything that a reader may hand over by mistake ends in a sentence, never in a traceback of the checker.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import math
import numbers as kinds
import pkgutil
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "Unanswered", "Verdict", "Wrong", "call", "check", "choice", "exercise", "expression", "judge", "number", "numbers",
    "tensor",
]  # fmt: skip


class Wrong(Exception):
    """What is wrong with an answer, in a sentence that helps the reader on."""


class Unanswered(Exception):
    """The stub is still there."""


class expression:
    """A function that is handed to the reader's function, kept as its text: it can be sent to where that one runs.

    text: a Python expression whose value is a function; ``torch``, ``np`` and ``math`` are in sight.
    """

    def __init__(self, text: str):
        self.text = text
        self._function = eval(text, {"torch": torch, "np": np, "math": math})
        if not callable(self._function):
            raise TypeError(f"expression({text!r}) is no function: begin it with `lambda`")

    def __call__(self, *arguments, **named):
        return self._function(*arguments, **named)

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    right: bool
    """True for an answer that is right, False for any other, an empty stub included."""
    message: str
    """What is wrong and what to look at, or what there is to learn."""
    answered: bool = True
    """False where the stub was handed over as it stands."""


@dataclass(frozen=True)
class _Exercise:
    expects: str
    judge: Callable[[object], str]


_KEPT: dict[str, _Exercise] = {}


def exercise(name: str, expects: str):
    """Register a check. name: "5.2", the chapter and the exercise, or "C5.2" in the classroom's assignment 5.

    expects: what it wants to be given, in words.
    """

    def keep(function: Callable[[object], str]):
        if name in _KEPT:
            raise ValueError(f"two checks are called {name}")
        _KEPT[name] = _Exercise(expects, function)
        return function

    return keep


def numbers() -> list[str]:
    """What can be checked, in order: "1.1", "1.2", …, the appendix' "A.1", …, and the classroom's "C1.1", …"""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith(("chapter_", "appendix_")):
            importlib.import_module(f"{__package__}.{module.name}")
    for module in pkgutil.iter_modules(importlib.import_module(f"{__package__}.classroom").__path__):
        importlib.import_module(f"{__package__}.classroom.{module.name}")

    def place(name: str) -> tuple:
        letter, *parts = re.findall(r"[A-Z]|\d+", name) if name[:1].isalpha() else ["", *name.split(".")]
        return letter, [int(part) for part in parts]

    return sorted(_KEPT, key=place)


def _module(name: str) -> str:
    """Where a check stands: "5.2" in chapter_05, "A.1" in appendix_a, "C5.2" in classroom/assignment_5."""
    group = name.partition(".")[0]
    if group.isdecimal():
        return f"chapter_{int(group):02}"
    return f"classroom.assignment_{group[1:]}" if re.fullmatch(r"C\d+", group) else f"appendix_{group.lower()}"


def judge(name: str, answer) -> Verdict:
    """Check an answer, silently. The random numbers of the caller are left as they were.

    name: "5.2", the chapter and the exercise, or "C5.2", the classroom's. answer: what the exercise asks for.
    Raises KeyError where there is no such exercise.
    """
    name = str(name)
    module = _module(name)
    if module.replace(".", "").isidentifier() and importlib.util.find_spec(f"{__package__}.{module}"):
        importlib.import_module(f"{__package__}.{module}")
    if name not in _KEPT:
        raise KeyError(f"there is no exercise {name!r} to check; there are {', '.join(numbers())}")
    task = _KEPT[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            if answer is None or answer is ...:
                raise Unanswered
            return Verdict(True, _filled(task.judge(answer)))
        except Unanswered:
            return Verdict(False, f"Nothing to check yet. It asks for {task.expects}.", answered=False)
        except Wrong as wrong:
            return Verdict(False, _filled(str(wrong)))
        except Exception as error:  # an answer of a kind that nobody thought of
            return Verdict(False, f"This cannot be read ({type(error).__name__}: {error}). It asks for {task.expects}.")


def check(name: str, answer) -> bool:
    """Check an answer, and print what is wrong with it and why. True when it is right; see `judge`."""
    verdict = judge(name, answer)
    said = verdict.message if not verdict.answered else ("right. " if verdict.right else "not yet. ") + verdict.message
    print(textwrap.fill(f"Exercise {name}: {said}", 88, break_long_words=False, break_on_hyphens=False))
    return verdict.right


def _filled(text: str) -> str:
    """On one line, and begun like a sentence; a symbol stays as it is."""
    first, _, rest = " ".join(text.split()).partition(" ")
    word = first.isascii() and first.isalpha() and len(first) > 1
    return f"{first[0].upper() + first[1:] if word else first} {rest}".strip()


def _shown(value) -> str:
    """A value, short enough for a sentence. It may belong to a stranger: showing it must not fail."""
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}…"


def number(value, what: str, low: float = -math.inf, high: float = math.inf) -> float:
    """The number in ``value``: of Python, numpy or torch, one only, finite, in [low, high]. Raises Wrong otherwise."""
    if isinstance(value, (Tensor, np.ndarray)) and math.prod(value.shape) == 1:
        value = value.item()
    if callable(value):
        raise Wrong(f"{what} should be a number, and this is a function: call it, and hand over what it returns.")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (kinds.Real, np.number)):
        raise Wrong(f"{what} should be one number, and this is {_shown(value)}.")
    value = float(value)
    if not math.isfinite(value):
        raise Wrong(f"{what} is {value}: somewhere on the way a number overflowed or was divided by zero.")
    if not low <= value <= high:
        raise Wrong(f"{what} is {value:g}; it must lie between {low:g} and {high:g}.")
    return value


def tensor(value, what: str, shape: tuple | None = None) -> Tensor:
    """``value`` as a float64 tensor (complex stays complex), detached. A None in ``shape`` stands for any size.

    Lists, numpy arrays and tensors will do. Raises Wrong for anything else, for another shape, and for what is not
    finite.
    """
    if callable(value) and not isinstance(value, Tensor):
        raise Wrong(f"{what} should be a tensor, and this is a function: call it, and hand over what it returns.")
    try:
        found = value.detach().cpu() if isinstance(value, Tensor) else torch.as_tensor(np.array(value, order="C"))
        found = found if found.is_complex() else found.double()
    except Exception as error:
        raise Wrong(f"{what} should be a tensor of numbers, and this is {_shown(value)}.") from error
    if shape is not None:
        fits = found.dim() == len(shape) and all(w is None or w == n for w, n in zip(shape, found.shape, strict=True))
        if not fits:
            wanted = " × ".join("any" if size is None else str(size) for size in shape) or "no axes (one number)"
            raise Wrong(f"{what} has the shape {tuple(found.shape)}, and should have {wanted}.")
    if not torch.isfinite(found).all():
        raise Wrong(f"{what} holds NaN or infinity: somewhere a number overflowed or was divided by zero.")
    return found


def choice(value, what: str, options: tuple[str, ...]) -> str:
    """The one of ``options`` that ``value`` names, without regard to case. Raises Wrong otherwise."""
    said = value.strip().lower() if isinstance(value, str) else value
    for option in options:
        if isinstance(said, str) and said == option.lower():
            return option
    raise Wrong(f"{what} should be one of {', '.join(map(repr, options))}, and this is {_shown(value)}.")


def call(function, *arguments, what: str = "your function"):
    """What ``function`` returns for ``arguments``, which it must leave as they are.

    Raises Unanswered where it returns nothing or says that it is not written yet, and Wrong where it fails or changes
    its arguments.
    """
    if not callable(function):
        raise Wrong(f"{what} should be a function, and this is {_shown(function)}: hand over its name, no brackets.")
    given = [copy.deepcopy(one) if isinstance(one, (Tensor, np.ndarray, list, dict)) else one for one in arguments]
    try:
        found = function(*given)
    except NotImplementedError as error:
        raise Unanswered from error
    except (Wrong, Unanswered):
        raise
    except Exception as error:
        raise Wrong(
            f"{what} fails with {type(error).__name__}: {error}, called with {', '.join(map(_shown, arguments))}."
        ) from error
    if found is None or found is ...:
        raise Unanswered
    for before, after in zip(arguments, given, strict=True):
        if isinstance(before, Tensor) and (before.shape != after.shape or not torch.equal(before, after)):
            raise Wrong(f"{what} changes what it is given: work on a copy, as in z = z.clone().")
    return found
