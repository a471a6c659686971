"""`hrm-lite batch`: a grid of runs on the cores of this machine or on a cluster, each done once."""

from __future__ import annotations

import contextlib
import signal
import threading
import uuid
from collections import Counter
from pathlib import Path

import click

from .notebooks.notebook import need
from .notebooks.parameters import Refused

__all__ = ["command"]

EPILOG = """\b
Examples:
  hrm-lite batch grid.yaml --dry-run
  hrm-lite batch grid.yaml --workers 4
  hrm-lite batch grid.yaml --scheduler tcp://10.0.0.1:8786 --gpus

\b
A grid:
  notebook: train_sudoku_extreme.ipynb
  to: runs/try
  parameters: {profile: smoke}
  grid:
    preset: [sudoku-4x4-mlp, lite]
    seed: [0, 1, 2]
"""


@click.command(epilog=EPILOG)
@click.argument("grid", type=click.Path(path_type=Path))
@click.option("--scheduler", metavar="ADDRESS", help="A running scheduler of dask, such as tcp://10.0.0.1:8786.")
@click.option("--scheduler-file", type=click.Path(path_type=Path), metavar="FILE", help="The file that it wrote.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="On this machine. Default: one a core.")
@click.option("--gpus", is_flag=True, help="A GPU for each run; on a cluster, workers with the resource GPU.")
@click.option(
    "--attempts",
    type=click.IntRange(1),
    default=2,
    metavar="N",
    show_default=True,
    help="How often a run may be begun when its worker dies.",
)
@click.option("--metric", metavar="NAME", help="What to compare by. Default: exact, or what the records hold.")
@click.option("--kernel", metavar="NAME", help="The Jupyter kernel. Default: the one that the notebook names.")
@click.option("--again", is_flag=True, help="Run those of other code or parameters, too, and replace their outputs.")
@click.option("--dry-run", is_flag=True, help="Check everything, show the runs, start none.")
def command(grid, scheduler, scheduler_file, workers, gpus, attempts, metric, kernel, again, dry_run):
    """Run a notebook with each combination of the parameters that GRID, a YAML file, lists.

    Paths in GRID are seen from its folder, where the runs work, too. What is done is not done again: after an error, a
    Ctrl-C or a crash the same command goes on. At the end there are a table and a figure of the records.
    """
    need("papermill", "ipykernel", "distributed", "seaborn", extra="cluster")
    from .notebooks.grid import load

    if scheduler and scheduler_file:
        raise Refused("--scheduler and --scheduler-file both name a scheduler. Give one of them.")
    if workers and (scheduler or scheduler_file):
        raise Refused("--workers is for a cluster on this machine; the one that --scheduler names has its own workers.")
    found = load(grid)
    states = {run.name: run.output.state(found.notebook.key(run.given)) for run in found.runs}
    counts = Counter(states.values())
    todo = [run for run in found.runs if states[run.name] != "done"]
    click.echo(f"{found.says()}: {counts['done']} done, {len(todo)} to run")
    if dry_run:
        _show(found, states)
    if counts["other"] and not again:
        others = [name for name, state in states.items() if state == "other"]
        raise Refused(
            f"{counts['other']} of the outputs in {found.to} are finished runs of other code or other parameters "
            f"({others[0]}{', …' if len(others) > 1 else ''}). Give the grid another `to` to keep them, or --again to "
            "replace them."
        )
    if dry_run:
        return
    results, stopped = {}, False
    if todo:
        places = visible(gpus, workers, len(todo)) if not (scheduler or scheduler_file) else None
        results, stopped = _compute(found, todo, places, scheduler, scheduler_file, gpus, attempts, kernel)
    try:
        _summary(found, metric)
    finally:
        _tell_failures(todo, results)
    _judge(found, todo, results, stopped)


def visible(gpus: bool, workers: int | None, runs: int) -> tuple[int, list[str] | None]:
    """How many workers to start on this machine, and the GPUs that they get."""
    from dask.system import CPU_COUNT

    from .notebooks.workers import visible_gpus

    if not gpus:
        return min(workers or CPU_COUNT, runs), None
    names = visible_gpus()
    if workers and workers > len(names):
        raise Refused(f"--workers {workers} with --gpus needs {workers} GPUs, but this machine has {len(names)}.")
    return min(workers or len(names), runs), names


def _show(grid, states) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("run", *grid.varied, "state", box=None, pad_edge=False)
    for run in grid.runs:
        table.add_row(run.name, *(str(run.varied.get(name, "")) for name in grid.varied), states[run.name])
    Console(highlight=False, markup=False, soft_wrap=True).print(table)


def _compute(grid, todo, places, scheduler, scheduler_file, gpus, attempts, kernel):
    from .notebooks.executing import find_kernel
    from .notebooks.progress import Board
    from .notebooks.workers import compute, existing, local, slots

    if places:
        find_kernel(grid.notebook, kernel)  # on a cluster the workers look for themselves
    try:
        grid.to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"the folder {grid.to} cannot be made ({error.strerror}). Give the grid another `to`.") from None
    import nbformat

    batch, content = uuid.uuid4().hex[:8], nbformat.writes(grid.notebook.content)
    jobs = [
        {
            "name": run.name,
            "batch": batch,
            "attempts": attempts,
            "notebook": str(grid.notebook.path),
            "content": content,
            "given": run.given,
            "output": str(run.output.path),
            "folder": str(grid.folder),
            "kernel": kernel,
        }
        for run in todo
    ]
    ending: dict = {}
    with _Interrupts() as interrupts, contextlib.ExitStack() as stack:
        client = stack.enter_context(local(*places) if places else existing(scheduler, scheduler_file))
        at_a_time = slots(client, gpus)
        if not at_a_time:
            what = "offers the resource GPU (dask worker --resources GPU=1)" if gpus else "is there"
            click.echo(f"no worker {what} yet: the runs wait for one")
        board = stack.enter_context(Board([run.name for run in todo]))

        def tell(said):
            board.tell(said)
            if "state" in said:
                ending[said["name"]] = said

        def tick():
            board.tick()
            return interrupts.asked

        interrupts.patient = True
        try:
            stopped = compute(client, jobs, batch, gpus, tell, tick)
        except ConnectionError:
            raise click.ClickException(
                "the scheduler went away before all runs were done. Nothing that is finished is lost: once it is "
                "there again, the same command goes on."
            ) from None
    return ending, stopped


