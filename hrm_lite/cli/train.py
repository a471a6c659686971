"""`hrm-lite train`: a preset, puzzles and a run folder; the same line again goes on with the run."""

from __future__ import annotations

import dataclasses
import shlex
import sys
import time
from pathlib import Path

import click

from .. import presets
from . import streams
from .names import Name
from .settings import Setting, read_settings

# Where a preset says which puzzles it is for. `paper` and `lite` do not: those of the paper need a network, those that
# are made on the spot are others.
PUZZLES = {
    "sudoku-4x4": "sudoku:generated:4x4:4-6",
    "sudoku-4x4-mlp": "sudoku:generated:4x4:4-6",
    "sudoku-9x9": "sudoku:generated:9x9:45-55",
    "compact": "sudoku:generated:9x9:24-40",
    "sudoku-laptop": "sudoku:generated:9x9:24-40",
    "maze-laptop": "maze:generated:15x15:unique",
    "arc-laptop": "arc:arc-agi-1:10x10:7",
}
LIMIT = 20_000  # training puzzles where no limit is given and they are made on the spot

_EXAMPLES = """\b
Examples:
  hrm-lite train sudoku-4x4 --run-dir runs/first
  hrm-lite train sudoku-4x4 --run-dir runs/short --set max_steps=200 --set lr=1e-3 --held-out 200
  hrm-lite train lite --puzzles hub:sapientinc/sudoku-extreme --limit 1000 --run-dir runs/extreme --minutes 60
  hrm-lite train sudoku-9x9 --puzzles sudoku:generated:9x9:40-50 --run-dir runs/nine --seed 1
"""


@click.command("train", epilog=_EXAMPLES)
@click.argument("preset", type=Name("preset", presets.preset_names()))
@click.option(
    "--puzzles",
    "source",
    metavar="SOURCE",
    help="What to train on: sudoku:generated:4x4:4-6, maze:…, arc:…, "
    "hub:OWNER/NAME, a file or a folder. The small presets have one of their own.",
)
@click.option(
    "--run-dir",
    metavar="FOLDER",
    help="Where checkpoints, weights and the record go. A run of the same settings that is found there goes on.",
)
@click.option(
    "--set",
    "settings",
    type=Setting(),
    multiple=True,
    help="Change any setting of model or training; as often as you like. `hrm-lite train PRESET --show` lists them.",
)
@click.option("--limit", type=click.IntRange(1), help="How many puzzles to train on.")
@click.option(
    "--held-out",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Evaluate on so many puzzles of the test side, at the end or every eval_every steps.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seeds the weights, the order of the puzzles, and which of them --limit takes.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="Stop after so much training time, that of earlier calls included.",
)
@click.option("--show", is_flag=True, help="Show all settings as they would be, and train nothing.")
@click.option("--json", "as_json", is_flag=True, help="The run record as one JSON document on stdout.")
@click.pass_context
def command(ctx, preset, source, run_dir, settings, limit, held_out, seed, minutes, show, as_json):
    """Train a model, or go on with a run.

    PRESET names the model and its training. Ctrl-C ends a run after the step under way, with a checkpoint; the same
    line again goes on from there, and so it does after a crash.
    """
    model_changes, train_changes = read_settings(settings)
    train_changes = {"seed": seed} | ({} if minutes is None else {"max_minutes": minutes}) | train_changes
    model_config = presets.model_preset(preset, **model_changes)
    train_config = presets.train_preset(preset, **train_changes)
    if show:
        _show_settings(preset, model_config, train_config, as_json)
        return
    if run_dir is None:
        raise click.UsageError("Say with --run-dir where the run is kept, for example --run-dir runs/first.")
    source = source or PUZZLES.get(preset)
    if source is None:
        raise click.UsageError(
            f"Preset {preset!r} needs --puzzles: hub:sapientinc/sudoku-extreme is what the paper trained on, "
            "sudoku:generated:9x9:hard is made here, a quarter of a second of a core for each puzzle."
        )
    with streams.only_the_result(as_json):
        import torch

        from .. import HRM, Trainer
        from .sources import read_puzzles

        if limit is None and ":generated:" in f":{source}" and ":hard" not in source:
            limit = LIMIT
        train_set = read_puzzles(source, "train", limit, seed)
        test_set = _held_out(source, train_set, limit, held_out, seed)
        _check_fit(preset, model_config, train_set)
        torch.manual_seed(seed)
        folder = Path(run_dir).expanduser()
        trainer = Trainer(
            HRM(model_config),
            train_set,
            train_config,
            run_dir=folder,
            held_out=test_set,
            on_step=_lines(),
            progress=sys.stderr.isatty(),
        )
        talks = trainer.processes.is_main  # of the processes that torchrun started, one
        if talks:
            streams.say(f"{train_set!r}; {trainer.model.count_parameters():,} weights on {trainer.supervision.device}")
        record = trainer.fit()
    if talks and as_json:
        streams.give(record)
    elif talks:
        _show(record, folder, source)
    if record["ended_by"] == "SIGINT":
        ctx.exit(130)


