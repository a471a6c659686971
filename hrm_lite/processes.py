"""One process or several: which device is this one's, and what they tell each other. By `accelerate`.

Started plainly, there is one. `torchrun`, `accelerate launch` or `accelerate.notebook_launcher` start several, one for
each GPU, and the same script then runs in all of them.
"""

from __future__ import annotations

import atexit

import torch
from torch import Tensor

__all__ = ["Processes"]


def _leave() -> None:
    """Take the group of processes apart while Python still runs: gloo's threads may abort a process that just ends."""
    if torch.distributed.is_initialized() and torch.distributed.get_backend() == "gloo":
        torch.distributed.destroy_process_group()


class Processes:
    """This process among those that train together.

    index, count  this process and how many there are
    is_main       whether it is the one that writes files and talks
    device        where it computes
    """

    def __init__(self):
        # Not at the top: accelerate takes longer to import than all else here, and only training needs it.
        from accelerate import PartialState

        # CUDA or the CPU: the losses need float64, which Apple's GPUs do not have.
        state = PartialState(cpu=not torch.cuda.is_available())
        if state.num_processes > 1:
            atexit.register(_leave)
        self.index, self.count, self.is_main = state.process_index, state.num_processes, state.is_main_process
        self.device = torch.device("cpu") if state.device.type == "cpu" else state.device  # accelerate says cpu:0

    def share(self, batch: int) -> slice:
        """The rows of a batch that are this process's. Raises ValueError when they cannot be divided evenly."""
        if batch % self.count:
            raise ValueError(
                f"batch_size={batch} cannot be divided among {self.count} processes. Take a multiple of {self.count}."
            )
        size = batch // self.count
        return slice(self.index * size, (self.index + 1) * size)

    def gather(self, tensor: Tensor) -> Tensor:
        """The rows of all processes, one after the other: (rows, …) → (count · rows, …). Every process must call it."""
        if self.count == 1:
            return tensor
        from accelerate.utils import gather

        return gather(tensor.to(torch.uint8)).bool() if tensor.dtype is torch.bool else gather(tensor)

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in every process."""
        if self.count == 1:
            return tensor
        from accelerate.utils import reduce

        return reduce(tensor, reduction="sum")

    def sum_all(self, tensors: list[Tensor]) -> None:
        """Replace every tensor by its sum over all processes, in one message."""
        if self.count == 1:
            return
        total = self.sum(torch.cat([t.reshape(-1) for t in tensors]))
        for tensor, part in zip(tensors, total.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def highest(self, number: int) -> int:
        """The highest of the numbers that the processes have: what one decides, all do."""
        if self.count == 1:
            return number
        from accelerate.utils import reduce

        return int(reduce(torch.tensor(number, device=self.device), reduction="max"))

    def fail_together(self, error: Exception | None) -> None:
        """Raise the error that any process has, in all: one that went on alone would wait for the others for good."""
        failed = self.highest(int(error is not None))
        if error is not None:
            raise error
        if failed:
            raise RuntimeError("another process of this run failed; its message says why")

    def copy_from_main(self, tensors: list[Tensor]) -> None:
        """Overwrite the tensors with those of the main process."""
        if self.count == 1:
            return
        from accelerate.utils import broadcast

        for tensor in tensors:
            tensor.copy_(broadcast(tensor))