class _Interrupts:
    """Counts Ctrl-C, and SIGTERM, which a cluster sends that takes the machine away.

    While it is not ``patient`` they end the command as usual, and so they do the third time.
    """

    def __init__(self):
        self.asked, self.patient, self.before = 0, False, {}

    def __enter__(self) -> _Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self.before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _ask(self, *_) -> None:
        self.asked += 1
        if not self.patient or self.asked > 2:
            raise KeyboardInterrupt
        if self.asked == 1:
            click.echo("stopping: the runs under way write their checkpoints (Ctrl-C again leaves at once)", err=True)


def _summary(grid, wanted) -> None:
    from rich.console import Console

    from .notebooks.summary import choose_metric, figure, keep, rows, show

    try:
        table = rows(grid)
    except ValueError as error:  # a record that is damaged
        raise click.ClickException(f"the runs are kept, but there is no table of them: {error}") from None
    if not table:
        return
    keep(table, grid.to / "table.csv")
    metric = choose_metric(grid, table, wanted or grid.metric)
    Console(highlight=False).print(show(grid, table, metric))
    written = [grid.to / "table.csv"]
    if metric:
        figure(table, grid.varied, metric, grid.to / f"{metric.replace('.', '_')}.png")
        written.append(grid.to / f"{metric.replace('.', '_')}.png")
    else:
        click.echo("no record holds a measure to compare by; `record` of the grid says where they lie")
    click.echo(f"written: {', '.join(map(str, written))}")


def _tell_failures(todo, results) -> None:
    for run in todo:
        if results.get(run.name, {}).get("state") == "failed":
            partial = f"\nWhat ran until then: {run.output.partial}" if run.output.partial.exists() else ""
            click.echo(f"\n{run.name} failed: {results[run.name]['message']}{partial}", err=True)


def _judge(grid, todo, results, stopped) -> None:
    """Leave with 1 when something is not done."""
    missing = [run for run in todo if results.get(run.name, {}).get("state") != "done"]
    count = len(grid.runs)
    if stopped:
        raise click.ClickException(
            f"stopped: {count - len(missing)} of {count} runs are done. The same command goes on."
        )
    if missing:
        raise click.ClickException(
            f"{len(missing)} of {count} runs failed; the others are kept. Once that is mended, the same command runs "
            "what is missing."
        )
