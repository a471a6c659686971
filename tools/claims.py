"""The page of claims: the ledger of `hrm_lite.cli.claims`, each number as records and chapters have it now.

Called by render.py; `python tools/claims.py` prints it. Raises ValueError where a verdict has lost its evidence.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))   # run as a script, it sees its own folder only

from hrm_lite.cli.claims import ARTICLE, VERDICTS, Claim, claims
from hrm_lite.records import catalogue, written
from tools import address

HEAD = """# The claims, one by one

Many readers come to HRM from a popular article, {article}. This page takes {number} things that it says and asks of
each: what do the paper {{cite:p}}`wang2025hrm` and its code {{cite:p}}`sapient2025code` say, what did we measure, and
what remains? The article is a good reason to look closer, and much of it is right; where it is not, the error is
mostly a number that cannot be found in the paper, or a word that means something else.

{counts}

Every number that we measured is read from run records or from the cells of a chapter, and has a condition: where it no
longer lies on the verdict's side, the book is not built. The same check runs in a terminal, with all evidence:
`hrm-lite claim` lists the claims, `hrm-lite claim 12` shows one, `--json` gives it to a program. What we measured
comes from small models and says nothing about the published scores. Verdicts are about sentences, and not about
people; if one is unfair, [tell us]({issues}).

| | claim | verdict |
|---:|---|---|
{rows}

What the verdicts mean:

{meanings}
"""


def chip(verdict: str) -> str:
    return f'<span class="verdict verdict-{verdict}">{VERDICTS[verdict][0]} {verdict}</span>'


def names(count: int) -> str:
    return ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")[count] \
        if count <= 10 else str(count)


def head(found: tuple[Claim, ...]) -> str:
    tally = {verdict: sum(c.verdict == verdict for c in found) for verdict in VERDICTS}
    counted = [f"{names(count)} {'is' if count == 1 else 'are'} {verdict}" for verdict, count in tally.items()
               if count and verdict not in ("agrees", "partly")]
    first = f"Of the {len(found)}, {names(tally['agrees'])} agree with the sources, {names(tally['partly'])} do partly"
    return HEAD.format(
        article=ARTICLE, number=len(found), issues=f"{address.current()}/issues",
        counts=f"{first}; {', '.join(counted[:-1])} and {counted[-1]}.",
        rows="\n".join(f"| {c.number} | [{c.short}](claim-{c.number}) | {chip(c.verdict)} |" for c in found),
        meanings="\n".join(f"- {chip(name)} {meaning}." for name, (_, meaning) in VERDICTS.items()))


def evidence(piece, reading) -> str:
    """One piece as an item of a list."""
    number = f"**{reading.text}**: " if reading.text else ""
    said = f"- {number}{piece.what}."
    if piece.kind == "source":
        return f"{said} *{piece.where}*, [{re.sub('^https?://', '', piece.url)}]({piece.url})"
    stands = f" The verdict stands while it is {plain(piece.stands, piece.form)}." if piece.stands else ""
    if piece.kind == "cell":
        number = piece.chapter.split("_")[0].lstrip("0")
        return f"{said}{stands} [Chapter {number}]({piece.chapter}.ipynb), cell `{piece.cell}`."
    patterns = [piece.files] if isinstance(piece.files, str) else piece.files
    links = [f"[{pattern}]({address.current()}/blob/main/results/{next(iter(catalogue(pattern)))})" for pattern in
             [*patterns, *([piece.against] if piece.against else [])]]
    many = f" {reading.count} records" if reading.count > 1 else " One record"
    return f"{said}{stands}{many}: {', '.join(links)}."


def plain(condition: str, form: str) -> str:
    """A condition in words, its limits as the number itself is written."""
    limits = [re.sub(r"\.0+(?= %|$)", "", written(float(limit), form)) if "%" in form else limit
              for limit in re.findall(r"-?[\d.]+", condition)]  # fmt: skip
    if len(limits) == 2:
        return f"between {limits[0]} and {limits[1]}"
    sign, (limit,) = condition.split()[0], limits
    words = {"<": "below", ">": "above", "=": "", "<=": "at most", ">=": "at least"}[sign]
    return f"{words} {limit}".strip()


def entry(one: Claim) -> str:
    faults = one.faults()
    if faults:
        raise ValueError("\n".join([*faults, "A verdict has lost its evidence: think it over in ledger.toml."]))
    readings = one.readings()
    said = [f"{chip(one.verdict)} *The article says* ({one.where}): {one.says}",
            f"**Paper and code.** {one.sources}"]
    if one.measured.strip():
        said.append(f"**We measured.** {one.filled(one.measured, readings)}")
    said.append(f"**To take away.** {one.filled(one.takeaway, readings)}")
    items = [evidence(*pair) for pair in zip(one.evidence, readings, strict=True)]
    again = list(dict.fromkeys(f"`{piece.again}`" for piece in one.evidence if piece.again))
    if again:
        items += ["", f"To make the records again: {', '.join(again)}."]
    return "\n".join([
        f"(claim-{one.number})=", f"## {one.number} · {one.short}", "", f"::::{{div}} claim claim-{one.verdict}", "",
        "\n\n".join(said), "", f":::{{dropdown}} Evidence: `hrm-lite claim {one.number}`", *items, ":::", "::::", ""])


def page() -> str:
    found = claims()
    return "\n".join([head(found), *(entry(one) for one in found)])


if __name__ == "__main__":
    print(page())
