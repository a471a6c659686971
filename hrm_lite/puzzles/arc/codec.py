"""ARC's grids as tokens: a canvas of 30 x 30 cells, the grid on it, and where the grid ends.

    0           outside (the pad: no loss counts it)
    1           end: one row under the grid and one column right of it, as far as they fit on the canvas
    2 to 11     the colours 0 to 9

A label's pads are not scored, so a network may put anything there; only the ends tell how large its answer
is. `decode` therefore reads the largest rectangle of colours in the corner and looks no further. Both
are the published construction (the HRM repository: `build_arc_dataset.py`, `arc_eval.ipynb`).
"""

from __future__ import annotations

import numpy as np
import torch

SIDE = 30  # the largest grid that ARC has, and the canvas
CELLS = SIDE * SIDE
PAD, END, FIRST_COLOUR = 0, 1, 2
VOCAB = ("_", "|", *"0123456789")
# The ten colours in which ARC is always drawn: black, blue, red, green, yellow, grey, magenta, orange, azure, maroon.
COLOURS = (
    "#000000", "#0074D9", "#FF4136", "#2ECC40", "#FFDC00", "#AAAAAA", "#F012BE", "#FF851B", "#7FDBFF", "#870C25")


def encode(grid: np.ndarray, row: int = 0, column: int = 0) -> np.ndarray:
    """A grid of colours (h, w), at most 30 x 30, -> tokens (900,) uint8, its top left cell at (row, column).

    ValueError where the grid does not lie on the canvas.
    """
    grid = np.asarray(grid)
    height, width = grid.shape
    bottom, right = row + height, column + width
    if min(row, column) < 0 or max(bottom, right) > SIDE:
        raise ValueError(
            f"A grid of {height} x {width} at row {row}, column {column} does not fit on the canvas of {SIDE} x "
            f"{SIDE}.")
    canvas = np.full((SIDE, SIDE), PAD, np.uint8)
    canvas[row:bottom, column:right] = grid + FIRST_COLOUR
    if bottom < SIDE:
        canvas[bottom, column:right] = END
    if right < SIDE:
        canvas[row:bottom, right] = END
    return canvas.reshape(CELLS)


def decode(tokens) -> np.ndarray:
    """Tokens (900,), array or tensor -> the grid in the top left corner, (h, w) uint8.

    The largest rectangle that begins in the corner and holds nothing but colours; of equal ones that with
    the fewest rows. Any tokens have one: a grid of 0 x 0 where the corner shows no colour.
    """
    return decode_many(torch.as_tensor(np.array(tokens) if not torch.is_tensor(tokens) else tokens)[None])[0]


def decode_many(tokens: torch.Tensor) -> list[np.ndarray]:
    """`decode` for a batch (batch, 900), on any device."""
    heights, widths = (size.tolist() for size in rectangle(tokens))
    canvases = tokens.detach().cpu().numpy().reshape(-1, SIDE, SIDE)
    return [
        (canvas[:height, :width] - FIRST_COLOUR).astype(np.uint8)
        for canvas, height, width in zip(canvases, heights, widths, strict=True)
    ]


def rectangle(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (batch, 900) -> height and width (batch,) int64 of the grid that `decode` reads."""
    canvas = tokens.reshape(-1, SIDE, SIDE)
    colour = (canvas >= FIRST_COLOUR) & (canvas < len(VOCAB))
    run = colour.long().cumprod(2).sum(2)  # (batch, 30): colours at the beginning of each row
    width = run.cummin(1).values  # and of all rows down to this one
    rows = torch.arange(1, SIDE + 1, device=tokens.device)
    # The area comes first; of equal areas the one with fewer rows has the larger key.
    best = (width * rows * SIDE - rows).argmax(1)
    width = width.gather(1, best[:, None]).squeeze(1)
    return torch.where(width > 0, best + 1, 0), width
