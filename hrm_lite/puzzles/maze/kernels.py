"""Mazes, compiled: distances, shortest paths, and three ways to make a maze.

A maze is an array of (rows, columns) cells in reading order with a wall round it: `pad` columns of the flat array are
one wall wide, so that no step leaves the board and no edge has to be asked about. Functions that call each other stand
in this one file, and arrays are made outside of compiled code, both for numba (see `compiled`).
"""

from __future__ import annotations

import numpy as np

from hrm_lite.puzzles import stream
from hrm_lite.puzzles.compiled import below, jit, next_random

RANDOM, UNIQUE, TREE = 0, 1, 2
FAR = -1  # the distance of what cannot be reached


@jit
def _distances(wall, width, start, distance, queue):
    """Breadth first from `start`: steps to each cell, FAR where there is no way. How many cells were reached."""
    for cell in range(len(wall)):
        distance[cell] = FAR
    distance[start] = 0
    queue[0] = start
    head, tail = 0, 1
    while head < tail:
        cell = queue[head]
        head += 1
        for step in (-width, -1, 1, width):
            other = cell + step
            if not wall[other] and distance[other] == FAR:
                distance[other] = distance[cell] + 1
                queue[tail] = other
                tail += 1
    return tail


@jit
def _count_paths(wall, width, goal, distance, queue, reached, ways):
    """ways[cell]: shortest paths from the start, where `distance` is 0, to each cell of the `queue`, as a float."""
    ways[queue[0]] = 1.0
    for place in range(1, reached):
        cell = queue[place]
        ways[cell] = 0.0
        for step in (-width, -1, 1, width):
            other = cell + step
            if not wall[other] and distance[other] == distance[cell] - 1:
                ways[cell] += ways[other]
    return ways[goal]


@jit
def _draw_path(wall, width, goal, distance, ways, rng, path):
    """Mark one of the shortest paths in `path`, each equally likely, without its two ends."""
    cell = goal
    while distance[cell] > 1:
        left = ways[cell] * (next_random(rng) >> np.uint64(11)) * (1.0 / 9007199254740992.0)  # / 2^53
        chosen = 0
        for step in (-width, -1, 1, width):
            other = cell + step
            if not wall[other] and distance[other] == distance[cell] - 1:
                chosen = other
                left -= ways[other]
                if left < 0:
                    break
        cell = chosen
        path[cell] = 1


