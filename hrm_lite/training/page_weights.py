"""The small format that a page reads: a model as a classic script.

A page that was opened from disk may not fetch a file, but it may run a script beside it. So the file is one:

    // hrm_lite page model, version 1
    globalThis.HRM_LITE_MODELS = globalThis.HRM_LITE_MODELS || {};
    globalThis.HRM_LITE_MODELS["sudoku-4x4"] = {"format": "hrm_lite page model", "version": 1, …};

The value is JSON: ``config`` (as `HRMConfig.to_dict`), ``facts`` (whatever the writer adds), ``sha256`` of the bytes,
``data``, these bytes in base64, and ``tensors``, a list of {name, shape, type, offset, scales}. Numbers are little
endian and row by row. type "float16": 2 bytes each. type "int8": 1 byte each, times the scale of its row (the first
axis): float32 numbers at the offset ``scales``. Every offset counts bytes from the start and is a multiple of 4.
Weights of two axes become int8 where that is asked for; all else stays float16, which is what a row of 8 bits needs for
biases and initial states. Puzzle embeddings travel too, as they are part of the model.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from ..config import HRMConfig
from ..model import HRM
from ..records import write_atomically

__all__ = ["page_script", "read_page_model", "write_page_model"]

_FORMAT, _VERSION, _GLOBAL = "hrm_lite page model", 1, "HRM_LITE_MODELS"
TYPES = ("float16", "int8")


def page_script(model: HRM, name: str, weights: str = "float16", facts: dict | None = None) -> str:
    """The script. weights: "float16", or "int8" for matrices. ValueError for a weight that float16 cannot hold."""
    if weights not in TYPES:
        raise ValueError(f"weights={weights!r} is not usable: expected one of {', '.join(map(repr, TYPES))}.")
    data, tensors = bytearray(), []

    def put(values: np.ndarray) -> int:
        data.extend(b"\0" * (-len(data) % 4))
        data.extend(values.tobytes())
        return len(data) - values.nbytes

    for key, tensor in model.state_dict().items():
        values = tensor.detach().cpu().float().numpy()
        if not np.isfinite(values).all() or np.abs(values).max(initial=0) > np.finfo(np.float16).max:
            raise ValueError(
                f"{key} holds values that 16 bits cannot: up to {np.abs(values).max():.3g}. Such a model is no use on "
                "a page; did its training break down?"
            )
        entry = {"name": key, "shape": list(values.shape)}
        if weights == "int8" and values.ndim == 2 and key.endswith(".weight"):
            scales = np.maximum(np.abs(values).max(1), 1e-12).astype("<f4") / np.float32(127)
            entry |= {"type": "int8", "offset": put(np.rint(values / scales[:, None]).astype(np.int8))}
            entry["scales"] = put(scales)
        else:
            entry |= {"type": "float16", "offset": put(values.astype("<f2"))}
        tensors.append(entry)
    value = {
        "format": _FORMAT, "version": _VERSION, "config": model.config.to_dict(), "facts": facts or {},
        "tensors": tensors, "sha256": hashlib.sha256(data).hexdigest(), "data": base64.b64encode(data).decode(),
    }  # fmt: skip
    # In plain ASCII, and without the "<" that would end a script written into a page.
    key, text = (json.dumps(v, allow_nan=False).replace("<", "\\u003c") for v in (name, value))
    return (
        f"// {_FORMAT}, version {_VERSION}\n"
        f"globalThis.{_GLOBAL} = globalThis.{_GLOBAL} || {{}};\n"
        f"globalThis.{_GLOBAL}[{key}] = {text};\n"
    )


def write_page_model(path: str | Path, model: HRM, name: str, weights: str = "float16", facts: dict | None = None):
    """Write `page_script` to a file, all or nothing."""
    text = page_script(model, name, weights, facts)
    write_atomically(Path(path), lambda file: file.write(text.encode("ascii")))


def read_page_model(path: str | Path) -> tuple[HRM, dict]:
    """The model of such a file, in float32 and evaluation mode, and its facts.

    ValueError for a file of another form or with damaged content.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    try:
        if len(lines) != 3 or not lines[0].startswith(f"// {_FORMAT}"):
            raise ValueError("it does not begin as one")
        value = json.loads(lines[2].split(" = ", 1)[1].removesuffix(";"))
        if (value["format"], value["version"]) != (_FORMAT, _VERSION):
            raise ValueError(f"it is of version {value['version']}")
        data = base64.b64decode(value["data"], validate=True)
        if hashlib.sha256(data).hexdigest() != value["sha256"]:
            raise ValueError("its checksum does not fit its content")
        state = {entry["name"]: _tensor(entry, data) for entry in value["tensors"]}
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(
            f"{path} is no page model that this version can read: {error}. `hrm-lite export MODEL --to "
            "NAME.js` writes one."
        ) from error
    model = HRM(HRMConfig.from_dict(value["config"]))
    model.load_state_dict(state)
    return model.eval(), value["facts"]


def _tensor(entry: dict, data: bytes) -> torch.Tensor:
    shape = entry["shape"]
    count = int(np.prod(shape, dtype=np.int64))
    if entry["type"] == "float16":
        values = np.frombuffer(data, "<f2", count, entry["offset"]).astype(np.float32)
    else:
        rows = np.frombuffer(data, "<f4", shape[0], entry["scales"])
        values = np.frombuffer(data, np.int8, count, entry["offset"]).reshape(shape) * rows[:, None]
    return torch.from_numpy(np.array(values.reshape(shape), np.float32))
