"""What a gradient costs: the bytes that autograd keeps from the forward pass until the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

__all__ = ["bytes_for_backward"]


def bytes_for_backward(run: Callable[[], object], there_anyway: Iterable[Tensor] = ()) -> int:
    """Bytes of memory that ``run()`` leaves saved for a backward pass, each piece of memory counted once.

    there_anyway: tensors not to count, such as the weights: ``model.parameters()``. What ``run`` returns is dropped.
    With the one-step gradient the number does not depend on N·T; with the full gradient (BPTT) it grows with it.
    """
    counted = {tensor.untyped_storage().data_ptr() for tensor in there_anyway}
    total = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal total
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in counted:
            counted.add(storage.data_ptr())
            total += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = run()  # held until the hooks are gone: memory that was freed could be counted under its old address
    del result
    return total
