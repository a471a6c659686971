"""The published configuration, a YAML file or what it holds, as an `HRMConfig`."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

from ..config import HRMConfig

__all__ = ["config_from_official", "read_arch", "read_yaml"]

_REQUIRED = (
    "vocab_size", "seq_len", "hidden_size", "num_heads", "expansion", "H_cycles", "L_cycles", "L_layers",
    # "rope" and "none" leave no trace in the weights: a guess would load, and answer something else.
    "pos_encodings",
)  # fmt: skip
_USED = {*_REQUIRED, "H_layers", "puzzle_emb_ndim", "puzzle_emb_len", "num_puzzle_identifiers", "mlp_t", "rms_norm_eps",
         "rope_theta", "name"}  # fmt: skip
# How it was trained, or what the published code does not read.
_IDLE = {"loss", "halt_max_steps", "halt_exploration_prob", "forward_dtype", "no_ACT_continue", "batch_size", "causal"}
_TRM_POSITIONS = 16  # puzzle_emb_len where a TRM configuration does not say it
_REFERENCE = re.compile(r"\$\{([^{}]+)\}")


def read_arch(source: Mapping | str | Path) -> dict:
    """The architecture's names and values, from all_config.yaml: its path, what it holds, or its ``arch`` section.

    References such as ``${.hidden_size}`` are resolved. vocab_size, seq_len and num_puzzle_identifiers may stand
    beside ``arch``. Raises FileNotFoundError, and ValueError for what is no such configuration.
    """
    where = "the architecture"
    if isinstance(source, (str, Path)):
        where = str(source)
        source = read_yaml(Path(source).expanduser())
    if not isinstance(source, Mapping):
        raise ValueError(
            f"{where} is a {type(source).__name__}, but a mapping of names such as hidden_size to values is needed: "
            "the published all_config.yaml, by its path or loaded with yaml.safe_load, or its section `arch`."
        )
    inner = source.get("arch")
    if not isinstance(inner, Mapping):
        return {name: _resolve(value, source, ("arch", name), where) for name, value in source.items()}
    beside = {name: source[name] for name in ("vocab_size", "seq_len", "num_puzzle_identifiers") if name in source}
    return beside | {name: _resolve(value, source, ("arch", name), where) for name, value in inner.items()}


def read_yaml(path: Path):
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no file {path}. Give the published all_config.yaml, or what it holds as a mapping."
        )
    import yaml  # it comes with huggingface_hub

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} could not be read as YAML: {error}. Give the published all_config.yaml.") from error


def _resolve(value, root: Mapping, place: tuple[str, ...], where: str, depth: int = 0):
    """A value with its ${…}: from the root of the file, or with dots from where it stands, as Hydra reads them."""
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return value
    dots = len(match[1]) - len(match[1].lstrip("."))
    path = (*place[: len(place) - dots], *match[1].lstrip(".").split(".")) if dots else tuple(match[1].split("."))
    # The section `arch` may stand alone.
    for steps in (path, path[1:] if path[0] == "arch" else path):
        found = root
        for step in steps:
            found = found.get(step) if isinstance(found, Mapping) else None
        if found is not None and depth < 8:
            return _resolve(found, root, path, where, depth + 1)
    raise ValueError(f"{where}: {'.'.join(place)} is {value}, which leads nowhere. Write the value in its place.")


def config_from_official(arch: Mapping | str | Path) -> HRMConfig:
    """An `HRMConfig` from the published names (hidden_size, H_cycles, …).

    arch: as for `read_arch`, with vocab_size and seq_len. A TRM configuration is one whose name says so, or whose
    H_layers is absent or 0: one network plays both parts and the gradient runs through the last cycle.
    Warns of settings that have no counterpart here. Raises ValueError where a name is missing or a value cannot be
    used.
    """
    arch = read_arch(arch)
    missing = [name for name in _REQUIRED if name not in arch]
    if missing:
        raise ValueError(
            f"the architecture lacks {', '.join(missing)}; given were {', '.join(sorted(map(str, arch)))}. Take the "
            "`arch` section of the published all_config.yaml together with vocab_size and seq_len."
        )
    name = str(arch.get("name", ""))
    if re.search(r"singlez|hier6|transformers_baseline", name):
        raise ValueError(f"name={name!r} is another model than HRM or TRM with two states; it cannot be loaded here.")
    if strange := sorted(str(k) for k, v in arch.items() if k not in _USED | _IDLE and v not in (None, False, 0, "")):
        warnings.warn(
            f"the architecture has settings that the published code does not know: {', '.join(strange)}. They are not "
            "used here. If they change what the network computes, these weights will give other answers than there.",
            stacklevel=2,
        )
    single = "TinyRecursive" in name or not arch.get("H_layers")
    d, width = _whole(arch, "hidden_size"), _whole(arch, "puzzle_emb_ndim", 0)
    positions = _whole(arch, "puzzle_emb_len", _TRM_POSITIONS if single else 0)
    return HRMConfig(
        vocab_size=_whole(arch, "vocab_size"),
        seq_len=_whole(arch, "seq_len"),
        d_model=d,
        n_heads=_whole(arch, "num_heads"),
        worker_layers=_whole(arch, "L_layers"),
        controller_layers=_whole(arch, "L_layers" if single else "H_layers"),
        cycles=_whole(arch, "H_cycles"),
        steps=_whole(arch, "L_cycles"),
        expansion=_real(arch, "expansion"),
        positions=arch["pos_encodings"],
        mixer="mlp" if arch.get("mlp_t") else "attention",
        puzzles=_whole(arch, "num_puzzle_identifiers", 1) if width else 0,
        puzzle_positions=(positions or -(-width // d)) if width else 1,
        puzzle_width=width if width != d else 0,
        share_modules=single,
        gradient="last_cycle" if single else "one_step",
        rms_eps=_real(arch, "rms_norm_eps", 1e-5),
        rope_theta=_real(arch, "rope_theta", 10000.0),
    )


def _whole(arch: Mapping, name: str, default: int | None = None) -> int:
    value = _real(arch, name, default)
    if value != int(value):
        raise ValueError(f"{name}={arch[name]!r} is not usable: expected a whole number.")
    return int(value)


def _real(arch: Mapping, name: str, default: float | None = None) -> float:
    value = arch.get(name)
    value = default if value is None else value
    try:
        return float(value)  # YAML reads 1e-5 as text
    except (TypeError, ValueError):
        raise ValueError(f"{name}={value!r} is not usable: expected a number.") from None
