"""`hrm-lite solve`: puzzles in every form they are typed in, the thinking, and a verdict that needs no label."""

import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from helpers import make
from rich.console import Console
from test_cli import call, terminal

from hrm_lite.cli.boards import board, thinking
from hrm_lite.cli.puzzle_text import read_puzzle
from hrm_lite.cli.thinking import breaks, think
from hrm_lite.puzzles import maze, sudoku
from hrm_lite.training import save_model

SHIPPED = str(Path(__file__).resolve().parent.parent / "results/sudoku/4x4-hrm/model.safetensors")
PUZZLE = "1......2.4....3."
MAZE = "#####\n#S  #\n### #\n#G  #\n#####"


def answer_of(*words, **more):
    result = call("solve", *words, "--json", **more)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def is_sudoku(question, answer, side=4, box=2):
    """By counting, without the package."""
    rows = [answer[i : i + side] for i in range(0, side * side, side)]
    units = [*rows, *map("".join, zip(*rows, strict=True))]
    for r in range(0, side, box):
        units += ["".join(row[c : c + box] for row in rows[r : r + box]) for c in range(0, side, box)]
    kept = all(q in (".", a) for q, a in zip(question, answer, strict=True))
    return kept and all(sorted(unit) == list("123456789"[:side]) for unit in units)


# -- what goes in -------------------------------------------------------------------------------------------------


def test_a_typed_puzzle_is_solved_by_the_model_of_its_size():
    found = answer_of(PUZZLE)
    assert found["solved"] and found["question"] == PUZZLE and is_sudoku(PUZZLE, found["answer"])
    assert found["segments"][-1]["answer"] == found["answer"]
    assert found["segments_used"] == len(found["segments"])
    assert 0.5 < found["confidence"] <= 1 and found["content"] and found["warning"] is None


def test_of_two_models_for_nine_digits_the_stronger_one_is_asked():
    hard = "000000010400000000020000000000050407008000300001090000300400200050100000000806000"
    found = answer_of(hard)
    assert found["solved"] and found["model"] == "sudoku-9x9-compact", found["model"]


@pytest.mark.parametrize(
    "text",
    [PUZZLE.replace(".", "0"), "1... ...2 .4.. ..3.", "1...\n...2\n.4..\n..3.\n", "1...\r\n...2\r\n.4..\r\n..3."],
)
def test_every_way_to_write_it_is_the_same_puzzle(text, tmp_path):
    wanted = answer_of(PUZZLE)
    assert answer_of(text) == wanted
    assert answer_of(input=text) == wanted
    assert answer_of("-", input=text) == wanted
    (tmp_path / "puzzle.txt").write_bytes("\ufeff".encode() + text.encode())
    assert answer_of(str(tmp_path / "puzzle.txt")) == wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("12", "16, 36 or 81"),
        ("", "empty"),
        ("   \n\n", "empty"),
        ("1" * 15 + "y", "y"),
        ("nowhere.txt", "There is no file nowhere.txt"),
        (f"{PUZZLE}\n{PUZZLE[::-1]}", "2 puzzles"),
        ("S G #\n#", "row"),
        ("1.....2.....3.....4.....5.....6.....", "No model for a puzzle of the kind sudoku-6x6"),
        ("\x00\x01", ""),
        ("." * 5000, "5000"),
    ],
)
def test_nonsense_gets_one_paragraph(text, says):
    result = call("solve", text)
    assert result.exit_code == 1 and says in result.stderr, result.output
    assert len(result.stderr.strip().splitlines()) == 1 and not result.stdout


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"\xff\xfe\x00puzzle")
    result = call("solve", str(tmp_path / "x.txt"))
    assert result.exit_code == 1 and "no text in UTF-8" in result.stderr


def test_no_model_and_a_model_of_another_kind(tmp_path):
    assert "nowhere" in call("solve", PUZZLE, "--model", str(tmp_path / "nowhere")).stderr
    save_model(tmp_path / "m.safetensors", make(seq_len=36, vocab_size=8))
    result = call("solve", PUZZLE, "--model", str(tmp_path / "m.safetensors"))
    assert result.exit_code == 1 and "16 cells" in result.stderr and "36 cells" in result.stderr
    assert call("solve", PUZZLE, "--restarts", "2", "--no-halt").exit_code == 2


# -- what comes out -----------------------------------------------------------------------------------------------


