"""What a command says, and where: the result on stdout, everything else on stderr, in any encoding and at any width."""

from __future__ import annotations

import codecs
import contextlib
import json
import math
import sys
import unicodedata

import click

# What stands for a character where the terminal's code page does not have it; others lose their accents or become "?".
_PLAIN = {
    "…": "...", "–": "-", "—": "-", "−": "-", "×": "x", "·": ".", "→": "->", "≤": "<=", "≥": ">=", "✓": "ok", "✗": "no",
    "σ": "sigma", "ε": "epsilon", "θ": "theta", "“": '"', "”": '"', "’": "'", "•": "*", "●": "o", "█": "#",
    "━": "-", "─": "-", "│": "|", "╸": "-", "╺": "-", "├": "+", "┼": "+", "┤": "+",
}  # fmt: skip


def _in_plain(error: UnicodeError):
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = []
    for character in error.object[error.start : error.end]:
        letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        found.append(_PLAIN.get(character) or letters or "?")
    return "".join(found), error.end


codecs.register_error("hrm_lite.plain", _in_plain)


def survive_any_encoding() -> None:
    """Let stdout and stderr write what their encoding lacks in plain letters, instead of raising UnicodeEncodeError."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):  # a stream that is no text file, or closed
            stream.reconfigure(errors="hrm_lite.plain")


def say(text: str) -> None:
    """A line for people, on stderr."""
    click.echo(text, err=True)


def console(stderr: bool = False):
    """A rich console on what stdout (or stderr) is now; it heeds NO_COLOR, COLUMNS, and what is no terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, emoji=False, markup=False)


def progress(what: str, total: int | None, show: bool = True):
    """A bar on stderr, as a context: ``advance(n)`` moves it. Nothing where stderr is no terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    screen = console(stderr=True)
    bar = Progress(*columns, console=screen, transient=True, disable=not (show and screen.is_terminal))

    @contextlib.contextmanager
    def running():
        with bar:
            task = bar.add_task(what, total=total)
            yield lambda number: bar.advance(task, number)

    return running()


@contextlib.contextmanager
def only_the_result(as_json: bool):
    """While a command works, what anything prints goes to stderr if stdout is to hold one JSON document and no more."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield


def give(value) -> None:
    """The result as one JSON document on stdout. What is no finite number becomes null."""
    click.echo(json.dumps(finite(value), indent=2, allow_nan=False))


def finite(value):
    """The value with None in place of NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
