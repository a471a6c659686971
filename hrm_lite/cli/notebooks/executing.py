"""Executing one notebook by papermill, so that it can be stopped, killed, watched and gone on with."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import os
import platform
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .notebook import STAMP, Notebook, Output, storable
from .parameters import Refused

__all__ = ["Execution", "Result", "find_kernel"]

_ANSWER_SECONDS = 30  # for the kernel to say its provenance
_ASK = (
    "__import__('json').dumps(__import__('importlib').import_module('hrm_lite.records').provenance())"  # in the kernel
)


@dataclass(frozen=True)
class Result:
    """How an execution ended. state: done, failed or stopped; message: what happened, for people."""

    state: str
    message: str
    seconds: float


@dataclass(frozen=True)
class Cell:
    """Where an execution stands: at cell ``number`` of ``count``, the last line that it printed."""

    number: int
    count: int
    line: str


def find_kernel(notebook: Notebook, wanted: str | None = None) -> str:
    """The name of the kernel to run ``notebook`` in. Raises `Refused` when it is not installed."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    name = wanted or notebook.kernel
    manager = KernelSpecManager()
    try:
        manager.get_kernel_spec(name)
    except NoSuchKernel:
        there = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise Refused(
            f"{notebook.path} asks for the Jupyter kernel {name!r}, which is not installed here (there are: {there}). "
            f"Run it in another with --kernel NAME; this Python is registered by "
            f"python -m ipykernel install --sys-prefix --name {name}."
        ) from None
    return name


