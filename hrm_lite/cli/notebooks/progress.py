"""How a batch stands: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import time
from collections import Counter

import click

__all__ = ["Board"]

STATES = ("waiting", "running", "done", "failed", "stopped")
_STYLES = {"running": "cyan", "done": "green", "failed": "red", "stopped": "yellow", "waiting": "dim"}


class Board:
    """The runs called ``names`` and how each stands; a context manager that shows them while it is open."""

    def __init__(self, names: list[str], console=None):
        from rich.console import Console
        from rich.live import Live

        self.console = console or Console(highlight=False)
        self.runs = {name: {"state": "waiting", "line": "", "begun": None, "seconds": None} for name in names}
        self.live = Live(self, console=self.console, auto_refresh=False) if self.console.is_terminal else None

    def __enter__(self) -> Board:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_) -> None:
        if self.live:
            self.live.update(self, refresh=True)
            self.live.stop()

    def tick(self) -> None:
        if self.live:
            self.live.refresh()

    def tell(self, said: dict) -> None:
        """Take in what is known of a run, as `workers.compute` tells it."""
        run = self.runs[said["name"]]
        if "state" in said:
            run |= {"state": said["state"], "seconds": said.get("seconds"), "message": said["message"]}
            run["line"] = said["message"].splitlines()[0] if said["state"] == "failed" else ""
            seconds = f" ({run['seconds']:.0f} s)" if run["seconds"] else ""
            why = f": {run['line']}" if run["line"] else ""
            self._say(f"{said['state']:8} {said['name']}{seconds}{why}")
            return
        again = run["state"] == "running" and run.get("worker") not in (None, said["worker"])
        if run["state"] == "waiting" or again:
            run["begun"] = time.monotonic()
            self._say(f"{'again' if again else 'running':8} {said['name']}{' on another worker' if again else ''}")
        cells = f"[{said['cell']}/{said['count']}] " if said["count"] else ""
        run |= {"state": "running", "worker": said["worker"], "line": cells + said["line"]}

    def counts(self) -> Counter:
        return Counter(run["state"] for run in self.runs.values())

    def _say(self, line: str) -> None:
        if not self.live:
            over = sum(self.counts()[state] for state in ("done", "failed", "stopped"))
            click.echo(f"[{over}/{len(self.runs)}] {line}")

    def __rich__(self):
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table("run", "", "min", "", box=None, pad_edge=False, expand=True)
        table.columns[3].no_wrap = table.columns[0].no_wrap = True
        table.columns[3].ratio = 1
        order = {"running": 0, "failed": 1, "stopped": 2, "done": 3, "waiting": 4}
        room = max(3, self.console.height - 4)
        rows = sorted(self.runs.items(), key=lambda item: order[item[1]["state"]])
        for name, run in rows[:room]:
            seconds = run["seconds"]
            if run["state"] == "running":
                seconds = time.monotonic() - run["begun"]
            minutes = "" if seconds is None else f"{seconds / 60:.1f}"
            style = _STYLES[run["state"]]
            table.add_row(Text(name), Text(run["state"], style), minutes, Text(run["line"], "dim", overflow="ellipsis"))
        counts = self.counts()
        total = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        more = f" ({len(rows) - room} not shown)" if len(rows) > room else ""
        return Group(table, Text(f"{total}{more}"))
