"""Handed-in files, however a learning platform or a person named them: whose they are, and where they lie.

    Moodle    Müller Jörg_1234567_assignsubmission_file_/x.ipynb     folders, or the same in front of the file's name
    Canvas    mullerjorg_LATE_12345_678_1_fixed_points-2.ipynb, anon_k3Xq9_678_1_fixed_points.ipynb
    nbgrader  STUDENT/1_fixed_points/1_fixed_points.ipynb
    people    Jörg Müller/x.ipynb, Jörg Müller.ipynb, Jörg Müller 1_fixed_points.ipynb

Each of them in a folder or in a zip, and what a student zipped inside that. Names in archives are labels here and
never paths: whatever `../` they hold, files are written under names of our own. Links are not followed.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from .notebooks import MOST_BYTES

MOST_FILES = 10_000
MOST_IN_ALL = 4 << 30  # bytes unpacked
_MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)")
_CANVAS = re.compile(r"(?P<name>[^_\W]+?)_(?P<late>LATE_)?(?P<id>\d+)_(?P<file>\d+)_(?P<rest>.+)")
_ANONYMOUS = re.compile(r"(?P<late>LATE_)?(?P<name>anon)_(?P<id>[0-9A-Za-z]+)_(?P<file>\d+)_(?P<rest>.+)")
_TYPED = re.compile(r"(?P<name>[^_\W]+?)_(?P<late>LATE_)?(?P<id>\d+)_(?P<rest>(?:text|link)\.html)")  # no file
_NOISE = re.compile(r"(^|/)(__MACOSX|\.ipynb_checkpoints|\.DS_Store|\._[^/]*|Thumbs\.db|desktop\.ini)(/|$)")


@dataclass
class Submission:
    """A file, and whose it is."""

    student: str
    """The name as it is shown: "Müller Jörg"."""
    key: str
    """What tells two students of one name apart."""
    label: str
    """The file's name as it was handed in."""
    path: Path | None
    """Where it lies; None where there is nothing that could be read."""
    system: str = ""
    number: str = ""
    """The platform's number of the student, or of the submission."""
    given: str = ""
    """What the platform called the file (Canvas) or its folder (Moodle): it takes feedback back under this name."""
    late: bool = False
    turn: tuple = (0, 0)
    """Of several files of one student, the greatest is the last."""
    problem: str = ""
    notes: list[str] = field(default_factory=list)


def collect(source: Path, unpacked: Path, assignments=()) -> tuple[list[Submission], list[str]]:
    """All files below a folder, or in a zip, and what the lecturer should know of the rest.

    unpacked: an empty folder of ours, for what comes out of archives. assignments: names, to tell them from people's.
    """
    bag = _Bag(unpacked)
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f"there is no {source}: give the folder or the zip with what was handed in")
    if source.is_file():
        bag.zip(source, "")
    else:
        for path in sorted(source.rglob("*")):
            label = path.relative_to(source).as_posix()
            if _NOISE.search("/" + label):
                continue
            if path.is_symlink():
                bag.add(label, None, 0, "This is a link to another file, and links are not followed: hand in the file.")
            elif path.is_file():
                bag.file(path, label, path.stat().st_mtime)
    return _last_of_each(bag.found, assignments), bag.told


class _Bag:
    def __init__(self, unpacked: Path):
        self.unpacked, self.found, self.told, self.size = unpacked, [], [], 0

    def add(self, label: str, path: Path | None, when: float, problem: str = "") -> None:
        self.found.append((unicodedata.normalize("NFC", label), path, when, problem))

    def file(self, path: Path, label: str, when: float) -> None:
        if path.suffix.lower() == ".zip":
            self.zip(path, label)
        elif path.suffix.lower() in (".ipynb", ".json"):
            self.add(label, path, when)
        else:
            self.add(label, None, when, "This is no notebook: hand in the .ipynb file (File, Download, .ipynb).")

    def zip(self, path: Path, label: str, depth: int = 0) -> None:
        """The notebooks of an archive. label: of the archive itself, which may be a student's."""
        broken = "This archive cannot be unpacked: hand in the notebook itself."
        try:
            with zipfile.ZipFile(path) as archive:
                members = [one for one in archive.infolist() if not one.is_dir()]
                if len(members) > MOST_FILES:
                    return self.add(label, None, 0, f"This archive holds {len(members):,} files: hand in the notebook.")
                for member in members:
                    self._member(archive, member, label, depth)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError, EOFError):
            if not label:
                raise ValueError(f"{path} is no zip that can be read") from None
            self.add(label, None, 0, broken)

    def _member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, label: str, depth: int) -> None:
        parts = [part for part in re.split(r"[/\\]", _name(member)) if part not in ("", ".", "..")]
        name = "/".join(parts) or "file"
        if _NOISE.search("/" + name):
            return
        inside = f"{label.removesuffix('.zip')}/{name}" if label else name
        kind = PurePosixPath(name).suffix.lower()
        if member.external_attr >> 16 & 0o170000 == 0o120000:
            return self.add(inside, None, 0, "This is a link to another file: hand in the file itself.")
        if kind not in (".ipynb", ".json", ".zip") or (kind == ".zip" and depth):
            return self.add(inside, None, 0, "This is no notebook: hand in the .ipynb file (File, Download, .ipynb).")
        to = self.unpacked / f"{len(self.found) + len(list(self.unpacked.iterdir())):05}{kind}"
        to.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as packed, open(to, "wb") as out:  # what the archive says of sizes may be a lie
            size = 0
            while chunk := packed.read(1 << 20):
                size += len(chunk)
                if size > MOST_BYTES or self.size + size > MOST_IN_ALL:
                    out.truncate(0)
                    return self.add(inside, None, 0, f"Unpacked, this file has more than {MOST_BYTES >> 20} MB: clear "
                                                     "the outputs of the notebook and hand it in again.")  # fmt: skip
                out.write(chunk)
        self.size += size
        when = sum(n * 60**i for i, n in enumerate(reversed(member.date_time)))
        if kind == ".zip":
            self.zip(to, inside, depth + 1)
        else:
            self.add(inside, to, when)


