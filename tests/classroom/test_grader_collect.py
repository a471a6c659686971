"""Whose a file is, however a platform names it; archives that lie; tables that a spreadsheet must not run."""

import csv
import json
import os
import unicodedata
import zipfile

import pytest

from classroom.grader import collect, marks
from tests.classroom import made

NAMES = ["1_fixed_points", "90_halves"]


@pytest.mark.parametrize(
    ("label", "student", "system", "number", "late"),
    [
        ("Müller Jörg_1234567_assignsubmission_file_/x.ipynb", "Müller Jörg", "moodle", "1234567", False),
        ("Müller Jörg_1234567_assignsubmission_file_x.ipynb", "Müller Jörg", "moodle", "1234567", False),
        ("course/Ana María Ñ_77_assignsubmission_file/a b.ipynb", "Ana María Ñ", "moodle", "77", False),
        ("mullerjorg_LATE_12345_678_1_fixed_points-2.ipynb", "mullerjorg", "canvas", "12345", True),
        ("mullerjorg_12345_678_1_fixed_points.ipynb", "mullerjorg", "canvas", "12345", False),
        ("handed in/mullerjorg_12345_678_all/a_1_2_b.ipynb", "mullerjorg", "canvas", "12345", False),
        ("LATE_anon_k3Xq9_678_1_fixed_points.ipynb", "anon k3Xq9", "canvas", "k3Xq9", True),
        ("mullerjorg_LATE_12345_text.html", "mullerjorg", "canvas", "12345", True),
        ("Jörg Müller/1_fixed_points.ipynb", "Jörg Müller", "", "", False),
        ("submitted/jm12/1_fixed_points/1_fixed_points.ipynb", "jm12", "", "", False),
        ("1_fixed_points/jm12.ipynb", "jm12", "", "", False),
        ("Jörg Müller.ipynb", "Jörg Müller", "", "", False),
        ("Jörg Müller_1_fixed_points (2).ipynb", "Jörg Müller", "", "", False),
        ("=cmd|'calc'!A0.ipynb", "=cmd|'calc'!A0", "", "", False),
        ("a\tb\u202ec.ipynb", "a b c", "", "", False),
    ],
)
def test_whose_it_is(label, student, system, number, late):
    found = collect.whose(unicodedata.normalize("NFC", label), NAMES)
    assert (found.student, found.system, found.number, found.late) == (student, system, number, late)


@pytest.mark.parametrize(
    ("label", "given"),
    [
        ("Müller Jörg_12_assignsubmission_file/x.ipynb", "Müller Jörg_12_assignsubmission_file_"),
        ("müllerjörg_LATE_12_678_x-2.ipynb", "müllerjörg_LATE_12_678_x-2.ipynb"),
        ("müllerjörg_12_678_all/x/x.ipynb", "müllerjörg_12_678_all.zip"),
        ("anon_k3Xq9_678_x.ipynb", "anon_k3Xq9_678_x.ipynb"),
        ("müllerjörg_12_text.html", ""),
        ("Jörg Müller/x.ipynb", ""),
    ],
)
def test_what_the_platform_called_it(label, given):
    assert collect.whose(label, NAMES).given == given


def notebook() -> bytes:
    return json.dumps(made.handed_in()).encode()


def gathered(source, tmp_path):
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    found, _ = collect.collect(source, unpacked, NAMES)
    return found


def test_names_in_composed_and_decomposed_form_are_one_student(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for form in ("NFC", "NFD"):
            archive.writestr(unicodedata.normalize(form, f"Müller Jörg/{form}.ipynb"), notebook())
    assert {one.key for one in gathered(tmp_path / "a.zip", tmp_path)} == {"Müller Jörg"}


def test_students_of_one_name_are_told_apart(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number, name in ((1, "Participant"), (2, "Participant"), (3, "Ada")):
            archive.writestr(f"{name}_{number}_assignsubmission_file_/x.ipynb", notebook())
    found = gathered(tmp_path / "a.zip", tmp_path)
    assert [one.student for one in found] == ["Participant (1)", "Participant (2)", "Ada"]
    assert found[0].given == "Participant_1_assignsubmission_file_"


def test_an_archive_that_climbs_out_of_its_folder_writes_nothing_outside(tmp_path):
    """Deep enough, and with absolute names of our own, that even a broken grader writes into this folder only."""
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    names = ["../../evil.ipynb", f"{tmp_path}/evil.ipynb", "C:\\evil.ipynb", "x/../../../evil2.ipynb", "a/b.ipynb"]
    with zipfile.ZipFile(deep / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, notebook())
    found = gathered(deep / "a.zip", deep)
    assert len(found) == 5 and all(one.path.parent == deep / "unpacked" for one in found)
    assert not list(tmp_path.glob("**/evil*"))


def test_links_are_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(notebook())
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("Eve/x.ipynb")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(secret))
    (found,) = gathered(tmp_path / "a.zip", tmp_path)
    assert found.path is None and "link" in found.problem
    if os.name == "posix":
        folder = tmp_path / "handed" / "Eve"
        folder.mkdir(parents=True)
        (folder / "x.ipynb").symlink_to(secret)
        (found,), _ = collect.collect(tmp_path / "handed", tmp_path / "unpacked", NAMES)
        assert found.path is None and "link" in found.problem


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "MOST_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Eve/bomb.ipynb", bytes(30 << 20))
        archive.writestr("Ada/x.ipynb", notebook())
    bomb, fine = sorted(gathered(tmp_path / "a.zip", tmp_path), key=lambda one: one.student, reverse=True)
    assert bomb.path is None and "clear the outputs" in bomb.problem and fine.path.read_bytes() == notebook()
    assert sum(path.stat().st_size for path in (tmp_path / "unpacked").iterdir()) < 2 << 20


