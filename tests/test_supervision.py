"""The training step: what Q-learning's extra pass is worth, where gradients go, and what a GPU need not wait for."""

import copy
import dataclasses
import functools
import inspect
import time

import numpy as np
import pytest
import torch
from helpers import TRAIN, Stop, make, stop_at, trainer, weights
from tqdm.auto import tqdm

from hrm_lite import load_model
from hrm_lite.halting import continue_target
from hrm_lite.losses import IGNORE, segment_loss
from hrm_lite.presets import model_preset, train_preset
from hrm_lite.solving import evaluate
from hrm_lite.training.optim import learning_rate
from hrm_lite.training.reporting import Report
from hrm_lite.training.supervision import DeepSupervision
from hrm_lite.training.working import WorkingCopy

PLAIN = TRAIN.replace(ema=0.0, exploration=0.0, augment=False, batch_size=16)


def spirited(**changes):
    """A model whose Q head has something to say."""
    model = make(**changes)
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(0))
    torch.nn.init.zeros_(model.q_head.bias)
    return model


@pytest.mark.parametrize("continue_loss", [True, False])
def test_the_gradient_of_a_step_is_that_of_its_loss_in_float64(puzzles, continue_loss):
    config = PLAIN.replace(continue_loss=continue_loss, output_loss="stablemax", batch_size=8)
    model = spirited()
    twin = copy.deepcopy(model).double().train()
    work = DeepSupervision(model, puzzles, config)
    seen = {}
    work.optimizer.step = lambda: seen.update({n: p.grad.clone() for n, p in model.named_parameters()})
    work.step()
    out = twin(twin.initial_latents(8), work.rows.tokens, work.rows.ids)
    with torch.no_grad():
        after = twin(out.latents, work.rows.tokens, work.rows.ids)
    target = continue_target(after, torch.zeros(8, dtype=torch.bool)) if continue_loss else None
    (segment_loss(out, work.rows.labels, target).total / 8).backward()
    for name, p in twin.named_parameters():
        torch.testing.assert_close(seen[name].double(), p.grad, atol=1e-5, rtol=1e-3)
    assert (seen["q_head.weight"][1].abs().sum() > 1e-6) == continue_loss


def test_the_next_segment_computes_the_target_pass_again_but_with_other_weights(puzzles):
    """Can the extra pass be left to the next step? Only if no update lay between: it would change what is learned."""
    config = PLAIN.replace(continue_loss=True, lr=0.01, max_segments=16)
    work = DeepSupervision(spirited(puzzles=0), puzzles, config)
    with torch.no_grad():
        work.working.model.q_head.bias[0] = -20  # nobody halts
    seen = []

    def watch(run_segment):
        def call(z, x):
            out = run_segment(z, x)
            seen.append((torch.is_grad_enabled(), out.z_H.detach()))
            return out

        return call

    work.working.model.run_segment = watch(work.working.model.run_segment)
    optimizer_step, work.optimizer.step = work.optimizer.step, lambda: None
    work.step(), work.step()
    assert [tracked for tracked, _ in seen] == [True, False, True, False]
    assert torch.equal(seen[1][1], seen[2][1]), "without an update the next segment is the target pass, bit for bit"
    work.optimizer.step = optimizer_step
    seen.clear()
    work.step(), work.step()
    gap = (seen[1][1] - seen[2][1]).norm() / seen[2][1].norm()
    assert gap > 1e-3, "with one it is not"


def test_learning_q_continue_moves_the_body_of_the_model_too(puzzles):
    """So the value cannot be learned later from the kept state either: the graph behind it would be gone."""
    seen = []
    for continue_loss in (True, False):
        model = spirited()
        work = DeepSupervision(model, puzzles, PLAIN.replace(continue_loss=continue_loss))
        work.optimizer.step = lambda model=model: seen.append(model.worker.blocks[0].mlp.down.weight.grad.clone())
        work.step()
    assert (seen[0] - seen[1]).norm() > 1e-3 * seen[1].norm()


def test_clipping_scales_the_gradient_to_the_length_given_and_is_off_by_default(puzzles):
    found = {}
    for clip in (0.0, 1e6, 0.01):
        model = spirited()
        work = DeepSupervision(model, puzzles, PLAIN.replace(grad_clip=clip))
        work.optimizer.step = lambda model=model, clip=clip: found.update(
            {clip: torch.cat([p.grad.flatten() for p in model.parameters()])})  # fmt: skip
        work.step()
        assert work.means()["gradient_norm"] == pytest.approx(found[0.0].norm().item(), rel=1e-5), "before clipping"
    assert TRAIN.grad_clip == 0 and torch.equal(found[0.0], found[1e6])
    torch.testing.assert_close(found[0.01], found[0.0] * 0.01 / found[0.0].norm())


