"""ARC's grids as tokens: a square canvas, the grid on it, and where the grid ends.

    0           outside (the pad: no loss counts it)
    1           end: one row under the grid and one column right of it, as far as they fit on the canvas
    2 to 11     the colours 0 to 9

A label's pads are not scored, so a network may put anything there; only the ends tell how large its answer
is. `decode` therefore reads the largest rectangle of colours in the corner and looks no further. Both
are the published construction (the HRM repository: `build_arc_dataset.py`, `arc_eval.ipynb`). That canvas has 30
rows and columns; on a smaller one, for a small computer, all is the same, and how many tokens there are tells its side.
"""

from __future__ import annotations

import math

import numpy as np
import torch

SIDE = 30  # the largest grid that ARC has, and the published canvas
PAD, END, FIRST_COLOUR = 0, 1, 2
VOCAB = ("_", "|", *"0123456789")
# The ten colours in which ARC is always drawn: black, blue, red, green, yellow, grey, magenta, orange, azure, maroon.
COLOURS = (
    "#000000", "#0074D9", "#FF4136", "#2ECC40", "#FFDC00", "#AAAAAA", "#F012BE", "#FF851B", "#7FDBFF", "#870C25")


def side_of(tokens) -> int:
    """The side of the canvas of tokens (…, side²). ValueError where their number is no square of 1 to 30."""
    side = math.isqrt(tokens.shape[-1])
    if side * side != tokens.shape[-1] or not 1 <= side <= SIDE:
        raise ValueError(
            f"{tokens.shape[-1]} tokens are no square canvas; expected side * side of them, with a side of 1 to "
            f"{SIDE}.")
    return side


def encode(grid: np.ndarray, row: int = 0, column: int = 0, side: int = SIDE) -> np.ndarray:
    """A grid of colours (h, w), at most side x side, -> tokens (side²,) uint8, its top left cell at (row, column).

    ValueError where the grid does not lie on the canvas.
    """
    grid = np.asarray(grid)
    height, width = grid.shape
    bottom, right = row + height, column + width
    if min(row, column) < 0 or max(bottom, right) > side:
        raise ValueError(
            f"A grid of {height} x {width} at row {row}, column {column} does not fit on the canvas of {side} x "
            f"{side}.")
    canvas = np.full((side, side), PAD, np.uint8)
    canvas[row:bottom, column:right] = grid + FIRST_COLOUR
    if bottom < side:
        canvas[bottom, column:right] = END
    if right < side:
        canvas[row:bottom, right] = END
    return canvas.reshape(-1)


def decode(tokens) -> np.ndarray:
    """Tokens (side²,), array or tensor -> the grid in the top left corner, (h, w) uint8.

    The largest rectangle that begins in the corner and holds nothing but colours; of equal ones that with
    the fewest rows. Any tokens have one: a grid of 0 x 0 where the corner shows no colour.
    """
    return decode_many(torch.as_tensor(np.array(tokens) if not torch.is_tensor(tokens) else tokens)[None])[0]


def decode_many(tokens: torch.Tensor) -> list[np.ndarray]:
    """`decode` for a batch (batch, side²), on any device."""
    heights, widths = (size.tolist() for size in rectangle(tokens))
    side = side_of(tokens)
    canvases = tokens.detach().cpu().numpy().reshape(-1, side, side)
    return [
        (canvas[:height, :width] - FIRST_COLOUR).astype(np.uint8)
        for canvas, height, width in zip(canvases, heights, widths, strict=True)
    ]


def rectangle(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (batch, side²) -> height and width (batch,) int64 of the grid that `decode` reads."""
    side = side_of(tokens)
    canvas = tokens.reshape(-1, side, side)
    colour = (canvas >= FIRST_COLOUR) & (canvas < len(VOCAB))
    run = colour.long().cumprod(2).sum(2)  # (batch, side): colours at the beginning of each row
    width = run.cummin(1).values  # and of all rows down to this one
    rows = torch.arange(1, side + 1, device=tokens.device)
    # The area comes first; of equal areas the one with fewer rows has the larger key.
    best = (width * rows * side - rows).argmax(1)
    width = width.gather(1, best[:, None]).squeeze(1)
    return torch.where(width > 0, best + 1, 0), width
