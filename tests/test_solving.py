"""Solving: halting, places that are filled again, restarts, margins and votes."""

import numpy as np
import pytest
import torch
from helpers import make

from hrm_lite import HRM, solve
from hrm_lite.losses import IGNORE, exact_and_cells
from hrm_lite.model import Latents, Output
from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.stream import start
from hrm_lite.solving import Solution, choose_margin, evaluate, verdicts
from hrm_lite.solving.attempts import random_latents
from hrm_lite.voting import solve_by_vote, vote


class Scripted(HRM):
    """Knows after how many segments each row is content; answers the number of the segment."""

    def forward(self, z, tokens, puzzle_ids=None):
        self.batches.append(len(tokens))
        count = z.z_L[:, 0, 0] + 1
        logits = torch.nn.functional.one_hot(count.long()[:, None].expand(-1, 16), 20).float()
        content = (count >= tokens[:, 0]).float() * 4 - 2
        z_L = z.z_L.clone()
        z_L[:, 0, 0] = count
        return Output(logits, content, -content, type(z)(z.z_H, z_L))


@pytest.fixture
def scripted():
    model = Scripted(make().config.replace(vocab_size=100))
    model.batches = []
    model.z_L_init.zero_()
    return model


@pytest.mark.parametrize("compare", [False, True])
def test_rows_that_have_halted_leave_the_batch(scripted, compare):
    needs = torch.tensor([3, 1, 5, 1, 99])
    solution = solve(scripted, needs[:, None].expand(-1, 16), max_segments=6, compare=compare, record=True)
    assert solution.segments.tolist() == [3, 1, 5, 1, 6]
    assert scripted.batches == [5, 3, 3, 2, 2, 1]
    assert solution.tokens[:, 0].tolist() == [3, 1, 5, 1, 6]
    assert solution.q_halt.tolist() == [2, 2, 2, 2, -2]
    assert solution.trace[:, :, 0].tolist() == [
        [1, 2, 3, 3, 3, 3],
        [1] * 6,
        [1, 2, 3, 4, 5, 5],
        [1] * 6,
        [1, 2, 3, 4, 5, 6],
    ]


def test_without_halting_and_with_a_wide_margin_all_segments_run(scripted):
    tokens = torch.ones(2, 16, dtype=torch.long)
    assert solve(scripted, tokens, max_segments=4, halt=False).segments.tolist() == [4, 4]
    assert solve(scripted, tokens, max_segments=4, margin=2.5).segments.tolist() == [4, 4]
    with pytest.raises(ValueError, match="max_segments=0"):
        solve(scripted, tokens, max_segments=0)


