"""What a model is and how it is trained: two frozen dataclasses, checked when they are made.

`HRMConfig` describes the network and `TrainConfig` its training. The names are the paper's
(arXiv 2506.21734) where it has one: ``cycles`` is N, ``steps`` is T, ``max_segments`` is M_max.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

__all__ = ["HRMConfig", "TrainConfig"]

POSITIONS = ("rope", "learned", "grid", "none")
MIXERS = ("attention", "mlp", "convolution")
GRADIENTS = ("one_step", "last_cycle", "full")
OUTPUT_LOSSES = ("softmax", "stablemax", "stablemax_float32")
OPTIMIZERS = ("adamw", "adam_atan2")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
NONFINITE = ("stop", "skip")
TRAIN_ONLY = ("all", "puzzles")


def _fail(name: str, given, expected: str, advice: str = "") -> None:
    raise ValueError(f"{name}={given!r} is not usable: expected {expected}. {advice}".rstrip())


def _whole(config, name: str, low: int, high: int = 10**9) -> None:
    value = getattr(config, name)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        _fail(name, value, f"a whole number from {low} to {high}")


def _real(config, name: str, low: float, high: float, open_low: bool = False) -> None:
    value = getattr(config, name)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not low <= value <= high or (open_low and value == low):
        _fail(
            name,
            value,
            f"a number {'above' if open_low else 'from'} {low:g} {'and at most' if open_low else 'to'} {high:g}",
        )


def _choice(config, name: str, choices: tuple[str, ...]) -> None:
    if getattr(config, name) not in choices:
        _fail(name, getattr(config, name), "one of " + ", ".join(repr(c) for c in choices))


def _flag(config, name: str) -> None:
    if not isinstance(getattr(config, name), bool):
        _fail(name, getattr(config, name), "True or False")


class _Record:
    """Plain-dictionary round trip, shared by both configurations."""

    def to_dict(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict):
        """The configuration that `to_dict` wrote. Raises ValueError on a name it does not know."""
        names = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - names)
        if unknown:
            raise ValueError(
                f"{cls.__name__} has no setting called {', '.join(unknown)}. Known settings: "
                f"{', '.join(sorted(names))}. "
                "A file written by a newer version of hrm_lite needs that version to be read."
            )
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

    def replace(self, **changes):
        """A copy with some settings changed, checked again."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class HRMConfig(_Record):
    """The network. Raises ValueError, naming the setting, when a value cannot be built."""

    vocab_size: int = 11
    """How many different tokens; 11 is 9×9 Sudoku: pad, blank, nine digits."""
    seq_len: int = 81
    """How many tokens a puzzle has, without the puzzle's own positions."""
    d_model: int = 512
    """Width of every state vector."""
    n_heads: int = 8
    """Attention heads; d_model / n_heads must be even for rotary positions."""
    worker_layers: int = 4
    """Blocks in f_L."""
    controller_layers: int = 4
    """Blocks in f_H. Not used when share_modules is True."""
    cycles: int = 2
    """N: cycles in a segment; the controller steps once in each."""
    steps: int = 2
    """T: worker steps in a cycle."""
    expansion: float = 4.0
    """SwiGLU: the inner width is about expansion · d_model · 2/3."""
    inner_multiple: int = 256
    """The inner width is rounded up to a multiple of this (256 in the published code)."""
    positions: str = "rope"
    """"rope", "learned" (a vector per position), "grid" (row + column + box vectors) or "none"."""
    grid: tuple[int, ...] = ()
    """For positions="grid" and mixer="convolution": (rows, columns) or (rows, columns, box rows, box columns)."""
    mixer: str = "attention"
    """What mixes positions: "attention", "mlp" over a fixed number of positions (TRM), or "convolution" over the eight
    neighbours on a board of any size."""
    puzzles: int = 0
    """How many puzzle embeddings; 0 means no puzzle positions at all, 1 one that all puzzles share."""
    puzzle_positions: int = 1
    """Positions that the puzzle embedding takes in front of the tokens (when puzzles > 0)."""
    puzzle_width: int = 0
    """Numbers in a puzzle embedding, spread over its positions and padded with zeros; 0: d_model."""
    share_modules: bool = False
    """True: one network plays worker and controller (TRM)."""
    controller_sees_input: bool = False
    """True: f_H reads x̃ as well. A departure from the paper."""
    gradient: str = "one_step"
    """How far back a segment's gradient goes: "one_step" (HRM), "last_cycle" (TRM) or "full" (BPTT)."""
    rms_eps: float = 1e-5
    """Added to the mean square inside RMSNorm."""
    rope_theta: float = 10000.0
    """Base of the rotary frequencies."""

    def __post_init__(self):
        for name, low, high in (
            ("vocab_size", 2, 10**6),
            ("seq_len", 1, 10**5),
            ("d_model", 1, 2**16),
            ("n_heads", 1, 1024),
            ("worker_layers", 1, 1000),
            ("controller_layers", 1, 1000),
            ("cycles", 1, 10**5),
            ("steps", 1, 10**5),
            ("inner_multiple", 1, 2**16),
            ("puzzles", 0, 10**8),
            ("puzzle_positions", 1, 10**4),
            ("puzzle_width", 0, 10**8),
        ):
            _whole(self, name, low, high)
        for name, high in (("expansion", 64), ("rms_eps", 1.0), ("rope_theta", 1e9)):
            _real(self, name, 0, high, open_low=True)
        for name, choices in (("positions", POSITIONS), ("mixer", MIXERS), ("gradient", GRADIENTS)):
            _choice(self, name, choices)
        for name in ("share_modules", "controller_sees_input"):
            _flag(self, name)
        if self.puzzles and self.puzzle_width > self.puzzle_positions * self.d_model:
            _fail(
                "puzzle_width",
                self.puzzle_width,
                f"at most puzzle_positions · d_model = {self.puzzle_positions * self.d_model}",
                f"It needs puzzle_positions={-(-self.puzzle_width // self.d_model)}.",
            )
        if self.d_model % self.n_heads:
            fits = [h for h in range(1, self.d_model + 1) if self.d_model % h == 0 and h <= 64]
            _fail("n_heads", self.n_heads, f"a divisor of d_model={self.d_model}", f"These would do: {fits}.")
        if self.positions == "rope" and (self.d_model // self.n_heads) % 2:
            _fail(
                "n_heads",
                self.n_heads,
                "an even head width d_model / n_heads, because rotary positions turn pairs",
                'Change n_heads or d_model, or take positions="learned".',
            )
        if self.positions == "grid" or self.mixer == "convolution":
            self._check_grid()
        elif self.grid:
            _fail("grid", self.grid, f'() unless positions="grid" or mixer="convolution"; positions is '
                                     f'{self.positions!r} and mixer {self.mixer!r}')

    def _check_grid(self):
        grid = self.grid
        whole = isinstance(grid, tuple) and len(grid) in (2, 4) and all(isinstance(g, int) and g > 0 for g in grid)
        if not whole or grid[0] * grid[1] != self.seq_len:
            _fail(
                "grid",
                grid,
                f"(rows, columns) or (rows, columns, box rows, box columns) with rows · columns = "
                f"seq_len = {self.seq_len}",
            )
        if len(grid) == 4 and (grid[0] % grid[2] or grid[1] % grid[3]):
            _fail("grid", grid, "boxes that tile the grid")

    @property
    def prefix(self) -> int:
        """Positions in front of the tokens: puzzle_positions if there are puzzle embeddings, else 0."""
        return self.puzzle_positions if self.puzzles else 0

    @property
    def positions_total(self) -> int:
        """Length of the sequence that the modules see: prefix + seq_len."""
        return self.prefix + self.seq_len

    def inner_width(self, width: int) -> int:
        """SwiGLU's inner width for an input of this width: round(expansion · width · 2/3), rounded up."""
        return -(-round(self.expansion * width * 2 / 3) // self.inner_multiple) * self.inner_multiple


@dataclass(frozen=True)
class TrainConfig(_Record):
    """The training. Raises ValueError, naming the setting, when a value makes no sense."""

    batch_size: int = 128
    """Rows carried side by side, over all processes."""
    max_steps: int = 1000
    """Optimizer steps; one step is one segment of every row."""
    max_minutes: float | None = None
    """Stop after this much training time, earlier calls included; None: no limit."""
    max_segments: int = 16
    """M_max: a row is replaced by a fresh puzzle after this many segments at the latest."""
    exploration: float = 0.1
    """ε: the share of rows whose least number of segments is drawn from 2..M_max."""
    continue_loss: bool = True
    """True: Q_continue is learned too, with an extra forward pass for its target (the paper).
    False: only Q_halt is learned and a row halts when it is positive (as TRM does)."""
    output_loss: str = "stablemax"
    """"stablemax" (in float64, the published Sudoku and Maze recipe), "stablemax_float32" or "softmax"."""
    optimizer: str = "adamw"
    """"adamw" or "adam_atan2" (published)."""
    lr: float = 1e-4
    """Peak learning rate."""
    puzzle_lr: float = 1e-4
    """Learning rate of the puzzle embeddings (SignSGD)."""
    warmup_steps: int = 2000
    """Steps over which the learning rate grows linearly from 0."""
    lr_floor: float = 1.0
    """The rate falls along a cosine to this share of lr at max_steps; 1 keeps it constant."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Adam's decay rates."""
    weight_decay: float = 1.0
    """Decoupled weight decay."""
    grad_clip: float = 0.0
    """Scale a gradient that is longer than this back to this length; 0: leave it."""
    ema: float = 0.0
    """Decay of the moving average of the weights that evaluation and sharing use; 0: none."""
    precision: str = "float32"
    """What the passes compute in: "float32", "bfloat16" (published), "float16" (with a scaled loss, for cards before
    Ampere) or "auto", which is what is fast on the machine at hand. The weights are kept in float32 in any case."""
    compile: bool = False
    """True: compile the blocks; eager where that does not work."""
    nonfinite: str = "stop"
    """When a loss or gradient is not finite: "stop" the run, or "skip" the step, replace the rows and count it."""
    train_only: str = "all"
    """"all", or "puzzles": the puzzle embeddings alone, for new tasks (`voting.adopt_tasks`); the rest stays."""
    augment: bool = True
    """Draw a random symmetry of the puzzle each time a row is filled."""
    eval_every: int = 0
    """Evaluate on the held-out set every so many steps; 0: at the end only."""
    eval_segments: int | None = None
    """Segments in an evaluation, which measures after each of them; None: max_segments."""
    stop_at: float | None = None
    """End once an evaluation's last segment reaches this exact accuracy (0 to 1); None: never."""
    patience: int = 0
    """End after so many evaluations without a better one; 0: never."""
    save_every: int = 200
    """Write a checkpoint every so many steps, and at the end."""
    seed: int = 0
    """Seeds the data order, symmetries and exploration. The model is seeded by whoever makes it."""

    def __post_init__(self):
        for name, low in (
            ("batch_size", 1),
            ("max_steps", 1),
            ("max_segments", 1),
            ("warmup_steps", 0),
            ("eval_every", 0),
            ("patience", 0),
            ("save_every", 1),
            ("seed", 0),
        ):
            _whole(self, name, low)
        for name, low, high, open_low in (
            ("exploration", 0, 1, False),
            ("lr", 0, 10, True),
            ("puzzle_lr", 0, 10, False),
            ("lr_floor", 0, 1, False),
            ("weight_decay", 0, 100, False),
            ("grad_clip", 0, 10**9, False),
            ("ema", 0, 0.999999, False),
        ):
            _real(self, name, low, high, open_low)
        if self.max_minutes is not None:
            _real(self, "max_minutes", 0, 10**6, open_low=True)
        if self.eval_segments is not None:
            _whole(self, "eval_segments", 1)
        if self.stop_at is not None:
            _real(self, "stop_at", 0, 1, open_low=True)
        betas = self.betas
        if not (
            isinstance(betas, tuple) and len(betas) == 2 and all(isinstance(b, float) and 0 <= b < 1 for b in betas)
        ):
            _fail("betas", betas, "two numbers, each at least 0 and below 1, for example (0.9, 0.95)")
        for name, choices in (
            ("output_loss", OUTPUT_LOSSES),
            ("optimizer", OPTIMIZERS),
            ("precision", PRECISIONS),
            ("nonfinite", NONFINITE),
            ("train_only", TRAIN_ONLY),
        ):
            _choice(self, name, choices)
        for name in ("continue_loss", "augment", "compile"):
            _flag(self, name)
