"""Numbers in prose and what the cells found: a planted wrong number fails."""

import json
import subprocess
import sys
import types

import numpy as np
import pytest
import torch

from hrm_lite.findings import KIND, findings
from tools import bind


def notebook(text: str, **named) -> dict:
    outputs = [{"output_type": "display_data", "data": {KIND: json.dumps(named)}, "metadata": {}}]
    return {"cells": [{"cell_type": "markdown", "source": text.splitlines(keepends=True)},
                      {"cell_type": "code", "source": "findings(…)", "outputs": [*outputs, {"output_type": "stream"}]}]}


def test_a_number_that_agrees_stays_and_the_reader_sees_no_comment():
    page = notebook("It solves **92 %**<!-- =deep.exact:.0% -->, in 1,200<!-- =steps:, --> steps.",
                    deep={"exact": 0.921}, steps=1200)  # fmt: skip
    assert bind.bind(page, "a chapter") == []
    assert page["cells"][0]["source"] == "It solves **92 %**, in 1,200 steps."
    assert page["cells"][1]["outputs"] == [{"output_type": "stream"}], "the page does not carry the findings"


@pytest.mark.parametrize(
    "text, says",
    [
        ("**93 %**<!-- =deep.exact:.0% -->", "says 93 %, and deep.exact is 92 %"),
        ("92.0 %<!-- =deep.exact:.1% -->", "says 92.0 %, and deep.exact is 92.1 %"),
        ("92<!-- =deep.exact:.0% -->", "says 92, and deep.exact is 92 %"),
        ("−4<!-- =low:.0f -->", "says −4, and low is −5"),
        ("**4**<!-- =deep.exct:.0% -->", "cannot be looked up (KeyError: 'exct')"),
        ("**4**<!-- =row.7 -->", "cannot be looked up (IndexError"),
        ("**4**<!-- =row:.0% -->", "cannot be looked up (TypeError"),
        ("**4**<!-- =: -->", "cannot be looked up"),
        ("no number here <!-- =low:.0f -->", "no number and no bold text stands before <!-- =low:.0f -->"),
        ("**92 %** <!-- =deep.exact:.0% -->", "no number and no bold text"),
    ],
)
def test_a_planted_wrong_number_is_found(text, says):
    (wrong,) = bind.bind(notebook(text, deep={"exact": 0.921}, low=-5, row=[1, 2]), "a chapter")
    assert wrong.startswith("a chapter: ") and says in wrong


def test_what_the_readers_machine_computed_takes_the_place_of_the_text():
    page = notebook("About **40 s**<!-- ~took:.1f -->, 3 %<!-- ~row.1:.1% -->, −2<!-- ~low:d -->.",
                    took=12.34, row=[0, 0.0456], low=-7)  # fmt: skip
    assert bind.bind(page, "a chapter") == []
    assert page["cells"][0]["source"] == "About **12.3**, 4.6 %, −7."


def test_other_comments_and_bold_text_are_left_alone():
    text = "A **word**, 5 %, <!-- a note --> and <!-- TODO: x -->."
    page = notebook(text)
    assert bind.bind(page, "a chapter") == [] and page["cells"][0]["source"] == text


def test_findings_are_published_as_plain_values_and_nothing_is_shown(monkeypatch, capsys):
    import IPython

    published = []
    shell = types.SimpleNamespace(display_pub=types.SimpleNamespace(publish=published.append))
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    findings(a=torch.tensor([1, 2]), b={1: np.float64(0.5), "c": [np.arange(2), "text", None, True]})
    (data,) = published
    assert list(data) == [KIND]
    assert json.loads(data[KIND]) == {"a": [1, 2], "b": {"1": 0.5, "c": [[0, 1], "text", None, True]}}
    assert capsys.readouterr().out == ""
    with pytest.raises(TypeError, match=r"findings: b\.x is of type set"):
        findings(b={"x": {1, 2}})


def test_outside_of_a_notebook_nothing_happens():
    words = "from hrm_lite.findings import findings; import sys; findings(a=1); assert 'IPython' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", words], capture_output=True, text=True).stdout == ""
