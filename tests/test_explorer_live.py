"""Live pictures: the same text each time, nothing from elsewhere, and in a browser the numbers that Python computes."""

import html
import json
import math
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_lite.explorers import live
from hrm_lite.explorers.live import pictures
from hrm_lite.halting import wants_to_halt
from hrm_lite.puzzles import sudoku
from tools import cover

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_browser = pytest.mark.skipif(BROWSER is None, reason="needs Chromium, to run what the page runs")


def values(segments=6, puzzles=40):
    draw = torch.Generator().manual_seed(0)
    grow = torch.arange(segments)[:, None]
    right = (torch.rand(segments, puzzles, generator=draw) < 0.4).cummax(0).values
    q_halt = torch.randn(segments, puzzles, generator=draw) + grow
    return q_halt, right, torch.randn(segments, puzzles, generator=draw) + 2


def attempts(count=16):
    """question, solution, answers, q_halt, segments: attempts with 0 to 15 wrong cells."""
    draw = torch.Generator().manual_seed(1)
    solution = torch.randint(2, 11, (81,), generator=draw)
    answers = solution.repeat(count, 1)
    for k, wrong in enumerate(torch.randperm(count, generator=draw).tolist()):
        cells = torch.randperm(81, generator=draw)[:wrong]
        answers[k, cells] = (answers[k, cells] - 1) % 9 + 2
    q_halt = 2 * torch.randn(count, generator=draw)
    question = torch.where(torch.rand(81, generator=draw) < 0.3, solution, 1)
    return question, solution, answers, q_halt, torch.arange(count) + 1


@lru_cache
def boards():
    """A small Sudoku, and answers to it that come right cell by cell."""
    puzzles = sudoku.load("generated:4x4:4-6", "test", limit=1)
    question, label, _ = (t[0] if t is not None else None for t in puzzles.as_tensors())
    answers = label.repeat(6, 1)
    for i in range(6):
        answers[i, i * 3 :] = 2 + (torch.arange(16)[i * 3 :] + i) % 4
    return puzzles, question, answers, label


def thinking(**more):
    puzzles, question, answers, label = boards()
    return live.thinking(puzzles, question, answers, label=label, **more)


def cloud_of(moments=5, points=40):
    """Four groups on three axes, apart from the second moment on, with a spread of their own on each axis."""
    draw = torch.Generator().manual_seed(3)
    groups = torch.arange(points) % 4
    corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    spread = torch.randn(moments, points, 3, generator=draw) * torch.tensor([0.9, 0.6, 0.3])
    return torch.arange(moments).view(-1, 1, 1) / (moments - 1) * (corners[groups] + spread), groups


def an_orbit(moments=5, points=40):
    cloud, groups = cloud_of(moments, points)
    shares = torch.tensor([0.4, 0.2, 0.1])
    named = {"z_H": cloud, "z_L": cloud.flip(2)}
    when = [f"cycle {m}" for m in range(moments)]
    return live.orbit(named, dict.fromkeys(named, shares), groups, "1234", "digit", when)


