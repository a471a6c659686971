"""The program in the sandbox: it runs the cells of a student's notebook, and answers the judge's questions.

The student's code can do to this process whatever it likes. It finds nothing here but itself and the inputs of the
question that it is being asked; what it sends back is read as data (`wire`).

    {"do": "cell", "source", "name"}        runs a cell             -> {} or {"error": {…}}, {"notes": […]}
    {"do": "get", "names"}                  values by name          -> {"values": {name: tree}}
    {"do": "call", "id", "args", "named"}   calls what was got      -> {"value", "changed"} or {"error": {…}}
    {"do": "seed", "seed"}                  before each test        -> {}
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import inspect
import json
import linecache
import os
import random
import re
import sys
import traceback
import types

import numpy as np
import torch

from hrm_lite.exercises.base import expression

try:
    from classroom.grader import wire
except ImportError:  # in the sandbox the two files lie side by side, and there is no classroom
    import wire

NO_NETWORK = "installs"  # a note's kind: the cell wanted to install something
NO_SHELL = "shell"
NO_PERSON = "input"


class Server:
    """A notebook's namespace, and what the judge may ask of it."""

    def __init__(self):
        self.module = types.ModuleType("__main__")
        self.kept: list = []
        self.notes: list[str] = []
        self.names = self.module.__dict__
        self.names |= {"__builtins__": builtins, "display": lambda *_, **__: None, "get_ipython": lambda: Shell(self)}
        self.transform = _transformer()

    def answer(self, message: dict, blobs: list[bytes]) -> tuple[dict, list[bytes]]:
        """The reply to a message. Errors of the student's code are part of it."""
        packer = wire.Packer(self._keep)
        try:
            reply = getattr(self, "do_" + message["do"])(message, blobs, packer)
        except wire.TooLarge as large:
            return {"error": {"type": "ValueError", "text": f"what your code returns is too large: {large}"}}, []
        return reply, packer.blobs

    def do_cell(self, message, blobs, packer) -> dict:
        self.notes = []
        name = message["name"]
        try:
            self.run(message["source"], name)
        except BaseException as error:  # sys.exit and KeyboardInterrupt, too, cost their cell only
            return {"error": self._told(error, name), "notes": self.notes[:5]}
        return {"notes": self.notes[:5]}

    def run(self, source: str, name: str) -> None:
        """A cell, as Jupyter runs it."""
        text = self.transform(source)
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)  # for inspect.getsource and tracebacks
        code = compile(text, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(types.FunctionType(code, self.names)())
        else:
            exec(code, self.names)

    def do_get(self, message, blobs, packer) -> dict:
        return {"values": {n: packer.tree(self.names[n]) for n in message["names"] if n in self.names}}

    def do_call(self, message, blobs, packer) -> dict:
        reader = wire.Reader(blobs, lambda number, _: self.kept[number], lambda _: object(), expression)
        given = reader.value(message["args"])
        named = reader.value(message["named"])
        before = [_copy(one) for one in given]
        try:
            found = self.kept[message["id"]](*given, **named)
        except BaseException as error:
            return {"error": self._told(error)}
        changed = {str(i): packer.tree(one) for i, one in enumerate(given) if _differs(before[i], one)}
        return {"value": packer.tree(found), "changed": changed}

    def do_seed(self, message, blobs, packer) -> dict:
        seed = message["seed"]
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (students use it)
        torch.manual_seed(seed)
        self.kept.clear()
        return {}

    def _keep(self, thing) -> tuple[int, str]:
        self.kept.append(thing)
        return len(self.kept) - 1, wire.type_name(type(thing))

    def _told(self, error: BaseException, name: str | None = None) -> dict:
        """An error in the words that its owner would see below the cell, and where it happened."""
        try:
            text = " ".join(str(error).split())[:300]
        except BaseException:
            text = ""
        lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename.startswith("cell ")]
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else (lines or [None])[-1]
        told = {"type": wire.type_name(type(error)), "text": text.encode("utf-8", "replace").decode("utf-8")}
        return told | ({"line": line} if type(line) is int else {})


