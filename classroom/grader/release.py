"""What is handed out: masters without solutions, hidden tests and outputs, one folder and one zip each.

nbgrader's own steps do it, so that a course that uses nbgrader gets from here what it would get there. What they leave
is then looked through: nothing of a solution or of a hidden test may be in it, whatever marks it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

from tools import address

from .judge import BEGIN, END
from .notebooks import SOLUTION, Master, read_master
from .zips import zipped

MARK = ".derived.json"  # beside the notebook: the hash of what was derived, to see whether somebody has worked in it


class Worked(Exception):
    """Somebody has worked in a folder that would be overwritten."""


def derive(path: Path) -> bytes:
    """The student's version of a master, as the bytes of a notebook."""
    import nbformat
    from nbgrader import preprocessors as steps

    master = read_master(path)
    text = address.with_bootstrap(Path(path).read_text(encoding="utf-8"), address.current(), address.version())
    notebook = nbformat.reads(text, as_version=4)
    for step in (steps.CheckCellMetadata, steps.LockCells, steps.ClearSolutions, steps.ClearHiddenTests,
                 steps.ClearMarkScheme, steps.ClearOutput, steps.ComputeChecksums):  # fmt: skip
        notebook, _ = step().preprocess(notebook, {})
    own = notebook.metadata.setdefault("hrm_lite", {}).setdefault("classroom", {})
    own |= {"assignment": master.name, "version": master.edition}
    own.pop("limits", None)
    whole = nbformat.writes(notebook, version=4)
    faults = leaks(json.loads(whole), master)
    if faults:
        raise ValueError(f"{path}: the student's version would hold {'; '.join(faults)}")
    return whole.encode("utf-8") + b"\n"


def leaks(notebook: dict, master: Master) -> list[str]:
    """What of solutions, hidden tests and outputs is in a notebook that is to be handed out."""
    found, shown = [], "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    if any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"]):
        found.append("outputs")
    if re.search(r"BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)", shown):
        found.append("marks of a solution or a hidden test")
    handed_out = {_squeezed(line) for line in shown.splitlines()}
    given = "\n".join(_outside(cell.source) for cell in master.cells)
    public = {_squeezed(line) for line in given.splitlines()}
    for cell in master.cells:
        for line in _secret(cell.source):
            text = _squeezed(line)
            if len(text) > 12 and text in handed_out and text not in public:
                found.append(f"a line of {cell.grade_id}: {line.strip()[:60]}")
    return found


def release(source: Path, to: Path, names=()) -> list[Path]:
    """Derive assignments into ``to``. Raises Worked, with nothing written, where a student's work is in the way."""
    to = Path(to)
    paths = [path for path in sorted(Path(source).glob("*/*.ipynb")) if path.stem == path.parent.name]
    unknown = set(names) - {path.stem for path in paths}
    if unknown:
        raise ValueError(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(p.stem for p in paths)}")
    made = {path: derive(path) for path in paths if not names or path.stem in names}
    for path, whole in made.items():
        _insist_untouched(to / path.stem, whole)
    written = []
    for path, whole in made.items():
        folder = to / path.stem
        folder.mkdir(parents=True, exist_ok=True)
        files = {f"{path.stem}.ipynb": whole}
        for extra in sorted(path.parent.iterdir()):  # pictures and data that the notebook shows
            if extra.is_file() and extra != path and not extra.name.startswith((".", "_")):
                files[extra.name] = extra.read_bytes()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        marks = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        (folder / MARK).write_text(json.dumps(marks, indent=1), encoding="utf-8")
        written += [folder / f"{path.stem}.ipynb", _zip(to / f"{path.stem}.zip", path.stem, files)]
    return written


def _insist_untouched(folder: Path, whole: bytes) -> None:
    if not folder.exists():
        return
    try:
        marks = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        marks = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MARK):
        if ".ipynb_checkpoints" in path.parts:
            continue
        content = path.read_bytes()
        if content != whole and marks.get(path.relative_to(folder).as_posix()) != hashlib.sha256(content).hexdigest():
            raise Worked(
                f"{path} is not what was derived: somebody has worked in it. Nothing was written. Move it to where you "
                "work, or derive to another place with --to FOLDER."
            )


def _zip(path: Path, folder: str, files: dict[str, bytes]) -> Path:
    half = path.with_suffix(".part")
    half.write_bytes(zipped({f"{folder}/{name}": content for name, content in files.items()}))
    shutil.move(half, path)
    return path


_PARTS = rf"(?ms){SOLUTION}|^[ \t]*{re.escape(BEGIN)}.*?{re.escape(END)}[^\n]*$"


def _secret(source: str) -> list[str]:
    return [line for part in re.findall(_PARTS, source) for line in part.splitlines()]


def _outside(source: str) -> str:
    return re.sub(_PARTS, "", source)


def _squeezed(line: str) -> str:
    return re.sub(r"\s+", "", line)
