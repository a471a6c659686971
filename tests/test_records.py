"""Run records: found in a checkout, refused when broken, written whole or not at all."""

import importlib.util
import json
import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
import torch

from hrm_lite import records


def test_published_records_are_read_in_order_and_name_their_origin():
    found = records.published("sudoku")
    names = [r["name"] for r in found]
    in_a_row = [name for name, before in zip(names, [None, *names], strict=False) if name != before]
    assert len(in_a_row) == len(set(names)) >= 2, "those of a folder stand together"
    for r in found:
        assert r["finished"] and r["steps"] == r["train"]["max_steps"] and 0 <= min(r["exact"]) <= max(r["exact"]) <= 1
        assert r["provenance"]["commit"] and r["provenance"]["hardware"]["cores"] and len(r["data"]) == 64


def test_a_record_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(FileNotFoundError, match="no run records called 'chess'"):
        records.published("chess")


def test_broken_json_names_its_file(tmp_path):
    (tmp_path / "run.json").write_text('{"a": 1')
    with pytest.raises(ValueError, match=r"run\.json is not readable as JSON"):
        records.read_json(tmp_path / "run.json")


def test_a_record_that_is_not_json_leaves_the_old_one(tmp_path):
    path = tmp_path / "run.json"
    records.write_json(path, {"loss": 1.0})
    with pytest.raises(ValueError, match="JSON"):
        records.write_json(path, {"loss": float("nan")})
    assert json.loads(path.read_text()) == {"loss": 1.0} and list(tmp_path.iterdir()) == [path]


def test_the_versions_name_the_build_of_torch():
    assert records.provenance()["versions"]["torch"] == torch.__version__


# Which commit a record is of, where there is no checkout


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package outside a checkout, and what pip noted when it installed it: as a function of that note."""
    (tmp_path / "hrm_lite").mkdir()
    found = tmp_path / "hrm_lite-0.1.0.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: hrm-lite\nVersion: 0.1.0\n", encoding="utf-8")
    monkeypatch.setattr(records, "__file__", str(tmp_path / "hrm_lite" / "records.py"))
    monkeypatch.setattr(metadata, "distribution", lambda name: metadata.PathDistribution(found))

    def note(text):
        if text is not None:
            (found / "direct_url.json").write_text(text, encoding="utf-8")
        return records.provenance()["commit"]

    return note


@pytest.mark.parametrize(("note", "commit"), [
    ('{"url": "https://github.com/a/b", "vcs_info": {"vcs": "git", "commit_id": "0123abc"}}', "0123abc"),
    ('{"url": "https://github.com/a/b/archive/refs/tags/v0.1.0.zip", "archive_info": {}}', None),
    ('{"url": "file:///home/a/b", "dir_info": {"editable": true}}', None), ("no json", None), (None, None)])
def test_an_installed_package_is_of_the_commit_that_pip_noted_or_says_that_it_does_not_know(installed, note, commit):
    assert installed(note) == commit


def test_the_note_of_another_installation_says_nothing_of_this_one(installed, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "__file__", str(tmp_path / "elsewhere" / "hrm_lite" / "records.py"))
    (tmp_path / "elsewhere" / "hrm_lite").mkdir(parents=True)
    assert installed('{"vcs_info": {"commit_id": "0123abc"}}') is None


def test_what_pip_builds_from_an_archive_knows_its_commit(tmp_path, installed):
    """As GitHub makes it of a tag."""
    root, work = Path(__file__).resolve().parent.parent, tmp_path / "work"
    (work / "hrm_lite").mkdir(parents=True)
    shutil.copy(root / ".gitattributes", work)
    shutil.copy(root / "hrm_lite" / "records.py", work / "hrm_lite")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]

    def git(*words):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        done = subprocess.run(["git", *who, *words], cwd=work, env=clean, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "--quiet"), git("add", "."), git("commit", "--quiet", "-m", "a"), git("tag", "v0.1.0")
    git("archive", "--format=zip", "--output", str(tmp_path / "v0.1.0.zip"), "v0.1.0")
    shutil.unpack_archive(tmp_path / "v0.1.0.zip", tmp_path / "unpacked")
    spec = importlib.util.spec_from_file_location("unpacked", tmp_path / "unpacked" / "hrm_lite" / "records.py")
    unpacked = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unpacked)
    assert unpacked.provenance()["commit"] == git("rev-parse", "HEAD")


@pytest.mark.parametrize("times", [2, 1000])
def test_on_windows_a_file_that_is_being_read_is_replaced_a_little_later(tmp_path, monkeypatch, times):
    path, tries = tmp_path / "run.json", []

    def replace(a, b, real=os.replace):
        tries.append(a)
        if len(tries) <= times:
            raise PermissionError(13, "used by another process")
        real(a, b)

    records.write_json(path, {"step": 1})
    monkeypatch.setattr(records, "_WINDOWS", False)
    monkeypatch.setattr(records.os, "replace", replace)
    monkeypatch.setattr(records.time, "sleep", lambda seconds: None)
    with pytest.raises(PermissionError):   # elsewhere it would never help
        records.write_json(path, {"step": 2})
    assert len(tries) == 1 and records.read_json(path) == {"step": 1}
    monkeypatch.setattr(records, "_WINDOWS", True)
    if times == 2:
        records.write_json(path, {"step": 2})
    else:
        with pytest.raises(PermissionError):
            records.write_json(path, {"step": 2})
    assert records.read_json(path) == {"step": 2 if times == 2 else 1} and list(tmp_path.iterdir()) == [path]
