"""Does an assignment mark as it should? Its own solutions get everything; hostile answers, of whatever kind, nothing.

Not in a sandbox: what is run here is the master, which is the lecturer's own.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import notebooks
from .judge import names_asked
from .link import Near
from .release import derive
from .sitting import Sitting

# Instead of each name that a test asks for: a value, or a function that returns it. None may earn a point anywhere.
HOSTILE = {
    "NaN": "float('nan')",
    "a NaN in a tensor": "torch.full((2, 2), float('nan'))",
    "infinity": "float('inf')",
    "an empty tensor": "torch.zeros(0)",
    "nothing": "None",
    "what equals everything": "type('Equal', (), {'__eq__': lambda *_: True, '__ne__': lambda *_: False, "
                              "'__lt__': lambda *_: True, '__gt__': lambda *_: False, '__float__': lambda _: 1.0, "
                              "'__abs__': lambda self: self, '__sub__': lambda self, _: self})()",
    "a number that equals every other": "type('Equal', (float,), {'__eq__': lambda *_: True, "
                                        "'__ne__': lambda *_: False, '__hash__': None})(0.5)",
    "a text": "'right'",
    "a huge tensor": "torch.zeros(1500, 1500)",
}  # fmt: skip


def run(master: notebooks.Master, notebook: dict):
    """The result of a notebook, run in this very process."""
    cells = [notebooks.as_cell(raw) for raw in notebook["cells"]]
    handed = notebooks.Handed(cells, master.title, master.name, master.edition, True)
    return Sitting(master, handed, Near).result()


def faults(path: Path) -> list[str]:
    """What is wrong with a master, in sentences; empty where nothing is."""
    master = notebooks.read_master(path)
    notebook = json.loads(Path(path).read_text(encoding="utf-8"))
    found = []
    reference = run(master, notebook)
    found += [f"the solution does not pass {name}: {one['message']}" for name, one in reference.tests.items()
              if not one["passed"]]  # fmt: skip
    found += [f"cell {one['number']} of the master: {one['message']}" for one in reference.cells]
    empty = run(master, json.loads(derive(path)))
    found += [f"the handed-out version gets the points of {name}" for name, one in empty.tests.items() if one["passed"]]
    names = sorted(set().union(*(names_asked(test.source) for test in master.tests)))
    for what, value in HOSTILE.items():
        for answer in ("{value}", "lambda *_, **__: {value}"):
            source = "import torch\n" + "\n".join(f"{name} = {answer.format(value=value)}" for name in names)
            cells = [{"cell_type": "code", "metadata": {}, "source": source}]
            result = run(master, {"cells": cells})
            said = f"{'a function that returns ' if 'lambda *_, **__' in answer else ''}{what}"
            found += [f"{name} gives its points for {said}" for name, one in result.tests.items() if one["passed"]]
    return found
