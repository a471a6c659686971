"""hrm_lite: the Hierarchical Reasoning Model, small enough to read. The book beside it derives every module."""

#from . import puzzles
from .config import HRMConfig, TrainConfig, model_preset
from .model import HRM, Latents, Output
from .official import from_official

__version__ = "0.1.0"
