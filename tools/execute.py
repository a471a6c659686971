"""Execute the notebooks that are out of date: book/*.ipynb -> _build/executed/book/*.ipynb, notebooks/ alike.

    python tools/execute.py [--jobs 2] [book/04_….ipynb …]

The full-scale notebooks run with the parameters that they come with: a smoke test of seconds.

A run is kept until something that it depends on changes: the code cells of the notebook, any file
of the package, the pinned versions, or a file that the notebook names in its metadata as
`"hrm_lite": {"reads": ["results/**/run.json"]}`. Contents are compared, not dates, so switching
branches costs nothing; and a change of prose alone keeps the outputs and replaces the text.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXECUTED = ROOT / "_build" / "executed"
FAILED = ROOT / "_build" / "failed"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def files_of_the_package() -> list[Path]:
    """What outputs may depend on. No notebook of the book asks the checks of the classroom's assignments."""
    package = ROOT / "hrm_lite"
    return [path for path in sorted(package.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
            and not path.is_relative_to(package / "exercises" / "classroom")]


def digest(*parts: bytes) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big") + part)
    return sha.hexdigest()


def key(notebook: dict) -> str:
    """Everything that the outputs of this notebook depend on, as one string."""
    code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    patterns = notebook["metadata"].get("hrm_lite", {}).get("reads", [])
    named = [path for pattern in patterns for path in sorted(ROOT.glob(pattern)) if path.is_file()]
    parts = [json.dumps(code).encode()]
    for path in [*files_of_the_package(), ROOT / "constraints.txt", *named]:
        parts += [path.relative_to(ROOT).as_posix().encode(), path.read_bytes()]
    return digest(*parts)


def graft(source: dict, run: dict, stamp: dict) -> dict:
    """The text and tags of `source` with the outputs of `run`, which has the same code cells."""
    done = iter(cell for cell in run["cells"] if cell["cell_type"] == "code")
    for cell in source["cells"]:
        if cell["cell_type"] == "code":
            ran = next(done)
            cell["outputs"], cell["execution_count"] = ran["outputs"], ran["execution_count"]
    source["metadata"]["hrm_lite"] = source["metadata"].get("hrm_lite", {}) | stamp
    if "widgets" in run["metadata"]:
        source["metadata"]["widgets"] = run["metadata"]["widgets"]
    return source


def read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        sys.exit(f"{path.relative_to(ROOT)} is not a notebook, its JSON is broken: {error}")


def write(notebook: dict, path: Path) -> None:
    """All or nothing: a reader, or the next run, never meets half a notebook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_bytes((json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8"))
    os.replace(half, path)


class Progress:
    """Stands where papermill keeps its tqdm bar, and tells the parent process, which draws all bars."""

    def __init__(self, name: str, messages):
        self.name, self.messages, self.n = name, messages, 0

    def update(self, n: int = 1) -> None:
        self.messages.put((self.name, n))

    def set_description(self, text: str) -> None: ...
    def refresh(self) -> None: ...
    def close(self) -> None: ...


def execute(name: str, messages) -> tuple[float, str]:
    """Run one notebook in its own kernel: seconds, and '' or what went wrong."""
    import papermill
    from jupyter_client.kernelspec import KernelSpecManager
    from papermill.engines import NBClientEngine, papermill_engines

    class Engine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs):
            nb_man.pbar = Progress(name, messages)
            nb_man.pbar.update(0)   # shows the bar before the first cell is through
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

    papermill_engines.register("with_progress", Engine)
    kernel = Path(KernelSpecManager().get_kernel_spec("python3").resource_dir)
    if not kernel.is_relative_to(sys.prefix):
        return 0.0, f"the Jupyter kernel 'python3' is {kernel}, which is not part of {sys.prefix}"

    # Read before the run: what changes on disk meanwhile must not be taken for executed.
    source, partial, begun = ROOT / name, FAILED / name, time.perf_counter()
    partial.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(partial.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1), os.dup2(log, 2)   # the kernel's own chatter must not run through the bars
    notebook = read(source)
    stamp = {"key": key(notebook), "source": digest(source.read_bytes())}
    home = (EXECUTED / name).parent   # where nbval will run it, too
    home.mkdir(parents=True, exist_ok=True)
    # A training that was done by other code must be done again; nbval, which comes later, finds this one finished.
    shutil.rmtree(home / "runs" / source.stem, ignore_errors=True)
    try:
        papermill.execute_notebook(source, partial, kernel_name="python3", cwd=home, engine_name="with_progress",
                                   progress_bar=False, execution_timeout=1800)
    except papermill.PapermillExecutionError as error:
        return time.perf_counter() - begun, explain(error, partial)
    except Exception as error:   # a dead kernel, a cell that never ends, a file that is no notebook
        tail = partial.with_suffix(".log").read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
        return time.perf_counter() - begun, "\n    ".join([f"{type(error).__name__}: {error}", *tail])

    stamp["seconds"] = round(time.perf_counter() - begun, 1)
    write(graft(notebook, read(partial), stamp), EXECUTED / name)
    partial.unlink()
    partial.with_suffix(".log").unlink()
    return stamp["seconds"], ""


def explain(error, partial: Path) -> str:
    first = next((line for line in error.source.splitlines() if line.strip()), "")
    trace = ANSI.sub("", "\n".join(error.traceback)).rstrip().splitlines()
    return "\n".join([f"cell [{error.exec_count}], which begins “{first.strip()}”, raised {error.ename}:", "",
                      *(f"    {line}" for line in trace[-15:]), "",
                      f"What ran until then: {partial.relative_to(ROOT).as_posix()}"])


def stale(names: list[str]) -> list[str]:
    """The notebooks to run, the longest first. Where only the prose is new, it is replaced here."""
    todo = []
    for name in names:
        notebook, executed = read(ROOT / name), EXECUTED / name
        run = read(executed) if executed.exists() else {"metadata": {}}
        old = run["metadata"].get("hrm_lite", {})
        if old.get("key") != key(notebook):
            todo.append((-old.get("seconds", 0), name))
        elif old["source"] != (new := digest((ROOT / name).read_bytes())):
            write(graft(notebook, run, old | {"source": new}), executed)
            print(f"{name}: new text, outputs kept", flush=True)
    return [name for _, name in sorted(todo)]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("notebooks", nargs="*", help="as paths from the repository; default: all of them")
    arguments.add_argument("--jobs", type=int, default=2, help="how many at a time (default 2)")
    given = arguments.parse_args()

    sources = [path for folder in ("book", "notebooks") for path in sorted((ROOT / folder).glob("*.ipynb"))]
    names = [path.relative_to(ROOT).as_posix() for path in sources]
    for old in EXECUTED.rglob("*.ipynb"):
        if old.relative_to(EXECUTED).as_posix() not in names:
            old.unlink()   # its source is gone, so it must be neither tested nor shown
    todo = stale(given.notebooks or names)
    if not todo:
        return 0
    return run_all(todo, given.jobs)


def run_all(todo: list[str], jobs: int) -> int:
    import multiprocessing as mp
    import queue

    from tqdm import tqdm

    spawn, bars, failures = mp.get_context("spawn"), {}, []
    look = {"unit": "cell", "leave": False, "disable": not sys.stderr.isatty(), "nrows": 2 + jobs,
            "ncols": min(shutil.get_terminal_size().columns, 110)}   # a log gets a line at the start and one at the end
    with mp.Manager() as manager, ProcessPoolExecutor(jobs, spawn) as pool:
        messages = manager.Queue()
        runs = {pool.submit(execute, name, messages): name for name in todo}
        while runs:
            try:
                name, n = messages.get(timeout=0.2)
                if name not in bars and name in runs.values():
                    bars[name] = tqdm(total=len(read(ROOT / name)["cells"]), desc=name, **look)
                    if look["disable"]:
                        print(f"{name}: executing {bars[name].total} cells", flush=True)
                if name in bars:
                    bars[name].update(n)
            except queue.Empty:
                pass
            for run in [run for run in runs if run.done()]:
                name = runs.pop(run)
                seconds, failure = run.result()
                if name in bars:
                    bars.pop(name).close()
                tqdm.write(f"{name}: {'FAILED' if failure else 'executed'} in {seconds:.0f} s")
                failures += [f"\n{name} failed: {failure}\n"] if failure else []
    print(*failures, sep="\n", end="", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; finished notebooks are kept")
