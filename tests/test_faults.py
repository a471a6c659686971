"""What a run must survive: kill -9, a full disk, damaged files, Ctrl-C, a second process, numbers that break down."""

import contextlib
import errno
import io
import json
import multiprocessing
import os
import random
import signal
import stat
import threading
import time

import pytest
import torch
from helpers import TRAIN, Stop, assert_same_bits, make, stop_at, trainer, untouched, weights

from hrm_lite import TrainConfig, Trainer, load_model, save_model
from hrm_lite.records import read_json, write_atomically
from hrm_lite.training.checkpoints import latest_state
from hrm_lite.training.run_folder import RunFolder

resource = pytest.importorskip("resource", reason="these faults are inflicted by means of POSIX")

# Everything that a step can depend on: moving average, target pass, exploration, symmetries, a schedule that falls.
FULL = TRAIN.replace(
    max_steps=240, save_every=2,
    continue_loss=True, optimizer="adam_atan2", lr_floor=0.1, exploration=0.3, grad_clip=5.0)  # fmt: skip

# A child is forked off a process that has imported torch already, and so is there at once.
children = multiprocessing.get_context("forkserver")
children.set_forkserver_preload(["accelerate", "hrm_lite", "helpers"])


def in_child(target, *arguments):
    child = children.Process(target=target, args=arguments)
    child.start()
    return child


def heard_from(target, *arguments):
    """All that a child says through the pipe that it gets as its last argument, and the exit code."""
    hear, say = children.Pipe()
    child = in_child(target, *arguments, say)
    say.close()  # or one that says nothing would be waited for for good
    finish(child)
    said = []
    with contextlib.suppress(EOFError):
        while True:
            said.append(hear.recv())
    return said, child.exitcode


def finish(child):
    """Wait for a child; one that hangs is a failure and not a test that never ends."""
    child.join(120)
    if child.is_alive():
        child.kill()
        pytest.fail("the process hangs")


def live(puzzles, folder, config: TrainConfig, started=None, before=None):
    """One life of a run: until it ends or is ended."""
    torch.set_num_threads(1)
    if before is not None:
        before()

    def on_step(trainer, losses):
        if started is not None:
            started.set()
            time.sleep(0.002)  # so that the moments of death are spread over steps, too, and not over saving alone

    run = trainer(puzzles, folder, config, on_step=on_step)
    run.fit()


def outcome(folder):
    """All that a run left, except what tells the time."""
    tensors, facts = latest_state(folder / "checkpoints")
    record = facts["record"]
    history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in record["history"]]
    return tensors, history, load_model(folder / "model.safetensors").state_dict()


def assert_same_outcome(a, b):
    (tensors_a, history_a, model_a), (tensors_b, history_b, model_b) = outcome(a), outcome(b)
    assert_same_bits(tensors_a, tensors_b)
    assert_same_bits(model_a, model_b)
    assert history_a == history_b and history_a


