"""What only a GPU can tell. Without one every test here is skipped, and says so."""

import pytest
import torch
from helpers import TRAIN, assert_same_bits, make, trainer, weights
from test_parity import NAMES, recorded, segments, under

from hrm_lite import HRM, HRMConfig, from_official, solve
from hrm_lite.training.precision import choose_precision, rates
from hrm_lite.training.supervision import DeepSupervision

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


# float64 shows whether it is the same model: what is left is the rounding in the recording. float32 shows what a GPU's
# sums, in another order, add to that within a segment.
@pytest.mark.parametrize("dtype, bound", [(torch.float64, 1.6e-5), (torch.float32, 1e-3)], ids=["float64", "float32"])
@pytest.mark.parametrize("name", NAMES)
def test_outputs_and_states_of_the_published_code(name, dtype, bound):
    arch, r = recorded(name)
    model = from_official(under(r, "weights."), arch).to("cuda", dtype)
    on_gpu = {key: value.cuda() for key, value in r.items()}
    for pairs in segments(model, on_gpu, handed_on=False):
        for key, (computed, wanted) in pairs.items():
            gap = (computed.double() - wanted.double()).abs().max().item()
            assert gap < bound, f"{key}: {gap:.1e}"


@pytest.mark.parametrize("name", NAMES)
def test_one_step_of_each_module_in_bfloat16(name):
    """A step and not a segment: with these random weights the recurrence amplifies any rounding."""
    arch, r = recorded(name)
    exact = from_official(under(r, "weights."), arch)
    half = from_official(under(r, "weights."), arch).to("cuda", torch.bfloat16)
    z, (z_H, z_L) = exact.initial_latents(len(r["inputs"])), half.initial_latents(len(r["inputs"]))
    with torch.no_grad():
        x = exact.input_net(r["inputs"], r["puzzle_identifiers"])
        for part in "LH":
            expected = exact.advance(part, *z, x)
            found = half.advance(part, z_H, z_L, x.to("cuda", torch.bfloat16))
            for a, b in zip(found, expected, strict=True):
                assert (a.float().cpu() - b).norm() <= 2e-2 * b.norm()


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_run_on_the_gpu_leaves_the_model_at_home_and_resumes(puzzles, tmp_path, precision):
    config = TRAIN.replace(precision=precision, optimizer="adam_atan2", continue_loss=True, save_every=3)
    model = make()
    whole = trainer(puzzles, tmp_path / "whole", config, model=model)
    record = whole.fit()
    assert record["device"] == "cuda" and whole.model.z_H_init.is_cuda and not model.z_H_init.is_cuda
    assert_same_bits({k: v.cpu() for k, v in weights(whole.model).items()}, weights(model))
    trainer(puzzles, tmp_path / "cut", config.replace(max_steps=6)).fit()
    resumed = trainer(puzzles, tmp_path / "cut", config)
    resumed.fit()
    for key, value in weights(whole.model).items():
        torch.testing.assert_close(weights(resumed.model)[key], value, atol=1e-5, rtol=1e-4)
    x = puzzles.as_tensors()[0]
    assert not solve(whole.model, x, 2).tokens.is_cuda, "answers come back to where the puzzles are"


def test_what_a_gpu_began_a_cpu_goes_on_with(puzzles, tmp_path):
    trainer(puzzles, tmp_path, TRAIN.replace(max_steps=6)).fit()
    assert trainer(puzzles, tmp_path, device="cpu").fit()["steps"] == 12


def test_auto_is_what_the_card_is_fast_in(puzzles):
    found, chosen = rates("cuda"), choose_precision("cuda")
    assert found[chosen] == max(found.values()) or found[chosen] > 0.8 * max(found.values()), found
    assert trainer(puzzles, config=TRAIN.replace(precision="auto")).fit()["precision"] == chosen


def test_a_batch_that_does_not_fit_is_worked_on_in_portions(puzzles, capsys):
    """The card's own error: a limit that half of the batch fits into and the whole does not."""
    model = HRM(HRMConfig(vocab_size=6, seq_len=16, d_model=256, n_heads=4, puzzles=1, inner_multiple=8))
    work = DeepSupervision(model, puzzles, TRAIN.replace(batch_size=4096), device="cuda")
    work.step()
    torch.cuda.synchronize()
    most, (_, total) = torch.cuda.max_memory_allocated(), torch.cuda.mem_get_info()
    del work
    torch.cuda.empty_cache()
    try:
        torch.cuda.set_per_process_memory_fraction(0.7 * most / total)
        work = DeepSupervision(model, puzzles, TRAIN.replace(batch_size=4096), device="cuda")
        work.step()
        assert work.parts > 1 and "does not fit into the memory" in capsys.readouterr().out
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def test_a_seed_draws_the_same_initial_weights_on_the_way_to_the_gpu():
    assert_same_bits(weights(make(3)), {k: v.cpu() for k, v in weights(make(3).cuda()).items()})


def test_a_step_never_makes_the_host_wait(puzzles):
    t = trainer(puzzles, config=TRAIN.replace(optimizer="adam_atan2", continue_loss=True, precision="bfloat16"))
    t.supervision.step()
    try:
        torch.cuda.set_sync_debug_mode("error")
        t.supervision.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
