"""Precision and memory: float16 against float32, portions of a batch against the whole, and what is fast here."""

import json
import os
import subprocess
import sys
import types

import pytest
import torch
from helpers import TRAIN, make, trainer, weights

from hrm_lite.model import HRM
from hrm_lite.presets import model_preset, train_preset
from hrm_lite.training import precision
from hrm_lite.training.precision import LossScale, choose_precision, rates, slower_than_float32
from hrm_lite.training.supervision import DeepSupervision
from hrm_lite.training.working import WorkingCopy, portions

PLAIN = TRAIN.replace(ema=0.0, augment=False, batch_size=12, continue_loss=True)


# -- float16 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixer", ["attention", "mlp"])
def test_a_step_in_float16_has_the_gradient_of_float32(puzzles, mixer):
    """The gradient that reaches the optimizer is unscaled again, and about as good as float16's ten bits allow."""
    seen = {}
    for name in ("float32", "float16"):
        work = DeepSupervision(make(mixer=mixer), puzzles, PLAIN.replace(precision=name))
        work.optimizer.step = lambda name=name, work=work: seen.update(
            {name: torch.cat([p.grad.flatten() for p in work.parameters])}
        )
        work.step()
        assert work.rows.z_H.dtype == getattr(torch, name)
        assert all(p.dtype == torch.float32 for p in work.parameters)
    assert (seen["float16"] - seen["float32"]).norm() < 0.02 * seen["float32"].norm()


def test_without_the_scale_small_gradients_are_lost(puzzles):
    """Why there is one: a loss of this size leaves nothing in float16, and all of it when it is scaled."""
    lost = {}
    for scale in (1.0, 2.0**16):
        work = DeepSupervision(make(), puzzles, PLAIN.replace(precision="float16"))
        work.config = work.config.replace(batch_size=10**6)  # what the loss is divided by
        work.scale = LossScale(scale)
        work.optimizer.step = lambda scale=scale, work=work: lost.update(
            {scale: torch.cat([p.grad.flatten() for p in work.parameters]).eq(0).double().mean().item()}
        )
        work._learn()
        work.optimizer.step()
    assert lost[1.0] > 0.5 > 0.3 > lost[2.0**16], lost


def test_a_run_in_float16_learns_and_resumes_to_the_same_bits(puzzles, tmp_path):
    config = TRAIN.replace(precision="float16", max_steps=60, batch_size=16, save_every=30)
    whole = trainer(puzzles, tmp_path / "whole", config)
    record = whole.fit()
    losses = [h["loss"] for h in record["history"] if "loss" in h]
    assert losses[-1] < 0.8 * losses[0] and record["precision"] == "float16"
    cut = trainer(puzzles, tmp_path / "cut", config.replace(max_steps=30))
    cut.fit()
    again = trainer(puzzles, tmp_path / "cut", config)
    again.fit()
    for key, value in weights(whole.model).items():
        assert torch.equal(value, weights(again.model)[key]), key


def test_a_gradient_that_overflows_makes_no_update_and_halves_the_scale(puzzles):
    work = DeepSupervision(make(), puzzles, PLAIN.replace(precision="float16"))
    work.scale = LossScale(2.0**40)
    before = weights(work.learner)
    work.step()
    assert work.scale.value == 2.0**39 and work.skipped == 0
    assert all(torch.equal(before[k], v) for k, v in weights(work.learner).items())
    while work.scale.value > 2.0**10:  # the next steps find a scale that fits, and learn
        value = work.scale.value
        work.step()
        if work.scale.value == value:
            break
    assert not all(torch.equal(before[k], v) for k, v in weights(work.learner).items())
    assert work.means()["gradient_norm"] < 1e3


def test_a_loss_that_is_not_finite_is_no_matter_of_the_scale(puzzles):
    work = DeepSupervision(make(), puzzles, PLAIN.replace(precision="float16"))
    work.working.model.output_net.weight.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="step 1"):
        work.step()


def test_the_scale_grows_after_sound_steps_and_ends_somewhere():
    scale = LossScale(8.0, patience=3)
    for _ in range(6):
        scale.grow()
    assert scale.value == 32.0
    again = LossScale()
    again.load(scale.tensor())
    assert (again.value, again.sound) == (32.0, 0)
    assert [scale.shrink() for _ in range(10)].count(True) == 9  # 16 … 1/16, then no scale can be what is wrong


