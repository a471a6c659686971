"""What a run was: settings, data, commit, hardware, versions and what was measured, in one JSON file."""

from __future__ import annotations

import contextlib
import difflib
import errno
import json
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "SHIPPED",
    "Shipped",
    "catalogue",
    "discard",
    "look_up",
    "provenance",
    "published",
    "read_json",
    "shipped",
    "write_atomically",
    "write_json",
    "written",
]

# Trained models that come with the package, by the name that one asks for: weights and run record under results/.
SHIPPED = {
    "sudoku-4x4": ("sudoku/4x4-hrm/model.safetensors", "sudoku/4x4-hrm/seed0.json"),
    # Trained on two cores of a laptop's kind, and, four times as large, on a GPU.
    "sudoku-9x9": ("sudoku/9x9-laptop/model.safetensors", "sudoku/9x9-laptop/seed0.json"),
    "sudoku-9x9-compact": ("sudoku/9x9-compact/model.safetensors", "sudoku/9x9-compact/seed0.json"),
    "maze": ("maze/laptop/model.safetensors", "maze/laptop/seed0.json"),
    "arc": ("arc/laptop/model.safetensors", "arc/laptop/seed0.json"),
}

_WINDOWS = os.name == "nt"
_DRIVE = "/content/drive"  # where Colab mounts it

# Where git or GitHub makes an archive, it writes the commit in here (.gitattributes says so).
_ARCHIVED = "$Format:%H$"


def provenance() -> dict:
    """Commit (None where nothing tells it), versions and hardware, as JSON-ready values."""
    import torch  # here: whoever only reads and writes records does not wait for it

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "commit": _commit(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in ("hrm-lite", "numpy")}
        | {"torch": str(torch.__version__)},  # with its build, as in 2.11.0+cu128; pip's own list may lack that
        "hardware": {
            "machine": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "gpu": device,
        },
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit that this package is of: of its checkout, as pip fetched it, or of the archive that it was built from.

    In a checkout, "+changes" stands behind it when files differ from it.
    """
    return _checked_out() or _fetched() or (None if "$" in _ARCHIVED else _ARCHIVED)


def _fetched() -> str | None:
    """What pip noted of an installation from a git address: there is no such note of an archive or an index."""
    try:
        found = metadata.distribution("hrm-lite")
        if Path(found.locate_file("hrm_lite")).resolve() != Path(__file__).resolve().parent:
            return None  # one is installed, and another is imported
        return json.loads(found.read_text("direct_url.json") or "{}").get("vcs_info", {}).get("commit_id")
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return None


def _checked_out() -> str | None:
    here = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=here, capture_output=True, encoding="utf-8", errors="replace", check=True, timeout=10
        ).stdout.strip()

    try:
        # The package must be tracked there: a package installed inside somebody else's checkout is not of that commit.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or sys.platform


def write_atomically(path: Path, write) -> None:
    """Let ``write(file)`` fill a new file beside ``path``, sync it, then rename it over ``path``.

    Whatever happens on the way, ``path`` holds either its old content or all of the new.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(aside, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        _rename(aside, path)
        if os.name == "posix":  # The rename itself is only on disk once the folder is.
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            except OSError as error:
                if error.errno not in _CANNOT_SYNC:
                    raise
            finally:
                os.close(folder)
    finally:
        with contextlib.suppress(OSError):  # a folder that is gone, or no longer ours: what failed first is told
            aside.unlink(missing_ok=True)


# What network drives, and Google's in Colab, answer to the wish to sync a folder: they know no such thing.
_CANNOT_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES, errno.EPERM}


def _on_drive(path: Path) -> bool:
    return path.absolute().is_relative_to(_DRIVE)


def discard(path: Path) -> None:
    """Remove a file. Google Drive keeps what is removed in its bin, so there the file is emptied first."""
    if _on_drive(path):
        with contextlib.suppress(OSError):
            os.truncate(path, 0)
    path.unlink(missing_ok=True)


def _rename(aside: Path, path: Path) -> None:
    """Rename over ``path``. Windows refuses while another program reads the old file: it gets a second to finish.

    On Google Drive what is written over would go to the bin, whole, and fill it: there it is moved aside and emptied.
    """
    if _on_drive(path) and path.exists():
        old = path.with_name(f".{path.name}.old")
        os.replace(path, old)
        os.replace(aside, path)
        discard(old)
        return
    for patience in range(20, -1, -1):
        try:
            return os.replace(aside, path)
        except PermissionError:
            if not (_WINDOWS and patience):
                raise
            time.sleep(0.05)


