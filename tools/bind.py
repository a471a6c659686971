"""Numbers in prose, bound to what the cells of the notebook recorded with `hrm_lite.findings`. Called by render.py.

`**92 %**<!-- =deep.exact:.0% -->` must agree with the finding; with `~` in place of `=` the finding takes its place.
What is bound is the bold text or the number before the comment, a per cent sign with its space included.
"""

import json
import re

from hrm_lite.findings import KIND

BOUND = re.compile(r"(?P<text>\*\*[^*\n]+\*\*|[-−]?(?:\d[\d,.]*)?\d(?: %)?)?"
                   r"<!--\s*(?P<sign>[=~])(?P<path>[^\s:>]*)(?P<form>:[^\s>]*)?\s*-->")  # fmt: skip


def found(notebook: dict) -> dict:
    """All that the cells of an executed notebook recorded."""
    kept = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if KIND in output.get("data", {}):
                text = output["data"][KIND]
                kept |= json.loads(text if isinstance(text, str) else "".join(text))
    return kept


def look_up(kept: dict, path: str):
    """The value at ``path``: names and places with dots between them. KeyError where there is none."""
    value = kept
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) and step.lstrip("-").isdigit() else value[step]
    return value


def plain(text: str) -> str:
    """As Python writes numbers: without bold, a plain minus, no space before the per cent sign."""
    return text.strip("*").replace("−", "-").replace("\u202f", " ").replace("\u00a0", " ").replace(" %", "%")


def written(value, form: str) -> str:
    """As the book writes numbers."""
    return re.sub(r"(?<=\d)%", " %", re.sub(r"^-(?=\d)", "−", format(value, form)))


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
