"""The ledger of claims: no verdict without evidence, and none whose evidence is gone or has moved to the other side."""

import dataclasses
import json
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from hrm_lite import records
from hrm_lite.cli import main
from hrm_lite.cli.claims import VERDICTS, Evidence, claim, claims
from hrm_lite.cli.claims.evidence import executed, holds
from tools import bind
from tools import claims as page_of_claims

ROOT = Path(__file__).resolve().parent.parent
PIECES = [(one, piece) for one in claims() for piece in one.evidence]
each_claim = pytest.mark.parametrize("one", claims(), ids=lambda one: str(one.number))


def call(*words):
    return CliRunner().invoke(main, ["claim", *words], prog_name="hrm-lite")


def the(number, name):
    """The evidence of that name."""
    (piece,) = (piece for piece in claim(number).evidence if piece.name == name)
    return piece


def changed(number, place=0, **fields):
    """A claim with one piece of its evidence changed."""
    one = claim(number)
    pieces = list(one.evidence)
    pieces[place] = dataclasses.replace(pieces[place], **fields)
    return dataclasses.replace(one, evidence=tuple(pieces))


def test_all_claims_are_there():
    assert [one.number for one in claims()] == list(range(1, 22))
    assert {one.verdict for one in claims()} == set(VERDICTS)


@each_claim
def test_a_verdict_stands_on_its_evidence(one):
    assert one.faults() == []


@pytest.mark.parametrize("number", [9, 11, 12, 13, 16, 18, 19, 20])
def test_what_can_be_measured_is_measured(number):
    assert any(piece.kind != "source" and piece.stands for piece in claim(number).evidence)


@each_claim
def test_numbers_in_the_text_are_those_of_the_evidence(one):
    """What a text puts into braces is named, and every name is used."""
    used = set(re.findall(r"\{(\w+)\}", one.measured + one.takeaway + one.sources))
    assert used == {piece.name for piece in one.evidence if piece.name}
    assert "{" not in one.filled(one.measured + one.takeaway, one.readings())


@pytest.mark.parametrize(("one", "piece"), [p for p in PIECES if p[1].kind == "cell"], ids=lambda x: getattr(x, "cell", x.number if hasattr(x, "number") else x))  # noqa: E501
def test_a_cell_that_is_named_is_there_and_can_fail(one, piece):
    notebook = json.loads((ROOT / "book" / f"{piece.chapter}.ipynb").read_text(encoding="utf-8"))
    (source,) = ("".join(cell["source"]) for cell in notebook["cells"] if cell["id"] == piece.cell)
    if piece.finding:
        assert re.search(rf"findings\([^\n]*\b{piece.finding.split('.')[0]}=", source)
        assert holds(float(piece.stated), piece.stands), "what the ledger states lies on the verdict's side"
        reading = piece.read()
        assert reading.stated == (executed(piece.chapter) is None)
        assert float(reading.text) == pytest.approx(float(piece.stated), rel=0.15), "the ledger states another number"
    else:
        assert "assert" in source


# -- the same numbers by another way ------------------------------------------------------------------------------


def files(pattern):
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "results").glob(pattern))]


def test_the_quotient_of_the_optimizers_by_hand():
    reached = {}
    for name in ("adamw", "adam_atan2"):
        for record in files(f"optimizers/{name}_lr0.004_seed*.json"):
            steps, losses = record["loss"]["step"], record["loss"]["mean_of_ten"]
            below = [step for step, loss in zip(steps, losses, strict=True) if loss <= 0.5]
            reached[name, record["seed"]] = below[0] if below else None
    quotients = [reached["adamw", s] / reached["adam_atan2", s] for s in range(5) if reached["adamw", s]]
    reading = the(13, "high").read()
    assert len(quotients) == reading.count == 4
    assert reading.text == f"{statistics.median(quotients):.2f}"


def test_bytes_by_the_schedule():
    """A segment takes N(T + 1) steps, of which one step of each module keeps a graph; a little is kept besides."""
    for n, t, name in ((2, 2, "published"), (2, 4, "longer"), (4, 4, "long")):
        assert float(the(12, name).read().text) == pytest.approx(n * (t + 1) / 2, rel=0.03)


