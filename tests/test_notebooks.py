"""The form of every notebook, and of the machinery that executes and compares them."""

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

from hrm_lite.records import SHIPPED
from tools import address, execute, fold

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
NOTEBOOKS = CHAPTERS + sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [p for p in [*(ROOT / "book").rglob("*.md"), *ROOT.glob("*.md")] if "vendor" not in p.parts]

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)


def load(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell: dict) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def cells(notebook: dict, kind: str) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", []))


# The form

@each_chapter
def test_what_a_chapter_reads_is_named_so_that_it_runs_again_when_that_changes(path):
    notebook, results, needed = load(path), ROOT / "results", set()
    for how, name in re.findall(r'\b(published|catalogue|load_model|shipped)\("([^"]+)"', "\n".join(
            source(cell) for cell in cells(notebook, "code"))):  # fmt: skip
        if how == "published":
            needed |= set((results / name).rglob("*.json"))
        elif how == "catalogue":
            needed |= set(results.glob(name))
        else:
            needed |= {results / file for file in SHIPPED[name]}
    reads = notebook["metadata"].get("hrm_lite", {}).get("reads", [])
    missing = needed - {file for pattern in reads for file in ROOT.glob(pattern)}
    assert not missing, f"its metadata lack {sorted(file.relative_to(ROOT).as_posix() for file in missing)}"


def test_there_are_chapters():
    assert CHAPTERS


@each_notebook
def test_valid_with_ids_and_for_the_default_kernel(path):
    notebook = load(path)
    ids = [cell.get("id") for cell in notebook["cells"]]
    assert all(ids) and len(set(ids)) == len(ids), "every cell has an id of its own"
    nbformat.validate(notebook)   # after the ids: it adds missing ones
    assert (notebook["nbformat"], notebook["nbformat_minor"]) >= (4, 5)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"


@each_notebook
def test_no_outputs_in_the_source(path):
    notebook = load(path)
    assert "widgets" not in notebook["metadata"], "widget state is an output: make strip"
    for i, cell in enumerate(cells(notebook, "code")):
        assert cell["outputs"] == [] and cell["execution_count"] is None, f"code cell {i} was run in place: make strip"


@each_notebook
def test_first_code_cell_is_the_bootstrap_cell(path):
    first, *others = cells(load(path), "code")
    assert first == address.bootstrap(address.current(), address.version()), "make address writes it"
    assert not any("bootstrap" in tags(cell) for cell in others)


@each_notebook
def test_what_is_closed_on_the_page_is_closed_on_colab(path):
    assert fold.folded(load(path)) == load(path), "make fold"
    for cell in cells(load(path), "code"):
        closed = tags(cell) & {"solution", "hide-input", "hide-cell"}
        assert bool(closed) == (cell["metadata"].get("cellView") == "form") == source(cell).startswith("# @title ")


def test_the_tool_that_closes_cells_names_them_by_their_exercise_and_asks_for_other_titles():
    new = nbformat.v4
    solution = new.new_code_cell("# @title Old\n1 + 1", metadata={"tags": ["solution"]}, id="solution-7")
    notebook = new.new_notebook(cells=[new.new_markdown_cell("## Solutions"), solution, new.new_code_cell("2")])
    fold.folded(notebook)
    assert source(solution) == "# @title Solution of exercise 7\n1 + 1" and solution["metadata"]["cellView"] == "form"
    assert source(notebook["cells"][2]) == "2" and "cellView" not in notebook["cells"][2]["metadata"]
    notebook["cells"][2]["metadata"]["tags"] = ["hide-input"]
    with pytest.raises(ValueError, match="begin it with a line “# @title"):
        fold.folded(notebook)


@each_notebook
def test_a_code_cell_makes_one_claim(path):
    for i, cell in enumerate(cells(load(path), "code")):
        lines = source(cell).strip().splitlines()
        assert 1 <= len(lines) <= 20, f"code cell {i} has {len(lines)} lines: {lines[:1]}"


@each_notebook
def test_no_cell_is_kept_from_the_comparison_altogether(path):
    for i, cell in enumerate(cells(load(path), "code")):
        assert not tags(cell) & {"nbval-skip", "raises-exception", "nbval-raises-exception"}, f"code cell {i}"
        assert not re.search(r"(?m)^\s*#\s*(NBVAL|PYTEST_VALIDATE)", source(cell)), f"code cell {i}: use a tag"


