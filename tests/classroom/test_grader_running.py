"""A class is graded whatever happens to one of it; what a person marks comes back; results are kept."""

import csv
import io
import json
import os
import time
import zipfile

import nbformat
import pytest

from classroom.grader import feedback, grading, marks, notebooks, sitting, summary, trying, written
from classroom.grader.collect import Submission
from tests.classroom import made

AMONG = {made.NAME: made.master()}
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the stand-in for a judge is inherited")


class Judge:
    """Stands in for a sitting: what it does, the notebook's first cell says."""

    def __init__(self, master, handed, pupil):
        self.said = handed.cells[1].source

    def result(self):
        if "raise" in self.said:
            raise RuntimeError("planted")
        if "exit" in self.said:
            os._exit(3)
        if "hang" in self.said:
            time.sleep(600)
        return sitting.Result(points=2.0, possible=9.0)


def class_of(tmp_path, *what) -> list[Submission]:
    found = []
    for name in what:
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps(made.handed_in(before=[f"# {name}"])), encoding="utf-8")
        found.append(Submission(name, name, path.name, path, turn=(0, 0, 0.0)))
    return found


@forks
def test_a_judge_that_fails_ends_or_hangs_costs_its_own_submission_only(tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "Sitting", Judge)
    start = time.time()  # an hour of the clock in nine seconds
    monkeypatch.setattr(grading.time, "monotonic", lambda: 400 * (time.time() - start))
    handed = class_of(tmp_path, "a", "raise", "exit", "b", "hang", "c")
    records = {one["student"]: one for one in grading.grade(handed, AMONG, tmp_path / "to")}
    assert {name: one["status"] for name, one in records.items()} == {
        "a": "graded", "b": "graded", "c": "graded", "raise": "failed", "exit": "failed", "hang": "failed"}  # fmt: skip
    assert "planted" in records["raise"]["message"] and "planted" in records["raise"]["traceback"]
    assert "planted" not in feedback.feedback(records["raise"] | {"written": []}, AMONG[made.NAME]).split("</style>")[1]


@forks
def test_an_interrupted_class_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "Sitting", Judge)
    handed, seen = class_of(tmp_path, "a", "b", "c", "d"), []

    def interrupt(record):
        seen.append(record["student"])
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grading.grade(handed, AMONG, tmp_path / "to", jobs=1, done=interrupt)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "to" / "results").glob("*.json")}
    assert 2 <= len(kept) <= 3 and not list((tmp_path / "to" / "results").glob("*.part"))
    records = grading.grade(handed, AMONG, tmp_path / "to", jobs=1)
    assert [one["status"] for one in records] == ["graded"] * 4
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was there was not run again"
    changed = json.loads(handed[0].path.read_text(encoding="utf-8"))
    changed["cells"][0]["source"] += "more"
    handed[0].path.write_text(json.dumps(changed), encoding="utf-8")
    grading.grade(handed, AMONG, tmp_path / "to", jobs=1)
    assert sum(path.stat().st_mtime_ns != before for path, before in kept.items()) == 1, "a new file is graded anew"


def the_one_that_counts(tmp_path, monkeypatch, two_in: str | None = None, **changes) -> list[dict]:
    """The records where one student handed in a.ipynb and b.ipynb, found in either order. changes: of the second."""
    monkeypatch.setattr(grading, "Sitting", Judge)
    one, two = class_of(tmp_path, "a", "b")
    vars(two).update({"key": one.key, "student": one.student} | changes)
    if two_in is not None:
        two.path.write_text(two_in, encoding="utf-8")
    return [record for order in ([one, two], [two, one])
            for record in grading.grade([Submission(**vars(o)) for o in order], AMONG, tmp_path / "to")]  # fmt: skip


