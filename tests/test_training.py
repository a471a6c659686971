"""Training, resuming and solving: what a run must keep, and what it must refuse."""

import dataclasses
import itertools
import json
import time

import numpy as np
import pytest
import torch
from helpers import TRAIN, Stop, assert_same_bits, make, stop_at, trainer, untouched, weights

from hrm_lite import HRM, TrainConfig, Trainer, load_model, save_model
from hrm_lite.puzzles import sudoku
from hrm_lite.solving import evaluate
from hrm_lite.training.checkpoints import latest_state
from hrm_lite.training.optim import learning_rate


@pytest.mark.parametrize("changes", [{}, dict(continue_loss=True), dict(ema=0.0), dict(lr_floor=0.1, augment=False)])
@pytest.mark.parametrize("died_at", [3, 4, 7, 11])
def test_a_killed_run_ends_in_the_same_bits(puzzles, tmp_path, died_at, changes):
    config = TRAIN.replace(**changes)
    whole = trainer(puzzles, tmp_path / "whole", config)
    whole.fit()
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path / "cut", config, on_step=stop_at(died_at)).fit()
    resumed = trainer(puzzles, tmp_path / "cut", config)
    record = resumed.fit()
    assert_same_bits(weights(whole.supervision.learner), weights(resumed.supervision.learner))
    assert_same_bits(weights(whole.model), weights(resumed.model))
    assert_same_bits(whole.rows.tensors(), resumed.rows.tensors())
    losses = lambda t: [h["loss"] for h in t.history]  # noqa: E731
    assert losses(whole) == losses(resumed) and record["steps"] == 12


def test_a_finished_run_is_not_run_again(puzzles, tmp_path):
    first = trainer(puzzles, tmp_path)
    first.fit()
    again = trainer(puzzles, tmp_path, on_step=stop_at(13))
    again.fit()
    assert_same_bits(weights(first.model), weights(again.model))


def test_the_same_cell_run_twice_brings_the_trained_model_and_is_at_peace(puzzles, tmp_path):
    model = make()
    trainer(puzzles, tmp_path, model=model).fit()
    before = weights(model)
    assert trainer(puzzles, tmp_path, model=model).fit()["steps"] == 12
    assert_same_bits(before, weights(model))


def test_more_steps_go_on_from_where_it_stopped(puzzles, tmp_path):
    long = trainer(puzzles, None, TRAIN.replace(max_steps=20))
    long.fit()
    trainer(puzzles, tmp_path).fit()
    longer = trainer(puzzles, tmp_path, TRAIN.replace(max_steps=20))
    longer.fit()
    assert_same_bits(weights(long.model), weights(longer.model))


def test_seeds_matter(puzzles):
    a, b, c = (trainer(puzzles, config=TRAIN.replace(seed=s)) for s in (0, 0, 1))
    for t in (a, b, c):
        t.fit()
    assert_same_bits(weights(a.model), weights(b.model))
    assert not torch.equal(a.model.output_net.weight, c.model.output_net.weight)


def test_training_lowers_the_loss_and_the_average_is_what_one_gets(puzzles):
    t = trainer(puzzles, config=TRAIN.replace(max_steps=150, batch_size=32))
    record = t.fit()
    first, last = record["history"][0]["loss"], record["history"][-1]["loss"]
    assert last < 0.6 * first
    learner = t.supervision.learner
    assert t.model is not learner and not torch.equal(t.model.output_net.weight, learner.output_net.weight)
    x, y, _ = puzzles.as_tensors()
    assert evaluate(t.model, x, y, 3)["cells"][-1] > 0.5


def test_rows_are_replaced_when_they_halt_and_go_on_otherwise(puzzles):
    t = trainer(puzzles, config=TRAIN.replace(max_segments=3, exploration=0.0, ema=0.0, augment=False))
    seen = []
    for _ in range(7):
        t.rows.refill(t.supervision.working.model)
        before = {k: v.clone() for k, v in t.rows.tensors().items()}
        t.supervision.step()
        seen.append((before, {k: v.clone() for k, v in t.rows.tensors().items()}))
    halted = 0
    for (before, after), (nxt, _) in itertools.pairwise(seen):
        assert torch.equal(after["segments"], before["segments"] + 1)
        assert (after["halted"] >= (after["segments"] >= 3)).all(), "M_max halts every row"
        stays = ~after["halted"]
        halted += after["halted"].sum().item()
        for key in ("tokens", "labels", "z_H", "z_L"):
            assert torch.equal(nxt[key][stays], after[key][stays]), key
        fresh = t.model.initial_latents(1).z_H[0]
        assert all(torch.equal(z, fresh) for z in nxt["z_H"][after["halted"]])
        assert nxt["segments"][after["halted"]].eq(0).all()
    assert halted >= 8


