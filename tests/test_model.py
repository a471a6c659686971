"""The model: sizes, shapes, gradients and baselines, against autograd in float64 and counts by hand."""

import math

import pytest
import torch

from hrm_lite import HRM, HRMConfig, model_preset
from hrm_lite.baselines import FixedDepth, FlatRecurrence
from hrm_lite.dynamics import answers, forward_residual, moments, residuals
from hrm_lite.layers import Attention, Convolution, Rotary, rms_norm, rotate, truncated_normal_
from hrm_lite.model import Latents, grid_index

SMALL = HRMConfig(
    vocab_size=6, seq_len=16, d_model=16, n_heads=2, worker_layers=1, controller_layers=1, inner_multiple=8, puzzles=1
)


def make(seed=0, kind=HRM, **changes):
    torch.manual_seed(seed)
    model = kind(SMALL.replace(**changes)).double()
    with torch.no_grad():  # The published start (weight 0) would hide the Q head from every gradient check.
        model.q_head.weight.normal_()
    return model


def some_tokens(rows=3, seed=1):
    return torch.randint(0, 6, (rows, 16), generator=torch.Generator().manual_seed(seed))


def test_the_paper_preset_has_27_275_266_parameters():
    config = model_preset("paper")
    assert (config.vocab_size, config.puzzles, config.d_model, config.cycles, config.steps) == (11, 1, 512, 2, 2)
    model = HRM(config)
    # By hand. Counted: every trained number. Not counted: the puzzle embedding (1 × 512; it has its own optimizer and
    # grows with the data) and the two initial states (2 × 512; they are fixed). The published count is the same.
    d, inner = 512, 1536
    block = 3 * d * d + d * d + 2 * inner * d + inner * d
    assert model.count_parameters() == 8 * block + 11 * d + 11 * d + (2 * d + 2) == 27_275_266
    assert sum(p.numel() for p in model.parameters()) == 27_275_266
    assert {k: v.numel() for k, v in model.named_buffers() if k in model.state_dict()} == {
        "input_net.puzzles.weight": 512,
        "z_H_init": 512,
        "z_L_init": 512,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [(dict(share_modules=True), 1), (dict(worker_layers=2, controller_layers=3), 5), (dict(mixer="mlp"), 2)],
)
def test_modules_and_blocks(changes, expected):
    model = make(**changes)
    assert sum(type(m).__name__ == "Block" for m in model.modules()) == expected
    assert (model.controller is model.worker) == bool(changes.get("share_modules"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(positions="learned"),
        dict(positions="none"),
        dict(positions="grid", grid=(4, 4)),
        dict(positions="grid", grid=(4, 4, 2, 2)),
        dict(puzzles=0),
        dict(puzzles=3, puzzle_positions=4),
        dict(mixer="mlp"),
        dict(mixer="convolution", positions="none", grid=(2, 8)),
        dict(mixer="convolution", positions="rope", grid=(4, 4, 2, 2), puzzles=0),
        dict(share_modules=True),
        dict(cycles=3, steps=5),
        dict(controller_sees_input=True),
    ],
)
def test_a_segment_has_the_documented_shapes_and_detached_latents(changes):
    model = make(**changes)
    z = model.initial_latents(3)
    out = model(z, some_tokens())
    assert out.logits.shape == (3, 16, 6) and out.q_halt.shape == out.q_continue.shape == (3,)
    assert out.latents.z_H.shape == out.latents.z_L.shape == (3, model.config.positions_total, 16)
    assert not out.latents.z_H.requires_grad and not out.latents.z_L.requires_grad and out.logits.requires_grad


def by_hand(model, tokens, tracked):
    """One segment written out without `schedule`; the gradient enters where ``tracked(cycle, step)`` first says so."""
    cfg = model.config
    z_H, z_L = model.initial_latents(len(tokens))
    x = model.input_net(tokens)
    angles = model.rotary()
    for n in range(cfg.cycles):
        for t in range(cfg.steps):
            z_L = model.worker(z_L, z_H + x, angles)
            if not tracked(n, t):
                z_L = z_L.detach()
        z_H = model.controller(z_H, z_L, angles)
        if n < cfg.cycles - 1 and not tracked(n, cfg.steps):
            z_H = z_H.detach()
    return model.output_net(z_H)[:, 1:], model.q_head(z_H[:, 0])


