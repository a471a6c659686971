"""Published HRM and TRM weights into this model.

The published state dicts carry the names of the code that wrote them (and of what wrapped it); `from_official`
translates the names and checks every shape. Files are read without executing anything in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from .config import HRMConfig
from .model import HRM

__all__ = ["config_from_official", "from_official", "read_official"]

_WRAPPERS = re.compile(r"^(?:_orig_mod\.|module\.|model\.|inner\.)+")
_NAMES = (
    (r"embed_tokens\.embedding_weight", "input_net.tokens.weight"),
    (r"embed_pos\.embedding_weight", "input_net.positions"),
    (r"puzzle_emb\.weights", "input_net.puzzles.weight"),
    (r"lm_head\.weight", "output_net.weight"),
    (r"q_head\.(weight|bias)", r"q_head.\1"),
    (r"([HL])_init", r"z_\1_init"),
    (r"H_level\.(.*)", r"controller.\1"),
    (r"L_level\.(.*)", r"worker.\1"),
)
_IN_LAYER = (
    (".layers.", ".blocks."),
    (".self_attn.qkv_proj.", ".mixer.qkv."),
    (".self_attn.o_proj.", ".mixer.out."),
    (".mlp_t.gate_up_proj.", ".mixer.gate_up."),
    (".mlp_t.down_proj.", ".mixer.down."),
    (".gate_up_proj.", ".gate_up."),
    (".down_proj.", ".down."),
)
_REQUIRED = ("vocab_size", "seq_len", "hidden_size", "num_heads", "expansion", "H_cycles", "L_cycles", "L_layers")


def translate(key: str) -> str | None:
    """The name in this model of a key of a published state dict; None for a key that is not known."""
    bare = _WRAPPERS.sub("", key)
    for pattern, name in _NAMES:
        if match := re.fullmatch(pattern, bare):
            name = match.expand(name)
            for theirs, ours in _IN_LAYER:
                name = name.replace(theirs, ours)
            return name
    return None


def config_from_official(arch: Mapping) -> HRMConfig:
    """An `HRMConfig` from the published names (hidden_size, H_cycles, …; extra names are ignored).

    A TRM configuration is one whose H_layers is absent or 0: one network plays both parts and the gradient runs through
    the last cycle. Raises ValueError where a name is missing or a value has no counterpart here.
    """
    missing = [name for name in _REQUIRED if name not in arch]
    if missing:
        raise ValueError(
            f"the architecture lacks {', '.join(missing)}; given were {', '.join(sorted(arch))}. Take the "
            "`arch` section of the published all_config.yaml together with vocab_size and seq_len."
        )
    d, width = arch["hidden_size"], arch.get("puzzle_emb_ndim", 0)
    if width not in (0, d):
        raise ValueError(
            f"puzzle_emb_ndim={width} has no counterpart: a puzzle embedding is one vector of "
            f"hidden_size={d}, or absent (0)."
        )
    single = not arch.get("H_layers")
    over_positions = bool(arch.get("mlp_t", False))
    return HRMConfig(
        vocab_size=arch["vocab_size"],
        seq_len=arch["seq_len"],
        d_model=d,
        n_heads=arch["num_heads"],
        worker_layers=arch["L_layers"],
        controller_layers=arch["L_layers"] if single else arch["H_layers"],
        cycles=arch["H_cycles"],
        steps=arch["L_cycles"],
        expansion=float(arch["expansion"]),
        positions=arch.get("pos_encodings", "rope"),
        mixer="mlp" if over_positions else "attention",
        puzzles=arch.get("num_puzzle_identifiers", 1) if width else 0,
        puzzle_positions=arch.get("puzzle_emb_len") or 1,
        share_modules=single,
        gradient="last_cycle" if single else "one_step",
        rms_eps=float(arch.get("rms_norm_eps", 1e-5)),
        rope_theta=float(arch.get("rope_theta", 10000.0)),
    )


def read_official(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a published checkpoint file (.safetensors, or what torch.save wrote), on the CPU.

    Reads with ``weights_only=True``: a file that asks for code to be run is refused.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint file {path}. Download one first, or check the path.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"{path} ({path.stat().st_size:,} bytes) could not be read as a checkpoint: it is cut short, is no "
            "file that torch.save or safetensors wrote, or holds more than tensors, and then it is not opened, because "
            f"opening it could run code. Download it again and compare its size. ({type(error).__name__})"
        ) from error
    if not isinstance(state, Mapping) or not state or not all(isinstance(v, Tensor) for v in state.values()):
        raise ValueError(
            f"{path} holds {type(state).__name__} and not a dictionary of tensors by name. A published "
            "checkpoint is the state dict itself."
        )
    return dict(state)


def from_official(state_dict: Mapping[str, Tensor] | str | Path, arch: Mapping) -> HRM:
    """A model with published weights, in evaluation mode.

    state_dict: the published tensors by name, with or without their wrappers' prefixes, or the path of the file
    that holds them. arch: the published configuration names (see `config_from_official`). Raises ValueError that
    names every missing, surplus and mis-shaped key; the weights given are not changed.
    """
    state = read_official(state_dict) if isinstance(state_dict, (str, Path)) else state_dict
    model = HRM(config_from_official(arch))
    wanted = model.state_dict()
    found: dict[str, Tensor] = {}
    surplus, misshaped = [], []
    for key, value in state.items():
        name = translate(key)
        if name not in wanted or name in found:
            surplus.append(key)
        elif value.shape != wanted[name].shape:
            misshaped.append(f"{key} is {tuple(value.shape)}, needed is {tuple(wanted[name].shape)}")
        else:
            found[name] = value.to(wanted[name].dtype)
    said = {translate(key) for key in state}
    missing = [name for name in wanted if name not in said]
    if missing or surplus or misshaped:
        lines = [
            f"{label}: {'; '.join(sorted(keys))}."
            for label, keys in (
                ("missing (by the names here)", missing),
                ("not known", surplus),
                ("of another shape", misshaped),
            )
            if keys
        ]
        raise ValueError(
            "these weights do not fit this configuration. " + " ".join(lines) + " Check that arch belongs "
            "to the checkpoint: hidden_size, H_layers, L_layers, vocab_size, num_puzzle_identifiers."
        )
    model.load_state_dict(found)
    return model.eval()