PICTURES = {
    "cobweb": live.cobweb, "chain": live.chain, "clocks": live.clocks, "gradient_terms": live.gradient_terms,
    "guess_effects": lambda: live.guess_effects({"one step": [7, 5.5, 8], "attention": [-62, -70, -66]}),
    "row_life": live.row_life, "halting_rule": lambda: live.halting_rule(*values(8, 300)),
    "restarts": lambda: live.restarts(*attempts()),
    "thinking": thinking, "orbit": an_orbit,
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_the_same_each_time_small_and_whole(name):
    page, again = PICTURES[name]().data, PICTURES[name]().data
    assert page == again and len(page) < 25_000
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|import |fetch\(|require\(", page)
    assert page.count("<script>") == page.count("</script>") == 1 and 'class="still"' in page
    assert re.search(r'role="group" aria-label="[^"]{40,}"', page)


def test_pictures_of_other_data_have_other_names():
    q_halt, right, q_continue = values()
    pages = [live.halting_rule(q_halt, right, q_continue).data, live.halting_rule(q_halt, right).data]
    assert len({re.search(r'id="([^"]+)"', page)[1] for page in pages}) == 2


def test_halting_says_which_shapes_differ():
    q_halt, right, q_continue = values()
    with pytest.raises(ValueError, match=r"\(6, 40\), \(5, 40\)"):
        live.halting_rule(q_halt, right[:5], q_continue)


def page_of(tmp_path: Path, body: str, style: str = "", width: int = 1280) -> str:
    """The page as it stands after its scripts; what goes wrong in one is written into its title."""
    wrong = "<script>addEventListener('error', (e) => { document.title = 'wrong: ' + e.message; })</script>"
    page = tmp_path / "page.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8><title>fine</title>{wrong}<body style='{style}'>{body}", "utf-8"
    )
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
               f"--window-size={width},1000", "--virtual-time-budget=2000", "--dump-dom", page.as_uri()]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    title = re.search("<title>(.*?)</title>", done.stdout)
    assert title and title[1] == "fine", (title and title[1]) or done.stderr[-500:]
    return done.stdout


def readings(tmp_path: Path, *cases: tuple) -> list[str]:
    """What each picture says in words after its acts (JavaScript with ``root`` at hand), all in one page."""
    body = "".join(case[0].data for case in cases)
    for i, (_, *acts) in enumerate(cases):
        body += f"<script>{{const root = document.querySelectorAll('.hrm-live')[{i}];{';'.join(acts)}}}</script>"
    return said(page_of(tmp_path, body))


def said(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r'<p class="reading"[^>]*>(.*?)</p>', page, re.S)]


def slide(place: int, value) -> str:
    """Move a slider as a reader does."""
    return (f"{{const i = root.querySelectorAll('input')[{place}]; i.value = {value};"
            "i.dispatchEvent(new Event('input'))}")  # fmt: skip


def number(text: str, pattern: str) -> float:
    found = re.search(pattern.replace("#", r"(−?[\d.]+)"), text)
    assert found, text
    return float(found[1].replace("−", "-"))


@in_browser
def test_restarts_count_the_right_ones_and_ring_the_highest_q(tmp_path):
    question, solution, answers, q_halt, segments = made = attempts()
    texts = readings(tmp_path, *((live.restarts(*made), slide(0, k)) for k in (1, 5, 16)))
    for k, text in zip((1, 5, 16), texts, strict=True):
        wrong = (answers[:k] != solution).sum(1)
        best = int(q_halt[:k].argmax())
        assert number(text, "far # of") == int((wrong == 0).sum())
        assert number(text, "Q̂ #,") == pytest.approx(q_halt[k - 1].sigmoid().item(), abs=1e-3)
        assert number(text, r"\(ringed\) is attempt #,") == best + 1
        assert ("which is right" in text) == (wrong[best] == 0)
        assert (f"{wrong[-1]} cells wrong" in text) == bool(wrong[-1])
    with pytest.raises(ValueError, match="one of each for every attempt"):
        live.restarts(question, solution, answers, q_halt[:3], segments)


@in_browser
def test_the_cobweb_finds_the_fixed_point_its_slope_and_the_step(tmp_path):
    cases = ((0.95, 0.3), (0.5, -1.0), (1.1, 0.6))  # the last one's slope is −0.98: it settles, and takes its time
    pages = readings(tmp_path, *((live.cobweb(), slide(0, q), slide(1, x)) for q, x in cases))
    for (q, x), text in zip(cases, pages, strict=True):
        z, steps = -2.4, []
        while not steps or steps[-1] >= 1e-6:
            z, before = q * math.cos(z) + x, z
            steps.append(abs(z - before))
        assert number(text, "at z = #,") == pytest.approx(z, abs=2e-4)
        assert number(text, "slope is #:") == pytest.approx(-q * math.sin(z), abs=2e-3)
        assert number(text, "step # is the first") == len(steps)
    assert "does not settle" in readings(tmp_path, (live.cobweb(), slide(0, 2)))[0]


