"""Sudoku in the forms that people and other collections write it in."""

import shutil
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sudoku import all_solutions

from hrm_lite.puzzles import sudoku

CASES = Path(__file__).parent / "data" / "cases"
EASY = "2..1.5..3.54...71..1.2.3.8.6.28.73.4.........1.53.98.6.2.7.1.6..81...24.7..4.2..1"
NEWSPAPER = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
ROWS = [NEWSPAPER[i : i + 9] for i in range(0, 81, 9)]


def bands(rows, between, each=lambda row: row):
    return between.join("\n".join(map(each, rows[i : i + 3])) for i in (0, 3, 6))


def boxes(row, bar="|", gap=""):
    return bar.join(gap.join(row[i : i + 3]) for i in (0, 3, 6))


def closed(row):
    return "| " + boxes(row, " | ", " ") + " |"


RULE = "+-------+-------+-------+"
FORMS = {
    "lines": "\n".join(ROWS),
    "zeros": "\n".join(ROWS).replace(".", "0"),
    "stars": "\n".join(ROWS).replace(".", "*"),
    "underscores": "\n".join(ROWS).replace(".", "_"),
    "dashes": "\n".join(ROWS).replace(".", "-"),
    "x": "\n".join(ROWS).replace(".", "x"),
    "a frame": f"{RULE}\n" + bands(ROWS, f"\n{RULE}\n", closed) + f"\n{RULE}",
    "a frame, dashes for blanks": (f"{RULE}\n" + bands(ROWS, f"\n{RULE}\n", closed) + f"\n{RULE}").replace(".", "-"),
    "a frame, spaces for blanks": (f"{RULE}\n" + bands(ROWS, f"\n{RULE}\n", closed) + f"\n{RULE}").replace(".", " "),
    "stars at the corners": "*-----------*\n" + bands(ROWS, "\n|---+---+---|\n", lambda r: f"|{boxes(r)}|")
    + "\n*-----------*",
    "dots at the corners": ".---.---.---.\n" + bands(ROWS, "\n:---+---+---:\n", lambda r: f"|{boxes(r)}|")
    + "\n'---'---'---'",
    "a rule as long as a row": bands(ROWS, "\n---------\n").replace(".", "0"),
    "a rule of dashes, dashes for blanks": bands(ROWS, "\n-----------\n", boxes).replace(".", "-"),
    "box drawing": "┌───┬───┬───┐\n" + bands(ROWS, "\n├───┼───┼───┤\n", lambda r: f"│{boxes(r, '│')}│")
    + "\n└───┴───┴───┘",
    "gaps": bands(ROWS, "\n\n", lambda r: boxes(r, "  ", " ")),
    "commas": "\n".join(",".join(row.replace(".", "0")) for row in ROWS),
    "empty fields": "\n".join(",".join(row).replace(".", "") for row in ROWS),
    "tabs": "\n".join("\t".join(row).replace(".", "") for row in ROWS),
    "semicolons": "\n".join(";".join(row) for row in ROWS),
    "a list of lists": "[" + ",\n ".join(str([int(c) for c in row.replace(".", "0")]) for row in ROWS) + "]",
    "a table": "\n".join("| " + " | ".join(row).replace(".", " ") + " |" for row in ROWS),
    "a narrow table": "\n".join("|" + "|".join(row).replace(".", "") + "|" for row in ROWS),
    "a byte order mark and Windows lines": "\ufeff" + "\r\n".join(ROWS) + "\r\n",
    "a title": "Grid 01\n" + "\n".join(ROWS).replace(".", "0"),
    "a title and a remark": "Sudoku no. 3 (easy)\n\n" + "\n".join(ROWS) + "\n\nfrom a newspaper\n",
    "comments": "#A somebody\n#L easy\n" + "\n".join(f"{row}   # here" for row in ROWS),
    "sections": "[Puzzle]\n" + "\n".join(ROWS),
    "broken at 40": f"{NEWSPAPER[:40]}\n{NEWSPAPER[40:80]}\n{NEWSPAPER[80:]}\n",
    "one line with gaps": " ".join(ROWS),
    "an indent": textwrap.indent("\n".join(ROWS), "    "),
    "spaces for blanks": "\n".join(ROWS).replace(".", " ") + "\n",
    "spaces and an indent": textwrap.indent("\n".join(ROWS).replace(".", " "), "    "),
    "spaces and bars": bands(ROWS, "\n---+---+---\n", boxes).replace(".", " "),
    "spaces one apart": "\n".join(" ".join(row) for row in ROWS).replace(".", " "),
}


