"""Notebooks so small that a test can run them whole, and the command line in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = "from hrm_lite.cli import main; main(prog_name='hrm-lite')"

PARAMETERS = """\
seed = 0
lr = 3e-3  # of Adam-atan2
steps = 12
pause = 0.0  # seconds, after each step
run_dir = None  # where checkpoints go
"""
TRAINING = """\
import time
from pathlib import Path

import torch

import hrm_lite
from hrm_lite.puzzles import sudoku

torch.manual_seed(seed)
model = hrm_lite.HRM(hrm_lite.HRMConfig(vocab_size=6, seq_len=16, d_model=16, n_heads=2, worker_layers=1,
                                        controller_layers=1, inner_multiple=8, puzzles=1))
config = hrm_lite.TrainConfig(batch_size=8, max_steps=steps, max_segments=3, continue_loss=False,
                              output_loss="softmax", lr=lr, warmup_steps=3, save_every=2, seed=seed)
puzzles = sudoku.load("generated:4x4:8-10", "train", limit=60)
run_dir = Path(run_dir or "runs/tiny")
record = hrm_lite.Trainer(model, puzzles, config, run_dir=run_dir, progress=False,
                          on_step=lambda *_: time.sleep(pause)).fit()
print("steps:", record["steps"])
"""
EVALUATION = """\
from hrm_lite.records import write_json
from hrm_lite.solving import evaluate

found = evaluate(model, *puzzles.as_tensors()[:2], 3)
write_json(run_dir / "result.json", record | found)
time.sleep(pause)
"""


def write_notebook(path, *cells, kernel="python3", parameters=PARAMETERS):
    """A notebook of a title, a cell of parameters (None: no such cell) and code ``cells``."""
    from nbformat import v4, write

    content = v4.new_notebook(
        metadata={"kernelspec": {"name": kernel, "display_name": kernel}, "language_info": {"name": "python"}}
    )
    content.cells = [v4.new_markdown_cell("# A title")]
    if parameters is not None:
        content.cells.append(v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    content.cells += [v4.new_code_cell(cell) for cell in cells]
    path.parent.mkdir(parents=True, exist_ok=True)
    write(content, path)
    return path


def environment(**more):
    """That of a process which imports this checkout, in one thread."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"} | more


def start(*words, cwd, **more):
    """`hrm-lite WORDS` as a process that leads a group of its own."""
    own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else {"start_new_session": True}
    return subprocess.Popen(
        [sys.executable, "-c", START, *map(str, words)],
        cwd=cwd,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        **own,
    )


def call(*words, cwd, **more):
    """(exit code, standard output, standard error) of `hrm-lite WORDS`."""
    process = start(*words, cwd=cwd, **more)
    out, err = process.communicate(timeout=900)
    return process.returncode, out, err


def kill(process):
    """End it as a machine that goes away does: all of its group, with no chance to clean up."""
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def until(true, process=None, seconds=300):
    """Wait until ``true()``; fail when it does not come, or when the process ends before."""
    deadline = time.monotonic() + seconds
    while not true():
        assert process is None or process.poll() is None, f"it ended early: {process.communicate()}"
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