FENCE = re.compile(r"(?ms)^ *(```+|~~~+)(?! *\{).*?^ *\1`*~* *$")
CODE = re.compile(r"(?<!`)(`+)(?!`)((?:[^\n]|\n(?! *\n))+?)(?<!`)\1(?!`)")
DIRECTIVE = re.compile(r"(?m)^ *(?:```+|~~~+|:::+) *\{")
ONLY_IN_MYST = {
    "a role": re.compile(r"\{[A-Za-z][\w:.+-]*\}\0"),
    "a label": re.compile(r"(?m)^\([\w:-]+\)= *$"),
    "an equation label": re.compile(r"(?m)^\$\$ *\([\w:-]+\) *$"),
    "a substitution": re.compile(r"\{\{"),
}


def not_portable(markdown: str) -> list[str]:
    """What would stand there as raw text on Colab, on GitHub and in JupyterLab."""
    text = FENCE.sub("", markdown)
    if DIRECTIVE.search(text):
        return ["a directive"]
    bare = CODE.sub("\0", text)
    return [what for what, pattern in ONLY_IN_MYST.items() if pattern.search(bare)]


@each_notebook
def test_markdown_reads_well_everywhere(path):
    for cell in cells(load(path), "markdown"):
        assert not not_portable(source(cell)), source(cell)[:200]


@pytest.mark.parametrize("markdown, found", [
    ("```{note}\nx\n```", ["a directive"]), (":::{tip}\nx\n:::", ["a directive"]),
    ("see {cite}`wang2025hrm`", ["a role"]),
    ("(here)=\n# Title", ["a label"]), ("$$\nx\n$$ (eq-1)", ["an equation label"]),
    ("{{ name }}", ["a substitution"]),
    ("`\\mathbb{R}` and $x_{i}$ `y`, ```python\n{a}\n```", []),
    ("```python\nf'{x}`'\n```\n\n~~~\n{a}`b`\n~~~", []), ("$$\n\\frac{a}{b}\n$$", []),
])
def test_the_check_for_portable_markdown_can_fail(markdown, found):
    assert not_portable(markdown) == found


LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|<(?:img|a)\b[^>]*\b(?:src|href)=[\"']([^\"']+)[\"']")


def dangling(markdown: str, folder: Path) -> list[str]:
    targets = [a or b for a, b in LINK.findall(CODE.sub("", FENCE.sub("", markdown)))]
    local = [t.partition("#")[0] for t in targets if not re.match(r"[a-z][a-z0-9+.-]*:|#", t)]
    marks = set(re.findall(r"(?m)^\(([\w-]+)\)=$", markdown))  # of a MyST page, within itself
    marks |= {"api.md", "claims.md"}  # made from the docstrings and the ledger, while rendering
    return [t for t in local if t and t not in marks and not (folder / t).exists()]


@pytest.mark.parametrize("path", NOTEBOOKS + PAGES, ids=lambda p: p.name)
def test_pictures_and_relative_links_resolve(path):
    notebook = path.suffix == ".ipynb"
    markdown = map(source, cells(load(path), "markdown")) if notebook else [path.read_text(encoding="utf-8")]
    assert not [target for piece in markdown for target in dangling(piece, path.parent)]


def test_the_check_of_links_can_fail():
    markdown = "![a](no.png) [b](tests/no.md#x) <img src='no.svg'> [c](README.md) [d](https://x.org/y) [e](#f) `[g](h)`"
    assert dangling(markdown, ROOT) == ["no.png", "tests/no.md", "no.svg"]
    assert dangling("(there)=\n[a](there) [b](elsewhere)", ROOT) == ["elsewhere"]


# The machinery: what is executed when

