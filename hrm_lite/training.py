"""Deep supervision over carried rows: every step is one segment of every row, a loss, and an update.

A batch is a set of rows that are each at their own segment. A row that halts, because Q says so or M_max
is reached, is replaced by a fresh puzzle with fresh latents; the others go on from where they were, with
no gradient into the segment before.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .checkpoints import difference, latest_state, save_model, save_state
from .config import TrainConfig
from .halting import continue_target, least_segments, wants_to_halt
from .losses import IGNORE, Losses, segment_loss
from .model import HRM, Latents
from .optim import average_weights, learning_rate, sign_sgd
from .puzzles.base import PuzzleSet
from .records import provenance, read_json, write_json
from .solving import evaluate

__all__ = ["Rows", "Trainer", "as_tensors"]

_REPORT_EVERY = 10
# These may change between two calls on one run folder: none of them alters what a step computes.
_FREE = ("max_minutes", "eval_every", "eval_segments", "save_every")


def as_tensors(puzzles: PuzzleSet, device="cpu") -> tuple[Tensor, Tensor, Tensor]:
    """Questions (n, seq_len), answers with `IGNORE` for the pad (n, seq_len), and puzzle identifiers (n,), int64."""
    tokens, labels, ids = (torch.from_numpy(a.astype("int64")).to(device) for a in
                           (puzzles.inputs, puzzles.labels, puzzles.puzzle_ids))  # fmt: skip
    return tokens, labels.masked_fill(labels == 0, IGNORE), ids


@dataclass
class Rows:
    """The carried batch: what each row is working on and how far it has come."""

    tokens: Tensor
    """(batch, seq_len)"""
    labels: Tensor
    """(batch, seq_len)"""
    ids: Tensor
    """(batch,) puzzle identifiers"""
    z_H: Tensor
    z_L: Tensor
    segments: Tensor
    """(batch,) segments behind this row"""
    halted: Tensor
    """(batch,) bool: to be replaced before the next segment"""

    def tensors(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Trainer:
    """Trains ``model`` on ``puzzles``; `fit` runs or resumes.

    model: an `HRM`. After `fit` it holds the weights to use: the moving average when ``config.ema`` > 0.
    puzzles: the training set. run_dir: checkpoints, model.safetensors and run.json go here, and a run that
    is found there goes on; None keeps nothing. held_out: a set to evaluate on. on_step: called after every
    step with this trainer and the step's `Losses`. progress: show a bar.

    Raises ValueError when the model cannot read the puzzles, or when run_dir holds a run with other settings
    (what differs is said and nothing in the folder is touched).
    """

    def __init__(self, model: HRM, puzzles: PuzzleSet, config: TrainConfig, run_dir: str | Path | None = None,
                 held_out: PuzzleSet | None = None, on_step: Callable[[Trainer, Losses], None] | None = None,
                 progress: bool = True):  # fmt: skip
        for puzzle_set in (puzzles, held_out):
            if puzzle_set is not None:
                _check_fit(model, puzzle_set)
        self.model, self.puzzles, self.config, self.held_out = model, puzzles, config, held_out
        self.run_dir = None if run_dir is None else Path(run_dir)
        self.on_step, self.progress = on_step, progress
        # The caller's model is the average; a copy does the learning.
        self.learner = copy.deepcopy(model) if config.ema else model
        self.device = model.z_H_init.device
        self.data = as_tensors(puzzles, self.device)
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        self.optimizer = torch.optim.AdamW(self.learner.parameters(), lr=config.lr, betas=config.betas,
                                           weight_decay=config.weight_decay, fused=True)  # fmt: skip
        self.step, self.seconds, self.presented = 0, 0.0, 0
        self.history: list[dict] = []
        # Loss, exact answers and right cells since the last report; on the device, so that a step waits for nothing.
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self.order = torch.randperm(len(puzzles), generator=self.generator, device=self.device)
        self.rows = self._empty_rows()
        self.identity = {"model": model.config.to_dict(), "train": config.to_dict(), "data": puzzles.content_hash,
                         "initial": _fingerprint(model)}  # fmt: skip
        self.provenance = provenance()

    # -- running -------------------------------------------------------------------------------------

    def fit(self) -> dict:
        """Train until max_steps or max_minutes, and return the run record (the content of run.json)."""
        resumed = self._resume()
        self.learner.train()
        begun, before = time.perf_counter(), self.seconds
        bar = tqdm(total=self.config.max_steps, initial=self.step, unit="step", disable=not self.progress or None)
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
        self._refill()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, cfg)
        out = self.learner(Latents(rows.z_H, rows.z_L), rows.tokens, rows.ids)
        segments = rows.segments + 1
        last = segments >= cfg.max_segments
        target = None
        if cfg.continue_loss:
            puzzles = self.learner.input_net.puzzles
            touched = puzzles.touched if puzzles else None
            with torch.no_grad():
                target = continue_target(self.learner(out.latents, rows.tokens, rows.ids), last)
            if puzzles:
                puzzles.touched = touched
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

    # -- rows ----------------------------------------------------------------------------------------

    def _empty_rows(self) -> Rows:
        b, s = self.config.batch_size, self.model.config.seq_len
        zeros = torch.zeros(b, s, dtype=torch.long, device=self.device)
        z = self.model.initial_latents(b)
        return Rows(zeros, zeros.clone(), zeros[:, 0].clone(), z.z_H, z.z_L, zeros[:, 0].clone(),
                    torch.ones(b, dtype=torch.bool, device=self.device))  # fmt: skip

    def _refill(self) -> None:
        """Put a fresh puzzle, in a random symmetric form, and fresh latents into every row that has halted."""
        rows, which = self.rows, self.rows.halted.nonzero().squeeze(1)
        if not len(which):
            return
        picked = self._next(len(which))
        tokens, labels, ids = (t[picked] for t in self.data)
        if self.config.augment:
            # Augmentation speaks tokens; 0 is the pad, which stands for 'not scored'.
            tokens, labels = self.puzzles.augment(tokens, labels.clamp(min=0), self.generator)
            labels = labels.masked_fill(labels == 0, IGNORE)
        rows.tokens[which], rows.labels[which], rows.ids[which] = tokens, labels, ids
        fresh = rows.halted[:, None, None]
        rows.z_H = torch.where(fresh, self.learner.z_H_init, rows.z_H)
        rows.z_L = torch.where(fresh, self.learner.z_L_init, rows.z_L)
        rows.segments = rows.segments.masked_fill(rows.halted, 0)

    def _next(self, count: int) -> Tensor:
        """Indices of the next ``count`` puzzles: every puzzle once an epoch, in a new order each time."""
        n = len(self.order)
        place, parts = self.presented % n, []
        while count:
            part = self.order[place : place + count]
            parts.append(part)
            count -= len(part)
            self.presented += len(part)
            place = self.presented % n
            if place == 0:
                self.order = torch.randperm(n, generator=self.generator, device=self.device)
        return torch.cat(parts)

    # -- measuring -----------------------------------------------------------------------------------

    def _out_of_time(self) -> bool:
        return self.config.max_minutes is not None and self.seconds >= 60 * self.config.max_minutes

    def _report(self, bar: tqdm) -> None:
        loss, exact, cells = (self.sums / (_REPORT_EVERY * self.config.batch_size)).tolist()
        self.sums.zero_()
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss became {loss} at step {self.step}. The last checkpoint is kept. A lower lr or a longer warm-up "
                "usually helps; weights that are already broken do not recover."
            )
        self.history.append({"step": self.step, "seconds": round(self.seconds, 3), "loss": loss, "exact": exact, "cells": cells})
        bar.update(self.step - bar.n)
        bar.set_postfix(loss=f"{loss:.3f}", exact=f"{exact:.1%}", rows_per_s=f"{self.step * self.config.batch_size / self.seconds:,.0f}")

    def _evaluate(self) -> None:
        tokens, labels, ids = as_tensors(self.held_out, self.device)
        result = evaluate(self.model, tokens, labels, self.config.eval_segments or self.config.max_segments, ids)
        self.history.append({"step": self.step, "seconds": round(self.seconds, 3), "evaluated": self.held_out.content_hash} | result)

    def record(self, finished: bool) -> dict:
        """The run record: settings, provenance, history."""
        return self.identity | {
            "finished": finished, "steps": self.step, "seconds": self.seconds, "presented": self.presented,
            "parameters": self.model.count_parameters(), "provenance": self.provenance, "history": self.history,
        }  # fmt: skip

    # -- keeping -------------------------------------------------------------------------------------

    def save(self, finished: bool = False) -> None:
        """Write a checkpoint, the model to use and run.json, each atomically. Without a run_dir, nothing."""
        if self.run_dir is None:
            return
        tensors = {f"rows.{k}": v for k, v in self.rows.tensors().items()}
        tensors |= {f"learner.{k}": v for k, v in self.learner.state_dict().items()}
        if self.learner is not self.model:
            tensors |= {f"average.{k}": v for k, v in self.model.state_dict().items()}
        for i, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{k}": v for k, v in state.items()}
        tensors |= {"order": self.order, "sums": self.sums, "generator": self.generator.get_state()}
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
        self._compare(record)

        def part(prefix: str) -> dict[str, Tensor]:
            return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}

        self.learner.load_state_dict(part("learner."))
        if self.learner is not self.model:
            self.model.load_state_dict(part("average."))
        optimizer = self.optimizer.state_dict()
        optimizer["state"] = {}
        for name, value in part("optimizer.").items():
            i, key = name.split(".")
            optimizer["state"].setdefault(int(i), {})[key] = value
        self.optimizer.load_state_dict(optimizer)
        self.rows = Rows(**{k: v.to(self.device) for k, v in part("rows.").items()})
        self.order, self.sums = (tensors[name].to(self.device) for name in ("order", "sums"))
        self.generator.set_state(tensors["generator"])
        self.step, self.seconds, self.presented = record["steps"], record["seconds"], record["presented"]
        self.history, self.provenance = record["history"], record["provenance"]
        return True

    def _compare(self, record: dict) -> None:
        """Refuse a run folder of other settings."""
        free = _FREE + (("max_steps",) if self.config.lr_floor == 1 else ())
        stored, given = ({k: v for k, v in {**r["model"], **r["train"], "puzzles (hash)": r["data"],
                          "initial weights (hash)": r["initial"]}.items() if k not in free}
                         for r in (record, self.identity))  # fmt: skip
        if differs := difference(stored, given):
            raise ValueError(
                f"the run folder {self.run_dir} belongs to other settings: {differs}. Nothing in it was changed. Choose "
                "another run_dir for this run, or give the stored settings to go on with that one."
            )


def _check_fit(model: HRM, puzzles: PuzzleSet) -> None:
    cfg = model.config
    if len(puzzles) == 0:
        raise ValueError(f"{puzzles.name} holds no puzzles: there is nothing to train or evaluate on.")
    if (puzzles.seq_len, puzzles.vocab_size) != (cfg.seq_len, cfg.vocab_size):
        raise ValueError(
            f"{puzzles.name} has seq_len={puzzles.seq_len} and vocab_size={puzzles.vocab_size}, but the model was made for "
            f"seq_len={cfg.seq_len} and vocab_size={cfg.vocab_size}. Make the model with the puzzles' own two numbers."
        )
    if cfg.puzzles and puzzles.puzzle_ids.max() >= cfg.puzzles:
        raise ValueError(f"{puzzles.name} has puzzle identifiers up to {puzzles.puzzle_ids.max()}, but the model has only "
                         f"puzzles={cfg.puzzles} embeddings.")  # fmt: skip


@torch.no_grad()
def _fingerprint(model: HRM) -> str:
    """Tells two sets of initial weights apart; a folder must not go on with a model of another seed."""
    import hashlib

    digest = hashlib.sha256()
    for _, value in sorted(model.state_dict().items()):
        digest.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
