"""`hrm-lite batch`: checked before it starts, each run done once, whatever is killed meanwhile."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest
from click.testing import CliRunner
from notebook_runs import EVALUATION, TRAINING, call, environment, start, until, write_notebook

from hrm_lite.cli import main
from hrm_lite.cli.notebooks.grid import load
from hrm_lite.cli.notebooks.parameters import Refused
from hrm_lite.cli.notebooks.progress import Board
from hrm_lite.cli.notebooks.summary import axes, figure, measures
from hrm_lite.cli.notebooks.workers import local, visible_gpus

JOB = "hrm_lite.cli.notebooks.job"
ENDING = "with open('log.txt', 'a') as file:\n    file.write(f'{run_dir.name}\\n')"


@pytest.fixture
def folder(tmp_path):
    write_notebook(tmp_path / "nb.ipynb", TRAINING, EVALUATION, ENDING)
    return tmp_path


def write(folder, text, name="grid.yaml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def stamps(folder):
    """What stands in the finished outputs, by the name of the run."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["metadata"]["hrm_lite"]
        for path in sorted(folder.glob("*.ipynb"))
        if not path.name.endswith(".partial.ipynb")
    }


# -- grids -----------------------------------------------------------------------------------------------


def test_a_grid_is_the_product_of_its_lists_and_further_runs(folder):
    grid = load(
        write(folder, "notebook: nb.ipynb\nparameters: {steps: 5}\ngrid: {lr: [1e-3, 1], seed: [0, 1]}\n"
                      "runs:\n- {seed: 7, steps: 6}")
    )  # fmt: skip
    assert [run.name for run in grid.runs] == [
        "lr=0.001-seed=0-steps=5", "lr=0.001-seed=1-steps=5", "lr=1.0-seed=0-steps=5", "lr=1.0-seed=1-steps=5",
        "seed=7-steps=6",
    ]  # fmt: skip
    first = grid.runs[0]
    assert first.given == dict(steps=5, lr=1e-3, seed=0, run_dir=f"runs/grid/{first.name}")
    assert first.output.path == folder / "runs" / "grid" / f"{first.name}.ipynb"
    assert len({run.given["run_dir"] for run in grid.runs}) == 5
    assert grid.says() == "5 runs of nb.ipynb (3 lr × 3 seed × 2 steps)"


