"""Ctrl-C and a cluster's 'time is up' as a wish: finish the step, save, stop."""

from __future__ import annotations

import signal
import threading

__all__ = ["Interrupts"]


class Interrupts:
    """While active, SIGINT and SIGTERM only set ``asked`` (the name of the signal). In the main thread; else idle.

    An update that is torn in the middle must not be saved, and Python may raise KeyboardInterrupt anywhere. So the
    signal waits for the end of the step. A second one has its usual effect at once, unless ``repeats`` are to be
    expected: launchers of several processes pass on a signal that the processes have received already. A signal that
    the process was started to ignore (``nohup … &`` in a script) stays ignored.
    """

    def __init__(self, repeats: bool = False):
        self.asked: str | None = None
        self.repeats = repeats
        self._before: dict = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            heeded = [s for s in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(s) is not signal.SIG_IGN]
            self._before = {s: signal.signal(s, self._ask) for s in heeded}
        return self

    def __exit__(self, *_) -> None:
        self._restore()

    def _ask(self, number, frame) -> None:
        self.asked = signal.Signals(number).name
        if not self.repeats:
            self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: it was not set by Python
        self._before = {}
