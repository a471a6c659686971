"""hrm_lite: the Hierarchical Reasoning Model, small enough to read. The book beside it derives every module."""

from . import puzzles
from .config import HRMConfig, TrainConfig
from .model import HRM, Latents, Output
from .official import from_official
from .presets import model_preset, train_preset
from .solving import solve
from .training import Trainer, load_model, save_model

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
