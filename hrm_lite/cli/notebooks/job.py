"""One run of a batch in a process of its own: `python -m hrm_lite.cli.notebooks.job`.

A worker of the cluster starts it (`work`). It reads the job as a line of JSON from its standard input and writes lines
of JSON: where it stands, and last how it ended. The word "stop" on its input makes it stop with a checkpoint. When its
input ends the worker is gone: then it ends at once and takes its kernel along.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["work"]

_HEED = 60  # seconds for a training to write its checkpoint
_PATIENCE = 20  # seconds from the end of the worker to the end of this process, whatever happens


def work(job: dict, tell: Callable[[dict], None], asked: Callable[[], bool]) -> dict:
    """Run ``job`` in a process of its own, from a worker; how it ended, as {"state", "message", "seconds", …}.

    tell: called with where it stands. asked: whether it is to stop, looked at once a second.
    """
    import subprocess

    folder = Path(job["folder"])
    if not folder.is_dir():
        return _end(
            "failed",
            f"the worker on {_host()} does not see the folder {folder}. All workers and the batch "
            "need one folder that they share, under the same path.",
        )
    own_group = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else {"start_new_session": True}
    )  # a Ctrl-C in the terminal is for the batch, which asks its jobs to stop
    with tempfile.TemporaryFile() as chatter:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=chatter,
            text=True,
            encoding="utf-8",
            **own_group,
        )
        over = threading.Event()
        watch = threading.Thread(target=_pass_on, args=(process, over, asked), daemon=True)
        result = None
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            watch.start()
            for line in process.stdout:
                said = json.loads(line)
                if "state" in said:
                    result = said
                else:
                    tell(said)
        except BrokenPipeError:
            pass  # it died before it read the job: said below
        finally:
            over.set()
            process.stdout.close()
            _close(process.stdin)
            code = process.wait()
        if result is None:
            chatter.seek(0)
            last = chatter.read().decode(errors="replace").strip().splitlines()[-5:]
            result = _end("failed", "\n".join([f"its process on {_host()} ended with code {code}", *last]))
    return result


def _pass_on(process, over: threading.Event, asked: Callable[[], bool]) -> None:
    """Once asked to stop, say so to the run; a minute later, when its kernel heeds no interrupt, say it again."""
    while not over.wait(1):
        if asked():
            with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
                process.stdin.write("stop\n")
                process.stdin.flush()
            over.wait(_HEED)


def _close(pipe) -> None:
    with contextlib.suppress(OSError):
        pipe.close()


def _host() -> str:
    import platform

    return platform.node()


def _end(state: str, message: str, seconds: float = 0.0, **more) -> dict:
    return {"state": state, "message": message, "seconds": seconds, "host": _host()} | more


def _read_input(execution_of: dict) -> None:
    """A thread's work: pass on what the worker says, and end this process when the worker is gone."""
    for _ in sys.stdin:
        execution_of["asked"] = True
        if execution := execution_of.get("execution"):
            execution.stop()
    execution_of["gone"] = True
    if execution := execution_of.get("execution"):
        execution.asked = max(execution.asked, 1)
        execution.stop()  # the second time: the kernel is killed
        time.sleep(_PATIENCE)
    os._exit(143)


def _run(job: dict, say: Callable[[dict], None], shared: dict) -> dict:
    from filelock import FileLock, Timeout

    from .executing import Execution, find_kernel
    from .notebook import Output, parsed
    from .parameters import Refused

    output = Output(Path(job["output"]))
    lock = FileLock(output.lock)
    while True:  # a worker that was given up may still be at it: then this waits, and finds it done
        try:
            lock.acquire(timeout=1)
            break
        except Timeout:
            if shared.get("asked"):
                return _end("stopped", "stopped while it waited for another process")
            say({"cell": 0, "count": 0, "line": "waits for another process that runs it"})
    with lock:
        try:
            notebook = parsed(Path(job["notebook"]), job["content"])
            state = output.state(notebook.key(job["given"]))
            if state == "done":
                return _end("done", "done by another process", output.stamp()["seconds"])
            before = output.unfinished() or {}
            begun = [a for a in before.get("attempts", []) if a.get("batch") == job["batch"]]
            if before.get("key") == notebook.key(job["given"]) and len(begun) >= job["attempts"]:
                hosts = ", ".join(dict.fromkeys(a["host"] for a in begun))
                return _end(
                    "failed",
                    f"its process was killed {len(begun)} times (on {hosts}), perhaps for want of "
                    "memory, so it is not begun again in this batch",
                )
            execution = Execution(
                notebook,
                job["given"],
                output,
                find_kernel(notebook, job["kernel"]),
                job["folder"],
                lambda cell: say({"cell": cell.number, "count": cell.count, "line": cell.line}),
                {"batch": job["batch"]},
            )
        except Refused as error:
            return _end("failed", error.message)
        shared["execution"] = execution
        if shared.get("asked"):
            execution.stop()
        result = execution.run()
        return _end(result.state, result.message, result.seconds, attempts=len(begun) + 1)


def main() -> None:
    # The kernel inherits the standard output; what it writes there must not run through the lines of JSON.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    shared: dict = {}
    threading.Thread(target=_read_input, args=(shared,), daemon=True).start()
    last, lock = [0.0], threading.Lock()

    def say(value: dict) -> None:
        # A training prints many lines a second; nobody reads more than one.
        if "state" in value or time.monotonic() - last[0] > 0.5:
            last[0] = time.monotonic()
            with lock:
                out.write(json.dumps(value) + "\n")
                out.flush()

    result = _run(job, say, shared)
    if not shared.get("gone"):
        say(result)
    out.flush()
    os._exit(0)  # not held up by the thread that waits for the worker


if __name__ == "__main__":
    main()
