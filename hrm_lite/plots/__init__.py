"""Pictures, in matplotlib: the model, boards and how they change, residuals, schedules, decisions."""

from .architecture import architecture
from .boards import board, thinking
from .curves import residual_curve, schedule
from .decisions import decision
from .style import COLOURS, use_style

__all__ = [
    "COLOURS", "architecture", "board", "decision", "residual_curve", "schedule", "thinking", "use_style",
]  # fmt: skip
