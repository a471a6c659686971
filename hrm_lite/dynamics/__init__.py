"""The computation as a movement: how far the states go at every step, and what is in them on the way.

`steps` follows a run; `states` counts the directions of a state, reads it, pushes it and freezes a part.
"""

from .states import Probe, directions, fit_probe, nudge, participation_ratio, run_frozen
from .steps import Moment, Residuals, answers, forward_residual, moments, residuals

__all__ = [
    "Moment", "Probe", "Residuals", "answers", "directions", "fit_probe", "forward_residual", "moments", "nudge",
    "participation_ratio", "residuals", "run_frozen",
]  # fmt: skip
