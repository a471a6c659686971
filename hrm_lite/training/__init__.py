"""A run: steps and their optimizer, the carried rows, checkpoints, the folder where all that is kept.

`trainer.Trainer` is what others use; `supervision.DeepSupervision` is the step that it repeats.
"""

from .checkpoints import save_model
from .loading import load_model
from .supervision import DeepSupervision
from .trainer import Trainer

__all__ = ["DeepSupervision", "Trainer", "load_model", "save_model"]