def key(name: str) -> str:
    event = f"new KeyboardEvent('keydown', {{key: '{name}', bubbles: true}})"
    return f"root.querySelector('[role=slider]').dispatchEvent({event})"


def pointer(kind: str, target: str, x) -> str:
    event = f"{{pointerId: 7, pointerType: 'touch', bubbles: true, cancelable: true, clientX: {x}, clientY: 0}}"
    return f"{target}.dispatchEvent(new PointerEvent('{kind}', {event}))"


@in_browser
def test_the_start_moves_by_the_keyboard_and_with_a_finger(tmp_path):
    left = "root.querySelector('svg').getBoundingClientRect().left"
    drag = [pointer("pointerdown", "root.querySelector('[role=slider]')", 0)]
    drag += [pointer("pointermove", "window", f"{left} + {x}") for x in (60, 120, 9999)]
    drag += [pointer("pointerup", "window", 0), pointer("pointermove", "window", f"{left} + 60")]  # too late
    acts = [], [key("ArrowRight")] * 33, [key("End")], [key("PageUp")] * 11, drag, drag[:3]
    texts = readings(tmp_path, *((live.cobweb(), slide(0, 0.5), *some) for some in acts))
    starts = [number(text, "From #") for text in texts]
    assert starts == pytest.approx([-2.4, 0.9, 3, 3, 3, starts[5]]) and -3 < starts[5] < 3  # 3 is where it ends
    assert number(texts[1], "step # is the first") < number(texts[0], "step # is the first")


@in_browser
def test_all_pictures_stand_in_one_page_some_twice_in_ink_of_the_page_and_within_its_width(tmp_path):
    body = "".join(make().data for make in PICTURES.values()) + live.cobweb().data
    # what is wider than the window, or cut off at its left, is named in the title
    body += """<script>for (const e of document.querySelectorAll('.hrm-live, .hrm-live *')) {
        const box = e.getBoundingClientRect();
        if (e.tagName !== 'STYLE' && (box.right > 500 || box.left < 0)) document.title = e.outerHTML.slice(0, 90);
        if (e.tagName === 'text' && parseFloat(getComputedStyle(e).fontSize) < 9) document.title = 'small';
    }</script>"""  # no window of Chromium is narrower than 500 pixels
    page = page_of(tmp_path, body, "margin:12px;padding:0 88px 0 0;color:#ced6dd", width=500)
    assert len(said(page)) == len(PICTURES) + 1 and "" not in said(page) and 'class="still"' not in page
    assert page.count('class="hrm-live dark"') == len(PICTURES) + 1
    assert 'class="hrm-live dark"' not in page_of(tmp_path, live.chain().data, "color:#222")


@in_browser
@pytest.mark.parametrize("rule", ["data-theme", "theme"])
def test_a_page_that_changes_its_theme_is_followed(rule, tmp_path):
    style = f"<style>:root{{color:#222}}:root[{rule}=dark]{{color:#ced6dd}}</style>"
    change = f"<script>document.documentElement.setAttribute('{rule}', 'dark')</script>"
    assert 'class="hrm-live dark"' in page_of(tmp_path, style + live.clocks().data + change)


@in_browser
def test_the_chain_passes_news_on_as_numpy_says(tmp_path):
    script = (Path(live.__file__).parent / "chain.js").read_text(encoding="utf-8")
    signs = np.array(eval(re.search(r"SIGNS = (\[.*?\])", script)[1]))
    press = "for (let i = 0; i < 40; i++) root.querySelectorAll('button')[1].click()"
    again = "root.querySelectorAll('button')[2].click()"
    gains = (0.8, 1.0, 2.0)
    texts = readings(tmp_path, *((live.chain(), slide(0, g), again, press) for g in gains))
    for g, text in zip(gains, texts, strict=True):
        ends = []
        for first in (1, -1):
            s, z = signs * np.r_[first, np.ones(31)], np.zeros(32)
            for _ in range(36):
                z = np.tanh(g * s * np.r_[1, z[:-1]])
            ends.append(z)
        far = int((abs(ends[0] - ends[1]) / 2 >= 0.01).sum())
        assert number(text, "shows at # of 32") == far


