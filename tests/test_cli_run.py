"""`hrm-lite run`: refused before it starts, killed at any moment, stopped, and gone on with."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner
from notebook_runs import EVALUATION, PARAMETERS, TRAINING, call, environment, kill, start, until, write_notebook
from safetensors.torch import load_file

from hrm_lite.cli import main
from hrm_lite.cli.notebooks.notebook import Output, file_name, read
from hrm_lite.cli.notebooks.parameters import Refused, check, declared, parse, read_yaml

EXAMPLE = """\
seed = 0  # of all draws
lr: float = 1
name = "a"  # "a", "b" or "c"
half = False
sizes = (1, 2)
limit: int | None = None
where = None  # None: under runs/
folder = Path("x") / "y"
"""


@pytest.fixture
def example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_notebook(tmp_path / "example.ipynb", "print(seed)", parameters=EXAMPLE)


def invoke(*words):
    result = CliRunner().invoke(main, ["run", *map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, " ".join(result.output.split())


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


# -- parameters ------------------------------------------------------------------------------------------


def test_the_parameters_of_a_cell_with_their_defaults_types_and_comments():
    found = declared(EXAMPLE, "x")
    assert list(found) == ["seed", "lr", "name", "half", "sizes", "limit", "where", "folder"]
    assert found["seed"].default == 0 and found["seed"].kinds == (int,) and found["seed"].help == "of all draws"
    assert found["name"].help == '"a", "b" or "c"' and found["sizes"].default == [1, 2]
    assert found["lr"].kinds == (float,) and found["limit"].kinds == (int, type(None))
    assert found["where"].kinds == () and found["folder"].kinds == () and found["folder"].source == 'Path("x") / "y"'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-1", -1), ("1e-3", 1e-3), ("1_000", 1000), ("True", True), ("true", True), ("None", None),
        ("null", None), ("[1, 2]", [1, 2]), ("(1, 2)", [1, 2]), ("[a, b]", ["a", "b"]), ("{a: 1}", {"a": 1}),
        ("'1'", "1"), ("on", "on"), ("no", "no"), ("2026-01-02", "2026-01-02"), ("a b", "a b"), ("", ""),
        ("hub:a/b", "hub:a/b"), ("a: b", "a: b"), ("01", "01"), ("1:30", "1:30"),
    ],
)  # fmt: skip
def test_what_a_value_on_the_command_line_means(text, value):
    found = parse(text)
    assert found == value and type(found) is type(value)


def test_where_text_is_expected_text_is_understood():
    name = declared(EXAMPLE, "x")["name"]
    assert parse("2024", name) == "2024" and parse("1e-3", name) == "1e-3" and parse("'x y'", name) == "x y"


def test_yaml_without_its_traps():
    found = read_yaml("{a: 1e-3, b: on, c: no, d: 2026-01-02, e: true, f: null, g: 1.5, h: 010.5, i: .inf, j: 1.}", "x")
    assert found == dict(a=1e-3, b="on", c="no", d="2026-01-02", e=True, f=None, g=1.5, h=10.5, i=float("inf"), j=1.0)
    with pytest.raises(Refused, match="stands there twice"):
        read_yaml("seed: 1\nseed: 2", "x")
    with pytest.raises(Refused, match="not readable as YAML"):
        read_yaml("a: [1", "x")


def test_values_take_the_declared_type():
    given = check({"lr": 2, "limit": None, "sizes": (3,), "where": {"a": 1}}, declared(EXAMPLE, "x"), "x")
    assert given == {"lr": 2.0, "limit": None, "sizes": [3], "where": {"a": 1}} and type(given["lr"]) is float


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "sed=1"], "has no parameter sed. Did you mean seed?"),
        (["-p", "zzz=1"], "has no parameter zzz. There are: seed, lr, name"),
        (["-p", "seed=x"], "seed expects a whole number (default 0; of all draws), but 'x' was given"),
        (["-p", "seed=1.5"], "seed expects a whole number (default 0; of all draws), but 1.5 was given"),
        (["-p", "seed=True"], "but True was given"),
        (["-p", "half=1"], "half expects True or False (default False), but 1 was given"),
        (["-p", "lr=fast"], "lr expects a number (default 1), but 'fast' was given"),
        (["-p", "limit=x"], "limit expects a whole number or None (default None), but 'x' was given"),
        (["-p", "name=None"], 'name expects text (default "a"; "a", "b" or "c"), but None was given'),
        (["-p", "seed"], "-p seed has no value. Write -p NAME=VALUE."),
        (["-p", "where={1, 2}"], "{1, 2} is a set, which a parameter cannot be"),
        (["-p", "where={a: [}"], "not readable as YAML"),
        (["-f", "none.yaml"], "none.yaml cannot be read"),
        (["--to", "example.ipynb"], "is the notebook itself"),
        (["--to", "x.txt"], "should end in .ipynb"),
        (["--kernel", "nothing"], "asks for the Jupyter kernel 'nothing', which is not installed here (there are:"),
    ],
)  # fmt: skip
def test_what_is_refused_before_anything_runs(example, words, message):
    code, said = invoke(example, *words)
    assert code == 2 and message in said
    assert [p.name for p in example.parent.iterdir()] == ["example.ipynb"], "nothing is left behind"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a notebook that can be read"),
        ("{", "is not a notebook that can be read"),
        ("[]", "is not a notebook that can be read"),
        ("{}", "is not a notebook that can be read"),
        ('{"cells": 1, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "is not a notebook that can be read"),
    ],
)
def test_what_is_no_notebook(tmp_path, content, message):
    path = tmp_path / "broken.ipynb"
    path.write_text(content, encoding="utf-8")
    code, said = invoke(path)
    assert code == 2 and message in said


def test_notebooks_that_cannot_take_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "there is no notebook none.ipynb" in invoke("none.ipynb")[1]
    write_notebook(tmp_path / "plain.ipynb", "1", parameters=None)
    code, said = invoke("plain.ipynb")
    assert code == 2 and "has no cell tagged `parameters`" in said
    assert "There lie plain.ipynb." in invoke("none.ipynb")[1]
    write_notebook(tmp_path / "magic.ipynb", "1", parameters="%matplotlib inline\nseed = 0")
    assert "is not plain Python" in invoke("magic.ipynb")[1]


def test_the_parameters_are_shown(example):
    code, said = invoke(example, "--show")
    assert code == 0 and "seed 0 of all draws" in said and "where None None: under runs/" in said


def test_without_papermill_one_sentence_says_what_brings_it(example, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "papermill" else find(name, *a))
    code, said = invoke(example)
    assert code == 2 and 'papermill is not installed here: pip install "hrm-lite[run]" brings it.' in said


def test_a_key_is_that_of_the_code_and_of_the_parameters_in_effect(tmp_path):
    one = read(write_notebook(tmp_path / "a.ipynb", "1", parameters="seed = 0"))
    prose = read(write_notebook(tmp_path / "b.ipynb", "1", parameters="seed = 0"))
    prose.content.cells[0].source = "# Another title"
    code = read(write_notebook(tmp_path / "c.ipynb", "2", parameters="seed = 0"))
    assert one.key({}) == one.key({"seed": 0}) == prose.key({}) != one.key({"seed": 1})
    assert code.key({}) != one.key({})


def test_names_of_runs_are_names_of_files():
    assert file_name({"lr": 1e-3, "seed": 0}) == "lr=0.001-seed=0"
    odd = [file_name({"source": value}) for value in ("hub:a/b", "hub:a\\b", "x" * 300, "x" * 301, "ä", "../..")]
    assert len(set(odd)) == len(odd)
    for name in odd:
        assert len(name) < 120 and not set(name) & set('/\\:*?"<>|') and name.isascii()


def test_a_file_that_something_else_wrote_is_never_overwritten(example):
    out = example.parent / "mine.ipynb"
    out.write_text('{"cells": []}', encoding="utf-8")
    for words in ([], ["--again"]):
        code, said = invoke(example, "--to", out, *words)
        assert code == 2 and "was not written by hrm-lite run" in said
    assert out.read_text(encoding="utf-8") == '{"cells": []}'


# -- runs ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_is_stamped_and_not_done_twice_and_nothing_is_replaced_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code_cell = "with open('log.txt', 'a') as file:\n    file.write(f'{seed} {value!r}\\n')"
    write_notebook(tmp_path / "nb.ipynb", code_cell, parameters="seed = 0\nvalue = None")
    (tmp_path / "more.yaml").write_text("seed: 1\nvalue: 1e-3\n", encoding="utf-8")
    words = ["nb.ipynb", "-f", "more.yaml", "--to", "new/folder/out.ipynb", "-p"]
    code, said = invoke(*words, "seed=2")
    assert code == 0 and said.startswith("nb.ipynb: executed in "), "and nothing else is said"
    executed = load(tmp_path / "new/folder/out.ipynb")
    stamp = executed["metadata"]["hrm_lite"]
    assert stamp["finished"] and stamp["parameters"] == {"seed": 2, "value": 0.001} and len(stamp["attempts"]) == 1
    assert stamp["seconds"] > 0 and stamp["attempts"][0]["begun"].endswith("+00:00")
    assert stamp["provenance"]["versions"]["torch"] and stamp["provenance"]["hardware"]["cores"]
    assert [p.name for p in (tmp_path / "new/folder").iterdir() if not p.name.startswith(".")] == ["out.ipynb"]

    code, said = invoke(*words, "seed=2")
    assert code == 0 and "is done already" in said
    code, said = invoke(*words, "seed=3")
    assert code == 2 and "is a finished run with other parameters (seed)" in said
    write_notebook(tmp_path / "nb.ipynb", "1", parameters="seed = 0\nvalue = None")
    code, said = invoke(*words, "seed=2")
    assert code == 2 and "is a finished run with other code cells" in said
    assert load(tmp_path / "new/folder/out.ipynb") == executed
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "2 0.001\n", "it ran once"
    code, said = invoke(*words, "seed=2", "--again")
    assert code == 0 and load(tmp_path / "new/folder/out.ipynb")["metadata"]["hrm_lite"]["key"] != stamp["key"]


@pytest.mark.slow
def test_a_failing_cell_is_named_and_what_ran_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_notebook(tmp_path / "nb.ipynb", "print('before')", "# here\nboom(seed)", "print('after')")
    code, said = invoke("nb.ipynb", "--to", "out.ipynb")
    assert code == 1 and "cell [3], which begins “# here”, raised NameError: name 'boom' is not defined" in said
    assert "out.partial.ipynb. Once that is mended, the same command goes on." in said
    assert not (tmp_path / "out.ipynb").exists()
    before, failed, after = (c for c in load(tmp_path / "out.partial.ipynb")["cells"][-4:] if c["cell_type"] == "code")
    assert before["outputs"][0]["text"] == ["before\n"] and failed["outputs"][0]["ename"] == "NameError"
    assert after["execution_count"] is None and after["metadata"]["papermill"]["status"] == "pending"
    write_notebook(tmp_path / "nb.ipynb", "print('before')", "print('mended')")
    code, said = invoke("nb.ipynb", "--to", "out.ipynb")
    assert code == 0 and (tmp_path / "out.ipynb").exists() and not (tmp_path / "out.partial.ipynb").exists()


@pytest.mark.slow
def test_a_kernel_that_dies_is_said_to_have_died(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_notebook(tmp_path / "nb.ipynb", "import os\nos.write(2, b'last words')\nos._exit(3)")
    code, said = invoke("nb.ipynb", "--to", "out.ipynb")
    assert code == 1 and "the kernel died in cell 3 of 3" in said and (tmp_path / "out.partial.ipynb").exists()


def history(folder):
    """What a training was, without its times."""
    record = load(folder / "run.json")
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in record["history"]]
    facts = {k: record[k] for k in ("steps", "presented", "data", "initial", "train", "finished", "skipped")}
    return rows, facts, {k: v for k, v in load(folder / "result.json").items() if k in ("exact", "cells")}


def same_weights(a, b):
    a, b = (load_file(folder / "model.safetensors") for folder in (a, b))
    return a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a)


@pytest.mark.slow
def test_killed_at_any_moment_and_run_again_it_gives_the_same_record(tmp_path):
    write_notebook(tmp_path / "nb.ipynb", "import time\ntime.sleep(pause)", TRAINING, EVALUATION)
    calm = "\n".join([PARAMETERS, "steps, run_dir = 30, 'calm'", TRAINING, EVALUATION])  # no notebook, no interruption
    subprocess.run([sys.executable, "-c", calm], cwd=tmp_path, env=environment(), check=True, capture_output=True)

    output, folder = Output(tmp_path / "out.ipynb"), tmp_path / "runs" / "tiny"
    words = ["run", "nb.ipynb", "-p", "steps=30", "-p", "pause=0.2", "--to", "out.ipynb"]

    def running(number):
        try:
            cells = load(output.partial)["cells"]
        except FileNotFoundError:
            return False
        return cells[number]["metadata"].get("papermill", {}).get("status") == "running"

    after = random.randrange(2, 28, 2)  # any step
    last = folder / "checkpoints" / f"step-{after:09d}.safetensors"
    for moment in (lambda: running(3), last.exists, lambda: running(5)):
        process = start(*words, cwd=tmp_path)
        until(moment, process)
        kill(process)
        assert not output.path.exists()
    code, _, err = call(*words, cwd=tmp_path)
    assert code == 0, err
    assert history(folder) == history(tmp_path / "calm"), f"killed after step {after}"
    assert same_weights(folder, tmp_path / "calm")
    assert len(load(output.path)["metadata"]["hrm_lite"]["attempts"]) == 4
    assert sorted(p.name for p in tmp_path.glob("*.ipynb")) == ["nb.ipynb", "out.ipynb"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="on Windows a test cannot send Ctrl-C to one process alone")
def test_stopped_by_ctrl_c_a_training_keeps_its_checkpoint_and_two_runs_do_not_meet(tmp_path):
    write_notebook(tmp_path / "nb.ipynb", TRAINING, EVALUATION)
    words = ["run", "nb.ipynb", "-p", "pause=0.2", "-p", "steps=1000", "--to", "out.ipynb"]
    process, folder = start(*words, cwd=tmp_path), tmp_path / "runs" / "tiny"
    until((folder / "run.json").exists, process)
    code, _, err = call(*words, cwd=tmp_path)
    assert code == 2 and "is being run by another process" in err
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "stopped in cell 4 of 5" in err and "The same command goes on." in err
    record = load(folder / "run.json")
    assert record["ended_by"] == "SIGINT" and not record["finished"]
    assert (folder / "checkpoints" / f"step-{record['steps']:09d}.safetensors").exists()
    partial = load(tmp_path / "out.partial.ipynb")
    assert "stopped by SIGINT" in str(partial["cells"][3]["outputs"]) and partial["cells"][4]["outputs"] == []