# -- kill -9 ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(puzzles, tmp_path_factory):
    """The run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole")
    child = in_child(live, puzzles, folder, FULL)
    finish(child)
    assert child.exitcode == 0 and read_json(folder / "run.json")["finished"]
    return folder


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_ends_in_the_same_bits(puzzles, whole, tmp_path):
    moments, kills, steps = random.Random(0), 0, set()
    while kills < 20:
        started = children.Event()
        child = in_child(live, puzzles, tmp_path, FULL, started)
        assert started.wait(60), "the run came to an end before it was killed twenty times"
        time.sleep(moments.uniform(0, 0.12))
        os.kill(child.pid, signal.SIGKILL)
        finish(child)
        kills += child.exitcode == -signal.SIGKILL
        steps.add(read_json(tmp_path / "run.json")["steps"] if (tmp_path / "run.json").exists() else 0)
    assert len(steps) > 1, "they died at different places"  # how many depends on how busy the machine is
    last = in_child(live, puzzles, tmp_path, FULL)
    finish(last)
    assert last.exitcode == 0
    assert_same_outcome(whole, tmp_path)
    assert not list(tmp_path.rglob("*.part")), "half-written files of the dead are cleared away"


def die_at(what: str, nth: int):
    """Arrange a SIGKILL of this process around its nth call of one of the steps of writing a file."""
    count, os_unlink = 0, os.unlink

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    def wrap(real, dies_before: bool):
        def call(*arguments, **named):
            nonlocal count
            # Of what is unlinked, only old states count.
            count += real is not os_unlink or os.path.basename(arguments[0]).startswith("step-")
            if count == nth and dies_before:
                die()
            result = real(*arguments, **named)
            if count == nth:
                die()
            return result

        return call

    if what == "half written":
        import hrm_lite.records
        import hrm_lite.training.checkpoints

        real = hrm_lite.records.write_atomically

        def write_half(path, write):
            nonlocal count
            count += 1
            real(path, (lambda file: (file.write(b"\0" * 5000), file.flush(), die())) if count == nth else write)

        hrm_lite.training.checkpoints.write_atomically = hrm_lite.records.write_atomically = write_half
    else:
        name, _, place = what.partition(" ")
        setattr(os, name, wrap(getattr(os, name), place == "before"))


class Arranged:
    def __init__(self, what, nth):
        self.what, self.nth = what, nth

    def __call__(self):
        die_at(self.what, self.nth)


# In the third save and after: the state is written, then the model, then run.json, and the oldest state is removed.
MOMENTS = [(what, nth) for what in ("half written", "replace before", "replace after") for nth in (9, 10, 11)]
# In the last save: 120 of them, three files each, after the note of who is at it.
MOMENTS += [("half written", 360), ("replace before", 360), ("replace after", 359), ("replace before", 361)]
MOMENTS += [("fsync before", 18), ("fsync after", 19), ("unlink before", 2), ("unlink after", 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("what", "nth"), MOMENTS)
def test_killed_within_a_write_it_ends_in_the_same_bits(puzzles, whole, tmp_path, what, nth):
    child = in_child(live, puzzles, tmp_path, FULL, None, Arranged(what, nth))
    finish(child)
    assert child.exitcode == -signal.SIGKILL
    states = sorted((tmp_path / "checkpoints").glob("step-*"))
    assert 1 <= len(states) <= 3
    again = in_child(live, puzzles, tmp_path, FULL)
    finish(again)
    assert again.exitcode == 0
    assert_same_outcome(whole, tmp_path)


# -- a disk that is full ------------------------------------------------------------------------------------


def fill_up(puzzles, folder, say):
    """From step 8 on no file may grow beyond 1,000 bytes: the operating system's own refusal."""

    def on_step(trainer, losses):
        if trainer.step == 8:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    try:
        trainer(puzzles, folder, TRAIN, on_step=on_step).fit()
        say.send("no error")
    except OSError as error:
        say.send(f"{error.errno} {error}")


@pytest.mark.parametrize("kept", [True, False])
def test_when_the_disk_is_full_the_checkpoint_before_stands_and_the_message_says_so(puzzles, tmp_path, kept):
    trainer(puzzles, tmp_path / "whole").fit()
    if kept:
        trainer(puzzles, tmp_path / "cut", TRAIN.replace(max_steps=4)).fit()
    [message], _ = heard_from(fill_up if kept else full_at_once, puzzles, tmp_path / "cut")
    assert message.startswith(str(errno.EFBIG)) and "could not be written" in message and "Make room" in message
    if kept:
        assert "what belongs to step 8" in message and "step-000000004.safetensors stands" in message
    else:
        assert "there was none before it" in message
    assert not list(tmp_path.rglob("*.part"))
    again = trainer(puzzles, tmp_path / "cut")
    again.fit()
    assert_same_bits(outcome(tmp_path / "whole")[0], outcome(tmp_path / "cut")[0])


def full_at_once(puzzles, folder, say):
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    try:
        trainer(puzzles, folder, TRAIN).fit()
    except OSError as error:
        say.send(f"{error.errno} {error}")