def write_json(path: Path, value: dict) -> None:
    """Write ``value`` as JSON, atomically. NaN and infinity are refused: they are not JSON."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    write_atomically(Path(path), lambda file: file.write(text.encode()))


def read_json(path: Path) -> dict:
    """What `write_json` wrote. Raises ValueError that names the file when it is not whole JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is not readable as JSON ({error}). It was changed or cut short by something else."
        ) from error


def look_up(record, path: str):
    """The value at ``path``: names and places with dots between them, as in ``end.exact.-1``.

    Raises KeyError or IndexError where there is none.

    A ``*`` stands for every place of a list, so that ``history.*.loss`` is a list.
    """
    value, steps = record, path.split(".")
    for i, step in enumerate(steps):
        if step == "*" and isinstance(value, list):
            return [look_up(one, ".".join(steps[i + 1 :])) if steps[i + 1 :] else one for one in value]
        value = value[int(step)] if isinstance(value, list) and step.lstrip("-").isdigit() else value[step]
    return value


def written(value, form: str) -> str:
    """As the book writes numbers: a true minus, and a space before the per cent sign."""
    return re.sub(r"(?<=\d)%", " %", re.sub(r"^-(?=\d)", "−", format(value, form)))


def published(name: str) -> list[dict]:
    """The run records that the book quotes: every JSON file under results/``name``/, in the order of their paths.

    They lie in the checkout, or in the installed package (which carries a copy for Colab). Raises
    FileNotFoundError when there is no such record.
    """
    for results in _results():
        if found := _matching(results, f"{name}/**/*.json"):
            return [read_json(path) for path in found.values()]
    raise FileNotFoundError(
        f"no run records called {name!r} lie beside the package. They come with a checkout of the repository; "
        "the scripts in experiments/ make them."
    )


def catalogue(*patterns: str) -> dict[str, dict]:
    """The run records whose path under results/ matches one of the globs ``patterns``, by that path, in its order.

    Unlike `published` it may find nothing: for pages that show what there is. Where the checkout lacks results/, those
    of the installed package are taken.
    """
    home = next((results for results in _results() if results.is_dir()), None)
    return {name: read_json(path) for name, path in (_matching(home, *patterns) if home else {}).items()}


def _matching(results: Path, *patterns: str) -> dict[str, Path]:
    """The records under ``results`` by their path there, in its order.

    Not the copies that an editor keeps beside them (.ipynb_checkpoints), nor the finished run that lies beside an
    executed notebook: the record says it all again.
    """
    paths = {path for pattern in patterns for path in results.glob(pattern) if path.suffix == ".json"}
    named = {path.relative_to(results).as_posix(): path for path in sorted(paths)}
    return {name: path for name, path in named.items() if not re.search(r"(^|/)\.|/run/", name)}


def _results() -> tuple[Path, Path]:
    """Where results may lie: in the checkout, or in the installed package."""
    here = Path(__file__).resolve().parent
    return here.parent / "results", here / "results"


class Shipped(NamedTuple):
    """A trained model that comes with the package."""

    weights: Path
    """Its model file"""
    record: Path
    """Its run record, for `read_json`"""


def shipped(name: str) -> Shipped:
    """Where the trained model of this name lies, in the checkout or in the installed package.

    Raises ValueError for a name that there is not, with the nearest one, and FileNotFoundError when the files are
    missing.
    """
    if name not in SHIPPED:
        near = difflib.get_close_matches(str(name), SHIPPED, 1, 0.5)
        raise ValueError(
            f"no trained model called {name!r} comes with the package."
            f"{f' Do you mean {near[0]!r}?' if near else ''} There are: {', '.join(SHIPPED)}."
        )
    for results in _results():
        found = Shipped(*(results / file for file in SHIPPED[name]))
        if found.weights.is_file() and found.record.is_file():
            return found
    raise FileNotFoundError(
        f"the files of {name!r} are missing: {' and '.join(SHIPPED[name])} should lie in results/, beside or in the "
        "package. Install it again, or fetch them from the repository."
    )