def test_the_presets_say_which_q_learning_they_mean():
    assert train_preset("paper").continue_loss and not train_preset("lite").continue_loss
    paper = train_preset("paper")
    assert (paper.batch_size, paper.lr, paper.warmup_steps, paper.betas, paper.weight_decay) == (
        768, 1e-4, 2000, (0.9, 0.95), 1.0)  # fmt: skip
    assert (paper.exploration, paper.max_segments, paper.output_loss, paper.optimizer, paper.grad_clip, paper.ema) == (
        0.1, 16, "stablemax", "adam_atan2", 0, 0)  # fmt: skip


def test_the_lite_model_has_at_most_eight_million_weights():
    from hrm_lite import HRM

    assert 4e6 < HRM(model_preset("lite")).count_parameters() <= 8e6


def test_a_step_asks_the_device_for_nothing_except_whether_all_is_finite(puzzles, monkeypatch):
    """On a GPU every question makes the host wait. On a CPU the one question is free, and asked at once."""
    model = make(puzzles=1)
    work = DeepSupervision(model, puzzles, PLAIN.replace(continue_loss=True, augment=True, optimizer="adam_atan2"))
    work.step()  # fills the queue, which may ask
    asked = []
    for name in ("item", "tolist", "__bool__", "__int__", "__float__", "nonzero", "cpu", "numpy"):
        real = getattr(torch.Tensor, name)

        def spy(self, *a, real=real, name=name, **k):
            asked.append((name, [f.function for f in inspect.stack()[1:4]]))
            return real(self, *a, **k)

        monkeypatch.setattr(torch.Tensor, name, spy)
    work.step()
    # Adam-atan2 counts its steps in a tensor that is always on the CPU.
    asked = [(name, stack) for name, stack in asked if stack[:2] != ["<genexpr>", "_update"]]
    assert [name for name, _ in asked] == ["item"] and "_broken" in asked[0][1], asked


def opinionated(q_halt, q_continue, **changes):
    """A model whose Q head says the same of everything."""
    model = make(**changes)
    with torch.no_grad():
        model.q_head.weight.zero_()
        model.q_head.bias.copy_(torch.tensor([q_halt, q_continue]))
    return model


STILL = PLAIN.replace(batch_size=8, lr=1e-9)


def test_no_row_halts_before_its_least_number_of_segments(puzzles, monkeypatch):
    least = torch.tensor([1, 2, 3, 4, 1, 2, 3, 4])
    monkeypatch.setattr("hrm_lite.training.supervision.least_segments", lambda *a: least)
    work = DeepSupervision(opinionated(5.0, 0.0), puzzles, STILL.replace(max_segments=4))
    for _ in range(5):
        work.step()
        assert torch.equal(work.rows.halted, work.rows.segments >= least)


@pytest.mark.parametrize("continue_loss", [True, False])
def test_q_continue_has_a_say_only_where_it_is_learned(puzzles, continue_loss):
    work = DeepSupervision(opinionated(1.0, 2.0), puzzles, STILL.replace(continue_loss=continue_loss))
    work.step()
    assert work.rows.halted.eq(not continue_loss).all()


