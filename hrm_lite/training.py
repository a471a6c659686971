"""Deep supervision over carried rows: every step is one segment of every row, a loss, and an update.

A batch is a set of rows that are each at their own segment. A row that halts, because Q says so or M_max
is reached, is replaced by a fresh puzzle with fresh latents; the others go on from where they were, with
no gradient into the segment before.
"""

from __future__ import annotations

import copy
import hashlib
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .checkpoints import difference, latest_state, save_model, save_state
from .config import TrainConfig
from .halting import continue_target, least_segments, wants_to_halt
from .losses import Losses, segment_loss
from .model import HRM
from .optim import average_weights, learning_rate, sign_sgd
from .puzzles.base import PuzzleSet
from .records import provenance, read_json, write_json
from .rows import Rows, as_tensors
from .solving import evaluate

__all__ = ["Trainer"]

_REPORT_EVERY = 10
# These may change between two calls on one run folder: none of them alters what a step computes.
_FREE = ("max_minutes", "eval_every", "eval_segments", "save_every")


class Trainer:
    """Trains ``model`` on ``puzzles``; `fit` runs or resumes.

    model: an `HRM`. After `fit` it holds the weights to use: the moving average when ``config.ema`` > 0.
    puzzles: the training set. run_dir: checkpoints, model.safetensors and run.json go here, and a run that
    is found there goes on; None keeps nothing. held_out: a set to evaluate on. on_step: called after every
    step with this trainer and the step's `Losses`. progress: show a bar.

    Raises ValueError when the model cannot read the puzzles, or when run_dir holds a run with other settings
    (what differs is said and nothing in the folder is touched).
    """

    def __init__(
        self,
        model: HRM,
        puzzles: PuzzleSet,
        config: TrainConfig,
        run_dir: str | Path | None = None,
        held_out: PuzzleSet | None = None,
        on_step: Callable[[Trainer, Losses], None] | None = None,
        progress: bool = True,
    ):
        for puzzle_set in (puzzles, held_out):
            if puzzle_set is not None:
                _check_fit(model, puzzle_set)
        self.model, self.puzzles, self.config, self.held_out = model, puzzles, config, held_out
        self.run_dir = None if run_dir is None else Path(run_dir)
        self.on_step, self.progress = on_step, progress
        # The caller's model is the average; a copy does the learning.
        self.learner = copy.deepcopy(model) if config.ema else model
        self.device = model.z_H_init.device
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.optimizer = torch.optim.AdamW(
            self.learner.parameters(), lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
        self.step, self.seconds = 0, 0.0
        self.history: list[dict] = []
        # Loss, exact answers and right cells since the last report; on the device, so that a step waits for nothing.
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self.rows = Rows(puzzles, self.learner, config.batch_size, config.augment, self.generator)
        self.identity = {
            "model": model.config.to_dict(),
            "train": config.to_dict(),
            "data": puzzles.content_hash,
            "initial": fingerprint(model.state_dict()),
        }
        self.provenance = provenance()

    # -- running -------------------------------------------------------------------------------------

    def fit(self) -> dict:
        """Train until max_steps or max_minutes, and return the run record (the content of run.json)."""
        resumed = self._resume()
        self.learner.train()
        begun, before = time.perf_counter(), self.seconds
        # tqdm's notebook bar does not heed TQDM_DISABLE by itself, and a bar in an executed notebook is noise.
        quiet = not self.progress or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
        bar = tqdm(total=self.config.max_steps, initial=self.step, unit="step", disable=quiet)
        if resumed:
            bar.write(f"resumed at step {self.step:,} from {self.run_dir}")
        try:
            while self.step < self.config.max_steps and not self._out_of_time():
                losses = self.train_step()
                self.seconds = before + time.perf_counter() - begun
                self.sums += torch.stack([losses.output.detach().double(), losses.exact.sum(), losses.cells.sum()])
                if self.step % _REPORT_EVERY == 0:
                    self._report(bar)
                if self.on_step is not None:
                    self.on_step(self, losses)
                if self.config.eval_every and self.step % self.config.eval_every == 0:
                    self._evaluate()
                if self.step % self.config.save_every == 0:
                    self.save()
        finally:
            bar.close()
        if self.held_out is not None and not (self.history and self.history[-1].get("evaluated")):
            self._evaluate()
        self.save(finished=True)
        return self.record(finished=True)

    def train_step(self) -> Losses:
        """One segment of every row, one update. Returns the losses, still on the device."""
        cfg, rows, batch = self.config, self.rows, self.config.batch_size
        rows.refill(self.learner)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, cfg)
        out = self.learner(rows.latents, rows.tokens, rows.ids)
        segments = rows.segments + 1
        last = segments >= cfg.max_segments
        target = None
        if cfg.continue_loss:
            with torch.no_grad():
                target = continue_target(self.learner(out.latents, rows.tokens, rows.ids), last)
        losses = segment_loss(out, rows.labels, target, cfg.output_loss)
        (losses.total / batch).backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.learner.input_net.puzzles:
            scale = learning_rate(self.step, cfg) / cfg.lr
            sign_sgd(self.learner.input_net.puzzles, cfg.puzzle_lr * scale, cfg.weight_decay)
        if cfg.ema:
            average_weights(self.model, self.learner, cfg.ema, self.step)

        halts = wants_to_halt(out.q_halt.detach(), out.q_continue.detach() if cfg.continue_loss else None)
        least = least_segments(batch, cfg.max_segments, cfg.exploration, self.generator)
        rows.z_H, rows.z_L = out.latents
        rows.segments = segments
        rows.halted = last | (halts & (segments >= least))
        self.step += 1
        return losses

    # -- measuring -----------------------------------------------------------------------------------

    def _out_of_time(self) -> bool:
        return self.config.max_minutes is not None and self.seconds >= 60 * self.config.max_minutes

    def _report(self, bar: tqdm) -> None:
        self._check_finite()
        loss, exact, cells = (self.sums / (_REPORT_EVERY * self.config.batch_size)).tolist()
        self.sums.zero_()
        self.history.append(
            {"step": self.step, "seconds": round(self.seconds, 3), "loss": loss, "exact": exact, "cells": cells}
        )
        bar.update(self.step - bar.n)
        bar.set_postfix(
            loss=f"{loss:.3f}",
            exact=f"{exact:.1%}",
            rows_per_s=f"{self.step * self.config.batch_size / self.seconds:,.0f}",
        )

    def _check_finite(self) -> None:
        if not math.isfinite(loss := self.sums[0].item()):
            raise FloatingPointError(
                f"the loss became {loss} by step {self.step}. The last checkpoint is kept. A lower lr or a longer "
                "warm-up usually helps; weights that are already broken do not recover."
            )

    def _evaluate(self) -> None:
        tokens, labels, ids = as_tensors(self.held_out, self.device)
        result = evaluate(self.model, tokens, labels, self.config.eval_segments or self.config.max_segments, ids)
        self.history.append(
            {"step": self.step, "seconds": round(self.seconds, 3), "evaluated": self.held_out.content_hash} | result
        )

    def record(self, finished: bool) -> dict:
        """The run record: settings, provenance, history."""
        return self.identity | {
            "finished": finished,
            "steps": self.step,
            "seconds": self.seconds,
            "presented": self.rows.presented,
            "parameters": self.model.count_parameters(),
            "provenance": self.provenance,
            "history": self.history,
        }

    # -- keeping -------------------------------------------------------------------------------------

    def save(self, finished: bool = False) -> None:
        """Write a checkpoint, the model to use and run.json, each atomically. Without a run_dir, nothing."""
        if self.run_dir is None:
            return
        self._check_finite()
        tensors = {f"rows.{k}": v for k, v in self.rows.tensors().items()}
        tensors |= {f"learner.{k}": v for k, v in self.learner.state_dict().items()}
        if self.learner is not self.model:
            tensors |= {f"average.{k}": v for k, v in self.model.state_dict().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
        tensors |= {"sums": self.sums, "generator": self.generator.get_state()}
        record = self.record(finished)
        save_state(self.run_dir / "checkpoints", self.step, tensors, {"record": record})
        save_model(self.run_dir / "model.safetensors", self.model)
        write_json(self.run_dir / "run.json", record)

    def _resume(self) -> bool:
        """Take up the run in run_dir, if there is one of the same settings; True if there was."""
        if self.run_dir is None:
            return False
        found = latest_state(self.run_dir / "checkpoints")
        if found is None:
            if (self.run_dir / "run.json").exists():
                self._compare(read_json(self.run_dir / "run.json"))
            return False
        tensors, record = found[0], found[1]["record"]

        def part(prefix: str) -> dict[str, Tensor]:
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

        # A training cell that is run again brings the model that this run has already trained.
        if self.identity["initial"] == fingerprint(part("average.") or part("learner.")):
            self.identity["initial"] = record["initial"]
        self._compare(record)
        self.learner.load_state_dict(part("learner."))
        if self.learner is not self.model:
            self.model.load_state_dict(part("average."))
        optimizer = self.optimizer.state_dict()
        optimizer["state"] = {}
        for name, value in part("optimizer.").items():
            i, key = name.split(".")
            optimizer["state"].setdefault(int(i), {})[key] = value
        self.optimizer.load_state_dict(optimizer)
        self.rows.load(part("rows."), record["presented"])
        self.sums = tensors["sums"].to(self.device)
        self.generator.set_state(tensors["generator"])
        self.step, self.seconds = record["steps"], record["seconds"]
        self.history, self.provenance = record["history"], record["provenance"]
        return True

    def _compare(self, record: dict) -> None:
        """Refuse a run folder of other settings."""
        free = _FREE + (("max_steps",) if self.config.lr_floor == 1 else ())

        def settings(record: dict) -> dict:
            named = {"puzzles (hash)": record["data"], "initial weights (hash)": record["initial"]}
            return {k: v for k, v in {**record["model"], **record["train"], **named}.items() if k not in free}

        differs = difference(settings(record), settings(self.identity))
        if differs:
            raise ValueError(
                f"the run folder {self.run_dir} belongs to other settings: {differs}. Nothing in it was changed. "
                "Choose another run_dir for this run, or give the stored settings (and the model its first weights, by "
                "the same seed) to go on with that one."
            )


def _check_fit(model: HRM, puzzles: PuzzleSet) -> None:
    cfg = model.config
    if len(puzzles) == 0:
        raise ValueError(f"{puzzles.name} holds no puzzles: there is nothing to train or evaluate on.")
    if (puzzles.seq_len, puzzles.vocab_size) != (cfg.seq_len, cfg.vocab_size):
        raise ValueError(
            f"{puzzles.name} has seq_len={puzzles.seq_len} and vocab_size={puzzles.vocab_size}, but the model was made "
            f"for seq_len={cfg.seq_len} and vocab_size={cfg.vocab_size}. Make the model with the puzzles' own two "
            "numbers."
        )
    if cfg.puzzles and puzzles.puzzle_ids.max() >= cfg.puzzles:
        raise ValueError(
            f"{puzzles.name} has puzzle identifiers up to {puzzles.puzzle_ids.max()}, but the model has only "
            f"puzzles={cfg.puzzles} embeddings."
        )


def fingerprint(state: dict[str, Tensor]) -> str:
    """Tells two sets of weights apart; a folder must not go on with a model of another seed."""
    digest = hashlib.sha256()
    for _, value in sorted(state.items()):
        digest.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
