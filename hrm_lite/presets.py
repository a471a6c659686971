"""The settings that the book and its notebooks use, by name."""

from __future__ import annotations

from .config import HRMConfig, TrainConfig

__all__ = ["model_preset", "preset_names", "train_preset"]

_SMALL_SUDOKU = dict(d_model=64, n_heads=4, worker_layers=1, controller_layers=1, inner_multiple=8, puzzles=1)
# What TRM (arXiv 2510.04871) found to matter: one network of two layers for both parts, the gradient of a whole cycle.
_ONE_NETWORK = dict(
    worker_layers=2, controller_layers=2, share_modules=True, gradient="last_cycle", positions="none", puzzles=1
)
_MODELS = {
    # The published Sudoku-Extreme configuration: vocabulary of 11 tokens, one puzzle identifier.
    "paper": dict(vocab_size=11, seq_len=81, puzzles=1),
    # As the paper in all but size and positions: two modules, attention, N = T = 2, one-step gradient.
    "sudoku-4x4": _SMALL_SUDOKU | dict(vocab_size=6, seq_len=16, positions="grid", grid=(4, 4, 2, 2)),
    # The same with an MLP over the positions in place of attention (TRM's idea): learns several times faster.
    "sudoku-4x4-mlp": _SMALL_SUDOKU
    | dict(vocab_size=6, seq_len=16, positions="grid", grid=(4, 4, 2, 2), mixer="mlp", gradient="last_cycle"),
    # At most 8 million weights, put together from what others found to matter on Sudoku (TRM, arXiv 2510.04871): one
    # network of two layers for both parts, an MLP over positions, the gradient of a whole cycle, N = 3, T = 6.
    "lite": _ONE_NETWORK
    | dict(vocab_size=11, seq_len=81, cycles=3, steps=6, mixer="mlp", puzzle_positions=16),
    # A quarter of the width of "lite", and fewer steps: what a small card learns 9x9 Sudoku with in an hour.
    "compact": _ONE_NETWORK
    | dict(
        vocab_size=11,
        seq_len=81,
        d_model=256,
        n_heads=4,
        cycles=2,
        steps=3,
        inner_multiple=64,
        mixer="mlp",
        puzzle_positions=8,
    ),
    "sudoku-9x9": _SMALL_SUDOKU | dict(vocab_size=11, seq_len=81, positions="grid", grid=(9, 9, 3, 3), mixer="mlp"),
    # What two processor cores learn hard 9x9 Sudoku with in under an hour: "compact" at three eighths of its width.
    "sudoku-laptop": _ONE_NETWORK
    | dict(
        vocab_size=11,
        seq_len=81,
        d_model=96,
        n_heads=4,
        cycles=2,
        steps=3,
        inner_multiple=8,
        mixer="mlp",
        puzzle_positions=7,
    ),
    # What two processor cores learn mazes with: one layer that looks at a cell's eight neighbours, for both parts. The
    # same weights work on mazes of any size (`HRM.on_grid`).
    "maze-laptop": _ONE_NETWORK
    | dict(
        vocab_size=6,
        seq_len=225,
        d_model=128,
        n_heads=4,
        worker_layers=1,
        controller_layers=1,
        cycles=2,
        steps=3,
        inner_multiple=8,
        mixer="convolution",
        grid=(15, 15),
    ),
    # The ARC tasks that fit ten rows and columns, arc-agi-1:10x10:7, with an embedding for each copy: a cell sees its
    # neighbours, the mean of the board and the puzzle embedding.
    "arc-laptop": _ONE_NETWORK
    | dict(
        vocab_size=12,
        seq_len=100,
        d_model=96,
        n_heads=4,
        cycles=2,
        steps=2,
        inner_multiple=8,
        mixer="convolution",
        grid=(10, 10),
        puzzles=2_041,
    ),
}

_SMALL_TRAINING = dict(
    batch_size=64,
    max_segments=4,
    continue_loss=False,
    output_loss="softmax",
    lr=3e-3,
    warmup_steps=30,
    ema=0.99,
    weight_decay=1.0,
    # Five times the published share: rows that go on after a right answer teach the model to keep it.
    exploration=0.5,
)
# A run of minutes that halts by Q_halt alone: what a laptop or a small card is given.
_QUICK = dict(precision="auto", compile=True, continue_loss=False, output_loss="softmax", exploration=0.5)
_TRAININGS = {
    # The published Sudoku recipe: Q_continue with its extra pass, stablemax in float64, Adam-atan2; bfloat16 where the
    # machine is fast in it.
    "paper": dict(batch_size=768, max_steps=26_041, optimizer="adam_atan2", precision="auto", compile=True),
    # What costs least for what it brings: no Q_continue, stablemax in float32, and TRM's moving average.
    "lite": dict(
        batch_size=768,
        max_steps=65_000,
        optimizer="adam_atan2",
        precision="auto",
        compile=True,
        continue_loss=False,
        output_loss="stablemax_float32",
        ema=0.999,
    ),
    "compact": _QUICK
    | dict(
        batch_size=768,
        max_steps=4_000,
        max_segments=8,
        lr=1e-3,
        lr_floor=0.1,
        warmup_steps=200,
        ema=0.995,
    ),
    "sudoku-4x4": _SMALL_TRAINING | dict(max_steps=800),
    "sudoku-4x4-mlp": _SMALL_TRAINING | dict(max_steps=400),
    "sudoku-9x9": _SMALL_TRAINING | dict(max_steps=1000),
    "sudoku-laptop": _QUICK
    | dict(
        batch_size=64,
        max_steps=5_000,
        max_segments=8,
        lr=2e-3,
        lr_floor=0.05,
        warmup_steps=100,
        weight_decay=1.0,
        ema=0.995,
    ),
    "maze-laptop": _QUICK
    | dict(
        batch_size=64,
        max_steps=1_800,
        max_segments=8,
        lr=2e-3,
        lr_floor=0.05,
        warmup_steps=100,
        weight_decay=0.1,
        ema=0.99,
    ),
    "arc-laptop": _QUICK
    | dict(
        batch_size=64,
        max_steps=3_000,
        max_segments=4,
        lr=2e-3,
        puzzle_lr=0.02,
        lr_floor=0.1,
        warmup_steps=50,
        weight_decay=0.1,
        ema=0.99,
    ),
}


def preset_names() -> tuple[str, ...]:
    """The names that `model_preset` and `train_preset` know."""
    return tuple(_MODELS)


def model_preset(name: str, **changes) -> HRMConfig:
    """A model configuration by name, with any settings changed. Raises ValueError for a name it does not know."""
    return HRMConfig(**_look_up(_MODELS, name, "model preset") | changes)


def train_preset(name: str, **changes) -> TrainConfig:
    """A training configuration by name, with any settings changed. Raises ValueError for a name it does not know."""
    return TrainConfig(**_look_up(_TRAININGS, name, "training preset") | changes)


def _look_up(presets: dict, name: str, what: str) -> dict:
    if name not in presets:
        raise ValueError(f"there is no {what} {name!r}. There are: {', '.join(map(repr, presets))}.")
    return presets[name]
