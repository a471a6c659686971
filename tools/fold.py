"""Close the cells on Colab that the pages close: solutions, and whatever else is tagged `hide-input`.

    python tools/fold.py        rewrites what is open

Colab does not know the tags of Jupyter Book. It shows a cell closed when the metadata says `"cellView": "form"`, and
what it shows is the title in the first line: `# @title …`. The pages leave that line out (render.py). A solution's
title is made from its id, `solution-3`; other cells bring one of their own. Needs nothing but Python.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOLUTION = re.compile(r"solution-(\d+)")
TITLE = re.compile(r"# @title (\S.*)\n?")


def text(cell: dict) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def untitled(source: str) -> str:
    """The source without its title."""
    return TITLE.sub("", source, count=1) if TITLE.match(source) else source


def folded(notebook: dict) -> dict:
    """The notebook, changed in place, with everything closed that is tagged so. ValueError where a title is lacking."""
    for cell in notebook["cells"]:
        source, tags = text(cell), set(cell["metadata"].get("tags", []))
        if cell["cell_type"] != "code" or not tags & {"solution", "hide-input", "hide-cell"}:
            continue
        if "solution" in tags:
            number = SOLUTION.match(cell["id"])[1]
            source = f"# @title Solution of exercise {number}\n{untitled(source)}"
        elif not TITLE.match(source):
            raise ValueError(f"the cell {cell.get('id')!r} is closed on the pages. On Colab it needs a title for that: "
                             "begin it with a line “# @title What is in here”.")
        cell["metadata"] = {"cellView": "form"} | cell["metadata"]
        if source != text(cell):
            cell["source"] = source.splitlines(True)
    return notebook


def notebooks(root: Path = ROOT) -> list[Path]:
    return [path for folder in ("book", "notebooks") for path in sorted((root / folder).glob("*.ipynb"))]


def main() -> int:
    for path in notebooks():
        before = path.read_bytes().decode("utf-8")
        try:
            notebook = folded(json.loads(before))
        except ValueError as error:
            sys.exit(f"{path.relative_to(ROOT)}: {error}")
        if notebook != json.loads(before):
            path.write_bytes((json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8"))
            print(f"rewritten: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