def test_the_file_is_synced_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace

    def note_fsync(fd):
        done.append("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        fsync(fd)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("rename"), replace(a, b)))
    write_atomically(tmp_path / "x", lambda file: file.write(b"1"))
    assert done == ["file", "rename", "folder"]


@pytest.mark.parametrize(("number", "harmless"), [(errno.EINVAL, True), (errno.ENOTSUP, True), (errno.EIO, False)],
                         ids=["EINVAL", "ENOTSUP", "EIO"])
def test_a_drive_that_cannot_sync_folders_will_do_and_one_that_breaks_will_not(tmp_path, monkeypatch, number, harmless):
    def fsync(fd, real=os.fsync):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(number, "as a network drive answers")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    with contextlib.nullcontext() if harmless else pytest.raises(OSError, match="as a network drive"):
        write_atomically(tmp_path / "x", lambda file: file.write(b"1"))
    assert (tmp_path / "x").read_bytes() == b"1"


def test_the_state_is_written_first_and_the_record_last(tmp_path, monkeypatch):
    """So that a record never tells of a state that is not there."""
    order = []
    for name in ("save_state", "save_model", "write_json"):
        monkeypatch.setattr(f"hrm_lite.training.run_folder.{name}", lambda *a, name=name: order.append(name))
    RunFolder(tmp_path).save({"steps": 1}, make(), {})
    assert order == ["save_state", "save_model", "write_json"]


def full(*arguments, **named):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_no_old_state_goes_before_the_new_one_is_there(puzzles, tmp_path, monkeypatch):
    trainer(puzzles, tmp_path, TRAIN.replace(max_steps=8)).fit()
    monkeypatch.setattr("hrm_lite.training.checkpoints.write_tensors", full)
    with pytest.raises(OSError, match=r"step 12 could not.*step-000000008.safetensors stands"):
        trainer(puzzles, tmp_path).fit()
    assert sorted(p.name[5:14] for p in (tmp_path / "checkpoints").iterdir()) == ["000000004", "000000008"]


def test_a_torn_last_save_is_completed(puzzles, tmp_path, monkeypatch):
    def full_at_the_end(path, model):
        if (path.parent / "checkpoints" / "step-000000012.safetensors").exists():
            full()
        save_model(path, model)

    with monkeypatch.context() as torn, pytest.raises(OSError):
        torn.setattr("hrm_lite.training.run_folder.save_model", full_at_the_end)
        trainer(puzzles, tmp_path).fit()
    assert read_json(tmp_path / "run.json")["steps"] == 8
    t = trainer(puzzles, tmp_path)
    t.fit()
    assert read_json(tmp_path / "run.json")["finished"]
    assert_same_bits(weights(t.model), load_model(tmp_path / "model.safetensors").state_dict())


def test_a_best_model_that_cannot_be_written_says_so_too(puzzles, tmp_path, monkeypatch):
    monkeypatch.setattr("hrm_lite.training.run_folder.save_model", full)
    with pytest.raises(OSError, match=r"step 4 could not be written .*No space left.*there was none before it"):
        trainer(puzzles, tmp_path, TRAIN.replace(eval_every=4), held_out=puzzles).fit()


def test_a_log_that_cannot_be_written_does_not_end_the_run_nor_hide_what_does(puzzles, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("torch.utils.tensorboard.SummaryWriter.add_scalar", full)
    assert trainer(puzzles, tmp_path).fit()["finished"]
    assert capsys.readouterr().out.count("TensorBoard's log could not be written (No space left on device)") == 1


def test_a_lock_is_given_back_when_the_folder_cannot_be_prepared(puzzles, tmp_path, monkeypatch):
    (tmp_path / ".half.part").touch()
    with monkeypatch.context() as broken, pytest.raises(PermissionError):
        broken.setattr("pathlib.Path.unlink", lambda *a, **k: (_ for _ in ()).throw(PermissionError(13, "no")))
        trainer(puzzles, tmp_path).fit()
    assert trainer(puzzles, tmp_path).fit()["finished"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_model(path, make())
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        save_model(path, make(1))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


# -- damaged files --------------------------------------------------------------------------------------------


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (flip_a_byte, "checksum does not fit"),
        (cut_short, "is cut short"),
        (os.unlink, "run.json tells of step 8, but the newest checkpoint that is whole is of step 4"),
    ],
)
def test_of_a_damaged_checkpoint_the_one_before_is_used_aloud(puzzles, tmp_path, capsys, damage, says):
    trainer(puzzles, tmp_path / "whole").fit()
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path / "cut", on_step=stop_at(11)).fit()
    states = sorted((tmp_path / "cut" / "checkpoints").iterdir())
    assert [s.name for s in states] == ["step-000000004.safetensors", "step-000000008.safetensors"]
    damage(states[-1])
    trainer(puzzles, tmp_path / "cut").fit()
    said = capsys.readouterr().out
    assert says in said and "resumed at step 4" in said
    assert_same_outcome(tmp_path / "whole", tmp_path / "cut")


def test_when_no_checkpoint_is_whole_nothing_is_overwritten(puzzles, tmp_path):
    trainer(puzzles, tmp_path).fit()
    for state in (tmp_path / "checkpoints").iterdir():
        state.write_bytes(state.read_bytes()[:1000])
    before = untouched(tmp_path)
    with pytest.raises(ValueError, match="none of the 2 checkpoints"):
        trainer(puzzles, tmp_path).fit()
    assert untouched(tmp_path) == before


