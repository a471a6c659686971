"""What puzzles are given to the model as: whole numbers, in rows of the length that it was made for."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..losses import IGNORE
from ..model import HRM

__all__ = ["as_numbers", "check_fit", "side_by_side"]

# Positions that a processor works on at once. Beyond that, what a layer hands on leaves the caches: 9x9 puzzles were
# judged 1.5 times as fast 64 at a time as 512 at a time.
_POSITIONS = 8704


def side_by_side(model: HRM, batch_size: int | None) -> int:
    """``batch_size``, or how many puzzles to work on at once: 512, on a processor fewer where they are large."""
    if batch_size is not None:
        return batch_size
    if model.z_H_init.device.type != "cpu":
        return 512
    return min(512, max(16, _POSITIONS // model.config.positions_total))


def as_numbers(values, what: str = "tokens") -> Tensor | None:
    """Tokens, labels or puzzle_ids as a tensor: a tensor as it is, arrays and lists as int64; None stays None.

    Raises TypeError for what holds no numbers, such as text or a set, and ValueError for numbers that are not whole.
    """
    if values is None:
        return None
    if not isinstance(values, (Tensor, np.ndarray, list, tuple)):
        raise TypeError(
            f"{what} are {type(values).__name__}, but a tensor or an array of whole numbers is needed, a row for each "
            "puzzle: of a set its inputs and puzzle_ids, of text puzzles.encode(text)[None]."
        )
    try:
        numbers = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    except (ValueError, TypeError) as error:
        raise ValueError(f"the {what} are no table of numbers: {error}.") from error
    kind = numbers.dtype
    if kind.is_floating_point or kind.is_complex or kind == torch.bool:
        raise ValueError(
            f"the {what} are of type {kind}, but they are whole numbers, each for a character. Where they are whole in "
            f"truth, convert them: {what}.{'long()' if isinstance(values, Tensor) else 'astype(int)'}."
        )
    if what == "labels" and numbers is not values and (numbers == 0).any():
        raise ValueError(
            f"the labels hold zeros. In the arrays of a set 0 is a cell that is not scored; here that is {IGNORE}. "
            "Take tokens, labels and puzzle_ids from puzzles.as_tensors()."
        )
    return numbers if numbers is values else numbers.long()


def check_fit(model: HRM, tokens: Tensor, puzzle_ids: Tensor | None) -> None:
    """Puzzles of another kind would end in an error deep inside the model, on a GPU in one that kills the process."""
    cfg = model.config
    if tokens.dim() != 2 or tokens.shape[1] != cfg.seq_len:
        raise ValueError(
            f"the puzzles have shape {tuple(tokens.shape)}, but the model was made for (batch, {cfg.seq_len}): one row "
            "of tokens for each puzzle. A single puzzle becomes a batch of one with tokens[None]."
        )
    for what, values, count in (("tokens", tokens, cfg.vocab_size), ("puzzle_ids", puzzle_ids, cfg.puzzles)):
        if values is not None and count and values.numel():
            low, high = int(values.min()), int(values.max())
            if low < 0 or high >= count:
                raise ValueError(
                    f"the {what} run from {low} to {high}, but the model knows 0 to {count - 1}: the puzzles are of "
                    "another kind than those it was made for."
                )