@jit
def _random_walls(wall, rows, columns, order, rng):
    """Walls on 30 to 50 % of the cells, any number in between equally likely, anywhere. How many cells are free."""
    cells = rows * columns
    low, high = (3 * cells + 9) // 10, cells // 2
    walls = low + below(rng, high - low + 1)
    for place in range(walls):  # the first of a random order, by Fisher and Yates; it need not begin in order
        other = place + below(rng, cells - place)
        order[place], order[other] = order[other], order[place]
    for place in range(cells):
        wall[(order[place] // columns + 1) * (columns + 2) + order[place] % columns + 1] = place < walls
    return cells - walls


@jit
def _farthest(wall, width, start, distance, queue):
    """The last cell that is reached from `start`, none is farther."""
    return queue[_distances(wall, width, start, distance, queue) - 1]


@jit
def _draw_ends(wall, width, free, low, high, rng, distance, queue, ends):
    """A start and a goal that are low to high steps apart, each such pair equally likely; False if there is none.

    Nearly all boards have none when `low` is long. Two sweeps tell: the way from the cell that is farthest from some
    cell to the one farthest from that is, but for rare boards, the longest that this part of the board has.
    """
    one = 0
    chosen = 1 + below(rng, free)
    for cell in range(len(wall)):
        if not wall[cell]:
            one += 1
            if one == chosen:
                far = _farthest(wall, width, cell, distance, queue)
                if distance[_farthest(wall, width, far, distance, queue)] < low:
                    return False
                break
    total = 0
    for cell in range(len(wall)):
        if wall[cell]:
            continue
        first = _distances(wall, width, cell, distance, queue)
        last = first
        while first and distance[queue[first - 1]] >= low:  # the queue is sorted by distance
            first -= 1
            if distance[queue[first]] > high:
                last = first
        total += last - first
        if last > first and below(rng, total) < last - first:
            ends[0], ends[1] = cell, queue[first + below(rng, last - first)]
    return total > 0


@jit
def _tree(wall, rows, columns, order, stack, rng):
    """Corridors without a loop, by a random walk that backs out of dead ends. How many cells are free.

    Rooms are the cells of even row and even column, counted from 0, and a corridor joins them as a tree: between any
    two cells there is one way.
    """
    width = columns + 2
    for cell in range(len(wall)):
        wall[cell] = 1
    free, depth = 0, 0
    stack[0] = (1 + 2 * below(rng, (rows + 1) // 2)) * width + 1 + 2 * below(rng, (columns + 1) // 2)
    wall[stack[0]] = 0
    order[0] = stack[0]
    free = 1
    while depth >= 0:
        cell = stack[depth]
        chosen, ties = 0, 0
        for step in (-width, -1, 1, width):
            row, column = (cell + 2 * step) // width, (cell + 2 * step) % width
            # A jump of two columns cannot leave its row unseen: the border is one cell wide and rooms are odd here.
            if 1 <= row <= rows and 1 <= column <= columns and wall[cell + 2 * step]:
                ties += 1
                if below(rng, ties) == 0:
                    chosen = step
        if ties == 0:
            depth -= 1
            continue
        for hop in (1, 2):
            wall[cell + hop * chosen] = 0
            order[free] = cell + hop * chosen
            free += 1
        depth += 1
        stack[depth] = cell + 2 * chosen
    return free


@jit
def _generate_all(kind, low, high, rows, columns, seed, tries, work, questions, answers, lengths):
    """Fill questions and answers (n, rows * columns) with codes 0 free, 1 wall, 2 start, 3 goal, 4 path.

    Returns how many were made: fewer than n if one of them used up its tries.
    """
    wall, order, stack, distance, back, queue, ways, path, rng, ends = work
    width = columns + 2
    one = np.int64(1)
    for index in range(len(questions)):
        rng[0] = seed + np.uint64(index)
        rng[0] = next_random(rng)  # neighbouring numbers must not give neighbouring streams
        found = False
        for cell in range(rows * columns):
            order[cell] = cell
        for _ in range(tries):
            if kind == TREE:
                free = _tree(wall, rows, columns, order, stack, rng)
            else:
                free = _random_walls(wall, rows, columns, order, rng)
            if free > 1 and _draw_ends(wall, width, free, low, high, rng, distance, queue, ends):
                found = True
                break
        if not found:
            return index
        start, goal = ends[0], ends[1]
        reached = _distances(wall, width, start, distance, queue)
        length = distance[goal]
        for cell in range(len(wall)):
            path[cell] = 0
        _count_paths(wall, width, goal, distance, queue, reached, ways)
        _draw_path(wall, width, goal, distance, ways, rng, path)
        if kind == UNIQUE:  # a wall on every cell of every other shortest path leaves this one, and its length
            _distances(wall, width, goal, back, queue)
            for cell in range(len(wall)):
                if distance[cell] > 0 and back[cell] > 0 and distance[cell] + back[cell] == length and not path[cell]:
                    wall[cell] = one
        for row in range(rows):
            for column in range(columns):
                cell, place = (row + 1) * width + column + 1, row * columns + column
                code = 2 if cell == start else 3 if cell == goal else wall[cell]
                questions[index, place] = code
                answers[index, place] = 4 if path[cell] else code
        lengths[index] = length
    return len(questions)


@jit
def _measure_all(questions, columns, work, lengths, counts):
    """The length of the shortest path of each maze, FAR where there is none, and how many such paths there are."""
    wall, _, _, distance, _, queue, ways, _, _, _ = work
    width = columns + 2
    for index in range(len(questions)):
        start, goal = 0, 0
        for place in range(questions.shape[1]):
            cell = (place // columns + 1) * width + place % columns + 1
            wall[cell] = questions[index, place] == 1
            if questions[index, place] == 2:
                start = cell
            elif questions[index, place] == 3:
                goal = cell
        reached = _distances(wall, width, start, distance, queue)
        lengths[index] = distance[goal]
        counts[index] = 0.0
        if distance[goal] != FAR:
            counts[index] = _count_paths(wall, width, goal, distance, queue, reached, ways)


def _workspace(rows: int, columns: int) -> tuple[np.ndarray, ...]:
    cells, padded = rows * columns, (rows + 2) * (columns + 2)
    whole = [np.ones(padded, np.int64), np.zeros(cells, np.int64)]
    whole += [np.zeros(padded, np.int64) for _ in range(4)]
    return (*whole, np.zeros(padded), np.zeros(padded, np.int64), np.zeros(1, np.uint64), np.zeros(2, np.int64))


def generate_many(
    kind: int, low: int, high: int, rows: int, columns: int, seed: int, start: int, count: int, tries: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make the mazes number start to start + count - 1 of the endless stream `seed`.

    low, high: how many steps the shortest path may have. Returns questions and answers (n, cells) uint8 of codes and
    the lengths (n,); n < count where one maze used up its tries.
    """
    questions = np.zeros((count, rows * columns), np.uint8)
    answers, lengths = np.zeros_like(questions), np.zeros(count, np.int64)
    key = np.uint64((stream.start(seed) + start) % 2**64)
    work = _workspace(rows, columns)
    made = _generate_all(kind, low, high, rows, columns, key, tries, work, questions, answers, lengths)
    return questions[:made], answers[:made], lengths[:made]


def measure_many(questions: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, cells) -> steps of the shortest path (n,), -1 without one, and how many such paths (n,) float."""
    lengths, counts = np.zeros(len(questions), np.int64), np.zeros(len(questions))
    _measure_all(np.ascontiguousarray(questions), columns, _workspace(rows, columns), lengths, counts)
    return lengths, counts