def test_when_the_checkpoints_of_an_unfinished_run_are_gone_it_does_not_begin_anew(puzzles, tmp_path):
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path, on_step=stop_at(6)).fit()
    for state in (tmp_path / "checkpoints").iterdir():
        state.unlink()
    before = untouched(tmp_path)
    with pytest.raises(ValueError, match=r"run.json tells of a run of 4 steps, but its checkpoints are gone"):
        trainer(puzzles, tmp_path).fit()
    assert untouched(tmp_path) == before


def test_a_damaged_record_is_written_again_aloud_where_the_checkpoints_hold_it(puzzles, tmp_path, capsys):
    trainer(puzzles, tmp_path / "whole").fit()
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path / "cut", on_step=stop_at(11)).fit()
    cut_short(tmp_path / "cut" / "run.json")
    trainer(puzzles, tmp_path / "cut").fit()
    assert "run.json is not readable" in capsys.readouterr().out
    assert_same_outcome(tmp_path / "whole", tmp_path / "cut")
    for state in (tmp_path / "cut" / "checkpoints").iterdir():
        state.unlink()
    cut_short(tmp_path / "cut" / "run.json")
    with pytest.raises(ValueError, match="not readable as JSON"):
        trainer(puzzles, tmp_path / "cut").fit()


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="only Linux lists what a process has mapped")
def test_what_is_loaded_does_not_live_in_the_file(puzzles, tmp_path):
    trainer(puzzles, tmp_path).fit()
    tensors, _ = latest_state(tmp_path / "checkpoints")
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        assert tensors and str(tmp_path) not in maps.read()


def test_an_ordinary_resume_raises_no_alarm(puzzles, tmp_path, capsys):
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path, on_step=stop_at(6)).fit()
    trainer(puzzles, tmp_path).fit()
    said = capsys.readouterr().out
    assert "resumed at step 4" in said and "newest checkpoint" not in said


@pytest.mark.parametrize(("old", "new"), [(b"10000.0", b"20000.0"), (b'"dtype":"F32"', b'"dtype":"I32"')])
def test_the_checksum_covers_the_settings_and_the_kinds_of_the_tensors(tmp_path, old, new):
    path = tmp_path / "a.safetensors"
    save_model(path, make())
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(ValueError, match="checksum"):
        load_model(path)


@pytest.mark.parametrize("whose", ["the same model", "one of the same seed", "another"])
def test_a_run_goes_on_with_its_own_weights_whatever_model_it_is_given(puzzles, tmp_path, whose, capsys):
    """The model in memory is further than the newest checkpoint; one of another version of torch began elsewhere."""
    trainer(puzzles, tmp_path / "whole").fit()
    model = make()
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path / "cut", model=model, on_step=stop_at(11)).fit()
    given = {"the same model": model, "one of the same seed": make(), "another": make(5)}[whose]
    capsys.readouterr()
    trainer(puzzles, tmp_path / "cut", model=given).fit()
    assert ("goes on with its own weights" in capsys.readouterr().out) == (whose != "one of the same seed")
    assert_same_outcome(tmp_path / "whole", tmp_path / "cut")
    for run in ("whole", "cut"):  # a finished run is loaded, not refused
        again = trainer(puzzles, tmp_path / run, model=make(6))
        assert again.fit() == read_json(tmp_path / run / "run.json")
        assert_same_bits(weights(again.model), load_model(tmp_path / run / "model.safetensors").state_dict())


@contextlib.contextmanager
def not_writable(monkeypatch, folder):
    """As on a medium that is read-only: the file of the lock cannot be made. (A superuser may write anywhere.)"""
    def refuse(self, *_, **__):
        raise OSError(errno.EROFS, "Read-only file system", str(folder / ".lock"))

    with monkeypatch.context() as patched:
        patched.setattr("hrm_lite.training.run_folder.FileLock.acquire", refuse)
        yield


def test_a_finished_run_in_a_place_that_cannot_be_written_to_is_read(puzzles, tmp_path, monkeypatch):
    whole = trainer(puzzles, tmp_path)
    whole.fit()
    record = read_json(tmp_path / "run.json")
    for lock in tmp_path.glob(".*"):
        lock.unlink()
    before = untouched(tmp_path)
    with not_writable(monkeypatch, tmp_path):
        again = trainer(puzzles, tmp_path, model=make(4))
        assert again.fit() == record
        assert_same_bits(weights(again.model), weights(whole.model))
    assert untouched(tmp_path) == before


