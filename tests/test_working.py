"""The working copy: another precision, compiled blocks, and what falls back aloud."""

import copy
import functools
import warnings

import pytest
import torch
from helpers import TRAIN, assert_same_bits, make, trainer, weights

from hrm_lite.gradients import bytes_for_backward
from hrm_lite.layers import attend
from hrm_lite.training import compiling
from hrm_lite.training.supervision import DeepSupervision
from hrm_lite.training.working import WorkingCopy


def segment(model, tokens, rows=3):
    out = model(model.initial_latents(rows), tokens[:rows])
    (out.logits.square().sum() + out.q_halt.sum()).backward()
    return out


@pytest.fixture
def tokens():
    return torch.randint(0, 6, (3, 16), generator=torch.Generator().manual_seed(1))


def test_in_float32_it_is_the_same_weights_and_the_same_numbers(tokens):
    model, twin = make(), make()
    working = WorkingCopy(model)
    assert working.model is not model and working.model.worker is not model.worker
    assert all(a is b for a, b in zip(working.model.parameters(), model.parameters(), strict=True))
    a, b = segment(working.model, tokens), segment(twin, tokens)
    working.collect()
    assert torch.equal(a.logits, b.logits)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)


def test_shared_modules_stay_shared():
    working = WorkingCopy(make(share_modules=True), torch.bfloat16)
    assert working.model.controller is working.model.worker


CONVOLUTION = dict(mixer="convolution", positions="none", grid=(4, 4))


@pytest.mark.parametrize("changes", [{}, dict(mixer="mlp"), CONVOLUTION], ids=["attention", "mlp", "convolution"])
def test_bfloat16_is_close_to_float32_forward_and_backward(tokens, changes):
    model = make(**changes, d_model=64, worker_layers=2)
    exact = copy.deepcopy(model).double()
    working = WorkingCopy(model, torch.bfloat16)
    out, reference = segment(working.model, tokens), segment(exact, tokens)
    working.collect()
    assert out.logits.dtype == out.q_halt.dtype == torch.float32, "the losses work in float32"
    assert out.latents.z_H.dtype == torch.bfloat16
    assert (out.logits.double() - reference.logits).norm() < 0.05 * reference.logits.norm()
    for (name, p), q in zip(model.named_parameters(), exact.parameters(), strict=True):
        assert p.grad.dtype == p.dtype == torch.float32, name
        if not q.grad.any():  # what reaches Q alone: the Q head's weights begin at zero
            assert not p.grad.any() and name.endswith("front_sees"), name
            continue
        cosine = torch.nn.functional.cosine_similarity(p.grad.double().flatten(), q.grad.flatten(), dim=0)
        assert cosine > 0.995, name
        assert p.grad.norm().item() == pytest.approx(q.grad.norm().item(), rel=0.05), name


def test_bfloat16_follows_the_weights_only_when_told_and_buffers_always(tokens):
    model = make(puzzles=2)
    working = WorkingCopy(model, torch.bfloat16)
    with torch.no_grad():
        model.output_net.weight.fill_(0.5)
        model.input_net.puzzles.weight.fill_(0.25)
    assert working.model.input_net.puzzles.weight is model.input_net.puzzles.weight
    assert not working.model.output_net.weight.eq(0.5).any()
    working.refresh()
    assert working.model.output_net.weight.eq(0.5).all()


def test_the_angles_of_rope_stay_in_float32():
    model = make().to(torch.bfloat16)
    assert model.dtype == torch.bfloat16 and model.rotary.cos.dtype == torch.float32
    assert torch.equal(model.rotary.cos, make().rotary.cos)
    assert model.double().rotary.cos.dtype == torch.float64
    assert model.initial_latents(2).z_H.dtype == torch.float64