def test_every_puzzle_comes_once_an_epoch(puzzles):
    t = trainer(puzzles)
    t.rows._fill_queue()
    wanted = [torch.rand(8, generator=torch.Generator().manual_seed(k)) < 0.8 for k in range(60)]
    drawn = []
    for k, rows in enumerate(wanted):
        if k % 10 == 0:
            t.rows._fill_queue()
        drawn.append(t.rows.next(rows)[rows])
    drawn = torch.cat(drawn)[:120]
    assert len(drawn) == 120 and t.rows.presented == sum(rows.sum() for rows in wanted)
    assert sorted(drawn[:60].tolist()) == sorted(drawn[60:].tolist()) == list(range(60))
    assert drawn[:60].tolist() != drawn[60:].tolist()


def test_the_continue_target_costs_a_pass_without_a_gradient(puzzles):
    config = TRAIN.replace(ema=0.0, batch_size=8)
    calls = []

    class Counting(HRM):
        def run_segment(self, z, x):
            calls.append(torch.is_grad_enabled())
            return super().run_segment(z, x)

    torch.manual_seed(0)
    for continue_loss, expected in ((False, [True]), (True, [True, False])):
        calls.clear()
        model = Counting(make().config)
        torch.nn.init.normal_(model.q_head.weight)  # with the published zeros Q_continue starts at its own target
        before = model.q_head.weight[1].detach().clone()
        trainer(puzzles, config=config.replace(continue_loss=continue_loss), model=model).supervision.step()
        assert calls == expected
        decayed = before * (1 - learning_rate(0, config) * config.weight_decay)
        assert torch.allclose(model.q_head.weight[1], decayed, rtol=1e-6) != continue_loss


def test_run_json_says_what_the_run_was(puzzles, tmp_path):
    held_out = sudoku.load("generated:4x4:8-10", "test", limit=20)
    trainer(puzzles, tmp_path, held_out=held_out).fit()
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["data"] == puzzles.content_hash and record["train"]["seed"] == 0 and record["finished"] is True
    assert record["parameters"] == sum(p.numel() for p in make().parameters())
    assert (
        record["provenance"]["versions"]["torch"] == torch.__version__
        and record["provenance"]["hardware"]["cores"] >= 1
    )
    last = record["history"][-1]
    assert last["evaluated"] == held_out.content_hash and len(last["exact"]) == len(last["cells"]) == 3
    x, y, _ = held_out.as_tensors()
    assert evaluate(load_model(tmp_path / "model.safetensors"), x, y, 3)["cells"] == last["cells"]


def test_a_time_budget_stops_the_run_and_counts_over_calls(puzzles, tmp_path):
    config = TRAIN.replace(max_steps=10**6, max_minutes=0.01)
    first = trainer(puzzles, tmp_path, config)
    record = first.fit()
    assert 0 < record["steps"] < 10**6 and record["seconds"] >= 0.6
    again = trainer(puzzles, tmp_path, config)
    assert again.fit()["steps"] == record["steps"], "the budget was spent"


# -- what must be refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (dict(config=TRAIN.replace(lr=1e-3)), "lr: 0.003 stored, 0.001 given"),
        (dict(model=make(cycles=3)), "cycles: 2 stored, 3 given"),
        (dict(config=TRAIN.replace(lr_floor=0.5, max_steps=99)), "lr_floor: 1.0 stored, 0.5 given"),
    ],
)
def test_a_run_folder_of_other_settings_is_refused_and_left_alone(puzzles, tmp_path, settings, says):
    trainer(puzzles, tmp_path).fit()
    before = untouched(tmp_path)
    with pytest.raises(ValueError, match=f"belongs to other settings.*{says}"):
        trainer(puzzles, tmp_path, **settings).fit()
    assert untouched(tmp_path) == before


def test_other_data_is_refused(puzzles, tmp_path):
    trainer(puzzles, tmp_path).fit()
    with pytest.raises(ValueError, match=r"puzzles \(hash\)"):
        trainer(puzzles.select(range(50)), tmp_path).fit()


def test_a_model_file_round_trip_and_its_half_size(tmp_path):
    model = make(share_modules=True, positions="grid", grid=(4, 4, 2, 2))
    save_model(tmp_path / "a.safetensors", model)
    loaded = load_model(tmp_path / "a.safetensors", model.config)
    assert loaded.config == model.config and not loaded.training
    assert_same_bits(weights(model), weights(loaded))
    save_model(tmp_path / "half.safetensors", model, half=True)
    half = load_model(tmp_path / "half.safetensors")
    assert half.output_net.weight.dtype == torch.float32
    torch.testing.assert_close(half.output_net.weight, model.output_net.weight, rtol=1e-2, atol=1e-3)
    sizes = [(tmp_path / f).stat().st_size for f in ("half.safetensors", "a.safetensors")]
    assert sizes[0] < 0.65 * sizes[1]