@pytest.mark.parametrize("error", [NotImplementedError("no locks here"), OSError(errno.ENOSYS, "not implemented")])
def test_a_drive_that_knows_no_locks_is_used_all_the_same(puzzles, tmp_path, monkeypatch, error):
    def refuse(self, *_, **__):
        raise error

    monkeypatch.setattr("hrm_lite.training.run_folder.FileLock.acquire", refuse)
    trainer(puzzles, tmp_path, TRAIN.replace(max_steps=6)).fit()
    assert trainer(puzzles, tmp_path).fit()["steps"] == 12
    assert not (tmp_path / ".owner.json").exists()


@pytest.mark.parametrize("state", ["empty", "unfinished"])
def test_a_new_run_in_such_a_place_is_refused_with_a_sentence(puzzles, tmp_path, monkeypatch, state):
    if state == "unfinished":
        with pytest.raises(Stop):
            trainer(puzzles, tmp_path, on_step=stop_at(6)).fit()
    before = untouched(tmp_path)
    says = r"nothing can be written in .*Choose another"
    with not_writable(monkeypatch, tmp_path), pytest.raises(OSError, match=says):
        trainer(puzzles, tmp_path).fit()
    assert untouched(tmp_path) == before


def test_a_file_is_no_run_folder(puzzles, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for place in (tmp_path / "notes.txt", tmp_path / "notes.txt" / "run"):
        with pytest.raises(NotADirectoryError, match=r"run_dir must be a folder, but .*notes.txt is a file"):
            trainer(puzzles, place).fit()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_tilde_is_the_home_folder(puzzles, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    trainer(puzzles, "~/runs/a").fit()
    assert (tmp_path / "runs/a/run.json").exists() and not (tmp_path / "~").exists()
    assert load_model("~/runs/a/model.safetensors").config == make().config
    save_model("~/b.safetensors", make())
    assert (tmp_path / "b.safetensors").exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (dict(puzzles=torch.utils.data.TensorDataset(torch.zeros(3, 16))), r"puzzles is a TensorDataset.*from_arrays"),
        (dict(puzzles=[1, 2]), "puzzles is a list, but must be a PuzzleSet"),
        (dict(held_out=torch.zeros(3)), "held_out is a Tensor"),
        (dict(config="sudoku-4x4"), "config is a str, but must be a TrainConfig"),
        (dict(model=torch.nn.Linear(2, 2)), "model is a Linear, but must be a HRM"),
    ],
)
def test_something_else_in_place_of_a_model_puzzles_or_settings_gets_a_sentence(puzzles, given, says):
    with pytest.raises(TypeError, match=says):
        Trainer(**(dict(model=make(), puzzles=puzzles, config=TRAIN) | given))


@pytest.mark.parametrize(("stored", "given"), [("bfloat16", "auto"), ("auto", "float32")])
def test_a_run_goes_on_with_the_precision_of_the_machine_at_hand(puzzles, tmp_path, stored, given):
    """A folder from before presets said "auto" is not one of other settings."""
    trainer(puzzles, tmp_path, TRAIN.replace(precision=stored, max_steps=6)).fit()
    assert trainer(puzzles, tmp_path, TRAIN.replace(precision=given)).fit()["steps"] == 12


def test_settings_may_be_a_dictionary(puzzles):
    assert Trainer(make(), puzzles, TRAIN.to_dict(), progress=False).config == TRAIN
    with pytest.raises(ValueError, match="no setting called lrr"):
        Trainer(make(), puzzles, {"lrr": 1e-3})


def test_a_folder_that_was_emptied_begins_a_new_run_with_the_model_as_it_is(puzzles, tmp_path):
    import shutil

    model = make()
    trainer(puzzles, tmp_path / "a", model=model).fit()
    shutil.rmtree(tmp_path / "a")
    again = trainer(puzzles, tmp_path / "a", model=model)
    assert again.fit()["initial"] != trainer(puzzles, None).identity["initial"]


def test_a_lost_model_file_is_written_again(puzzles, tmp_path):
    t = trainer(puzzles, tmp_path)
    t.fit()
    (tmp_path / "model.safetensors").unlink()
    trainer(puzzles, tmp_path).fit()
    assert_same_bits(load_model(tmp_path / "model.safetensors").state_dict(), weights(t.model))


