"""`hrm-lite claim`: what a popular article says of HRM, what became of it, and whether the evidence still says so."""

from __future__ import annotations

import click

from . import streams

_EXAMPLES = """\b
Examples:
  hrm-lite claim
  hrm-lite claim 12
  hrm-lite claim 12 --json
"""


@click.command("claim", epilog=_EXAMPLES)
@click.argument("number", metavar="[NUMBER]", type=int, required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, and nothing else.")
def command(number, as_json):
    """Check a claim about HRM against its evidence.

    NUMBER is that of the book's page of claims; without it all are listed. Every number is read from the run records
    now, and held against the condition under which the verdict stands. Exit code 1 where one does not.
    """
    from .claims import claim, claims

    try:
        chosen = claims() if number is None else (claim(number),)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    found = [(one, one.readings()) for one in chosen]
    if as_json:
        told = [_plain(*pair) for pair in found]
        streams.give(told if number is None else told[0])
    elif number is None:
        _list(found)
    else:
        _show(*found[0])
    moved = [one.number for one, readings in found if any(r.fault for r in readings)]
    if moved:
        raise click.ClickException(
            f"the evidence has moved for claim {', '.join(map(str, moved))}: the verdict has to be thought over."
        )


def _plain(one, readings) -> dict:
    return {
        **{key: getattr(one, key) for key in ("number", "short", "says", "where", "sources")},
        **{key: " ".join(one.filled(getattr(one, key), readings).split()) for key in ("measured", "takeaway")},
        "verdict": one.verdict,
        "evidence": [
            {key: value for key, value in vars(piece).items() if value}
            | {"read": reading.text, "records": reading.count, "on_the_verdicts_side": reading.stands,
               "fault": reading.fault, "from_the_ledger": reading.stated}
            for piece, reading in zip(one.evidence, readings, strict=True)
        ],
    }  # fmt: skip


def _list(found) -> None:
    from rich.table import Table

    from .claims import ARTICLE, VERDICTS

    screen = streams.console()
    screen.print(f"Claims of a popular article, {ARTICLE}\n")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name, more in (("", {"justify": "right"}), ("verdict", {"no_wrap": True}), ("claim", {}), ("numbers", {})):
        table.add_column(name, **more)
    for one, readings in found:
        read = [r for r in readings if r.stands is not None]
        numbers = f"{sum(r.stands for r in read)} of {len(read)} stand" if read else ""
        table.add_row(str(one.number), f"{VERDICTS[one.verdict][0]} {one.verdict}", one.short, numbers)
    screen.print(table)
    screen.print("\nhrm-lite claim NUMBER shows the evidence.")


def _show(one, readings) -> None:
    from rich.padding import Padding

    from .claims import VERDICTS

    screen = streams.console()
    sign, meaning = VERDICTS[one.verdict]

    def say(title, text):
        if text := " ".join(text.split()):
            screen.print(title, style="bold")
            screen.print(Padding(text.replace("`", "").replace("*", ""), (0, 0, 1, 2)))

    screen.print(f"{one.number} · {one.short}", style="bold")
    screen.print(f"{sign} {one.verdict}: {meaning}\n")
    say("The article says", f"{one.says} ({one.where})")
    say("Paper and code", one.sources)
    say("We measured", one.filled(one.measured, readings))
    screen.print("Evidence", style="bold")
    for piece, reading in zip(one.evidence, readings, strict=True):
        where = piece.where or (f"chapter {piece.chapter}, cell {piece.cell}" if piece.chapter else "")
        head = f"{reading.text}  " if reading.text else ""
        screen.print(Padding(f"{head}{piece.what}{f' ({where})' if where else ''}", (0, 0, 0, 2)))
        if piece.stands:
            records = f", {reading.count} record{'s' * (reading.count > 1)}" if piece.kind == "record" else ""
            stated = "; as written down, for the chapter was not executed here" if reading.stated else ""
            verdict = reading.fault or ("the verdict stands" if reading.stands else "not read") + stated
            screen.print(Padding(f"{verdict}, while {piece.stands}{records}", (0, 0, 0, 4)), style="dim")
        if piece.again:
            screen.print(Padding(f"again: {piece.again}", (0, 0, 0, 4)), style="dim")
    screen.print()
    say("What to take away", one.filled(one.takeaway, readings))
