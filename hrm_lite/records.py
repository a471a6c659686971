"""What a run was: settings, data, commit, hardware, versions and what was measured, in one JSON file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

__all__ = ["provenance", "published", "read_json", "write_atomically", "write_json"]


def provenance() -> dict:
    """Commit (None outside a checkout), versions and hardware, as JSON-ready values."""
    import torch  # here: whoever only reads and writes records does not wait for it

    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "commit": _commit(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in ("hrm-lite", "torch", "numpy")},
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
    """The commit of the checkout that this package is read from, with "+changes" when files differ from it."""
    here = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=here, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        # The package must be tracked there: a package installed inside somebody else's checkout is not of that commit.
        git("ls-files", "--error-unmatch", Path(__file__).name)
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
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
        os.replace(aside, path)
        if os.name == "posix":  # The rename itself is only on disk once the folder is.
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    finally:
        aside.unlink(missing_ok=True)


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


def published(name: str) -> list[dict]:
    """The run records that the book quotes: every JSON file under results/``name``/, in the order of their paths.

    They lie in the checkout, or in the installed package (which carries a copy for Colab). Raises
    FileNotFoundError when there is no such record.
    """
    here = Path(__file__).resolve().parent
    for results in (here.parent / "results", here / "results"):
        if found := sorted((results / name).rglob("*.json")):
            return [read_json(path) for path in found]
    raise FileNotFoundError(
        f"no run records called {name!r} lie beside the package. They come with a checkout of the repository; "
        "the scripts in experiments/ make them."
    )
