"""The form of a chapter: its parts in order, exercises that check themselves, and a main line of half an hour."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from hrm_lite import exercises
from tools import reading

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
TITLES = {1: "Why depth", 2: "Fixed points", 3: "Blocks", 4: "Two clocks", 5: "One-step gradient",
          6: "Deep supervision", 7: "Halting", 8: "The whole model", 9: "Sudoku", 10: "Mazes", 11: "ARC", 12: "Inside",
          13: "What matters", 14: "Beyond", 15: "Full scale", "A": "The recipe"}  # fmt: skip


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


def number_of(path: Path) -> int | str:
    """7 for 07_q_halting, "A" for a1_the_recipe."""
    return int(path.stem[:2]) if path.stem[:2].isdecimal() else path.stem[0].upper()


def lacks(notebook: dict, number: int | str) -> list[str]:
    """What keeps a notebook from having the form of chapter ``number``."""
    found, cells, text = [], notebook["cells"], reading.text
    prose = re.sub(r"(?ms)^```.*?^```", "", "\n\n".join(text(c) for c in cells if c["cell_type"] == "markdown"))
    headings = re.findall(r"(?m)^#{1,2} .*", prose)
    if headings[0] != f"# {number} · {TITLES[number]}" or sum(h.startswith("# ") for h in headings) != 1:
        found.append(f"the title “# {number} · {TITLES[number]}”, once")
    if not text(cells[0]).partition("\n")[2].strip().split("\n")[0].rstrip("*_ ").endswith("?"):
        found.append("its question, below the title")
    there = [h for h in headings if h in reading.PARTS]
    if there != [p for p in reading.PARTS if p in there] or not {"## Summary", "## Exercises", "## Solutions"} <= {
            *there}:  # fmt: skip
        found.append(f"the parts {', '.join(reading.PARTS)}, in this order (the third may be missing)")
    asked = reading.exercises(notebook)
    heads = re.findall(r"(?m)^### Exercise (\d+)", prose)
    if [e["number"] for e in asked] != list(range(1, len(heads) + 1)):
        found.append("exercises “### Exercise 1: name”, then “*Easy · 5 minutes*”, numbered from 1")
    checked, ids = [], {cell.get("id"): cell for cell in cells}
    for e in asked:
        stub, solution = ids.get(f"exercise-{e['number']}-stub"), ids.get(f"solution-{e['number']}")
        call = f'check("{number}.{e["number"]}"'
        if e["level"] != "Open":
            checked.append(e["number"])
            if stub is None or call not in text(stub) or tags(stub):
                found.append(f"a stub with exercises.{call}, …) in an open cell exercise-{e['number']}-stub")
            if solution is not None and call not in text(solution):
                found.append(f"exercises.{call}, …) in solution-{e['number']}")
        if solution is None or tags(solution) != {"solution", "hide-cell"}:
            found.append(f"a cell solution-{e['number']} with the tags solution and hide-cell")
        elif cells.index(solution) < max(i for i, c in enumerate(cells) if "## Solutions" in text(c)):
            found.append(f"solution-{e['number']} below the heading ## Solutions")
    if len(checked) < 3 or len(asked) == len(checked):
        found.append(f"at least three checked exercises and an open one (checked: {checked})")
    if (takes := reading.minutes(notebook)) > 30:
        found.append(f"a main line of 30 minutes (it takes {takes})")
    wide = [line for c in cells if c["cell_type"] == "code" and not tags(c) & {"bootstrap", *reading.FOLDS}
            for line in text(c).splitlines() if len(line) > 88]  # fmt: skip
    if wide:
        found.append(f"code of at most 88 characters a line: {wide[0]!r}")
    return found


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_a_chapter_has_the_form_of_a_chapter(path):
    assert not lacks(json.loads(path.read_text(encoding="utf-8")), number_of(path))


def silent(notebook: dict) -> list[str]:
    """Cells that draw a figure and do not say in words what is seen."""
    return [c["id"] for c in notebook["cells"] if c["cell_type"] == "code" and "plt.show()" in reading.text(c)
            and len(c["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")) < 50]  # fmt: skip


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_a_figure_says_in_words_what_is_seen(path):
    """`mystnb.image.alt` in the metadata of a cell becomes the alt text of its picture."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert not silent(notebook)
    drawn = next(c for c in notebook["cells"] if c["metadata"].get("mystnb"))
    drawn["metadata"]["mystnb"]["image"]["alt"] = "Figure 1"
    assert silent(notebook) == [drawn["id"]]


