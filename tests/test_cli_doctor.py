"""`hrm-lite doctor`: answers to all questions, whatever is wrong with the machine."""

import json
import socket
import threading
from importlib import metadata
from types import SimpleNamespace

import pytest
import torch
from test_cli import call

from hrm_lite import model_preset
from hrm_lite.cli import machine
from hrm_lite.cli.extras import advice, extras

QUESTIONS = ("python", "system", "cores", "torch", "devices", "precision", "free_memory", "fits", "compile", "extras",
             "hub", "storage")  # fmt: skip


def examined(*words, **variables):
    result = call("doctor", *words, "--json", env={"HF_HUB_OFFLINE": "1"} | variables)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_question_has_an_answer():
    report = examined("--seconds", "0")
    assert tuple(report) == QUESTIONS and report["fits"] == {}
    cpu = report["precision"]["cpu"]
    assert cpu["rates"].keys() == {"float32", "bfloat16", "float16"} and cpu["rates"]["float32"] > 0
    assert cpu["auto"] in cpu["rates"]
    assert report["devices"][0]["device"] == "cpu"


def test_what_fits_is_reckoned_from_a_measured_row(monkeypatch):
    monkeypatch.setattr(machine, "available_memory", lambda: 10 * 2**30)
    found = machine.fits("sudoku-9x9", "cpu", 1)
    assert found["how"] == "reckoned" and found["rows"] > 0
    need = 1.5 * found["bytes_a_row"] * found["rows"] + found["fixed_bytes"]
    assert 0.99 * 10 * 2**30 < need <= 10 * 2**30
    # At least the states and what two blocks keep: several times the width of a row, at every position.
    c = model_preset("sudoku-9x9")
    assert found["bytes_a_row"] > 4 * 4 * c.positions_total * c.d_model
    monkeypatch.setattr(machine, "available_memory", lambda: None)
    assert machine.fits("sudoku-9x9", "cpu", 1)["rows"] is None
    monkeypatch.setattr(machine, "available_memory", lambda: 1000)
    assert machine.fits("sudoku-9x9", "cpu", 1)["rows"] == 0


@pytest.mark.parametrize("holds", [0, 63, 64, 100, 512, 700, 10**9])
@pytest.mark.parametrize("divides", [False, True])
def test_on_a_gpu_batches_grow_until_one_does_not_fit(monkeypatch, holds, divides):
    """The search, on a card that exists only here; either the step raises, or it divides the batch by itself."""
    tried = []

    class Step:
        def __init__(self, model, puzzles, config, processes, device):
            self.rows, self.parts = config.batch_size, 1

        def step(self):
            tried.append(self.rows)
            if self.rows > holds and not divides:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
            self.parts = 1 if self.rows <= holds else 2
            if len(tried) >= 12:
                clock[0] += 100

    clock = [0.0]
    monkeypatch.setattr("hrm_lite.training.DeepSupervision", Step)
    monkeypatch.setattr(machine, "HRM", lambda config: None)
    monkeypatch.setattr(machine.time, "monotonic", lambda: clock[0])
    for name in ("empty_cache", "reset_peak_memory_stats", "synchronize", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: 123)
    found = machine.fits("paper", "cuda:0", 5)
    assert found["how"] == "run" and found["recipe_rows"] == 768
    if holds < 10**9:
        assert found["rows"] <= holds < found["too_large"]
        assert holds < 64 or found["rows"] >= 0.87 * holds
    else:
        assert found["rows"] == max(tried) == 64 * 2**11 and found["too_large"] is None  # the time was up


def test_a_check_that_fails_is_said_and_fails_nothing_else(monkeypatch):
    def broken(*_):
        raise RuntimeError("driver\n  too old")

    for name in ("devices", "precisions", "available_memory", "fits", "compilers", "hub", "storage"):
        monkeypatch.setattr(machine, name, broken)
    report = examined("--seconds", "1")
    assert report["hub"] == {"unknown": "RuntimeError: driver too old"} and report["torch"]["version"]
    result = call("doctor", "--seconds", "1")
    assert result.exit_code == 0 and "driver too old" in result.output


@pytest.mark.parametrize("width", [40, 100])
def test_the_tables_are_for_people(width, monkeypatch):
    monkeypatch.setattr(machine, "FITTED", ("sudoku-9x9",))
    result = call("doctor", env={"COLUMNS": str(width), "HF_HUB_OFFLINE": "1"})
    assert result.exit_code == 0 and max(map(len, result.output.splitlines())) <= width
    text = " ".join(result.output.split())
    for word in ("Python", "float32", "torch.compile", "What fits"):
        assert word in text


# -- the Hub, without a network -----------------------------------------------------------------------------------


@pytest.fixture
def endpoint(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return lambda url: monkeypatch.setattr(constants, "ENDPOINT", url)


@pytest.fixture
def server():
    """A socket that answers every connection with the bytes it is given, or never."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        held = []

        def start(reply):
            def serve():
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    held.append(connection)
                    if reply:
                        connection.recv(4096)
                        connection.sendall(reply)
                        connection.close()

            threading.Thread(target=serve, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start
    for connection in held:
        connection.close()


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "401 Unauthorized"])
def test_any_answer_of_the_hub_is_one(endpoint, server, status):
    endpoint(server(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()))
    assert machine.hub()["reachable"] is True


def test_a_silent_hub_is_not_waited_for(endpoint, server):
    endpoint(server(None))
    found = machine.hub(0.3)
    assert found["reachable"] is False and found["why"]


def test_no_hub_and_offline(endpoint, monkeypatch):
    with socket.socket() as free:  # a port where nobody listens
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint(f"http://127.0.0.1:{port}")
    assert machine.hub()["reachable"] is False
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert machine.hub()["why"] == "HF_HUB_OFFLINE is set"


# -- extras -------------------------------------------------------------------------------------------------------


def test_extras_are_those_of_the_metadata(monkeypatch):
    lines = ["torch>=2.4", 'dask[distributed]>=2024.5; extra == "cluster"', "nowhere-at-all>=1 ; extra == 'classroom'",
             'numpy<3,>=1; python_version > "3" and extra == "cluster"']  # fmt: skip
    monkeypatch.setattr(metadata, "requires", lambda package: lines)
    found = extras()
    assert found.keys() == {"cluster", "classroom"} and found["classroom"] == [("nowhere-at-all", None)]
    assert [name for name, _ in found["cluster"]] == ["dask", "numpy"] and found["cluster"][1][1]
    assert advice("nowhere_at_all.sub") == 'It comes with: pip install "hrm-lite[classroom]"'
    assert advice("other") == "It comes with: pip install other"
    assert examined("--seconds", "0")["extras"]["classroom"]["missing"] == ["nowhere-at-all"]
    assert 'pip install "hrm-lite[classroom]"' in " ".join(call("doctor", "--seconds", "0").output.split())


def test_a_package_that_is_not_installed_has_no_known_extras(monkeypatch):
    def nowhere(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "requires", nowhere)
    assert extras() == {}
    assert "extras are not known" in " ".join(call("doctor", "--seconds", "0").output.split())


def test_a_compiler_is_found_where_the_environment_names_one(monkeypatch):
    monkeypatch.setattr(
        machine, "shutil", SimpleNamespace(which=lambda name: f"/bin/{name}" if name == "zig++" else None)
    )
    assert machine.compilers()["compiler"] is None
    monkeypatch.setenv("CXX", "zig++")
    assert machine.compilers()["compiler"] == "/bin/zig++"
