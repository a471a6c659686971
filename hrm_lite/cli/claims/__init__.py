"""The ledger of claims: what a popular article says of HRM, what became of it, and the evidence, read anew each time.

`ledger.toml` is the one place where claims stand. The page of the book, `hrm-lite claim` and the tests read it here.
"""

from __future__ import annotations

from .evidence import Evidence, Reading
from .ledger import ARTICLE, VERDICTS, Claim, claim, claims

__all__ = ["ARTICLE", "VERDICTS", "Claim", "Evidence", "Reading", "claim", "claims"]