def _lines():
    """Where stderr is no terminal: a line a minute in place of the bar, for logs."""
    if sys.stderr.isatty():
        return None
    last = time.monotonic()

    def line(trainer, losses):
        nonlocal last
        if time.monotonic() - last > 60 and trainer.history and trainer.processes.is_main:
            last = time.monotonic()
            shown = next((entry for entry in reversed(trainer.history) if "loss" in entry), {"loss": float("nan")})
            streams.say(
                f"step {trainer.step:,} of {trainer.config.max_steps:,}, {trainer.seconds / 60:.1f} minutes, "
                f"loss {shown['loss']:.3f}"
            )

    return line


def _held_out(source: str, train_set, limit: int | None, number: int, seed: int):
    """So many puzzles of the test side, or None for none."""
    from ..puzzles.arc import ArcSet
    from .sources import read_puzzles

    if not number:
        return None
    if isinstance(train_set, ArcSet):  # with another limit its identifiers would be those of other tasks
        return read_puzzles(source, "test", limit, seed)[:number]
    return read_puzzles(source, "test", number, seed)


def _check_fit(preset: str, config, puzzles) -> None:
    """Puzzles of another shape than the preset's: what to add to the line."""
    wanted = {"seq_len": puzzles.seq_len, "vocab_size": puzzles.vocab_size}
    if config.puzzles:
        wanted["puzzles"] = max(config.puzzles, puzzles.identifiers)
    if config.mixer == "convolution" and tuple(config.grid[:2]) != tuple(puzzles.grid):
        wanted["grid"] = ",".join(map(str, puzzles.grid))
    if config.positions == "grid" and tuple(config.grid) != (*puzzles.grid, *(puzzles.box or ())):
        wanted["grid"] = ",".join(map(str, (*puzzles.grid, *(puzzles.box or ()))))
    odd = {name: value for name, value in wanted.items() if getattr(config, name) != value}
    if odd:
        had = ", ".join(f"{name}={getattr(config, name)}" for name in odd)
        add = " ".join(f"--set {name}={value}" for name, value in odd.items())
        raise ValueError(f"Preset {preset!r} makes a model with {had}, but {puzzles.name} is another puzzle. Add {add}")


def _show_settings(preset: str, model_config, train_config, as_json: bool) -> None:
    if as_json:
        streams.give({"preset": preset, "model": model_config.to_dict(), "train": train_config.to_dict()})
        return
    for title, config in (("model", model_config), ("training", train_config)):
        click.echo(f"{title}:")
        for field in dataclasses.fields(config):
            value = getattr(config, field.name)
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
            click.echo(f"  --set {field.name}={shown}")


def _show(record: dict, folder: Path, source: str) -> None:
    click.echo(
        f"\n{'Finished' if record['finished'] else 'Stopped'} by {record['ended_by']}: {record['steps']:,} steps, "
        f"{record['seconds'] / 60:.1f} minutes, {record['presented']:,} puzzles seen, on {record['device']}."
    )
    trained = [entry for entry in record["history"] if "loss" in entry]
    if trained:
        click.echo(
            f"Training at the end: loss {trained[-1]['loss']:.3f}, {trained[-1]['exact']:.1%} of the answers "
            "exact after a segment."
        )
    if best := record["best"]:
        click.echo(
            f"Held-out puzzles, at its best (step {best['step']:,}): {best['exact']:.1%} exact, "
            f"{best['cells']:.2%} of the cells."
        )
    if not record["finished"]:
        click.echo("The same line again goes on from here.")
    folder, source = shlex.quote(str(folder)), shlex.quote(source)
    click.echo(f"\nNext:\n  hrm-lite evaluate {folder} {source}\n  hrm-lite export {folder} --to model.safetensors")
    if source.startswith(("sudoku", "maze")):  # a puzzle that can be typed
        click.echo(f"  hrm-lite solve --model {folder} PUZZLE")
