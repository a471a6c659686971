"""Checkpoints: one safetensors file each, written aside and renamed, with a checksum; never pickle.

A *model file* holds weights and configuration and is what one shares. A *training state* holds everything
that the next step depends on, so that a run goes on to the same bits.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..config import HRMConfig
from ..model import HRM
from ..records import discard, write_atomically

__all__ = ["is_model_file", "latest_state", "read_model", "read_tensors", "save_model", "save_state", "write_tensors"]

_STATE = re.compile(r"step-(\d{9})\.safetensors")
_KEEP = 2


def _checksum(tensors: dict[str, Tensor], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        t = tensors[name]
        digest.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        digest.update(t.contiguous().reshape(-1).view(torch.uint8).numpy() if t.numel() else b"")
    return digest.hexdigest()


def write_tensors(path: str | Path, tensors: dict[str, Tensor], facts: dict) -> None:
    """Write named tensors and JSON-ready ``facts`` (with a "kind") as one file, atomically."""
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps(facts, allow_nan=False)
    # Two names for one storage would be saved twice, which safetensors refuses; none of ours are.
    data = save(tensors, metadata={"hrm_lite": text, "sha256": _checksum(tensors, text)})
    write_atomically(path, lambda file: file.write(data))


def read_tensors(path: str | Path, kind: str) -> tuple[dict[str, Tensor], dict]:
    """The tensors and facts of a file that `write_tensors` wrote, after checking all of it.

    Raises FileNotFoundError, or ValueError for a file that is cut short, changed, foreign or of another kind.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}. Check the path, or train first.")
    try:
        with safe_open(path, "pt") as file:
            meta = file.metadata() or {}
            # Copies: a tensor that lives in the mapped file would keep it from being removed (on Windows), and would
            # change with it.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        with path.open("rb") as file:
            if file.read(4) in (b"PK\x03\x04", b"\x80\x02}q", b"\x80\x02\x8a\n"):  # as torch.save begins a file
                raise ValueError(
                    f"{path} was written by torch.save and not by hrm_lite. Published HRM weights are read by "
                    "hrm_lite.from_official(path, arch), or by load_published where all_config.yaml lies beside them."
                ) from error
        raise ValueError(
            f"{path} ({path.stat().st_size:,} bytes) is cut short or is no safetensors file: {error}. "
            "It was left as it is; take another copy or an older checkpoint."
        ) from error
    if "hrm_lite" not in meta:
        raise ValueError(
            f"{path} is a safetensors file that hrm_lite did not write. Published HRM weights are read by "
            "hrm_lite.from_official(path, arch)."
        )
    if _checksum(tensors, meta["hrm_lite"]) != meta.get("sha256"):
        raise ValueError(
            f"{path} was changed after it was written: its checksum does not fit. It was left as it is; take "
            "another copy or an older checkpoint."
        )
    facts = json.loads(meta["hrm_lite"])
    if facts.get("kind") != kind:
        raise ValueError(
            f"{path} is a {facts.get('kind')}, but a {kind} is needed here. A model file comes from "
            "save_model, a training state from a run folder."
        )
    return tensors, facts


def save_model(path: str | Path, model: HRM, half: bool = False) -> None:
    """Weights and configuration in one file. half=True stores bfloat16, at half the size, for sharing."""
    tensors = {k: v.to(torch.bfloat16) if half and v.is_floating_point() else v for k, v in model.state_dict().items()}
    facts = {"kind": "model", "config": model.config.to_dict()}
    write_tensors(path, tensors, facts | ({} if model.owners is None else {"owners": model.owners}))


def is_model_file(path: Path) -> bool:
    """Whether this is a file that `write_tensors` wrote, by its header alone."""
    try:
        with safe_open(path, "pt") as file:
            return "hrm_lite" in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def read_model(path: str | Path, config: HRMConfig | None = None) -> HRM:
    """The model that `save_model` wrote, in float32 and evaluation mode.

    With ``config``, refuses (ValueError) a file of another configuration and shows what differs.
    """
    tensors, facts = read_tensors(path, "model")
    own = HRMConfig.from_dict(facts["config"])
    if config is not None and config != own:
        raise ValueError(
            f"{path} holds a model of another configuration ({difference(own.to_dict(), config.to_dict())}). "
            "Load it without a configuration, or take the file that belongs to yours."
        )
    model = HRM(own)
    model.load_state_dict({k: v.float() if v.dtype == torch.bfloat16 else v for k, v in tensors.items()})
    model.owners = facts.get("owners")
    return model.eval()


def difference(stored: dict, given: dict) -> str:
    """Which settings differ, as text: "lr: 0.001 stored, 0.003 given; …"; empty when none do."""
    names = [k for k in {**stored, **given} if _plain(stored.get(k)) != _plain(given.get(k))]
    return "; ".join(f"{k}: {stored.get(k)!r} stored, {given.get(k)!r} given" for k in names)


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def save_state(folder: Path, step: int, tensors: dict[str, Tensor], facts: dict) -> None:
    """Write the training state after ``step`` steps, then drop all but the last two."""
    write_tensors(folder / f"step-{step:09d}.safetensors", tensors, {"kind": "training state"} | facts)
    for old in _states(folder)[:-_KEEP]:
        discard(old)


def latest_state(folder: Path, say=print) -> tuple[dict[str, Tensor], dict] | None:
    """The newest training state that is whole, or None where there is none.

    A damaged one is passed over aloud (``say``). Raises ValueError when there are states and none is whole:
    starting again would overwrite what might be mended.
    """
    states = _states(folder)
    for path in reversed(states):
        try:
            return read_tensors(path, "training state")
        except ValueError as error:
            say(f"{error} Trying the checkpoint before it.")
    if states:
        raise ValueError(
            f"none of the {len(states)} checkpoints in {folder} is whole. Restore one from a copy, or choose "
            "another run folder to start again."
        )
    return None


def _states(folder: Path) -> list[Path]:
    names = os.listdir(folder) if folder.is_dir() else []
    return [folder / name for name in sorted(names) if _STATE.fullmatch(name)]
