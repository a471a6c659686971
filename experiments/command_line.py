"""What the scripts of this folder share: one thread, options of one kind, and records that are kept as they come."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch reads it: one thread gives the same bits each time

import argparse
from collections.abc import Iterable
from pathlib import Path

import torch

from hrm_lite.records import write_json

RESULTS = Path(__file__).resolve().parent.parent / "results"


def options(
    doc: str, name: str, seeds: int | None, steps: int | None = None, **choices: Iterable
) -> argparse.ArgumentParser:
    """The options of a script, for `read`; a script may add its own.

    doc: its docstring. name: where its records go, under results/. seeds: how many, from 0 (None: each experiment has
    its own number). steps: of the optimizer (None: no such option). choices: an option for each, which takes some of
    these values; the default is all of them.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = None if seeds is None else list(range(seeds))
    parser.add_argument("--seeds", type=int, nargs="+", default=default, metavar="SEED")
    for option, values in choices.items():
        values = list(values)
        parser.add_argument(f"--{option}", nargs="+", type=type(values[0]), choices=values, default=values)
    if steps is not None:
        parser.add_argument("--steps", type=int, default=steps, help="of the optimizer")
    parser.add_argument("--to", type=Path, default=RESULTS / name, help="the folder for the records")
    return parser


def read(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What was asked for on the command line; the folder ``to`` exists then, and torch computes in one thread."""
    torch.set_num_threads(1)
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    return given


def keep(record: dict, path: Path, says: str) -> None:
    """Write the record of a run, and say in a line how it went."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, record)
    print(says, flush=True)


def digits(value) -> float:
    """Four digits of a number: more than the seeds agree on."""
    return float(f"{float(value):.4g}")


def rounded(values) -> list:
    """The same of all numbers in nested lists, or of a tensor, as lists."""
    values = values.tolist() if isinstance(values, torch.Tensor) else values
    return [rounded(v) if isinstance(v, list) else digits(v) for v in values]