def test_a_run_may_go_on_in_another_precision(puzzles, tmp_path, monkeypatch):
    """ "auto" is float16 on one machine and float32 on the next."""
    config = TRAIN.replace(precision="auto", max_steps=6)
    for name, steps in (("float16", 6), ("float32", 9), ("bfloat16", 12)):
        monkeypatch.setattr("hrm_lite.training.supervision.choose_precision", lambda device, name=name: name)
        t = trainer(puzzles, tmp_path, config.replace(max_steps=steps))
        record = t.fit()
        assert (record["precision"], record["steps"]) == (name, steps)
        assert t.rows.z_H.dtype == getattr(torch, name)


# -- portions ---------------------------------------------------------------------------------------------


class Small:
    """A memory that holds ``most`` rows: more raise what a GPU raises. Counts the passes that fit."""

    def __init__(self, work, most, error=None):
        self.run, self.most, self.passes = work.working.model.run_segment, most, 0
        self.error = error or torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        work.working.model.run_segment = self

    def __call__(self, z, x):
        if len(x) > self.most:
            raise self.error
        self.passes += 1
        return self.run(z, x)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("puzzle_embeddings", [0, 3])
def test_a_batch_that_does_not_fit_is_worked_on_in_portions_and_the_run_is_the_same(
    puzzles, precision, puzzle_embeddings
):
    config = PLAIN.replace(precision=precision, puzzle_lr=0.01)
    runs = {}
    for most in (12, 4):
        said = []
        work = DeepSupervision(make(puzzles=puzzle_embeddings), puzzles, config, say=said.append)
        Small(work, most)
        for _ in range(5):
            losses = work.step()
        runs[most] = work, losses, said
    (whole, expected, silent), (parted, found, said) = runs[12], runs[4]
    assert (whole.parts, silent) == (1, []) and parted.parts == 4
    assert len(said) == 2 and "6 at a time" in said[0] and "3 at a time" in said[1] and "Step 1 " in said[0]
    assert torch.equal(whole.rows.tokens, parted.rows.tokens) and torch.equal(whole.rows.segments, parted.rows.segments)
    tolerance = dict(atol=1e-5, rtol=1e-4) if precision == "float32" else dict(atol=0.02, rtol=0.1)
    torch.testing.assert_close(found.total, expected.total, **tolerance)
    assert found.exact.shape == (12,) and found.cells.shape == (12,)
    for key, value in weights(whole.learner).items():
        torch.testing.assert_close(weights(parted.learner)[key], value, **tolerance, msg=lambda e, k=key: f"{k}: {e}")


def test_portions_of_unequal_size_add_up_to_the_gradient_of_the_whole(puzzles):
    seen = {}
    for parts in (1, 5):
        work = DeepSupervision(make().double(), puzzles, PLAIN)
        work.working = WorkingCopy(work.learner, torch.float64)
        work.parts = parts
        work.optimizer.step = lambda parts=parts, work=work: seen.update(
            {parts: {n: p.grad.clone() for n, p in work.learner.named_parameters()}}
        )
        work.step()
    for name, gradient in seen[1].items():
        torch.testing.assert_close(seen[5][name], gradient, atol=1e-12, rtol=1e-9)


