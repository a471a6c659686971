"""Checks of chapter 8, the whole model."""

from __future__ import annotations

import torch

from ..model import HRM
from ..official import translate
from ..presets import model_preset
from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


@exercise("8.1", "a function of the width d and of the multiple to which u is rounded up, that returns a whole number")
def parameters(count) -> str:
    for d, multiple in ((512, 256), (512, 1), (96, 256), (256, 64), (320, 256)):
        heads = 4 if d % 8 else 8
        with torch.device("meta"):
            true = HRM(model_preset("paper", d_model=d, n_heads=heads, inner_multiple=multiple)).count_parameters()
        found = number(call(count, d, multiple), "the number of parameters", 0)
        if found == true:
            continue
        u = -(-round(4 * d * 2 / 3) // multiple) * multiple
        exact = round(4 * d * 2 / 3)
        said = f"for d = {d} and a multiple of {multiple} "
        if found == true - 8 * 3 * d * (u - exact):
            raise Wrong(said + f"u is {u} and not {exact}: round up to the next multiple.")
        if found in (true - 8 * d * u, true - 8 * 2 * d * u):
            raise Wrong("SwiGLU has three matrices of d × u: two that widen, the gate and what it gates, and one back.")
        if found == true - 8 * d * d:
            raise Wrong("attention has four matrices of d × d: the output is one, too.")
        if found in (true - 2, true - 2 * d - 2):
            raise Wrong(
                "the Q head reads d numbers and gives two logits, and it has a bias, the only one in the model."
            )
        if found in (true - 11 * d, true - 22 * d):
            raise Wrong("tokens are read by one table of 11 × d, and answers by a matrix of the same size.")
        if abs(found - true / 2) < 0.02 * true:
            raise Wrong("that is about half: worker and controller have four blocks *each*.")
        raise Wrong(said + f"the package has {true:,} parameters, and your function says {found:,.0f}.")
    return (
        "27,275,266 at d = 512 with a multiple of 256, and several per cent fewer without the rounding of 1365 to "
        "1536. "
        "Someone who reports “the same size” with the exact two thirds has another model."
    )


@exercise("8.2", "a dictionary with a number for each of 'one_step', 'last_cycle' and 'full'")
def which_gradient(answer) -> str:
    if not isinstance(answer, dict) or set(answer) != {"one_step", "last_cycle", "full"}:
        raise Wrong("hand over a dictionary with three keys: 'one_step', 'last_cycle' and 'full'.")
    off = {mode: number(value, f"the distance of {mode!r}", 0) for mode, value in answer.items()}
    if len({round(value, 6) for value in off.values()}) < 3:
        raise Wrong(
            "two of the three are the same. Give each model the mode by `config.replace(gradient=…)`, and begin each "
            "with "
            "`zero_grad`: gradients add up."
        )
    if min(off, key=off.get) != "one_step":
        raise Wrong(
            "that would make another mode the nearest. Is it the gradient that you compare, and not the scores?"
        )
    if off["one_step"] > 1e-3:
        raise Wrong(
            f"one mode should agree to the rounding of float32, and your smallest distance is {off['one_step']:.1e}. "
            "`held` computes in float64, and the loss is divided by the number of puzzles."
        )
    return (
        "Only one_step gives the recorded gradients, while the scores are as recorded with all three. A test covers "
        "what "
        "it compares: a faithful forward pass says nothing about a faithful training."
    )


@exercise("8.3", "a function of one name of the published code that returns the package's name")
def renamed(ours) -> str:
    body = {
        "inner.embed_tokens.embedding_weight": "the tokens are read by `input_net.tokens`",
        "inner.lm_head.weight": "the answer is read by `output_net`",
        "inner.q_head.bias": "the Q head keeps its name",
        "inner.H_init": "the states begin at `z_H_init` and `z_L_init`",
        "inner.L_level.layers.2.self_attn.qkv_proj.weight": "attention is the block's `mixer`, with `qkv` and `out`",
        "inner.H_level.layers.0.self_attn.o_proj.weight": "attention is the block's `mixer`, with `qkv` and `out`",
        "inner.H_level.layers.3.mlp.gate_up_proj.weight": "SwiGLU is the block's `mlp`, with `gate_up` and `down`",
        "inner.L_level.layers.1.mlp.down_proj.weight": "SwiGLU is the block's `mlp`, with `gate_up` and `down`",
    }
    for name, hint in body.items():
        for prefix in ("_orig_mod.model.", "model."):
            found = call(ours, prefix + name)
            true = translate(name.removeprefix("inner."))
            if not isinstance(found, str):
                raise Wrong("your function should return a name, a text.")
            if found == true:
                continue
            if any(word in found for word in ("_orig_mod", "inner.")) or found.startswith("model."):
                raise Wrong(f"of {prefix + name} a prefix is left: {found}. What wrapped the model is no part of it.")
            if found.replace("worker", "*").replace("controller", "worker").replace("*", "controller") == true:
                raise Wrong("L is the worker, which steps often, and H the controller.")
            raise Wrong(f"{prefix + name} becomes {found!r}, and should not: {hint}.")
    return (
        "Names are the only thing that tells one square matrix from another. `from_official` checks every shape as "
        "well, "
        "and complains about each name that is left over on either side."
    )


@exercise("8.4", "a function of N, T and the blocks of worker and controller that returns two whole numbers")
def depth(blocks) -> str:
    for N, T, worker, controller in ((2, 2, 4, 4), (2, 8, 4, 4), (10, 50, 4, 4), (3, 1, 2, 5)):
        run, learn = tensor(call(blocks, N, T, worker, controller), "what your function returns", (2,)).tolist()
        steps = "".join("L" * T + "H" for _ in range(N))  # counted, and not calculated
        true = steps.count("L") * worker + steps.count("H") * controller, worker + controller
        if (run, learn) == true:
            continue
        if run == N * T:
            raise Wrong("N·T are the worker's *steps*. Each is several blocks, and the controller steps as well.")
        if run == N * T * worker:
            raise Wrong("the controller's blocks are missing: it steps once in each of the N cycles.")
        if run == N * T * (worker + controller):
            raise Wrong("the controller does not step T times in a cycle, but once.")
        if learn == run or learn == true[0]:
            raise Wrong("most blocks run without a gradient: it goes through the last step of each network only.")
        raise Wrong(
            f"for N = {N}, T = {T} and modules of {worker} and {controller} blocks, {run:g} and {learn:g} is not it."
        )
    return (
        "24 blocks of which 8 learn, at the published setting; 2,040 and still 8 at N = 10, T = 50. “Up to N×T "
        "effective "
        "layers” counts steps of the worker."
    )