@pytest.mark.parametrize("form", FORMS)
def test_pasted_forms_are_read(form):
    assert sudoku.read_grid(FORMS[form]) == NEWSPAPER
    assert sudoku.solve(FORMS[form]) == ANSWER and sudoku.is_solution(FORMS[form], ANSWER)


@pytest.mark.parametrize("name", ["blank_as_space.txt", "boxed.txt", "comments.sdk"])
def test_the_cases_are_read(name):
    path = CASES / "sudoku" / name
    assert sudoku.read_grid(path.read_text(encoding="utf-8")) == EASY
    puzzles = sudoku.load(path, "all")
    assert puzzles.questions() == [EASY] and puzzles.answers() == all_solutions(EASY, 2)


def test_spaces_may_be_cut_at_the_end_of_lines_but_not_before_them():
    rows = [EASY[i : i + 9].replace(".", " ") for i in range(0, 81, 9)]
    assert sudoku.read_grid("\n".join(row.rstrip() for row in rows)) == EASY
    stripped = "\n".join(row.replace(".", " ") for row in [*ROWS[2:], *ROWS[:2]]).strip()
    for text in ("\n".join(row.lstrip() for row in rows), stripped, stripped + "\n"):
        with pytest.raises(ValueError, match=r"If spaces stand for blanks, write '\.' in their place"):
            sudoku.read_grid(text)


def test_smaller_boards():
    assert sudoku.read_grid("1 . | . 4\n. . | . .\n----+----\n. . | . .\n. 2 | . .") == "1..4.........2.."
    assert sudoku.read_grid("1  4\n    \n  2 \n3  1\n") == "1..4......2.3..1"
    assert sudoku.read_grid("\n".join(["12.456"] * 6)) == "12.456" * 6


@pytest.mark.parametrize(("text", "words"), [
    ("\n".join([*ROWS[:4], "7...q...6", *ROWS[5:]]), "'q' in line 5, column 5"),
    ("A title\n\n" + "\n".join([*ROWS[:4], "7...é...6", *ROWS[5:]]), "'é' in line 7, column 5"),
    ("\n".join(["ab.......", *ROWS[1:]]), "'a' in line 1, column 1"),
    (f"Puzzle: {NEWSPAPER}", "'P' in line 1, column 1"),
    ("\n".join([*ROWS[:8], "....8..7"]), "9 rows, and line 9 has 8 cells"),
    ("\n".join(ROWS[:8]), "8 rows; 72 cells in all"),
    ("\n".join(ROWS) + "\n\n" + "\n".join(ROWS), "has 18 rows"),
    (f"{NEWSPAPER}\n{NEWSPAPER}", "a list of 2 Sudokus, .* sudoku.load reads a file of many"),
    ("\n".join(row.replace(".", " ").strip() for row in ROWS), "write '.' in their place"),
    ("5 3 . . 7 . . . .\n" * 8, "8 rows"),
])
def test_what_is_wrong_is_said_where_it_is(text, words):
    with pytest.raises(ValueError, match=words) as error:
        sudoku.read_grid(text)
    assert "\n" not in str(error.value)


def test_a_text_that_can_be_read_in_two_ways_is_refused():
    """In one line 81 characters with spaces for blanks, of which the 36 others are digits of a 6x6 board."""
    text = ("1 2  3 4 " * 9)
    assert len(text) == 81 and len(text.replace(" ", "")) == 36
    with pytest.raises(ValueError, match=r"two ways: every sign is a cell \(6x6\) or a space is a blank \(9x9\)"):
        sudoku.read_grid(text)
    # The same in lines is a 9x9 board and no other: this one was read as 6x6 once.
    assert sudoku.read_grid("\n".join(["1 2  3 4 "] * 9)) == "1.2..3.4." * 9


