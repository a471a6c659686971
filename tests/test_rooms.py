"""The plan of the house: who may import whom. Arrows point down only; CONTRIBUTING draws the same map."""

import ast
import builtins
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "hrm_lite"
# Each floor may import itself and what stands below it. The model, to be read in order, stands on the puzzles.
GROUND = (
    "config", "presets", "layers", "model", "losses", "halting", "gradients", "fixed_points", "dynamics", "baselines",
    "official", "records", "findings", "processes",
)  # fmt: skip
FLOORS = (("puzzles",), GROUND, ("solving", "voting"), ("training",), ("plots",), ("explorers", "exercises"), ("cli",))
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
BESIDE = {("plots", "training")}  # and these two know nothing of each other, in whichever order they stand


def imports(path: Path, package: Path = PACKAGE):
    """(line, room) of everything of the package that a file imports: at its top, in a function, or for its types."""
    here = path.relative_to(package).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(("hrm_lite", *here)[: -node.level]) if node.level else []
            base += node.module.split(".") if node.module else []
            names = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for name in names:
            if name[0] == "hrm_lite" and len(name) > 1:
                yield node.lineno, name[1]


def faults(path: Path, package: Path = PACKAGE) -> list[str]:
    """What a file imports against the arrows."""
    own = path.relative_to(package).parts[0].removesuffix(".py")
    if own in ("__init__", "__main__"):
        return []
    found = []
    for line, room in imports(path, package):
        if room in FLOOR and (FLOOR[room] > FLOOR[own] or (own, room) in BESIDE or (room, own) in BESIDE):
            found.append(f"{path.name}:{line}: {own} imports {room}, which stands above or beside it")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_arrows_point_down(path):
    assert not faults(path)


def test_every_room_has_its_place():
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if not path.name.startswith((".", "_"))}
    assert rooms - set(FLOOR) <= {"py.typed"}, "say in FLOORS where the new room stands"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("model.py", "from .training import Trainer"),
        ("model.py", "import hrm_lite.training.trainer"),
        ("puzzles/maze/set.py", "from ...model import HRM"),
        ("puzzles/base.py", "from hrm_lite import solving"),
        ("training/optim.py", "from ..cli import main"),
        ("solving/attempts.py", "def f():\n    from ..training.checkpoints import load_model"),
        ("plots/boards.py", "from ..training import Trainer"),
        ("training/trainer.py", "from .. import plots"),
    ],
)
def test_an_arrow_that_points_up_is_seen(tmp_path, file, line):
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(line)
    assert faults(path, tmp_path)


def test_no_wing_is_a_crowd():
    """About twenty things side by side can be taken in; a wing with more wants a door of its own."""
    for folder in (PACKAGE, *(p for p in PACKAGE.rglob("*") if p.is_dir() and (p / "__init__.py").exists())):
        things = [p for p in folder.iterdir() if not p.name.startswith(("_", ".")) and p.name != "py.typed"]
        assert len(things) <= 22, f"{folder.name} has {len(things)} files and folders side by side"


def test_no_room_hides_a_builtin():
    """A module becomes an attribute of its folder: one called `set` would stand in the door's way to Python's own."""
    hidden = {path.stem for path in PACKAGE.rglob("*.py")} & set(dir(builtins))
    assert not hidden
