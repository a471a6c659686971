"""Ctrl-C and a cluster's 'time is up' as a wish: finish the step, save, stop. A second Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading

__all__ = ["Interrupts"]


class Interrupts:
    """While active, SIGINT and SIGTERM only set ``asked`` (the name of the signal). In the main thread; else idle.

    An update that is torn in the middle must not be saved, and Python may raise KeyboardInterrupt anywhere. So the
    signal waits for the end of the step.
    """

    def __init__(self):
        self.asked: str | None = None
        self._before: dict = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.signal(s, self._ask) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_) -> None:
        self._restore()

    def _ask(self, number, frame) -> None:
        self.asked = signal.Signals(number).name
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