class Execution:
    """One execution of ``notebook`` with the parameters ``given``, into ``output``.

    folder: the working directory of the kernel. tell: called with a `Cell` when it moves on or prints. about: more to
    stamp, such as which batch it belongs to. The caller holds ``output.lock``.
    """

    def __init__(
        self,
        notebook: Notebook,
        given: Mapping[str, Any],
        output: Output,
        kernel: str,
        folder: str | Path,
        tell: Callable[[Cell], None] = lambda cell: None,
        about: Mapping[str, Any] | None = None,
    ):
        self.notebook, self.given, self.output, self.kernel = notebook, dict(given), output, kernel
        self.folder, self.tell = str(folder), tell
        self.client, self.cell, self.begun = None, Cell(0, 0, ""), time.perf_counter()
        self.asked = 0  # how often to stop
        before = output.unfinished() or {}
        key = notebook.key(given)
        attempt = {"host": platform.node(), "process": os.getpid(), "begun": _now()} | dict(about or {})
        attempts = before.get("attempts", []) if before.get("key") == key else []
        self.stamp = {
            "key": key,
            "notebook": notebook.path.name,
            "parameters": storable(self.given),
            "folder": self.folder,
            "kernel": kernel,
            "finished": False,
            "attempts": [*attempts, attempt],
        }
        self.attempt, self.last = attempt, before.get("attempts", [])[-1:]

    def stop(self) -> None:
        """Interrupt the kernel, which lets a training write its checkpoint; the second time, kill it.

        May be called from another thread or a signal handler.
        """
        self.asked += 1
        client = self.client
        if client is not None and client.loop is not None and client.km is not None:
            end = client.km.interrupt_kernel if self.asked == 1 else lambda: client.km.shutdown_kernel(now=True)
            with contextlib.suppress(RuntimeError):  # the loop is closed: it is over
                client.loop.call_soon_threadsafe(lambda: client.loop.create_task(_awaited(end)))

    def run(self) -> Result:
        """Execute it. SIGINT and SIGTERM stop it. Whatever ends it, a finished output is whole or not there."""
        import papermill
        from nbclient.exceptions import DeadKernelError
        from papermill.engines import papermill_engines

        from .engine import engine

        _end_orphan(self.last)
        for half in self.output.path.parent.glob(f".{self.output.partial.name}.*.part"):
            half.unlink(missing_ok=True)  # what a killed process was writing
        papermill_engines.register("hrm-lite", engine(self))
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the debugger warns of frozen modules otherwise
        content = _copy(self.notebook.content)
        self.chatter = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            with self._signals(), _quiet():
                papermill.execute_notebook(
                    content,
                    None,
                    self.given,
                    "hrm-lite",
                    kernel_name=self.kernel,
                    language="python",  # a notebook that a program wrote may not say it; parameters are Python anyway
                    progress_bar=False,
                    cwd=self.folder,
                )
        except papermill.PapermillExecutionError as error:
            if self.asked and error.ename == "KeyboardInterrupt":
                return self._ended("stopped", "stopped")
            return self._ended("failed", _explain(error))
        except DeadKernelError:
            if self.asked:
                return self._ended("stopped", "stopped")
            return self._ended(
                "failed",
                f"the kernel died in {self.where}. The system may have killed it for want of memory, or compiled code "
                f"crashed.{self.last_words}",
            )
        except (RuntimeError, OSError) as error:  # the kernel did not start; a full disk
            if self.asked:
                return self._ended("stopped", "stopped")
            return self._ended("failed", f"{type(error).__name__}: {error}")
        if self.asked:
            return self._ended("stopped", "stopped")
        return self._ended("done", "done")

    def _ended(self, state: str, message: str) -> Result:
        seconds = round(time.perf_counter() - self.begun, 1)
        self.stamp |= {"seconds": seconds, "finished": state == "done"}
        if state != "done":
            self.stamp["ended"] = message.splitlines()[0]
            if state == "stopped":
                message = f"stopped in {self.where}"
        with contextlib.suppress(AttributeError):  # it did not come as far as a notebook to keep
            self.save(self.manager.nb)
            if state == "done":
                os.replace(self.output.partial, self.output.path)
        return Result(state, message, seconds)

    @property
    def last_words(self) -> str:
        """What a kernel that died wrote past its notebook, on lines of its own."""
        self.chatter.seek(0)
        lines = self.chatter.read().decode(errors="replace").strip().splitlines()
        lines = [line for line in lines if "IPKernelApp" not in line][-6:]
        return "\n" + "\n".join(lines) if lines else ""

    @property
    def where(self) -> str:
        return f"cell {self.cell.number} of {self.cell.count}" if self.cell.number else "the start of the kernel"

    def save(self, content: Any) -> None:
        content.metadata[STAMP] = dict(content.metadata.get(STAMP, {})) | self.stamp
        self.output.write(content, partial=True)

    def started(self, kernel: int | None) -> None:
        """Note the process of the kernel, so that the next attempt can see whether it is gone."""
        import psutil

        if kernel is not None:
            with contextlib.suppress(psutil.Error):
                self.attempt["kernel"] = {"process": kernel, "created": psutil.Process(kernel).create_time()}

    def at(self, number: int, count: int, line: str) -> None:
        self.cell = Cell(number, count, line)
        self.tell(self.cell)

    def ask_provenance(self, client: Any) -> None:
        """What the kernel says of its commit, versions and hardware goes into the stamp; nothing when it cannot."""
        with contextlib.suppress(Exception):
            message = client.kc.execute("", silent=True, user_expressions={"p": _ASK})
            reply = client.wait_for_reply(message)["content"]["user_expressions"]["p"]
            self.stamp["provenance"] = json.loads(ast.literal_eval(reply["data"]["text/plain"]))

    @contextlib.contextmanager
    def _signals(self):
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, lambda *_: self.stop()) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _end_orphan(last: list[dict]) -> None:
    """See the kernel of the attempt before off, when its process was killed: it may be in the run folder still.

    An orphaned kernel ends by itself within a second or two, unless it is deep in a computation.
    """
    import psutil

    for attempt in last:
        kernel = attempt.get("kernel")
        if not kernel or attempt["host"] != platform.node():
            continue
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(kernel["process"])
            if abs(process.create_time() - kernel["created"]) < 1:  # and not another that got its number
                try:
                    process.wait(10)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(10)


async def _awaited(end: Callable) -> None:
    with contextlib.suppress(Exception):  # it may be gone already
        result = end()
        if asyncio.iscoroutine(result) or asyncio.isfuture(result):
            await result


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _copy(content: Any) -> Any:
    """As papermill wants a node that it may change: each cell with tags, the notebook with a place for its data."""
    import copy

    content = copy.deepcopy(content)
    # An output that is run again brings the cell that held its parameters.
    content.cells = [c for c in content.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    return content


@contextlib.contextmanager
def _quiet():
    """papermill and nbclient tell their own users things that are told here in other words."""
    import logging
    import warnings

    logger = logging.getLogger("papermill")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _explain(error: Any) -> str:
    """Which cell failed and with what, then the end of its traceback."""
    from papermill.exceptions import strip_color

    first = next((line.strip() for line in error.source.splitlines() if line.strip()), "")
    trace = strip_color("\n".join(error.traceback)).rstrip().splitlines()
    said = f"{error.ename}: {error.evalue}" if error.evalue else error.ename
    head = f"cell [{error.exec_count}], which begins “{first}”, raised {' '.join(said.split())}"
    return "\n".join([head, *trace[-12:]])