def test_a_processor_works_in_portions_that_its_caches_hold(puzzles):
    """In float32 only: in bfloat16 the whole batch was faster. No portion without rows, and most are of equal size."""
    small, large = make(), HRM(model_preset("sudoku-laptop"))
    assert portions(small, 12, "float32") == 1 and portions(large, 64, "bfloat16") == 1
    found = [portions(large, rows, "float32") for rows in (1, 2, 3, 64, 96, 256)]
    assert found == sorted(found) and found[0] == 1 and found[3] == 2 and found[5] == 8
    assert all(parts & (parts - 1) == 0 for parts in found)
    huge = HRM(model_preset("lite", seq_len=900))
    assert [portions(huge, rows, "float32") for rows in (1, 3, 8)] == [1, 2, 8]
    wide = make(d_model=512, seq_len=puzzles.seq_len)
    work = DeepSupervision(wide, puzzles, PLAIN.replace(batch_size=256, precision="float32"))
    assert work.parts == portions(wide, 256, "float32") > 1
    seen = []
    run = work.working.model.run_segment
    work.working.model.run_segment = lambda z, x: seen.append(len(x)) or run(z, x)
    work.step()
    assert seen == [256 // work.parts] * work.parts * 2  # each portion also runs the segment after, for Q_continue


@pytest.mark.parametrize("error", [RuntimeError("a bug of another kind"), torch.cuda.OutOfMemoryError("full")])
def test_what_no_portion_can_mend_is_raised(puzzles, error):
    work = DeepSupervision(make(), puzzles, PLAIN, say=lambda text: None)
    Small(work, 0, error)
    with pytest.raises(RuntimeError, match=str(error)):
        work.step()
    assert work.parts == (1 if "bug" in str(error) else 12)


def test_a_processor_that_is_out_of_memory_says_it_in_words_which_are_understood(puzzles):
    work = DeepSupervision(make(), puzzles, PLAIN, say=lambda text: None)
    try:
        torch.empty(2**60, dtype=torch.uint8)
    except RuntimeError as error:
        Small(work, 6, error)
    work.step()
    assert work.parts == 2


# -- what is fast here ------------------------------------------------------------------------------------


def test_auto_takes_what_was_measured(monkeypatch):
    for measured, chosen in (
        (dict(float32=1.0, bfloat16=2.0, float16=0.0), "bfloat16"),
        (dict(float32=1.0, bfloat16=0.05, float16=0.9), "float32"),
        (dict(float32=1.0, bfloat16=1.1, float16=3.0), "float32"),  # no float16 on a processor, and too little gained
    ):
        monkeypatch.setattr(precision, "_rate", lambda device, name, measured=measured: measured[name])
        assert choose_precision("cpu") == chosen
        for name, rate in measured.items():
            said = slower_than_float32(name, "cpu")
            assert (said is not None) == (rate < 0.9)
            assert said is None or ("slower than float32" in said and f"({chosen})" in said)


@pytest.mark.parametrize(
    ("capability", "half", "chosen"), [((9, 0), 9.0, "bfloat16"), ((7, 5), 4.0, "float16"), ((6, 1), 0.1, "float32")]
)
def test_a_card_is_asked_how_old_it_is(monkeypatch, capability, half, chosen):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(precision, "_exactly", lambda device: torch.device("cuda:0"))
    monkeypatch.setattr(precision, "_rate", lambda device, name: dict(float32=1.0, float16=half)[name])
    assert choose_precision("cuda") == chosen


def test_a_precision_that_the_device_lacks_has_rate_0_and_a_slow_one_is_not_waited_for(monkeypatch):
    calls, clock = [], [0.0]

    def linear(x, weight):
        calls.append(x.dtype)
        if x.dtype is torch.float16:
            raise RuntimeError("not implemented for 'Half'")
        clock[0] += 1.0 if x.dtype is torch.bfloat16 else 1e-4  # seconds

    monkeypatch.setattr(precision, "F", types.SimpleNamespace(linear=linear))
    monkeypatch.setattr(precision.time, "perf_counter", lambda: clock[0])
    found = precision._measured.__wrapped__(torch.device("cpu"))
    assert found["float16"] == 0 and found["float32"] == pytest.approx(1e4 * found["bfloat16"])
    assert calls.count(torch.bfloat16) == 2, "one to warm up, one that counts"
    assert calls[:3] == [torch.float32, torch.bfloat16, torch.float16] and calls.count(torch.float32) == 31


def test_rates_are_measured_once_and_are_rates():
    found = rates("cpu")
    assert found == rates("cpu") and found["float32"] > 1e-4


@pytest.mark.parametrize("preset", ["paper", "lite"])
def test_presets_ask_for_what_is_fast(preset):
    assert train_preset(preset).precision == "auto"


def test_who_chooses_a_slow_precision_is_told_once(puzzles, monkeypatch, capsys):
    monkeypatch.setattr(precision, "_rate", lambda device, name: 1.0 if name == "float32" else 0.1)
    trainer(puzzles, config=TRAIN.replace(precision="bfloat16")).fit()
    assert capsys.readouterr().out.count("10.0 times as long") == 1
    trainer(puzzles, config=TRAIN).fit()
    assert "times as long" not in capsys.readouterr().out


def test_a_record_of_an_earlier_version_has_no_precision_and_still_loads(puzzles, tmp_path):
    """It did not say what "auto" was, nor in how many portions it worked."""
    t = trainer(puzzles, tmp_path)
    t.fit()
    path = tmp_path / "run.json"
    record = json.loads(path.read_text())
    del record["precision"], record["parts"]
    path.write_text(json.dumps(record))
    assert trainer(puzzles, tmp_path).fit()["finished"]


def test_importing_the_package_measures_nothing():
    code = (
        "import hrm_lite.training.precision as p, hrm_lite; hrm_lite.Trainer; print(p._measured.cache_info().currsize)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert ran.stdout.strip() == "0", ran.stderr
