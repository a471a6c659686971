"""The project files agree with each other: versions, environments, licences, commands, and the public address."""

import ast
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from hrm_lite.cli import COMMANDS
from tools import address, api

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def by_name(lines) -> dict[str, Requirement]:
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


def pins(name: str) -> dict[str, Version]:
    lines = [line for line in text(name).splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines), "NAME==VERSION, nothing local"
    return {canonicalize_name(line.partition("==")[0]): Version(line.partition("==")[2]) for line in lines}


NEEDED = by_name(PROJECT["dependencies"])
EXTRAS = {extra: by_name(lines) for extra, lines in PROJECT["optional-dependencies"].items()}
TARGETS = dict(re.findall(r"(?m)^([a-z]+):.*?## (.*)$", text("Makefile")))


# Versions and environments

def test_the_installed_package_is_the_declared_one():
    """An environment that was made before pyproject.toml changed would test something else."""
    assert metadata.version("hrm-lite") == PROJECT["version"]
    installed = by_name(r for r in metadata.requires("hrm-lite") if "extra ==" not in r)
    assert installed == NEEDED


def test_lower_bounds_are_loose_and_there_for_all():
    for name, requirement in NEEDED.items():
        operators = {s.operator for s in requirement.specifier}
        assert ">=" in operators, f"{name} has no lower bound"
        assert "==" not in operators, f"{name} is pinned: exact versions belong into constraints.txt"


@pytest.mark.parametrize("group", ["dependencies", *sorted(EXTRAS)])
def test_constraints_hold_an_exact_and_allowed_version_of_every_requirement(group):
    pinned = pins("constraints.txt")
    for name, requirement in (NEEDED if group == "dependencies" else EXTRAS[group]).items():
        assert name in pinned, f"{name} is not in constraints.txt"
        assert pinned[name] in requirement.specifier, f"constraints.txt: {name} {pinned[name]}, wanted {requirement}"


def test_constraints_fit_every_platform():
    names = pins("constraints.txt").keys()
    assert not names & {"hrm-lite", "triton", "pip", "setuptools"}, "what one machine has must not be pinned for all"
    assert not [name for name in names if name.startswith("nvidia-")]


def test_environment_yml_says_what_pyproject_says():
    environment = yaml.safe_load(text("environment.yml"))
    *conda, pip = environment["dependencies"]
    listed = by_name(line for line in pip["pip"] if not line.startswith("-"))
    assert listed == NEEDED | EXTRAS["book"]
    assert "-e ." in pip["pip"] and "-c constraints.txt" in pip["pip"]
    python = by_name(c for c in conda if c != "pip")["python"].specifier
    assert all(Version(f"3.{minor}") in python and Version(f"3.{minor}") in SpecifierSet(PROJECT["requires-python"])
               for minor in (11, 12, 13))
    assert Version("3.10") not in python and Version("3.10") not in SpecifierSet(PROJECT["requires-python"])


def test_colab_keeps_everything_it_has():
    colab = pins("tests/data/colab-pins.txt")
    assert {"torch", "numpy", "ipywidgets", "matplotlib"} <= colab.keys() & NEEDED.keys()
    for name in NEEDED.keys() & colab.keys():
        assert colab[name] in NEEDED[name].specifier, f"installing there would replace {name} {colab[name]}"
    assert colab["python"] in SpecifierSet(PROJECT["requires-python"])


def test_one_version_everywhere():
    import hrm_lite

    version = PROJECT["version"]
    assert yaml.safe_load(text("CITATION.cff"))["version"] == version
    assert re.search(r"(?m)^## (\S+)", text("CHANGELOG.md"))[1] == version
    assert getattr(hrm_lite, "__version__", version) == version


# Commands