class Shell:
    """What `get_ipython()` gives here: magics that matter to nobody but a person are passed over."""

    def __init__(self, server: Server):
        self.server = server

    def run_line_magic(self, name, line, *_, **__):
        if name in ("pip", "conda", "mamba", "uv"):
            self.server.notes.append(NO_NETWORK)
        elif name in ("time", "timeit", "prun"):
            code = re.sub(r"^(-\w+(\s*\d+)?\s+)*", "", line)
            return self._value(code)
        return None

    def run_cell_magic(self, name, line, body):
        if name in ("time", "timeit", "capture", "prun"):
            self.server.run(body, "cell")
        else:
            self.server.notes.append(NO_SHELL)

    def system(self, command, *_):
        self.server.notes.append(NO_NETWORK if re.search(r"\b(pip|conda|uv|apt(-get)?)\b", str(command)) else NO_SHELL)

    def getoutput(self, command, *_):
        self.system(command)
        return []

    def _value(self, code):
        try:
            return eval(code, self.server.names)
        except SyntaxError:
            return exec(code, self.server.names)

    def __getattr__(self, name):  # events, display_formatter, …: all of it for a screen that is not here
        return lambda *_, **__: None


def _transformer():
    try:
        from IPython.core.inputtransformer2 import TransformerManager

        return TransformerManager().transform_cell
    except ImportError:
        return lambda text: text


def _copy(one):
    return (
        one.detach().clone() if isinstance(one, torch.Tensor) else one.copy() if isinstance(one, np.ndarray) else None
    )


def _differs(before, after) -> bool:
    if isinstance(before, torch.Tensor):
        return before.shape != after.shape or not torch.equal(before, after.detach())
    return before is not None and (before.shape != after.shape or not np.array_equal(before, after, equal_nan=False))


def _nobody(*_):
    raise EOFError("input() waits for a person, and nobody sits at the grader: put the value into the cell")


def main() -> None:
    """Read messages from descriptor 0, and write replies to what was descriptor 1."""
    asked, told = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # what the notebook prints goes nowhere, however much it is
        os.dup2(nothing, standard)
    builtins.input = _nobody
    torch.set_num_threads(1)
    _bound(json.loads(os.environ.pop("PUPIL_LIMITS", "{}")))
    server = Server()
    sys.modules["__main__"] = server.module
    reading, writing = os.fdopen(asked, "rb"), os.fdopen(told, "wb")
    server.do_seed({"seed": 0}, [], None)
    frame = wire.frame

    def send(whole: bytes) -> None:
        writing.write(whole)
        writing.flush()

    send(frame({"to": 0}))
    while head := reading.read(wire.HEAD):
        text, size = wire.lengths(head)
        message, blobs = wire.unframe(reading.read(text), reading.read(size))
        reply, blobs = server.answer(message, blobs)
        try:
            whole = frame(reply | {"to": message["number"]}, blobs)
        except wire.TooLarge as large:
            error = {"type": "ValueError", "text": f"what your code returns is too large: {large}"}
            whole = frame({"error": error, "to": message["number"]})
        send(whole)
    os._exit(0)  # threads that the notebook left behind must not keep it


def _bound(limits: dict) -> None:
    """What the kernel refuses from here on. A try for more memory is then a MemoryError in its cell, and no more."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    bounds = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": limits.get("file"), "RLIMIT_NPROC": limits.get("processes")}
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            has = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        bounds["RLIMIT_AS"] = has + limits["memory"] if "memory" in limits else None
    except OSError:  # not on a Mac: there the watchdog is what is left
        pass
    for name, most in bounds.items():
        if most is not None and hasattr(resource, name):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(getattr(resource, name), (most, most))
