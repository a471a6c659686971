"""Mazes made on the spot: by size, kind, length of the shortest path, split and seed."""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from hrm_lite.puzzles.maze.sets import WALL, MazeSet, from_codes, symmetries
from hrm_lite.puzzles.sources import SHARE, collect
from hrm_lite.puzzles.splits import check_split, on_side

KINDS = ("random", "unique", "tree")
HARD = 110 / 900  # the published mazes have more than 110 steps on 900 cells
LARGEST = 128  # rows or columns
_PIECE = 100  # mazes that are made at a stretch: between two pieces Ctrl-C is heard


@dataclasses.dataclass(frozen=True)
class Wish:
    """rows x columns cells of one of the `KINDS`, with `low` to `high` steps from start to goal."""

    rows: int
    columns: int
    kind: str
    low: int
    high: int

    @property
    def name(self) -> str:
        most = self.rows * self.columns
        return f"{self.rows}x{self.columns}:{self.kind}:{self.low}-{self.high if self.high < most else ''}"

    @classmethod
    def parse(cls, text: str) -> Wish:
        """"SIZE:KIND" or "SIZE:KIND:LENGTH"; ValueError that says what is possible."""
        size, _, rest = text.partition(":")
        kind, _, length = rest.partition(":")
        sides = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size)
        if not sides or not 2 <= min(map(int, sides.groups())) <= max(map(int, sides.groups())) <= LARGEST:
            raise ValueError(
                f"{size!r} is not a size for mazes. Use ROWSxCOLUMNS from 2x2 to {LARGEST}x{LARGEST}, for example "
                "generated:9x9:random.")
        rows, columns = map(int, sides.groups())
        low, high = 2, rows * columns
        if kind == "hard" and not length:
            kind, low = "random", max(2, int(rows * columns * HARD) + 1)
        if kind not in KINDS:
            raise ValueError(
                f"{rest!r} is not a kind of maze. Use \"random\" (walls on 30 to 50 % of the cells, often many "
                "shortest paths), \"unique\" (the same with one shortest path), \"tree\" (corridors without a loop), "
                "each with or without a number of steps such as random:12-20 or random:12-, or \"hard\": random, with "
                "a path as long as the published ones.")
        if length:
            bounds = re.fullmatch(r"(\d{1,5})(?:(-)(\d{0,5}))?", length)
            if not bounds:
                raise ValueError(f"{length!r} is not a number of steps. Use LOW-HIGH, LOW- or one number.")
            low = int(bounds[1])
            high = int(bounds[3]) if bounds[3] else high if bounds[2] else low
        if not 2 <= low <= high <= rows * columns or low >= rows * columns:
            raise ValueError(
                f"A path of {low} to {high} steps is not possible: it has 2 steps at least (with less there is nothing "
                f"to draw) and fewer than the {rows * columns} cells of {rows}x{columns}; the smaller number first.")
        return cls(rows, columns, kind, low, high)


def generate(
    size: str = "30x30", kind: str = "hard", count: int = 1_000, seed: int = 0, split: str = "all",
    dihedral: bool = False,
) -> MazeSet:
    """`count` different mazes with a way from S to G.

    size   "ROWSxCOLUMNS", each from 2 to 128
    kind   "random": walls on 30 to 50 % of the cells, as in Searchformer (Lehnert et al., arXiv 2402.14083) and
           Maze-Hard; "unique": the same, then walls on every cell of the other shortest paths, so that one is left;
           "tree": corridors without a loop. With ":LOW-HIGH", ":LOW-" or ":LENGTH" the path has that many steps;
           "hard" is random with more than 110 steps on 30x30, and as many for its cells on other sizes
    seed   0 or more; the same seed gives the same mazes on every machine, and a larger count begins with the
           mazes of the smaller
    split  "train" or "test": only classes of that side (see `load`); "all": both

    Of a board every pair of cells that fits is equally likely to be S and G, and of the shortest paths each to be
    the label. Boards without such a pair are thrown away. ValueError for what cannot be.
    """
    from hrm_lite.puzzles.maze import kernels  # compiled: loaded on first use

    wish = Wish.parse(f"{size}:{kind}")
    check_split(split)
    if count < 1 or seed < 0:
        raise ValueError(f"count must be 1 or more and seed 0 or more; got count {count} and seed {seed}.")
    grid = wish.rows, wish.columns
    tries = min(1_000_000, 10**9 // (wish.rows * wish.columns))  # boards for one maze: some seconds, a minute at most

    def make(start: int, number: int) -> tuple[np.ndarray, ...]:
        pieces = []
        for first in range(0, number, _PIECE):
            size = min(_PIECE, number - first)
            pieces.append(kernels.generate_many(
                KINDS.index(wish.kind), wish.low, wish.high, *grid, seed, start + first, size, tries))
            if len(pieces[-1][0]) < size:
                raise ValueError(
                    f"No {wish.rows}x{wish.columns} maze of kind {wish.kind} with a shortest path of {wish.low} to "
                    f"{wish.high} steps was found on {tries:,} boards. Ask for shorter paths, or for \"tree\": its "
                    "paths are long.")
        return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))

    def keep(questions: np.ndarray, *_) -> np.ndarray:
        return walls_on_side(questions == 1, grid, split)

    made = collect(count, make, keep, SHARE[split], f"mazes of {wish.name} in split \"{split}\"")
    return from_codes(*made, grid, f"generated:{wish.name} ({split}, seed {seed})", dihedral)


def on_split(puzzles: MazeSet, split: str) -> np.ndarray:
    """For each maze of a set: whether its class belongs to the split, (n,) bool."""
    return walls_on_side(puzzles.inputs == WALL, puzzles.grid, split)


def walls_on_side(walls: np.ndarray, grid: tuple[int, int], split: str) -> np.ndarray:
    """The same for walls (n, cells) bool. A class is all mazes with the same walls, mirrored or turned: start and goal
    do not count, so a test maze is not a training maze with other ends."""
    if split == "all":
        return np.ones(len(walls), bool)
    images = np.stack([np.packbits(walls[:, gather], axis=1) for gather in symmetries(grid)], 1)
    return on_side((min(map(bytes, image)) for image in images), split)
