"""The judge's end of the pipe: messages to a pupil, its replies, and what to do with one that does not behave."""

from __future__ import annotations

import contextlib
import io
import os
import selectors
import signal
import subprocess
import time

from . import wire
from .sandbox import Limits, command, family, problem, usage

_CLOCK = 3  # seconds of the clock for each second of the processor: other programs want it, too
_LOOK = 0.1  # seconds between two looks at what the sandbox uses


class Gone(BaseException):
    """The pupil had to be ended, or ended by itself. No `Exception`: a check must not take it for an odd answer."""

    def __init__(self, why: str, told: str):
        super().__init__(told)
        self.why, self.told = why, told


class Pupil:
    """A pupil in a sandbox. `ask` gives its reply, or raises Gone; then it is dead, with everything it started."""

    def __init__(self, limits: Limits, safe: bool = True):
        self.limits, self.spent, self.number, self.looked = limits, 0.0, 0, 0.0
        line, environment = command(limits, safe)
        self.process = subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
            start_new_session=True, bufsize=0,
        )  # fmt: skip
        self.pipes = selectors.DefaultSelector()
        for pipe, event in ((self.process.stdin, selectors.EVENT_WRITE), (self.process.stdout, selectors.EVENT_READ)):
            os.set_blocking(pipe.fileno(), False)
            self.pipes.register(pipe, event)
        try:
            self._exchange(b"", 60)  # the imports
        except Gone as gone:  # no student's fault: nothing of theirs has run
            raise RuntimeError(f"A sandbox could not be started. {problem() if safe else gone.told}") from None

    def ask(self, message: dict, blobs=(), seconds: float | None = None) -> tuple[dict, list[bytes]]:
        """Send a message, wait for what it brings. seconds: CPU seconds it may take; on the clock, three times that."""
        self.number += 1
        return self._exchange(wire.frame(message | {"number": self.number}, blobs),
                              self.limits.cell_seconds if seconds is None else seconds)  # fmt: skip

    def close(self) -> None:
        """End it, and everything below it."""
        for pid in family(self.process.pid):  # with bubblewrap its first would do: the kernel ends the rest with it
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        self.pipes.close()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()

    def _exchange(self, out: bytes, seconds: float) -> tuple[dict, list[bytes]]:
        """Write a frame, read one. Looking at the sandbox costs more than most answers take, so it is done rarely."""
        start, left, got, need, first = time.monotonic(), memoryview(out), bytearray(), wire.HEAD, None
        self._writing(bool(left))
        while True:
            left, chunk = self._pump(left, need - len(got))
            got += chunk
            try:
                if len(got) == need == wire.HEAD:
                    need += sum(wire.lengths(bytes(got)))
                if len(got) == need > wire.HEAD:
                    reply = self._message(bytes(got))
                    self.spent += time.monotonic() - start if first is None else self._used() - first
                    return reply
            except wire.Nonsense:
                raise self._end("nonsense", "It wrote into the connection to the grader, which is not for notebooks: "
                                            "write to files or with print().") from None  # fmt: skip
            clock = time.monotonic()
            if clock - start > _LOOK and clock - self.looked > _LOOK:
                self.looked, now = clock, usage(self.process.pid)
                first = now.seconds if first is None else first
                self._watch(now, now.seconds - first, clock - start, seconds)

    def _pump(self, left: memoryview, most: int) -> tuple[memoryview, bytes]:
        """What is still to be written, and what was read: no more than a frame's rest, and nothing where none came."""
        got = b""
        for key, _ in self.pipes.select(_LOOK):
            try:
                if key.events == selectors.EVENT_WRITE:
                    left = left[os.write(key.fd, left[: 1 << 16]) :]
                    self._writing(bool(left))  # a pipe that can always be written to would keep us from sleeping
                else:
                    got = os.read(key.fd, min(1 << 20, most))
                    if not got:
                        raise self._end("exit", "It ended Python itself (os._exit, a crash of compiled code, or more "
                                                "memory than there is).")  # fmt: skip
            except BlockingIOError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                raise self._end("exit", "It ended Python itself.") from None
        return left, got

    def _message(self, whole: bytes) -> tuple[dict, list[bytes]]:
        text, _ = wire.lengths(whole[: wire.HEAD])
        reply, blobs = wire.unframe(whole[wire.HEAD : wire.HEAD + text], whole[wire.HEAD + text :])
        if reply.pop("to", None) != self.number:
            raise wire.Nonsense("an answer to another question")
        return reply, blobs

    def _used(self) -> float:
        return usage(self.process.pid).seconds

    def _watch(self, now, seconds: float, clock: float, most: float) -> None:
        limits = self.limits
        if now.processes > limits.processes or now.threads > 6 * limits.processes:
            raise self._end("processes", f"It started more than {limits.processes} processes or a crowd of threads.")
        if now.memory > (limits.memory_mb + 1024) << 20:
            many = f", in {now.processes} processes" if now.processes > 2 else ""
            raise self._end("memory", f"It used more than {limits.memory_mb / 1024:g} GB of memory{many}.")
        late = clock > _CLOCK * most
        if seconds > most or (late and seconds > most / 5):  # on a busy machine the clock may come first
            self.spent += max(seconds, most)
            raise self._end("time", f"It was still computing after {most:.0f} seconds: look for a loop "
                                    "that does not end, or for work that can be done once.")  # fmt: skip
        if late:
            self.spent += max(seconds, most)
            raise self._end("time", f"It was waiting for something after {_CLOCK * most:.0f} seconds: nobody types, "
                                    "clicks or answers here.")  # fmt: skip

    def _writing(self, on: bool) -> None:
        pipe = self.process.stdin
        if on != (pipe in self.pipes.get_map()):
            if on:
                self.pipes.register(pipe, selectors.EVENT_WRITE)
            else:
                self.pipes.unregister(pipe)

    def _end(self, why: str, told: str) -> Gone:
        self.close()
        return Gone(why, told)


class Near:
    """A pupil in this very process, for tests of assignments: the same messages, as bytes, and no walls at all."""

    def __init__(self):
        import torch

        from .pupil import Server

        self.torch, self.server, self.spent = torch, Server(), 0.0
        self.default = torch.get_default_dtype()  # of the pupil: a notebook may set another, the judge keeps its own
        self.ask({"do": "seed", "seed": 0})

    def ask(self, message: dict, blobs=(), seconds: float | None = None) -> tuple[dict, list[bytes]]:
        judges = self.torch.get_default_dtype()
        self.torch.set_default_dtype(self.default)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                reply, blobs = self.server.answer(*_through(message, blobs))
        finally:
            self.default = self.torch.get_default_dtype()
            self.torch.set_default_dtype(judges)
        return _through(reply, blobs)

    def close(self) -> None:
        self.server.kept.clear()


def _through(message: dict, blobs) -> tuple[dict, list[bytes]]:
    whole = wire.frame(message, blobs)
    text, _ = wire.lengths(whole[: wire.HEAD])
    return wire.unframe(whole[wire.HEAD : wire.HEAD + text], whole[wire.HEAD + text :])
