"""A published state dict and its configuration into an `HRM`, every name and shape checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..model import HRM
from .arch import config_from_official
from .files import read_official, weights_in
from .names import bare_names, translate

__all__ = ["from_official"]


def from_official(
    state_dict: Mapping[str, Tensor] | str | Path, arch: Mapping | str | Path, key: str | None = None
) -> HRM:
    """A model with published weights, in evaluation mode.

    state_dict: the published tensors by name, with or without their wrappers' prefixes, what a training program saved
    around them, or the path of the file that holds them. arch: the published configuration, as a mapping or as the
    path of all_config.yaml (see `config_from_official`). key: which weights to take where there are several, for
    example "ema". Raises ValueError that names every missing, surplus and mis-shaped key; the weights given are not
    changed.
    """
    if isinstance(state_dict, (str, Path)):
        state = read_official(state_dict, key)
    else:
        state = weights_in(state_dict, key, "what was given")
    state = bare_names(state)
    model = HRM(config_from_official(arch))
    wanted = model.state_dict()
    found: dict[str, Tensor] = {}
    surplus, misshaped = [], []
    for name, value in state.items():
        ours = translate(name)
        if ours not in wanted:
            surplus.append(name)
        elif value.shape != wanted[ours].shape:
            misshaped.append(f"{name} is {tuple(value.shape)}, needed is {tuple(wanted[ours].shape)}")
        else:
            found[ours] = value.to(wanted[ours].dtype)
    said = {translate(name) for name in state}
    missing = [name for name in wanted if name not in said]
    if missing or surplus or misshaped:
        lines = [
            f"{label}: {'; '.join(sorted(names))}."
            for label, names in (
                ("missing (by the names here)", missing),
                ("not known", surplus),
                ("of another shape", misshaped),
            )
            if names
        ]
        raise ValueError(
            "these weights do not fit this configuration. " + " ".join(lines) + " Check that arch belongs "
            "to the checkpoint: hidden_size, H_layers, L_layers, vocab_size, seq_len, num_puzzle_identifiers, "
            "puzzle_emb_ndim, puzzle_emb_len."
        )
    model.load_state_dict(found)
    return model.eval()
