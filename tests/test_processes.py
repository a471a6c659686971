"""Two processes train as one: the same rows, the same gradients, one run folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import TRAIN, make, trainer

from hrm_lite import load_model
from hrm_lite.checkpoints import latest_state
from hrm_lite.processes import Processes
from hrm_lite.records import read_json

HERE = Path(__file__).resolve().parent
CONFIG = TRAIN.replace(max_steps=24, save_every=9, continue_loss=True, optimizer="adam_atan2", grad_clip=2.0)

SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from helpers import trainer
from test_processes import CONFIG
from hrm_lite.puzzles import sudoku

load = lambda split, n: sudoku.load("generated:4x4:8-10", split, limit=n)
on_step = None
{before}
if __name__ == "__main__":
    config = CONFIG.replace(**{changes!r})
    run = trainer(load("train", 60), {folder!r}, config, held_out=load("test", 21), on_step=on_step)
    try:
        record = run.fit()
    except SystemExit as left:
        print("left with", left.code, "after", run.step, flush=True)
        raise SystemExit(0)
    print("process", run.processes.index, "of", run.processes.count, "steps", record["steps"], flush=True)
"""


def launch(folder, count, before="", **changes):
    """Run the script in ``count`` processes, as torchrun does it."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "script.py"
    script.write_text(SCRIPT.format(here=str(HERE), folder=str(folder / "run"), changes=changes, before=before))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([*torchrun, str(script)], capture_output=True, text=True, env=env, timeout=300)
    return done, folder / "run"


def losses(folder):
    return [h["loss"] for h in read_json(folder / "run.json")["history"] if "loss" in h]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folders = []
    for count in (1, 2):
        done, folder = launch(tmp_path_factory.mktemp(f"with{count}"), count)
        assert done.returncode == 0, done.stderr
        assert sorted(line for line in done.stdout.splitlines() if line.startswith("process")) == [
            f"process {i} of {count} steps 24" for i in range(count)
        ]
        folders.append(folder)
    return folders


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(both):
    one, two = (load_model(folder / "model.safetensors").state_dict() for folder in both)
    for name in one:
        torch.testing.assert_close(one[name], two[name], atol=2e-5, rtol=1e-4)
    assert losses(both[0]) == pytest.approx(losses(both[1]), rel=1e-4)
    for accuracy in ("exact", "cells"):
        first, second = (read_json(folder / "run.json")["history"][-1][accuracy] for folder in both)
        assert first == pytest.approx(second, abs=0.01)
    records = [read_json(folder / "run.json") for folder in both]
    assert [r["processes"] for r in records] == [1, 2] and records[0]["presented"] == records[1]["presented"]


@pytest.mark.slow
def test_they_carry_the_very_same_rows(both):
    one, two = (latest_state(folder / "checkpoints")[0] for folder in both)
    for name in ("tokens", "labels", "ids", "segments", "halted", "queue", "taken", "presented", "refills"):
        assert torch.equal(one[f"rows.{name}"], two[f"rows.{name}"]), name
    assert one["rows.tokens"].shape == (8, 16), "the checkpoint holds the rows of all"
    torch.testing.assert_close(one["rows.z_H"], two["rows.z_H"], atol=1e-3, rtol=1e-3)
    assert torch.equal(one["generator.cpu"], two["generator.cpu"])


@pytest.mark.slow
def test_what_two_began_one_goes_on_with(both, puzzles, tmp_path):
    done, folder = launch(tmp_path, 2, max_steps=9)
    assert done.returncode == 0, done.stderr
    trainer(puzzles, folder, CONFIG).fit()
    whole, resumed = (load_model(f / "model.safetensors").state_dict() for f in (both[0], folder))
    for name in whole:
        torch.testing.assert_close(whole[name], resumed[name], atol=2e-5, rtol=1e-4)


@pytest.mark.slow
def test_a_batch_that_cannot_be_divided_is_refused(tmp_path):
    done, _ = launch(tmp_path, 2, batch_size=7)
    assert done.returncode != 0 and "batch_size=7 cannot be divided among 2 processes" in done.stderr


@pytest.mark.slow
def test_a_run_that_one_cannot_write_ends_in_both(tmp_path):
    (tmp_path / "run").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints").write_text("a file where the folder should be")
    done, _ = launch(tmp_path, 2)
    assert done.returncode != 0 and "another process of this run failed" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["one", "both"])
def test_a_signal_ends_both_with_one_checkpoint(tmp_path, whom):
    """Launchers may pass on a signal that the processes have received already."""
    code = f"import os, signal, torch.distributed as dist\nwhom = {whom!r}\n" + SIGNAL
    done, folder = launch(tmp_path, 2, before=code, max_steps=1000)
    assert done.stdout.count("left with 143 after 20") == 2, done.stdout + done.stderr
    assert latest_state(folder / "checkpoints")[1]["record"]["ended_by"] == "SIGTERM"


SIGNAL = """
def on_step(trainer, losses):
    if trainer.step == 13 and (whom == "both" or trainer.processes.index == 1):
        for _ in range(2 if whom == "both" else 1):
            os.kill(os.getpid(), signal.SIGTERM)
"""


def test_alone_nothing_is_sent():
    alone = Processes()
    x = torch.arange(6.0).view(3, 2)
    assert (alone.index, alone.count, alone.is_main, alone.share(12)) == (0, 1, True, slice(0, 12))
    assert alone.gather(x) is x and alone.sum(x) is x and alone.highest(3) == 3
    alone.fail_together(None)
    with pytest.raises(OSError, match="mine"):
        alone.fail_together(OSError("mine"))
    alone.sum_all([x])
    assert x.sum() == 15
    assert make().z_H_init.device.type == "cpu"
