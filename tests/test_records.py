"""Run records: found in a checkout, refused when broken, written whole or not at all."""

import json

import pytest

from hrm_lite import records


def test_published_records_are_read_in_order_and_name_their_origin():
    found = records.published("sudoku")
    assert [r["name"] for r in found] == sorted(r["name"] for r in found)
    assert len({r["name"] for r in found}) >= 2
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
