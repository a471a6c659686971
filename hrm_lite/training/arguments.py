"""Whether a model, its puzzles and the settings of a run belong together: asked before anything is touched."""

from __future__ import annotations

from ..config import TrainConfig
from ..model import HRM
from ..puzzles.base import PuzzleSet

__all__ = ["check_arguments"]


def check_arguments(model: HRM, puzzles: PuzzleSet, held_out: PuzzleSet | None, config: TrainConfig) -> None:
    """Raises TypeError for a thing of another kind, ValueError where the puzzles do not fit the model."""
    _check_kinds(model, puzzles, held_out, config)
    for puzzle_set in (puzzles, held_out):
        if puzzle_set is not None:
            _check_fit(model, puzzle_set)


def _check_kinds(model, puzzles, held_out, config) -> None:
    own = (
        "Puzzles come from hrm_lite.puzzles, for example sudoku.load(…); arrays or tensors of your own become a set "
        "with hrm_lite.puzzles.own.from_arrays(inputs, labels)."
    )
    for name, value, kind, advice in (
        ("model", model, HRM, "Write HRM(HRMConfig(…)), or load_model(…)."),
        ("puzzles", puzzles, PuzzleSet, own),
        ("held_out", held_out, (PuzzleSet, type(None)), own),
        ("config", config, TrainConfig, "Write TrainConfig(lr=1e-3, …), train_preset(…), or a dictionary of settings."),
    ):
        if not isinstance(value, kind):
            expected = kind.__name__ if isinstance(kind, type) else kind[0].__name__
            raise TypeError(f"Trainer: {name} is a {type(value).__name__}, but must be a {expected}. {advice}")


def _check_fit(model: HRM, puzzles: PuzzleSet) -> None:
    cfg = model.config
    if len(puzzles) == 0:
        raise ValueError(f"{puzzles.name} holds no puzzles: there is nothing to train or evaluate on.")
    if (puzzles.seq_len, puzzles.vocab_size) != (cfg.seq_len, cfg.vocab_size):
        raise ValueError(
            f"{puzzles.name} has seq_len={puzzles.seq_len} and vocab_size={puzzles.vocab_size}, but the model was made "
            f"for seq_len={cfg.seq_len} and vocab_size={cfg.vocab_size}. Make the model with the puzzles' own two "
            "numbers."
        )
    if cfg.puzzles and puzzles.identifiers > cfg.puzzles:
        raise ValueError(
            f"{puzzles.name} has puzzle identifiers up to {puzzles.identifiers - 1}, but the model has only "
            f"puzzles={cfg.puzzles} embeddings. Make the model with puzzles={puzzles.identifiers}."
        )
