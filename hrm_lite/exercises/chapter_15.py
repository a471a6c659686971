"""Checks of chapter 15, full scale. They read the same run records as the chapter."""

from __future__ import annotations

import statistics

import torch

from ..model import HRM
from ..presets import model_preset
from ..records import catalogue
from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


def _segment() -> float:
    """GFLOP of one segment of `compact` and one puzzle, counted by hand from its matrices."""
    c = model_preset("compact")
    with torch.device("meta"):
        model = HRM(c)
    once = 0
    for block in model.worker.blocks:
        for name, weight in block.named_parameters():
            if weight.dim() == 2:  # applied to every position, or (mixing positions) to every channel
                rows = c.d_model if weight.shape[1] == c.positions_total or "mixer" in name else c.positions_total
                once += 2 * weight.numel() * rows
    return once * len(model.schedule()) / 1e9


@exercise("15.1", "a number of GFLOP")
def with_halting(answer) -> str:
    found = number(answer, "the cost", 0)
    (record,) = catalogue("sudoku/9x9-compact/seed0.json").values()
    one, used = _segment(), record["halting"]["segments"]

    def near(value: float) -> bool:  # embeddings, the output and Q are a few per cent, counted or not
        return abs(found / value - 1) < 0.06

    if near(used * one):
        return (
            f"{used:.2f} segments on average in place of 64, and {record['halting']['exact']:.1%} exact in place of "
            f"{record['exact'][63]:.1%}: nearly everything, for {64 / used:.0f} times less arithmetic. The margin was "
            "chosen on other puzzles, so this is no choice after the fact."
        )
    if near(64 * one):
        raise Wrong("that is the price of all 64 segments. The record's `halting` says how many it uses when it stops.")
    if near(16 * one):
        raise Wrong("that is the price of 16 segments. With halting it uses fewer: see `halting` in the record.")
    if near(one):
        raise Wrong("that is one segment. How many does a puzzle take on average?")
    if near(used):
        raise Wrong("that is a number of segments. What does a segment of `compact` cost?")
    if found > 1e6:
        raise Wrong(f"{found:g} looks like a number in FLOP: a GFLOP is 10⁹ of them.")
    raise Wrong(f"a segment costs about {one:.2f} GFLOP, so this would be {found / one:.1f} segments. Is it?")


_CASES = (  # right, of, and the ends by Wilson's and by Clopper and Pearson's interval
    (997, 1000, (0.9912, 0.9990), (0.9913, 0.9994)),
    (13, 20, (0.4329, 0.8188), (0.4078, 0.8461)),
    (0, 30, (0.0, 0.1135), (0.0, 0.1157)),
)


@exercise("15.2", "a function of two whole numbers, right and n, that returns the two ends of an interval")
def interval(ends) -> str:
    for right, n, *known in _CASES:
        low, high = tensor(call(ends, right, n), "what your function returns", (2,)).tolist()
        p = right / n
        deviation = (p * (1 - p) / n) ** 0.5
        if all(
            min(k[i] for k in known) - 0.003 <= end <= max(k[i] for k in known) + 0.003
            for i, end in enumerate((low, high))
        ) and low <= high:
            continue
        if high > 1.5:
            raise Wrong("hand over shares between 0 and 1, not per cent.")
        if abs(high - p - deviation) < 1e-3 and deviation:
            raise Wrong("one deviation to each side covers 68 %: a 95 % interval is 1.96 times as wide.")
        if abs(high - low - 2 * 1.96 * deviation) < 1e-3:
            raise Wrong(
                f"p ± 1.96 deviations fails near the ends: for {right} of {n} it gives {low:.3f} to {high:.3f}. Ask "
                "instead which true rates p would make a result this far away unlikely."
            )
        if high - low > 0.45 and n > 20:
            raise Wrong(f"for {right} of {n} it is {low:.2f} to {high:.2f}: the width should fall with √n.")
        raise Wrong(f"for {right} of {n} it is {low:.4f} to {high:.4f}, and a 95 % interval is not.")
    return (
        "997 of 1,000 is 99.1 to 99.9 %. It covers the choice of the test puzzles, and not the seed of the training: "
        "that takes more runs."
    )


def _reached(mode: str, updates: int) -> float:
    runs = [r for r in catalogue("gradients/attention_4_*_seed*.json").values() if r["gradient"] == mode]
    return statistics.median(
        [h["exact"] for h in r["held_out_accuracy"] if h["step"] <= updates][-1] for r in runs
    )  # fmt: skip


@exercise("15.3", "a ratio of seconds, one number")
def break_even(answer) -> str:
    found = number(answer, "the ratio", 0)
    (times,) = catalogue("gradients/attention_4_times.json").values()
    price = {mode: statistics.median(s) for mode, s in times["seconds_per_update"].items()}
    goal = _reached("one_step", 270)
    steps = {m: next(n for n in range(25, 451, 25) if _reached(m, n) >= goal) for m in ("last_cycle", "full")}
    ratio = {m: n * price[m] / (270 * price["one_step"]) for m, n in steps.items()}

    def near(value: float) -> bool:
        return abs(found / value - 1) < 0.04 if value else False

    if near(ratio["full"]):
        return (
            f"{steps['full']} updates in place of 270, and {ratio['full']:.2f} times the seconds. Fewer updates are "
            "not less time; and both numbers belong to 4×4 puzzles, N = T = 4 and this implementation."
        )
    if near(steps["full"]):
        raise Wrong("that is the number of updates. How many seconds do they take, in units of the one-step run?")
    if near(steps["full"] / 270):
        raise Wrong("that is a ratio of updates. An update of the full gradient takes longer: see `seconds`.")
    if near(price["full"] / price["one_step"]):
        raise Wrong("that is the price of one update. How many updates does it need?")
    if near(ratio["last_cycle"]):
        raise Wrong("that is the last cycle's gradient. The question is about the full one.")
    if near(1 / ratio["full"]):
        raise Wrong("the other way round: the seconds of the full gradient over those of the one-step run.")
    raise Wrong(
        f"the middle seed of the one-step gradient has {goal:.0%} after 270 updates. Find the first evaluation at "
        "which the full gradient's middle seed has as much, and turn its updates into seconds."
    )