def test_what_all_runs_share_is_not_in_their_names_and_records_are_found(folder):
    grid = load(write(folder, "notebook: nb.ipynb\nto: there\nrecord: '{run_dir}/x-{seed}-{steps}.json'\n"
                              "grid: {lr: [1e-3], seed: [0, 1], run_dir: ['a/b']}\nparameters: {steps: 3}"
                              .replace(", run_dir: ['a/b']", "")))  # fmt: skip
    assert [run.name for run in grid.runs] == ["seed=0", "seed=1"]
    assert grid.runs[1].record == folder / "there" / "seed=1" / "x-1-3.json"
    alone = load(write(folder, "notebook: nb.ipynb"))
    assert [run.name for run in alone.runs] == ["nb"] and alone.runs[0].find_record() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should have lines such as"),
        ("- a", "should have lines such as"),
        ("notebook: [", "not readable as YAML"),
        ("grid: {seed: [1]}", "does not say which notebook to run"),
        ("notebook: none.ipynb", "there is no notebook"),
        ("notebook: nb.ipynb\ngird: {seed: [1]}", "says gird, which is not known. Did you mean grid?"),
        ("notebook: nb.ipynb\ngrid: {sed: [1]}", "nb.ipynb has no parameter sed. Did you mean seed?"),
        ("notebook: nb.ipynb\nparameters: {step: 1}", "nb.ipynb has no parameter step. Did you mean steps?"),
        ("notebook: nb.ipynb\nruns: [{lrr: 1}]", "nb.ipynb has no parameter lrr. Did you mean lr?"),
        ("notebook: nb.ipynb\ngrid: {seed: [1, x]}", "seed expects a whole number (default 0), but 'x' was given"),
        ("notebook: nb.ipynb\ngrid: {seed: 1}", "seed should be a list of values, but is 1"),
        ("notebook: nb.ipynb\ngrid: {seed: []}", "the list of seed is empty"),
        ("notebook: nb.ipynb\ngrid: [1]", "grid of grid.yaml should be names with values"),
        ("notebook: nb.ipynb\nruns: [1]", "1 should be parameters with values"),
        ("notebook: nb.ipynb\ngrid: {seed: [1]}\nparameters: {seed: 2}", "under `parameters` and under `grid`"),
        ("notebook: nb.ipynb\ngrid: {seed: [1, 1]}", "two runs of grid.yaml would both be written to"),
        ("notebook: nb.ipynb\ngrid: {seed: [1]}\nruns: [{seed: 1}]", "two runs of grid.yaml would both be written to"),
        ("notebook: nb.ipynb\ngrid: {seed: [1, 2]}\nparameters: {run_dir: x}", "would train in one run_dir (x)"),
        ("notebook: nb.ipynb\nrecord: '{run_dri}/x'", "Did you mean run_dir?"),
        ("notebook: nb.ipynb\nseed: 1\nseed: 2", "stands there twice"),
    ],
)
def test_what_a_grid_may_not_say(folder, text, message):
    result = CliRunner().invoke(main, ["batch", str(write(folder, text))])
    assert result.exit_code == 2 and message in " ".join(result.output.split())
    assert sorted(p.name for p in folder.iterdir()) == ["grid.yaml", "nb.ipynb"], "nothing is left behind"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["none.yaml"], "there is no grid none.yaml"),
        (["grid.yaml", "--scheduler", "a", "--scheduler-file", "b"], "both name a scheduler"),
        (["grid.yaml", "--scheduler", "a", "--workers", "2"], "--workers is for a cluster on this machine"),
        (["grid.yaml", "--gpus"], "this machine shows none"),
        (["grid.yaml", "--kernel", "nothing"], "asks for the Jupyter kernel 'nothing'"),
    ],
)
def test_what_is_refused_on_the_command_line(folder, monkeypatch, words, message):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    write(folder, "notebook: nb.ipynb\ngrid: {seed: [1, 2]}")
    result = CliRunner().invoke(main, ["batch", *words])
    assert result.exit_code == 2 and message in " ".join(result.output.split())


def test_a_dry_run_shows_the_runs_and_starts_none(folder):
    path = write(folder, "notebook: nb.ipynb\ngrid: {lr: [0.1, 0.2], seed: [0, 1]}")
    result = CliRunner().invoke(main, ["batch", str(path), "--dry-run"])
    assert result.exit_code == 0 and "4 runs of nb.ipynb (2 lr × 2 seed): 0 done, 4 to run" in result.output
    assert "lr=0.2-seed=1" in result.output and result.output.count(" new") == 4
    assert sorted(p.name for p in folder.iterdir()) == ["grid.yaml", "nb.ipynb"]