def test_the_last_segment_is_said_to_be_the_last(puzzles, monkeypatch):
    seen = []

    def spy(after, last):
        seen.append(last.tolist())
        return continue_target(after, last)

    monkeypatch.setattr("hrm_lite.training.supervision.continue_target", spy)
    work = DeepSupervision(opinionated(-20.0, 0.0), puzzles, STILL.replace(continue_loss=True))
    for _ in range(4):
        work.step()
    assert seen == [[m == 3] * 8 for m in (1, 2, 3, 1)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_moving_average_follows_the_learner(puzzles, precision):
    work = DeepSupervision(make(), puzzles, TRAIN.replace(precision=precision))
    expected = work.model.output_net.weight.detach().clone()
    for step in range(4):
        work.step()
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * work.learner.output_net.weight.detach()
    torch.testing.assert_close(work.model.output_net.weight.detach(), expected, rtol=0, atol=1e-7)


def test_puzzle_embeddings_move_by_their_own_rate_on_the_rows_that_were_read(puzzles):
    many = dataclasses.replace(puzzles, puzzle_ids=np.arange(60))
    config = PLAIN.replace(batch_size=8, puzzle_lr=0.5, weight_decay=0.1, lr=1e-3)
    work = DeepSupervision(make(puzzles=60), many, config)
    weight = work.learner.input_net.puzzles.weight
    for step in range(3):
        before = weight.clone()
        work.step()
        read = torch.isin(torch.arange(60), work.rows.ids)
        rate = config.puzzle_lr * learning_rate(step, config) / config.lr  # both rates warm up alike
        assert (weight - before * (1 - 0.1 * rate))[read].abs().allclose(torch.tensor(rate), atol=1e-6)
        assert torch.equal(weight[~read], before[~read])


def test_no_graph_outlives_its_step(puzzles):
    work = DeepSupervision(make(), puzzles, PLAIN)
    work.step()
    assert not work.sums.requires_grad and not any(z.requires_grad for z in work.rows.latents)


def test_the_means_are_those_of_the_steps(puzzles):
    work = DeepSupervision(make(), puzzles, PLAIN.replace(batch_size=8))
    assert work.means() == {}
    steps = [work.step() for _ in range(3)]
    means = work.means()
    parts = {"loss": lambda s: s.output, "exact": lambda s: s.exact.sum(), "cells": lambda s: s.cells.sum()}
    for name, of in parts.items():
        assert means[name] == pytest.approx(sum(of(s).item() for s in steps) / 24)
    assert means["cells"] > means["exact"]


def test_what_is_not_scored_stays_so_through_the_symmetries(puzzles):
    labels = puzzles.labels.copy()
    labels[puzzles.inputs > 1] = 0
    some = dataclasses.replace(puzzles, labels=labels)
    work = DeepSupervision(make(), some, PLAIN.replace(augment=True))
    work.step()
    assert torch.equal(work.rows.labels == IGNORE, work.rows.tokens > 1)


def test_a_fresh_row_is_a_puzzle_of_the_set_and_begins_at_the_beginning(puzzles):
    work = DeepSupervision(opinionated(5.0, 0.0), puzzles, STILL)
    x = puzzles.as_tensors()[0]
    for _ in range(4):  # every row halts in every step
        work.rows.refill(work.working.model)
        assert (work.rows.tokens[:, None] == x).all(-1).any(1).all()
        for z, start in zip(work.rows.latents, work.model.initial_latents(8), strict=True):
            assert torch.equal(z, start)
        work.step()


# -- runs ---------------------------------------------------------------------------------------------------------


def scripted_evaluations(monkeypatch, accuracies):
    """Evaluations with given exact accuracies, one after the other."""
    given = iter(accuracies)

    def evaluate(model, tokens, labels, segments, ids, among=None):
        exact = next(given)
        return {"exact": [0.0, exact], "cells": [0.5, 0.9]}

    monkeypatch.setattr("hrm_lite.training.trainer.evaluate", evaluate)


def test_the_best_weights_are_kept_beside_the_last_ones(puzzles, tmp_path, monkeypatch):
    scripted_evaluations(monkeypatch, [0.1, 0.7, 0.7, 0.3])
    seen = {}

    def on_step(trainer, losses):
        seen[trainer.step] = weights(trainer.model)

    t = trainer(puzzles, tmp_path, TRAIN.replace(eval_every=3), held_out=puzzles, on_step=on_step)
    record = t.fit()
    assert record["best"] == {"step": 6, "exact": 0.7, "cells": 0.9}
    best, last = (load_model(tmp_path / f"{name}.safetensors").state_dict() for name in ("best", "model"))
    assert all(torch.equal(best[k], seen[6][k]) for k in best)
    assert all(torch.equal(last[k], seen[12][k]) for k in last)


def test_it_ends_early_when_it_is_good_enough_or_no_longer_gets_better(puzzles, tmp_path, monkeypatch):
    config = TRAIN.replace(eval_every=2, max_steps=100)
    scripted_evaluations(monkeypatch, [0.1, 0.2, 0.95, 1.0])
    record = trainer(puzzles, tmp_path / "a", config.replace(stop_at=0.9), held_out=puzzles).fit()
    assert (record["ended_by"], record["steps"], record["finished"]) == ("stop_at", 6, True)
    scripted_evaluations(monkeypatch, [0.1, 0.3, 0.2, 0.3, 0.4, 0.1, 0.4, 0.39, 1.0])
    config = config.replace(patience=3)
    record = trainer(puzzles, tmp_path / "b", config, held_out=puzzles).fit()
    assert (record["ended_by"], record["steps"], record["best"]["step"]) == ("patience", 16, 10)
    again = trainer(puzzles, tmp_path / "b", config, held_out=puzzles).fit()
    assert again["steps"] == 16, "an ended run stays ended"
    scripted_evaluations(monkeypatch, [0.1, 0.1, 0.1])
    assert trainer(puzzles, tmp_path / "b", config.replace(patience=4), held_out=puzzles).fit()["steps"] == 18


def test_the_last_evaluation_is_of_the_last_weights(puzzles, tmp_path):
    record = trainer(puzzles, tmp_path, TRAIN.replace(eval_every=8, max_steps=9), held_out=puzzles).fit()
    assert [h["step"] for h in record["history"] if "evaluated" in h] == [8, 9]


def test_evaluations_on_another_held_out_set_are_not_compared(puzzles, tmp_path, monkeypatch):
    config = TRAIN.replace(eval_every=4, save_every=4)
    scripted_evaluations(monkeypatch, [0.9, 0.8, 0.2, 0.3, 0.1])
    trainer(puzzles, tmp_path, config.replace(max_steps=8), held_out=puzzles[:20]).fit()
    record = trainer(puzzles, tmp_path, config.replace(max_steps=16), held_out=puzzles[:10]).fit()
    assert record["best"] == {"step": 16, "exact": 0.3, "cells": 0.9}


def test_tensorboard_gets_the_curves_where_it_is_installed(puzzles, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    t = trainer(puzzles, tmp_path, TRAIN.replace(max_steps=20, eval_every=10), held_out=puzzles)
    t.fit()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    found = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    reports = [h for h in t.history if "loss" in h]
    assert [step for step, _ in found["train/loss"]] == [10, 20]
    assert [value for _, value in found["train/loss"]] == pytest.approx([h["loss"] for h in reports], rel=1e-6)
    assert found["train/learning_rate"][-1][1] == pytest.approx(learning_rate(19, t.config))
    assert {f"held_out/{a}/{m}_segments" for a in ("exact", "cells") for m in (1, 2, 3)} <= found.keys()
    assert found["train/samples_per_second"][0][1] > 0 and found["train/gradient_norm"][0][1] > 0


def test_without_tensorboard_it_runs_as_well(puzzles, tmp_path, monkeypatch):
    import builtins

    real = builtins.__import__

    def absent(name, *a, **k):
        if name.startswith("torch.utils.tensorboard"):
            raise ImportError(name)
        return real(name, *a, **k)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert trainer(puzzles, tmp_path).fit()["finished"] and not (tmp_path / "tensorboard").exists()


def test_the_bar_tells_speed_loss_accuracy_and_the_minutes_left(puzzles, monkeypatch, capsys):
    monkeypatch.setenv("TQDM_DISABLE", "0")
    wide = functools.partial(tqdm, ncols=200)  # a terminal of 80 columns cuts the line
    monkeypatch.setattr("hrm_lite.training.reporting.tqdm", wide)
    t = trainer(puzzles, config=TRAIN.replace(max_steps=10**6, max_minutes=0.02))
    t.progress = True
    t.fit()
    shown = capsys.readouterr().err.replace("\r", "\n").splitlines()
    line = next(line for line in shown if "samples/s" in line)
    for part in ("samples/s", "loss ", "exact ", "min left"):
        assert part in line
    assert "0.0 min left" in line, "the time budget counts, not the million steps"


def test_reaching_the_accuracy_that_was_asked_for_is_enough(puzzles, monkeypatch):
    scripted_evaluations(monkeypatch, [0.1, 0.9, 1.0])
    record = trainer(puzzles, None, TRAIN.replace(eval_every=2, stop_at=0.9), held_out=puzzles).fit()
    assert (record["ended_by"], record["steps"]) == ("stop_at", 4)


def test_an_evaluation_can_run_more_segments_than_training(puzzles):
    record = trainer(puzzles, None, TRAIN.replace(eval_segments=5), held_out=puzzles).fit()
    assert len(record["history"][-1]["exact"]) == len(record["history"][-1]["cells"]) == 5


def test_what_is_evaluated_in_bfloat16_are_the_weights_that_are_kept(puzzles, tmp_path):
    t = trainer(puzzles, tmp_path, TRAIN.replace(precision="bfloat16", max_steps=40, lr=1e-2), held_out=puzzles)
    last = t.fit()["history"][-1]
    x, y, _ = puzzles.as_tensors()
    stored = WorkingCopy(load_model(tmp_path / "model.safetensors"), torch.bfloat16).model
    assert evaluate(stored, x, y, 3)["cells"] == last["cells"]


def test_the_losses_of_a_report_are_those_since_the_last(puzzles):
    seen = []
    t = trainer(puzzles, None, TRAIN.replace(max_steps=20), on_step=lambda _, x: seen.append(x.output.item()))
    found = [h["loss"] for h in t.fit()["history"]]
    assert found == pytest.approx([sum(seen[:10]) / 80, sum(seen[10:]) / 80])


def test_a_resumed_run_reports_its_own_speed(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "0")
    report = Report(TRAIN.replace(max_steps=1000), 100, 50.0, True, None)
    report.training({"step": 110, "seconds": 60.0, "loss": 1.0, "exact": 0.0}, 0.1)
    assert report.bar.postfix.startswith("8 samples/s") and "14.8 min left" in report.bar.postfix
    report.close()


def test_tensorboard_does_not_show_twice_what_a_run_did_again(puzzles, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = TRAIN.replace(max_steps=20, save_every=8)
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path, config, on_step=stop_at(12)).fit()
    time.sleep(1.1)  # TensorBoard reads its files in the order of their names, which begin with the second
    trainer(puzzles, tmp_path, config).fit()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [e.step for e in events.Scalars("train/loss")] == [10, 20]
