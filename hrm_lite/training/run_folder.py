"""A run folder: who may write in it, the training states it keeps, and whether they belong to this run.

    run.json                    what the run was and how it went (`records`)
    model.safetensors           the weights to use
    best.safetensors            those that did best on the held-out set
    checkpoints/step-….safetensors   the last two training states
    tensorboard/                where TensorBoard is installed
    .lock, .owner.json          who is at it
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from torch import Tensor

from ..config import HRMConfig, TrainConfig
from ..model import HRM
from ..records import discard, read_json, write_json
from .checkpoints import difference, latest_state, save_model, save_state

__all__ = ["RunFolder"]

_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


class RunFolder:
    """``path`` as a place where one run lives. Use as a context manager: it is locked while a process writes there."""

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser()
        # The operating system drops such a lock when its process dies, however it dies.
        self._lock = FileLock(self.path / ".lock", timeout=0)
        self.model, self.best = self.path / "model.safetensors", self.path / "best.safetensors"

    def __enter__(self) -> RunFolder:
        """Raises RuntimeError, and changes nothing, when another process holds the folder; OSError when it is no place
        to write in. A finished run may lie in such a place: it is only read, and nobody can change it meanwhile.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise RuntimeError(
                f"the run folder {self.path} is in use by {self._owner()}. Two runs in one folder would overwrite each "
                "other's checkpoints. Wait for that one, stop it, or choose another run_dir."
            ) from None
        except (FileExistsError, NotADirectoryError):
            file = next((p for p in (self.path, *self.path.parents) if p.is_file()), self.path)
            raise NotADirectoryError(
                errno.ENOTDIR, f"run_dir must be a folder, but {file} is a file. Choose another run_dir"
            ) from None
        except (NotImplementedError, OSError) as error:
            number = getattr(error, "errno", errno.ENOSYS)
            if number in _NO_LOCKS:  # some network drives: nothing keeps a second run away there
                return self._begin()
            if number not in _NOT_WRITABLE:
                raise
            if self._finished():
                return self
            raise OSError(
                number,
                f"nothing can be written in {self.path} ({os.strerror(number)}). Choose another run_dir; a run "
                "that is there can be copied to it, and goes on from there",
            ) from None
        return self._begin()

    def _begin(self) -> RunFolder:
        try:
            # What a killed process was writing; under the lock nobody else is.
            for half in [*self.path.glob(".*.part"), *self.path.glob("checkpoints/.*.part")]:
                discard(half)
            # Where a killed process had moved a file aside, and its new version is not there, the old one stands.
            for old in self.path.glob(".*.old"):
                kept = old.with_name(old.name[1 : -len(".old")])
                discard(old) if kept.exists() else os.replace(old, kept)
            since = datetime.now(UTC).isoformat(timespec="seconds")
            with contextlib.suppress(OSError):  # it is there for people only; a full disk is reported by who needs it
                owner = {"process": os.getpid(), "host": platform.node(), "since": since}
                write_json(self.path / ".owner.json", owner)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(OSError):  # a place that is only read has none
            (self.path / ".owner.json").unlink(missing_ok=True)
        self._lock.release()

    def _finished(self) -> dict | None:
        """The record of a finished run whose weights are there, too; None where that is not so."""
        try:
            record = self.record()
        except (OSError, ValueError):
            return None
        return record if record is not None and record["finished"] and self.model.exists() else None

    def _owner(self) -> str:
        try:
            owner = read_json(self.path / ".owner.json")
            return f"process {owner['process']} on {owner['host']}, since {owner['since']}"
        except (OSError, ValueError, KeyError):
            return "another process"

    def record(self) -> dict | None:
        """The run record, or None where there is none. Raises ValueError when it is damaged."""
        path = self.path / "run.json"
        return read_json(path) if path.exists() else None

    def is_complete(self, record: dict) -> bool:
        """Whether all that belongs to this finished state is there: a killed process may have left it older."""
        kept = self._finished()
        return kept is not None and kept["steps"] == record["steps"]

    def save_best(self, record: dict, model: HRM) -> None:
        """Write the weights that did best. Raises OSError as `save` does."""
        with self._telling(record):
            save_model(self.best, model)

    def save(self, record: dict, model: HRM, tensors: dict[str, Tensor]) -> None:
        """Write the training state, the weights to use and the record, each all or nothing, in this order.

        Raises OSError, saying what still stands, when something cannot be written.
        """
        with self._telling(record):
            save_state(self.path / "checkpoints", record["steps"], tensors, {"record": record})
            save_model(self.model, model)
            write_json(self.path / "run.json", record)

    @contextlib.contextmanager
    def _telling(self, record: dict):
        try:
            yield
        except OSError as error:
            kept = sorted((self.path / "checkpoints").glob("step-*.safetensors"))
            stands = f"{kept[-1].name} stands: a new call goes on from there" if kept else "there was none before it"
            raise OSError(
                error.errno,
                f"what belongs to step {record['steps']:,} could not be written in {self.path} ({error.strerror}). "
                f"Nothing that was there is damaged; of the checkpoints {stands}. Make room, or choose another run_dir",
            ) from error

    def load(
        self, identity: dict, free: tuple[str, ...], say: Callable[[str], None]
    ) -> tuple[dict[str, Tensor], dict] | None:
        """The newest whole training state of the run that ``identity`` describes, as (tensors, record), or None.

        ``tensors`` is empty for a finished run of which only the record and the weights were kept. ``free`` names
        settings that may differ. The weights of the model at hand may differ too: a run brings its own.
        Raises ValueError, with nothing touched, when the folder belongs to other settings or holds no state that is
        whole.
        """
        found = latest_state(self.path / "checkpoints", say)
        try:
            record = self.record()
        except ValueError as error:
            if found is None:
                raise
            record = None
            say(f"{error} The checkpoints hold the record as well; it is written again.")
        if found is None:
            if record is None:
                return None
            self._compare(record, identity, free)
            if record["finished"] and self.model.exists():
                return {}, record
            raise ValueError(
                f"{self.path}/run.json tells of a run of {record['steps']:,} steps, but its checkpoints are gone. "
                "Bring one back from a copy; or, to start from nothing, delete run.json or choose another run_dir."
            )
        tensors, state = found[0], found[1]["record"]
        self._compare(state, identity, free)
        if record is not None and record["steps"] > state["steps"]:
            say(
                f"{self.path}/run.json tells of step {record['steps']:,}, but the newest checkpoint that is whole is "
                f"of step {state['steps']:,}. Going on from there."
            )
        return tensors, state

    def _compare(self, record: dict, identity: dict, free: tuple[str, ...]) -> None:
        """Refuse a run folder of other settings."""

        def settings(record: dict) -> dict:
            # Through the classes, so that a setting that is younger than the record has its default there.
            model, train = HRMConfig.from_dict(record["model"]), TrainConfig.from_dict(record["train"])
            return {
                k: v
                for k, v in {**model.to_dict(), **train.to_dict(), "puzzles (hash)": record["data"][:12]}.items()
                if k not in free
            }

        if "auto" in (record["train"].get("precision"), identity["train"]["precision"]):
            free += ("precision",)  # whatever is fast on the machine at hand

        differs = difference(settings(record), settings(identity))
        if differs:
            other = " (other puzzles: another source, limit or seed of theirs)" if "puzzles (hash)" in differs else ""
            raise ValueError(
                f"the run folder {self.path} belongs to other settings: {differs}{other}. Nothing in it was changed. "
                "Choose another run_dir for this run, or give the stored settings to go on with that one."
            )