def test_the_gpus_of_a_machine_are_those_that_are_visible(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-5a")
    assert visible_gpus() == ["2", "GPU-5a"]
    for none in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        with pytest.raises(Refused, match="this machine shows none"):
            visible_gpus()


# -- what comes of it ------------------------------------------------------------------------------------


def test_the_numbers_of_a_record():
    record = {
        "exact": [0.1, 0.5], "best": {"step": 3, "exact": 0.4}, "finished": True, "ended_by": "x", "bad": float("nan"),
        "history": [{"loss": 2.0}, {"loss": 1.0}, {"exact": [1]}], "model": {"d_model": 4}, "nothing": [],
    }  # fmt: skip
    assert measures(record) == {"exact": 0.5, "best.step": 3, "best.exact": 0.4, "loss": 1.0}


def test_the_parameter_with_most_values_is_the_axis_and_seeds_are_points():
    table = [{"run": f"{lr}{half}{seed}", "lr": lr, "half": half, "seed": seed}
             for lr in (1, 2, 3) for half in (True, False) for seed in range(9)]  # fmt: skip
    assert axes(table, ["seed", "half", "lr"]) == ("lr", "half", None)
    assert axes(table[:9], ["seed", "half", "lr"]) == ("seed", None, None)
    assert axes(table[:1], []) == ("run", None, None)


def test_a_figure_has_a_point_for_each_run(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    table = [
        {"run": "x", "lr": lr, "sizes": sizes, "half": half, "seed": seed, "exact": lr * 100 + seed}
        for lr in (0.01, 0.002, 0.1) for sizes in ([1, 2], None) for half in (True, False) for seed in range(3)
    ]  # fmt: skip
    table.append({"run": "y", "lr": 1.0, "sizes": None, "half": True, "seed": 0})  # it left no such number
    figure(table, ["lr", "sizes", "half", "seed"], "exact", tmp_path / "x.png")
    panels = drawn[0].axes
    assert len(panels) == 2 and [t.get_text() for t in panels[0].get_xticklabels()] == ["0.002", "0.01", "0.1"]
    heights = [y for ax in panels for points in ax.collections for _, y in points.get_offsets()]
    assert sorted(heights) == sorted(row["exact"] for row in table[:-1])


def test_a_table_of_many_runs_fits_the_terminal():
    from rich.console import Console

    console = Console(width=80, height=12, force_terminal=True)
    board = Board([f"seed={n}" for n in range(40)], console)
    board.tell({"name": "seed=30", "worker": "a", "cell": 3, "count": 9, "line": "step 7 " + "x" * 200})
    board.tell({"name": "seed=31", "state": "failed", "message": "cell [2] raised\nmore", "seconds": 60})
    with console.capture() as caught:
        console.print(board)
    lines = caught.get().splitlines()
    assert len(lines) <= 12 and max(map(len, Console(width=80).render_lines("\n".join(lines)))) <= 80
    assert "[3/9] step 7" in caught.get() and "cell [2] raised" in caught.get() and "38 waiting" in caught.get()


# -- batches ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_twelve_runs_with_a_worker_killed_in_the_middle_are_twelve_records_each_once(folder):
    grid = "grid: {lr: [1e-3, 3e-3], seed: [0, 1, 2, 3, 4, 5]}"
    path = write(folder, f"notebook: nb.ipynb\nto: out\nparameters: {{pause: 0.2}}\n{grid}")
    process, killed, torn = start("batch", path, "--workers", 2, cwd=folder), [], []

    def kill_one():  # in the middle of a training
        if len(stamps(folder / "out")) < 3:
            return False
        for partial in (folder / "out").glob("*.partial.ipynb"):
            name = partial.name.removesuffix(".partial.ipynb")
            trained = folder / "out" / name
            with contextlib.suppress(psutil.Error, FileNotFoundError):
                attempt = json.loads(partial.read_text(encoding="utf-8"))["metadata"]["hrm_lite"]["attempts"][-1]
                job = psutil.Process(attempt["process"])
                if (trained / "run.json").exists() and not (trained / "result.json").exists():
                    assert JOB in job.cmdline()
                    killed.extend([job, *job.children()])
                    job.parent().kill()
                    torn.append(name)
                    return True
        return False

    until(kill_one, process)
    out, err = process.communicate(timeout=900)
    assert process.returncode == 0, err
    found = stamps(folder / "out")
    assert len(found) == 12 and all(stamp["finished"] for stamp in found.values())
    assert {name: len(stamp["attempts"]) for name, stamp in found.items()} == dict.fromkeys(found, 1) | {torn[0]: 2}
    assert "resumed at step" in (folder / "out" / f"{torn[0]}.ipynb").read_text(encoding="utf-8")
    assert sorted((folder / "log.txt").read_text(encoding="utf-8").split()) == sorted(found), "each ran to its end once"
    records = {p.parent.name: json.loads(p.read_text(encoding="utf-8")) for p in folder.glob("out/*/result.json")}
    assert records.keys() == found.keys() and all(r["finished"] and r["steps"] == 12 for r in records.values())
    assert not [p for p in killed if p.is_running()], "a killed worker takes its run and its kernel along"
    assert sorted(p.name for p in (folder / "out").glob("*.partial.ipynb")) == []
    assert "again" in out and "12 runs of nb.ipynb (2 lr × 6 seed): 0 done, 12 to run" in out
    with open(folder / "out" / "table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["run"]: float(row["exact"]) for row in rows} == {n: r["exact"][-1] for n, r in records.items()}
    assert (folder / "out" / "exact.png").read_bytes().startswith(b"\x89PNG")

    before = {p: p.stat().st_mtime_ns for p in folder.glob("out/*.ipynb")}
    result = CliRunner().invoke(main, ["batch", str(path), "--metric", "cells"])
    assert result.exit_code == 0 and "12 done, 0 to run" in result.output
    assert before == {p: p.stat().st_mtime_ns for p in folder.glob("out/*.ipynb")}
    assert (folder / "out" / "cells.png").exists()
    result = CliRunner().invoke(main, ["batch", str(path), "--metric", "exat"])
    assert result.exit_code == 2 and "no record holds the metric exat. Did you mean exact?" in result.output


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="on Windows a test cannot send Ctrl-C to one process alone")
def test_a_failing_run_does_not_stop_the_others_and_ctrl_c_leaves_a_state_to_go_on_from(tmp_path):
    failing = "if seed == 1: raise ValueError('no such seed')"
    write_notebook(tmp_path / "nb.ipynb", failing, TRAINING, EVALUATION, ENDING)
    path = write(tmp_path, "notebook: nb.ipynb\nto: out\nparameters: {pause: 0.2}\ngrid: {seed: [0, 1, 2, 3]}")
    process = start("batch", path, "--workers", 1, cwd=tmp_path)
    until((tmp_path / "out" / "seed=2" / "run.json").exists, process)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers as well
    _, err = process.communicate(timeout=300)
    assert process.returncode == 1 and "stopped: 1 of 4 runs are done. The same command goes on." in err
    assert "seed=1 failed: cell [3], which begins “if seed == 1: raise" in err and "ValueError: no such seed" in err
    psutil.wait_procs(family, timeout=20)
    assert not [p for p in family if p.is_running()]
    cut = json.loads((tmp_path / "out" / "seed=2" / "run.json").read_text(encoding="utf-8"))
    assert cut["ended_by"] == "SIGINT" and list(stamps(tmp_path / "out")) == ["seed=0"]

    code, out, err = call("batch", path, cwd=tmp_path)
    assert code == 1 and "1 done, 3 to run" in out and "Error: 1 of 4 runs failed; the others are kept." in err
    assert list(stamps(tmp_path / "out")) == ["seed=0", "seed=2", "seed=3"]
    assert [len(s["attempts"]) for s in stamps(tmp_path / "out").values()] == [1, 2, 1]
    assert (tmp_path / "log.txt").read_text(encoding="utf-8").split().count("seed=2") == 1


@contextlib.contextmanager
def dask(*words, prefix=(), **more):
    """A process of dask's own command line."""
    program = "import sys; from dask.__main__ import main; sys.exit(main())"
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", program, *map(str, words)],
        env=environment(**more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_an_existing_cluster_and_one_run_at_a_time_on_each_gpu_that_a_worker_claims(tmp_path):
    write_notebook(
        tmp_path / "nb.ipynb",
        "import os, time\nwith open('busy', 'x'):\n    time.sleep(1)\nos.remove('busy')",
        parameters="seed = 0",
    )
    path = write(tmp_path, "notebook: nb.ipynb\nto: out\ngrid: {seed: [0, 1, 2]}")
    file, scratch = tmp_path / "scheduler.json", tmp_path / "scratch"
    with dask("scheduler", "--host", "127.0.0.1", "--port", 0, "--no-dashboard", "--scheduler-file", file) as scheduler:
        until(lambda: file.exists() and file.read_text().strip().endswith("}"), scheduler)
        address = json.loads(file.read_text())["address"]
        options = ["--nthreads", 3, "--no-dashboard", "--local-directory", scratch, "--resources", "GPU=1"]
        with dask("worker", address, *options):
            code, out, err = call("batch", path, "--scheduler", address, "--gpus", cwd=tmp_path)
    assert code == 0, err + out
    assert list(stamps(tmp_path / "out")) == ["seed=0", "seed=1", "seed=2"]
    assert len({s["attempts"][0]["process"] for s in stamps(tmp_path / "out").values()}) == 3


def test_a_scheduler_that_does_not_answer_is_named(folder, monkeypatch):
    monkeypatch.setattr("hrm_lite.cli.notebooks.workers._CONNECT_SECONDS", 0.5)
    path = write(folder, "notebook: nb.ipynb\ngrid: {seed: [1, 2]}")
    for words in (["--scheduler", "tcp://127.0.0.1:9"], ["--scheduler-file", "none.json"], ["--scheduler", "nonsense"]):
        result = CliRunner().invoke(main, ["batch", str(path), *words])
        assert result.exit_code == 2 and f"no scheduler of dask answers at {words[1]}" in result.output


@pytest.mark.slow
def test_each_worker_of_this_machine_gets_a_gpu_of_its_own():
    with local(2, ["3", "GPU-7"]) as client:
        seen = client.run(lambda: (os.environ["CUDA_VISIBLE_DEVICES"], os.environ["OMP_NUM_THREADS"]))
        assert sorted(gpu for gpu, _ in seen.values()) == ["3", "GPU-7"]
        workers = client.scheduler_info()["workers"].values()
        assert [(w["resources"], w["nthreads"]) for w in workers] == [({"GPU": 1}, 1)] * 2
        assert {threads for _, threads in seen.values()} == {os.environ.get("OMP_NUM_THREADS", "1")}


@contextlib.contextmanager
def host(name, number):
    """A network namespace with an address of its own, which sees this machine under another; (the two addresses)."""
    here, there = f"198.18.41.{4 * number + 1}", f"198.18.41.{4 * number + 2}"

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)

    try:
        ip("netns", "add", name)
        ip("link", "add", f"{name}-0", "type", "veth", "peer", "name", f"{name}-1", "netns", name)
        ip("addr", "add", f"{here}/30", "dev", f"{name}-0")
        ip("link", "set", f"{name}-0", "up")
        ip("-n", name, "addr", "add", f"{there}/30", "dev", f"{name}-1")
        ip("-n", name, "link", "set", f"{name}-1", "up")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "route", "add", "default", "via", here)
        yield here, there
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, timeout=20)