@pytest.mark.parametrize(
    ("gradient", "tracked"),
    [("one_step", lambda n, t: n == 2 and t >= 1), ("last_cycle", lambda n, t: n == 2), ("full", lambda n, t: True)],
)
def test_gradients_reach_as_far_back_as_they_should(gradient, tracked):
    model, tokens = make(gradient=gradient, cycles=3, steps=2), some_tokens()
    weights = torch.randn(3, 16, 6, dtype=torch.float64)

    def gradients(logits, q):
        loss = (logits * weights).sum() + q.square().sum()
        return torch.autograd.grad(loss, list(model.parameters()))

    out = model(model.initial_latents(3), tokens)
    mine = gradients(out.logits, torch.stack((out.q_halt, out.q_continue), -1))
    for name, a, b in zip(
        dict(model.named_parameters()), mine, gradients(*by_hand(model, tokens, tracked)), strict=True
    ):
        torch.testing.assert_close(a, b, msg=lambda e, name=name: f"{name}: {e}")


def test_the_three_gradients_differ():
    found = []
    for gradient in ("one_step", "last_cycle", "full"):
        model = make(gradient=gradient)
        model(model.initial_latents(2), some_tokens(2)).logits.square().sum().backward()
        found.append(model.worker.blocks[0].mlp.down.weight.grad)
    assert not torch.allclose(found[0], found[1]) and not torch.allclose(found[1], found[2])


def test_full_gradient_agrees_with_finite_differences():
    model, tokens = make(gradient="full"), some_tokens(2)
    weight = model.worker.blocks[0].mixer.qkv.weight

    def f(value):
        out = torch.func.functional_call(
            model, {"worker.blocks.0.mixer.qkv.weight": value}, (model.initial_latents(2), tokens)
        )
        return out.logits.square().mean() + out.q_halt.sum()

    assert torch.autograd.gradcheck(f, (weight.detach().clone().requires_grad_(),), fast_mode=True)


def test_segments_chain_through_the_latents_alone():
    model, tokens = make(), some_tokens()
    first = model(model.initial_latents(3), tokens)
    second = model(first.latents, tokens)
    assert not torch.allclose(first.logits, second.logits)
    z = Latents(first.latents.z_H.clone(), first.latents.z_L.clone())
    torch.testing.assert_close(model(z, tokens).logits, second.logits)


def test_rows_do_not_see_each_other():
    model, tokens = make(), some_tokens(4)
    together = model(model.initial_latents(4), tokens).logits
    torch.testing.assert_close(together[2:3], model(model.initial_latents(1), tokens[2:3]).logits)


def test_the_controller_sees_the_input_only_when_asked():
    for sees in (False, True):
        model, tokens = make(controller_sees_input=sees), some_tokens(1)
        z, x = model.initial_latents(1), model.input_net(tokens)
        a, b = (model.advance("H", *z, x + shift)[0] for shift in (0, 1))
        assert torch.allclose(a, b) != sees


def test_rms_norm_against_torch():
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    torch.testing.assert_close(rms_norm(x), torch.nn.functional.rms_norm(x, (12,), eps=1e-5))
    assert rms_norm(x.bfloat16()).dtype == torch.bfloat16


def test_rotary_scores_depend_on_the_distance_alone():
    cos, sin = Rotary(8, 20)()
    q, k = torch.randn(2, 8, dtype=torch.float64)
    score = lambda i, j: rotate(q, cos[i], sin[i]) @ rotate(k, cos[j], sin[j])  # noqa: E731
    torch.testing.assert_close(score(3, 7), score(11, 15), atol=1e-6, rtol=0)
    assert abs(score(3, 7) - score(3, 8)) > 1e-3
    # Angle of the first pair (entries 0 and 4) at position 1 is 1 radian.
    assert math.isclose(cos[1, 0].item(), math.cos(1.0), rel_tol=1e-6) and cos[1, 0] == cos[1, 4]