def test_options_change_the_thinking():
    assert len(answer_of(PUZZLE, "--no-halt", "--segments", "5")["segments"]) == 5
    never = answer_of(PUZZLE, "--margin", "1e9", "--segments", "3")
    assert not never["content"] and never["segments_used"] == 3 and never["margin"] == 1e9
    again = answer_of(PUZZLE, "--margin", "1e9", "--segments", "3", "--restarts", "2")
    assert again["segments_used"] == 9 and len(again["segments"]) == 3
    assert len(answer_of(PUZZLE, "--margin", "-1e9")["segments"]) == 1


def test_the_margin_is_that_of_the_record_beside_the_model(tmp_path):
    model = tmp_path / "model.safetensors"
    model.write_bytes(Path(SHIPPED).read_bytes())
    assert answer_of(PUZZLE, "--model", str(model))["margin"] == 0
    (tmp_path / "run.json").write_text('{"halting": {"margin": 1.5}}', encoding="utf-8")
    assert answer_of(PUZZLE, "--model", str(model))["margin"] == 1.5


@pytest.mark.parametrize(("text", "says"), [("11" + "." * 14, "two 1s in row 1"), ("1" + "." * 15, "several solutions"),
                                            ("12........3...4.", "no solution")])  # fmt: skip
def test_a_puzzle_without_one_solution_is_solved_with_a_warning(text, says):
    found = answer_of(text)
    assert says in found["warning"] and len(found["answer"]) == 16
    assert found["solved"] == is_sudoku(text, found["answer"])
    assert says in " ".join(call("solve", text).output.split())


def test_a_wrong_answer_is_called_wrong(tmp_path):
    save_model(tmp_path / "m.safetensors", make())
    words = PUZZLE, "--model", str(tmp_path / "m.safetensors"), "--segments", "2"
    found = answer_of(*words)
    assert not found["solved"] and found["breaks"] and not is_sudoku(PUZZLE, found["answer"].replace("_", "."))
    result = call("solve", *words)
    assert result.exit_code == 0 and "Wrong, by the rules: " in result.output and "Right" not in result.output
    assert found["breaks"][0] in " ".join(result.output.split())


@pytest.mark.parametrize(("size", "side", "box"), [("4x4", 4, 2), ("9x9", 9, 3)])
def test_what_breaks_is_what_counting_finds(size, side, box):
    generator = torch.Generator().manual_seed(0)
    puzzles = sudoku.load(f"generated:{size}:{'4-6' if side == 4 else '45-55'}", "test", limit=3)
    for number in range(3):
        one = puzzles[number]
        right = torch.tensor(one.labels[0]).long()
        assert breaks(one, right) == []
        for _ in range(20):
            answer = right.clone()
            cells = torch.randint(side * side, (3,), generator=generator)
            answer[cells] = torch.randint(2, side + 2, (3,), generator=generator)
            text = one.decode(answer)
            units = {}
            for cell, digit in enumerate(text):
                r, c = divmod(cell, side)
                for unit in (f"row {r + 1}", f"column {c + 1}", f"box {r // box * (side // box) + c // box + 1}"):
                    units.setdefault(unit, Counter())[digit] += 1
            many = {2: "two", 3: "three", 4: "4"}
            wanted = {f"{many[n]} {d}s in {unit}" for unit, digits in units.items() for d, n in digits.items() if n > 1}
            given = one.decode(one.inputs[0])
            wanted |= {
                f"the given {q} in row {i // side + 1}, column {i % side + 1} became {a}"
                for i, (q, a) in enumerate(zip(given, text, strict=True))
                if q not in (".", a)
            }
            assert set(breaks(one, answer)) == wanted


def test_what_breaks_in_a_maze():
    puzzles, warning = read_puzzle(MAZE)
    assert warning is None
    right = maze.solve(MAZE)
    tokens = lambda text: torch.tensor(puzzles.encode(text)).long()  # noqa: E731
    assert breaks(puzzles, tokens(right)) == []
    assert breaks(puzzles, tokens(MAZE)) == ["no path is drawn"]
    assert "1 cell of the maze itself changed" in breaks(puzzles, tokens(right.replace("###o", "o##o")))
    cut = right.replace("Soo", "So ")
    assert [text for text in breaks(puzzles, tokens(cut)) if "lead nowhere" in text]


def test_a_maze_is_solved_by_a_model_of_mazes(tmp_path):
    save_model(tmp_path / "m.safetensors", make(seq_len=25, vocab_size=6))
    words = MAZE, "--model", str(tmp_path / "m.safetensors"), "--segments", "2"
    found = answer_of(*words)
    assert found["puzzle"] == "maze-5x5" and not found["solved"] and found["breaks"]
    assert "Wrong, by the rules" in call("solve", *words).output
    walled = MAZE.replace("### #", "#####")
    assert "no way" in answer_of(walled, *words[1:])["warning"]
    assert "comes with hrm-lite" in call("solve", "." * 36).stderr  # 6x6 Sudoku


