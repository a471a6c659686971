"""Which precision is fast on this machine: a card is asked, a processor is measured.

A processor without bfloat16 instructions (most laptops, many servers) multiplies in bfloat16 ten to twenty times more
slowly than in float32, and says nothing; one that has the instructions may still be slower with them. Cards before
Ampere have no bfloat16 either, but those from Volta on (the T4 among them) are fast in float16.
"""

from __future__ import annotations

import functools
import time

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["LossScale", "choose_precision", "rates", "slower_than_float32"]

_SIZE = {"cpu": (128, 512, 512), "cuda": (4096, 4096, 4096)}  # rows, inputs and outputs of a linear map
_NAMES = ("float32", "bfloat16", "float16")
_ROUNDS, _SECONDS = 30, 0.03  # the best of so many, or of those that fit into this time: emulation is slow
_WORTH = 1.2  # times float32: below that, rounding buys nothing


@functools.cache
def _measured(device: torch.device) -> dict[str, float]:
    """TFLOP/s of a linear map in each precision; 0 where the device has none.

    They take turns, so that what else the machine does for a moment hits them alike.
    """
    rows, inputs, outputs = _SIZE[device.type]
    best, spent = dict.fromkeys(_NAMES, float("inf")), dict.fromkeys(_NAMES, 0.0)
    maps = {}
    for name in _NAMES:
        like = dict(device=device, dtype=getattr(torch, name))
        maps[name] = torch.ones(rows, inputs, **like), torch.ones(outputs, inputs, **like)
    for turn in range(_ROUNDS + 1):  # the first one warms up
        for name in _NAMES:
            if turn > 1 and spent[name] > _SECONDS:
                continue
            begun = time.perf_counter()
            try:
                F.linear(*maps[name])
            except RuntimeError:
                spent[name] = float("inf")
                continue
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            took = time.perf_counter() - begun
            best[name], spent[name] = min(best[name], took), spent[name] + took
    return {name: 2e-12 * rows * inputs * outputs / best[name] for name in _NAMES}


def _rate(device: torch.device, precision: str) -> float:
    return _measured(device)[precision]


def rates(device: torch.device | str) -> dict[str, float]:
    """{"float32": …, "bfloat16": …, "float16": …}: TFLOP/s of a linear map, on torch's threads. Measured once."""
    device = _exactly(device)
    return {name: _rate(device, name) for name in _NAMES}


def choose_precision(device: torch.device | str) -> str:
    """What ``precision="auto"`` computes in on this device: "bfloat16", "float16" or "float32"."""
    device = _exactly(device)
    if device.type == "cuda":
        if torch.cuda.get_device_capability(device) >= (8, 0):
            return "bfloat16"
        return "float16" if _rate(device, "float16") > _WORTH * _rate(device, "float32") else "float32"
    # No float16 on a processor: where bfloat16 is slow, float16 is slower.
    return "bfloat16" if _rate(device, "bfloat16") > _WORTH * _rate(device, "float32") else "float32"


def slower_than_float32(precision: str, device: torch.device | str) -> str | None:
    """A sentence for who chose a precision that is slower than float32 here; None where it is not."""
    device = _exactly(device)
    if precision == "float32" or _rate(device, precision) >= 0.9 * _rate(device, "float32"):
        return None
    times = _rate(device, "float32") / max(_rate(device, precision), 1e-9)
    return (
        f'precision="{precision}" is slower than float32 on this {_name(device)}: a linear map takes '
        f'{times:.1f} times as long. precision="auto" takes what is fast here ({choose_precision(device)}).'
    )


class LossScale:
    """What the loss is multiplied by before a backward pass in float16, whose smallest number is 6e-8.

    It doubles after so many sound steps, and halves when a gradient overflows; that step makes no update.
    """

    def __init__(self, value: float = 2.0**16, patience: int = 1000):
        self.value, self.patience, self.sound = value, patience, 0

    def grow(self) -> None:
        """After a step whose gradient was finite."""
        self.sound += 1
        if self.sound >= self.patience and self.value < 2.0**24:
            self.value, self.sound = 2 * self.value, 0

    def shrink(self) -> bool:
        """After a step whose gradient was not; False when the scale is so small that it cannot be what is wrong."""
        self.value, self.sound = self.value / 2, 0
        return self.value >= 2.0**-4

    def tensor(self) -> Tensor:
        """What a checkpoint keeps of it."""
        return torch.tensor([self.value, self.sound], dtype=torch.float64)

    def load(self, kept: Tensor) -> None:
        """Take back what `tensor` gave."""
        self.value, self.sound = kept[0].item(), int(kept[1])


def _exactly(device: torch.device | str) -> torch.device:
    """"cuda" is "cuda:0", so that it is measured once. What is neither a card nor a processor is taken for one."""
    device = torch.empty(0, device=device).device
    return device if device.type in _SIZE else torch.device("cpu")


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
