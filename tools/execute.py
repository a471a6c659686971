"""Execute the chapters that are out of date: book/*.ipynb -> _build/executed/book/*.ipynb.

    python tools/execute.py [--jobs 2] [book/04_….ipynb …]

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
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXECUTED = ROOT / "_build" / "executed"
FAILED = ROOT / "_build" / "failed"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def files_of_the_package() -> list[Path]:
    return [p for p in sorted((ROOT / "hrm_lite").rglob("*")) if p.is_file() and "__pycache__" not in p.parts]


def digest(*parts: bytes) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big") + part)
    return sha.hexdigest()


def key(notebook: dict) -> str:
    """Everything that the outputs of this notebook depend on, as one string."""
    code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    read = [p for pattern in notebook["metadata"].get("hrm_lite", {}).get("reads", []) for p in sorted(ROOT.glob(pattern))]
    parts = [json.dumps(code).encode()]
    for path in [*files_of_the_package(), ROOT / "constraints.txt", *read]:
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
    return json.loads(path.read_text(encoding="utf-8"))


def write(notebook: dict, path: Path) -> None:
    """All or nothing: a reader, or the next run, never meets half a notebook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(half, path)


def start_worker(lock) -> None:
    from tqdm import tqdm

    tqdm.set_lock(lock)


def execute(name: str, slots) -> tuple[str, float, str]:
    """Run one notebook in its own kernel; the third value is '' or says what went wrong."""
    import papermill
    from jupyter_client.kernelspec import KernelSpecManager

    home = Path(KernelSpecManager().get_kernel_spec("python3").resource_dir)
    if not home.is_relative_to(sys.prefix):
        return name, 0.0, f"the Jupyter kernel 'python3' is {home}, which is not part of {sys.prefix}"

    source, partial = ROOT / name, FAILED / name
    partial.parent.mkdir(parents=True, exist_ok=True)
    slot, begun = slots.get(), time.perf_counter()
    bar = {"desc": name, "position": slot, "leave": False, "disable": not sys.stderr.isatty()}
    try:
        papermill.execute_notebook(source, partial, kernel_name="python3", cwd=source.parent,
                                   progress_bar=bar, execution_timeout=1800)
    except papermill.PapermillExecutionError as error:
        return name, time.perf_counter() - begun, explain(error, partial)
    except Exception as error:   # a dead kernel, a cell that never ends, a notebook that is none
        return name, time.perf_counter() - begun, f"{type(error).__name__}: {error}"
    finally:
        slots.put(slot)

    seconds = time.perf_counter() - begun
    notebook = read(source)
    stamp = {"key": key(notebook), "source": digest(source.read_bytes()), "seconds": round(seconds, 1)}
    write(graft(notebook, read(partial), stamp), EXECUTED / name)
    partial.unlink()
    return name, seconds, ""


def explain(error, partial: Path) -> str:
    first = next((line for line in error.source.splitlines() if line.strip()), "")
    trace = ANSI.sub("", "\n".join(error.traceback)).rstrip().splitlines()
    return "\n".join([f"cell [{error.exec_count}], which begins “{first.strip()}”, raised {error.ename}:", "",
                      *(f"    {line}" for line in trace[-15:]), "",
                      f"What ran until then: {partial.relative_to(ROOT)}"])


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
    arguments.add_argument("notebooks", nargs="*", help="as paths from the repository; default: every chapter")
    arguments.add_argument("--jobs", type=int, default=2, help="how many at a time (default 2)")
    given = arguments.parse_args()

    chapters = [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / "book").glob("*.ipynb"))]
    for old in EXECUTED.rglob("*.ipynb"):
        if old.relative_to(EXECUTED).as_posix() not in chapters:
            old.unlink()   # its source is gone, so it must be neither tested nor shown
    todo = stale(given.notebooks or chapters)
    if not todo:
        return 0

    import multiprocessing as mp

    from tqdm import tqdm

    failures = []
    with mp.Manager() as manager:
        slots = manager.Queue()
        for slot in range(given.jobs):
            slots.put(slot)
        spawn = mp.get_context("spawn")
        with ProcessPoolExecutor(given.jobs, spawn, start_worker, (tqdm.get_lock(),)) as pool:
            runs = []
            for name in todo:
                tqdm.write(f"{name}: executing")
                runs.append(pool.submit(execute, name, slots))
            for run in as_completed(runs):
                name, seconds, failure = run.result()
                tqdm.write(f"{name}: {'FAILED' if failure else 'done'} after {seconds:.0f} s")
                if failure:
                    failures.append(f"\n{name} failed: {failure}\n")
    print(*failures, sep="\n", end="", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; finished notebooks are kept")
