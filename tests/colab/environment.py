"""An environment like Google Colab's: its Python, its versions (tests/data/colab-pins.txt), its torch."""

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PINS = ROOT / "tests" / "data" / "colab-pins.txt"
STUB = Path(__file__).resolve().parent   # the folder that holds google/colab
CPU = "https://download.pytorch.org/whl/cpu"


class Missing(Exception):
    """Something that this machine does not have, and that is not for a test to fetch unasked."""


def pins() -> dict[str, str]:
    lines = [line for line in PINS.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def interpreter(version: str) -> str:
    """A Python of that version, "3.12": from the search path, or from pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    kept = sorted(glob.glob(str(pyenv / "versions" / f"{version}.*" / "bin" / "python")))
    for python in [shutil.which(f"python{version}"), *kept]:
        if python is not None and says(python, "import sys; print('%d.%d' % sys.version_info[:2])") == version:
            return python
    raise Missing(f"there is no Python {version} on this machine, neither on the search path nor with pyenv")


def says(python, code: str) -> str | None:
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def made(version: str, torch: str) -> Path:
    """The interpreter of such an environment, in _build/colab; made where it is not there yet.

    torch: "cpu", or "cuda": the build that Colab has, 5.7 GB with all that belongs to it; or "here": no environment
    is made, since this is Colab's own image. Raises Missing.
    """
    if torch == "here":
        if (own := ".".join(map(str, sys.version_info[:2]))) != version:
            raise Missing(f"this image has Python {own}")
        return Path(sys.executable)
    python = interpreter(version)
    home = ROOT / "_build" / "colab" / f"{version}-{torch}"
    own = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = PINS.read_text(encoding="utf-8")
    stamp = home / "made-of.txt"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return own
    shutil.rmtree(home, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(home)], check=True)
    versions = {name: version for name, version in pins().items() if name != "python"}
    install = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Torch first: where it cannot be had, nothing else is fetched. From the CPU's index alone, which lacks the rest.
    wish = f"torch=={versions['torch']}"
    alone = ["--no-deps", "--index-url", CPU] if torch == "cpu" else ["--no-deps"]
    fetched = subprocess.run([*install, *alone, wish], capture_output=True, text=True)
    if fetched.returncode:
        why = [line for line in fetched.stderr.splitlines() if line.startswith("ERROR")][:1]
        raise Missing(f"{wish} ({torch}) for Python {version} cannot be had here: {' '.join(why)}")
    # Then the rest, and what torch itself needs.
    subprocess.run([*install, *(f"{name}=={v}" for name, v in versions.items())], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return own