def test_a_zip_in_a_zip_is_opened_once_and_what_is_no_notebook_is_said(tmp_path):
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("mine.ipynb", notebook())
        archive.writestr("__MACOSX/._mine.ipynb", b"x")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(inner, "Ada Byron_5_assignsubmission_file_/all.zip")
        archive.writestr("Eve_6_assignsubmission_file_/answer.pdf", b"%PDF")
        archive.writestr("Max_7_assignsubmission_file_/broken.zip", b"PK\x03\x04 no")
        archive.writestr("Kim_8_assignsubmission_file_/notes.txt", b"x")
        archive.writestr("Kim_8_assignsubmission_file_/x.ipynb", notebook())
    found = {one.student: one for one in gathered(tmp_path / "a.zip", tmp_path)}
    assert found.keys() == {"Ada Byron", "Eve", "Max", "Kim"}
    assert found["Ada Byron"].path and found["Kim"].path, "a note beside a notebook is left out"
    assert "no notebook" in found["Eve"].problem and "cannot be unpacked" in found["Max"].problem


def test_what_is_not_there_or_no_zip_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="give the folder or the zip"):
        gathered(tmp_path / "nowhere", tmp_path)
    (tmp_path / "x.zip").write_bytes(b"no")
    (tmp_path / "unpacked").rmdir()
    with pytest.raises(ValueError, match="no zip"):
        gathered(tmp_path / "x.zip", tmp_path)


def record(student, points, **more):
    tests = {t.grade_id: {"points": 0, "possible": t.points, "passed": False, "message": "", "answered": True,
                          "hidden": False} for t in made.master().tests}  # fmt: skip
    result = {"points": points, "possible": 9.0, "tests": tests, "cells": [], "notes": [], "sources": {}, "written": {}}
    about = {"student": student, "key": student, "assignment": made.NAME, "label": "x", "system": "", "number": "",
             "late": False, "notes": [], "status": "graded", "message": "", "file": student, "result": result,
             "written": []}  # fmt: skip
    return about | more


def test_tables_open_everywhere_and_run_nothing(tmp_path):
    records = [record("=HYPERLINK(\"http://x\")", 3.0), record("Müller, Jörg", 4.5, system="moodle", number="123"),
               record("+1", 0.0, system="canvas", number="9"), record("anon", 1.0, system="canvas", number="k3Xq9"),
               record("\t@x", 1.0), record("'-2\n3", 1.0)]  # fmt: skip
    for path in marks.write(records, {made.NAME: made.master()}, tmp_path):
        rows = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
        assert all(not cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row), path.name
        assert len({len(row) for row in rows[1:]}) == 1
    assert (tmp_path / "marks.csv").read_bytes().startswith(b"\xef\xbb\xbf"), "or Excel garbles umlauts"
    moodle = (tmp_path / f"moodle_{made.NAME}.csv").read_text(encoding="utf-8").splitlines()
    assert moodle == [
        "Identifier,Full name,Grade,Maximum grade,Last modified (grade)", 'Participant 123,"Müller, Jörg",4.5,9.0,']
    canvas = (tmp_path / f"canvas_{made.NAME}.csv").read_text(encoding="utf-8").splitlines()
    assert canvas[0] == f"Student,ID,SIS User ID,SIS Login ID,Section,{made.NAME}" and canvas[2:] == ["'+1,9,,,,0.0"]
