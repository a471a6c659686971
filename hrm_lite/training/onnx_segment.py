"""One segment of a model as an ONNX graph, held against torch before anything is written.

Inputs   tokens (batch, seq_len) int64 · puzzle_ids (batch,) int64, where the model has puzzle embeddings ·
         z_H, z_L (batch, positions, d_model) float32
Outputs  logits (batch, seq_len, vocab) · q_halt, q_continue (batch,) · z_H_next, z_L_next, shaped as z_H: what to
         put in for the next segment

The batch may have any size. The file's metadata hold the configuration and z⁰: ``z_H_init`` and ``z_L_init``, JSON
lists of d_model numbers, to be repeated at every position before the first segment.
"""

from __future__ import annotations

import inspect
import io
import json
import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from ..model import HRM, Latents
from ..records import write_atomically

__all__ = ["TOLERANCE", "difference_from_torch", "segment_bytes", "write_onnx"]

TOLERANCE = 1e-3
"""Largest difference of any output from torch's, relative to the largest output (or 1, if that is less)."""
_INPUTS = ("tokens", "puzzle_ids", "z_H", "z_L")
_OUTPUTS = ("logits", "q_halt", "q_continue", "z_H_next", "z_L_next")
_OPSET = 17
_SEGMENTS = 4  # so many are held against torch, each begun from torch's latents


class _Segment(nn.Module):
    """The model with tensors in and out, and without its checks, which are no part of a graph."""

    def __init__(self, model: HRM):
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, puzzle_ids: Tensor, z_H: Tensor, z_L: Tensor):
        x = self.model.input_net(tokens, puzzle_ids)
        out = self.model.read_out(*self.model.run_segment(Latents(z_H, z_L), x))
        return out.logits, out.q_halt, out.q_continue, *out.latents


@torch.no_grad()
def segment_bytes(model: HRM) -> bytes:
    """The graph as the content of an .onnx file. ModuleNotFoundError without the package onnx."""
    import onnx

    model = _on_cpu(model)
    c = model.config
    tokens, ids = torch.zeros(2, c.seq_len, dtype=torch.long), torch.zeros(2, dtype=torch.long)
    latents = (z.contiguous() for z in model.initial_latents(2))
    names = dict(input_names=list(_INPUTS), output_names=list(_OUTPUTS))
    settings = dict(dynamic_axes={name: {0: "batch"} for name in _INPUTS + _OUTPUTS}, opset_version=_OPSET)
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        # The exporter by tracing: that by torch.export unrolls N·T steps twenty times as slowly, into a larger file.
        settings["dynamo"] = False
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its age, and of constants that it does not fold
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(_Segment(model), (tokens, ids, *latents), buffer, **names, **settings)
    graph = onnx.load_from_string(buffer.getvalue())
    facts = {
        "hrm_lite": "one segment of a Hierarchical Reasoning Model",
        "config": json.dumps(c.to_dict()),
        "z_H_init": json.dumps(model.z_H_init.tolist()),
        "z_L_init": json.dumps(model.z_L_init.tolist()),
    }
    for key, value in facts.items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(graph)
    return graph.SerializeToString()


def _on_cpu(model: HRM) -> HRM:
    copy = HRM(model.config)
    copy.load_state_dict({name: t.float() if t.is_floating_point() else t for name, t in model.state_dict().items()})
    return copy.eval()


@torch.no_grad()
def difference_from_torch(data: bytes, model: HRM, tokens: Tensor, puzzle_ids: Tensor | None = None) -> float:
    """How far onnxruntime's outputs are from torch's on these puzzles (batch, seq_len), over some segments.

    The largest difference of any output, as a share of the largest one of its kind (of 1, where all are less).
    Infinite when one of the two gives a number and the other none.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    takes = {one.name for one in session.get_inputs()}
    model = _on_cpu(model)
    ids = torch.zeros(len(tokens), dtype=torch.long) if puzzle_ids is None else puzzle_ids.cpu().long()
    tokens, worst = tokens.cpu().long(), 0.0
    z = model.initial_latents(len(tokens))
    for _ in range(_SEGMENTS):
        given = dict(zip(_INPUTS, (tokens, ids, *z), strict=True))
        theirs = session.run(list(_OUTPUTS), {k: t.contiguous().numpy() for k, t in given.items() if k in takes})
        out = model(z, tokens, ids)
        ours = (out.logits, out.q_halt, out.q_continue, *out.latents)
        for own, other in zip(ours, map(torch.from_numpy, theirs), strict=True):
            gap = (own - other).abs().max().item() / max(1.0, own.abs().max().item())
            worst = max(worst, gap if gap == gap else float("inf"))
        z = out.latents
    return worst


def write_onnx(path: str | Path, model: HRM, sets: list[tuple[Tensor, Tensor | None]]) -> float:
    """Write the graph once it gives what torch gives on all ``sets`` of (tokens, puzzle_ids); the difference.

    RuntimeError, with nothing written, when it does not.
    """
    data = segment_bytes(model)
    worst = max(difference_from_torch(data, model, tokens, ids) for tokens, ids in sets)
    if worst > TOLERANCE:
        raise RuntimeError(
            f"The ONNX graph differs from torch by {worst:.2g}, relative to the largest output; at most "
            f"{TOLERANCE:g} is taken for rounding. Nothing was written. Other versions of torch and onnxruntime may do "
            "better."
        )
    write_atomically(Path(path), lambda file: file.write(data))
    return worst