@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on this machine")
def test_help_names_every_target():
    phony = set(re.search(r"(?m)^\.PHONY: (.*)$", text("Makefile"))[1].split())
    assert phony == TARGETS.keys() | {"help"}
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(re.search(rf"(?m)^ +make {t} ", listed) for t in TARGETS)
    assert listed == subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_written_commands_exist():
    used = {}
    for path in ["README.md", "CONTRIBUTING.md", ".ci/run", ".github/workflows/ci.yml", ".github/workflows/pages.yml"]:
        used[path] = set(re.findall(r"(?m)(?:^|[`$:;|] ?)make ([a-z]+)", text(path)))
        assert used[path] <= TARGETS.keys() | {"help"}, f"{path} names targets that the Makefile lacks"
    assert {"book", "test"} <= used["README.md"]
    assert "test" in used[".ci/run"] and "book" in used[".github/workflows/pages.yml"]


def test_ci_runs_what_a_reader_runs():
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    job = workflow["jobs"]["test"]
    assert {"3.11", "3.13"} <= set(job["strategy"]["matrix"]["python"])
    assert ".ci/run" in [step.get("run") for step in job["steps"]]
    if os.name == "posix":   # Windows has no such bit
        assert (ROOT / ".ci/run").stat().st_mode & 0o100, ".ci/run must be executable"


def test_hooks_strip_outputs_and_run_ruff():
    hooks = [hook for repo in yaml.safe_load(text(".pre-commit-config.yaml"))["repos"] for hook in repo["hooks"]]
    assert {"nbstripout", "ruff"} <= {hook["id"] for hook in hooks}


# Licences, citation, third-party files

def test_licences():
    assert "Apache License" in text("LICENSE")[:200] and "END OF TERMS AND CONDITIONS" in text("LICENSE")
    assert "Attribution 4.0" in text("LICENSE-text")[:500] and "Section 8 – Interpretation" in text("LICENSE-text")
    assert PROJECT["license"] == yaml.safe_load(text("CITATION.cff"))["license"] == "Apache-2.0"


def test_citation_file_is_complete():
    citation = yaml.safe_load(text("CITATION.cff"))
    assert {"cff-version", "message", "title", "authors", "version", "repository-code"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert [r["url"] for r in citation["references"]] == ["https://arxiv.org/abs/2506.21734"]


def test_vendored_files_are_small_and_licensed():
    vendor = ROOT / "book" / "_static" / "vendor"
    files = [p for p in vendor.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < 6e6 and max(p.stat().st_size for p in files) < 4e6
    for folder in (p for p in vendor.iterdir() if p.is_dir()):
        assert (folder / "LICENSE").stat().st_size > 500, f"{folder.name} lacks its licence"
        assert f"`{folder.name}/`" in (vendor / "README.md").read_text(encoding="utf-8")


# The public address: one setting, and what derives from it

URL = address.current()


@pytest.fixture
def copy(tmp_path):
    """Our own text files, where an address may be changed without harm."""
    for path in address.files(ROOT):
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return tmp_path


def move(root: Path, url: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "tools/address.py", url], cwd=root, capture_output=True, text=True)


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in address.files(root)}


def test_everything_says_the_address_that_is_set():
    assert not address.rewrite(URL), "run `make address`"
    assert yaml.safe_load(text("_config.yml"))["repository"]["url"] == URL
    citation = yaml.safe_load(text("CITATION.cff"))
    assert (citation["repository-code"], citation["url"]) == (URL, address.pages(URL) + "/")
    assert address.badges(URL) in text("README.md"), "README.md needs the lines <!-- badges --> and <!-- /badges -->"


def test_no_link_leads_to_a_repository_of_this_name_elsewhere():
    owner, name = address.parts(URL)
    link = re.compile(rf"(?:github\.com|google\.com/github|mybinder\.org/v2/gh)[/:]([\w-]+)/{re.escape(name)}(?![\w-])")
    page = re.compile(rf"([\w-]+)\.github\.io/{re.escape(name)}(?![\w-])")
    for path, content in contents(ROOT).items():
        found = content.decode("utf-8", "ignore")
        assert {*link.findall(found), *page.findall(found)} <= {owner}, path