@pytest.mark.parametrize("positions", [5, 82, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_written_out_or_fused_is_the_formula(positions, dtype):
    q, k, v = torch.randn(3, 2, 3, positions, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    exact = torch.softmax(q.double() @ k.double().transpose(-1, -2) / 8**0.5, -1) @ v.double()
    error = 1e-5 if dtype is torch.float32 else 3e-2
    torch.testing.assert_close(attend(q, k, v).double(), exact, atol=error, rtol=error)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [dict(gradient="one_step"), dict(gradient="last_cycle"), dict(gradient="full"), CONVOLUTION],
    ids=["one_step", "last_cycle", "full", "convolution"],
)
def test_compiled_blocks_give_the_same_numbers_and_gradients(tokens, changes):
    model = make(**changes, worker_layers=2)
    plain, compiled = WorkingCopy(model), WorkingCopy(make(**changes, worker_layers=2), compiled=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # a fallback
        a, b = segment(plain.model, tokens), segment(compiled.model, tokens)
        with torch.no_grad():
            c = compiled.model(compiled.model.initial_latents(3), tokens)
    torch.testing.assert_close(a.logits, b.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(a.logits, c.logits, atol=1e-5, rtol=1e-5)
    for p, q in zip(plain.model.parameters(), compiled.model.parameters(), strict=True):
        assert (p.grad - q.grad).norm() <= 1e-4 * p.grad.norm()


@pytest.mark.slow
def test_a_compiled_run_in_bfloat16_resumes_to_the_same_bits(puzzles, tmp_path):
    config = TRAIN.replace(precision="bfloat16", compile=True, optimizer="adam_atan2", continue_loss=True)
    whole = trainer(puzzles, tmp_path / "whole", config)
    whole.fit()
    trainer(puzzles, tmp_path / "cut", config.replace(max_steps=7)).fit()
    resumed = trainer(puzzles, tmp_path / "cut", config)
    resumed.fit()
    assert_same_bits(weights(whole.model), weights(resumed.model))
    assert_same_bits(whole.rows.tensors(), resumed.rows.tensors())
    assert whole.rows.z_H.dtype == torch.bfloat16


@pytest.fixture
def not_warned_yet(monkeypatch):
    monkeypatch.setattr(compiling._CompiledOrEager, "warned", False)


def test_without_a_compiler_it_runs_eagerly_and_says_so_once(tokens, monkeypatch, not_warned_yet):
    def no_compiler(plain, **settings):
        def fails(*arguments):
            raise RuntimeError("No C++ compiler")

        return fails

    import torch._dynamo

    monkeypatch.setattr(torch, "compile", no_compiler)
    working = WorkingCopy(make(), compiled=True)
    with pytest.warns(RuntimeWarning, match="gave up.*needs a C\\+\\+ compiler") as caught:
        out = segment(working.model, tokens)
    assert len(caught) == 1, "once, not for each block"
    assert torch.equal(out.logits, segment(make(), tokens).logits)
    double = compiling.compiled_or_eager(lambda x: 2 * x)
    assert double(1) == 2 and double.compiled is None, "it is not tried again"


@pytest.mark.slow
def test_a_backward_pass_that_cannot_be_compiled_is_found_out_in_the_forward_pass(tokens, monkeypatch, not_warned_yet):
    from torch._dynamo.backends.common import aot_autograd

    def broken(graph, inputs):
        raise RuntimeError("out of shared memory")

    backend = aot_autograd(fw_compiler=lambda graph, inputs: graph.forward, bw_compiler=broken)
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    working = WorkingCopy(make(), compiled=True)
    with pytest.warns(RuntimeWarning, match="gave up.*out of shared memory"):
        out = segment(working.model, tokens)
    torch.testing.assert_close(out.logits, segment(make(), tokens).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_reaching_the_recompile_limit_is_said_aloud(not_warned_yet):
    import torch._dynamo

    torch._dynamo.reset()
    double = compiling.compiled_or_eager(lambda x: 2 * x)
    with torch._dynamo.config.patch(cache_size_limit=2), pytest.warns(RuntimeWarning, match="torch.compile gave up"):
        for n in range(1, 6):
            assert torch.equal(double(torch.ones(n)), 2 * torch.ones(n))


def test_the_limit_is_raised_above_torchs_own():
    import torch._dynamo

    WorkingCopy(make(), compiled=True)
    assert torch._dynamo.config.cache_size_limit >= 64  # the old name, which still works


# -- memory -----------------------------------------------------------------------------------------------


def kept(model, tokens):
    return bytes_for_backward(lambda: model(model.initial_latents(len(tokens)), tokens), model.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_one_step_gradient_keeps_the_same_bytes_for_any_depth(tokens, dtype):
    sizes = {}
    for cycles, steps in ((1, 1), (2, 2), (8, 8), (10, 50)):
        working = WorkingCopy(make(cycles=cycles, steps=steps), dtype)
        sizes[cycles * steps] = kept(working.model, tokens)
    assert len(set(sizes.values())) == 1 and sizes[500] > 0, sizes


def test_the_other_gradients_keep_more_in_proportion(tokens):
    one = kept(make(cycles=1, steps=1), tokens)
    full = {n: kept(make(cycles=n, steps=n, gradient="full"), tokens) for n in (1, 2, 4)}
    assert full[1] == one
    # One block application costs about the same everywhere: 2, 6 and 20 of them.
    assert full[2] / full[1] == pytest.approx(3, rel=0.25) and full[4] / full[1] == pytest.approx(10, rel=0.25)
    last = [kept(make(cycles=n, steps=4, gradient="last_cycle"), tokens) for n in (1, 2, 8)]
    assert last[0] == last[1] == last[2] > 1.5 * one


def test_the_count_of_bytes_is_right_where_it_is_known():
    weight = torch.nn.Parameter(torch.ones(4, 8))
    x = torch.ones(16, 4)  # float32: 256 bytes
    assert bytes_for_backward(lambda: x @ weight, [weight]) == 256
    assert bytes_for_backward(lambda: (x @ weight, x[:3] @ weight), [weight]) == 256, "views of one memory count once"
    x.requires_grad_()  # then the weight is needed as well
    assert bytes_for_backward(lambda: x @ weight, [weight]) == 256
    assert bytes_for_backward(lambda: x @ weight) == 256 + 128
    assert bytes_for_backward(lambda: x + x, [weight]) == 0


def test_the_settings_of_the_article_train(puzzles):
    """N = 10, T = 50: 510 steps in a segment, of which two are tracked."""
    model = make(cycles=10, steps=50)
    work = DeepSupervision(model, puzzles, TRAIN.replace(ema=0.0))
    before = weights(model)
    losses = [work.step().output.item() for _ in range(3)]
    assert all(torch.isfinite(torch.tensor(losses)))
    assert all(not torch.equal(v, before[k]) for k, v in model.named_parameters() if k != "q_head.weight")