def test_a_share_of_a_record_and_a_difference():
    (record,) = files("sudoku_hard/9x9-compact_seed0.json")
    (gain,) = (piece for piece in claim(7).evidence if piece.minus)
    assert gain.read().text == f"{100 * (record['exact'][63] - record['exact'][7]):.1f} %"
    minimal, hard = (files(f"sudoku_thinking/{name}_seed0.json")[0]["steps"] for name in ("minimal", "hard"))
    shares = [s["solved_steps"]["changed"][0] / s["blanks"] for s in (minimal, hard)]
    assert the(18, "filled").read().text == f"{100 * sum(shares) / 2:.0f} %"


@pytest.mark.parametrize(("value", "condition", "so"), [
    (1, "< 2", True), (2, "< 2", False), (2, "<= 2", True), (3, "> 2", True), (2, "> 2", False), (2, ">= 2", True),
    (2, "= 2", True), (2.1, "= 2", False), (1, "between 1 2", True), (2.5, "between 1 2", False),
    (-0.5, "> -1", True), (float("nan"), "> 0", False)])  # fmt: skip
def test_conditions(value, condition, so):
    assert holds(value, condition) is so


@pytest.mark.parametrize("condition", ["", "2", "about 2", "< two", "between 1", "!= 3"])
def test_a_condition_that_cannot_be_read_is_refused(condition):
    with pytest.raises(ValueError, match="is no condition"):
        holds(1, condition)


# -- what must fail, fails ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "says"), [
    (dataclasses.replace(claim(3), evidence=()), "a verdict without evidence"),
    (dataclasses.replace(claim(3), verdict="false"), "is no verdict"),
    (dataclasses.replace(claim(3), takeaway=" "), "no text for takeaway"),
    (dataclasses.replace(claim(12), measured="{nowhere}"), "no evidence is called 'nowhere'"),
    (changed(1, kind="rumour"), "is no kind of evidence"),
    (changed(3, url=""), "lacks url"),
    (changed(1, again=""), "lacks again"),
    (changed(1, stands=""), "lacks stands"),
    (changed(1, value=""), "lacks value, or first"),
    (changed(1, files="memory/gone_seed*.json"), "no record matches results/memory/gone"),
    (changed(1, value="weights"), "cannot be looked up"),
    (changed(1, stands="> 30000000"), "does not meet"),
    (changed(13, 0, against="optimizers/adam_atan2_lr0.001_seed0.json"), "5 records, and 1 of"),
    (changed(13, 0, first=["loss.step", "loss.mean_of_ten", "< 0"]), "no pair of records"),
    (changed(13, 0, first=["loss.step", "loss.mean_of_ten", "< 0"], against=""), "is never met"),
])  # fmt: skip
def test_what_is_missing_or_has_moved_is_a_fault(one, says):
    assert says in "\n".join(one.faults())
    assert all(fault.startswith(f"claim {one.number}: ") for fault in one.faults())


@pytest.fixture
def other_results(tmp_path, monkeypatch):
    """The records of claim 1, where a test may change them."""
    shutil.copytree(ROOT / "results" / "memory", tmp_path / "memory")
    monkeypatch.setattr(records, "_results", lambda: (tmp_path, tmp_path))
    return tmp_path / "memory" / "paper_seed0.json"


def test_a_record_that_has_moved_across_is_a_fault_everywhere(other_results):
    assert claim(1).faults() == [] and call("1").exit_code == 0
    record = json.loads(other_results.read_text(encoding="utf-8"))
    other_results.write_text(json.dumps(record | {"parameters": 7_000_000}), encoding="utf-8")
    assert "7,000,000 does not meet" in claim(1).faults()[0]
    done = call("1")
    assert done.exit_code == 1 and "the evidence has moved for claim 1" in done.stderr
    assert json.loads(call("1", "--json").stdout)["evidence"][0]["on_the_verdicts_side"] is False
    with pytest.raises(ValueError, match="lost its evidence"):
        page_of_claims.entry(claim(1))
    other_results.unlink()
    assert "no record matches" in claim(1).faults()[0]


