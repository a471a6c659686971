"""A model and a training so small that a test can run them whole, and the scripts of experiments/ for their tests."""

import contextlib
import importlib
import os
import subprocess
import sys
from pathlib import Path

import torch

from hrm_lite import HRM, HRMConfig, TrainConfig, Trainer

EXPERIMENTS = Path(__file__).resolve().parent.parent / "experiments"
TRAIN = TrainConfig(
    batch_size=8,
    max_steps=12,
    max_segments=3,
    continue_loss=False,
    output_loss="softmax",
    lr=3e-3,
    warmup_steps=3,
    ema=0.9,
    weight_decay=0.1,
    exploration=0.5,
    save_every=4,
)


def make(seed=0, **changes):
    torch.manual_seed(seed)
    return HRM(
        HRMConfig(
            vocab_size=6,
            seq_len=16,
            d_model=16,
            n_heads=2,
            worker_layers=1,
            controller_layers=1,
            inner_multiple=8,
            puzzles=1,
        ).replace(**changes)
    )


def trainer(puzzles, run_dir=None, config=TRAIN, model=None, **more):
    return Trainer(model or make(), puzzles, config, run_dir=run_dir, progress=False, **more)


def weights(model):
    return {k: v.clone() for k, v in model.state_dict().items()}


def assert_same_bits(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert torch.equal(a[key], b[key]), key


class Stop(Exception):
    pass


def stop_at(step):
    def hook(trainer, losses):
        if trainer.step == step:
            raise Stop

    return hook


def untouched(folder):
    return {f: f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def run_experiment(script, *words):
    """A script of experiments/, as a reader calls it."""
    environment = os.environ | {"PYTHONPATH": str(EXPERIMENTS.parent), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, str(EXPERIMENTS / f"{script}.py"), *map(str, words)], env=environment,
                          capture_output=True, encoding="utf-8", timeout=900)  # fmt: skip


@contextlib.contextmanager
def experiments(*names):
    """Scripts of experiments/ as modules: they import one another as they do when they are run."""
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        yield [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(str(EXPERIMENTS))
