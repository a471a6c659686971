"""`hrm-lite`, the command line: a command is a module of this folder, loaded when it is called.

Exit codes: 0 done; 1 something went wrong, said in one paragraph on stderr; 2 wrong usage; 130 after Ctrl-C; 143 after
SIGTERM. With HRM_LITE_DEBUG=1 or ``--debug`` an error comes with its traceback.
"""

from __future__ import annotations

import errno
import importlib
import os
import warnings
from difflib import get_close_matches

import click

from .. import __version__
from . import streams

__all__ = ["main"]

# What `hrm-lite --help` says of each. Here, and not in the modules: some of those load torch.
COMMANDS = {
    "doctor": "What this machine can do, and what is missing.",
    "train": "Train a model, or go on with a run.",
    "solve": "Solve a puzzle and show the thinking.",
    "evaluate": "How good a model is on a set of puzzles.",
    "export": "Write a model in other forms: half precision, ONNX, for the page.",
    "run": "Run a notebook with parameters; a second call goes on.",
    "claim": "What became of a claim about HRM, with its evidence.",
    "batch": "Run a grid of notebooks on the cores, or on a cluster.",
}
_DEBUG = "hrm_lite.debug"
_EPILOG = """\b
Examples:
  hrm-lite doctor
  hrm-lite solve "1... ..3. .4.. ...2"
  hrm-lite train sudoku-4x4 --run-dir runs/first

Completion of commands, options, presets and settings with the Tab key: put the line of your shell into its start-up
file (~/.bashrc, ~/.zshrc, ~/.config/fish/config.fish).

\b
  bash  eval "$(_HRM_LITE_COMPLETE=bash_source hrm-lite)"
  zsh   eval "$(_HRM_LITE_COMPLETE=zsh_source hrm-lite)"
  fish  _HRM_LITE_COMPLETE=fish_source hrm-lite | source
"""


def _debug_option() -> click.Option:
    """Takes effect before or after the command's name, and is nobody's argument."""

    def remember(ctx, param, value):
        if value:
            ctx.meta[_DEBUG] = True

    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=remember, help="Show the traceback of an error."
    )


class _Commands(click.Group):
    """The commands by name; a name that is nearly right gets the right one as advice."""

    def main(self, *args, **settings):
        streams.survive_any_encoding()
        return super().main(*args, **settings)

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f".{name}", __name__).command
        if not any(param.name == "debug" for param in command.params):
            command.params.append(_debug_option())
        return command

    def resolve_command(self, ctx, args):
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(args[0], COMMANDS, 1, 0.5)
            advice = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(COMMANDS)}."
            ctx.fail(f"There is no command {args[0]!r}. {advice}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx, incomplete):
        # By name only: click's own would load every command, and with them torch, at each press of the key.
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx):
        debug = lambda: ctx.meta.get(_DEBUG) or os.environ.get("HRM_LITE_DEBUG", "0") not in ("", "0")  # noqa: E731
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: streams.say(f"Note: {message}")
            try:
                return super().invoke(ctx)
            except (click.exceptions.Exit, click.Abort, click.ClickException):
                raise
            except KeyboardInterrupt:
                streams.say("Stopped by Ctrl-C.")
                ctx.exit(130)
            except Exception as error:
                if debug() or getattr(error, "errno", None) == errno.EPIPE:  # click ends quietly when nobody reads on
                    raise
                raise click.ClickException(_paragraph(error)) from error


def _paragraph(error: Exception) -> str:
    """What went wrong, in one paragraph: the package's own messages as they are, others with what to do."""
    text = " ".join(str(error).split())
    if isinstance(error, ModuleNotFoundError) and error.name:
        from .extras import advice

        return f"{text}. {advice(error.name)}" if "pip install" not in text else text
    if type(error).__name__ == "OutOfMemoryError":
        return (
            "The GPU's memory is full. Take fewer puzzles side by side: --batch-size of evaluate, --set batch_size "
            f"of train; `hrm-lite doctor` measures what fits. ({text[:200]})"
        )
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}."
    if isinstance(error, (ValueError, OSError, RuntimeError, ImportError, FloatingPointError)) and text:
        return text
    return (
        f"Something broke inside hrm-lite ({type(error).__name__}: {text}). That is a fault of the program and not of "
        "what you gave it: `hrm-lite --debug …` shows where, which a report should contain."
    )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(__version__, prog_name="hrm-lite")
def main() -> None:
    """The Hierarchical Reasoning Model: train, solve, measure."""


main.params.append(_debug_option())