def _name(member: zipfile.ZipInfo) -> str:
    """Archives without the mark for UTF-8 are often UTF-8 all the same."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return member.filename


def whose(label: str, assignments=()) -> Submission:
    """Who handed in a file of this name."""
    parts = [part for part in PurePosixPath(label).parts]
    for part in parts:
        found = _MOODLE.fullmatch(part)
        if found:
            folder = f"{found['name']}_{found['id']}_assignsubmission_file_"
            return Submission(_tidy(found["name"]), f"moodle {found['id']}", label, None, "moodle", found["id"], folder)
    for part in parts:
        found = _ANONYMOUS.fullmatch(part) or _CANVAS.fullmatch(part) or _TYPED.fullmatch(part)
        if found:
            return _of_canvas(found, label, part if part == parts[-1] else f"{part}.zip")  # a label has lost its .zip
    known = {_tidy(name).casefold() for name in assignments}
    people = [part for part in parts[:-1] if _tidy(part).casefold() not in known | {"submitted", "submissions"}]
    if people:
        return Submission(_tidy(people[0]), _tidy(people[0]), label, None)
    stem = PurePosixPath(parts[-1]).stem
    for name in sorted(assignments, key=len, reverse=True):
        stem = re.sub(re.escape(name).replace("_", "[_ ]"), "", stem, flags=re.IGNORECASE)
    copy = re.search(r"\((\d+)\)\s*$", stem)
    name = _tidy(re.sub(r"\(\d+\)\s*$", "", stem)) or _tidy(PurePosixPath(parts[-1]).stem)
    return Submission(name, name, label, None, turn=(int(copy[1][:9]) if copy else 0, 0))


def _of_canvas(found: re.Match, label: str, given: str) -> Submission:
    about = found.groupdict()
    turn = re.search(r"-(\d+)(?:\.\w+)?$", about["rest"])
    order = (int(turn[1][:9]) if turn else 0, int((about.get("file") or "0")[:15]))
    number, unnamed = about["id"], found.re is _ANONYMOUS
    name, given = (f"anon {number}" if unnamed else about["name"]), ("" if found.re is _TYPED else given)
    return Submission(name, f"canvas {number}", label, None, "canvas", number, given, bool(about["late"]), order)


def _tidy(name: str) -> str:
    """One line, without what a name cannot hold; it will stand in tables and pages."""
    name = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in unicodedata.normalize("NFC", name))
    return re.sub(r"\s+", " ", name.replace("_", " ")).strip(" -.")[:120]


def _last_of_each(found, assignments) -> list[Submission]:
    """Submissions by student; a file that is no notebook is left out where its owner handed in one, too."""
    each: list[Submission] = []
    for label, path, when, problem in found:
        one = whose(label, assignments)
        one.path, one.problem, one.turn = path, problem, (*one.turn, when)
        each.append(one)
    with_notebook = {one.key for one in each if one.path}
    kept = [one for one in each if one.path or one.key not in with_notebook]
    seen, result = set(), []
    for one in kept:
        if one.path or one.key not in seen:
            result.append(one)
        seen.add(one.key)
    keys: dict[str, set[str]] = {}
    for one in result:
        keys.setdefault(one.student, set()).add(one.key)
    for one in result:  # two of one name, or a platform that hides names: all are a "Participant"
        if one.number and len(keys[one.student]) > 1:
            one.student = f"{one.student} ({one.number})"
    return result