def test_broken_and_foreign_files_are_refused_and_left_alone(tmp_path, puzzles):
    from safetensors.torch import save_file

    good = tmp_path / "good.safetensors"
    save_model(good, make())
    (tmp_path / "cut.safetensors").write_bytes(good.read_bytes()[:-7])
    (tmp_path / "text.safetensors").write_text("not a checkpoint")
    (tmp_path / "empty.safetensors").write_bytes(b"")
    save_file({"w": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    flipped = bytearray(good.read_bytes())
    flipped[-3] ^= 64
    (tmp_path / "flipped.safetensors").write_bytes(bytes(flipped))
    before = untouched(tmp_path)
    for name, says in (
        ("cut", "cut short"),
        ("text", "no safetensors file"),
        ("empty", "0 bytes"),
        ("foreign", "hrm_lite did not write.*from_official"),
        ("flipped", "checksum"),
    ):
        with pytest.raises(ValueError, match=says):
            load_model(tmp_path / f"{name}.safetensors")
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        load_model(tmp_path / "absent.safetensors")
    with pytest.raises(ValueError, match=r"another configuration.*d_model: 16 stored, 32 given"):
        load_model(good, make(d_model=32).config)
    assert untouched(tmp_path) == before
    trainer(puzzles, tmp_path / "run").fit()
    state = next((tmp_path / "run" / "checkpoints").iterdir())
    with pytest.raises(ValueError, match="is a training state, but a model is needed"):
        load_model(state)
    assert latest_state(tmp_path / "nowhere") is None


def test_a_model_that_cannot_read_the_puzzles_is_refused(puzzles, tmp_path):
    with pytest.raises(ValueError, match="seq_len=16 and vocab_size=6, but the model was made for seq_len=81"):
        trainer(puzzles, model=make(seq_len=81))
    with pytest.raises(ValueError, match="holds no puzzles"):
        trainer(puzzles.select([]))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (dict(lr=-1.0), "lr=-1.0"),
        (dict(lr=float("inf")), "lr=inf"),
        (dict(batch_size=0), "batch_size=0"),
        (dict(exploration=1.5), "exploration=1.5"),
        (dict(ema=1.0), "ema=1.0"),
        (dict(betas=(0.9, 1.0)), "betas"),
        (dict(max_minutes=0), "max_minutes=0"),
        (dict(output_loss="mse"), "'softmax', 'stablemax'"),
        (dict(augment="yes"), "True or False"),
        (dict(eval_segments=0), "eval_segments=0"),
        (dict(seed=-1), "seed=-1"),
    ],
)
def test_absurd_training_settings_are_refused_by_name(changes, says):
    with pytest.raises(ValueError, match=says):
        TRAIN.replace(**changes)
    with pytest.raises(ValueError, match=r"no setting called learning_rate.*Known settings"):
        TrainConfig.from_dict({"learning_rate": 1})


@pytest.mark.parametrize(("wanted", "silenced", "shown"), [(True, "0", True), (True, "1", False), (False, "0", False)])
def test_the_progress_bar_is_shown_unless_somebody_objects(puzzles, monkeypatch, capsys, wanted, silenced, shown):
    monkeypatch.setenv("TQDM_DISABLE", silenced)
    Trainer(make(), puzzles, TRAIN, progress=wanted).fit()
    assert ("/12" in capsys.readouterr().err) == shown


def test_a_resumed_run_keeps_its_time_its_provenance_and_its_evaluations(puzzles, tmp_path, monkeypatch):
    def slowly(trainer, losses):
        time.sleep(0.05)
        stop_at(6)(trainer, losses)

    config = TRAIN.replace(eval_every=4)
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path, config, held_out=puzzles, on_step=slowly).fit()
    monkeypatch.setattr("hrm_lite.training.trainer.provenance", lambda: {"commit": "another"})
    record = trainer(puzzles, tmp_path, config, held_out=puzzles).fit()
    assert record["seconds"] > 0.15 and record["provenance"]["commit"] != "another"
    assert [h["step"] for h in record["history"] if "evaluated" in h] == [4, 8, 12], "none is lost, none done twice"


def test_a_schedule_that_falls_to_the_end_cannot_be_given_another_end(puzzles, tmp_path):
    trainer(puzzles, tmp_path, TRAIN.replace(lr_floor=0.5)).fit()
    with pytest.raises(ValueError, match="max_steps: 12 stored, 20 given"):
        trainer(puzzles, tmp_path, TRAIN.replace(lr_floor=0.5, max_steps=20)).fit()


def test_puzzle_identifiers_beyond_the_embeddings_are_refused(puzzles):
    with pytest.raises(ValueError, match="identifiers up to 1, but the model has only puzzles=1"):
        trainer(dataclasses.replace(puzzles, puzzle_ids=np.ones(60, int)))
