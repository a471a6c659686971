"""How long a chapter takes to read, by an honest count, and the order in which its parts stand. Called by render.py.

The main line is everything above `## Exercises`: 200 words a minute, two seconds a line of code that is shown. What is
folded, and the bootstrap cell, are not counted; formulas and pictures neither.
"""

import json
import math
import re
from pathlib import Path

EXERCISE = re.compile(r"^### Exercise (?P<number>\d+): [^\n]+\n\n"
                      r"\*(?P<level>Easy|Medium|Hard|Open) · (?P<minutes>\d+) minutes\*", re.M)  # fmt: skip
PARTS = ("## Summary", "## Exercises", "## Going deeper", "## Solutions")
WORDS_A_MINUTE, SECONDS_A_LINE = 200, 2
FOLDS = {"hide-input", "hide-cell", "remove-cell", "remove-input", "solution"}


def text(cell: dict) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def main_line(notebook: dict) -> list[dict]:
    """The cells above the exercises. The cell that has the heading counts up to it."""
    kept = []
    for cell in notebook["cells"]:
        found = re.search(r"^## Exercises$", text(cell), re.M) if cell["cell_type"] == "markdown" else None
        if found:
            return [*kept, cell | {"source": text(cell)[: found.start()]}]
        kept.append(cell)
    return kept


def minutes(notebook: dict) -> int:
    """Minutes that the main line takes, rounded up."""
    words = lines = 0
    for cell in main_line(notebook):
        if cell["cell_type"] == "markdown":
            prose = re.sub(r"<!--.*?-->|\]\([^)]*\)|<[^>]+>|\$\$.*?\$\$", " ", text(cell), flags=re.S)
            words += len(re.findall(r"\w+(?:['’.,-]\w+)*", prose))
        elif not FOLDS & set(cell["metadata"].get("tags", [])):
            lines += sum(bool(line.strip()) for line in text(cell).splitlines())
    return math.ceil(words / WORDS_A_MINUTE + lines * SECONDS_A_LINE / 60)


def exercises(notebook: dict) -> list[dict]:
    """Of every exercise: number, level and minutes."""
    return [{"number": int(found["number"]), "level": found["level"], "minutes": int(found["minutes"])}
            for cell in notebook["cells"] if cell["cell_type"] == "markdown"
            for found in EXERCISE.finditer(text(cell))]  # fmt: skip


def announce(notebook: dict) -> dict:
    """Print the minutes below the title of a chapter, which is a notebook with exercises. Changed in place."""
    asked = exercises(notebook)
    if asked:
        title, _, rest = text(notebook["cells"][0]).partition("\n")
        takes = f"*{minutes(notebook)} minutes to read · {sum(e['minutes'] for e in asked)} for the exercises*"
        notebook["cells"][0]["source"] = f"{title}\n\n{takes}\n{rest}"
    return notebook


def filled(page: str, book: Path) -> str:
    """The page, with the minutes of chapter 7 in place of `{{ minutes_07 }}`. KeyError for a chapter that is not."""
    takes = {path.name[:2]: str(minutes(json.loads(path.read_text(encoding="utf-8")))) for path in book.glob("*.ipynb")}
    return re.sub(r"\{\{ minutes_(\w\w) \}\}", lambda found: takes[found[1]], page)
