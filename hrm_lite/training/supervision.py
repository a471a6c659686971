"""Deep supervision over carried rows: a step is one segment of every row, a loss, and an update.

A batch is a set of rows that are each at their own segment. A row that halts, because Q says so or M_max
is reached, is replaced by a fresh puzzle with fresh latents; the others go on from where they were, with
no gradient into the segment before.
"""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable

import torch
from torch import Tensor

from ..config import PRECISIONS, TrainConfig
from ..halting import continue_target, least_segments, wants_to_halt
from ..losses import Losses, joined, segment_loss
from ..model import HRM, Latents
from ..processes import Processes
from ..puzzles.base import PuzzleSet
from .optim import average_weights, gradient_norm, learning_rate, make_optimizer, sign_sgd
from .precision import LossScale, choose_precision
from .rows import Rows
from .working import WorkingCopy, keep_freed_memory, portions

__all__ = ["DeepSupervision"]

# So many steps that had to be skipped one after the other mean that the weights themselves are beyond help.
_SKIPS_IN_A_ROW = 20


class DeepSupervision:
    """All that a training step reads and changes.

    model    the weights to use: the moving average when ``config.ema`` > 0, else the learner itself
    learner  the weights that the optimizer moves, in float32
    working  the learner in ``config.precision``, compiled or not: what computes; ``judged`` is the same of ``model``
    rows     the carried batch
    steps    updates so far; ``skipped`` counts those that were left out because something was not finite
    parts    in how many portions the rows are worked on: more than one where memory, or the caches of a processor, are
             too small for all of them
    say      takes a sentence for the person who is watching
    """

    def __init__(
        self,
        model: HRM,
        puzzles: PuzzleSet,
        config: TrainConfig,
        processes: Processes | None = None,
        device: torch.device | str = "cpu",
        say: Callable[[str], None] = print,
    ):
        if config.train_only == "puzzles" and not model.config.puzzles:
            raise ValueError(
                'train_only="puzzles" trains the puzzle embeddings alone, but the model has none (puzzles=0). Take '
                'train_only="all", or make the model with puzzles=puzzles.identifiers.'
            )
        self.config, self.processes = config, processes or Processes()
        self.device = torch.empty(0, device=device).device  # "cuda" becomes "cuda:0"
        self.model = model if model.z_H_init.device == self.device else copy.deepcopy(model).to(self.device)
        self.processes.copy_from_main(list(self.model.state_dict().values()))
        self.learner = copy.deepcopy(self.model) if config.ema else self.model
        self.precision = config.precision if config.precision != "auto" else self._fast_precision()
        self.scale = LossScale() if self.precision == "float16" else None
        self.say = say
        dtype = getattr(torch, self.precision)
        if self.device.type == "cpu":
            keep_freed_memory()
        self.working = WorkingCopy(self.learner, dtype, config.compile)
        self.judged = WorkingCopy(self.model, dtype, config.compile) if config.ema else self.working
        self.working.model.train()
        self.parameters = list(self.learner.parameters())
        self.optimizer = make_optimizer(self.parameters, config)
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.rows = Rows(
            puzzles, self.working.model, config.batch_size, config.augment, self.generator, self.processes
        )
        self.parts = portions(self.working.model, len(self.rows.tokens), self.precision)
        self.steps, self.skipped, self.skipped_in_a_row = 0, 0, 0
        self.touched: list[tuple[Tensor, Tensor]] = []  # puzzle identifiers, and the gradients of what was read of them
        # Since the last report: loss, exact answers and right cells of this process's rows; gradient norms and steps,
        # kept by the main process; how many rows had a label. On the device, so that a step waits for nothing.
        self.sums = torch.zeros(6, dtype=torch.float64, device=self.device)

    def step(self) -> Losses:
        """One segment of every row, one update. Returns the losses of this process's rows, still on the device.

        Raises FloatingPointError when something is not finite, unless ``config.nonfinite`` says to skip the step. A GPU
        is not asked in every step, or it would have to be waited for: there `means` finds out.
        """
        cfg, rows = self.config, self.rows
        rows.refill(self.working.model)
        latents, halts, losses = self._learn()
        least = least_segments(cfg.batch_size, cfg.max_segments, cfg.exploration, self.generator)[rows.own]
        rows.z_H, rows.z_L = latents
        rows.segments = rows.segments + 1
        rows.halted = (rows.segments >= cfg.max_segments) | (halts & (rows.segments >= least))

        gradients = [p.grad for p in self.parameters if p.grad is not None]
        self.processes.sum_all(gradients)
        if self.scale:
            torch._foreach_mul_(gradients, 1 / self.scale.value)
        norm = gradient_norm(gradients)
        counted = losses.labelled
        entry = torch.stack([losses.output, (losses.exact & counted).sum(), losses.cells.sum()]).double()
        asks = self.device.type == "cpu" or cfg.nonfinite == "skip" or self.scale
        if asks and self._broken(norm, entry):
            self._skip(norm, entry[0])
        else:
            self._update(gradients, norm)
            if self.scale:
                self.scale.grow()
            self.sums += torch.cat([entry, torch.stack([norm.double(), torch.ones_like(entry[0])])
                                    * self.processes.is_main, counted.sum()[None].double()])  # fmt: skip
            self.skipped_in_a_row = 0
        self._clear()
        self.steps += 1
        return losses

    def _learn(self) -> tuple[Latents, Tensor, Losses]:
        """Forward and backward of all rows: the latents after the segment, who wants to halt, the losses.

        Portions add up their gradients. Where memory is too small for one of them, they become smaller.
        """
        rows = len(self.rows.tokens)
        while True:
            try:
                size = -(-rows // self.parts)
                found = [self._learn_part(slice(i, i + size)) for i in range(0, rows, size)]
                if len(found) == 1:
                    return found[0]
                latents, halts, losses = zip(*found, strict=True)
                return Latents(*map(torch.cat, zip(*latents, strict=True))), torch.cat(halts), joined(losses)
            except RuntimeError as error:
                if not _out_of_memory(error) or self.parts >= rows:
                    raise
            # Not inside the handler: the error holds on to all that was computed.
            found = latents = halts = losses = None
            self.parts = min(2 * self.parts, rows)
            self._clear()
            gc.collect()  # compiled blocks of a model that is gone hold one another, and its memory
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            self.say(
                f"Step {self.steps + 1} does not fit into the memory of this {self.device.type} device. From here on "
                f"the {rows} rows of the batch are worked on {-(-rows // self.parts)} at a time and their gradients "
                "added up: the run is the same, and a little slower."
            )

    def _learn_part(self, part: slice) -> tuple[Latents, Tensor, Losses]:
        cfg, rows, model = self.config, self.rows, self.working.model
        x = model.input_net(rows.tokens[part], rows.ids[part])
        out = model.read_out(*model.run_segment(Latents(rows.z_H[part], rows.z_L[part]), x))
        target = None
        if cfg.continue_loss:
            # The next step runs this very segment for the rows that go on, but cannot stand in for the pass: by then
            # the weights have moved, and the graph that Q_continue needs is gone. x̃ is all that the two share.
            with torch.no_grad():
                last = rows.segments[part] + 1 >= cfg.max_segments
                target = continue_target(model.read_out(*model.run_segment(out.latents, x)), last)
        losses = segment_loss(out, rows.labels[part], target, cfg.output_loss)
        loss = losses.total / cfg.batch_size
        (loss if self.scale is None else loss * self.scale.value).backward()
        self.working.collect()
        if puzzles := model.input_net.puzzles:
            ids, read = puzzles.touched
            self.touched.append((ids, read.grad))
            puzzles.touched = None
        halts = wants_to_halt(out.q_halt.detach(), out.q_continue.detach() if cfg.continue_loss else None)
        return out.latents, halts, losses.detach()

    def _clear(self) -> None:
        """Forget the gradients: those of a step that is over, or of one that has to be begun again."""
        self.optimizer.zero_grad(set_to_none=True)
        self.working.clear()
        self.touched = []

    def _fast_precision(self) -> str:
        """What all processes are fast in: the most careful of their choices."""
        return PRECISIONS[self.processes.highest(PRECISIONS.index(choose_precision(self.device)))]

    def _update(self, gradients: list[Tensor], norm: Tensor) -> None:
        cfg = self.config
        if cfg.grad_clip:
            torch._foreach_mul_(gradients, (cfg.grad_clip / norm).clamp(max=1.0))
        rate = learning_rate(self.steps, cfg)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        if cfg.train_only == "all":
            self.optimizer.step()
        if self.touched:
            ids, gradient = (self.processes.gather(torch.cat(parts)) for parts in zip(*self.touched, strict=True))
            weight = self.working.model.input_net.puzzles.weight
            sign_sgd(weight, ids, gradient, cfg.puzzle_lr * rate / cfg.lr, cfg.weight_decay)
        self.working.refresh()
        if cfg.ema:
            average_weights(self.model, self.learner, cfg.ema, self.steps)

    # -- numbers that break down -----------------------------------------------------------------------

    def _broken(self, norm: Tensor, entry: Tensor) -> bool:
        sound = (torch.isfinite(norm) & torch.isfinite(entry).all()).item()
        return bool(self.processes.highest(int(not sound)))

    def _skip(self, norm: Tensor, loss: Tensor) -> None:
        """Leave out this update, and replace the rows that carry what is not finite."""
        if self.scale and torch.isfinite(loss) and self.scale.shrink():
            return  # the scaled gradient was too large for float16: the next step tries a smaller scale
        self.skipped += 1
        self.skipped_in_a_row += 1
        if self.config.nonfinite == "stop" or self.skipped_in_a_row >= _SKIPS_IN_A_ROW:
            again = f", the {self.skipped_in_a_row}th step in a row like that" if self.skipped_in_a_row > 1 else ""
            found = f"the loss is {loss.item():g} and the gradient {norm.item():g} long"
            self._stop(f"In step {self.steps + 1} {found}{again}.")
        sound = [torch.isfinite(z).flatten(1).all(1) for z in self.rows.latents]
        self.rows.halted = self.rows.halted | ~(sound[0] & sound[1])

    def _stop(self, what: str) -> None:
        raise FloatingPointError(
            f"{what} The numbers broke down, so the run stops; the last checkpoint, if there is one, is from before "
            'that. If it is a rare event, nonfinite="skip" goes on from there without such steps. If not, begin again '
            "in another run_dir with a lower lr, a longer warm-up (warmup_steps) or grad_clip=1.0."
        )

    def means(self) -> dict[str, float]:
        """Loss, exact and cell accuracy and gradient norm since the last `forget`; empty if all steps were skipped.

        The first three are means over the rows that have a label; 0 if none has.

        Raises FloatingPointError when one of them is not finite.
        """
        loss, exact, cells, norm, steps, rows = self.processes.sum(self.sums).tolist()
        if not steps:
            return {}
        if not abs(loss + norm) < float("inf"):
            self._stop(f"By step {self.steps} the loss or the gradient is no longer finite.")
        rows = max(rows, 1)
        return {"loss": loss / rows, "exact": exact / rows, "cells": cells / rows, "gradient_norm": norm / steps}

    def forget(self) -> None:
        """Begin a new report."""
        self.sums.zero_()

    # -- keeping -----------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, Tensor]:
        """All that the next step depends on, beside ``steps``. Every process must call it."""
        named = {f"rows.{k}": v for k, v in self.rows.tensors().items()}
        named |= {f"learner.{k}": v for k, v in self.learner.state_dict().items()}
        if self.learner is not self.model:
            named |= {f"average.{k}": v for k, v in self.model.state_dict().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            named |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
        named["sums"] = self.processes.sum(self.sums)
        named["skipped"] = torch.tensor([self.skipped, self.skipped_in_a_row])
        if self.scale:
            named["loss_scale"] = self.scale.tensor()
        return named | {f"generator.{self.device.type}": self.generator.get_state()}

    def load(self, tensors: dict[str, Tensor], steps: int) -> None:
        """Take back what `tensors` gave, with any number of processes and on any device."""
        self.steps, (self.skipped, self.skipped_in_a_row) = steps, tensors["skipped"].tolist()
        self.learner.load_state_dict(part(tensors, "learner."))
        if self.learner is not self.model:
            self.model.load_state_dict(part(tensors, "average."))
        self.working.refresh()
        optimizer = self.optimizer.state_dict()
        optimizer["state"] = {}
        for name, value in part(tensors, "optimizer.").items():
            i, key = name.split(".")
            optimizer["state"].setdefault(int(i), {})[key] = value
        self.optimizer.load_state_dict(optimizer)
        self.rows.load(part(tensors, "rows."))
        if self.scale and "loss_scale" in tensors:
            self.scale.load(tensors["loss_scale"])
        sums = tensors["sums"]
        if len(sums) == 5:  # of a checkpoint from before rows were counted: all had labels
            sums = torch.cat([sums, sums[4:] * self.config.batch_size])
        self.sums = sums.to(self.device) * self.processes.is_main
        state = tensors.get(f"generator.{self.device.type}")
        if state is not None:
            self.generator.set_state(state)
        else:  # the generators of a CPU and a GPU cannot read each other's state
            self.generator.manual_seed(self.config.seed + steps)


def _out_of_memory(error: RuntimeError) -> bool:
    """A GPU has an error of its own for this; a CPU says it in words."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, without it."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