def test_the_weights_and_the_record_of_a_finished_run_are_enough_to_use_it(puzzles, tmp_path):
    """Published runs keep no training states: they are ten times as large."""
    t = trainer(puzzles, tmp_path)
    record = t.fit()
    for state in (tmp_path / "checkpoints").iterdir():
        state.unlink()
    before = untouched(tmp_path)
    model = make()
    assert trainer(puzzles, tmp_path, model=model).fit() == json.loads(json.dumps(record))
    assert_same_bits(weights(model), weights(t.model))
    with pytest.raises(ValueError, match="no checkpoint to go on from"):
        trainer(puzzles, tmp_path, TRAIN.replace(max_steps=20)).fit()
    assert untouched(tmp_path) == before


# -- two processes on one folder ---------------------------------------------------------------------------


def test_a_second_process_is_refused_and_a_dead_one_does_not_stand_in_the_way(puzzles, tmp_path):
    config, started = TRAIN.replace(max_steps=10**6), children.Event()
    first = in_child(live, puzzles, tmp_path, config, started)
    assert started.wait(60)
    with pytest.raises(RuntimeError, match=f"in use by process {first.pid} on .*choose another run_dir"):
        trainer(puzzles, tmp_path, config.replace(max_minutes=0.2)).fit()
    assert first.is_alive()
    os.kill(first.pid, signal.SIGKILL)
    finish(first)
    steps = read_json(tmp_path / "run.json")["steps"] if (tmp_path / "run.json").exists() else 0
    assert trainer(puzzles, tmp_path, config.replace(max_steps=steps + 8)).fit()["finished"]
    assert not (tmp_path / ".owner.json").exists()


def test_two_trainers_of_one_process_are_refused_too(puzzles, tmp_path):
    def inner(outer, losses):
        if outer.step == 2:
            with pytest.raises(RuntimeError, match="in use by process"):
                trainer(puzzles, tmp_path).fit()

    assert trainer(puzzles, tmp_path, on_step=inner).fit()["finished"]


# -- Ctrl-C -----------------------------------------------------------------------------------------------------


