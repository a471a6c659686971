"""The names of the published state dicts, and those of the same tensors here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

__all__ = ["bare_names", "split", "translate"]

_NAMES = (
    (r"embed_tokens\.embedding_weight", "input_net.tokens.weight"),
    (r"embed_pos\.embedding_weight", "input_net.positions"),
    (r"puzzle_emb\.weights", "input_net.puzzles.weight"),
    (r"lm_head\.weight", "output_net.weight"),
    (r"q_head\.(weight|bias)", r"q_head.\1"),
    (r"([HL])_init", r"z_\1_init"),
    (r"H_level\.(layers\..*)", r"controller.\1"),
    (r"L_level\.(layers\..*)", r"worker.\1"),
)
_IN_LAYER = (
    ("layers.", "blocks."),
    (".self_attn.qkv_proj.", ".mixer.qkv."),
    (".self_attn.o_proj.", ".mixer.out."),
    (".mlp_t.gate_up_proj.", ".mixer.gate_up."),
    (".mlp_t.down_proj.", ".mixer.down."),
    (".gate_up_proj.", ".gate_up."),
    (".down_proj.", ".down."),
)
# Whatever wraps a model writes its own name in front: the compiler, the loss, Lightning, an average.
_WRAPPED = re.compile(r"((?:[^.]+\.)*?)(" + "|".join(pattern.replace("(", "(?:") for pattern, _ in _NAMES) + ")")


def split(key: str) -> tuple[str, str] | None:
    """A key of a published state dict in wrapper and name ("model.inner.", "lm_head.weight"); None if not known."""
    match = _WRAPPED.fullmatch(key)
    return match and (match[1], match[2])


def translate(key: str) -> str | None:
    """The name in this model of a key of a published state dict; None for a key that is not known."""
    bare = (split(key) or ("", key))[1]
    for pattern, name in _NAMES:
        if match := re.fullmatch(pattern, bare):
            name = match.expand(name)
            for theirs, ours in _IN_LAYER:
                name = name.replace(theirs, ours)
            return name
    return None


def bare_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by their published names, without wrappers; a key that is not known stays as it is.

    Raises ValueError when a name stands there twice, as those of the weights and of their average in one file do.
    """
    found = {key: split(key) or ("", key) for key in state}
    names = [name for _, name in found.values()]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        places = sorted({wrapper.rstrip(".") for wrapper, name in found.values() if name == twice})
        raise ValueError(
            f"these weights hold {twice} more than once, in {' and in '.join(map(repr, places))}: several models, or a "
            f"model and its average. Say which one to take, for example key={places[-1]!r}."
        )
    return {found[key][1]: value for key, value in state.items()}
