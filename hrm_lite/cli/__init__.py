"""`hrm-lite`, the command line: a command is a module of this folder, loaded when it is called."""

from __future__ import annotations

import importlib

import click

__all__ = ["main"]

# What `hrm-lite --help` says of each. Here, and not in the modules: those load torch.
COMMANDS = {
    "doctor": "What this machine can do, and what is missing.",
    "train": "Train a model, or go on with a run.",
    "solve": "Solve a puzzle and show the thinking.",
    "evaluate": "How good a model is on a set of puzzles.",
    "export": "Write a model in other forms: half precision, ONNX, for the page.",
    "run": "Run a notebook with parameters; a second call goes on.",
    "batch": "Run a grid of notebooks on the cores, or on a cluster.",
}


class _Commands(click.Group):
    """The commands by name; a name that is nearly right gets the right one as advice."""

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            return None
        return importlib.import_module(f".{name}", __name__).command

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hrm-lite")
def main() -> None:
    """The Hierarchical Reasoning Model: train, solve, measure."""