def heed_ctrl_c():
    """As at a terminal: what a shell started in the background (``nohup … &``) inherits SIGINT as ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupted(puzzles, folder, number, ignored, say):
    heed_ctrl_c()
    if ignored:
        signal.signal(number, signal.SIG_IGN)

    def on_step(trainer, losses):
        if trainer.step == 6:
            os.kill(os.getpid(), number)
            say.send("sent")  # Python has handled the signal by now: the step goes on

    with contextlib.redirect_stdout(io.StringIO()) as said:
        record = trainer(puzzles, folder, TRAIN, on_step=on_step).fit()
    say.send(record)
    say.send(said.getvalue())


def test_ctrl_c_ends_after_the_step_with_a_checkpoint_and_a_new_call_goes_on(puzzles, tmp_path):
    trainer(puzzles, tmp_path / "whole").fit()
    (sent, record, said), code = heard_from(interrupted, puzzles, tmp_path / "cut", signal.SIGINT, False)
    assert code == 0 and sent == "sent"
    assert (record["finished"], record["ended_by"], record["steps"]) == (False, "SIGINT", 6)
    assert "stopped by SIGINT after step 6: a new call goes on from the checkpoint in" in said
    assert trainer(puzzles, tmp_path / "cut").fit()["finished"]
    assert_same_outcome(tmp_path / "whole", tmp_path / "cut")


def test_a_cluster_that_asks_to_end_gets_a_checkpoint_and_the_usual_exit_code(puzzles, tmp_path):
    assert heard_from(interrupted, puzzles, tmp_path, signal.SIGTERM, False) == (["sent"], 143)
    assert latest_state(tmp_path / "checkpoints")[1]["record"]["steps"] == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_started_to_ignore_a_signal_ignores_it(puzzles, tmp_path, number):
    (sent, record, _), code = heard_from(interrupted, puzzles, tmp_path, number, True)
    assert code == 0 and sent == "sent" and record["finished"] and record["steps"] == 12


@pytest.fixture
def at_a_terminal():
    before = signal.getsignal(signal.SIGINT)
    heed_ctrl_c()
    yield
    signal.signal(signal.SIGINT, before)


def test_after_a_run_signals_mean_what_they_meant_before(puzzles, tmp_path, at_a_terminal):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def on_step(trainer, losses):
        if trainer.step == 6:
            os.kill(os.getpid(), signal.SIGINT)

    record = trainer(puzzles, tmp_path, on_step=on_step, held_out=puzzles).fit()
    assert record["ended_by"] == "SIGINT"
    assert not any("evaluated" in h for h in record["history"]), "who wants to stop does not want to wait"
    trainer(puzzles, tmp_path).fit()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_run_in_a_thread_leaves_the_signals_alone(puzzles):
    found = []
    thread = threading.Thread(target=lambda: found.append(trainer(puzzles).fit()["finished"]))
    thread.start()
    thread.join()
    assert found == [True]


def impatient(puzzles, folder, say):
    heed_ctrl_c()

    def on_step(trainer, losses):
        if trainer.step == 6:
            os.kill(os.getpid(), signal.SIGINT)
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1)
            except KeyboardInterrupt:
                say.send("at once")
                raise

    try:
        trainer(puzzles, folder, TRAIN, on_step=on_step).fit()
    except KeyboardInterrupt:
        say.send("ended")


def test_a_second_ctrl_c_ends_at_once(puzzles, tmp_path):
    assert heard_from(impatient, puzzles, tmp_path) == (["at once", "ended"], 0)
    assert latest_state(tmp_path / "checkpoints")[1]["record"]["steps"] == 4


CELL = """
import hrm_lite, torch
from hrm_lite.puzzles import sudoku
puzzles = sudoku.load("generated:4x4:8-10", "train", limit=60)
torch.manual_seed(0)
model = hrm_lite.HRM(hrm_lite.model_preset("sudoku-4x4"))
settings = hrm_lite.train_preset("sudoku-4x4", max_steps=STEPS, save_every=10**6)
record = hrm_lite.Trainer(model, puzzles, settings, run_dir=FOLDER, on_step=lambda t, l: print("step", t.step)).fit()
print("ended by", record["ended_by"])
"""


@pytest.mark.slow
def test_interrupting_a_notebook_stops_the_cell_cleanly(tmp_path):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        said, done = "", None
        request = client.execute(CELL.replace("STEPS", "10**6").replace("FOLDER", repr(str(tmp_path))))
        while done is None or "ended by" not in said:
            message = client.get_iopub_msg(timeout=60)
            if message["msg_type"] == "stream":
                if "step" not in said and "step" in message["content"]["text"]:
                    manager.interrupt_kernel()
                said += message["content"]["text"]
            assert message["msg_type"] != "error", message["content"]
            done = message["content"].get("execution_state") == "idle" or done
        reply = client.get_shell_msg(timeout=60)
        while reply["parent_header"].get("msg_id") != request:
            reply = client.get_shell_msg(timeout=60)
        assert reply["content"]["status"] == "ok", "the cell ends without an error, and the next one runs"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "ended by SIGINT" in said and "a new call goes on" in said
    assert latest_state(tmp_path / "checkpoints")[1]["record"]["ended_by"] == "SIGINT"


# -- numbers that break down ------------------------------------------------------------------------------------


def plant_at(step, what=float("nan")):
    def on_step(trainer, losses):
        if trainer.step == step:
            trainer.rows.z_H[3, 2, 1] = what
            trainer.rows.halted[3] = False

    return on_step


@pytest.mark.parametrize("what", [float("nan"), float("inf")])
def test_a_nan_in_a_batch_stops_the_run_and_the_checkpoint_before_stands(puzzles, tmp_path, what):
    t = trainer(puzzles, tmp_path, on_step=plant_at(5, what))
    with pytest.raises(FloatingPointError, match=r"In step 6 the loss is nan.*skip.*lower lr.*warmup_steps"):
        t.fit()
    assert latest_state(tmp_path / "checkpoints")[1]["record"]["steps"] == 4
    assert all(v.isfinite().all() for v in weights(t.supervision.learner).values()), "no update was made with it"
    trainer(puzzles, tmp_path / "whole").fit()
    trainer(puzzles, tmp_path).fit()
    assert_same_outcome(tmp_path / "whole", tmp_path)


@pytest.mark.parametrize("changes", [{}, dict(optimizer="adam_atan2", precision="bfloat16", continue_loss=True)])
def test_skipping_leaves_the_step_out_counts_it_and_replaces_the_row(puzzles, tmp_path, changes):
    config = TRAIN.replace(nonfinite="skip", exploration=0.0, **changes)
    seen = {}

    def on_step(trainer, losses):
        plant_at(5)(trainer, losses)
        if trainer.step in (5, 6):
            seen[trainer.step] = weights(trainer.supervision.learner), trainer.rows.halted.clone()

    t = trainer(puzzles, tmp_path, config, on_step=on_step)
    record = t.fit()
    assert record["skipped"] == 1 and record["steps"] == 12 and record["finished"]
    assert_same_bits(seen[5][0], seen[6][0])
    assert seen[6][1][3], "the row that carries what is not finite gets a fresh puzzle"
    assert all(v.isfinite().all() for v in weights(t.model).values())
    assert all(v.isfinite().all() for v in t.rows.latents)
    assert all(torch.isfinite(torch.tensor(h["loss"])) for h in record["history"])


def test_skipping_gives_up_when_the_weights_themselves_are_broken(puzzles, tmp_path):
    t = trainer(puzzles, tmp_path, TRAIN.replace(nonfinite="skip", max_steps=100))
    with torch.no_grad():
        t.supervision.learner.output_net.weight.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match=r"In step 20 .*the 20th step in a row"):
        t.fit()


def test_skips_that_do_not_follow_each_other_are_no_reason_to_stop(puzzles):
    def on_step(trainer, losses):
        if trainer.step % 2:
            plant_at(trainer.step)(trainer, losses)

    record = trainer(puzzles, None, TRAIN.replace(nonfinite="skip", max_steps=60), on_step=on_step).fit()
    assert record["finished"] and record["skipped"] >= 21


def test_the_count_of_skips_survives_a_kill(puzzles, tmp_path):
    def on_step(trainer, losses):
        plant_at(2)(trainer, losses)
        stop_at(6)(trainer, losses)

    config = TRAIN.replace(nonfinite="skip")
    with pytest.raises(Stop):
        trainer(puzzles, tmp_path, config, on_step=on_step).fit()
    assert trainer(puzzles, tmp_path, config).fit()["skipped"] == 1


def test_the_run_goes_on_from_there_when_told_to_skip(puzzles, tmp_path):
    """What the message advises is not refused by the run folder."""
    with pytest.raises(FloatingPointError):
        trainer(puzzles, tmp_path, on_step=plant_at(5)).fit()
    record = trainer(puzzles, tmp_path, TRAIN.replace(nonfinite="skip"), on_step=plant_at(5)).fit()
    assert record["skipped"] == 1 and record["finished"]


def test_the_count_of_skips_in_a_row_survives_a_kill(puzzles, tmp_path):
    def break_it(trainer, losses):
        if trainer.step >= 3:
            trainer.supervision.learner.output_net.weight.fill_(float("nan"))
        if trainer.step == 14:
            raise Stop

    config = TRAIN.replace(nonfinite="skip", max_steps=100)
    with torch.no_grad(), pytest.raises(Stop), torch.enable_grad():
        trainer(puzzles, tmp_path, config, on_step=lambda t, x: torch.no_grad()(break_it)(t, x)).fit()
    t = trainer(puzzles, tmp_path, config)
    with pytest.raises(FloatingPointError, match=r"In step 23 .*the 20th step in a row"):
        t.fit()
    assert [h["step"] for h in t.history] == [10], "a report in which every step was skipped would tell nothing"


def test_a_broken_model_does_not_become_the_best(puzzles, tmp_path):
    def on_step(trainer, losses):
        if trainer.step == 3:
            trainer.supervision.sums[0] = float("nan")  # as on a GPU, which is asked in the reports only

    with pytest.raises(FloatingPointError, match="By step 3"):
        trainer(puzzles, tmp_path, TRAIN.replace(eval_every=3), held_out=puzzles, on_step=on_step).fit()
    assert not (tmp_path / "best.safetensors").exists()


@pytest.mark.parametrize("which", [0, 3])  # the loss, the gradient
def test_broken_weights_are_never_kept(puzzles, tmp_path, which):
    def on_step(trainer, losses):
        if trainer.step == 3:
            trainer.supervision.sums[which] = float("nan")  # as on a GPU, which is asked in the reports only

    t = trainer(puzzles, tmp_path, on_step=on_step)
    with pytest.raises(FloatingPointError, match="By step 4 the loss or the gradient is no longer finite"):
        t.fit()
    assert not (tmp_path / "checkpoints").exists()