def test_attention_against_the_formula():
    layer = Attention(12, 3).double()
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    q, k, v = (layer.qkv(x)[..., i * 12 : (i + 1) * 12].view(2, 7, 3, 4).transpose(1, 2) for i in range(3))
    y = ((q @ k.mT) / 2).softmax(-1) @ v
    torch.testing.assert_close(layer(x), layer.out(y.transpose(1, 2).reshape(2, 7, 12)))


def convolution_by_hand(mixer, x):
    """`Convolution` as loops over rows, cells, channels and neighbours, in Python's own numbers."""
    rows, columns = mixer.grid
    batch, _, width = x.shape
    front, out = mixer.prefix, torch.zeros_like(x)
    for b in range(batch):
        for c in range(width):
            ahead = [x[b, p, c].item() for p in range(front)]
            board = [x[b, front + i, c].item() for i in range(rows * columns)]
            for p in range(front):
                out[b, p, c] = mixer.front_sees[c].item() * sum(board) / len(board)
            for i in range(rows * columns):
                r, k = divmod(i, columns)
                total = mixer.cells_see[c].item() * sum(ahead) / front if front else 0.0
                for dr in (-1, 0, 1):
                    for dk in (-1, 0, 1):
                        if 0 <= r + dr < rows and 0 <= k + dk < columns:
                            near = board[(r + dr) * columns + k + dk]
                            total += mixer.weight[c, 0, dr + 1, dk + 1].item() * near
                out[b, front + i, c] = total
    return out


@pytest.mark.parametrize("prefix", [0, 1, 3])
@pytest.mark.parametrize("grid", [(1, 1), (1, 4), (3, 5)])
def test_the_convolution_against_loops_and_finite_differences(grid, prefix):
    torch.manual_seed(0)
    mixer = Convolution(3, grid, prefix).double()
    x = torch.randn(2, prefix + grid[0] * grid[1], 3, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(mixer(x), convolution_by_hand(mixer, x.detach()), atol=1e-12, rtol=1e-12)
    names, values = zip(*mixer.named_parameters(), strict=True)
    assert len(names) == (3 if prefix else 1)

    def f(x, *weights):
        return torch.func.functional_call(mixer, dict(zip(names, weights, strict=True)), (x,))

    assert torch.autograd.gradcheck(f, (x, *values), fast_mode=True)


def test_a_step_of_the_convolution_goes_one_cell_far_and_the_front_is_the_only_short_cut():
    for prefix, far in ((0, False), (2, True)):
        torch.manual_seed(0)
        mixer = Convolution(4, (5, 6), prefix).double()
        x = torch.randn(1, prefix + 30, 4, dtype=torch.float64, requires_grad=True)
        row, column = 2, 3
        once = torch.autograd.grad(mixer(x)[0, prefix + 6 * row + column].sum(), x)[0][0, prefix:].abs().sum(1)
        near = torch.zeros(5, 6, dtype=torch.bool)
        near[row - 1 : row + 2, column - 1 : column + 2] = True
        assert torch.equal(once.reshape(5, 6) > 0, near)
        twice = torch.autograd.grad(mixer(mixer(x))[0, prefix].sum(), x)[0][0, prefix:].abs().sum(1)
        assert (twice[-1] > 0) == far, "the corner across the board is heard of by way of the front alone"


CONVOLUTION = dict(mixer="convolution", positions="none", grid=(2, 8), puzzles=3, puzzle_positions=2)


@pytest.mark.parametrize("changes", [{}, dict(puzzles=0), dict(share_modules=True, gradient="last_cycle")])
def test_on_grid_gives_the_same_model_for_another_board(changes):
    model = make(**CONVOLUTION | changes)
    same, other = model.on_grid(2, 8), model.on_grid(3, 5)
    tokens, ids = some_tokens(), torch.arange(3) % max(1, model.config.puzzles)
    a, b = (m(m.initial_latents(3), tokens, ids) for m in (model, same))
    assert torch.equal(a.logits, b.logits) and torch.equal(a.q_halt, b.q_halt)
    assert same.dtype == torch.float64 and same.config == model.config
    assert other.config == model.config.replace(seq_len=15, grid=(3, 5))
    assert other.count_parameters() == model.count_parameters()
    assert other(other.initial_latents(1), tokens[:1, :15]).logits.shape == (1, 15, 6)
    with torch.no_grad():  # a copy: the model itself stays as it is
        other.output_net.weight.zero_()
    assert torch.equal(model(model.initial_latents(3), tokens, ids).logits, a.logits)
    assert not model.eval().on_grid(3, 5).training


def test_a_larger_board_of_nothing_but_edge_gives_the_same_middle():
    """Far from the edge a cell cannot tell how large the board is, as long as nothing looks at all of it."""
    model = make(mixer="convolution", positions="none", grid=(4, 4), puzzles=0, cycles=1, steps=1)
    wide = model.on_grid(10, 10)
    board = torch.randint(0, 6, (1, 10, 10), generator=torch.Generator().manual_seed(0))
    shifted = board.roll((1, 2), (1, 2))
    a, b = (wide(wide.initial_latents(1), x.flatten(1)).logits.reshape(10, 10, 6) for x in (board, shifted))
    torch.testing.assert_close(a[3:6, 3:5], b[4:7, 5:7])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "'attention'.*'rope'"),
        (dict(mixer="mlp", positions="none"), "'mlp'"),
        (dict(mixer="convolution", positions="grid", grid=(4, 4)), "'grid' positions"),
        (dict(mixer="convolution", positions="learned", grid=(4, 4)), "'learned' positions"),
    ],
)
def test_on_grid_says_which_weights_belong_to_a_position(changes, says):
    with pytest.raises(ValueError, match=says):
        make(**changes).on_grid(5, 5)