def test_mazes_of_every_size_go_to_the_one_model_that_ships():
    from hrm_lite.puzzles import maze

    for size in ("9x9", "12x17"):
        text = maze.load(f"generated:{size}:unique", "test", limit=1).questions()[0]
        columns = int(size.split("x")[1])
        drawn = "\n".join(text[i : i + columns] for i in range(0, len(text), columns))
        found = answer_of(drawn)
        assert found["model"] == "maze" and found["puzzle"] == f"maze-{size}" and len(found["answer"]) == len(text)


def test_thinking_is_what_solve_computes():
    from hrm_lite import load_model, solve

    model, (puzzles, _) = load_model(SHIPPED), read_puzzle(PUZZLE)
    tokens = puzzles.as_tensors()[0]
    for halt, margin, restarts in ((True, 0.0, 0), (True, 4.0, 0), (False, 0.0, 0), (True, 1e9, 3)):
        found = think(model, tokens[0], 6, halt, margin, restarts)
        wanted = solve(model, tokens, 6, halt, margin, record=True, restarts=restarts)
        assert torch.equal(found.answer, wanted.tokens[0]) and found.segments == int(wanted.segments)
        assert torch.equal(found.answers, wanted.trace[0, : len(found.answers)])
        assert found.confidence == pytest.approx(float(wanted.q_halt[0].sigmoid()))


# -- how it looks -------------------------------------------------------------------------------------------------


def drawn(thing, width=80, colour=False):
    screen = Console(
        file=io.StringIO(), width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    screen.print(thing)
    return screen.file.getvalue()


def test_marks_stand_where_colours_do():
    puzzles, _ = read_puzzle(PUZZLE)
    before = torch.tensor(puzzles.encode("1243431234212134")).long()
    answer = before.clone()
    answer[3] = 4 + 1  # a second 4 in its row and column
    plain = drawn(board(puzzles, answer, before, "title"))
    broken = puzzles.violations(answer[None])[0]
    assert plain.count("!") == int(broken.sum()) and int(broken.sum()) >= 2
    assert "'" not in plain  # the one that changed is broken as well
    assert "'" in drawn(board(puzzles, before, answer, "title"))
    lit = drawn(board(puzzles, answer, before, "title"), colour=True)
    assert lit.count("31m") >= plain.count("!")
    assert "\x1b[1m1" in lit  # the given 1 is bold


def test_boards_stand_side_by_side_where_there_is_room():
    puzzles, _ = read_puzzle(PUZZLE)
    answers = torch.stack([torch.tensor(puzzles.encode(a)).long() for a in ("1243431234212134", "1243431234212143")])
    height = {width: len(drawn(thinking(puzzles, answers, [0.5, 0.9]), width).splitlines()) for width in (20, 60, 120)}
    assert height[20] > height[60] >= height[120]
    assert all(len(line) <= 20 for line in drawn(thinking(puzzles, answers, [0.5, 0.9]), 20).splitlines())


def test_segments_that_change_nothing_share_a_board():
    puzzles, _ = read_puzzle(PUZZLE)
    answers = torch.tensor(puzzles.encode("1243431234212134")).long()[None].repeat(7, 1)
    assert "segments 1-7: 90.0% sure" in drawn(thinking(puzzles, answers, [0.5] * 6 + [0.9]))


@pytest.mark.parametrize("variables", [{"COLUMNS": "40"}, {"NO_COLOR": "1"}, {"PYTHONIOENCODING": "cp437"}, {}])
def test_in_a_real_terminal(variables):
    code, out, err = terminal("solve", stdin=b"1...\n...2\n.4..\n..3.\n", **variables)
    assert code == 0 and not err, err
    text = out.decode("cp437" if "PYTHONIOENCODING" in variables else "utf-8")
    assert "Right, by the rules." in text and "\x1b" not in text
    if "COLUMNS" in variables:
        assert max(map(len, text.splitlines())) <= 40


def test_colours_come_on_a_terminal_and_go_with_no_color(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert re.search(r"\x1b\[[\d;]*3[12]m", call("solve", PUZZLE, color=True).output)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[\d;]*3[1-7]m", call("solve", PUZZLE, color=True).output)


def test_with_json_stdout_is_one_document():
    code, out, _ = terminal("solve", "11" + "." * 14, "--json")
    assert code == 0 and isinstance(json.loads(out), dict)
