"""The claims as they stand in ledger.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .evidence import Evidence, Reading

__all__ = ["ARTICLE", "LEDGER", "VERDICTS", "Claim", "claim", "claims"]

LEDGER = Path(__file__).parent / "ledger.toml"
ARTICLE = "“Hierarchical Reasoning Model: The AI Architecture Outperforming OpenAI’s ‘o3-mini-high’”"
# What each says, and a sign, so that no verdict hangs on a colour.
VERDICTS = {
    "agrees": ("✓", "paper and code say the same, and nothing that we measured speaks against it"),
    "partly": ("◐", "a part of it holds, or it holds under conditions that the article leaves out"),
    "imprecise": ("≈", "it means something that is right, in words that say something else"),
    "overstated": ("△", "there is something to see, and less than is claimed"),
    "unsupported": ("?", "we found no source for it, and our measurement does not show it"),
    "wrong": ("✗", "paper and code say something else"),
}


@dataclass(frozen=True)
class Claim:
    """One claim; ledger.toml says what each field means. Numbers in braces are those of the evidence of that name."""

    number: int
    short: str
    says: str
    where: str
    sources: str
    measured: str
    verdict: str
    takeaway: str
    evidence: tuple[Evidence, ...]

    def readings(self) -> list[Reading]:
        """What each piece of evidence says now, in order."""
        return [piece.read() for piece in self.evidence]

    def filled(self, text: str, readings: list[Reading]) -> str:
        """A text of the claim with the numbers of its evidence. Raises KeyError for a name that no evidence has."""
        values = {e.name: r.text for e, r in zip(self.evidence, readings, strict=True) if e.name}
        return text.format_map(values)

    def faults(self) -> list[str]:
        """What is wrong with the entry or its numbers, a sentence each: none, and the verdict stands."""
        found = [fault for piece in self.evidence for fault in piece.faults()]
        if self.verdict not in VERDICTS:
            found.append(f"{self.verdict!r} is no verdict: {', '.join(VERDICTS)}")
        if not self.evidence:
            found.append("a verdict without evidence")
        found += [f"no text for {key}" for key in ("short", "says", "where", "sources", "takeaway")
                  if not getattr(self, key).strip()]  # fmt: skip
        if found:
            return [f"claim {self.number}: {fault}" for fault in found]
        readings = self.readings()
        found = [r.fault for r in readings if r.fault]
        for text in (self.measured, self.takeaway):
            try:
                self.filled(text, readings)
            except KeyError as error:
                found.append(f"no evidence is called {error}")
        return [f"claim {self.number}: {fault}" for fault in found]


@cache
def claims() -> tuple[Claim, ...]:
    """All of them, in the article's order of importance, numbered from 1."""
    entries = tomllib.loads(LEDGER.read_text(encoding="utf-8"))["claim"]
    return tuple(
        Claim(**entry | {"evidence": tuple(Evidence(**piece) for piece in entry.get("evidence", ()))})
        for entry in entries
    )


def claim(number: int) -> Claim:
    """The claim of this number. Raises ValueError for one that there is not."""
    found = {one.number: one for one in claims()}
    if number not in found:
        raise ValueError(
            f"there is no claim {number}: the ledger has {len(found)}, numbered {min(found)} to {max(found)}. "
            "`hrm-lite claim` lists them."
        )
    return found[number]
