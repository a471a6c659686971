"""What is handed out: nothing secret in it, the same every time, and nobody's work overwritten."""

import json
import zipfile

import pytest
from click.testing import CliRunner

from classroom.grader import notebooks, release
from classroom.grader.cli import main
from tests.classroom import made

MASTERS = [made.MASTER, *sorted(notebooks.SOURCE.glob("*/*.ipynb"))]


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)
def test_a_derived_notebook_holds_nothing_secret_and_all_that_is_needed(path):
    whole, master = release.derive(path), notebooks.read_master(path)
    assert whole == release.derive(path), "the same bytes every time"
    notebook = json.loads(whole)
    assert b"BEGIN" not in whole and not any(cell.get("outputs") for cell in notebook["cells"])
    assert notebook["metadata"]["hrm_lite"]["classroom"] == {"assignment": master.name, "version": master.edition}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert "bootstrap" in code[0]["metadata"]["tags"]
    by_id = {c["metadata"].get("nbgrader", {}).get("grade_id"): "".join(c["source"]) for c in notebook["cells"]}
    for task in master.tasks:
        assert all("raise NotImplementedError()" in by_id[name] for name in task.solutions)
        assert all(by_id[test.grade_id].strip() == test.visible for test in task.tests)


def test_the_version_that_is_handed_out_changes_with_what_students_see_only(tmp_path):
    """A lecturer may change a hidden test in the middle of a term; no page should speak of another version then."""

    def changed(old: str, new: str) -> notebooks.Master:
        path = tmp_path / made.MASTER.name
        text = made.MASTER.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        return notebooks.read_master(path)

    before = made.master()
    for old, new in (("(7.0, -0.5, 1e6)", "(7.5, -0.5, 1e6)"), ("return x / 2", "return 0.5 * x")):
        after = changed(old, new)
        assert after.edition == before.edition and after.version != before.version, "all are graded anew"
    for old, new in (("Write `half(x)`.", "Write `half(x)`!"), ("C90.2", "C90.3"), ('"points": 3', '"points": 4')):
        assert changed(old, new).edition != before.edition, new


def test_a_solution_that_slips_through_is_seen(tmp_path):
    """A solution cell whose marks were forgotten: nbgrader would hand it out as it is."""
    path = tmp_path / "90_halves" / "90_halves.ipynb"
    path.parent.mkdir()
    notebook = json.loads(made.MASTER.read_text(encoding="utf-8"))
    notebook["cells"].append(made.text("Hint: in the tests stands\n\n    for x in (7.0, -0.5, 1e6):\n"))
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert release.derive(path), "what the master itself shows outside its secrets is no secret"
    derived = json.loads(release.derive(made.MASTER))
    derived["cells"].append(made.code("for x in (7.0, -0.5, 1e6):"))
    assert any("a line of test-1a" in fault for fault in release.leaks(derived, made.master()))
    derived["cells"][1]["outputs"] = [{"output_type": "stream"}]
    assert "outputs" in release.leaks(derived, made.master())


def test_it_hands_out_twice_the_same_and_never_over_somebodys_work(tmp_path):
    first = release.release(made.FOLDER, tmp_path)
    assert [path.name for path in first] == ["90_halves.ipynb", "90_halves.zip"]
    bytes_of = {path: path.read_bytes() for path in first}
    assert release.release(made.FOLDER, tmp_path) == first
    assert {path: path.read_bytes() for path in first} == bytes_of, "the zip holds no time of today"
    with zipfile.ZipFile(first[1]) as archive:
        (name,) = archive.namelist()
        assert name == "90_halves/90_halves.ipynb" and archive.read(name) == bytes_of[first[0]]
    first[0].write_text(first[0].read_text(encoding="utf-8").replace("raise NotImpl", "half = 1 #"), encoding="utf-8")
    worked = first[0].read_bytes()
    done = CliRunner().invoke(main, ["assignments", "--source", str(made.FOLDER), "--to", str(tmp_path)])
    assert done.exit_code == 1 and "somebody has worked in it" in done.output and "--to FOLDER" in done.output
    assert first[0].read_bytes() == worked


def test_nbgrader_derives_the_same_but_for_the_bootstrap_cell_and_our_own_mark(tmp_path):
    """A course that runs nbgrader's own command gets what is handed out here."""
    import nbformat
    from nbgrader import preprocessors as steps
    from traitlets.config import Config

    notebook = nbformat.read(made.MASTER, as_version=4)
    names = "LockCells ClearSolutions ClearOutput CheckCellMetadata ComputeChecksums ClearHiddenTests ClearMarkScheme"
    for step in [getattr(steps, name) for name in [*names.split(), "ComputeChecksums"]]:  # the order of its converter
        notebook, _ = step(config=Config()).preprocess(notebook, {})
    ours = json.loads(release.derive(made.MASTER))["cells"]
    theirs = json.loads(nbformat.writes(notebook))["cells"]
    assert [cell for cell in ours if cell["id"] != "bootstrap"] == theirs


def test_commands_say_what_is_wrong(tmp_path):
    run = CliRunner().invoke
    done = run(main, ["assignments", "7_nothing", "--source", str(made.FOLDER), "--to", str(tmp_path)])
    assert done.exit_code == 1 and "there is no 7_nothing; there are 90_halves" in done.output
    assert "make sense" not in run(main, ["--help"]).output and "grade" in run(main, ["--help"]).output
    done = run(main, ["grade", str(tmp_path / "nowhere"), "--source", str(made.FOLDER), "--to", str(tmp_path / "to"),
                      "--unsafe-without-sandbox"])  # fmt: skip
    assert done.exit_code == 1 and "give the folder or the zip" in done.output


def test_without_a_sandbox_the_grader_refuses_and_says_what_to_do(tmp_path, monkeypatch):
    from classroom.grader import sandbox

    sandbox.problem.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        given = ["grade", str(made.FOLDER), "--source", str(made.FOLDER), "--to", str(tmp_path)]
        done = CliRunner().invoke(main, given)
    finally:
        sandbox.problem.cache_clear()
    assert done.exit_code == 1 and "apt install bubblewrap" in done.output and "WSL" in done.output
    assert "--unsafe-without-sandbox" in done.output and not (tmp_path / "results").exists()
