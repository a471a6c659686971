"""The pages on using the package do what they say: their lines are executed, their figures are those of the records.

A ```bash block is run line by line, a ```python block in order, each page in a folder of its own. A block with a
caption is the file of that name. A ```text block cannot be run here (a cluster, Colab, hours): each of its lines that
calls hrm-lite is read by the command itself, so that every option in it exists and every value is of its kind.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import click
import nbformat
import pytest
import yaml
from notebook_runs import environment

from hrm_lite import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = {name: (ROOT / name).read_text(encoding="utf-8") for name in (
    "README.md", "book/running.md", "book/own_puzzles.md")}  # fmt: skip
USING = tuple(PAGES)[1:]
BLOCK = re.compile(r"^```(?:\{code-block\} )?(\w+)\n(?::caption: (\S+)\n)?(.*?)^```$", re.M | re.S)


def blocks(text):
    """[(language, name of the file or "", code), …] in the order of the page."""
    return BLOCK.findall(text)


def calls(code):
    """The words after `hrm-lite` of each line that calls it, without prompt, variables and folder."""
    for line in code.replace("\\\n", " ").splitlines():
        found = re.search(r"(?:^|[\s/])hrm-lite(?P<words>(?:\s.*)?)$", line.split("  #")[0])
        if found:
            yield shlex.split(found["words"])


def read_by_the_command(words):
    """Let the command read the words without doing anything. Raises UsageError as it would."""
    with click.Context(cli.main) as group:
        command = cli.main.get_command(group, words[0])
        assert command is not None, f"there is no command {words[0]}"
        command.make_context(words[0], list(words[1:]), parent=group)


def write_files(folder, text):
    """The files that the page shows, as its reader would have them."""
    for _, name, code in blocks(text):
        if name.endswith(".ipynb"):
            content = nbformat.v4.new_notebook()
            for cell in re.split(r"^# %%", code, flags=re.M)[1:]:
                title, _, source = cell.partition("\n")
                made = nbformat.v4.new_code_cell(source.strip("\n"))
                made.metadata["tags"] = title.split()
                content.cells.append(made)
            nbformat.write(content, folder / name)
        elif name:
            (folder / name).write_text(code.lstrip("\n"), encoding="utf-8")


@pytest.fixture
def shell(tmp_path):
    """Runs bash lines in a folder, with this environment's hrm-lite; gives what they print."""
    bash = shutil.which("bash")
    if bash is None or os.name == "nt":  # there, bash is that of another system, with other paths
        pytest.skip("the pages' lines are for bash, which is missing here")
    scripts = sysconfig.get_path("scripts")
    path = os.pathsep.join([scripts, os.environ["PATH"]])
    if not (Path(scripts) / "hrm-lite").exists():
        pytest.skip("the package is not installed, so there is no hrm-lite to call: pip install -e .")

    def run(code):
        done = subprocess.run(
            [bash, "-e", "-o", "pipefail", "-c", code], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", env=environment(PATH=path, TQDM_DISABLE="1", JUPYTER_PREFER_ENV_PATH="1"))  # fmt: skip
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


# -- what can be read without being run ------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_every_line_that_calls_hrm_lite_is_one_that_it_understands(name):
    found = [words for _, _, code in blocks(PAGES[name]) for words in calls(code)]
    assert found, "the page calls nothing"
    for words in found:
        try:
            read_by_the_command(words)
        except click.UsageError as error:
            raise AssertionError(f"hrm-lite {shlex.join(words)}: {error.format_message()}") from None


@pytest.mark.parametrize("line", ["hrm-lite train sudoku-4x4 --rundir x", "hrm-lite trian", "hrm-lite batch a.yaml "
                                  "--workers none", "$ hrm-lite train lite --set lt=1 --run-dir x"])  # fmt: skip
def test_a_line_that_it_does_not_understand_would_be_found(line):
    (words,) = calls(line)
    with pytest.raises((click.UsageError, AssertionError)):
        read_by_the_command(words)


def test_the_files_that_are_shown_and_not_run_here_are_right(tmp_path):
    from hrm_lite.cli.notebooks.grid import load

    text = PAGES["book/running.md"]
    write_files(tmp_path, text)
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "train_sudoku_extreme.ipynb", tmp_path / "notebooks")
    assert len(load(tmp_path / "extreme.yaml").runs) == 6
    assert all(yaml.safe_load(code) for language, name, code in blocks(text) if language == "yaml")
    compile((tmp_path / "cluster.py").read_text(encoding="utf-8"), "cluster.py", "exec")
    lines = [line for _, _, code in blocks(text) for line in code.replace("\\\n", " ").splitlines()
             if "train_sudoku_extreme" in line]  # fmt: skip
    settings = {pair.partition("=")[0] for line in lines for pair in re.findall(r"-p (\S+)", line)}
    notebook = nbformat.read(tmp_path / "notebooks" / "train_sudoku_extreme.ipynb", 4)
    (cell,) = (c.source for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    assert settings and settings <= set(re.findall(r"(?m)^(\w+) =", cell))


def test_the_numbers_are_those_of_the_records():
    text = PAGES["book/running.md"]
    record = lambda path: json.loads((ROOT / "results" / path).read_text(encoding="utf-8"))  # noqa: E731
    speeds = {row["preset"]: row for row in record("throughput/h200.json")["presets"]
              if row.get("") == "compiled" and row["precision"] == "bfloat16"}  # fmt: skip
    shown = re.findall(r"(?m)^\| `(\w+)` \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|$", text)
    assert [row[0] for row in shown] == ["compact", "lite", "paper"]
    for preset, training, inference, memory in shown:
        row = speeds[preset]
        rates = row["training samples/s"], row["inference samples/s"]
        assert (training, inference) == tuple(f"{rate:,.0f}" for rate in rates) and row["batch"] == 768
        assert memory == f"{row['peak GB']:.1f}"
    assert f"profile `a100`: {speeds['lite']['peak GB']:.0f} GB" in text
    compact = record("sudoku/9x9-compact/seed0.json")
    minimal = compact["elsewhere"]["generated:9x9:minimal"]["exact"][-1]
    assert f"the same {compact['steps']:,} steps took {compact['seconds']:.0f} s and " \
           f"{compact['peak_gigabytes']:.1f} GB" in text  # fmt: skip
    assert f"solved {compact['exact'][-1]:.1%}".replace("%", " %") in text and f"({minimal:.1%}".replace(
        "%", " %") in text and compact["provenance"]["hardware"]["gpu"].endswith("H200")  # fmt: skip
    small = record("sudoku/4x4-hrm/seed0.json")
    said = f"{small['seconds']:.0f} s on two processor cores (of an AMD EPYC), {small['exact'][-1]:.1%}"
    assert said.replace("%", " %") in text
    assert (small["provenance"]["hardware"]["processor"], small["provenance"]["hardware"]["cores"]) == ("AMD EPYC", 2)


# -- what is run -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_running(shell, tmp_path):
    text = PAGES["book/running.md"]
    write_files(tmp_path, text)
    printed = [shell(code) for language, name, code in blocks(text) if language == "bash" and not name]
    assert len(printed) == 8, "a block that is neither run nor a file?"
    doctor, solved, trained, evaluated, exported, ran, batch, two = printed
    assert "auto" in doctor and "Right, by the rules." in solved
    assert "60 steps" in trained and "Held-out puzzles" in trained
    assert "halting" in evaluated and '"answer"' in exported
    assert "run_dir" in ran and (tmp_path / "runs" / "one.ipynb").is_file()
    assert (tmp_path / "runs" / "sweep" / "lr=0.001-seed=1" / "run.json").is_file()
    assert "0 done, 2 to run" in batch and len(list((tmp_path / "runs" / "rates").glob("*/run.json"))) == 2
    assert len((tmp_path / "runs" / "rates" / "table.csv").read_text(encoding="utf-8").splitlines()) == 3
    assert two.count("20 steps") == 1, "one of the processes talks"
    assert json.loads((tmp_path / "runs" / "two" / "run.json").read_text(encoding="utf-8"))["processes"] == 2


@pytest.mark.slow
def test_own_puzzles(shell, tmp_path):
    found = blocks(PAGES["book/own_puzzles.md"])
    code = "\n".join(code for language, _, code in found if language == "python")
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    printed = shell(f"{shlex.quote(sys.executable)} page.py")
    assert "(5, 5) ('_', '#', '*', '.', 'L')" in printed and "2,700 puzzles" in printed
    assert float(re.search(r"'exact': ([\d.]+)", printed)[1]) > 0.9
    thirty = next(code for _, _, code in found if "own.load" in code)
    assert len(thirty.splitlines()) <= 30
    for language, _, lines in found:
        if language == "bash":
            assert "Finished by max_steps: 20 steps" in shell(lines)


@pytest.mark.slow
def test_the_readmes_session(shell):
    lines = [code for language, _, code in blocks(PAGES["README.md"]) if language == "bash" and "hrm-lite" in code]
    solve = [line for code in lines for line in code.splitlines() if line.startswith(".venv/bin/hrm-lite solve")]
    assert "Right, by the rules." in shell("\n".join(solve).replace(".venv/bin/", ""))
