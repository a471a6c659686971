"""`MazeSet`: mazes as a `PuzzleSet`, in the published tokens: pad 0, then the characters of "# SGo"."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math

import numpy as np
import torch

from hrm_lite.puzzles.base import Face, PuzzleSet
from hrm_lite.puzzles.published import Arrays

WALL, FREE, START, GOAL, PATH = 1, 2, 3, 4, 5
CHARACTERS = "# SGo"  # of tokens 1 to 5
_TOKEN_OF_CODE = np.array([FREE, WALL, START, GOAL, PATH], np.uint8)  # the compiled functions count otherwise


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MazeSet(PuzzleSet):
    """Mazes of one size: `inputs` show walls, start and goal, `labels` one shortest path as well.

    `ratings` are the steps of the shortest path. dihedral: whether `augment` mirrors and turns a maze. It is off at
    first, as in the published runs: the label is one of many shortest paths, and a maze that is turned leads to
    another choice among them, so exact matches become rarer.
    """

    dihedral: bool = False

    @classmethod
    def of(cls, inputs, labels, grid: tuple[int, int], ratings=None, source="", dihedral=False) -> MazeSet:
        """Tokens (n, cells) -> a set of n mazes."""
        return cls(f"maze-{grid[0]}x{grid[1]}", ("_", *CHARACTERS), grid, None, inputs, labels, ratings=ratings,
                   source=source, dihedral=dihedral)

    @classmethod
    def from_published(cls, arrays: Arrays, grid: tuple[int, int] | None = None, dihedral: bool = False) -> MazeSet:
        """What a folder of the published programs holds, whose tokens are the same. ValueError if these are no mazes.

        grid (rows, columns), if they are not square.
        """
        grid = grid or (math.isqrt(arrays.cells),) * 2
        if grid[0] * grid[1] != arrays.cells or arrays.vocab_size != len(CHARACTERS) + 1:
            raise ValueError(
                f"{arrays.path} holds puzzles of {arrays.cells} cells and {arrays.vocab_size} tokens; mazes of "
                f"{grid[0]}x{grid[1]} have {grid[0] * grid[1]} cells and 6 tokens. Give grid=(rows, columns) if they "
                "are not square; hrm_lite.puzzles.own.load reads puzzles of any kind.")
        for start in range(0, len(arrays.inputs), 4096):
            questions, answers = arrays.inputs[start : start + 4096], arrays.labels[start : start + 4096]
            right = ((questions == answers) | ((questions == FREE) & (answers == PATH))).all(1)
            for end in (START, GOAL):
                right &= (questions == end).sum(1) == 1
            if not right.all():
                raise ValueError(
                    f"{arrays.path}: example {start + int(np.argmin(right))} is no maze with one start, one goal and a "
                    "path drawn in the answer. hrm_lite.puzzles.own.load reads puzzles of any kind.")
        return cls.of(arrays.inputs, arrays.labels, grid, source=str(arrays.path), dihedral=dihedral)

    @property
    def faces(self) -> tuple[Face, ...]:
        """Walls are dark ground, start and goal have colours, a path is dots."""
        return Face(), Face("", "#3D4451"), Face(), Face("S", "#9ADBC5"), Face("G", "#F2C14E"), Face("●")

    @functools.cached_property
    def content_hash(self) -> str:
        """As for every `PuzzleSet`; mazes that training turns are other data than those that it leaves alone."""
        return hashlib.sha256(b"dihedral" + super().content_hash.encode()).hexdigest() if self.dihedral else (
            super().content_hash)

    def questions(self) -> list[str]:
        """Every question as text, row by row without line breaks."""
        return [self.decode(row) for row in self.inputs]

    def answers(self) -> list[str]:
        """Every answer as text."""
        return [self.decode(row) for row in self.labels]

    def shortest_paths(self) -> np.ndarray:
        """How many shortest paths each maze has, (n,) float64: exact up to 2^53. The label is one of them."""
        return measure(self.inputs, self.grid)[1]

    def augment(self, inputs, labels, generator):
        """With `dihedral`: mirrored and turned at random, row by row; every symmetry of the board is equally likely."""
        if not self.dihedral:
            return inputs, labels
        gather = self._draw(inputs, generator)[0]
        return inputs.gather(1, gather), labels.gather(1, gather)

    def disguise(self, inputs, generator):
        """Mirrored and turned, `dihedral` or not, and the way back."""
        gather, back = self._draw(inputs, generator)
        return inputs.gather(1, gather), lambda answers: answers.gather(1, back)

    def _draw(self, inputs: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        gathers, backs = _tables(self.grid, inputs.device)
        pick = torch.randint(len(gathers), (len(inputs),), generator=generator, device=inputs.device)
        return gathers[pick], backs[pick]

    def check(self, inputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """Whether the answer shows *a* shortest path, any: (batch, cells) questions and answers -> (batch,) bool.

        Walls, start, goal and all cells off the path must be as in the question, and the path complete and as short as
        can be. Compare with the label for the published score, the exact match.
        """
        inputs, answers = inputs.long(), answers.long()
        path = answers == PATH
        kept = torch.where(path, inputs == FREE, inputs == answers).all(1)
        least = self._steps(inputs, inputs != WALL)
        along = self._steps(inputs, path | (inputs == START) | (inputs == GOAL))
        # A way of `along` steps inside the path uses along - 1 of its cells; being that many, it uses all.
        return kept & (along > 0) & (along == least) & (path.sum(1) == along - 1)

    def _steps(self, inputs: torch.Tensor, open_cells: torch.Tensor) -> torch.Tensor:
        """Steps from S to G over `open_cells` (batch, cells) bool -> (batch,) int64, 0 where there is no way."""
        shape = (-1, *self.grid)
        open_cells, here = open_cells.reshape(shape), (inputs == START).reshape(shape)
        goal = (inputs == GOAL).reshape(shape)
        steps = torch.zeros(len(inputs), dtype=torch.long, device=inputs.device)
        for step in range(1, self.seq_len):
            before, here = here, here | (neighbours(here) & open_cells)
            steps = torch.where((steps == 0) & (here & goal).flatten(1).any(1), step, steps)
            if step % 16 == 0 and bool(((steps > 0) | (before == here).flatten(1).all(1)).all()):
                break  # asked seldom: a GPU would have to be waited for
        return steps

    def violations(self, answers: torch.Tensor) -> torch.Tensor:
        """Cells of a path that do not go on: a path cell needs two neighbours on the path, an end one."""
        on = ((answers == PATH) | (answers == START) | (answers == GOAL)).reshape(-1, *self.grid)
        near = torch.nn.functional.pad(on.long(), (1, 1, 1, 1))
        near = near[:, 2:, 1:-1] + near[:, :-2, 1:-1] + near[:, 1:-1, 2:] + near[:, 1:-1, :-2]
        near = near.flatten(1)
        return torch.where(answers == PATH, near != 2, on.flatten(1) & (near != 1)) & (answers == PATH).any(1)[:, None]


def neighbours(cells: torch.Tensor) -> torch.Tensor:
    """(batch, rows, columns) bool -> the cells above, below, left and right of them, all at once."""
    wave = torch.nn.functional.pad(cells, (1, 1, 1, 1))
    return wave[:, 2:, 1:-1] | wave[:, :-2, 1:-1] | wave[:, 1:-1, 2:] | wave[:, 1:-1, :-2]


@functools.cache
def symmetries(grid: tuple[int, int]) -> np.ndarray:
    """The mirror images and turns of a board as gathers, (8, cells) int64; 4 where it is not square.

    new = old[gather]; the first changes nothing.
    """
    cells = np.arange(grid[0] * grid[1]).reshape(grid)
    images = [cells, cells[::-1], cells[:, ::-1], cells[::-1, ::-1]]
    if grid[0] == grid[1]:
        images += [image.T for image in images]
    return np.stack([image.reshape(-1) for image in images])


@functools.lru_cache(maxsize=16)
def _tables(grid: tuple[int, int], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    gathers = torch.from_numpy(symmetries(grid).copy()).to(device)
    return gathers, gathers.argsort(1)


def measure(inputs: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Questions as tokens (n, cells) -> steps of the shortest path (n,), -1 without one, and how many there are."""
    from hrm_lite.puzzles.maze.kernels import measure_many  # compiled: loaded on first use

    codes = np.zeros(6, np.uint8)
    codes[_TOKEN_OF_CODE] = np.arange(5)
    return measure_many(codes[inputs], *grid)


def from_codes(questions, answers, lengths, grid: tuple[int, int], source: str, dihedral: bool) -> MazeSet:
    """What the compiled functions made -> a set."""
    return MazeSet.of(_TOKEN_OF_CODE[questions], _TOKEN_OF_CODE[answers], grid, lengths, source, dihedral)
