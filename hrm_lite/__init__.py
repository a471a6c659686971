"""hrm_lite: the Hierarchical Reasoning Model, small enough to read. The book beside it derives every module."""

from . import puzzles
from .checkpoints import load_model, save_model
from .config import HRMConfig, TrainConfig
from .model import HRM, Latents, Output
from .official import from_official
from .presets import model_preset, train_preset
from .solving import solve
from .training import Trainer

__all__ = [
    "HRM",
    "HRMConfig",
    "Latents",
    "Output",
    "TrainConfig",
    "Trainer",
    "from_official",
    "load_model",
    "model_preset",
    "puzzles",
    "save_model",
    "solve",
    "train_preset",
]
__version__ = "0.1.0"
