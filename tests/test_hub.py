"""The real client of the Hub, against a server on this machine that speaks as the Hub does."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.hub import fetch

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub():
    """A server with files {path: bytes}; ``cut``: send only half of each; ``asked``: requests so far."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, body):
            server.asked.append((self.command, self.path))
            data = server.files.get(self.path.partition("/resolve/main/")[2])
            if data is None:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("ETag", f'"{server.etag(data)}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if body:
                self.wfile.write(data[: len(data) // 2] if server.cut else data)
            self.close_connection = True

        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.cut, server.asked = {}, False, []
    server.etag = lambda data: hashlib.sha256(data).hexdigest()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def load(hub, tmp_path):
    """Run a program with ``sudoku`` imported, as a user does: (what it printed, its error)."""

    def run(program, endpoint=None, **env):
        env = os.environ | {
            "HF_ENDPOINT": endpoint or f"http://127.0.0.1:{hub.server_address[1]}", "HF_HOME": str(tmp_path / "hf"),
            "HRM_LITE_CACHE": str(tmp_path / "cache"), "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "0"} | env  # fmt: skip
        for proxy in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            env.pop(proxy, None)
        head = "from hrm_lite.puzzles import sudoku\n"
        command = [sys.executable, "-c", head + textwrap.dedent(program)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
        return done.stdout.strip(), (done.stderr.strip().splitlines() or [""])[-1]

    return run


@pytest.fixture
def files(hub, tmp_path):
    for seed, split in enumerate(("train", "test")):
        sudoku.write_csv(tmp_path / "part.csv", sudoku.generate("6x6", "easy", 30, seed=seed), source="served")
        hub.files[f"{split}.csv"] = (tmp_path / "part.csv").read_bytes()


SHOW = 'print(sudoku.load("hub:them/puzzles", "train", 5, seed=1).content_hash)'


@pytest.mark.slow
def test_a_file_is_fetched_once_and_then_needs_no_network(hub, load, files, tmp_path):
    first, error = load(SHOW)
    (tmp_path / "train.csv").write_bytes(hub.files["train.csv"])
    (tmp_path / "test.csv").write_bytes(hub.files["test.csv"])
    assert first == sudoku.load(tmp_path, "train", 5, seed=1).content_hash, error
    asked = len(hub.asked)
    assert load(SHOW) == (first, "") and len(hub.asked) == asked
    assert load(SHOW, endpoint="http://127.0.0.1:9") == (first, "")


@pytest.mark.slow
def test_without_a_network_it_says_what_to_use_instead(load):
    _, error = load(SHOW, endpoint="http://127.0.0.1:9")
    assert "OSError: Could not fetch train.csv" in error and 'Without a network use "generated:9x9:hard"' in error
    _, error = load('sudoku.load("hub:them/puzzles", "test")')
    assert "EntryNotFound" in error and "Check the name" in error


@pytest.mark.slow
def test_half_a_download_is_never_used(hub, load, files, tmp_path):
    hub.cut = True
    printed, error = load(SHOW)
    assert not printed and "Could not fetch train.csv" in error
    assert not list((tmp_path / "cache").rglob("*.json"))
    hub.cut = False
    printed, error = load(SHOW)
    assert len(printed) == 64, error


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sha256", "git"])
def test_a_damaged_copy_is_refused(hub, load, files, tmp_path, kind):
    if kind == "git":  # small files go by git's own hash
        hub.etag = lambda data: hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    assert len(load(SHOW)[0]) == 64
    (blob,) = (tmp_path / "hf").rglob("blobs/*")
    data = bytearray(blob.read_bytes())
    data[40] ^= 1
    blob.write_bytes(data)
    _, error = load(SHOW)
    assert "is damaged" in error and f"Delete {blob.resolve()}" in error
    blob.unlink()
    assert len(load(SHOW)[0]) == 64


@pytest.mark.slow
def test_a_data_set_that_changed_under_its_name_is_noticed(hub, load, files, tmp_path):
    first, _ = load(SHOW)
    hub.files["train.csv"] = hub.files["test.csv"]
    for part in (tmp_path / "hf").iterdir():  # another machine's cache, or one that was emptied
        subprocess.run(["rm", "-r", str(part)], check=True)
    _, error = load(SHOW)
    assert "is not the file that was used here before" in error
    (record,) = (tmp_path / "cache").rglob("*.json")
    assert str(record) in error and len(json.loads(record.read_text())["sha256"]) == 64
    record.unlink()
    assert load(SHOW)[0] not in ("", first)


def test_a_cache_that_cannot_be_written_to_is_no_reason_to_stop(tmp_path, monkeypatch):
    data, cache = tmp_path / "train.csv", tmp_path / "file"
    data.write_text("source,question,answer,rating\n")
    cache.write_text("")
    monkeypatch.setenv("HRM_LITE_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda **place: str(data))
    with pytest.warns(UserWarning, match="Could not write down the hash of train.csv"):
        assert fetch("them/puzzles", "train.csv", "files") == data
    monkeypatch.setenv("HRM_LITE_CACHE", str(tmp_path / "cache"))
    fetch("them/puzzles", "train.csv", "files")
    fetch("them/puzzles@v1", "train.csv", "files")  # a record of its own
    data.write_text("another")
    for source in ("them/puzzles", "them/puzzles@v1"):
        with pytest.raises(OSError, match="is not the file that was used here before"):
            fetch(source, "train.csv", "files")


def test_a_revision_is_passed_on(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setenv("HRM_LITE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "train.csv").write_text("")
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda **place: asked.append(place) or str(tmp_path / "train.csv"))
    fetch("them/puzzles@v1", "train.csv", "files")
    fetch("them/puzzles", "train.csv", "files")
    assert [place["revision"] for place in asked] == ["v1", None]
    assert all((place["repo_id"], place["repo_type"]) == ("them/puzzles", "dataset") for place in asked)


def test_names_that_are_none():
    for name in ("nobody", "a/b/c", "a b/c", "../x", ""):
        with pytest.raises(ValueError, match="OWNER/NAME"):
            fetch(name, "train.csv", "files")