def no_namespaces():
    """Why this machine cannot make network namespaces; None when it can."""
    if not shutil.which("ip"):
        return "there is no command `ip` (Linux, iproute2)"
    try:
        with host(f"hrm{os.getpid() % 10000}t", 9):
            return None
    except (OSError, subprocess.SubprocessError):
        return "no network namespace can be made here (it takes root)"


@pytest.mark.slow
def test_two_workers_on_two_hosts_share_the_runs(tmp_path):
    if reason := no_namespaces():
        pytest.skip(reason)
    names = [f"hrm{os.getpid() % 10000}{letter}" for letter in "ab"]
    meeting = """\
import socket, time
from pathlib import Path
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.connect(("198.18.41.1", 9))  # sends nothing
    Path(f"host-{seed}.txt").write_text(s.getsockname()[0])
while len(list(Path(".").glob("host-*.txt"))) < 2:  # neither ends before the other has begun
    time.sleep(0.1)
"""
    write_notebook(tmp_path / "nb.ipynb", meeting, parameters="seed = 0")
    path, file = write(tmp_path, "notebook: nb.ipynb\nto: out\ngrid: {seed: [0, 1]}"), tmp_path / "scheduler.json"
    with contextlib.ExitStack() as stack:
        addresses = [stack.enter_context(host(name, number)) for number, name in enumerate(names)]
        options = ["--host", addresses[0][0], "--port", 0, "--no-dashboard", "--scheduler-file", file]
        scheduler = stack.enter_context(dask("scheduler", *options))
        for name in names:
            options = ["--nthreads", 1, "--no-dashboard", "--local-directory", tmp_path / name]
            prefix = ["ip", "netns", "exec", name]
            stack.enter_context(dask("worker", "--scheduler-file", file, *options, prefix=prefix))
        until(file.exists, scheduler)
        code, out, err = call("batch", path, "--scheduler-file", file, cwd=tmp_path)
    assert code == 0, err + out
    assert {p.read_text() for p in tmp_path.glob("host-*.txt")} == {there for _, there in addresses}
    assert list(stamps(tmp_path / "out")) == ["seed=0", "seed=1"]