def test_a_chapter_that_was_executed_is_read_and_one_that_lost_its_finding_is_a_fault(tmp_path, monkeypatch):
    path = tmp_path / "10_mazes.ipynb"
    monkeypatch.setattr("hrm_lite.cli.claims.evidence.executed", lambda chapter: path)

    def found(**kept):
        output = {"output_type": "display_data", "data": {bind.KIND: json.dumps(kept)}}
        path.write_text(json.dumps({"cells": [{"outputs": [output]}]}), encoding="utf-8")

    found(step={"off": [44.4, 0, 0, 0, 0, 0, 0, 1.2]})
    assert the(19, "off").read().text == "44" and the(19, "off").read().stands
    found(step={"off": [3.0]})
    assert "does not meet" in the(19, "off").read().fault
    assert "has no finding step.off.7" in the(19, "left").read().fault


# -- the command and the page -------------------------------------------------------------------------------------


def test_the_command_lists_and_shows():
    listed = call()
    assert listed.exit_code == 0 and all(one.short.split()[0] in listed.stdout for one in claims())
    shown = call("12")
    assert shown.exit_code == 0 and "python experiments/memory.py" in shown.stdout
    assert "The verdict stands" in shown.stdout or "the verdict stands" in shown.stdout
    told = json.loads(call("12", "--json").stdout)
    assert told["verdict"] == "partly" and [e["read"] for e in told["evidence"]] == ["3.0", "5.0", "9.9"]
    assert len(json.loads(call("--json").stdout)) == 21


@pytest.mark.parametrize("word", ["0", "22", "-1"])
def test_a_number_that_is_none_is_answered_kindly(word):
    done = call("--", word)
    assert done.exit_code == 2 and "numbered 1 to 21" in done.stderr and "Traceback" not in done.output


def test_a_word_is_no_number():
    done = call("twelve")
    assert done.exit_code == 2 and "twelve" in done.stderr


@pytest.mark.slow
def test_it_works_from_an_installed_package(tmp_path):
    """As the wheel has it: records within the package, no checkout around it, no executed chapters."""
    ignore = shutil.ignore_patterns("__pycache__", "*.safetensors")
    shutil.copytree(ROOT / "hrm_lite", tmp_path / "hrm_lite", ignore=ignore)
    shutil.copytree(ROOT / "results", tmp_path / "hrm_lite" / "results", ignore=ignore)
    done = subprocess.run([sys.executable, "-m", "hrm_lite", "claim", "--json"], cwd=tmp_path, capture_output=True,
                          encoding="utf-8", env={"PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"})  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = {one["number"]: one for one in json.loads(done.stdout)}
    assert told[1]["evidence"][0]["read"] == "27,275,266"
    assert [e["from_the_ledger"] for e in told[19]["evidence"]] == [False, True, True, True]


def test_the_wheel_takes_the_ledger_along():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "/hrm_lite" in wheel["include"] and "/results/**/*.json" in wheel["include"]
    ignored = subprocess.run(["git", "check-ignore", "hrm_lite/cli/claims/ledger.toml"], cwd=ROOT, capture_output=True)
    assert ignored.returncode != 0


def test_the_page_has_every_claim_and_its_numbers():
    page = page_of_claims.page()
    for one in claims():
        assert f"## {one.number} · {one.short}" in page and f"(claim-{one.number})=" in page
        assert f"`hrm-lite claim {one.number}`" in page
    assert page.count('class="verdict') == 2 * 21 + len(VERDICTS)
    assert not re.search(r"\{\w+\}(?!`)", page.replace("{div}", "").replace("{dropdown}", "").replace("{cite:p}", ""))
    assert "27,275,266" in page


def test_an_entry_of_the_ledger_is_known_to_the_reader():
    """A misspelt field is no field."""
    with pytest.raises(TypeError, match="stand"):
        Evidence(kind="record", what="x", stand="< 1")


# -- numbers in the other pages -----------------------------------------------------------------------------------

PAGES = sorted((ROOT / "book").glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_numbers_that_are_bound_to_records_agree(path):
    assert bind.faults_of_page(path.read_text(encoding="utf-8"), path.name) == []


def test_a_bound_number_that_differs_is_found():
    text = (ROOT / "book" / "faq.md").read_text(encoding="utf-8")
    assert len(bind.IN_A_PAGE.findall(text)) >= 20
    assert "says 98.7 %" in bind.faults_of_page(text.replace("99.7 %", "98.7 %"), "faq.md")[0]
    assert "cannot be looked up" in bind.faults_of_page(text.replace("exact.-1 |", "exacted.-1 |"), "faq.md")[0]
    assert "no bold text" in bind.faults_of_page(text.replace("**99.7 %**", "99.7 %"), "faq.md")[0]
