"""Answers to the exercises of chapter 8."""

import re

import torch

from hrm_lite.official import translate


def count(d, multiple):
    u = -(-round(4 * d * 2 / 3) // multiple) * multiple
    return 8 * (4 * d * d + 3 * d * u) + 2 * 11 * d + 2 * d + 2


def count_block_by_block(d, multiple):
    u = round(4 * d * 2 / 3)
    while u % multiple:
        u += 1
    block = sum([d * 3 * d, d * d, d * 2 * u, u * d])
    return torch.tensor(sum(block for _ in range(8)) + 11 * d + d * 11 + (d + 1) * 2)


def without_rounding(d, multiple):
    return count(d, 1)


def two_matrices(d, multiple):
    u = -(-round(4 * d * 2 / 3) // multiple) * multiple
    return count(d, multiple) - 8 * d * u


def without_bias(d, multiple):
    return count(d, multiple) - 2


def one_module(d, multiple):
    return (count(d, multiple) - 24 * d - 2) // 2 + 24 * d + 2


def ours(name):
    return translate(re.sub(r"^(_orig_mod\.)?(model\.)?(inner\.)?", "", name))


PAIRS = {"embed_tokens.embedding_weight": "input_net.tokens.weight", "lm_head": "output_net", "self_attn": "mixer",
         "qkv_proj": "qkv", "o_proj": "out", "gate_up_proj": "gate_up", "down_proj": "down", "H_init": "z_H_init",
         "L_init": "z_L_init", "H_level.layers": "controller.blocks", "L_level.layers": "worker.blocks"}  # fmt: skip


def ours_by_pairs(name):
    for prefix in ("_orig_mod.", "model.", "inner."):
        name = name.removeprefix(prefix)
    for theirs, mine in PAIRS.items():
        name = name.replace(theirs, mine)
    return name


def prefix_left(name):
    return ours(name.removeprefix("_orig_mod.")) if name.startswith("model.") else "_orig_mod." + ours(name)


def exchanged(name):
    return ours(name).replace("worker", "*").replace("controller", "worker").replace("*", "controller")


def as_they_are(name):
    return re.sub(r"^(_orig_mod\.)?(model\.)?(inner\.)?", "", name)


def blocks(N, T, worker, controller):
    return N * (T * worker + controller), worker + controller


def blocks_counted(N, T, worker, controller):
    return torch.tensor([sum(worker * T + controller for _ in range(N)), worker + controller])


def steps_only(N, T, worker, controller):
    return N * T, worker + controller


def no_controller(N, T, worker, controller):
    return N * T * worker, worker + controller


def all_learn(N, T, worker, controller):
    return (N * (T * worker + controller),) * 2


RIGHT = {
    "8.1": [count, count_block_by_block],
    "8.2": [{"one_step": 2e-6, "last_cycle": 0.31, "full": 0.35}, {"full": 0.5, "last_cycle": 0.4, "one_step": 1e-5}],
    "8.3": [ours, ours_by_pairs],
    "8.4": [blocks, blocks_counted],
}
WRONG = {
    "8.1": [(without_rounding, "round up"), (two_matrices, "three matrices"), (without_bias, "has a bias"),
            (one_module, "about half")],
    "8.2": [({"one_step": 0.2, "last_cycle": 0.2, "full": 0.3}, "Two of the three are the same"),
            ({"one_step": 0.4, "last_cycle": 0.1, "full": 0.3}, "another mode the nearest"),
            ({"one_step": 0.1, "last_cycle": 0.4, "full": 0.3}, "rounding of float32"), ("one_step", "three keys")],
    "8.3": [(prefix_left, "a prefix is left"), (exchanged, "L is the worker"), (as_they_are, "`input_net.tokens`")],
    "8.4": [(steps_only, "several blocks"), (no_controller, "controller's blocks are missing"),
            (all_learn, "without a gradient")],
}  # fmt: skip