def test_moving_to_a_new_address_leaves_nothing_of_the_old_one(copy):
    owner, name = "Some-Body", "other.book"   # apart, or this file would be rewritten, too
    before = contents(copy)
    assert move(copy, f"https://github.com/{owner}/{name}/").returncode == 0
    moved = contents(copy)
    changed = {path for path in moved if moved[path] != before[path]}
    assert {"README.md", "pyproject.toml", "_config.yml", "CITATION.cff"} <= changed
    assert {p for p in before if p.endswith(".ipynb") and p.startswith("book/")} <= changed
    slug, site = "/".join(address.parts(URL)), address.pages(URL).removeprefix("https://")
    left = [p for p, content in moved.items() if slug.encode() in content or site.encode() in content]
    assert not left, f"{left} state the address in a form that tools/address.py does not know"
    assert f"https://{owner}.github.io/{name}/".encode() in moved["CITATION.cff"]

    again = move(copy, f"https://github.com/{owner}/{name}.git")
    assert again.returncode == 0 and contents(copy) == moved, "a second time must change nothing"
    assert move(copy, URL).returncode == 0
    assert contents(copy) == before, "and the way back must lead to where it began"


@pytest.mark.parametrize("bad", ["hrm-lite", "http://github.com/a/b", "https://github.com/a", "https://github.com/a/b/c",
                                 "https://gitlab.com/a/b", "https://github.com/a b/c", "https://github.com/-a/b",
                                 "https://github.com/a/.."])
def test_a_malformed_address_changes_nothing(copy, bad):
    before = contents(copy)
    done = move(copy, bad)
    assert done.returncode != 0
    assert "https://github.com/OWNER/NAME" in done.stderr and repr(bad) in done.stderr
    assert contents(copy) == before


CELL = "".join(address.bootstrap(URL, PROJECT["version"])["source"])


def run_cell(cell: str, monkeypatch, missing: bool, returncode: int | None = None) -> list[list[str]]:
    """The commands that the cell runs. returncode: what they end with; None: they run for real."""
    commands, real = [], subprocess.run

    def run(command, **how):
        commands.append(command)
        return real(command, **how) if returncode is None else subprocess.CompletedProcess(command, returncode, "", "")

    find = importlib.util.find_spec
    absent = lambda name, *more: None if missing and name == "hrm_lite" else find(name, *more)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", absent)
    monkeypatch.setattr(subprocess, "run", run)
    exec(cell, {})
    return commands


@pytest.mark.parametrize("missing", [True, False])
def test_the_bootstrap_cell_installs_the_package_where_it_is_missing_and_nothing_else(missing, monkeypatch):
    commands = run_cell(CELL, monkeypatch, missing, returncode=0)
    if not missing:
        assert commands == []
    else:
        [(python, *module, command, quiet, _, _, what)] = commands
        assert (python, module, command, quiet) == (sys.executable, ["-m", "pip"], "install", "--quiet")
        assert what == f"hrm-lite @ {URL}/archive/refs/tags/v{PROJECT['version']}.zip", "not the main branch"


def test_where_the_package_cannot_be_fetched_the_cell_fails_with_the_address_and_what_to_do(monkeypatch, capsys):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    cell = CELL.replace(URL, "http://127.0.0.1:9/hrm-lite")   # where nobody answers
    with pytest.raises(RuntimeError, match=r"could not be installed from http://127\.0\.0\.1:9/.*run this cell again"):
        run_cell(cell, monkeypatch, missing=True)
    assert "127.0.0.1" in capsys.readouterr().out, "and pip's own words stand above"


def test_the_bootstrap_cell_follows_the_version(copy):
    for name in ("pyproject.toml", "CITATION.cff"):
        path = copy / name
        path.write_text(path.read_text(encoding="utf-8").replace(PROJECT["version"], "7.8.9"), encoding="utf-8")
    assert move(copy, URL).returncode == 0
    for path in copy.glob("*/*.ipynb"):
        assert "/archive/refs/tags/v7.8.9.zip" in path.read_text(encoding="utf-8"), path.name


