"""How fast the Sudoku tools are on one core, and how well `rate` agrees with published ratings.

    python benchmarks/sudoku.py                      a table of speeds
    python benchmarks/sudoku.py --json speeds.json   ... and the same as JSON
    python benchmarks/sudoku.py --ratings FOLDER     ... and the ratings of FOLDER/train.csv and test.csv

Speeds count the processor's time, so that other programs on the machine change them little, and leave out
what the first call compiles; that has a row of its own (near 0 s once it is cached).
"""

# ruff: noqa: E402
from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy, torch and numba read them

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch

from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.sudoku import search
from hrm_lite.puzzles.sudoku.canonical_form import canonical_many
from hrm_lite.puzzles.sudoku.grid import BOARDS
from hrm_lite.puzzles.sudoku.sets import search_many


def per_second(work, count: int, repeats: int = 3) -> float:
    """How many of `count` things `work()` does in a second of one core, best of `repeats`."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return count / best


def spearman(left: np.ndarray, right: np.ndarray) -> float:
    """Rank correlation; ties share the mean of their ranks."""
    def ranks(values):
        _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        return (np.cumsum(counts) - (counts - 1) / 2)[inverse]

    return float(np.corrcoef(ranks(left), ranks(right))[0, 1])


def compile_seconds() -> float:
    start = time.perf_counter()
    puzzle = sudoku.generate("9x9", "minimal", 1)
    sudoku.canonical(puzzle.questions()[0])
    return time.perf_counter() - start


def speeds() -> dict[str, float]:
    table = {}
    for size, difficulty, count in (("4x4", "4-6", 20_000), ("6x6", "10-14", 3_000), ("6x6", "hard", 3_000),
                                    ("9x9", "45-55", 1_000), ("9x9", "30-40", 1_000), ("9x9", "minimal", 500)):
        def make(size=size, difficulty=difficulty, count=count):
            return sudoku.generate(size, difficulty, count)

        table[f"generate {size} {difficulty}"] = per_second(make, count)
        puzzles = make()
        digits, answers = puzzles.inputs - 1, puzzles.labels - 1
        table[f"solve and prove {size} {difficulty}"] = per_second(
            lambda b=puzzles.board, d=digits: search_many(b, d, 2), count)
        table[f"canonical {size} {difficulty}"] = per_second(
            lambda b=puzzles.board, d=digits, a=answers: canonical_many(b, d, a), count)
    table["rate 9x9 minimal, a set"] = per_second(puzzles.rated, count)
    questions = puzzles.questions()
    table["rate 9x9 minimal, one by one"] = per_second(lambda: [sudoku.rate(text) for text in questions], count)
    for size in ("4x4", "9x9"):
        puzzles = sudoku.generate(size, "medium", 1_000)
        for kind in (torch.uint8, torch.int64):
            inputs, labels = (torch.tensor(tokens, dtype=kind).repeat(8, 1)
                              for tokens in (puzzles.inputs, puzzles.labels))
            generator = torch.Generator().manual_seed(0)
            name = str(kind).removeprefix("torch.")
            table[f"augment {size} boards of {name}"] = per_second(
                lambda p=puzzles, i=inputs, t=labels, g=generator: p.augment(i, t, g), len(inputs), 10)
        table[f"check {size}"] = per_second(
            lambda p=puzzles, i=inputs, t=labels: p.check(i, t), len(inputs), 10)
    return table


def hard_puzzles(count: int = 50) -> dict[str, float]:
    """Puzzles that the search for hard ones makes in a second of one core, without the cache, and their ratings."""
    search.climb(0, "train", 0, 1, 1)  # compiles
    result = {}
    for split in ("train", "test"):
        start = time.process_time()
        questions, _ = search.climb(0, split, 0, count)
        result[f"{split}, per second"] = count / (time.process_time() - start)
        ratings = search_many(BOARDS["9x9"], questions, 1)[1]
        result[f"{split}, mean rating"] = float(ratings.mean())
        result[f"{split}, median rating"] = float(np.median(ratings))
    return result


def ratings(folder: Path) -> dict[str, float]:
    """Agreement with the rating column over all puzzles of the folder, and the speed of rating them."""
    published = [sudoku.read_csv(folder / f"{split}.csv") for split in ("train", "test")]
    theirs = np.concatenate([puzzles.ratings for puzzles in published])
    ours = np.concatenate([puzzles.rated().ratings for puzzles in published])
    speed = per_second(lambda: [puzzles.rated() for puzzles in published], len(ours))
    questions = [text for puzzles in published for text in puzzles.questions()]
    single = per_second(lambda: [sudoku.rate(text) for text in questions], len(ours))
    return {"puzzles": len(ours), "spearman": spearman(ours, theirs), "equal": float((ours == theirs).mean()),
            "mean published": float(theirs.mean()), "mean here": float(ours.mean()), "per second, as sets": speed,
            "per second, one by one": single}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers to this file as well")
    parser.add_argument("--ratings", type=Path, help="a folder with train.csv and test.csv with ratings")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = {"machine": platform.processor() or platform.machine(), "python": platform.python_version(),
              "compile seconds": compile_seconds(), "per second": speeds(), "hard 9x9": hard_puzzles()}
    print(f"{'first calls (compiling)':36}{result['compile seconds']:14.1f} s")
    for name, value in result["per second"].items():
        print(f"{name:36}{value:14,.0f} /s")
    for name, value in result["hard 9x9"].items():
        print(f"hard 9x9: {name:26}{value:14,.2f}")
    if arguments.ratings:
        result["ratings"] = ratings(arguments.ratings)
        for name, value in result["ratings"].items():
            print(f"ratings: {name:27}{value:14,.4f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
