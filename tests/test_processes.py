"""Two processes train as one: the same rows, the same gradients, one run folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import TRAIN, assert_same_bits, make

from hrm_lite import load_model
from hrm_lite.processes import Processes
from hrm_lite.records import read_json
from hrm_lite.training.checkpoints import latest_state

HERE = Path(__file__).resolve().parent
# Windows' torch has no launcher for several processes that could be relied on.
several = pytest.mark.skipif(os.name == "nt", reason="several processes, and their signals, are tried on POSIX only")
CONFIG = TRAIN.replace(max_steps=24, save_every=9, continue_loss=True, optimizer="adam_atan2", grad_clip=2.0)

# Every puzzle has an embedding of its own, the Q head has something to say, and each process makes other first weights:
# those of the main one count.
SCRIPT = """
import dataclasses, os, signal, sys
sys.path.insert(0, {here!r})
import numpy as np, torch
from helpers import make, trainer
from test_processes import CONFIG
from hrm_lite.puzzles import sudoku


def load(split, n):
    return dataclasses.replace(sudoku.load("generated:4x4:8-10", split, limit=n), puzzle_ids=np.arange(n))


def tell(line):
    # In a file of its own: on one output the lines of two processes run into one another.
    with open({folder!r} + ".told" + os.environ["RANK"], "w", encoding="utf-8") as file:
        file.write(line)


def on_step(trainer, losses):
    mine = trainer.processes.index == 1
    if {prank!r} == "clock" and mine and trainer.step == 20:
        trainer.seconds = 1e6
    if trainer.step == 13 and ({prank!r} == "signal to both" or {prank!r} == "signal to one" and mine):
        for _ in range(2):  # launchers pass on a signal that the processes have received already
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    model = make(seed=int(os.environ["RANK"]), puzzles=60)
    torch.nn.init.normal_(model.q_head.weight)
    torch.nn.init.zeros_(model.q_head.bias)
    config = CONFIG.replace(**{changes!r})
    run = trainer(load("train", 60), {folder!r}, config, model, held_out=load("test", 21), on_step=on_step)
    try:
        record = run.fit()
    except SystemExit as left:
        tell(f"left with {{left.code}} after {{run.step}}")
        raise SystemExit(0)
    tell(f"process {{run.processes.index}} of {{run.processes.count}} steps {{record['steps']}}")
"""


def launch(folder, count, prank="", **changes):
    """Run the script in ``count`` processes, as torchrun does it."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "script.py"
    text = SCRIPT.format(here=str(HERE), folder=str(folder / "run"), changes=changes, prank=prank)
    script.write_text(text, encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    env = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([*torchrun, str(script)], capture_output=True, text=True, env=env, timeout=300)
    return done, folder / "run"


def told(folder):
    """What each process said last."""
    return [path.read_text(encoding="utf-8") for path in sorted(folder.parent.glob(folder.name + ".told*"))]


def reports(folder, what="loss"):
    return [h[what] for h in read_json(folder / "run.json")["history"] if "loss" in h]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folders = []
    for count in (1, 2):
        done, folder = launch(tmp_path_factory.mktemp(f"with{count}"), count)
        assert done.returncode == 0, done.stderr
        assert told(folder) == [f"process {i} of {count} steps 24" for i in range(count)]
        folders.append(folder)
    return folders


@several
@pytest.mark.slow
def test_two_processes_learn_what_one_learns(both):
    one, two = (load_model(folder / "model.safetensors").state_dict() for folder in both)
    for name in one:
        torch.testing.assert_close(one[name], two[name], atol=2e-5, rtol=1e-4)
    for what in ("loss", "exact", "cells", "gradient_norm"):
        assert reports(both[0], what) == pytest.approx(reports(both[1], what), rel=1e-3), what
    records = [read_json(folder / "run.json") for folder in both]
    for accuracy in ("exact", "cells"):
        first, second = (record["history"][-1][accuracy] for record in records)
        assert first == pytest.approx(second, abs=0.01)
    assert [record["processes"] for record in records] == [1, 2]
    assert records[0]["presented"] == records[1]["presented"] > 8 * 8, "rows halt early, or Q would not matter here"


@several
@pytest.mark.slow
def test_they_carry_the_very_same_rows(both):
    one, two = (latest_state(folder / "checkpoints")[0] for folder in both)
    for name in ("tokens", "labels", "ids", "segments", "halted", "queue", "taken", "presented", "refills"):
        assert torch.equal(one[f"rows.{name}"], two[f"rows.{name}"]), name
    assert one["rows.tokens"].shape == (8, 16), "the checkpoint holds the rows of all"
    torch.testing.assert_close(one["rows.z_H"], two["rows.z_H"], atol=1e-3, rtol=1e-3)
    assert torch.equal(one["generator.cpu"], two["generator.cpu"])


@several
@pytest.mark.slow
def test_what_two_began_two_or_one_go_on_with(both, tmp_path):
    done, _ = launch(tmp_path, 2, max_steps=11)  # in the middle of the rows' lives
    assert done.returncode == 0, done.stderr
    whole = load_model(both[1] / "model.safetensors").state_dict()
    for count in (2, 1):
        shutil.copytree(tmp_path / "run", tmp_path / str(count) / "run")
        done, folder = launch(tmp_path / str(count), count)
        assert done.returncode == 0, done.stderr
        assert reports(folder) == pytest.approx(reports(both[1]), rel=1e-4)
        resumed = load_model(folder / "model.safetensors").state_dict()
        if count == 2:
            assert_same_bits(whole, resumed)
        for name in whole:
            torch.testing.assert_close(whole[name], resumed[name], atol=2e-5, rtol=1e-4)


@several
@pytest.mark.slow
@pytest.mark.parametrize(
    ("prank", "end"), [("signal to one", "SIGTERM"), ("signal to both", "SIGTERM"), ("clock", "max_minutes")]
)
def test_what_one_decides_all_do_and_one_checkpoint_is_left(tmp_path, prank, end):
    """They ask one another in every tenth step."""
    done, folder = launch(tmp_path, 2, prank, max_minutes=60, max_steps=1000)
    assert done.returncode == 0, done.stderr
    if end == "SIGTERM":
        assert told(folder) == ["left with 143 after 20"] * 2, done.stdout + done.stderr
    record = latest_state(folder / "checkpoints")[1]["record"]
    assert (record["steps"], record["ended_by"]) == (20, end)


@several
@pytest.mark.slow
def test_a_run_that_one_cannot_write_ends_in_both(tmp_path):
    (tmp_path / "run").mkdir(parents=True)
    (tmp_path / "run" / "checkpoints").write_text("a file where the folder should be")
    done, _ = launch(tmp_path, 2)
    assert done.returncode != 0 and "another process of this run failed" in done.stderr


@several
@pytest.mark.slow
def test_a_batch_that_cannot_be_divided_is_refused(tmp_path):
    done, _ = launch(tmp_path, 2, batch_size=7)
    assert done.returncode != 0 and "batch_size=7 cannot be divided among 2 processes" in done.stderr


def test_alone_nothing_is_sent():
    alone = Processes()
    x = torch.arange(6.0).view(3, 2)
    assert (alone.index, alone.count, alone.is_main, alone.share(12)) == (0, 1, True, slice(0, 12))
    assert alone.gather(x) is x and alone.sum(x) is x and alone.highest(3) == 3
    alone.sum_all([x])
    assert x.sum() == 15
    alone.fail_together(None)
    with pytest.raises(OSError, match="mine"):
        alone.fail_together(OSError("mine"))
    assert make().z_H_init.device.type == "cpu"
