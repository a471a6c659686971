"""A class of sixty and more, most of it hostile, graded by the command: nothing gains, nothing breaks, all are told."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from classroom.grader import sandbox
from tests.classroom import made
from tests.classroom.attacks import attacks

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.problem()), reason="no sandbox on this machine"),
]
RUN = "from tests.classroom import made; made.register(); from classroom.grader.cli import main; main()"
HONEST = {
    "all right": ({}, 9), "with numpy": ({"task-2": "import numpy as np\nsteps = int(np.log2(32))"}, 9),
    "tensor for a number": ({"task-2": "import torch\nsteps = torch.tensor(5)"}, 9),
    "one wrong": ({"task-2": "steps = 4"}, 8), "floors": ({"task-1": "def half(x):\n    return x // 2"}, 6),
    "changes its input": ({"task-3": "def centred(x):\n    x -= x.mean()\n    return x"}, 7),
    "once too often": ({"task-4": made.SOLUTIONS["task-4"].replace("range(n)", "range(n + 1)")}, 6),
    "a module": ({"task-3": "import torch\nclass C(torch.nn.Module):\n    def forward(self, x):\n        return x - "
                            "x.mean()\ncentred = C()"}, 9),
}  # fmt: skip
SECRETS = [made.MASTER, ROOT / "classroom/grader/judge.py", ROOT / "tests/classroom/made.py", ROOT / "Makefile",
           Path("/etc/passwd"), Path("/etc/shadow"), Path.home() / ".bashrc"]  # fmt: skip
NAMES = list(attacks(SECRETS, Path("/nowhere")))


def command(*arguments, **how):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", RUN, *map(str, arguments), "--source", str(made.FOLDER)], cwd=ROOT,
                          capture_output=True, text=True, env=environment, **how)  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """What the command leaves of the class: (records by student, folder, seconds)."""
    folder = tmp_path_factory.mktemp("class")
    handed, to = folder / "handed in", folder / "graded"
    server = socket.create_server(("127.0.0.1", 0))
    for name, (whole, _, _) in attacks(SECRETS, to, server.getsockname()[1]).items():
        path = handed / name / "90_halves.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(whole)
    for name, (answers, _) in HONEST.items():
        (handed / f"{name}.ipynb").write_text(json.dumps(made.handed_in(answers)), encoding="utf-8")
    start = time.monotonic()
    done = command("grade", handed, "--to", to)
    seconds = time.monotonic() - start
    server.close()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    print(f"\n{len(NAMES) + len(HONEST)} submissions in {seconds:.0f} s")
    records = [json.loads(path.read_text(encoding="utf-8")) for path in (to / "results").glob("*.json")]
    return {one["student"]: one for one in records}, to, seconds


def page(graded, name) -> str:
    records, to, _ = graded
    (path,) = to.glob(f"feedback/*/{records[name]['file']}.html")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_gains_nothing_and_its_owner_is_told(graded, name):
    records, to, _ = graded
    _, points, words = attacks(SECRETS, to)[name]
    record, said = records[name], page(graded, name)
    if points is None and record["status"] == "graded":
        assert record["result"]["points"] <= 9 - 6, "wrong in tasks 1 to 3"
    elif points is None:
        assert record["status"] in ("unreadable", "unknown")
    else:
        assert record["status"] == "graded", record["message"]
        assert record["result"]["points"] == points, json.dumps(record["result"]["tests"], indent=1)
    assert words.lower() in said.lower(), said[said.index("</style>") :]
    assert "<script" not in said and "BEGIN HIDDEN" not in said


@pytest.mark.parametrize("name", HONEST)
def test_honest_work_gets_what_it_earned(graded, name):
    result = graded[0][name]["result"]
    assert result["points"] == HONEST[name][1], json.dumps(result["tests"], indent=1)
    assert not result["cells"] and not result["notes"]


def test_nothing_of_the_pupils_is_left(graded):
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert "import pupil" not in left and "sleep 4242" not in left


def test_the_tables_and_the_page_of_the_class_hold_everybody(graded):
    records, to, _ = graded
    rows = list(csv.DictReader((to / "marks.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert {row["Student"] for row in rows} == records.keys()
    assert all(float(r["Points"]) == records[r["Student"]]["result"]["points"] for r in rows if r["Status"] == "graded")
    index = (to / "index.html").read_text(encoding="utf-8")
    assert index.count('href="feedback/') == len(records) and "<script" not in index
    assert (to / f"{made.NAME}.png").stat().st_size > 10_000


def test_ctrl_c_ends_it_in_one_sentence_and_leaves_nobody_running(tmp_path):
    """A terminal sends it to every process of the command, judges included."""
    handed = tmp_path / "handed in"
    handed.mkdir()
    for name in ("a", "b"):
        loop = json.dumps(made.handed_in(before=["while True:\n    pass"]))
        (handed / f"{name}.ipynb").write_text(loop, encoding="utf-8")
    line = [sys.executable, "-c", RUN, "grade", str(handed), "--to", str(tmp_path / "to"), "--source", str(made.FOLDER)]
    # Tests that run in a shell's background inherit an ignored Ctrl-C; a lecturer's terminal does not ignore it.
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip
    until = time.monotonic() + 60
    while len(sandbox.family(process.pid)) < 5:  # itself, two judges, and what they have started
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.1)
    started = sandbox.family(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and said == (
        "Interrupted. 0 of 2 files are done and kept; the same command goes on.\n"
    )
    until = time.monotonic() + 10
    while left := [pid for pid in started if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < until, left
        time.sleep(0.1)


def test_a_second_call_runs_nothing_and_a_repetition_gives_the_same_marks(graded, tmp_path):
    records, to, _ = graded
    handed = tmp_path / "some"
    for name in ("all right", "floors"):
        path = handed / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(made.handed_in(HONEST[name][0])), encoding="utf-8")
    paths = {name: to / "results" / f"{records[name]['file']}.json" for name in ("all right", "floors")}
    before = {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in paths.items()}
    assert command("grade", handed, "--to", to).returncode == 0
    assert {name: (path.read_bytes(), path.stat().st_mtime_ns) for name, path in paths.items()} == before
    assert command("grade", handed, "--to", to, "--again").returncode == 0
    for name, path in paths.items():
        assert path.read_bytes() == before[name][0] and path.stat().st_mtime_ns != before[name][1]
