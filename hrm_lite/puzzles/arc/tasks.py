"""An ARC task: a few pairs of grids that show a rule, and one or more inputs to apply it to."""

from __future__ import annotations

import dataclasses

import numpy as np

from hrm_lite.puzzles.arc.codec import SIDE

Pair = tuple[np.ndarray, np.ndarray | None]


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One task.

    name    what the task is called, e.g. "007bbfb7"
    train   the demonstrations: (input, output) pairs of grids (h, w), uint8 colours 0 to 9
    test    the pairs to be solved; the outputs are there to judge an answer, and None where they are not known, as in
            the files that a competition hands out

    Grids may be given as lists of lists or as arrays; they are checked, copied and made read-only.
    ValueError names the task, the pair and the place of what is wrong.
    """

    name: str
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"A task needs a name, a text that is not empty; got {self.name!r}.")
        for part, kind in (("train", "demonstration pairs"), ("test", "test pairs")):
            pairs = getattr(self, part)
            if not isinstance(pairs, (list, tuple)):
                raise ValueError(
                    f"task {self.name}: \"{part}\" must be a list of {kind}; got {type(pairs).__name__}.")
            if not pairs:
                raise ValueError(
                    f"task {self.name} has no {kind} (\"{part}\" is empty): a task has at least one.")
            checked = tuple(
                self._pair(pair, f"task {self.name}, {part} pair {i + 1}", part == "test")
                for i, pair in enumerate(pairs))
            object.__setattr__(self, part, checked)  # frozen

    @staticmethod
    def _pair(pair, where: str, may_be_open: bool) -> Pair:
        if isinstance(pair, dict):
            if may_be_open:
                pair = {"output": None} | pair
            missing = [key for key in ("input", "output") if key not in pair]
            if missing:
                raise ValueError(f"{where} lacks \"{missing[0]}\": a pair has an \"input\" and an \"output\".")
            pair = pair["input"], pair["output"]
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise ValueError(f"{where} must be an input and an output; got {_short(pair)}.")
        question = check_grid(pair[0], f"{where}, input")
        if may_be_open and pair[1] is None:
            return question, None
        return question, check_grid(pair[1], f"{where}, output")

    @property
    def answered(self) -> bool:
        """Whether the outputs of all test pairs are known."""
        return all(answer is not None for _, answer in self.test)

    def fits(self, side: int) -> bool:
        """Whether every grid of the task, demonstrations and tests, inputs and outputs, has at most side rows and
        columns. An output that is not known is taken to fit."""
        return all(max(grid.shape) <= side for pair in self.train + self.test for grid in pair if grid is not None)

    def __repr__(self) -> str:
        return f"<Task {self.name}: {len(self.train)} demonstrations, {len(self.test)} to solve>"

    def to_json(self) -> dict:
        """The task in ARC's format, ready for `json.dumps`."""
        return {
            part: [
                {"input": x.tolist()} | ({} if y is None else {"output": y.tolist()}) for x, y in getattr(self, part)]
            for part in ("train", "test")
        }


def check_grid(values, where: str) -> np.ndarray:
    """Lists of lists or an array -> a read-only grid (h, w) uint8. ValueError begins with `where`."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if not isinstance(values, (list, tuple)) or not all(isinstance(row, (list, tuple)) for row in values):
        raise ValueError(f"{where}: a grid is a list of rows, each a list of colours; got {_short(values)}.")
    if not values or not values[0]:
        raise ValueError(f"{where}: the grid is empty; a grid has at least one row and one column.")
    height, width = len(values), len(values[0])
    for r, row in enumerate(values):
        if len(row) != width:
            raise ValueError(
                f"{where}: row {r + 1} has {len(row)} cells and row 1 has {width}; the rows of a grid are equally "
                "long.")
    if max(height, width) > SIDE:
        raise ValueError(f"{where}: the grid is {height} x {width}; ARC's grids are at most {SIDE} x {SIDE}.")
    for r, row in enumerate(values):
        for c, colour in enumerate(row):
            if type(colour) is not int or not 0 <= colour <= 9:
                raise ValueError(
                    f"{where}, row {r + 1}, column {c + 1}: {_short(colour)} is not a colour; colours are the whole "
                    "numbers 0 to 9.")
    grid = np.array(values, np.uint8)
    grid.flags.writeable = False
    return grid


def check_names(tasks) -> None:
    """ValueError if two tasks have the same name: predictions and embeddings are kept by name."""
    seen = set()
    for task in tasks:
        if task.name in seen:
            raise ValueError(f"There are two tasks of the name {task.name}; leave one out or give it another name.")
        seen.add(task.name)


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