def test_truncated_normal_has_the_deviation_asked_for():
    t = truncated_normal_(torch.empty(400_000), 0.3)
    assert abs(t.std().item() - 0.3) < 2e-3 and t.abs().max().item() <= 2 * 0.3 / 0.8796256610342398 + 1e-6


def test_grid_index_of_a_6_by_6_board():
    index, count = grid_index((6, 6, 2, 3))
    assert count == 6 + 6 + 6 and index.shape == (3, 36)
    # Row 3, column 4: box row 1, box column 1 → box 3.
    assert index[:, 3 * 6 + 4].tolist() == [3, 6 + 4, 12 + 3]


def test_the_puzzle_embedding_updates_the_rows_it_read_and_no_others():
    from hrm_lite.training.optim import sign_sgd

    model = make(puzzles=4)
    embedding = model.input_net.puzzles
    ids = torch.tensor([2, 0, 2])
    model(model.initial_latents(3), some_tokens(), ids).logits.square().sum().backward()
    per_row = embedding.touched[1].grad.clone()
    before = embedding.weight.clone().normal_()
    embedding.weight.copy_(before)
    sign_sgd(embedding.weight, embedding.touched[0], per_row, lr=0.5, weight_decay=0.1)
    torch.testing.assert_close(embedding.weight[[1, 3]], before[[1, 3]])
    torch.testing.assert_close(embedding.weight[2], before[2] * 0.95 - 0.5 * (per_row[0] + per_row[2]).sign())
    torch.testing.assert_close(embedding.weight[0], before[0] * 0.95 - 0.5 * per_row[1].sign())


def test_dynamics_walks_the_same_road_as_the_model():
    model, tokens = make(cycles=3, steps=2), some_tokens()
    out = model(model.initial_latents(3), tokens)
    out = model(out.latents, tokens)
    walked = list(moments(model, tokens, segments=2))
    assert "".join(m.part for m in walked) == "LLHLLHLLH" * 2
    torch.testing.assert_close(walked[-1].z_H, out.latents.z_H)
    torch.testing.assert_close(walked[-1].z_L, out.latents.z_L)
    assert [m.cycle for m in walked[:9]] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    seen = answers(model, tokens, segments=2)
    assert seen.shape == (18, 3, 16) and torch.equal(seen[-1], out.logits.argmax(-1))
    # A look after the last worker step of a cycle is the controller step that follows it.
    assert torch.equal(seen[1], seen[2])


