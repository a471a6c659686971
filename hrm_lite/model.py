"""The Hierarchical Reasoning Model: a fast worker f_L, a slow controller f_H, and what surrounds them.

    x̃  = f_I(x)                          input_net
    z_L ← f_L(z_L, z_H, x̃)   T times     worker       } N cycles
    z_H ← f_H(z_H, z_L)       once        controller   } are one segment
    ŷ   = f_O(z_H)                        output_net, and the Q head beside it

One call of `HRM` is one segment. It takes the latent states and returns them, detached, so that the
next segment starts from them without a gradient between the two (arXiv 2506.21734, section 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .config import HRMConfig
from .layers import Block, Rotary, linear, truncated_normal_, unfilled

__all__ = ["HRM", "Latents", "Output"]


class Latents(NamedTuple):
    """The two states, each (batch, prefix + seq_len, d_model)."""

    z_H: Tensor
    z_L: Tensor

    def detach(self) -> Latents:
        """The same numbers, cut off from what computed them: no gradient goes back through them."""
        return Latents(self.z_H.detach(), self.z_L.detach())


@dataclass
class Output:
    """What a segment gives. The Q values are logits: the paper's Q̂ is their sigmoid."""

    logits: Tensor
    """(batch, seq_len, vocab)"""
    q_halt: Tensor
    """(batch,)"""
    q_continue: Tensor
    """(batch,)"""
    latents: Latents
    """Detached, ready for the next segment."""


class PuzzleEmbedding(nn.Module):
    """One vector for each puzzle identifier, zero at the start: (b,) → (b, positions, d).

    The vector fills the positions one after the other; what is left of them is zero, as in the published code.

    The vectors are a buffer and not a parameter. ARC has close to a million of them, a batch touches a
    few hundred, and Adam would move all. In training, `forward` hands out a copy of the rows it read
    and keeps it in ``touched``; the optimizer (`optim.sign_sgd`) updates those rows and no others.
    """

    def __init__(self, puzzles: int, positions: int, d_model: int, width: int = 0):
        super().__init__()
        self.positions, self.d_model = positions, d_model
        self.register_buffer("weight", torch.zeros(puzzles, width or d_model))
        self.touched: tuple[Tensor, Tensor] | None = None

    def forward(self, puzzle_ids: Tensor) -> Tensor:
        rows = self.weight[puzzle_ids]
        if self.training and torch.is_grad_enabled():
            rows.requires_grad_()
            self.touched = (puzzle_ids, rows)
        left = self.positions * self.d_model - rows.shape[1]
        return nn.functional.pad(rows, (0, left)).view(-1, self.positions, self.d_model)


class InputNet(nn.Module):
    """f_I: tokens (b, seq_len) → x̃ (b, prefix + seq_len, d)."""

    def __init__(self, config: HRMConfig):
        super().__init__()
        d = config.d_model
        self.config = config
        # Deviation 1/√d in the table times √d in forward: x̃ has the same size as the states it is added to.
        self.scale = math.sqrt(d)
        table = truncated_normal_(torch.empty(config.vocab_size, d), 1 / self.scale)
        self.tokens = nn.Embedding.from_pretrained(table, freeze=False)
        self.puzzles = (
            PuzzleEmbedding(config.puzzles, config.puzzle_positions, d, config.puzzle_width) if config.puzzles else None
        )
        if config.positions == "learned":
            self.positions = nn.Parameter(truncated_normal_(torch.empty(config.positions_total, d), 1 / self.scale))
        elif config.positions == "grid":
            index, count = grid_index(config.grid)
            self.register_buffer("grid_index", index, persistent=False)
            self.grid = nn.Parameter(truncated_normal_(torch.empty(count, d), 1 / self.scale))

    def forward(self, tokens: Tensor, puzzle_ids: Tensor | None = None) -> Tensor:
        x = self.tokens(tokens.long())
        if self.config.positions == "grid":
            # One vector for the row, one for the column, one for the box; deviations add up to that of a token.
            parts = self.grid_index.shape[0]
            x = 2**-0.5 * (x + self.grid[self.grid_index].sum(0) * parts**-0.5)
        if self.puzzles is not None:
            if puzzle_ids is None:
                puzzle_ids = torch.zeros(len(tokens), dtype=torch.long, device=tokens.device)
            x = torch.cat((self.puzzles(puzzle_ids.long()).to(x.dtype), x), dim=1)
        if self.config.positions == "learned":
            x = 2**-0.5 * (x + self.positions)
        return self.scale * x


