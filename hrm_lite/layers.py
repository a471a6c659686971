"""What f_L and f_H are made of: RMSNorm, rotary positions, attention, SwiGLU, and the block that joins them.

Everything is as in the published code: Post-Norm, no biases, a norm without a learned scale,
truncated LeCun-normal weights. Shapes: b rows, s positions, d = d_model, h heads.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import HRMConfig

__all__ = [
    "Attention", "Block", "Convolution", "Rotary", "SwiGLU", "attend", "rms_norm", "rotate", "truncated_normal_"
]  # fmt: skip

# On a CPU, bfloat16 attention is faster written out than fused while sequences are short. On the one processor where it
# was tried, with AVX-512, it was ahead at 400 positions and behind at 900.
_SHORT = 512

# The share of a unit normal within ±2, erf(√2), and its standard deviation when it is cut there,
# √(1 − 4 e⁻² / (√(2π) erf(√2))). Dividing by that gives the cut normal the deviation asked for; torch's own
# trunc_normal_ leaves it 12 % too small. Written as digits: exp and erf end differently on other systems.
_WITHIN, _CUT_STD = 0.9544997361036416, 0.8796256610342398
_GRID = 2.0**16


@torch.no_grad()
def truncated_normal_(tensor: Tensor, std: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill in place with a normal cut at ±2 (uncorrected) deviations, so that the result has deviation ``std``.

    On a CPU one seed gives the same bits with every version of torch and on every processor. torch's trunc_normal_ does
    not: it draws in float32, by whatever kernel is at hand.
    """
    u = torch.rand(tensor.shape, dtype=torch.float64, device=tensor.device, generator=generator)
    normal = math.sqrt(2) * torch.erfinv(_WITHIN * (2 * u - 1))
    # The last bits of erfinv are the processor's own. On a grid of 2⁻¹⁶ deviations they hardly ever matter.
    return tensor.copy_(torch.round(normal * _GRID) / _GRID * (std / _CUT_STD))


def unfilled(kind: type[nn.Module], *sizes: int, **settings) -> nn.Module:
    """A layer whose weights are still to be drawn: torch's own first draw would use random numbers in its own way."""
    return nn.utils.skip_init(kind, *sizes, device=torch.get_default_device(), **settings)


def linear(d_in: int, d_out: int) -> nn.Linear:
    """A linear map without bias, LeCun-normal: weight deviation 1/√d_in."""
    layer = unfilled(nn.Linear, d_in, d_out, bias=False)
    truncated_normal_(layer.weight, 1 / math.sqrt(d_in))
    return layer


