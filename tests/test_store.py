"""The cache on disk: what is made once, damaged, raced for, or cannot be written."""

import multiprocessing
import os

import numpy as np
import pytest

from hrm_lite.puzzles import store


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HRM_LITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {"inputs": rng.integers(0, 9, (50, 81), np.uint8), "ratings": rng.integers(0, 99, 50)}


def never():
    raise AssertionError("it was there already")


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


def test_made_once_read_only_and_memory_mapped(folder):
    first = store.cached({"what": "x", "seed": 1}, arrays)
    again = store.cached({"seed": 1, "what": "x"}, never)
    assert same(first, arrays()) and same(again, arrays())
    assert isinstance(again["inputs"], np.memmap) and not again["inputs"].flags.writeable
    assert isinstance(first["inputs"], np.memmap)  # what was made does not stay in memory either
    assert same(store.cached({"what": "x", "seed": 2}, lambda: arrays(2)), arrays(2))
    (home, _) = sorted((folder / "puzzles").iterdir(), key=lambda home: "2}" in (home / "index.json").read_text())
    assert home.stat().st_mode & 0o055 == 0o055 or os.name == "nt"  # others may read a shared folder


def test_a_folder_that_holds_another_key_is_not_used(folder):
    store.cached({"seed": 1}, arrays)
    (index,) = folder.rglob("index.json")
    index.write_text(index.read_text().replace("1}", "2}"))
    assert same(store.cached({"seed": 1}, lambda: arrays(3)), arrays(3))


@pytest.mark.parametrize("how", ["flip", "cut", "missing", "index", "foreign"])
def test_what_is_damaged_is_made_anew(folder, how):
    store.cached({"seed": 1}, arrays)
    (home,) = (folder / "puzzles").iterdir()
    file = home / "inputs.npy"
    if how == "flip":
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif how == "missing":
        file.unlink()
    elif how == "index":
        (home / "index.json").write_text('{"key": "')
    else:  # an array of objects would have to be unpickled
        np.save(file, np.array([{}], object), allow_pickle=True)
        index = (home / "index.json").read_text()
        (home / "index.json").write_text(index.replace(index.split('"inputs": "')[1][:64], store.sha256_of(file)))
    assert same(store.cached({"seed": 1}, arrays), arrays())
    assert same(store.cached({"seed": 1}, never), arrays())


def test_nothing_is_left_of_what_failed(folder):
    with pytest.raises(ZeroDivisionError):
        store.cached({"seed": 1}, lambda: {"inputs": np.zeros(1 // 0)})
    assert not list(folder.rglob("*.npy"))
    assert same(store.cached({"seed": 1}, arrays), arrays())


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HRM_LITE_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="Set HRM_LITE_CACHE to a folder"):
        found = store.cached({"seed": 1}, arrays)
    assert same(found, arrays()) and not found["inputs"].flags.writeable


def test_the_folder_is_the_users_choice(monkeypatch, tmp_path):
    assert store.cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("HRM_LITE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert store.cache_folder() == tmp_path / "xdg" / "hrm_lite"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store.cache_folder() == type(tmp_path).home() / ".cache" / "hrm_lite"


@pytest.mark.parametrize("error", [FileExistsError(17, ""), OSError(39, "not empty"), PermissionError(13, "")])
def test_who_comes_second_takes_what_the_first_has_written(folder, monkeypatch, error):
    """Each system has its own error for a folder that is there already; none of them is worth a warning."""
    real = os.replace

    def too_late(aside, home):
        real(aside, home)
        raise error

    monkeypatch.setattr(os, "replace", too_late)
    found = store.cached({"seed": 1}, arrays)
    assert same(found, arrays()) and isinstance(found["inputs"], np.memmap)


def test_what_is_gone_again_is_read_only_all_the_same(folder, monkeypatch):
    monkeypatch.setattr(store, "_read", lambda home, key: None)
    found = store.cached({"seed": 1}, arrays)
    assert same(found, arrays()) and not found["inputs"].flags.writeable


def _race(barrier, results, index):
    barrier.wait()
    results[index] = int(same(store.cached({"race": 1}, arrays), arrays()))


def test_processes_may_race(folder):
    context = multiprocessing.get_context("spawn")  # as on Windows; a forked copy of a process with threads may hang
    barrier, results = context.Barrier(4), context.Array("i", 4)
    racers = [context.Process(target=_race, args=(barrier, results, i)) for i in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert list(results) == [1] * 4
    assert len(list((folder / "puzzles").iterdir())) == 1  # nothing half-written lies about
