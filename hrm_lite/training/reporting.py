"""What a run shows while it runs: a bar, and TensorBoard where it is installed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tqdm.auto import tqdm

from ..config import TrainConfig

__all__ = ["Report"]


class Report:
    """The bar and the TensorBoard log of one run.

    show: False for no bar; TQDM_DISABLE=1 silences it too. log_dir: where TensorBoard's files go, or None.
    """

    def __init__(self, config: TrainConfig, step: int, seconds: float, show: bool, log_dir: Path | None):
        self.config, self.first_step, self.first_seconds = config, step, seconds
        # tqdm's notebook bar does not heed TQDM_DISABLE by itself, and a bar in an executed notebook is noise.
        quiet = not show or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
        # tqdm's own guess of the time left knows nothing of a time budget.
        form = "{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} steps [{elapsed}{postfix}]"
        self.bar = tqdm(total=config.max_steps, initial=step, bar_format=form, disable=quiet)
        self.log = None if log_dir is None else _tensorboard(log_dir, step)

    def say(self, text: str) -> None:
        """A line that stays, above the bar."""
        self.bar.write(text)

    def training(self, entry: dict, learning_rate: float) -> None:
        """The means since the last report."""
        step, seconds = entry["step"], entry["seconds"]
        per_second = (step - self.first_step) * self.config.batch_size / max(1e-9, seconds - self.first_seconds)
        self.bar.update(step - self.bar.n)
        self.bar.set_postfix_str(
            f"{per_second:,.0f} samples/s, loss {entry['loss']:.3f}, exact {entry['exact']:.1%}, "
            f"{self._minutes_left(step, seconds):.1f} min left"
        )
        self._write("train", step, entry | {"samples_per_second": per_second, "learning_rate": learning_rate})

    def evaluation(self, entry: dict) -> None:
        """Exact and cell accuracy on the held-out set after 1, 2, 4, … segments."""
        curves = {name: entry[name] for name in ("exact", "cells")}
        last = len(curves["exact"])
        counts = [2**i for i in range(last.bit_length()) if 2**i < last] + [last]
        values = {f"{name}/{m}_segments": curve[m - 1] for name, curve in curves.items() for m in counts}
        self._write("held_out", entry["step"], values)

    def close(self) -> None:
        """End the bar and the log."""
        if self.log is not None:
            with self._unless_it_fails():
                self.log.close()
        self.bar.close()

    def _minutes_left(self, step: int, seconds: float) -> float:
        """Until max_steps at the pace so far, or until max_minutes if that comes first."""
        pace = (seconds - self.first_seconds) / max(1, step - self.first_step)
        left = (self.config.max_steps - step) * pace
        if self.config.max_minutes is not None:
            left = min(left, max(0.0, 60 * self.config.max_minutes - seconds))
        return left / 60

    def _write(self, group: str, step: int, values: dict) -> None:
        if self.log is not None:
            with self._unless_it_fails():
                for name, value in values.items():
                    if name not in ("step", "seconds"):
                        self.log.add_scalar(f"{group}/{name}", value, step)

    @contextlib.contextmanager
    def _unless_it_fails(self):
        """A log that cannot be written must not end the run, nor hide what did."""
        try:
            yield
        except OSError as error:
            self.log = None
            self.say(f"TensorBoard's log could not be written ({error.strerror}); the run goes on without it")


def _tensorboard(folder: Path, step: int):
    """A writer, or None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    # What a run wrote after its last checkpoint before it died is written again.
    return SummaryWriter(str(folder), purge_step=step + 1)
