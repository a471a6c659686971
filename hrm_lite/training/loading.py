"""A trained model from wherever it lies: a file, a run folder, a published checkpoint, the Hub, or the package."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from ..config import HRMConfig
from ..model import HRM
from ..official import load_published
from ..official.folders import CONFIG
from ..puzzles import hub
from ..records import SHIPPED, shipped
from .checkpoints import difference, is_model_file, read_model

__all__ = ["load_model"]

_MODEL = "model.safetensors"


def load_model(source: str | os.PathLike, config: HRMConfig | None = None, seq_len: int | None = None) -> HRM:
    """A trained model, in float32 and evaluation mode, from

    a file          that `save_model` wrote, such as best.safetensors of a run folder
    a run folder    its model.safetensors, the weights to use
    a checkpoint    of the published programs: a folder with all_config.yaml, or a file of weights beside one; see
                    `load_published`
    the Hub         "hub:OWNER/NAME" or "hub:OWNER/NAME@REVISION", with either in it
    the package     the name of a model that comes with it: "sudoku-4x4" (`records.SHIPPED`). A file or folder of that
                    name is meant where it is written as a path: "./sudoku-4x4"

    config: refuse a model of another configuration, and show what differs. seq_len: for `load_published`.
    Raises ValueError, FileNotFoundError, or OSError where the Hub cannot be reached.
    """
    path, published = _place(source)
    if not published:
        return read_model(path, config)
    model = load_published(path, seq_len)
    if config is not None and config != model.config:
        raise ValueError(
            f"{source} holds a model of another configuration "
            f"({difference(model.config.to_dict(), config.to_dict())}). Load it without a configuration."
        )
    return model


def _place(source: str | os.PathLike) -> tuple[str | Path, bool]:
    """Where the model lies, and whether it is a published checkpoint."""
    if isinstance(source, str):
        if source in SHIPPED:
            return shipped(source).weights, False
        if source.startswith("hub:"):
            return _on_hub(source)
    elif not isinstance(source, os.PathLike):
        raise TypeError(
            f"load_model takes a path, \"hub:OWNER/NAME\" or one of {', '.join(SHIPPED)}; got {type(source).__name__}."
        )
    path = Path(source).expanduser()
    if path.is_dir():
        if (path / CONFIG).is_file():
            return path, True
        if (path / _MODEL).is_file():
            return path / _MODEL, False
        best = " It holds best.safetensors: give that file to load it." if (path / "best.safetensors").is_file() else ""
        raise FileNotFoundError(
            f"the folder {path} holds neither {_MODEL}, as a run folder does, nor {CONFIG}, as a published checkpoint "
            f"does.{best}"
        )
    if path.is_file():
        return path, (path.parent / CONFIG).is_file() and not is_model_file(path)
    near = difflib.get_close_matches(str(source), SHIPPED, 1, 0.5)
    raise FileNotFoundError(
        f"there is no checkpoint {path}, and no model of that name comes with the package."
        f"{f' Do you mean {near[0]!r}?' if near else ''} Check the path, train first, or take one that comes with it: "
        f"{', '.join(SHIPPED)}."
    )


def _on_hub(source: str) -> tuple[str | Path, bool]:
    name, offline = source.removeprefix("hub:"), "the path of a model file"
    files = hub.names(name, offline, "model")
    if CONFIG in files:
        return source, True
    if _MODEL not in files:
        raise ValueError(
            f"{source} holds neither {CONFIG}, as a published checkpoint does, nor {_MODEL}, as a model of hrm_lite "
            f"does; there are {', '.join(files[:8]) or 'no files'}."
        )
    return hub.fetch(name, _MODEL, offline, "model"), False