def test_residuals_are_relative_lengths_of_steps():
    before = torch.tensor([[[3.0, 4.0]], [[1.0, 0.0]]])
    after = torch.tensor([[[3.0, 4.0]], [[1.0, 0.5]]])
    assert forward_residual(before, after).tolist() == [0.0, 0.5]
    r = residuals(make(cycles=2, steps=3), some_tokens(5))
    assert r.parts == "LLLHLLLH" and r.values.shape == (8, 5)
    places, values = r.of("H")
    assert places == [4, 8] and torch.equal(values, r.values[[3, 7]])
    assert torch.equal(r.effective_depth(-1.0), torch.full((5,), 8)) and r.effective_depth(1e9).sum() == 0


def test_the_flat_recurrence_is_one_module_iterated():
    model, tokens = make(kind=FlatRecurrence, cycles=2, steps=3), some_tokens()
    z, x = model.initial_latents(3).z_H, model.input_net(tokens)
    for _ in range(8):
        z = model.worker(z, x, model.rotary())
    torch.testing.assert_close(model(model.initial_latents(3), tokens).logits, model.output_net(z)[:, 1:])
    blocks = lambda m: sum(type(x).__name__ == "Block" for x in m.modules())  # noqa: E731
    assert blocks(model) == 1 and blocks(make()) == 2
    assert {
        r.tracked_steps() for r in (make(kind=FlatRecurrence, gradient=g) for g in ("one_step", "last_cycle", "full"))
    } == {1, 3, 6}


def test_fixed_depth_runs_each_of_its_blocks_once_and_forgets_what_came_before():
    model, tokens = make(kind=FixedDepth, cycles=3, steps=2, worker_layers=3, controller_layers=3), some_tokens()
    h = model.input_net(tokens)
    for block in model.worker.blocks:
        h = block(h, model.rotary())
    out = model(model.initial_latents(3), tokens)
    torch.testing.assert_close(out.logits, model.output_net(h)[:, 1:])
    again = model(out.latents, tokens)
    assert torch.equal(again.logits, out.logits)
    assert len({id(block) for block in model.worker.blocks}) == 3
    # The gradient reaches every block and the input net, though config.gradient is "one_step".
    out.logits.square().sum().backward()
    trained = [*model.worker.parameters(), model.input_net.tokens.weight]
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trained)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (dict(d_model=30, n_heads=4), "n_heads=4.*divisor of d_model=30"),
        (dict(d_model=12, n_heads=4), "even head width"),
        (dict(d_model=-8), "d_model=-8.*whole number from 1"),
        (dict(d_model=10**9), "whole number from 1 to 65536"),
        (dict(cycles=0), "cycles=0"),
        (dict(steps=-1), "steps=-1"),
        (dict(vocab_size=1), "vocab_size=1"),
        (dict(seq_len=2.5), "seq_len=2.5"),
        (dict(n_heads=True), "n_heads=True"),
        (dict(expansion=float("nan")), "expansion=nan"),
        (dict(rms_eps=0.0), "rms_eps"),
        (dict(positions="rotary"), "one of 'rope'"),
        (dict(mixer="conv"), "'attention', 'mlp', 'convolution'"),
        (dict(mixer="convolution", positions="none"), r"grid=\(\).*seq_len = 16"),
        (dict(mixer="convolution", grid=(2, 7)), r"grid=\(2, 7\).*seq_len = 16"),
        (dict(gradient="bptt"), "'one_step', 'last_cycle', 'full'"),
        (dict(share_modules=1), "True or False"),
        (dict(positions="grid", grid=(4, 5)), "seq_len = 16"),
        (dict(positions="grid", grid=(4, 4, 3, 2)), "boxes that tile"),
        (dict(grid=(4, 4)), "unless positions"),
    ],
)
def test_absurd_settings_are_refused_by_name(changes, says):
    with pytest.raises(ValueError, match=says):
        SMALL.replace(**changes)


def test_wrong_input_is_refused_with_what_to_do():
    model = make()
    with pytest.raises(ValueError, match=r"shape \(16,\).*tokens\[None\]"):
        model(model.initial_latents(1), some_tokens(1)[0])
    with pytest.raises(ValueError, match="initial_latents"):
        model(model.initial_latents(2), some_tokens(3))
    with pytest.raises(TypeError, match="HRMConfig"):
        HRM({"d_model": 16})
    with pytest.raises(ValueError, match=r"no model preset 'papper'.*'paper'"):
        model_preset("papper")