def grid_index(grid: tuple[int, ...]) -> tuple[Tensor, int]:
    """For each cell its row, column and (if there are boxes) box as indices into one table: (2 or 3, seq_len)."""
    rows, columns = grid[:2]
    r, c = torch.arange(rows).repeat_interleave(columns), torch.arange(columns).repeat(rows)
    parts, count = [r, rows + c], rows + columns
    if len(grid) == 4:
        box_rows, box_columns = grid[2:]
        parts.append(count + (r // box_rows) * (columns // box_columns) + c // box_columns)
        count += (rows // box_rows) * (columns // box_columns)
    return torch.stack(parts), count


class RecurrentModule(nn.Module):
    """f_L or f_H: adds what comes in to its own state, then applies its blocks. (b, s, d) → (b, s, d)."""

    def __init__(self, config: HRMConfig, layers: int):
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(layers))

    def forward(self, state: Tensor, incoming: Tensor, rotary: tuple[Tensor, Tensor] | None = None) -> Tensor:
        x = state + incoming
        for block in self.blocks:
            x = block(x, rotary)
        return x


class HRM(nn.Module):
    """The model. ``model(z, tokens)`` runs one segment; see `HRMConfig` for its settings."""

    def __init__(self, config: HRMConfig):
        super().__init__()
        if not isinstance(config, HRMConfig):
            raise TypeError(
                f"HRM takes an HRMConfig, but was given {type(config).__name__}. "
                "Write HRM(HRMConfig(vocab_size=…, seq_len=…, …))."
            )
        d = config.d_model
        self.config = config
        # Whose the puzzle embeddings are, where the puzzles of the training have names (`ArcSet.owners`).
        self.owners: dict[str, list] | None = None
        self.input_net = InputNet(config)
        self.worker = RecurrentModule(config, config.worker_layers)
        if config.share_modules:
            # Not registered a second time: one set of weights, one set of names in the state dict.
            self.__dict__["controller"] = self.worker
        else:
            self.controller = RecurrentModule(config, config.controller_layers)
        self.output_net = linear(d, config.vocab_size)
        self.q_head = unfilled(nn.Linear, d, 2)
        # Q̂ starts near zero (σ(−5) = 0.7 %): at first, halting early never looks better than it is.
        nn.init.zeros_(self.q_head.weight)
        nn.init.constant_(self.q_head.bias, -5.0)
        self.rotary = (
            Rotary(d // config.n_heads, config.positions_total, config.rope_theta)
            if config.positions == "rope"
            else None
        )
        # z⁰: one vector for each state, the same at every position, drawn once and never trained.
        self.register_buffer("z_H_init", truncated_normal_(torch.empty(d), 1.0))
        self.register_buffer("z_L_init", truncated_normal_(torch.empty(d), 1.0))

    def initial_latents(self, batch_size: int) -> Latents:
        """The states before the first segment, each (batch_size, prefix + seq_len, d)."""
        shape = (batch_size, self.config.positions_total, self.config.d_model)
        return Latents(*(z.to(self.dtype).expand(shape) for z in (self.z_H_init, self.z_L_init)))

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the states: that of the weights."""
        return self.output_net.weight.dtype

    def forward(self, z: Latents, tokens: Tensor, puzzle_ids: Tensor | None = None) -> Output:
        """One segment: N cycles of T worker steps and one controller step.

        z: from `initial_latents` or the segment before; tokens: (batch, seq_len) integers below
        vocab_size; puzzle_ids: (batch,) integers below ``puzzles``, or None for puzzle 0.
        The gradient goes as far back as ``config.gradient`` says. Raises ValueError on a wrong shape.
        """
        self._check(z, tokens)
        return self.read_out(*self.run_segment(z, self.input_net(tokens, puzzle_ids)))

    def run_segment(self, z: Latents, x: Tensor) -> Latents:
        """The states after the N cycles of one segment, from those before it and x̃; not detached."""
        z_H, z_L = z
        schedule, tracking = self.schedule(), torch.is_grad_enabled()
        first_tracked = len(schedule) - self.tracked_steps()
        for i, part in enumerate(schedule):
            with torch.set_grad_enabled(tracking and i >= first_tracked):
                z_H, z_L = self.advance(part, z_H, z_L, x)
        return Latents(z_H, z_L)

    def schedule(self) -> str:
        """Who steps when in one segment: "LLHLLH" for N = T = 2."""
        return ("L" * self.config.steps + "H") * self.config.cycles

    def tracked_steps(self) -> int:
        """How many steps at the end of the schedule the gradient runs through."""
        last_cycle = self.config.steps + 1
        # One step: the last of f_L and the last of f_H. Everything before is a constant to the gradient.
        return {"one_step": 2, "last_cycle": last_cycle, "full": last_cycle * self.config.cycles}[self.config.gradient]

    def advance(self, part: str, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """One step of the worker ("L") or the controller ("H"): the new (z_H, z_L). x is x̃ from `input_net`."""
        if part == "L":  # z_L ← f_L(z_L, z_H, x̃)
            return z_H, self.worker(z_L, z_H + x, self.angles())
        # z_H ← f_H(z_H, z_L), with the z_L of the cycle that just ended.
        return self.controller(z_H, z_L + x if self.config.controller_sees_input else z_L, self.angles()), z_L

    def angles(self) -> tuple[Tensor, Tensor] | None:
        """What turns queries and keys with the position: cosines and sines of RoPE, or None without it."""
        return None if self.rotary is None else self.rotary()

    def read_out(self, z_H: Tensor, z_L: Tensor) -> Output:
        """ŷ = f_O(z_H), and the Q logits from z_H at position 0."""
        # float32 for the logits and Q values whatever the precision of the states: the losses need it.
        logits = self.output_net(z_H)[:, self.config.prefix :]
        q = self.q_head(z_H[:, 0])
        logits, q = (t.float() if t.dtype in (torch.bfloat16, torch.float16) else t for t in (logits, q))
        return Output(logits, q[..., 0], q[..., 1], Latents(z_H, z_L).detach())

    def on_grid(self, rows: int, columns: int) -> HRM:
        """A copy of this model, weights included, for boards of ``rows`` × ``columns`` cells.

        Raises ValueError for a model some of whose weights belong to a position: only mixer="convolution" without
        "learned" or "grid" positions has none.
        """
        cfg = self.config
        if cfg.mixer != "convolution" or cfg.positions in ("learned", "grid"):
            raise ValueError(
                f"this model was made for one size of board: it mixes positions by {cfg.mixer!r} and has "
                f'{cfg.positions!r} positions. Boards of any size need mixer="convolution" with positions="none".'
            )
        other = HRM(cfg.replace(seq_len=rows * columns, grid=(rows, columns))).to(self.z_H_init)
        other.load_state_dict(self.state_dict())
        other.owners = self.owners
        return other.train(self.training)

    def count_parameters(self) -> int:
        """Trained numbers, without the puzzle embeddings, which grow with the data and not with the model."""
        return sum(p.numel() for p in self.parameters())

    def _check(self, z: Latents, tokens: Tensor) -> None:
        cfg = self.config
        if tokens.ndim != 2 or tokens.shape[1] != cfg.seq_len:
            raise ValueError(
                f"tokens have shape {tuple(tokens.shape)}, but this model reads (batch, {cfg.seq_len}): "
                "one row a puzzle. Give a single puzzle as tokens[None]."
            )
        expected = (len(tokens), cfg.positions_total, cfg.d_model)
        if z[0].shape != expected or z[1].shape != expected:
            raise ValueError(
                f"the latents have shapes {tuple(z[0].shape)} and {tuple(z[1].shape)}, but {expected} is "
                "needed for these tokens. Start from model.initial_latents(len(tokens))."
            )
