"""The endless lists of hard 9x9 puzzles: made in chunks by several threads, kept on disk.

One list for each seed and split. Together they are a third: "all" takes every fifth puzzle from "test" and
the others from "train". Making a puzzle takes a good part of a second, so every chunk is written to the
cache as soon as it is there, and an interrupted run goes on where it was.
"""

from __future__ import annotations

import concurrent.futures
import os

import numpy as np
from tqdm.auto import tqdm

from hrm_lite.puzzles import store
from hrm_lite.puzzles.splits import TEST_SHARE, first_of_each
from hrm_lite.puzzles.sudoku.grid import BOARDS

CHUNK = 50  # puzzles; about ten seconds of one core


def hard_puzzles(
    count: int, seed: int, split: str, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first `count` puzzles of a list: questions and answers (count, 81) uint8, ratings (count,).

    No two of them are equivalent. The number of threads (None: all cores) and what is in the cache already
    make no difference to the puzzles.
    """
    if split != "all":
        return _one_list(count, seed, split, threads)
    test = np.arange(count) % TEST_SHARE == 0
    columns = _one_list(int(test.sum()), seed, "test", threads)
    if not test.all():
        train = _one_list(count - int(test.sum()), seed, "train", threads)
        order = np.argsort(np.argsort(~test, kind="stable"))  # place of each in test, then train
        columns = tuple(np.concatenate(pair)[order] for pair in zip(columns, train, strict=True))
    return columns


def _one_list(count: int, seed: int, split: str, threads: int | None):
    chunks: list[dict[str, np.ndarray]] = []
    fresh = np.zeros(0, bool)
    while fresh.sum() < count:  # twice only if two puzzles were equivalent, which has not been seen yet
        missing = -(-(count - int(fresh.sum())) // CHUNK)
        chunks += _chunks(range(len(chunks), len(chunks) + missing), seed, split, threads)
        fresh = first_of_each(np.concatenate([chunk["canonical"] for chunk in chunks]), set())
    return tuple(np.concatenate([chunk[name] for chunk in chunks])[fresh][:count]
                 for name in ("questions", "answers", "ratings"))


def _chunks(numbers: range, seed: int, split: str, threads: int | None) -> list[dict[str, np.ndarray]]:
    with (
        concurrent.futures.ThreadPoolExecutor(threads or _cores()) as pool,
        tqdm(total=len(numbers) * CHUNK, desc=f"hard puzzles ({split})", unit="puzzle", delay=1, leave=False,
             disable=os.environ.get("TQDM_DISABLE", "0") not in ("", "0")) as bar,
    ):
        work = [pool.submit(_chunk, number, seed, split) for number in numbers]
        try:
            for _ in concurrent.futures.as_completed(work):
                bar.update(CHUNK)
            return [each.result() for each in work]
        except BaseException:  # Ctrl-C too: the chunks in hand are finished and kept, no other is begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _chunk(number: int, seed: int, split: str) -> dict[str, np.ndarray]:
    from hrm_lite.puzzles.sudoku import canonical_form, rating, search  # compiled: loaded on first use

    def make() -> dict[str, np.ndarray]:
        questions, answers = search.climb(seed, split, number * CHUNK, CHUNK)
        return {"questions": questions, "answers": answers,
                "canonical": canonical_form.canonical_many(BOARDS["9x9"], questions, answers),
                "ratings": rating.search_many(questions, 1)[1].astype(np.int32)}

    key = {"what": "hard 9x9 Sudoku", "version": search.VERSION, "moves": search.MOVES,
           "seed": seed, "split": split, "chunk": number, "size": CHUNK}
    # Copies: a mapped array keeps its file open, and a long list has more chunks than a process may have files.
    return {name: np.array(array) for name, array in store.cached(key, make).items()}


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
