"""What the puzzle sets cost and hold: seconds and bytes to load each, how fast puzzles are made, shown and checked.

    python benchmarks/puzzles.py                       a table; the real data sets of the Hub are left out
    python benchmarks/puzzles.py --json FILE           ... and the same as JSON
    python benchmarks/puzzles.py --hub                 ... with the two data sets of the Hub (needs a network)
    python benchmarks/puzzles.py --csv FOLDER          ... with a folder of Sudoku in CSV files

One core. Speeds count the processor's time, so that other programs on the machine change them little; the first call,
which compiles, is left out. `benchmarks/sudoku.py` measures Sudoku more closely.
"""

# ruff: noqa: E402
from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy, torch and numba read them

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from hrm_lite.puzzles import arc, depth, maze, sudoku
from hrm_lite.puzzles.base import PuzzleSet
from hrm_lite.records import provenance


def seconds(work, repeats: int = 3) -> float:
    """Processor seconds of ``work()``, the least of some."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def held(puzzles: PuzzleSet) -> int:
    """Bytes of a set's arrays."""
    return sum(array.nbytes for array in (puzzles.inputs, puzzles.labels, puzzles.puzzle_ids))


def loading(folder: str | None, hub: bool) -> dict[str, dict]:
    """Every source once: puzzles, bytes, seconds."""
    sources = {
        "sudoku generated:4x4:4-6, train": lambda: sudoku.load("generated:4x4:4-6", "train", 10_000),
        "sudoku generated:9x9:medium, train": lambda: sudoku.load("generated:9x9:medium", "train", 1_000),
        "maze generated:9x9:random, train": lambda: maze.load("generated:9x9:random", "train", 1_000),
        "maze generated:9x9:random, all": lambda: maze.load("generated:9x9:random", "all", 1_000),
        "maze generated:30x30:hard, train": lambda: maze.load("generated:30x30:hard", "train", 1_000),
        "maze generated:30x30:hard, test": lambda: maze.load("generated:30x30:hard", "test", 200),
        "depth parity:32, train": lambda: depth.load("parity:32", "train", 10_000),
        "arc-agi-1, train": lambda: arc.load("arc-agi-1", "train"),
        "arc-agi-1, test": lambda: arc.load("arc-agi-1", "test"),
        "arc-agi-2, train": lambda: arc.load("arc-agi-2", "train"),
        "arc-agi-2, test": lambda: arc.load("arc-agi-2", "test"),
    }
    if folder:
        sources |= {f"sudoku CSV, {half}": lambda half=half: sudoku.load(folder, half) for half in ("train", "test")}
    if hub:
        sources |= {
            "sudoku-extreme, 1,000 of train": lambda: sudoku.load("hub:sapientinc/sudoku-extreme", "train", 1_000),
            "sudoku-extreme, test": lambda: sudoku.load("hub:sapientinc/sudoku-extreme", "test"),
            "maze-30x30-hard-1k, train": lambda: maze.load("hub:sapientinc/maze-30x30-hard-1k", "train"),
        }
    maze.generate("9x9", "random", 1)
    sudoku.canonical(sudoku.generate("9x9", "medium", 1).questions()[0])  # compiles what the others use
    table = {}
    for name, load in sources.items():
        start = time.process_time()
        puzzles = load()
        table[name] = {"seconds": time.process_time() - start, "puzzles": len(puzzles), "bytes": held(puzzles),
                       "identifiers": puzzles.identifiers}
    return table


def speeds() -> dict[str, float]:
    """How many a second, on one core."""
    table = {}
    for size, kind, count in (("9x9", "random", 2_000), ("9x9", "unique", 2_000), ("9x9", "tree", 2_000),
                              ("30x30", "random", 200), ("30x30", "hard", 200), ("30x30", "unique:111-", 200)):
        table[f"make mazes {size} {kind}"] = count / seconds(
            lambda s=size, k=kind, c=count: maze.generate(s, k, c, seed=1), 2)
    generator = torch.Generator().manual_seed(0)
    boards, hard = sudoku.generate("9x9", "medium", 1_000), maze.generate("30x30", "hard", 256)
    for name, puzzles, repeats in (("sudoku 9x9", boards, 8), ("mazes 30x30", hard, 4),
                                   ("arc-agi-1 pairs", arc.load("arc-agi-1", "train")[:768], 1)):
        inputs, labels = (torch.tensor(t).repeat(repeats, 1) for t in (puzzles.inputs, puzzles.labels))
        ids = torch.tensor(puzzles.puzzle_ids).long().repeat(repeats)
        if isinstance(puzzles, maze.MazeSet):
            puzzles = maze.MazeSet(**{**vars(puzzles), "dihedral": True})
        table[f"augment {name}"] = len(inputs) / seconds(
            lambda p=puzzles, x=inputs, y=labels, i=ids: p.present(x, y, i, generator), 10)
        if name != "arc-agi-1 pairs":
            table[f"check {name}"] = len(inputs) / seconds(lambda p=puzzles, x=inputs, y=labels: p.check(x, y))
    return table


def arc_facts() -> dict[str, dict]:
    """What the two versions hold, and what guesses that need no network are worth."""
    table = {}
    for source in ("arc-agi-1", "arc-agi-2"):
        training, evaluation = arc.read(source)
        oracle = {task.name: [[answer] for _, answer in task.test] for task in evaluation}
        same = {task.name: [[question] for question, _ in task.test] for task in evaluation}
        table[source] = {
            "training tasks": len(training), "evaluation tasks": len(evaluation),
            "evaluation test inputs": sum(len(task.test) for task in evaluation),
            "pass@2 of the right answers": arc.score(evaluation, oracle).tasks,
            "pass@2 of the question itself": arc.score(evaluation, same).tasks,
        }
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers to this file as well")
    parser.add_argument("--csv", help="a folder with train.csv and test.csv of Sudoku")
    parser.add_argument("--hub", action="store_true", help="load the data sets of the Hub as well")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = {"load": loading(arguments.csv, arguments.hub), "per second": speeds(), "arc": arc_facts(),
              "provenance": provenance()}
    for name, row in result["load"].items():
        print(f"{name:36}{row['seconds']:8.2f} s {row['puzzles']:10,} puzzles {row['bytes'] / 1e6:9.2f} MB "
              f"{row['identifiers']:9,} identifiers")
    for name, value in result["per second"].items():
        print(f"{name:36}{value:14,.0f} /s")
    for source, facts in result["arc"].items():
        print(source, ", ".join(f"{name} {np.round(value, 4):g}" for name, value in facts.items()))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
