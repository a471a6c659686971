"""Puzzles with a knob: how many steps, one after the other, the answer needs is a number that you choose.

    parity      "parity:BITS": under each bit stands the parity of all bits up to it; the last one needs them all
    pointers    "pointers:NODES:HOPS": a list of pointers; follow them HOPS times from the node that is marked
    reach       "reach:ROWSxCOLUMNS:STEPS": a maze; which cells can be reached from S within STEPS steps (fewer do
                where the walls end the way sooner)

A network of fixed depth has room for so many steps and no more (chapter 1). Each question is on the side of train or
test by a hash of what it asks, so the two share no question, whatever the seeds: that can be proved, and is tested.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import torch

from hrm_lite.puzzles.base import Face, PuzzleSet
from hrm_lite.puzzles.maze.sets import neighbours
from hrm_lite.puzzles.sources import DEFAULT_COUNT, SHARE, check_limit, collect
from hrm_lite.puzzles.splits import check_split, on_side
from hrm_lite.puzzles.stream import Stream

__all__ = ["ParitySet", "PointerSet", "ReachSet", "load"]


class DepthSet(PuzzleSet):
    """A puzzle of one right answer, which a few lines compute: what the three have in common."""

    @staticmethod
    def solve(inputs: torch.Tensor, grid: tuple[int, int], depth: int) -> torch.Tensor:
        """Questions (batch, seq_len) int64 -> their answers."""
        raise NotImplementedError

    @property
    def depth(self) -> int:
        """The number on the knob."""
        return int(self.name.rpartition("-")[2])

    def check(self, inputs, answers):
        """(batch, seq_len) questions and answers -> (batch,) bool: all scored cells are as they must be."""
        right = self.solve(inputs.long(), self.grid, self.depth)
        return ((answers == right) | (right == 0)).all(1)

    def violations(self, answers):
        """None: whether a cell is right cannot be seen without the question."""
        return torch.zeros_like(answers, dtype=torch.bool)


class ParitySet(DepthSet):
    """Tokens: pad 0, bit 0 is 1, bit 1 is 2. The answer at a bit is the parity of the bits up to and with it."""

    @staticmethod
    def solve(inputs, grid, depth):
        return (inputs - 1).cumsum(1) % 2 + 1


class PointerSet(DepthSet):
    """Tokens: pad 0, node k is k + 1. A row of pointers, and before it the node to begin at.

    Only the first cell is scored: where HOPS pointers lead to. The pointers are one cycle through all nodes, so no
    shorter chain leads there.
    """

    @staticmethod
    def solve(inputs, grid, depth):
        here = inputs[:, :1]
        for _ in range(depth):
            here = inputs.gather(1, here)  # node k stands at place k + 1, which is its token
        return torch.cat((here, torch.zeros_like(inputs[:, 1:])), 1)


class ReachSet(DepthSet):
    """Tokens: pad 0, wall 1, free 2, S 3, reached 4."""

    @property
    def faces(self) -> tuple[Face, ...]:
        return Face(), Face("", "#3D4451"), Face(), Face("S", "#F2C14E"), Face("", "#9ADBC5")

    @staticmethod
    def solve(inputs, grid, depth):
        cells = inputs.reshape(-1, *grid)
        here = cells == 3
        for _ in range(depth):
            here = here | (neighbours(here) & (cells != 1))
        return torch.where(here & (cells == 2), 4, cells).reshape(inputs.shape)


def load(source: str, split: str, limit: int | None = None, seed: int = 0) -> DepthSet:
    """Puzzles of a depth that the source names: "parity:32", "pointers:16:8", "reach:9x9:12".

    split  "train", "test" or "all"; no question is in both, whatever the seeds. About one in five is for testing
    limit  how many; None: 10,000 (test: 1,000)
    seed   same seed, same puzzles, on every machine; more begin with the fewer

    ValueError for a source, split or limit that makes no sense, and for more puzzles than there are.
    """
    check_split(split)
    check_limit(limit)
    kind, vocab, grid, depth, make = _parse(source)
    count, stream = limit or DEFAULT_COUNT[split], Stream(seed)

    def chunk(start: int, number: int) -> tuple[np.ndarray]:
        # Whole chunks of one size, so that the puzzles do not depend on how many are asked for.
        return (make(stream, 4096),)

    def keep(rows: np.ndarray) -> np.ndarray:
        return on_side(map(bytes, rows), split)

    (inputs,) = collect(count, chunk, keep, SHARE[split], f"puzzles of {source!r}")
    labels = kind.solve(torch.tensor(inputs).long(), grid, depth).numpy()
    return kind(source.replace(":", "-"), vocab, grid, None, inputs, labels, source=f"{source} ({split}, seed {seed})")


def _parse(source: str) -> tuple[type[DepthSet], tuple[str, ...], tuple[int, int], int, Callable]:
    """The set, vocabulary, grid, depth, and what draws questions: (stream, count) -> (count, seq_len) uint8."""
    if match := re.fullmatch(r"parity:(\d{1,4})", source):
        bits = _within("bits", int(match[1]), 1, 1024)
        return ParitySet, ("_", "0", "1"), (1, bits), bits, lambda stream, n: _below(stream, n, bits, 2) + 1
    if match := re.fullmatch(r"pointers:(\d{1,4}):(\d{1,4})", source):
        nodes = _within("nodes", int(match[1]), 2, 64)
        hops = _within("hops", int(match[2]), 1, nodes - 1)
        vocab = ("_", *"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/"[:nodes])
        return PointerSet, vocab, (1, nodes + 1), hops, lambda stream, n: _pointers(stream, n, nodes)
    if match := re.fullmatch(r"reach:(\d{1,3})x(\d{1,3}):(\d{1,4})", source):
        grid = _within("rows", int(match[1]), 2, 64), _within("columns", int(match[2]), 2, 64)
        steps = _within("steps", int(match[3]), 1, grid[0] * grid[1])
        return ReachSet, ("_", "#", " ", "S", "o"), grid, steps, lambda stream, n: _walls(stream, n, grid)
    raise ValueError(
        f"{source!r} is not a puzzle with a knob. Use \"parity:BITS\", \"pointers:NODES:HOPS\" or "
        "\"reach:ROWSxCOLUMNS:STEPS\", for example parity:32, pointers:16:8 or reach:9x9:12.")


def _within(what: str, given: int, low: int, high: int) -> int:
    if not low <= given <= high:
        raise ValueError(f"The number of {what} runs from {low} to {high} here; got {given}.")
    return given


def _below(stream: Stream, n: int, columns: int, bound: int) -> np.ndarray:
    return stream.below(np.full((n, columns), bound)).astype(np.uint8)


def _pointers(stream: Stream, n: int, nodes: int) -> np.ndarray:
    """A random cycle through all nodes as pointers, and a node to begin at."""
    order = stream.orders(n, nodes)
    pointers = np.zeros((n, nodes), np.uint8)
    np.put_along_axis(pointers, order, np.roll(order, -1, 1).astype(np.uint8), 1)
    return np.concatenate([_below(stream, n, 1, nodes), pointers], 1) + 1


def _walls(stream: Stream, n: int, grid: tuple[int, int]) -> np.ndarray:
    """Walls on about a third of the cells, and S somewhere."""
    cells = grid[0] * grid[1]
    inputs = 1 + (_below(stream, n, cells, 100) >= 35)
    np.put_along_axis(inputs, stream.below(np.full((n, 1), cells)), 3, 1)
    return inputs.astype(np.uint8)