@forks
@pytest.mark.parametrize("turn", [(0, 0, 5.0), (0, 0, 0.0)], ids=["the later", "two at one time"])
def test_of_several_files_one_counts_and_it_is_said(tmp_path, monkeypatch, turn):
    first, second = the_one_that_counts(tmp_path, monkeypatch, turn=turn)
    for record in (first, second):
        assert record["label"] == "b.ipynb" and "this is b.ipynb, and not a.ipynb" in record["notes"][0]


@forks
def test_what_can_be_read_counts_before_what_cannot(tmp_path, monkeypatch):
    later = {"label": "90_halves b.ipynb", "turn": (0, 0, 5.0)}
    first, second = the_one_that_counts(tmp_path, monkeypatch, "{", **later)
    for record in (first, second):
        assert record["status"] == "graded" and "this is a.ipynb, and not 90_halves b.ipynb" in record["notes"][0]


@forks
def test_other_assignments_than_the_named_ones_are_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(grading, "Sitting", Judge)
    handed = class_of(tmp_path, "a", "b")
    handed[1].path.write_text("{", encoding="utf-8")
    seen = grading.grade(handed, AMONG, tmp_path / "to", only=("1_fixed_points",))
    assert [one["status"] for one in seen] == ["unreadable"], "whose assignment nobody knows is told all the same"


def graded(**more) -> dict:
    notebook = made.handed_in({"task-2": "steps = 4"})
    next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "why")["source"] = "=1+1"
    result = sitting.asdict(trying.run(AMONG[made.NAME], notebook))
    return {"student": "Ada", "key": "Ada", "assignment": made.NAME, "label": "x", "system": "moodle", "number": "5",
            "given": "Ada_5_assignsubmission_file_", "late": False, "notes": [], "status": "graded", "message": "",
            "file": "ada", "result": result} | more  # fmt: skip


@pytest.fixture
def with_points(monkeypatch):
    """The written question of the small assignment, worth four points."""
    monkeypatch.setattr(AMONG[made.NAME].tasks[-1], "written", [("why", 4.0)])


@pytest.mark.parametrize(("comma", "encoding"), [(",", "utf-8-sig"), (";", "cp1252"), (";", "utf-8")])
def test_points_of_a_person_come_back_from_any_spreadsheet(tmp_path, with_points, comma, encoding):
    record, path = graded(), tmp_path / "written.csv"
    assert written.merge([record], AMONG, path) == [] and written.total(record) == (8.0, 13.0, 1)
    assert "so far" in feedback.feedback(record, AMONG[made.NAME])
    (row,) = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())
    assert row["Answer"] == "'=1+1" and row["Points"] == ""
    row |= {"Points": "2,5", "Comment": "schön <b>"}
    with open(path, "w", encoding=encoding, newline="") as file:
        table = csv.DictWriter(file, row.keys(), delimiter=comma)
        table.writeheader()
        table.writerow(row)
    record = graded()
    assert written.merge([record], AMONG, path) == [] and written.total(record) == (10.5, 13.0, 0)
    page = feedback.feedback(record, AMONG[made.NAME])
    assert "<b>10.5</b> of 13" in page and "schön &lt;b&gt;" in page and "so far" not in page
    tables = {one.name: one.read_text(encoding="utf-8-sig") for one in marks.write([record], AMONG, tmp_path)}
    assert "Participant 5,Ada,10.5,13.0," in tables[f"moodle_{made.NAME}.csv"] and ",10.5,13.0," in tables["marks.csv"]
    assert written.merge([], AMONG, path) == [] and "schön" in path.read_text(encoding="utf-8-sig"), "nothing is lost"


@pytest.mark.parametrize("points", ["5", "-1", "many", "nan"])
def test_points_that_cannot_be_are_said_and_not_taken(tmp_path, with_points, points):
    path = tmp_path / "written.csv"
    written.merge([graded()], AMONG, path)
    text = path.read_text(encoding="utf-8-sig").replace(",4,,", f",4,{points},")
    path.write_text(text, encoding="utf-8")
    record = graded()
    (told,) = written.merge([record], AMONG, path)
    assert f"“{points}” is no number from 0 to 4" in told and written.total(record)[2] == 1
    assert points in path.read_text(encoding="utf-8-sig")