def test_nothing_is_opened_in_the_encoding_that_a_system_happens_to_have():
    """UTF-8 on Linux, something else on Windows."""
    careless = []
    for folder in ("hrm_lite", "tools", "experiments", "benchmarks", "classroom"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", ""))
                text = name in ("read_text", "write_text") or (
                    name == "open"
                    and getattr(getattr(call.func, "value", None), "id", "") not in ("os", "archive", "Image")
                    and not any(isinstance(a, ast.Constant) and "b" in str(a.value) for a in call.args[:2]))
                named = [k.arg for k in call.keywords] if text else []
                if text and "encoding" not in named and not (name == "read_text" and call.args):
                    careless.append(f"{path.relative_to(ROOT).as_posix()}:{call.lineno}")
    assert not careless, f"encoding=\"utf-8\" is missing: {careless}"


def test_no_two_files_are_one_where_capitals_do_not_count_and_every_name_can_be_a_files():
    """On macOS and Windows."""
    names = [path.relative_to(ROOT).as_posix() for path in address.files(ROOT)]
    names += [path.relative_to(ROOT).as_posix() for path in (ROOT / "results").rglob("*")]
    assert len({name.lower() for name in names}) == len(names)
    assert not [name for name in names if re.search(r'[<>:"|?*\\]|[ .](/|$)', name) or len(name) > 150]


def test_the_reference_has_every_module_that_offers_something():
    package = ROOT / "hrm_lite"
    inner = ("puzzles.arc.", "puzzles.maze.", "puzzles.sudoku.", "puzzles.compiled", "solving.", "official.", "plots.")
    inner += ("cli.", "exercises.chapter_", "exercises.appendix_", "exercises.classroom.", "explorers.live.")
    inner += ("dynamics.",)
    offering = {
        ".".join(path.relative_to(package).with_suffix("").parts)
        for path in package.rglob("*.py")
        if "__all__" in path.read_text(encoding="utf-8") and path.name != "__init__.py"
    }
    assert {name for name in offering if not name.startswith(inner)} <= set(api.MODULES)
    page = api.page()
    assert not re.search(r" at 0x[0-9a-f]+", page), "the same page from every process"
    for words in ("## `model`", "### `HRM`", "vocab_size: int = 11", "positions: str = 'rope'", "### `solve`"):
        assert words in page
    for command in COMMANDS:  # modules of `cli` offer a command and nothing else
        assert f"### `hrm-lite {command}`" in page


def test_everything_public_says_what_it_is():
    """Functions, classes and their methods; and the fields of a class, all of them or none."""
    silent = []
    for module in api.MODULES:
        found = importlib.import_module(f"hrm_lite.{module}")
        for name in api.public(found):
            thing = getattr(found, name)
            if callable(thing) and not thing.__doc__:
                silent.append(f"{module}.{name}")
            if inspect.isclass(thing):
                said, fields = api.field_docs(thing), vars(thing).get("__annotations__", {})
                silent += [f"{module}.{name}.{field}" for field in fields if said and field not in said]
                silent += [f"{module}.{name}.{key}" for key, member in vars(thing).items() if not key.startswith("_")
                           and (inspect.isfunction(member) or isinstance(member, property))
                           and not inspect.getdoc(getattr(thing, key))]
    assert not silent, f"no docstring: {silent}"


def test_a_docstring_becomes_markdown():
    said = """What it does, with *stress* and a_name.

    x: (b, d), the state
    in two lines; y, z: others. Not_a_parameter: stays.
    A sentence of its own. Raises ValueError for more.

        a column   stays
    """
    assert api.text(said, ("x", "y", "z")).splitlines() == [
        "What it does, with *stress* and a\\_name.", "",
        "- `x`: (b, d), the state", "  in two lines", "- `y`, `z`: others. Not\\_a\\_parameter: stays.", "",
        "A sentence of its own.", "Raises ValueError for more.", "",
        "```text", "a column   stays", "```"]


def test_a_signature_is_short_and_can_be_read():
    def many(first, *, second: int = 1, write=print, a_very_long_name: "str | None" = None, another: float = 0.5):
        pass

    assert api.signature("f", lambda a, b=2: a) == "f(a, b=2)"
    assert api.signature("many", many).splitlines() == [
        "many(", "    first,", "    *,", "    second: int = 1,", "    write=print,",
        "    a_very_long_name: str | None = None,", "    another: float = 0.5,", ")"]
    assert "class SudokuSet(PuzzleSet)" in api.page(), "made like its base: the arguments stand there once"
