"""A model and a training so small that a test can run them whole."""

import torch

from hrm_lite import HRM, HRMConfig, TrainConfig, Trainer

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
