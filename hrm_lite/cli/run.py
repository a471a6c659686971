"""`hrm-lite run`: a notebook with parameters, checked before it starts; a second call goes on."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from .notebooks.notebook import file_name, need
from .notebooks.parameters import Refused, check, nearest, parse, read_yaml

__all__ = ["command"]

EPILOG = """\b
Examples:
  hrm-lite run notebooks/train_sudoku_extreme.ipynb --show
  hrm-lite run notebooks/train_sudoku_extreme.ipynb -p profile=smoke -p seed=1
"""


@click.command(epilog=EPILOG)
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("-p", "--parameter", "pairs", multiple=True, metavar="NAME=VALUE", help="Set a parameter; repeatable.")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE.yaml",
    help="Set the parameters that a YAML file lists; -p goes before it.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="OUT.ipynb",
    help="Where the executed notebook goes. Default: runs/NOTEBOOK/, named by the parameters.",
)
@click.option("--kernel", metavar="NAME", help="The Jupyter kernel. Default: the one that the notebook names.")
@click.option("--again", is_flag=True, help="Run it although it is done, and replace the output.")
@click.option("--show", is_flag=True, help="Show the notebook's parameters and run nothing.")
def command(notebook, pairs, files, to, kernel, again, show):
    """Run NOTEBOOK with parameters, from start to end, into a notebook of its own.

    A finished output of the same code and parameters is not run again. An unfinished one begins anew, and a training
    in it goes on from its run folder. Run it from the same folder each time: relative paths in the notebook are seen
    from there.
    """
    need("papermill", "ipykernel", extra="run")
    from .notebooks.executing import Execution, find_kernel
    from .notebooks.notebook import Output, read

    source = read(notebook)
    if show:
        _show(source.parameters.values())
        return
    given = check(_given(pairs, files, source), source.parameters, str(notebook))
    output = Output(to or Path("runs", notebook.stem, f"{file_name({'': notebook.stem} | given)[1:]}.ipynb"))
    if output.path.suffix != ".ipynb":
        raise Refused(f"--to {output.path} should end in .ipynb: it is the executed notebook that goes there.")
    if output.path.resolve() == notebook.resolve():
        raise Refused(f"--to {output.path} is the notebook itself. Give another file: a source is never overwritten.")
    kernel = find_kernel(source, kernel)
    try:
        output.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"the folder of {output.path} cannot be made ({error.strerror}). Give another --to.") from None
    with _alone(output), _Bar(notebook.name) as bar:
        if _done(output, source.key(given), given, again):
            return
        result = Execution(source, given, output, kernel, Path.cwd(), bar.tell).run()
    if result.state == "done":
        click.echo(f"{notebook.name}: executed in {result.seconds:.0f} s -> {output.path}")
        return
    on = "The same command goes on." if result.state == "stopped" else "Once that is mended, the same command goes on."
    raise click.ClickException(f"{notebook}: {result.message}\nWhat ran until then: {output.partial}. {on}")


def _given(pairs, files, source) -> dict:
    values = {}
    for path in files:
        try:
            found = read_yaml(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"the file of parameters {path} cannot be read ({error}).") from None
        if not isinstance(found, dict):
            raise Refused(f"{path} should list parameters, one a line, such as seed: 1.")
        values |= found
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise Refused(f"-p {pair} has no value. Write -p NAME=VALUE. {nearest(name, source.parameters)}")
        values[name.strip()] = parse(text, source.parameters.get(name.strip()))
    return values


def _show(parameters) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("parameter", "default", "", box=None, pad_edge=False)
    for parameter in parameters:
        table.add_row(parameter.name, parameter.source, parameter.help)
    Console(highlight=False, markup=False).print(table)


def _done(output, key, given, again) -> bool:
    """Whether there is nothing to do. Raises `Refused` when something else lies there."""
    state = output.state(key)  # refuses a foreign file, whatever was asked for
    if state in ("new", "unfinished") or again:
        before = output.unfinished()
        if state == "unfinished" and before and before["key"] == key and before["folder"] != str(Path.cwd()):
            click.echo(f"It was begun in {before['folder']}: a run folder with a relative path lies there.", err=True)
        return False
    if state == "done":
        click.echo(f"{output.path} is done already, with this code and these parameters (--again runs it once more)")
        return True
    old = output.stamp()["parameters"]
    differs = [k for k in {**old, **given} if old.get(k) != given.get(k)]
    what = f"other parameters ({', '.join(differs)})" if differs else "other code cells"
    raise Refused(
        f"{output.path} is a finished run with {what}. Give another --to to keep it, or --again to replace it."
    )


@contextlib.contextmanager
def _alone(output):
    from filelock import FileLock, Timeout

    try:
        with FileLock(output.lock, timeout=0):
            yield
    except Timeout:
        raise Refused(
            f"{output.path} is being run by another process. Wait for that one, stop it, or give another --to."
        ) from None
    except PermissionError as error:
        raise Refused(f"{output.path.parent} cannot be written to ({error.strerror}). Give another --to.") from None


class _Bar:
    """A bar of cells with the last line printed, on a terminal; nothing elsewhere."""

    def __init__(self, name: str):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[line]}", markup=False, style="dim"),
            console=(console := Console(stderr=True)),
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.progress.add_task(name, total=None, line="")

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *_):
        self.progress.stop()

    def tell(self, cell) -> None:
        self.progress.update(self.task, completed=cell.number - 1, total=cell.count, line=cell.line[:60])
