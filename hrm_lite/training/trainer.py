"""A run: steps until an end, with evaluations, reports and checkpoints on the way; resumed from where it stood."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ..config import TrainConfig
from ..losses import Losses
from ..model import HRM
from ..processes import Processes
from ..puzzles.base import PuzzleSet
from ..records import provenance
from ..solving import evaluate
from ..voting import claim_tasks
from .arguments import check_arguments
from .checkpoints import read_model
from .interrupts import Interrupts
from .optim import learning_rate
from .precision import slower_than_float32
from .reporting import Report
from .rows import Rows
from .run_folder import RunFolder
from .supervision import DeepSupervision, part

__all__ = ["Trainer"]

_REPORT_EVERY = 10
# These may change between two calls on one run folder: none of them alters what a step is to compute.
_FREE = ("max_minutes", "eval_every", "eval_segments", "save_every", "stop_at", "patience", "compile", "nonfinite")
_INTERRUPTS = ("SIGINT", "SIGTERM")


class Trainer:
    """Trains ``model`` on ``puzzles``; `fit` runs or resumes.

    model: an `HRM`. After `fit` it holds the weights to use: the moving average when ``config.ema`` > 0. It stays on
    its device. puzzles: the training set. run_dir: checkpoints, model.safetensors and run.json go here, and a run that
    is found there goes on; None keeps nothing. held_out: a set to evaluate on; the best weights are kept as
    best.safetensors. on_step: called after every step with this trainer and the step's `Losses`. progress: show a bar.
    device: where to compute. None: where the model is, or on this process's GPU if the model is on the CPU.

    config: a `TrainConfig`, or a dictionary of its settings.

    Raises ValueError when the model cannot read the puzzles, TypeError when one of the three is something else.
    """

    def __init__(
        self,
        model: HRM,
        puzzles: PuzzleSet,
        config: TrainConfig | Mapping,
        run_dir: str | Path | None = None,
        held_out: PuzzleSet | None = None,
        on_step: Callable[[Trainer, Losses], None] | None = None,
        progress: bool = True,
        device: str | torch.device | None = None,
    ):
        config = TrainConfig.from_dict(dict(config)) if isinstance(config, Mapping) else config
        check_arguments(model, puzzles, held_out, config)
        claim_tasks(model, puzzles, held_out)
        self.given, self.puzzles, self.config, self.held_out = model, puzzles, config, held_out
        self.folder = None if run_dir is None else RunFolder(run_dir)
        self.on_step, self.progress = on_step, progress
        self.processes = Processes()
        home = model.z_H_init.device
        # Of several processes each has a device of its own, whatever the model was moved to before.
        device = device or (self.processes.device if home.type == "cpu" or self.processes.count > 1 else home)
        self.supervision = DeepSupervision(model, puzzles, config, self.processes, device)
        self.supervision.say = self._say
        self.report: Report | None = None  # while it runs
        self.seconds, self.cpu_seconds, self.history = 0.0, 0.0, []
        self.identity = {
            "model": model.config.to_dict(),
            "train": config.to_dict(),
            "data": puzzles.content_hash,
            "initial": fingerprint(self.model.state_dict()),
        }
        self.judge = None if held_out is None else held_out.content_hash
        self.watched = None if held_out is None else held_out.as_tensors(self.device)
        self.provenance = provenance()

    @property
    def model(self) -> HRM:
        """The weights to use, as they are now."""
        return self.supervision.model

    @property
    def step(self) -> int:
        """Steps so far."""
        return self.supervision.steps

    @property
    def rows(self) -> Rows:
        """The carried batch."""
        return self.supervision.rows

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.supervision.device

    def _say(self, text: str) -> None:
        """A sentence for whoever is watching: above the bar while there is one, and from the main process only."""
        if self.processes.is_main:
            (self.report.say if self.report else print)(text)

    # -- running -------------------------------------------------------------------------------------

    def fit(self) -> dict:
        """Train until an end is reached, and return the run record (the content of run.json).

        Ends are max_steps, max_minutes, stop_at and patience. Ctrl-C (or SIGTERM) ends it after the step under way,
        with a checkpoint; the record then says ``finished`` False, and a new call goes on. Raises ValueError when
        run_dir holds a run with other settings (what differs is said and nothing in the folder is touched),
        RuntimeError when another process is at work there, FloatingPointError when the numbers break down, and OSError
        when a checkpoint cannot be written. Whatever happens, the last checkpoint stands.
        """
        try:
            with contextlib.ExitStack() as stack:
                with self._together():
                    if self.folder and self.processes.is_main:
                        stack.enter_context(self.folder)
                return self._run(stack.enter_context(Interrupts(repeats=self.processes.count > 1)))
        finally:
            if self.given is not self.model:  # it was trained on another device
                self.given.load_state_dict(self.model.state_dict())

    @contextlib.contextmanager
    def _together(self):
        """What one process cannot do (mostly the main one: lock, write) fails in all."""
        error = None
        try:
            yield
        except Exception as caught:
            error = caught
        self.processes.fail_together(error)

    def _run(self, interrupts: Interrupts) -> dict:
        with self._together():
            resumed = self._resume()
        end = self._end(None, ask=True)
        if resumed is not None and resumed["finished"] and end and self.folder.is_complete(resumed):
            return resumed
        talks = self.processes.is_main
        log_dir = self.folder.path / "tensorboard" if self.folder and talks else None
        report = self.report = Report(self.config, self.step, self.seconds, self.progress and talks, log_dir)
        if resumed is not None:
            self._say(f"resumed at step {self.step:,} from {self.folder.path}")
        if self.config.precision != "auto" and (slow := slower_than_float32(self.config.precision, self.device)):
            self._say(slow)
        begun, before = time.perf_counter(), self.seconds
        cpu_begun, cpu_before = time.process_time(), self.cpu_seconds
        try:
            while not end:
                losses = self.supervision.step()
                self.seconds = before + time.perf_counter() - begun
                self.cpu_seconds = cpu_before + time.process_time() - cpu_begun
                if self.step % _REPORT_EVERY == 0:
                    self._report(report)
                if self.on_step is not None:
                    self.on_step(self, losses)
                if self.config.eval_every and self.step % self.config.eval_every == 0:
                    self._evaluate(report)
                end = self._end(interrupts.asked)
                if not end and self.step % self.config.save_every == 0:
                    self.save()
            if end not in _INTERRUPTS and self.held_out is not None:
                last = self._evaluations()[-1:]
                if not last or last[0]["step"] != self.step:
                    self._evaluate(report)
            record = self.save(end)
            if end in _INTERRUPTS:
                kept = f": a new call goes on from the checkpoint in {self.folder.path}" if self.folder else ""
                self._say(f"stopped by {end} after step {self.step:,}{kept}")
        finally:
            report.close()
            self.report = None
        if end == "SIGTERM":
            raise SystemExit(143)  # what a process that obeys this signal leaves with
        return record

    def _end(self, asked: str | None, ask: bool = False) -> str | None:
        """Why the run is over, or None: the same in all processes.

        A signal may reach one process only, and clocks differ, so several must ask one another. That takes time, so
        they do it in every tenth step, or when told to ``ask``.
        """
        cfg = self.config
        wishes = (None, "max_minutes", *_INTERRUPTS)
        out_of_time = cfg.max_minutes is not None and self.seconds >= 60 * cfg.max_minutes
        own = asked or ("max_minutes" if out_of_time else None)
        if self.processes.count == 1 or ask or self.step % _REPORT_EVERY == 0:
            wish = wishes[self.processes.highest(wishes.index(own))]
            if wish:
                return wish
        if self.step >= cfg.max_steps:
            return "max_steps"
        if (cfg.stop_at is not None or cfg.patience) and (best := self._best()):
            evaluations = self._evaluations()
            if cfg.stop_at is not None and best["exact"][-1] >= cfg.stop_at:
                return "stop_at"
            if cfg.patience and len(evaluations) - evaluations.index(best) > cfg.patience:
                return "patience"
        return None

    # -- measuring -----------------------------------------------------------------------------------

    def _report(self, report: Report) -> None:
        means = self.supervision.means()
        self.supervision.forget()
        if means:  # not all steps since the last report were skipped
            entry = {"step": self.step, "seconds": round(self.seconds, 3)} | means
            self.history.append(entry)
            report.training(entry, learning_rate(self.step - 1, self.config))

    def _evaluate(self, report: Report) -> None:
        self.supervision.means()  # raises when something is broken: that must not become the best
        tokens, labels, ids = self.watched
        judged = self.supervision.judged
        judged.refresh()
        segments = self.config.eval_segments or self.config.max_segments
        result = evaluate(judged.model, tokens, labels, segments, ids, among=self.processes)
        entry = {"step": self.step, "seconds": round(self.seconds, 3), "evaluated": self.judge} | result
        self.history.append(entry)
        report.evaluation(entry)
        with self._together():
            if self.folder and self.processes.is_main and self._best() is entry:
                self.folder.save_best(self.record(), self.model)

    def _evaluations(self) -> list[dict]:
        """Those on the held-out set that is in use; a run may have begun with another."""
        return [entry for entry in self.history if self.judge and entry.get("evaluated") == self.judge]

    def _best(self) -> dict | None:
        """The first with the highest exact accuracy after its last segment; between equals cell accuracy decides."""
        return max(self._evaluations(), key=lambda e: (e["exact"][-1], e["cells"][-1]), default=None)

    def record(self, end: str | None = None) -> dict:
        """The run record: settings, provenance, history. end: why it is over, as `fit` says; None while it goes on."""
        best = self._best()
        return self.identity | {
            "finished": end is not None and end not in _INTERRUPTS,
            "ended_by": end,
            "steps": self.step,
            "skipped": self.supervision.skipped,
            "seconds": self.seconds,
            # Of the main process: what else the machine did at the time is in the seconds and not in these.
            "cpu_seconds": self.cpu_seconds,
            "presented": int(self.rows.presented),
            "parameters": self.model.count_parameters(),
            "processes": self.processes.count,
            "device": self.device.type,
            "precision": self.supervision.precision,
            "parts": self.supervision.parts,
            "best": best and {"step": best["step"], "exact": best["exact"][-1], "cells": best["cells"][-1]},
            "provenance": self.provenance,
            "history": self.history,
        }

    # -- keeping -------------------------------------------------------------------------------------

    def save(self, end: str | None = None) -> dict:
        """Write a checkpoint, the model to use and run.json; the record. Without a run_dir nothing is written."""
        self.supervision.means()  # raises when something is broken: that must not be kept
        record = self.record(end)
        if self.folder is not None:
            tensors = self.supervision.tensors()
            with self._together():
                if self.processes.is_main:
                    self.folder.save(record, self.model, tensors)
        return record

    def _resume(self) -> dict | None:
        """Take up the run in run_dir, if there is one of the same settings; its record if there was."""
        if self.folder is None:
            return None
        # With a floor the schedule itself depends on where it ends.
        free = _FREE + (("max_steps",) if self.config.lr_floor == 1 else ())
        found = self.folder.load(self.identity, free, self._say)
        if found is None:
            return None
        tensors, record = found
        now = part(tensors, "average.") or part(tensors, "learner.") or read_model(self.folder.model).state_dict()
        if self.identity["initial"] not in (record["initial"], fingerprint(now)):
            self._say(
                f"the run in {self.folder.path} goes on with its own weights: those of the model given are neither the "
                "ones that it began with nor the ones that it has now (another seed, or another version of hrm_lite)."
            )
        self.identity["initial"] = record["initial"]
        self.seconds, self.history, self.provenance = record["seconds"], record["history"], record["provenance"]
        self.cpu_seconds = record.get("cpu_seconds", 0.0)  # a run begun before they were counted
        if tensors:
            self.supervision.load(tensors, record["steps"])
            return record
        # Only the weights of a finished run were kept: enough to use them, not to go on.
        self.supervision.steps = record["steps"]
        if not self._end(None, ask=True):
            self.supervision.steps, self.seconds, self.cpu_seconds, self.history = 0, 0.0, 0.0, []
            raise ValueError(
                f"{self.folder.path} holds the weights of a finished run of {record['steps']:,} steps, but no "
                "checkpoint to go on from. Give the stored max_steps and max_minutes to use them, or choose another "
                "run_dir."
            )
        self.model.load_state_dict(now)
        return record


def fingerprint(state: dict[str, Tensor]) -> str:
    """Tells two sets of weights apart."""
    digest = hashlib.sha256()
    for _, value in sorted(state.items()):
        digest.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
