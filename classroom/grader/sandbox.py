"""How a pupil is locked in: bubblewrap, with no network, no files but Python's and the package's, and limits.

bubblewrap gives the process namespaces of its own: its only files are those bound below, all read-only, and small
tmpfs for what it writes; it sees no process but its own, and no network. When its first process ends, the kernel ends
all others. What bubblewrap does not bound (processes of root, memory of many processes together) the watchdog
does: `usage` counts from outside, and the judge kills.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
_HOME = "/home/pupil"


@dataclass(frozen=True)
class Limits:
    """What a submission may use. A master notebook may set others in its metadata: hrm_lite.classroom.limits."""

    cell_seconds: float = 15
    """CPU seconds of a cell, or of all calls of one test; three times as many on the clock."""
    whole_seconds: float = 120
    """CPU seconds of the whole submission, with its repetitions."""
    memory_mb: int = 2048
    """More than what Python and torch need themselves."""
    processes: int = 40
    """And threads, at most six times as many."""
    file_mb: int = 64
    """The largest file, and the size of each of the folders that can be written to."""


@dataclass(frozen=True)
class Usage:
    """What a process and all below it use."""

    processes: int = 0
    threads: int = 0
    memory: int = 0
    seconds: float = 0.0


@cache
def problem() -> str | None:
    """Why notebooks cannot be locked in on this machine, with what to do; None where they can."""
    todo = (
        "Without it the code of strangers could read the solutions and change files of yours. On Debian and Ubuntu: "
        "apt install bubblewrap. On a Mac or on Windows grade inside Linux: in WSL 2, in a Docker container started "
        "with --privileged, or on a Linux server. To grade without a sandbox all the same, for notebooks that you have "
        "read: --unsafe-without-sandbox (limits of time stay; that of memory holds on Linux only)."
    )
    if not shutil.which("bwrap"):
        return f"bubblewrap (bwrap) is not installed. {todo}"
    done = subprocess.run([*_bwrap(1), sys.executable, "-c", "print('in')"], capture_output=True, text=True)
    if done.stdout.strip() == "in":
        return None
    said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return (
        f"bubblewrap cannot make a sandbox here ({said}). This machine forbids user namespaces, as containers and some "
        f"distributions do (Ubuntu 24.04: sysctl kernel.apparmor_restrict_unprivileged_userns=0). {todo}"
    )


def _bwrap(size_mb: int) -> list[str]:
    size = str(size_mb << 20)
    # Not the repository: of it the package, the run records that it reads, and the two files of the pupil.
    shown = [
        ("/usr", "/usr"),
        (sys.base_prefix, sys.base_prefix),
        (sys.prefix, sys.prefix),
        (ROOT / "hrm_lite", "/course/hrm_lite"),
        (ROOT / "results", "/course/results"),
        (HERE / "pupil.py", "/course/pupil.py"),
        (HERE / "wire.py", "/course/wire.py"),
    ]
    links = [(at, os.readlink(at)) for at in ("/bin", "/lib", "/lib64", "/sbin") if os.path.islink(at)]
    shown += [(at, at) for at in ("/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
              if os.path.exists(at) and not os.path.islink(at)]  # fmt: skip
    binds = [part for source, to in dict.fromkeys(shown) for part in ("--ro-bind", str(source), str(to))]
    fonts = [part for file in _font_lists() for part in ("--ro-bind", str(file), f"{_HOME}/.mpl/{file.name}")]
    return [
        "bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--hostname", "pupil",
        "--die-with-parent", "--new-session", "--cap-drop", "ALL",
        *[part for at, to in links for part in ("--symlink", to, at)],
        "--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
        "--size", size, "--tmpfs", "/tmp", "--size", size, "--tmpfs", _HOME, "--dir", f"{_HOME}/.mpl",
        *binds, *fonts, "--remount-ro", "/", "--chdir", _HOME, "--",
    ]  # fmt: skip


@cache
def _font_lists() -> list[Path]:
    """matplotlib's list of fonts: without it every pupil would spend seconds on looking for them."""
    try:
        import matplotlib

        return sorted(Path(matplotlib.get_cachedir()).glob("fontlist-*.json"))
    except (ImportError, OSError):
        return []


def command(limits: Limits, safe: bool = True) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment of a pupil."""
    start = [sys.executable, "-c", "import pupil; pupil.main()"]
    bounds = {"memory": limits.memory_mb << 20, "file": limits.file_mb << 20, "processes": _of_this_user() + 64}
    environment = {
        "PYTHONPATH": "/course" if safe else os.pathsep.join([str(HERE), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin",
        "HOME": _HOME, "USER": "pupil", "LOGNAME": "pupil", "MPLBACKEND": "agg", "MPLCONFIGDIR": f"{_HOME}/.mpl",
        "NUMBA_CACHE_DIR": "/tmp", "TORCHINDUCTOR_CACHE_DIR": "/tmp", "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
        "PUPIL_LIMITS": json.dumps(bounds),
    }  # fmt: skip
    if safe:
        return [*_bwrap(limits.file_mb), *start], environment
    kept = ("PATH", "HOME", "USER", "LOGNAME", "SYSTEMROOT", "TEMP", "TMP", "MPLCONFIGDIR")
    return start, environment | {name: os.environ[name] for name in kept if name in os.environ}


def usage(pid: int) -> Usage:
    """What a process and all that descend from it use; nothing where the system does not tell (Mac, Windows)."""
    used = [parts for _, parts in _family(pid)]
    if not used:
        return Usage()
    threads, memory, ticks = (sum(column) for column in zip(*used, strict=True))
    return Usage(len(used), threads, memory * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    return [one for one, _ in _family(pid)]


def _family(pid: int) -> list[tuple[int, tuple[int, int, int]]]:
    """Each with its threads, pages of memory, and ticks of processor time, those of its ended children included."""
    parents, found = {}, {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                raw = Path("/proc", name, "stat").read_text(encoding="ascii", errors="replace")
                parts = raw[raw.rindex(")") + 2 :].split()  # the name before it may hold spaces and brackets
                parents[int(name)] = int(parts[1])
                found[int(name)] = (int(parts[17]), int(parts[21]), sum(map(int, parts[11:15])))
    below, new = set(), {pid}
    while new:
        below |= new
        new = {one for one, parent in parents.items() if parent in new} - below
    return [(one, found[one]) for one in below if one in found]


def _of_this_user() -> int:
    """How many threads this user has: a limit of the kernel counts them, whoever started them."""
    total = 0
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        with contextlib.suppress(OSError):
            if name.isdecimal() and os.stat(f"/proc/{name}").st_uid == os.getuid():
                total += len(os.listdir(f"/proc/{name}/task"))
    return total or 1000