SIGNS = ".0*_-xX "


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_form_is_misread(data):
    """Whatever style a board is written in, and whatever an editor cuts off: it is read as it is, or refused."""
    side = data.draw(st.sampled_from([4, 6, 9]))
    wide = {4: 2, 6: 3, 9: 3}[side]
    cells = st.sampled_from("." * data.draw(st.integers(0, 3 * side)) + "123456789"[:side])
    board = "".join(data.draw(st.lists(cells, min_size=side * side, max_size=side * side)))
    sign = data.draw(st.sampled_from(SIGNS))
    gap, bar = data.draw(st.sampled_from(["", " ", ","])), data.draw(st.sampled_from(["", "|", " | ", " "]))
    if bar.strip() == "" and (gap == "" or bar == ""):  # nobody draws boxes by gaps of another width than a blank's
        bar = " " if sign != " " else gap
    rule = data.draw(st.sampled_from([None, "", "-" * side, "-" * (side + 2), "---+---+---", "==="]))
    outer = data.draw(st.booleans())
    lines = []
    for start in range(0, side * side, side):
        row = board[start : start + side].replace(".", sign)
        row = bar.join(gap.join(row[i : i + wide]) for i in range(0, side, wide))
        if rule is not None and start and start // side % wide == 0:
            lines.append(rule)
        lines.append(f"|{row}|" if outer else row)
    text = "\n".join(lines)
    harm = data.draw(st.sampled_from([None, "end", "strip", "both", "dedent", "indent"]))
    if harm == "end":
        text = "\n".join(line.rstrip() for line in text.split("\n")) + "\n"
    elif harm == "strip":
        text = text.strip()
    elif harm == "both":
        text = "\n".join(line.strip() for line in text.split("\n"))
    elif harm == "dedent":
        text = textwrap.dedent(text)
    elif harm == "indent":
        text = textwrap.indent(text, " ")
    text = data.draw(st.sampled_from(["", "\ufeff", "A title\n", "#c\n"])) + text
    try:
        found = sudoku.read_grid(text)
    except ValueError as error:
        found = None
        assert "\n" not in str(error)
        plain = sign in ".0*xX" and harm != "both" and not (gap == "" and "," in text)
        assert not plain, f"a plain form was refused: {text!r}: {error}"
    assert found in (None, board), text


# -- tables

@pytest.mark.parametrize("name", ["kaggle_1m.csv", "kaggle_9m.csv"])
def test_the_columns_of_well_known_collections(name):
    puzzles = sudoku.load(CASES / "csv" / name, "all")
    assert puzzles.questions() == [NEWSPAPER] and puzzles.answers() == [ANSWER] and puzzles.ratings is None
    assert puzzles.rated().ratings.tolist() == [0]
    with pytest.raises(ValueError, match="has no ratings"):
        sudoku.load(CASES / "csv" / name, "all", min_rating=1)


@pytest.mark.parametrize("header", [
    "id,puzzle,solution,clues,difficulty", "id,Puzzle,Solution,Clues,Rating", "nr,question,answer,n,rating",
    "a,Quizzes,SOLUTIONS,b,Difficulty", "id;puzzle;solution;clues;difficulty", "id\tinput\toutput\tclues\trating"])
def test_a_fractional_rating_is_kept(tmp_path, header):
    puzzles, path = sudoku.generate("4x4", "minimal", 4), tmp_path / "p.csv"
    ratings = ["2.2", "", "0.0", "3"]
    rows = zip("1234", puzzles.questions(), puzzles.answers(), "4444", ratings, strict=True)
    mark = next(mark for mark in ",;\t" if mark in header)
    path.write_text("\n".join([header, *(mark.join(row) for row in rows)]), encoding="utf-8")
    back = sudoku.read_csv(path)
    assert back.content_hash == puzzles.content_hash
    np.testing.assert_array_equal(back.ratings, [2.2, np.nan, 0, 3])
    assert sudoku.load(path, "all", min_rating=2.2).questions() == [back.questions()[0], back.questions()[3]]
    assert len(sudoku.load(path, "all", min_rating=2.3)) == 1  # not 2.2 rounded up, and not the unknown one
    sudoku.write_csv(tmp_path / "again.csv", back)
    np.testing.assert_array_equal(sudoku.read_csv(tmp_path / "again.csv").ratings, back.ratings)
    with pytest.raises(ValueError, match=r"has a rating of 4 or more; the highest is 3\.0"):
        sudoku.load(path, "all", min_rating=4)


