"""Deep supervision over carried rows: a step is one segment of every row, a loss, and an update.

A batch is a set of rows that are each at their own segment. A row that halts, because Q says so or M_max
is reached, is replaced by a fresh puzzle with fresh latents; the others go on from where they were, with
no gradient into the segment before.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from ..config import TrainConfig
from ..halting import continue_target, least_segments, wants_to_halt
from ..losses import Losses, segment_loss
from ..model import HRM
from ..processes import Processes
from ..puzzles.base import PuzzleSet
from .optim import average_weights, gradient_norm, learning_rate, make_optimizer, sign_sgd
from .rows import Rows
from .working import WorkingCopy, keep_freed_memory

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
    """

    def __init__(
        self,
        model: HRM,
        puzzles: PuzzleSet,
        config: TrainConfig,
        processes: Processes | None = None,
        device: torch.device | str = "cpu",
    ):
        self.config, self.processes = config, processes or Processes()
        self.device = torch.empty(0, device=device).device  # "cuda" becomes "cuda:0"
        self.model = model if model.z_H_init.device == self.device else copy.deepcopy(model).to(self.device)
        self.processes.copy_from_main(list(self.model.state_dict().values()))
        self.learner = copy.deepcopy(self.model) if config.ema else self.model
        dtype = getattr(torch, config.precision)
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
        self.steps, self.skipped, self.skipped_in_a_row = 0, 0, 0
        # Since the last report: loss, exact answers and right cells of this process's rows; gradient norms and steps,
        # kept by the main process; how many rows had a label. On the device, so that a step waits for nothing.
        self.sums = torch.zeros(6, dtype=torch.float64, device=self.device)

    def step(self) -> Losses:
        """One segment of every row, one update. Returns the losses of this process's rows, still on the device.

        Raises FloatingPointError when something is not finite, unless ``config.nonfinite`` says to skip the step. A GPU
        is not asked in every step, or it would have to be waited for: there `means` finds out.
        """
        cfg, rows, model = self.config, self.rows, self.working.model
        rows.refill(model)
        x = model.input_net(rows.tokens, rows.ids)
        out = model.read_out(*model.run_segment(rows.latents, x))
        segments = rows.segments + 1
        last = segments >= cfg.max_segments
        target = None
        if cfg.continue_loss:
            # The next step runs this very segment for the rows that go on, but cannot stand in for the pass: by then
            # the weights have moved, and the graph that Q_continue needs is gone. x̃ is all that the two share.
            with torch.no_grad():
                target = continue_target(model.read_out(*model.run_segment(out.latents, x)), last)
        losses = segment_loss(out, rows.labels, target, cfg.output_loss)
        (losses.total / cfg.batch_size).backward()
        halts = wants_to_halt(out.q_halt.detach(), out.q_continue.detach() if cfg.continue_loss else None)
        least = least_segments(cfg.batch_size, cfg.max_segments, cfg.exploration, self.generator)[rows.own]
        rows.z_H, rows.z_L = out.latents
        rows.segments = segments
        rows.halted = last | (halts & (segments >= least))

        self.working.collect()
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        self.processes.sum_all(gradients)
        norm = gradient_norm(gradients)
        counted = losses.labelled
        entry = torch.stack([losses.output.detach(), (losses.exact & counted).sum(), losses.cells.sum()]).double()
        if (self.device.type == "cpu" or cfg.nonfinite == "skip") and self._broken(norm, entry):
            self._skip(norm, entry[0])
        else:
            self._update(gradients, norm)
            self.sums += torch.cat([entry, torch.stack([norm.double(), torch.ones_like(entry[0])])
                                    * self.processes.is_main, counted.sum()[None].double()])  # fmt: skip
            self.skipped_in_a_row = 0
        self.optimizer.zero_grad(set_to_none=True)
        self.steps += 1
        return losses

    def _update(self, gradients: list[Tensor], norm: Tensor) -> None:
        cfg = self.config
        if cfg.grad_clip:
            torch._foreach_mul_(gradients, (cfg.grad_clip / norm).clamp(max=1.0))
        rate = learning_rate(self.steps, cfg)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        if puzzles := self.working.model.input_net.puzzles:
            ids, read = puzzles.touched
            ids, gradient = self.processes.gather(ids), self.processes.gather(read.grad)
            sign_sgd(puzzles.weight, ids, gradient, cfg.puzzle_lr * rate / cfg.lr, cfg.weight_decay)
            puzzles.touched = None
        self.working.refresh()
        if cfg.ema:
            average_weights(self.model, self.learner, cfg.ema, self.steps)

    # -- numbers that break down -----------------------------------------------------------------------

    def _broken(self, norm: Tensor, entry: Tensor) -> bool:
        sound = (torch.isfinite(norm) & torch.isfinite(entry).all()).item()
        return bool(self.processes.highest(int(not sound)))

    def _skip(self, norm: Tensor, loss: Tensor) -> None:
        """Leave out this update, and replace the rows that carry what is not finite."""
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
        sums = tensors["sums"]
        if len(sums) == 5:  # of a checkpoint from before rows were counted: all had labels
            sums = torch.cat([sums, sums[4:] * self.config.batch_size])
        self.sums = sums.to(self.device) * self.processes.is_main
        state = tensors.get(f"generator.{self.device.type}")
        if state is not None:
            self.generator.set_state(state)
        else:  # the generators of a CPU and a GPU cannot read each other's state
            self.generator.manual_seed(self.config.seed + steps)


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, without it."""
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
