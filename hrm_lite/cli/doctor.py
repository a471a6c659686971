"""`hrm-lite doctor`: what this machine can do, measured, and what is missing."""

from __future__ import annotations

import os
import platform

import click

from . import streams

_EXAMPLES = """\b
Examples:
  hrm-lite doctor
  hrm-lite doctor --seconds 0 --json
"""


@click.command("doctor", epilog=_EXAMPLES)
@click.option(
    "--seconds",
    type=click.FloatRange(0),
    default=5,
    show_default=True,
    help="On a GPU: try batches of each preset for so long; 0 leaves out what fits, on a CPU too.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, and nothing else.")
def command(seconds, as_json):
    """What this machine can do, and what is missing.

    Rates and batch sizes are measured here and now. What cannot be found out is said, and is no error.
    """
    with streams.only_the_result(as_json):
        report = examine(seconds)
    if as_json:
        streams.give(report)
    else:
        _show(report)


def examine(seconds: float) -> dict:
    """All answers, {question: value}; one that could not be found out is {"unknown": why}."""
    from .extras import extras

    report = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    report["torch"] = _ask(_torch)
    report["devices"] = _ask(lambda: machine().devices())
    known = [one["device"] for one in report["devices"]] if isinstance(report["devices"], list) else ["cpu"]
    usable = [device for device in known if device.startswith(("cpu", "cuda"))]
    report["precision"] = {device: _ask(lambda device=device: machine().precisions(device)) for device in usable}
    report["free_memory"] = _ask(lambda: machine().available_memory())
    report["fits"] = {}
    if seconds:
        best = usable[1] if len(usable) > 1 else usable[0]
        report["fits"] = {
            preset: _ask(lambda preset=preset: machine().fits(preset, best, seconds)) | {"device": best}
            for preset in machine().FITTED
        }
    report["compile"] = _ask(lambda: machine().compilers())
    report["extras"] = _ask(lambda: {
        extra: {"missing": [name for name, version in members if version is None],
                "install": f'pip install "hrm-lite[{extra}]"'}
        for extra, members in extras().items()
    })  # fmt: skip
    report["hub"] = _ask(lambda: machine().hub())
    report["storage"] = _ask(lambda: machine().storage())
    return report


def machine():
    """The module that measures, loaded late: it brings torch."""
    from . import machine

    return machine


def _torch() -> dict:
    import torch

    return {"version": torch.__version__, "cuda": torch.version.cuda, "threads": torch.get_num_threads()}


def _ask(question):
    """An answer, or why there is none: a doctor does not fall over what it finds."""
    try:
        return question()
    except Exception as error:
        return {"unknown": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def _size(count: float | None) -> str:
    return (
        "unknown" if count is None else f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.1f} MiB"
    )


def _show(report: dict) -> None:
    from rich.table import Table

    screen = streams.console()

    def table(title: str, *columns: str) -> Table:
        screen.print(f"\n{title}", style="bold")
        made = Table(box=None, padding=(0, 2, 0, 1), show_header=bool(columns))
        for column in columns or ("", ""):
            made.add_column(column, overflow="fold")
        return made

    def unknown(answer) -> bool:
        if isinstance(answer, dict) and "unknown" in answer:
            screen.print(f" not found out: {answer['unknown']}")
            return True
        return False

    plain = table("The machine")
    torch = report["torch"]
    plain.add_row("Python", f"{report['python']} on {report['system']}")
    plain.add_row(
        "torch",
        torch.get("unknown")
        or f"{torch['version']}, CUDA {torch['cuda'] or 'none'}, {torch['threads']} threads on {report['cores']} cores",
    )
    for one in report["devices"] if isinstance(report["devices"], list) else []:
        plain.add_row(one["device"], f"{one['name']}, {_size(one['memory'])}")
    free = report["free_memory"]
    plain.add_row("free memory", _size(free) if not isinstance(free, dict) else "unknown")
    screen.print(plain)

    rates = table(
        "Precision: GFLOP/s of a matrix product, measured", "device", "float32", "bfloat16", "float16", "auto"
    )
    for device, answer in report["precision"].items():
        if not unknown(answer):
            rates.add_row(
                device,
                *(f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}" for rate in answer["rates"].values()),
                answer["auto"],
            )
    screen.print(rates)

    if report["fits"]:
        room = table("What fits: rows of a training batch, not compiled", "preset", "rows", "how")
        for preset, answer in report["fits"].items():
            if not unknown(answer):
                room.add_row(preset, "unknown" if answer["rows"] is None else f"{answer['rows']:,}", _how(answer))
        screen.print(room)

    found = table("What else")
    compiling = report["compile"]
    if not unknown(compiling):
        found.add_row(
            "torch.compile",
            f"compiler {compiling['compiler'] or 'missing: training runs eagerly on a CPU'}; "
            f"triton {compiling['triton'] or 'missing: eager on a GPU'}",
        )
    hub = report["hub"]
    if not unknown(hub):
        found.add_row(
            "the Hub",
            f"{hub['endpoint']} answers"
            if hub["reachable"]
            else f"{hub['endpoint']} cannot be reached ({hub['why']}); generated puzzles need no network",
        )
    if not unknown(report["storage"]):
        for name, place in report["storage"].items():
            no = "" if place["writable"] else ", cannot be written to"
            found.add_row(f"{name} kept in", f"{place['folder']} ({_size(place['free'])} free{no})")
    screen.print(found)

    if not unknown(report["extras"]):
        lacking = {extra: one for extra, one in report["extras"].items() if one["missing"]}
        missing = table("Extras that are missing" if lacking else "No extra is missing.")
        if not report["extras"]:
            screen.print(" hrm-lite runs from a folder and is not installed, so its extras are not known.")
        for one in lacking.values():
            missing.add_row(", ".join(one["missing"]), one["install"])
        screen.print(missing)


def _how(answer: dict) -> str:
    if answer["how"] == "run":
        more = f"{answer['too_large']:,} did not fit" if answer["too_large"] else "more was not tried"
        return (
            f"ran on {answer['device']} with {_size(answer['peak_bytes'])}; {more}; the recipe has "
            f"{answer['recipe_rows']:,}"
        )
    return f"reckoned from {_size(answer['bytes_a_row'])} a row, measured in float32"