def rms_norm(x: Tensor, eps: float = 1e-5) -> Tensor:
    """x / √(mean(x²) + eps) over the last dimension, in float32, with no learned scale. Shape and dtype of x."""
    y = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    return (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + eps)).to(x.dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the pairs (x_i, x_{i + head/2}) of each head by the position's angle.

    x: (b, h, s, head); cos, sin: (s, head).
    The two *halves* of a head form the pairs, as in the published code, not neighbouring entries.
    """
    first, second = x.chunk(2, dim=-1)
    return (x * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


class Rotary(nn.Module):
    """The cosines and sines of RoPE for every position: each (s, head)."""

    def __init__(self, head: int, positions: int, theta: float = 10000.0):
        super().__init__()
        frequency = 1.0 / theta ** (torch.arange(0, head, 2, dtype=torch.float32) / head)
        angle = torch.outer(torch.arange(positions, dtype=torch.float32), frequency)
        angle = torch.cat((angle, angle), dim=-1)
        # Not part of the state dict: they follow from the configuration.
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def _apply(self, fn, recurse=True):
        # model.to(torch.bfloat16) would round the angles to three digits; the published code keeps them in float32.
        wide = self.cos, self.sin
        super()._apply(fn, recurse)
        if self.cos.dtype in (torch.bfloat16, torch.float16):
            self.cos, self.sin = (angle.to(self.cos.device) for angle in wide)
        return self

    def forward(self) -> tuple[Tensor, Tensor]:
        """cos, sin: (s, head) each."""
        return self.cos, self.sin


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(q kᵀ / √head) v, where every position sees every other: (b, h, s, head) → (b, h, s, head)."""
    written_out = q.device.type == "cpu" and q.dtype is torch.bfloat16 and q.shape[-2] <= _SHORT
    if not written_out:
        return F.scaled_dot_product_attention(q, k, v)
    return torch.softmax((q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2), dim=-1) @ v


class Attention(nn.Module):
    """Multi-head attention in which every position sees every other: (b, s, d) → (b, s, d)."""

    def __init__(self, d_model: int, n_heads: int):
        super().__init__()
        self.n_heads = n_heads
        self.qkv = linear(d_model, 3 * d_model)
        self.out = linear(d_model, d_model)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """x: (b, s, d) → (b, s, d). rotary: what `Rotary` gives; None: attention does not know of positions."""
        b, s, d = x.shape
        q, k, v = self.qkv(x).view(b, s, 3, self.n_heads, d // self.n_heads).permute(2, 0, 3, 1, 4)
        if rotary is not None:
            q, k = rotate(q, *rotary), rotate(k, *rotary)
        y = attend(q, k, v)
        return self.out(y.transpose(1, 2).reshape(b, s, d))


class Convolution(nn.Module):
    """Every cell of a board sees its eight neighbours, channel by channel: (b, s, d) → (b, s, d).

    A depthwise 3×3 convolution, 0 beyond the edge. The positions in front of the board (the puzzle embedding's, where Q
    is read) see the mean of its cells, and the cells see the mean of those; that is the only way round the distance of
    one cell a step. No weight belongs to a position, so the same weights work on boards of any size.
    """

    def __init__(self, d_model: int, grid: tuple[int, int], prefix: int):
        super().__init__()
        self.grid, self.prefix = grid, prefix
        # LeCun-normal: a cell has ten inputs, nine cells and the positions in front.
        self.weight = nn.Parameter(truncated_normal_(torch.empty(d_model, 1, 3, 3), 10**-0.5))
        self.cells_see = nn.Parameter(truncated_normal_(torch.empty(d_model), 10**-0.5)) if prefix else None
        self.front_sees = nn.Parameter(truncated_normal_(torch.empty(d_model), 1.0)) if prefix else None

    def forward(self, x: Tensor) -> Tensor:
        """x: (b, s, d) → (b, s, d)."""
        b, _, d = x.shape
        front, cells = x[:, : self.prefix], x[:, self.prefix :]
        # Channels stay the last axis in memory: to conv2d that is the channels_last layout, which it is fast in.
        board = cells.reshape(b, *self.grid, d).permute(0, 3, 1, 2)
        seen = F.conv2d(board, self.weight, padding=1, groups=d).permute(0, 2, 3, 1).reshape(cells.shape)
        if not self.prefix:
            return seen
        seen = seen + self.cells_see * front.mean(1, keepdim=True)
        return torch.cat(((self.front_sees * cells.mean(1, keepdim=True)).expand_as(front), seen), dim=1)


class SwiGLU(nn.Module):
    """W_down(silu(W_gate x) · W_up x): (…, width) → (…, width)."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.gate_up = linear(width, 2 * inner)
        self.down = linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: (…, width) → (…, width)."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Block(nn.Module):
    """One Post-Norm Transformer block: mix positions, then transform each; normalise *after* each addition.

    Post-Norm keeps every state at root mean square 1 however often the block is applied, which is what
    a recurrence of hundreds of steps needs. With mixer="mlp" a SwiGLU over the positions replaces
    attention, and its norm runs over the positions too (as in the published TRM code); with mixer="convolution" a
    `Convolution` over the board does.
    """

    def __init__(self, config: HRMConfig):
        super().__init__()
        self.eps = config.rms_eps
        self.over_positions = config.mixer == "mlp"
        s, d = config.positions_total, config.d_model
        if self.over_positions:
            self.mixer = SwiGLU(s, config.inner_width(s))
        elif config.mixer == "convolution":
            self.mixer = Convolution(d, config.grid[:2], config.prefix)
        else:
            self.mixer = Attention(d, config.n_heads)
        self.turned = config.mixer == "attention"
        self.mlp = SwiGLU(d, config.inner_width(d))

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """x: (b, s, d) → (b, s, d), every position with root mean square 1."""
        if self.over_positions:
            x = x.transpose(1, 2)
            x = rms_norm(x + self.mixer(x), self.eps).transpose(1, 2)
        else:
            x = rms_norm(x + (self.mixer(x, rotary) if self.turned else self.mixer(x)), self.eps)
        return rms_norm(x + self.mlp(x), self.eps)