def returned(tmp_path, *records) -> tuple[dict[str, bytes], list[str]]:
    """What the zip for a platform holds, and what the lecturer is told."""
    written.merge(records, AMONG, tmp_path / "written.csv")
    pages = {one["file"]: feedback.write(one, AMONG.get(one["assignment"]), tmp_path / "feedback") for one in records}
    (path,), told = feedback.returns(records, pages, tmp_path)
    assert path.name == f"{records[0]['system']}_feedback_{made.NAME}.zip"
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}, told


def test_pages_go_back_to_moodle_under_the_names_that_it_gave(tmp_path):
    one = graded(student="Müller Jörg (77)", number="77", given="Müller Jörg_77_assignsubmission_file_")
    pdf = graded(student="Eve", number="78", given="Eve_78_assignsubmission_file_", file="eve", key="Eve",
                 assignment=None, status="unreadable", message="This is no notebook.")  # fmt: skip
    stray = pdf | {"key": one["key"], "given": one["given"], "file": "stray"}
    held, told = returned(tmp_path, one, pdf, stray)
    assert list(held) == [f"{each['given']}/feedback.html" for each in (one, pdf)] and not told
    assert b"This is no notebook." in held["Eve_78_assignsubmission_file_/feedback.html"]


def test_pages_go_back_to_canvas_as_files_of_the_kind_and_name_that_were_handed_in(tmp_path):
    """Canvas finds the student and the file by the two numbers, and shows the file under its old name."""
    names = ["müllerjörg_LATE_5_91_90_halves-1.ipynb", "ada_6_92_all.zip", "eve_7_93_answer.pdf", ""]
    records = [graded(system="canvas", student=f"s{i}", key=f"s{i}", file=f"s{i}", given=name, label=name or "max.html")
               for i, name in enumerate(names)]  # fmt: skip
    records[2] |= {"assignment": None, "status": "unreadable", "message": "This is no notebook."}
    held, told = returned(tmp_path, *records)
    assert list(held) == names[:2]
    notebook = nbformat.reads(held[names[0]].decode("utf-8"), as_version=4)
    nbformat.validate(notebook)
    shown = notebook.cells[0].outputs[0].data["text/html"]
    assert "<b>8</b> of 9 points" in shown and "<style" not in shown and "<body" not in shown
    with zipfile.ZipFile(io.BytesIO(held[names[1]])) as archive:
        assert archive.namelist() == ["feedback.html"] and b"8</b> of 9" in archive.read("feedback.html")
    where = [line.removeprefix(f"s{i}: Canvas takes no page back for ").partition(";")[0]
             for i, line in enumerate(told, 2)]  # fmt: skip
    assert where == ["eve_7_93_answer.pdf", "max.html"]
    assert "send feedback/unknown/s2.html yourself" in told[0]


def test_a_returned_notebook_that_is_handed_in_by_mistake_belongs_to_nothing(tmp_path):
    record = graded()
    written.merge([record], AMONG, tmp_path / "written.csv")
    path = tmp_path / "1.ipynb"
    path.write_bytes(feedback.as_notebook(feedback.feedback(record, AMONG[made.NAME])))
    assert notebooks.belongs_to(notebooks.read_handed(path), "90_halves.ipynb", AMONG) is None


def test_the_page_of_the_class_names_who_needs_what(tmp_path):
    no = graded(student="No", file="no", status="unreadable", assignment=None, message="No <notebook>.")
    records = [graded(), graded(student="$Eve_^", file="eve"), no]
    written.merge(records, AMONG, tmp_path / "written.csv")
    page = summary.write(records, AMONG, tmp_path, dict.fromkeys(("ada", "eve", "no"), "x.html")).read_text("utf-8")
    assert "To 2 (2a): Count again" in page and "No &lt;notebook&gt;." in page and "data:image/png" in page