@in_browser
def test_the_terms_of_the_gradient_add_up(tmp_path):
    cases = ((0.85, 40, 12), (0.6, 150, 3), (0.9, 180, 1))
    texts = readings(
        tmp_path, *((live.gradient_terms(), slide(0, rho), slide(1, a), slide(2, k)) for rho, a, k in cases)
    )
    for (rho, theta, terms), text in zip(cases, texts, strict=True):
        lam = rho * np.exp(1j * np.radians(theta))
        full, part = 1 / (1 - lam), (lam ** np.arange(terms)).sum()
        assert number(text, "points #°") == pytest.approx(abs(np.degrees(np.angle(full))), abs=0.6)
        assert number(text, "has # % of its length") == pytest.approx(100 / abs(full), abs=0.6)
        if terms > 1:
            assert number(text, r"together: #°") == pytest.approx(abs(np.degrees(np.angle(part / full))), abs=0.6)


@in_browser
def test_two_clocks_count_their_steps_and_come_to_rest(tmp_path):
    opening, other = readings(tmp_path, (live.clocks(),), (live.clocks(), slide(0, 8), slide(1, 3)))
    assert number(opening, "or more is step #,") == last_step_of_the_toy(4, 4) < 60
    assert number(other, "N·T = # steps") == 24 and number(other, "worker and # of the controller") == 8
    assert number(other, "or more is step #,") == last_step_of_the_toy(8, 3)


def last_step_of_the_toy(cycles: int, steps: int) -> int:
    """The toy's weights out of the same generator of numbers, its two maps in numpy."""
    seed = 7.0  # JavaScript's numbers are floats, and these are rounded

    def draw(*shape):
        nonlocal seed
        out = []
        for _ in range(math.prod(shape)):
            seed = (seed * 1103515245 + 12345) % 2147483648
            out.append(seed / 1073741824 - 1)
        return np.array(out).reshape(shape)

    a, b, c, d = (gain * draw(8, 8) for gain in (0.34, 0.6, 0.3, 0.35))
    x, z_L, z_H, last = draw(8), np.full(8, 0.9), np.full(8, -0.9), 0
    for k in range(3 * cycles * (steps + 1)):
        if worker := k % (steps + 1) < steps:
            old, new = z_L, np.tanh(a @ z_L + b @ z_H + x)
        else:
            old, new = z_H, np.tanh(c @ z_H + d @ z_L)
        z_L, z_H = (new, z_H) if worker else (z_L, new)
        if np.linalg.norm(new - old) / np.linalg.norm(old) >= 0.01:
            last = k + 1
    return last


@in_browser
def test_no_row_outlives_the_largest_number_of_segments(tmp_path):
    press = "for (let i = 0; i < 70; i++) root.querySelectorAll('button')[1].click()"
    (text,) = readings(tmp_path, (live.row_life(), slide(0, 2), slide(1, 1), press))
    assert number(text, "after # segments each") == 2.0  # M = 2, and every row explores
    assert number(text, "and # puzzles have halted") == 8 * 60 / 2
    assert number(text, "there were # updates") == 60


@in_browser
@pytest.mark.parametrize("with_continue", [True, False])
def test_the_halting_rule_is_the_one_of_the_package(with_continue, tmp_path):
    q_halt, right, q_continue = values()
    q_halt, q_continue = ((100 * q).round() / 100 for q in (q_halt, q_continue))  # as it is handed over
    q_continue = q_continue if with_continue else None
    margins = (-1.0, 0.5)
    texts = readings(tmp_path, *((live.halting_rule(q_halt, right, q_continue), slide(0, t)) for t in margins))
    for margin, text in zip(margins, texts, strict=True):
        halts = torch.stack([
            wants_to_halt(q, None if q_continue is None else q_continue[m], margin) for m, q in enumerate(q_halt)
        ])  # fmt: skip
        halts[-1] = True
        segments = halts.int().argmax(0)
        solved = right.gather(0, segments[None]).double().mean().item()
        assert number(text, ": # segments on average") == pytest.approx((segments + 1).double().mean().item(), abs=6e-3)
        assert number(text, "and # % of 40 puzzles") == pytest.approx(100 * solved, abs=0.06)


