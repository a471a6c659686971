"""What a notebook found, by name, so that its sentences can be held to it.

A sentence binds a number with a comment that no reader sees: ``**92 %**<!-- =deep.exact:.0% -->`` after a cell with
``findings(deep=record)``. ``=`` says that the text must agree, which is for values of run records: building the pages
fails where they differ. ``~`` is for what the reader's machine computes: the pages show the value of their own run.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import torch

__all__ = ["KIND", "findings", "found"]

KIND = "application/x-hrm-lite-findings"
"""The kind of output that carries them. Jupyter and Colab do not know it, so they show nothing."""


def findings(**named) -> None:
    """Keep values by name for the sentences of this notebook. Nothing is shown; outside of a notebook nothing happens.

    named: numbers, text, arrays and tensors, and lists and dictionaries of them. A name with dots in a sentence goes
    down into them: ``deep.exact.0``. Raises TypeError for anything else.
    """
    kept = {name: _plain(value, name) for name, value in named.items()}
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        shell.display_pub.publish({KIND: json.dumps(kept)})


def found(notebook: dict) -> dict:
    """All that the cells of an executed notebook kept, by name."""
    kept = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if KIND in output.get("data", {}):
                text = output["data"][KIND]
                kept |= json.loads(text if isinstance(text, str) else "".join(text))
    return kept


def _plain(value, name: str):
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)):
        value = value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(one, f"{name}.{key}") for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one, f"{name}.{i}") for i, one in enumerate(value)]
    raise TypeError(
        f"findings: {name} is of type {type(value).__name__}. Numbers, text, arrays, and lists and dictionaries of "
        "them can be bound to a sentence."
    )
