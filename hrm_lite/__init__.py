"""hrm_lite: the Hierarchical Reasoning Model, small enough to read. The book beside it derives every module.

Nothing is imported before it is used: `hrm-lite --help` does not wait for torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import puzzles
    from .config import HRMConfig, TrainConfig
    from .model import HRM, Latents, Output
    from .official import from_official, load_published
    from .presets import model_preset, train_preset
    from .solving import solve
    from .training import Trainer, load_model, save_model

_HOMES = {
    "HRM": "model",
    "HRMConfig": "config",
    "Latents": "model",
    "Output": "model",
    "TrainConfig": "config",
    "Trainer": "training",
    "from_official": "official",
    "load_model": "training",
    "load_published": "official",
    "model_preset": "presets",
    "puzzles": None,
    "save_model": "training",
    "solve": "solving",
    "train_preset": "presets",
}
__all__ = [
    "HRM",
    "HRMConfig",
    "Latents",
    "Output",
    "TrainConfig",
    "Trainer",
    "from_official",
    "load_model",
    "load_published",
    "model_preset",
    "puzzles",
    "save_model",
    "solve",
    "train_preset",
]
__version__ = "0.1.0"


def __getattr__(name: str):
    if home := _HOMES.get(name):
        value = getattr(importlib.import_module(f".{home}", __name__), name)
    else:  # a room, such as hrm_lite.puzzles
        try:
            value = importlib.import_module(f".{name}", __name__)
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise  # something that the room itself needs
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