def test_solving_is_the_model_called_again_and_again(puzzles):
    model = make().train()
    x, y, _ = puzzles.as_tensors()
    z = model.initial_latents(len(x))
    expected = []
    for _ in range(3):
        with torch.no_grad():
            out = model(z, x)
        z = out.latents
        expected.append(exact_and_cells(out.logits, y)[1].mean().item())
    assert torch.equal(solve(model, x, 3, halt=False).tokens, out.logits.argmax(-1))
    assert evaluate(model, x, y, 3, batch_size=17)["cells"] == pytest.approx(expected)
    assert model.training, "solving leaves the model in the mode it was in"
    assert IGNORE not in x


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
def test_a_place_that_becomes_free_is_filled_and_nothing_else_changes(scripted, batch_size):
    needs = torch.tensor([3, 1, 5, 1, 99, 2, 2, 4])
    tokens = needs[:, None].expand(-1, 16)
    whole = solve(scripted, tokens, max_segments=6, record=True)
    scripted.batches = []
    parts = solve(scripted, tokens, max_segments=6, record=True, batch_size=batch_size)
    for field in ("tokens", "segments", "q_halt", "trace"):
        assert torch.equal(getattr(whole, field), getattr(parts, field)), field
    assert sum(scripted.batches) == needs.clamp(max=6).sum(), "no segment is run for a row that has left"
    waiting = len(needs) - batch_size
    assert scripted.batches[: max(0, waiting // batch_size)] == [batch_size] * max(0, waiting // batch_size)


def test_a_real_model_answers_alike_whatever_the_batch(puzzles):
    model = make(3)
    torch.nn.init.normal_(model.q_head.weight)
    x = puzzles.as_tensors()[0]
    margin = solve(model, x, 1).q_halt.median().item()  # half of them are content with the first segment
    whole = solve(model, x, 8, margin=margin)
    assert whole.segments.unique().numel() > 1, "some halt early and some late"
    parts = solve(model, x, 8, margin=margin, batch_size=7)
    assert torch.equal(whole.tokens, parts.tokens) and torch.equal(whole.segments, parts.segments)
    torch.testing.assert_close(whole.q_halt, parts.q_halt)


def test_solving_nothing_gives_nothing():
    found = solve(make(), torch.zeros(0, 16, dtype=torch.long), record=True)
    assert found.tokens.shape == (0, 16) and found.trace.shape == (0, 16, 16)


class Lucky(HRM):
    """Is content only where it began from a place that has a large first entry; answers the sign of it."""

    def forward(self, z, tokens, puzzle_ids=None):
        start = z.z_H[:, 0, 0]
        logits = torch.nn.functional.one_hot((start > 0.8).long()[:, None].expand(-1, 16), 6).float()
        return Output(logits, start - 0.8, -start, z)


def test_restarts_begin_elsewhere_and_keep_the_answer_the_model_trusts_most():
    model = Lucky(make().config)
    model.z_H_init.fill_(-1.0)
    tokens = torch.zeros(200, 16, dtype=torch.long)
    once = solve(model, tokens, max_segments=3)
    assert not once.tokens.any() and once.segments.eq(3).all() and once.q_halt.eq(once.q_halt[0]).all()
    found = [solve(model, tokens, max_segments=3, restarts=r, seed=5) for r in (1, 4, 30)]
    solved = [f.tokens[:, 0].double().mean() for f in found]
    # A unit normal is above 0.8 with probability 0.21; cut at two deviations, 0.20.
    assert abs(solved[0] - 0.2) < 0.09 and abs(solved[1] - (1 - 0.8**4)) < 0.11 and solved[2] > 0.98
    assert all((later.q_halt >= earlier.q_halt).all() for earlier, later in zip([once, *found], found, strict=False))
    assert (found[0].segments[found[0].tokens[:, 0] == 1] == 4).all(), "three in vain and one more"
    again = solve(model, tokens, max_segments=3, restarts=4, seed=5)
    assert torch.equal(again.q_halt, found[1].q_halt)
    assert not torch.equal(solve(model, tokens, max_segments=3, restarts=4, seed=6).q_halt, found[1].q_halt)
    with pytest.raises(ValueError, match="need halt=True"):
        solve(model, tokens, halt=False, restarts=1)


class Overconfident(HRM):
    """Right from the segment that its question names on, and content with logit 1 before and 2 after it."""

    def forward(self, z, tokens, puzzle_ids=None):
        count = z.z_L[:, 0, 0] + 1
        right = count >= tokens[:, 0]
        logits = torch.nn.functional.one_hot(right.long()[:, None].expand(-1, 16), 6).float()
        z_L = z.z_L.clone()
        z_L[:, 0, 0] = count
        return Output(logits, 1.0 + right.float(), torch.zeros_like(count), Latents(z.z_H, z_L))


def test_the_margin_is_the_least_that_costs_nothing():
    model = Overconfident(make().config.replace(vocab_size=10))
    model.z_L_init.zero_()
    tokens = torch.tensor([1, 2, 3, 4, 9]).repeat_interleave(20)[:, None].expand(-1, 16)
    labels = torch.ones_like(tokens)
    assert solve(model, tokens, 6).tokens.double().mean() == pytest.approx(0.2), "at margin 0 it stops at once"
    found = choose_margin(model, tokens, labels, max_segments=6, tolerance=0.0, batch_size=33)
    assert found.value == 1.0 and found.exact == found.exact_without == pytest.approx(0.8)
    assert found.segments == pytest.approx((1 + 2 + 3 + 4 + 6) / 5)
    used = solve(model, tokens, 6, margin=found.value)
    assert used.segments.double().mean() == pytest.approx(found.segments)
    assert used.tokens[:, 0].double().mean() == pytest.approx(found.exact)
    lax = choose_margin(model, tokens, labels, max_segments=6, tolerance=1.0)
    assert lax.segments == 1 and lax.exact == pytest.approx(0.2)


def test_a_model_that_cannot_tell_never_halts():
    class Blind(Overconfident):
        def forward(self, z, tokens, puzzle_ids=None):
            out = super().forward(z, tokens, puzzle_ids)
            return Output(out.logits, -out.q_halt, out.q_continue, out.latents)  # surest where it is wrong

    model = Blind(make().config)
    model.z_L_init.zero_()
    tokens = torch.tensor([2, 3])[:, None].expand(-1, 16)
    found = choose_margin(model, tokens, torch.ones_like(tokens), max_segments=4)
    assert found.exact == found.exact_without == 1 and found.segments == 4


@pytest.mark.parametrize("margin, most, compare", [(0.0, 6, False), (0.7, 6, False), (-0.5, 3, True), (9.0, 2, False)])
def test_a_rule_applied_afterwards_stops_where_solve_stops(puzzles, margin, most, compare):
    model = make()
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(0))
    torch.nn.init.zeros_(model.q_head.bias)
    tokens, labels, _ = puzzles.as_tensors()
    seen = verdicts(model, tokens, labels, 6, batch_size=7)
    run = solve(model, tokens, most, margin=margin, compare=compare)
    assert torch.equal(seen.stops(margin, most, compare), run.segments)
    exact, segments = seen.outcome(margin, most, compare)
    assert exact == pytest.approx((run.tokens == labels).all(1).double().mean().item())
    assert segments == pytest.approx(run.segments.double().mean().item())
    with pytest.raises(ValueError, match="expected 1 to 6"):
        seen.stops(margin, 7)


def test_a_vote_weighs_answers_by_how_sure_those_are_who_gave_them():
    def say(answer, q):
        return Solution(torch.tensor(answer), torch.tensor([1, 2]), torch.tensor(q))

    a, b, c = say([[1, 1], [1, 2]], [0.0, 5.0]), say([[1, 1], [2, 2]], [0.0, -1.0]), say([[3, 3], [2, 2]], [1.0, -1.0])
    found = vote([a, b, c])
    # Puzzle 1: σ(0) + σ(0) = 1 against σ(1) = 0.73. Puzzle 2: σ(5) = 0.99 against 2 σ(−1) = 0.54.
    assert found.tokens.tolist() == [[1, 1], [1, 2]]
    assert found.q_halt.tolist() == [0.0, 5.0] and found.segments.tolist() == [3, 6]
    alone = vote([a])
    assert torch.equal(alone.tokens, a.tokens) and torch.equal(alone.q_halt, a.q_halt)
    with pytest.raises(ValueError, match="at least one"):
        vote([])


@pytest.mark.parametrize("size", ["4x4:8-10", "6x6:10-14", "9x9:40-50"])
def test_disguised_puzzles_are_other_puzzles_and_their_answers_come_back(size):
    puzzles = sudoku.load("generated:" + size, "train", limit=50)
    x, y, _ = puzzles.as_tensors()
    disguised, undo = puzzles.disguise(x, torch.Generator().manual_seed(0))
    assert (disguised != x).any(1).all()
    back = np.stack([puzzles.encode(sudoku.solve(puzzles.decode(row))) for row in disguised.numpy()])
    assert torch.equal(undo(torch.tensor(back).long()), y)
    assert torch.equal(undo(disguised), x)


class Partial(HRM):
    """Knows the answers of those puzzles whose first cell is given as 1; says blank to the others."""

    def forward(self, z, tokens, puzzle_ids=None):
        puzzles = self.puzzles
        answers = [
            puzzles.encode(sudoku.solve(puzzles.decode(row))) if row[0] == 2 else row * 0 + 1 for row in tokens.numpy()
        ]
        answers = torch.tensor(np.stack(answers)).long()
        sure = torch.where(answers[:, 0] == 2, 3.0, -9.0)
        return Output(torch.nn.functional.one_hot(answers, 6).float(), sure, -sure, z)


def test_a_vote_over_copies_solves_what_one_copy_does_not(puzzles):
    model = Partial(make().config)
    model.puzzles = puzzles
    x, y, _ = puzzles.as_tensors()
    once = solve(model, x, 1).tokens
    voted = solve_by_vote([model, model], puzzles, x, copies=30, max_segments=1, seed=1)
    assert (once == y).all(1).double().mean() < 0.5
    assert (voted.tokens == y).all(1).double().mean() > 0.95
    assert voted.segments.eq(60).all()
    with pytest.raises(ValueError, match="copies=0"):
        solve_by_vote(model, puzzles, x, copies=0)


def test_a_restart_is_for_those_who_are_not_content_and_leaves_the_trace_alone():
    model = Lucky(make().config)
    model.z_H_init.fill_(-1.0)
    tokens = torch.zeros(50, 16, dtype=torch.long)
    one, many = (solve(model, tokens, 3, restarts=r, seed=5, record=True) for r in (1, 30))
    content = one.tokens[:, 0] == 1
    assert torch.equal(many.segments[content], one.segments[content])
    assert torch.equal(many.trace, solve(model, tokens, 3, record=True).trace)


def test_random_latents_are_drawn_as_the_initial_ones_and_apart():
    z_H, z_L = random_latents(make(), [torch.Generator().manual_seed(seed) for seed in range(2000)])
    for z in (z_H, z_L):
        assert z.shape == (2000, 17, 16) and torch.equal(z, z[:, :1].expand_as(z))
        assert z[:, 0].std().item() == pytest.approx(1, abs=0.02) and z.abs().max() < 2.3
    assert abs(torch.corrcoef(torch.stack((z_H[:, 0].flatten(), z_L[:, 0].flatten())))[0, 1]) < 0.02


def test_every_puzzle_is_read_with_its_own_identifier(puzzles):
    model = make(puzzles=60)
    model.input_net.puzzles.weight.normal_(generator=torch.Generator().manual_seed(0))
    x, y, _ = puzzles.as_tensors()
    ids = torch.arange(60)
    single = torch.cat([solve(model, x[i : i + 1], 2, halt=False, puzzle_ids=ids[i : i + 1]).tokens for i in range(60)])
    assert torch.equal(solve(model, x, 2, halt=False, puzzle_ids=ids, batch_size=7).tokens, single)
    parts, whole = (evaluate(model, x, y, 2, puzzle_ids=ids, batch_size=b)["cells"] for b in (7, 60))
    assert parts == pytest.approx(whole) and whole[-1] == pytest.approx((single == y).double().mean().item())
    assert not torch.equal(single, solve(model, x, 2, halt=False).tokens)


class Comparing(Overconfident):
    """The same values, said as a difference of q_halt and q_continue."""

    def forward(self, z, tokens, puzzle_ids=None):
        out = super().forward(z, tokens, puzzle_ids)
        return Output(out.logits, torch.zeros_like(out.q_halt), -out.q_halt, out.latents)


def test_the_margin_of_the_papers_rule_is_one_of_the_difference():
    model = Comparing(make().config)
    model.z_L_init.zero_()
    tokens = torch.tensor([1, 2, 3])[:, None].expand(-1, 16)
    found = choose_margin(model, tokens, torch.ones_like(tokens), 4, tolerance=0.0, compare=True)
    assert found.value == 1.0 and found.segments == 2
    assert solve(model, tokens, 4, margin=1.0, compare=True).segments.tolist() == [1, 2, 3]


def test_an_answer_whose_value_is_no_number_is_an_answer():
    class Lost(HRM):
        def forward(self, z, tokens, puzzle_ids=None):
            logits = torch.nn.functional.one_hot(torch.full_like(tokens, 3), 6).float()
            nothing = torch.full((len(tokens),), torch.nan)
            return Output(logits, nothing, nothing, z)

    found = solve(Lost(make().config), torch.ones(2, 16, dtype=torch.long), 2)
    assert found.tokens.eq(3).all() and found.q_halt.isneginf().all()


def test_a_vote_reports_the_most_confident_of_those_who_agree():
    def say(q):
        return Solution(torch.tensor([[1, 1]]), torch.tensor([1]), torch.tensor([q]))

    assert vote([say(0.0), say(0.5)]).q_halt.tolist() == [0.5]


def test_all_models_see_the_same_copies(puzzles, monkeypatch):
    seen = []

    def spy(model, tokens, **settings):
        seen.append(tokens)
        return solve(model, tokens, **settings)

    monkeypatch.setattr("hrm_lite.voting.solve", spy)
    x = puzzles.as_tensors()[0]
    solve_by_vote([make(), make(1)], puzzles, x, copies=3, max_segments=1)
    assert len(seen) == 6 and all(torch.equal(a, b) for a, b in zip(seen[:3], seen[3:], strict=True))
    assert torch.equal(seen[0], x) and not torch.equal(seen[1], seen[2])


def test_puzzles_of_another_kind_are_refused(puzzles):
    model = make()
    x = puzzles.as_tensors()[0]
    for ask in (lambda x, ids: solve(model, x, 2, puzzle_ids=ids), lambda x, ids: evaluate(model, x, x, 2, ids),
                lambda x, ids: choose_margin(model, x, x, 2, puzzle_ids=ids)):  # fmt: skip
        with pytest.raises(ValueError, match=r"shape \(60, 15\), but the model was made for \(batch, 16\)"):
            ask(x[:, :15], None)
        with pytest.raises(ValueError, match=r"a batch of one with tokens\[None\]"):
            ask(x[0], None)
        with pytest.raises(ValueError, match="tokens run from 1 to 9, but the model knows 0 to 5"):
            ask(x.clone().masked_fill(x == 2, 9), None)
        with pytest.raises(ValueError, match="puzzle_ids run from 0 to 1, but the model knows 0 to 0"):
            ask(x, torch.arange(60) % 2)


# -- what is taken for tokens


def test_arrays_and_lists_of_tokens_are_taken(puzzles):
    model, kinds = make(), (np.uint8, np.uint16, np.int16, np.int32, np.uint32, np.int64)
    x, y, ids = puzzles.as_tensors()
    right = solve(model, x, 2).tokens
    for tokens in (*(puzzles.inputs.astype(kind) for kind in kinds), puzzles.inputs.tolist(),
                   x.to(torch.uint8), x.int()):  # fmt: skip
        assert torch.equal(solve(model, tokens, 2).tokens, right)
    assert torch.equal(solve(model, puzzles.inputs, 2, puzzle_ids=puzzles.puzzle_ids).tokens, right)
    assert evaluate(model, puzzles.inputs, puzzles.labels, 2, puzzles.puzzle_ids) == evaluate(model, x, y, 2, ids)
    assert torch.equal(verdicts(model, puzzles.inputs, puzzles.labels, 2).right, verdicts(model, x, y, 2).right)
    assert torch.equal(
        solve_by_vote(model, puzzles, puzzles.inputs, 2, max_segments=2).tokens,
        solve_by_vote(model, puzzles, x, 2, max_segments=2).tokens,
    )


def test_what_is_no_tokens_gets_a_sentence(puzzles):
    model = make()
    for given, error, says in (
        (puzzles.inputs[0], ValueError, r"shape \(16,\), but the model was made for \(batch, 16\).*tokens\[None\]"),
        (puzzles.inputs[None], ValueError, r"shape \(1, 60, 16\)"),
        (puzzles.inputs / 1, ValueError, r"of type torch\.float64.*tokens\.astype\(int\)"),
        (torch.zeros(2, 16), ValueError, r"of type torch\.float32.*tokens\.long\(\)"),
        (puzzles.inputs > 1, ValueError, r"of type torch\.bool"),
        ([[1, 2], [3]], ValueError, "no table of numbers"),
        (np.array([["1", "2"]]), ValueError, "no table of numbers"),
        (puzzles, TypeError, r"tokens are SudokuSet.*of a set its inputs"),
        ("12..", TypeError, r"tokens are str.*puzzles\.encode\(text\)\[None\]"),
        (puzzles.inputs + 4, ValueError, "the tokens run from"),
    ):
        with pytest.raises(error, match=says):
            solve(model, given)
    with pytest.raises(ValueError, match=r"puzzle_ids are of type torch\.float64"):
        solve(model, puzzles.inputs, puzzle_ids=puzzles.puzzle_ids / 1)
    unscored = puzzles.labels.copy()
    unscored[0, 0] = 0
    with pytest.raises(ValueError, match=r"labels hold zeros.*here that is -100.*as_tensors"):
        evaluate(model, puzzles.inputs, unscored)


def test_an_evaluation_has_a_budget_and_says_how_far_it_came(puzzles, monkeypatch, capfd):
    """A clock that jumps a minute at each look: one batch fits into it, and its puzzles alone are counted."""
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    model, (x, y, _) = make(), puzzles.as_tensors()
    some = evaluate(model, x[:20], y[:20], 2, batch_size=20)
    minutes = iter(range(100))
    monkeypatch.setattr("hrm_lite.solving.evaluation.time.monotonic", lambda: 60 * next(minutes))
    found = evaluate(model, x, y, 2, batch_size=20, progress=True, max_minutes=0.5)
    assert found == some | {"puzzles": 20}
    assert "20/60" in capfd.readouterr().err
    assert evaluate(model, x, y, 2, batch_size=20, max_minutes=50)["puzzles"] == 60


def test_doubtful_puzzles_of_all_attempts_share_full_batches():
    """One attempt after the other would run the batch dry at the end of each, seven times."""

    class Counted(Lucky):
        def forward(self, z, tokens, puzzle_ids=None):
            self.batches.append(len(tokens))
            return super().forward(z, tokens, puzzle_ids)

    model = Counted(make().config)
    model.z_H_init.fill_(-1.0)
    model.batches = []
    found = solve(model, torch.zeros(300, 16, dtype=torch.long), max_segments=3, restarts=6, batch_size=64, seed=1)
    full = sum(batch == 64 for batch in model.batches)
    assert sum(model.batches) == found.segments.sum()
    assert set(model.batches[:full]) == {64}, "full until nobody waits"
    assert sum(model.batches) / len(model.batches) > 0.9 * 64
    assert len(model.batches) < 0.9 * _batches_one_attempt_after_the_other(found.segments, 3, 64)


def _batches_one_attempt_after_the_other(segments, most: int, batch_size: int) -> int:
    """How many calls of the model the same work takes when an attempt begins after all have had the one before."""
    left, calls = segments.clone(), 0
    while len(left):
        queue = left.clamp(max=most).tolist()
        running = [queue.pop() for _ in range(min(batch_size, len(queue)))]
        while running:
            calls += 1
            running = [age - 1 for age in running if age > 1]
            running += [queue.pop() for _ in range(min(batch_size - len(running), len(queue)))]
        left = (left - most)[left > most]
    return calls


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_restart_is_the_same_alone_and_in_any_company(puzzles, noise):
    """Held against a loop written out: a puzzle, an attempt, a segment after the other, in float64."""
    model = make(3).double()
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(1))
    x, y, _ = puzzles.as_tensors()
    margin = verdicts(model, x, y, 3).q_halt.amax(0).quantile(0.7).item()  # three in ten are content with the first
    settings = dict(max_segments=3, margin=margin, restarts=4, seed=7, noise=noise)
    whole = solve(model, x, **settings)
    assert whole.segments.unique().numel() > 4, "some need no restart, some one, some several"
    for count, batch_size in ((60, 7), (10, 1)):
        parts = solve(model, x[:count], batch_size=batch_size, **settings)
        assert torch.equal(whole.tokens[:count], parts.tokens) and torch.equal(whole.segments[:count], parts.segments)
        torch.testing.assert_close(whole.q_halt[:count], parts.q_halt)
    for row in range(10):
        best, answer, used = -torch.inf, None, 0
        for attempt in range(5):
            z = model.initial_latents(1)
            if attempt:
                z = random_latents(model, [torch.Generator().manual_seed(start((7, row, attempt)))])
            for segment in range(3):
                if attempt and segment and noise:
                    g = torch.Generator().manual_seed(start((7, row, attempt, segment)))
                    z = Latents(
                        *(a + noise * b for a, b in zip(z, torch.randn(2, *z.z_H.shape[1:], generator=g), strict=True))
                    )
                out, used = model(z, x[row : row + 1]), used + 1
                z, content = out.latents, out.q_halt.item() > margin
                if content:
                    break
            if out.q_halt.item() > best:
                best, answer = out.q_halt.item(), out.logits.argmax(-1)[0]
            if content:
                break
        assert torch.equal(whole.tokens[row], answer) and whole.segments[row] == used
        assert whole.q_halt[row].item() == pytest.approx(best, rel=1e-5)
    quiet = solve(model, x, **(settings | {"noise": 0.0}))
    first = whole.segments <= 3
    assert torch.equal(quiet.q_halt[first], whole.q_halt[first]), "a first attempt has no noise"
    assert torch.equal(quiet.q_halt, whole.q_halt) == (noise == 0)
    with pytest.raises(ValueError, match="noise=-1"):
        solve(model, x, noise=-1.0)
    with pytest.raises(ValueError, match="0 or more; got"):
        solve(model, x, margin=1e9, restarts=1, seed=-1)
