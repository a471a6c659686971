"""Numbers in prose, bound to what the cells of the notebook recorded with `hrm_lite.findings`. Called by render.py.

`**92 %**<!-- =deep.exact:.0% -->` must agree with the finding; with `~` in place of `=` the finding takes its place.
What is bound is the bold text or the number before the comment, a per cent sign with its space included.
"""

import re

from hrm_lite.cli.claims.evidence import OVER
from hrm_lite.findings import KIND, found
from hrm_lite.records import catalogue, look_up, written

BOUND = re.compile(r"(?P<text>\*\*[^*\n]+\*\*|[-−]?(?:\d[\d,.]*)?\d(?: %)?)?"
                   r"<!--\s*(?P<sign>[=~])(?P<path>[^\s:>]*)(?P<form>:[^\s>]*)?\s*-->")  # fmt: skip


def plain(text: str) -> str:
    """As Python writes numbers: without bold, a plain minus, no space before the per cent sign."""
    return text.strip("*").replace("−", "-").replace("\u202f", " ").replace("\u00a0", " ").replace(" %", "%")


IN_A_PAGE = re.compile(r"(?P<text>\*\*[^*\n]+\*\*)?<!--\s*=(?P<files>[^|>]+)\|(?P<path>[^|>]+)\|"
                       r"(?P<over>[^|>]+)\|(?P<form>[^|>]+?)\s*-->")  # fmt: skip


def faults_of_page(page: str, name: str) -> list[str]:
    """What does not agree in a page of Markdown, which has no cells: a sentence each.

    There a bold number is bound to run records: ``**57 %**<!-- =sudoku/x/seed*.json | exact.15 | median | .0% -->``,
    a glob under results/, a path into each record (``a / 60`` divides), what is taken of the records, and a form.
    """
    wrong = []
    for match in IN_A_PAGE.finditer(page):
        text, files, path, over, form = (part and part.strip() for part in match.groups())
        path, _, divisor = path.partition(" / ")
        try:
            values = [look_up(record, path) / float(divisor or 1) for record in catalogue(files).values()]
            value = written(OVER[over](values), form)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            wrong.append(f"{name}: {match[0]} cannot be looked up ({type(error).__name__}: {error})")
            continue
        if text is None:
            wrong.append(f"{name}: no bold text stands before {match[0]}")
        elif plain(text) != plain(value):
            wrong.append(f"{name}: the text says {text.strip('*')}, and {path} of {files} is {value}")
    return wrong


def bind(notebook: dict, name: str) -> list[str]:
    """Put the findings of a run into its sentences, and take the comments and the findings out of the page.

    Returns what does not agree, a sentence for each.
    """
    kept, wrong = found(notebook), []

    def put(match: re.Match) -> str:
        text, path, form = match["text"], match["path"], (match["form"] or ":")[1:]
        if text is None:
            wrong.append(f"{name}: no number and no bold text stands before {match[0]}")
            return ""
        try:
            value = written(look_up(kept, path), form)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            wrong.append(f"{name}: {match[0]} cannot be looked up ({type(error).__name__}: {error})")
            return text
        if match["sign"] == "~":
            return f"**{value}**" if text.startswith("**") else value
        if plain(text) != plain(value):
            wrong.append(f"{name}: the text says {text.strip('*')}, and {path} is {value}")
        return text

    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = BOUND.sub(put, "".join(cell["source"]))
        if "outputs" in cell:
            cell["outputs"] = [output for output in cell["outputs"] if KIND not in output.get("data", {})]
    return wrong
