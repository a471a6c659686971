"""Checks of chapter 10, mazes. What is right is asked of networkx."""

from __future__ import annotations

import functools
import itertools

import networkx as nx
import numpy as np
import torch

from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []

_CORNERS = (0, 0), (5, 6)


def _mazes(count: int = 8):
    """(free, graph) of boards of 6 × 7 on which the two corners are joined."""
    draw = np.random.default_rng(10)
    while count:
        free = draw.random((6, 7)) > 0.32
        free[0, 0] = free[5, 6] = True
        graph = nx.grid_2d_graph(6, 7).subgraph([tuple(cell) for cell in np.argwhere(free)])
        if nx.has_path(graph, *_CORNERS) and graph.number_of_edges() >= graph.number_of_nodes():
            count -= 1
            yield free, graph


@exercise("10.1", "a function of two cells (row, column) that returns a number of steps")
def least_steps(steps) -> str:
    for a, b in itertools.product([(0, 0), (4, 11), (14, 3)], [(0, 9), (14, 14), (7, 3), (4, 11)]):
        found = number(call(steps, a, b), "what your function returns")
        down, across = abs(a[0] - b[0]), abs(a[1] - b[1])
        if found == _king(a, b):
            continue
        if found == down + across:
            raise Wrong("a 3×3 convolution sees the diagonal neighbours as well: news need not go round the corner.")
        if abs(found - (down**2 + across**2) ** 0.5) < 0.01:
            raise Wrong("that is the distance as the crow flies. News goes from cell to cell, one of the eight a step.")
        raise Wrong(f"from {a} to {b} news needs {_king(a, b)} steps, and your function says {found:g}.")
    return (
        "The larger of the two differences: news moves like the king in chess, through walls, which the convolution "
        "does not know. It is a bound from below for any answer that depends on both ends."
    )


@functools.cache
def _board() -> nx.Graph:
    return nx.Graph(
        (a, b) for a, b in itertools.combinations(itertools.product(range(16), repeat=2), 2)
        if abs(a[0] - b[0]) < 2 and abs(a[1] - b[1]) < 2
    )  # fmt: skip


def _king(a, b) -> int:
    """The king's distance, by search on a board and not by the formula."""
    return nx.shortest_path_length(_board(), a, b)


@exercise("10.2", "a function of two tensors (rows, columns) of True and False that returns a third")
def dead_ends(fill) -> str:
    for free, graph in _mazes():
        kept = graph.copy()  # each end gets a triangle of its own, so that it is no dead end
        for i, cell in enumerate(_CORNERS):
            kept.add_edges_from([(cell, (i, "a")), ((i, "a"), (i, "b")), ((i, "b"), cell)])
        core = nx.k_core(kept, 2)
        true = np.array([[(r, c) in core for c in range(7)] for r in range(6)])
        ends = torch.zeros(6, 7, dtype=torch.bool)
        ends[0, 0] = ends[5, 6] = True
        found = tensor(call(fill, torch.from_numpy(free), ends), "what your function returns", (6, 7)).numpy() > 0
        if (found == true).all():
            continue
        if (found & ~free).any():
            raise Wrong("a cell that was a wall is free now: your function returns True for what is left.")
        if (found == free).all():
            raise Wrong("nothing was filled. A free cell with at most one free neighbour is a dead end.")
        if not found[0, 0] or not found[5, 6]:
            raise Wrong("S or G was walled up. They have one neighbour on the path, and are no dead ends.")
        if (found & ~true).any() and not (true & ~found).any():
            raise Wrong("dead ends are left. A filled cell makes a dead end of the one before it: go on until none is.")
        raise Wrong(
            "cells that have two free neighbours were filled. Only four neighbours count, and beyond the border there "
            "is wall: a `roll` would look at the other side of the board."
        )
    return (
        "What remains is the path, loops, and what joins loops. The rule is local, needs no training, and cannot "
        "choose between two ways round; the trained model can, in part."
    )


@exercise("10.3", "a function of `free`, `start` and `goal` that returns how many shortest paths there are")
def how_many(count) -> str:
    boards = [*_mazes(6), (np.ones((6, 7), bool), nx.grid_2d_graph(6, 7))]
    for free, graph in boards:
        found = number(call(count, torch.from_numpy(free), *_CORNERS), "what your function returns")
        paths = list(nx.all_shortest_paths(graph, *_CORNERS))
        if found == len(paths):
            continue
        if found == len(paths[0]) - 1:
            raise Wrong("that is the length of a shortest path in steps. How many of that length are there?")
        if found == sum(1 for _ in itertools.islice(nx.all_simple_paths(graph, *_CORNERS, cutoff=16), 10**5)):
            raise Wrong("that counts longer ways, too.")
        if found == 1:
            raise Wrong("one shortest path is there on some boards, and more on others: an empty board has hundreds.")
        raise Wrong(
            f"a board has {len(paths)} shortest paths, and your function finds {found:g}. To a cell at distance k "
            "there are as many as to all its neighbours at distance k − 1 together."
        )
    return (
        "A sum over neighbours, ring by ring, so that millions of paths cost no more than one. On the open 6×7 board "
        "there are 462, and it grows exponentially with the size."
    )


@exercise("10.4", "a function of `free`, `start`, `goal` and `drawn` that returns True or False")
def any_shortest(right) -> str:
    for free, graph in _mazes(6):
        paths = sorted(nx.all_shortest_paths(graph, *_CORNERS))
        longer = [p for p in itertools.islice(nx.all_simple_paths(graph, *_CORNERS), 300) if len(p) > len(paths[0])]
        cases = [(p[1:-1], True, "") for p in (paths[0], paths[-1])]
        cases.append((paths[0][1:-2], False, "a path with a gap before G was taken for right"))
        cases.append(([], False, "an empty drawing was taken for right"))
        shifted = [(r, 6 - c) for r, c in paths[0][1:-1]]
        cases.append((shifted, False, "cells that are as many as they should be, elsewhere, were taken for right"))
        if longer:
            cases.append((max(longer, key=len)[1:-1], False, "a way that is longer than need be was taken for right"))
        spare = [cell for cell in graph if cell not in paths[0]]
        if spare:
            cases.append(([*paths[0][1:-1], spare[-1]], False, "a path with a cell too many was taken for right"))
        wall = [tuple(c) for c in np.argwhere(~free)]
        straight = [(r, 0) for r in range(1, 6)] + [(5, c) for c in range(1, 6)]
        if any(cell in wall for cell in straight) and len(paths[0]) == len(straight) + 2:
            cases.append((straight, False, "a path through a wall was taken for right"))
        for cells, true, said in cases:
            drawn = torch.zeros(6, 7, dtype=torch.bool)
            for cell in cells:
                drawn[cell] = True
            found = call(right, torch.from_numpy(free), *_CORNERS, drawn)
            if isinstance(found, (torch.Tensor, np.ndarray, np.generic)):
                found = found.item() if np.ndim(found) == 0 else found
            if not isinstance(found, (bool, int)) or found not in (0, 1):
                raise Wrong("your function should return True or False.")
            if bool(found) != true:
                raise Wrong(said or "a shortest path was refused: there may be others beside the one that you found.")
    return (
        "This is the score to ask for: it takes every right answer and nothing else. By exact match with one label the "
        "perfect solver of this chapter gets 0 %."
    )
