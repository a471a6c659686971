"""Names that are chosen from a list: a wrong one gets the nearest right one, and the Tab key completes them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import click


def nearest(given: str, names: Iterable[str]) -> str:
    """Advice where a name is wrong: "Did you mean 'lr'?", or all there are."""
    names = list(names)
    near = get_close_matches(given, names, 1, 0.5)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}."


class Name(click.ParamType):
    """One of the ``names``; ``what`` says of what, in messages."""

    def __init__(self, what: str, names: Iterable[str]):
        self.name, self.names = what, tuple(names)

    def convert(self, value, param, ctx):
        if value not in self.names:
            self.fail(f"there is no {self.name} {value!r}. {nearest(value, self.names)}", param, ctx)
        return value

    def shell_complete(self, ctx, param, incomplete):
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in self.names if name.startswith(incomplete)]