def test_a_cloud_that_does_not_fit_is_refused():
    cloud, groups = cloud_of()
    share = {"z": torch.ones(3)}
    with pytest.raises(ValueError, match=r"each cloud should be \(4, 40, 3\)"):
        live.orbit({"z": cloud}, share, groups, "1234", "digit", "abcd")
    with pytest.raises(ValueError, match="5 letters"):
        live.orbit({"z": cloud}, share, groups, "12345", "digit", "abcde")


@in_browser
def test_the_cloud_turns_as_numpy_turns_it(tmp_path):
    move = pointer("pointermove", "window", 140).replace("clientY: 0", "clientY: 60")
    drag = [pointer("pointerdown", "root.querySelector('rect')", 100), move, pointer("pointerup", "window", 0)]
    drag += [pointer("pointermove", "window", 300)]  # too late
    press = ["root.querySelectorAll('button')[2].click()"]  # z_L
    cases = (((35, 20), 4, 0, []), ((-120, -35), 4, 0, [slide(0, -120), slide(1, -35)]),
             ((35, 20), 2, 0, [slide(2, 2)]), ((15, 50), 4, 0, drag),
             ((25, 30), 4, 1, [*press, key("ArrowRight"), key("ArrowUp")]),
             ((90, 90), 4, 0, [slide(0, 90), slide(1, 90)]))  # fmt: skip
    texts = readings(tmp_path, *((an_orbit(), *acts) for _, _, _, acts in cases))
    cloud, groups = (t.numpy() for t in cloud_of())
    for ((turn, tilt), m, which, _), text in zip(cases, texts, strict=True):
        points = (cloud, cloud[..., ::-1])[which][m]
        a, e = np.radians((turn, tilt))
        # first the turn about the third axis, then the tilt; the eye looks along the first
        about = np.array([[np.cos(a), np.sin(a), 0], [-np.sin(a), np.cos(a), 0], [0, 0, 1]])
        lift = np.array([[np.cos(e), 0, np.sin(e)], [0, 1, 0], [-np.sin(e), 0, np.cos(e)]])
        page = (points @ (lift @ about).T)[:, 1:]
        centred = page - page.mean(0)
        share = (centred**2).sum() / ((points - points.mean(0)) ** 2).sum()
        middles = np.stack([page[groups == g].mean(0) for g in range(4)])
        near = (((page[:, None] - middles) ** 2).sum(2).argmin(1) == groups).sum()
        assert text.startswith(f"{('z_H', 'z_L')[which]}, cycle {m}. The three axes hold 70 %")
        assert number(text, "page shows # %") == pytest.approx(100 * share, abs=0.7)
        assert number(text, "Seen so, # of 40") == pytest.approx(near, abs=1)
    (start,) = readings(tmp_path, (an_orbit(), slide(2, 0)))
    assert "all points are one" in start


@in_browser
@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("cobweb", "v.q * Math.cos(z) + v.x", "v.q * Math.cos(z) - v.x"),
        ("chain", "Math.tanh(g", "Math.tanh(1.1 * g"),
        ("gradient_terms", "p[0] * q[1] + p[1] * q[0]", "p[0] * q[1] - p[1] * q[0]"),
        ("clocks", "N·T = ${N * T}", "N·T = ${N * T + N}"),
        ("row_life", "row.m >= M ||", "row.m > M ||"),
        ("halting_rule", "> tau", ">= -tau"),
        ("orbit", "-Math.sin(e) * Math.cos(a)", "-Math.sin(e) * Math.sin(a)"),
    ],
)
def test_a_planted_mistake_is_seen(name, right, wrong, tmp_path, monkeypatch):
    script = pictures._script

    def spoilt(file):
        text = script(file)
        if file == name:
            assert right in text
            text = text.replace(right, wrong)
        return text

    monkeypatch.setattr(pictures, "_script", spoilt)
    check = {
        "cobweb": test_the_cobweb_finds_the_fixed_point_its_slope_and_the_step,
        "chain": test_the_chain_passes_news_on_as_numpy_says,
        "gradient_terms": test_the_terms_of_the_gradient_add_up,
        "clocks": test_two_clocks_count_their_steps_and_come_to_rest,
        "row_life": test_no_row_outlives_the_largest_number_of_segments,
        "orbit": test_the_cloud_turns_as_numpy_turns_it,
        "halting_rule": lambda tmp_path: test_the_halting_rule_is_the_one_of_the_package(True, tmp_path),
    }[name]
    with pytest.raises(AssertionError):
        check(tmp_path)