def test_whole_ratings_stay_whole_numbers(tmp_path):
    (tmp_path / "p.csv").write_text(f"puzzle,solution,rating\n{NEWSPAPER},{ANSWER},7.0\n", encoding="utf-8")
    ratings = sudoku.read_csv(tmp_path / "p.csv").ratings
    assert ratings.dtype == np.int32 and ratings.tolist() == [7]


def test_halves_with_and_without_ratings_are_joined(tmp_path):
    one, two = sudoku.generate("4x4", "minimal", 1, seed=0), sudoku.generate("4x4", "minimal", 1, seed=1)
    for half, puzzles, rating in (("train", one, "5"), ("test", two, "")):
        line = f"{puzzles.questions()[0]},{puzzles.answers()[0]},{rating}"
        (tmp_path / f"{half}.csv").write_text(f"question,answer,rating\n{line}\n", encoding="utf-8")
    np.testing.assert_array_equal(sudoku.load(tmp_path, "all").ratings, [5, np.nan])


# -- without answers

def test_a_list_is_solved_and_rated(tmp_path):
    puzzles = sudoku.load(CASES / "sudoku" / "list_of_two.txt", "all")
    assert puzzles.questions()[1] == EASY and puzzles.ratings is not None
    for question, answer, rating in zip(puzzles.questions(), puzzles.answers(), puzzles.ratings, strict=True):
        assert all_solutions(question, 2) == [answer] and sudoku.rate(question) == rating
    shutil.copy(CASES / "sudoku" / "list_of_two.txt", tmp_path / "LIST")  # by what it holds, not by its name
    assert sudoku.load(tmp_path / "LIST", "all").content_hash == puzzles.content_hash


def test_long_lists_and_tables_without_answers_agree(tmp_path, monkeypatch):
    monkeypatch.setattr("hrm_lite.puzzles.sudoku.files._PORTION", 7)
    puzzles = sudoku.generate("4x4", "minimal", 30)
    (tmp_path / "p.sdm").write_text("# of 4x4\n\n" + "\n".join(f"{q} easy" for q in puzzles.questions()),
                                    encoding="utf-8")
    (tmp_path / "p.csv").write_text(
        "id,puzzle\n" + "\n".join(f"{i},{q}" for i, q in enumerate(puzzles.questions())), encoding="utf-8")
    for name in ("p.sdm", "p.csv"):
        found = sudoku.load(tmp_path / name, "all")
        assert found.content_hash == puzzles.content_hash and (found.ratings == puzzles.ratings).all()


def test_drawn_grids_one_below_the_other(tmp_path):
    """As in a well-known set of fifty: a title, nine lines, the next title."""
    easy = [EASY[i : i + 9] for i in range(0, 81, 9)]
    for between in ("Grid 02\n", "\n"):
        text = "Grid 01\n" + "\n".join(ROWS) + "\n" + between + "\n".join(easy) + "\n"
        (tmp_path / "p.txt").write_text(text.replace(".", "0"), encoding="utf-8")
        assert sudoku.load(tmp_path / "p.txt", "all").questions() == [NEWSPAPER, EASY]
    (tmp_path / "p.txt").write_text("\n".join(ROWS) + "\n\n" + "\n".join(easy[:8]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"the grid that begins in line 11: .* 8 rows"):
        sudoku.load(tmp_path / "p.txt", "all")


@pytest.mark.parametrize(("text", "words"), [
    (f"{EASY}\n{'.' * 81}\n{EASY}\n{'.' * 80}1\n", r"line 2: .* several solutions; 2 of 4 lines .*\(2, 4\)"),
    (f"{EASY}\n55{EASY[2:]}\n", "line 2: the puzzle has no solution; 1 of 2"),
    (f"{EASY}\n{EASY[:-1]}\n", "line 2: the question has 80 characters"),
    (f"{EASY}\nq{EASY[1:]}\n", "line 2: character 'q' at position 1"),
    ("# nothing\n\n", "holds no puzzles"),
    ("hello\n", "'h' in line 1, column 1"),
])
def test_faults_of_a_list_are_named(tmp_path, text, words):
    path = tmp_path / "p.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words) as error:
        sudoku.load(path, "train")
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="There is no file"):
        sudoku.load(path, "train")


def test_another_puzzle_is_not_called_damaged():
    with pytest.raises(ValueError, match=r"400 characters; a Sudoku has .*own\.load reads them"):
        sudoku.load(CASES / "own" / "columns.csv", "all")