def test_every_exercise_that_can_be_checked_stands_in_its_chapter():
    """Or in its assignment. And the other way round: what a page checks, there is a check for."""
    pages = [*CHAPTERS, *(ROOT / "classroom" / "source").glob("*/*.ipynb")]
    called = {name for path in pages for name in re.findall(r'check\(\\"([\dA-Z.]+)\\"', path.read_text("utf-8"))}
    assert called == set(exercises.numbers())


def chapter():
    new = nbformat.v4
    cells = [new.new_markdown_cell("# 2 · Fixed points\n\nWhy does it stall?\n\nA guess."), new.new_code_cell("1")]
    cells += [new.new_markdown_cell("## Summary\n\nSo.\n\n## Exercises")]
    for n in range(1, 5):
        level = "Open" if n == 4 else "Easy"
        cells.append(new.new_markdown_cell(f"### Exercise {n}: why\n\n*{level} · 5 minutes*\n\nWhy?"))
        cells.append(new.new_code_cell(f'exercises.check("2.{n}", ...)', id=f"exercise-{n}-stub"))
    cells += [new.new_markdown_cell("## Solutions")]
    tagged = {"tags": ["solution", "hide-cell"]}
    cells += [new.new_code_cell(f'exercises.check("2.{n}", 1)', id=f"solution-{n}", metadata=tagged)
              for n in range(1, 5)]  # fmt: skip
    return new.new_notebook(cells=cells)


def test_a_sound_chapter_lacks_nothing():
    assert lacks(chapter(), 2) == []


@pytest.mark.parametrize(
    ("cell", "old", "new", "lacking"),
    [
        (0, "2 ·", "3 ·", "the title"), (0, "stall?", "stall.", "its question"), (2, "Exercises", "Tasks", "the parts"),
        (2, "So.", "So. " * 6001, "a main line of 30 minutes"), (1, "1", "1 + " * 30 + "1", "code of at most 88"),
        (3, "*Easy · 5 minutes*", "Easy.", "numbered from 1"), (4, "2.1", "2.9", "a stub with"),
        (12, "2.1", "2.9", "in solution-1"), (9, "Open", "Easy", "an open one"),
    ],
)  # fmt: skip
def test_what_a_chapter_lacks_is_said(cell, old, new, lacking):
    notebook = chapter()
    assert old in notebook["cells"][cell]["source"]
    notebook["cells"][cell]["source"] = notebook["cells"][cell]["source"].replace(old, new)
    assert any(lacking in said for said in lacks(notebook, 2))


def test_minutes_are_counted_from_words_and_from_code_that_is_shown():
    new = nbformat.v4
    notebook = new.new_notebook(cells=[
        new.new_markdown_cell("# Title\n\n" + "word " * 399 + "**92 %**<!-- =a.b:.0% --> [link](https://x.org/a/b)"),
        new.new_code_cell("a = 1\n\n" * 30), new.new_code_cell("a = 1\n" * 300, metadata={"tags": ["hide-input"]}),
        new.new_markdown_cell("## Exercises\n\n" + "word " * 400)])  # fmt: skip
    assert reading.minutes(notebook) == 4  # 402 words, 30 lines
    notebook["cells"][-1]["source"] = "## Exercises"
    notebook["cells"].append(new.new_markdown_cell("word " * 400))
    assert reading.minutes(notebook) == 4
    notebook["cells"].append(new.new_markdown_cell("### Exercise 1: why\n\n*Hard · 25 minutes*\n\nWhy?"))
    reading.announce(notebook)
    assert notebook["cells"][0]["source"].startswith("# Title\n\n*4 minutes to read · 25 for the exercises*\n\nword")


def test_the_first_page_gets_the_minutes_of_every_chapter(tmp_path):
    page = reading.filled((ROOT / "book" / "index.md").read_text(encoding="utf-8"), ROOT / "book")
    for path in CHAPTERS:
        assert re.search(rf"\({path.name}\) \| [^|]+ \| \d+ \|", page), f"{path.name} is not in the table"
    assert "{{" not in page
    with pytest.raises(KeyError):
        reading.filled("{{ minutes_99 }}", ROOT / "book")