def test_a_board_wants_a_title_for_each_answer():
    with pytest.raises(ValueError, match="6 answers and 2 titles"):
        thinking(titles=["one", "two"])


@in_browser
def test_the_board_counts_what_is_right_what_breaks_a_rule_and_what_has_changed(tmp_path):
    _, question, answers, label = boards()
    texts = readings(tmp_path, *((thinking(opens=0), slide(0, n)) for n in range(7)))
    assert texts[0] == "The question."
    blank = question != label
    for n, (answer, before, text) in enumerate(zip(answers, [question, *answers], texts[1:], strict=False), 1):
        assert text.startswith(f"segment {n}: {((answer == label) & blank).sum()} of {blank.sum()} blanks right, ")
        board = answer.view(4, 4)
        units = [*board, *board.T, *board.view(2, 2, 2, 2).transpose(1, 2).reshape(4, 4)]
        places = torch.arange(16).view(4, 4)
        where = [*places, *places.T, *places.view(2, 2, 2, 2).transpose(1, 2).reshape(4, 4)]
        cells = ((u, v, p) for u, w in zip(units, where, strict=True) for v, p in zip(u, w, strict=True))
        bad = {int(p) for u, v, p in cells if (u == v).sum() > 1}
        assert len(bad) == (0 if "no cell breaks" in text else number(text, r"right, # cells? breaks?"))
        assert number(text, "# changed") == (answer != before).sum()


@in_browser
def test_a_board_plays_by_itself_only_where_it_is_asked_to(tmp_path):
    still, plays = readings(tmp_path, (thinking(opens=2),), (thinking(opens=2, plays=True),))   # two seconds of a page
    assert still.startswith("segment 2") and plays.startswith(("segment 3", "segment 4", "segment 5"))


def test_the_board_of_the_first_page_is_drawn_by_the_scripts_of_today_and_ends_solved():
    page = cover.page()
    data = json.loads(re.search(r"DATA=(\{.*?\});\n", page)[1])
    words = re.search(r'aria-label="([^"]*)"', page)[1], re.search(r'"still">([^<]*)<', page)[1]
    assert page == pictures._live("thinking", *words, data).data
    assert data["plays"] and data["boards"][-1] == data["label"] and not data["broken"][-1]


@in_browser
def test_guesses_are_hidden_from_what_was_measured_until_asked_and_then_held_against_it(tmp_path):
    measured = {"one step": [7.0, 5.0], "attention": [-62.0, -70.0]}
    guesses = {"one step": -10, "attention": -60}
    acts = [slide(i, guess) for i, guess in enumerate(guesses.values())]
    before, after = readings(tmp_path, (live.guess_effects(measured), *acts),
                             (live.guess_effects(measured), *acts, "root.querySelector('button').click()"))  # fmt: skip
    assert "measured" in before and not re.search(r"\d", before)
    off = {name: abs(np.mean(values) - guesses[name]) for name, values in measured.items()}
    assert number(after, r"are # points off") == round(np.mean(list(off.values())))
    worst = max(off, key=off.get)
    assert f"“{worst}”" in after and number(after, r"seeds is \+?#") == round(np.mean(measured[worst]))


@pytest.mark.parametrize("measured", [{}, {"one step": []}])
def test_nothing_to_guess_is_said(measured):
    with pytest.raises(ValueError, match="at least one seed"):
        live.guess_effects(measured)
