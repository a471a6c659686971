"""Where the runs of a batch are computed: a cluster of dask on this machine, or one that exists."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .job import work
from .parameters import Refused

__all__ = ["compute", "existing", "local", "visible_gpus"]

_TRIES = 10  # how often dask may lose a run that was not begun before it is given up
_CONNECT_SECONDS = 30
# A Ctrl-C in the terminal reaches the workers, too. It is for the batch, which asks them to stop. A handler and not
# SIG_IGN: what is ignored stays so in the processes that a worker starts, and a kernel must heed its interrupts.
_HEEDLESS = "import signal\nsignal.signal(signal.SIGINT, lambda *_: None)\n"


def visible_gpus() -> list[str]:
    """The GPUs of this machine, as CUDA_VISIBLE_DEVICES names them. Raises `Refused` when there is none."""
    if (said := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        found = [name.strip() for name in said.split(",") if name.strip() and name.strip() != "-1"]
    else:
        import torch

        found = [str(number) for number in range(torch.cuda.device_count())]
    if not found:
        raise Refused(
            "--gpus gives each run a GPU of its own, but this machine shows none (CUDA_VISIBLE_DEVICES, nvidia-smi). "
            "Leave --gpus out to compute on the cores, or name a cluster that has some with --scheduler."
        )
    return found


@contextlib.contextmanager
def local(count: int, gpus: list[str] | None = None) -> Iterator[Any]:
    """A client of ``count`` workers on this machine, each a process with one thread, and with a GPU of ``gpus``."""
    import dask
    from distributed import Client, Nanny, Scheduler, SpecCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # that a worker died is told by the table
    calm = {
        "logging": {"distributed": "critical"},
        "distributed.scheduler.worker-saturation": 1.0,  # no worker holds a run that another could begin
    }
    with dask.config.set(calm):
        options = {"nthreads": 1, "memory_limit": None, "dashboard": False, "host": "127.0.0.1"}
        options |= {"silence_logs": logging.CRITICAL, "preload": [_HEEDLESS]}
        workers = {}
        for number in range(count):
            own = {"resources": {"GPU": 1}} if gpus else {}
            env = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
            if gpus:
                env["CUDA_VISIBLE_DEVICES"] = gpus[number]
            workers[number] = {"cls": Nanny, "options": options | own | {"env": env}}
        scheduler = {"cls": Scheduler, "options": {"host": "127.0.0.1", "port": 0, "dashboard": False}}
        with SpecCluster(workers, scheduler, name="hrm-lite") as cluster, Client(cluster) as client:
            yield client


@contextlib.contextmanager
def existing(address: str | None = None, file: str | os.PathLike | None = None) -> Iterator[Any]:
    """A client of the scheduler at ``address``, or of the one that wrote ``file``. Raises `Refused` without one."""
    from distributed import Client

    where = address or str(file)
    try:
        if file is not None:
            _wait_for(Path(file))  # dask itself waits for ever
        client = Client(address, scheduler_file=None if file is None else str(file), timeout=_CONNECT_SECONDS)
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise Refused(
            f"no scheduler of dask answers at {where} ({' '.join(str(error).split()) or type(error).__name__}). Start "
            "one with `dask scheduler`, which says its address, such as tcp://127.0.0.1:8786."
        ) from None
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close()


def _wait_for(file: Path) -> None:
    """Give a scheduler that is just being started the time to write its whole file."""
    end = time.monotonic() + _CONNECT_SECONDS
    while True:
        try:
            json.loads(file.read_text(encoding="utf-8"))
            return
        except (OSError, ValueError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def slots(client: Any, gpus: bool) -> int:
    """How many runs the workers of ``client`` take at a time."""
    try:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
    except TypeError:  # an older version gives all of them
        workers = client.scheduler_info()["workers"].values()
    return sum(int(w.get("resources", {}).get("GPU", 0)) if gpus else w["nthreads"] for w in workers)


def _task(job: dict, topic: str) -> dict:
    """What a worker does for one run."""
    from distributed import Event, get_worker

    worker, stop = get_worker(), Event(topic)

    def asked() -> bool:
        with contextlib.suppress(Exception):  # the scheduler is gone: then this worker is going, too
            return stop.is_set()
        return False

    def tell(where: dict) -> None:
        worker.log_event(topic, {"name": job["name"], "worker": worker.address} | where)

    if asked():
        return {"state": "stopped", "message": "not begun", "seconds": 0.0}
    tell({"cell": 0, "count": 0, "line": ""})
    return work(job, tell, asked)


def compute(
    client: Any,
    jobs: Iterable[dict],
    batch: str,
    gpus: bool,
    tell: Callable[[dict], None],
    tick: Callable[[], int],
) -> bool:
    """Compute ``jobs`` on the workers of ``client``; whether it was asked to stop.

    tell: called with {"name", …} when something is known of a run: where it stands, or its "state". tick: called
    twice a second; how often it was asked to stop. Asked once, it lets the runs under way write their checkpoints;
    asked twice, it leaves at once. A run whose worker dies is begun again elsewhere; the run itself counts how often.
    Raises ConnectionError when the scheduler goes away.
    """
    from distributed import Event, KilledWorker

    topic, news, jobs = f"hrm-lite-{batch}", queue.Queue(), {job["name"]: job for job in jobs}
    client.subscribe_topic(topic, lambda event: news.put(event[1]))
    stop, futures, tries, begun, stopped = Event(topic, client=client), {}, dict.fromkeys(jobs, 0), set(), False

    def submit(name: str) -> None:
        tries[name] += 1
        future = client.submit(
            _task,
            jobs[name],
            topic,
            key=f"{topic}-{name}-{tries[name]}",
            pure=False,
            resources={"GPU": 1} if gpus else None,
        )
        futures[name] = future
        future.add_done_callback(lambda _: news.put({"name": name, "over": future}))

    def hear(said: dict) -> None:
        name, future = said["name"], said.get("over")
        if future is None:
            begun.add(name)
            if name in futures:
                tell(said)
        elif futures.get(name) is future:  # not one that was given up
            del futures[name]
            if future.status == "finished":
                tell({"name": name} | future.result())
            elif stopped:
                tell({"name": name, "state": "stopped", "message": "not begun"})
            elif future.status == "error" and isinstance(future.exception(), KilledWorker) and tries[name] < _TRIES:
                submit(name)
            else:
                why = future.exception() if future.status == "error" else "the scheduler gave it up"
                tell({"name": name, "state": "failed", "message": f"its worker failed: {why}"})

    for name in jobs:
        submit(name)
    while futures:
        asked = tick()
        if asked > 1:
            break
        if asked and not stopped:
            stopped = True
            stop.set()
            client.cancel([future for name, future in futures.items() if name not in begun])
        if stopped and not slots(client, gpus):
            break  # nobody is left to say how the runs ended
        with contextlib.suppress(queue.Empty):
            hear(news.get(timeout=0.5))
            while True:
                hear(news.get_nowait())
        if client.status not in ("running", "connecting"):
            raise ConnectionError("the scheduler went away")
    client.unsubscribe_topic(topic)
    return stopped
