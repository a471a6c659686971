"""The project of assignment 6: settings in, time to the goal out, by a clock that is the same on every machine.

Real seconds would favour fast machines, and change from run to run. So a training step has a *price* in seconds, a
formula fitted to what steps took on one core, and the same settings take the same time wherever they are trained, up
to rounding. The time to a goal, and not the accuracy at an end: whole puzzles come all at once, so at a fixed end one
seed has everything and the next one nothing.
"""

from __future__ import annotations

import contextlib
import functools
import json

import torch

from ...config import HRMConfig, TrainConfig
from ...model import HRM
from ...presets import model_preset, train_preset
from ...puzzles import sudoku
from ...training import Trainer
from ..base import Wrong, _shown

__all__ = ["BUDGET", "GOAL", "PUZZLES", "price", "run", "steps_for", "understood"]

BUDGET = 12.0
"""Seconds, as `price` counts them, after which a training ends that has not got there."""
GOAL = 0.9
"""The share of unseen puzzles to be solved."""
PUZZLES = "generated:4x4:7-10"
"""What is trained on (2,000 puzzles of its "train" side) and tested with (its "test" side)."""
SEGMENTS, EVERY = 4, 20
"""Of a test; and after how many training steps there is one."""

_MODEL = {  # what may be chosen, and from where to where
    "d_model": (8, 128),
    "n_heads": (1, 16),
    "worker_layers": (1, 4),
    "controller_layers": (1, 4),
    "cycles": (1, 6),
    "steps": (1, 6),
    "expansion": (1.0, 8.0),
    "positions": None,
    "share_modules": None,
    "controller_sees_input": None,
    "gradient": None,
    "puzzle_positions": (1, 8),
}
_TRAINING = {
    "batch_size": (4, 512),
    "max_segments": (1, 16),
    "exploration": (0.0, 1.0),
    "continue_loss": None,
    "output_loss": None,
    "optimizer": None,
    "lr": (1e-6, 1.0),
    "warmup_steps": (0, 2000),
    "lr_floor": (0.0, 1.0),
    "weight_decay": (0.0, 10.0),
    "grad_clip": (0.0, 100.0),
    "ema": (0.0, 0.9999),
    "augment": None,
}


def understood(settings) -> tuple[HRMConfig, TrainConfig]:
    """The two configurations that a pair of dictionaries stands for. Raises Wrong with what is the matter.

    What is not named is as in the presets "sudoku-4x4". ``mixer`` is not free: an MLP over the positions, TRM's idea,
    solves nearly all of these puzzles at once, and leaves nothing to find out.
    """
    if not isinstance(settings, (tuple, list)) or len(settings) != 2 or not all(type(s) is dict for s in settings):
        raise Wrong("configure should return two dictionaries: settings of the model, and settings of the training.")
    for given, known, what in zip(settings, (_MODEL, _TRAINING), ("model", "training"), strict=True):
        for name, value in given.items():
            if name not in known:
                raise Wrong(
                    f"{_shown(name)} is no setting of the {what} that is free here. There are "
                    f"{', '.join(sorted(known))}."
                )
            if type(value) not in (int, float, bool, str):
                raise Wrong(f"{name} should be a number, True, False or a text, and is {_shown(value)}.")
            if known[name] and not (
                type(value) is not bool and type(value) is not str and known[name][0] <= value <= known[name][1]
            ):
                raise Wrong(
                    f"{name} should lie between {known[name][0]:g} and {known[name][1]:g}, and is {_shown(value)}."
                )
    model, training = settings
    grid = (4, 4, 2, 2) if model.get("positions", "grid") == "grid" else ()
    try:
        config = model_preset("sudoku-4x4", **({"grid": grid} | model))
        taught = train_preset("sudoku-4x4", **training)
    except (ValueError, TypeError) as error:
        raise Wrong(f"these settings cannot be built: {error}") from error
    return config, taught


def price(config: HRMConfig, taught: TrainConfig) -> float:
    """Seconds for one training step: 3 ms, 37 ns a number that passes through a block, and 46 ns a weight.

    A block is passed once forwards; where the gradient sees it, the way back counts twice. The numbers were fitted to
    what eleven settings took on one core of a Xeon, most of them within a quarter.
    """
    worker, controller = (
        config.worker_layers,
        config.worker_layers if config.share_modules else config.controller_layers,
    )
    forwards = config.cycles * (config.steps * worker + controller)
    last = config.steps * worker + controller
    seen = {"one_step": worker + controller, "last_cycle": last, "full": forwards}[config.gradient]
    passes = forwards * (1 + taught.continue_loss) + 2 * seen
    numbers = taught.batch_size * config.positions_total * config.d_model
    blocks = worker + (0 if config.share_modules else controller)
    weights = blocks * config.d_model * (4 * config.d_model + 3 * config.inner_width(config.d_model))
    return 3e-3 + 37e-9 * passes * numbers + 46e-9 * weights


def steps_for(config: HRMConfig, taught: TrainConfig, budget: float = BUDGET) -> int:
    """How many training steps the budget buys."""
    return int(budget / price(config, taught))


def run(settings, seed: int = 0, test_seed: int = 0, budget: float = BUDGET) -> dict:
    """Train with the settings until 90 % of unseen puzzles are solved, or the budget is used up.

    ``settings``: what `configure` returns. ``seed``: of the weights and of the training. ``test_seed``: other puzzles
    to test with; none of them is a symmetry of one that was trained on. Every 20 steps 200 of them are tried, in 4
    segments. Returns seconds (price of the steps that it took, ``budget`` where it did not get there), reached, steps,
    exact (share of puzzles solved at the end) and parameters.
    """
    config, taught = understood(settings)
    key = json.dumps([config.to_dict(), taught.to_dict()], sort_keys=True)
    return dict(_run(key, seed, test_seed, budget))


@functools.lru_cache(maxsize=64)
def _run(key: str, seed: int, test_seed: int, budget: float) -> dict:
    one, two = json.loads(key)
    config, taught = HRMConfig.from_dict(one), TrainConfig.from_dict(two)
    most = max(EVERY, steps_for(config, taught, budget) // EVERY * EVERY)
    settings = taught.replace(
        max_steps=most,
        eval_every=EVERY,
        eval_segments=SEGMENTS,
        stop_at=GOAL,
        seed=seed,
        nonfinite="skip",
        precision="float32",
    )
    held_out = _puzzles("test", 200, test_seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = HRM(config)
        trainer = Trainer(model, _puzzles("train", 2_000, 0), settings, held_out=held_out, progress=False)
        with contextlib.suppress(FloatingPointError):  # settings with which the numbers break down do not get there
            trainer.fit()
    record = trainer.record()
    exact = next((one["exact"][-1] for one in reversed(record["history"]) if "exact" in one), 0.0)
    seconds = min(budget, record["steps"] * price(config, taught)) if exact >= GOAL else budget
    return {
        "seconds": seconds,
        "reached": exact >= GOAL,
        "steps": record["steps"],
        "exact": exact,
        "parameters": model.count_parameters(),
    }


@functools.lru_cache(maxsize=8)
def _puzzles(split: str, limit: int, seed: int):
    return sudoku.load(PUZZLES, split, limit=limit, seed=seed)