@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A repository in small, with one notebook that has been executed."""
    for name, target in {"ROOT": "", "EXECUTED": "_build/executed", "FAILED": "_build/failed"}.items():
        monkeypatch.setattr(execute, name, tmp_path / target)
    (tmp_path / "hrm_lite" / "puzzles").mkdir(parents=True)
    (tmp_path / "hrm_lite" / "puzzles" / "sudoku.py").write_text("a = 1\n")
    (tmp_path / "constraints.txt").write_text("torch==2\n")
    new = nbformat.v4
    notebook = new.new_notebook(cells=[new.new_markdown_cell("text"), new.new_code_cell("1 + 1")])
    source = tmp_path / "book" / "a.ipynb"
    execute.write(notebook, source)
    run = copy.deepcopy(notebook)
    run["cells"][1] |= {"execution_count": 1, "outputs": [new.new_output("stream", text="2")]}
    stamp = {"key": execute.key(notebook), "source": execute.digest(source.read_bytes()), "seconds": 1.0}
    execute.write(execute.graft(copy.deepcopy(notebook), run, stamp), execute.EXECUTED / "book/a.ipynb")
    return tmp_path


def edit(path: Path, index: int, text: str) -> None:
    notebook = execute.read(path)
    notebook["cells"][index]["source"] = text
    execute.write(notebook, path)


def test_nothing_changed_means_nothing_to_do(tree):
    assert execute.stale(["book/a.ipynb"]) == []
    (tree / "book" / "a.ipynb").touch()
    (tree / "hrm_lite" / "__pycache__").mkdir()
    (tree / "hrm_lite" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert execute.stale(["book/a.ipynb"]) == []


def test_code_package_and_versions_make_a_run_stale(tree):
    for change in [lambda: edit(tree / "book/a.ipynb", 1, "1 + 2"),
                   lambda: (tree / "hrm_lite/puzzles/sudoku.py").write_text("a = 2\n"),
                   lambda: (tree / "hrm_lite/puzzles/sudoku.py").rename(tree / "hrm_lite/puzzles/maze.py"),
                   lambda: (tree / "constraints.txt").write_text("torch==3\n"),
                   lambda: (execute.EXECUTED / "book/a.ipynb").unlink()]:
        kept = {p: p.read_bytes() for p in tree.rglob("*") if p.is_file()}
        change()
        assert execute.stale(["book/a.ipynb"]) == ["book/a.ipynb"]
        for path in [p for p in tree.rglob("*") if p.is_file() and p not in kept]:
            path.unlink()
        for path, content in kept.items():
            path.write_bytes(content)
        assert execute.stale(["book/a.ipynb"]) == []


def test_what_a_notebook_says_it_reads_counts_too(tree):
    notebook = execute.read(tree / "book/a.ipynb")
    notebook["metadata"]["hrm_lite"] = {"reads": ["results/*.json"]}
    without = execute.key(notebook)
    (tree / "results").mkdir()
    (tree / "results" / "run.json").write_text("{}")
    assert execute.key(notebook) != without


def test_new_prose_replaces_the_text_and_keeps_the_outputs(tree):
    edit(tree / "book" / "a.ipynb", 0, "better text")
    assert execute.stale(["book/a.ipynb"]) == []
    executed = execute.read(execute.EXECUTED / "book/a.ipynb")
    assert executed["cells"][0]["source"] == "better text" and executed["cells"][1]["outputs"][0]["text"] == "2"
    assert execute.read(tree / "book/a.ipynb")["cells"][1]["outputs"] == []


@pytest.mark.slow
def test_a_notebook_that_fails_says_where_and_is_not_taken_for_finished(tree):
    shutil.copytree(ROOT / "tools", tree / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    edit(tree / "book" / "a.ipynb", 1, "whole = 1\nwhole / 0")
    done = subprocess.run([sys.executable, "tools/execute.py"], cwd=tree, capture_output=True, text=True)
    assert done.returncode == 1
    assert "book/a.ipynb failed: cell [1], which begins “whole = 1”, raised ZeroDivisionError" in done.stderr
    assert "division by zero" in done.stderr and "_build/failed/book/a.ipynb" in done.stderr
    assert "division by zero" in (tree / "_build/failed/book/a.ipynb").read_text(encoding="utf-8")
    assert execute.read(execute.EXECUTED / "book/a.ipynb")["cells"][1]["source"] == "1 + 1"
    assert execute.stale(["book/a.ipynb"]) == ["book/a.ipynb"]


# The machinery: planted mistakes must be found

ARGUMENTS = (ROOT / "tests" / "nbval.args").read_text(encoding="utf-8").split()
PICTURE = ("from IPython.display import Image\nfrom base64 import b64decode\n"
           "Image(b64decode('iVBORw0KGgo%s=='), format='png')")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What `make test` says of four notebooks, as {notebook: [what is wrong with a cell, or '']}."""
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("canaries")
    sound = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in
                                            ("answer = 6 * 7\nprint(answer)", "answer", PICTURE % "AAA")])
    sound["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(sound).execute()
    canaries = {name: copy.deepcopy(sound) for name in ("sound", "wrong_answer", "never_executed", "wrong_picture")}
    canaries["wrong_answer"]["cells"][1]["outputs"][0]["data"]["text/plain"] = "43"
    canaries["never_executed"]["cells"][1] |= {"execution_count": None, "outputs": []}
    data = canaries["wrong_picture"]["cells"][2]["outputs"][0]["data"]
    data["image/png"] = data["image/png"].replace("AAA", "AAB")
    for name, notebook in canaries.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")

    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", *ARGUMENTS, "-p", "no:cacheprovider", "--color=no",
               f"--rootdir={folder}", f"--junitxml={report}", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout
    found = {name: [] for name in canaries}
    for case in ElementTree.parse(report).iter("testcase"):
        [problem] = [*case.iter("failure"), *case.iter("error")] or [None]
        name = case.get("classname").removesuffix(".ipynb").split(".")[-1]
        found[name].append("" if problem is None else problem.text)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("canary, cell, reason", [
    ("wrong_answer", 1, "Cell outputs differ"), ("never_executed", 1, "never executed"),
    ("wrong_picture", 2, "mismatch 'image/png'")])
def test_a_planted_mistake_is_found_where_it_is(canary, cell, reason, verdicts):
    assert reason in verdicts[canary][cell]
    assert [bool(problem) for problem in verdicts[canary]] == [i == cell for i in range(3)]


@pytest.mark.slow
def test_a_sound_notebook_passes(verdicts):
    assert verdicts["sound"] == ["", "", ""]


def test_only_what_is_random_by_nature_is_left_out_of_the_comparison():
    import matplotlib.pyplot as plt
    from matplotlib.animation import FuncAnimation
    from nbval.plugin import get_sanitize_patterns

    def sanitised(output: str) -> str:
        for pattern, replacement in get_sanitize_patterns((ROOT / "tests/nbval.cfg").read_text(encoding="utf-8")):
            output = re.sub(pattern, replacement, output)
        return output

    figure, axes = plt.subplots(figsize=(1, 1))
    players = [FuncAnimation(figure, lambda i: axes.plot([i]), frames=2).to_jshtml() for _ in range(2)]
    plt.close(figure)
    assert players[0] != players[1]
    frames = re.compile(r'frames\[\d+\] = "[^"]*"')   # the second player draws over the first
    assert frames.sub("", sanitised(players[0])) == frames.sub("", sanitised(players[1]))
    assert frames.findall(sanitised(players[0])) == frames.findall(players[0])
    for result in ["exact 0.9375", "2026-01-01", "12.3 s", "d41d8cd98f00b204e9800998ecf8427e" * 2, "27275266"]:
        assert sanitised(result) == result


# The full-scale notebooks

FULL_SCALE = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", FULL_SCALE, ids=lambda p: p.stem)
def test_a_full_scale_notebook_takes_its_parameters_from_papermill(path):
    import papermill

    found = {name: p["default"] for name, p in papermill.inspect_notebook(str(path)).items()}
    known = {"profile", "seed", "max_minutes", "batch_size", "precision", "run_dir"}
    assert found.keys() == known | ({"task", "variant"} if path.stem == "ablations" else {"preset", "source"})
    assert found["profile"] == '"smoke"' and found["seed"] == "0"
    assert "parameters" in tags(cells(load(path), "code")[1]), "the first cell after the bootstrap cell"


@pytest.mark.slow
def test_a_full_scale_notebook_goes_on_where_it_was_cut_off_and_says_what_profile_it_does_not_know(tmp_path):
    import papermill

    path = ROOT / "notebooks" / "train_sudoku_extreme.ipynb"
    quick = dict(max_minutes=0.02, run_dir=str(tmp_path / "run"))
    papermill.execute_notebook(path, tmp_path / "cut.ipynb", quick, cwd=tmp_path, kernel_name="python3",
                               progress_bar=False, log_output=False)
    first = load(tmp_path / "run" / "result.json")
    assert first["ended_by"] == "max_minutes" and first["finished"] and len(first["exact"]) == 16
    papermill.execute_notebook(path, tmp_path / "on.ipynb", quick | {"max_minutes": 0.04}, cwd=tmp_path,
                               kernel_name="python3", progress_bar=False, log_output=False)
    second = load(tmp_path / "run" / "result.json")
    assert second["steps"] > first["steps"] and second["provenance"] == first["provenance"]
    with pytest.raises(papermill.PapermillExecutionError, match="profile='t5' is not one of smoke, laptop, t4"):
        papermill.execute_notebook(path, tmp_path / "bad.ipynb", {"profile": "t5"}, cwd=tmp_path, kernel_name="python3",
                                   progress_bar=False, log_output=False)
