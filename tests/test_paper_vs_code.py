"""The page of hidden choices names things in the code: they must be there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = re.compile(r"`([^`]+)`")
WORDS = {word for path in (ROOT / "hrm_lite").rglob("*.py") for word in re.findall(r"\w+", path.read_text("utf-8"))}
WORDS |= {path.stem for path in (ROOT / "hrm_lite").rglob("*.py")}


def named(markdown: str) -> list[str]:
    """What stands as code in the last column of the tables: names only, without values and arguments."""
    rows = [line.rstrip("| ").rpartition("|")[2] for line in markdown.splitlines() if line.startswith("| ")]
    return [re.match(r"[\w.]+", code)[0] for row in rows for code in CODE.findall(row)]


def absent(markdown: str) -> list[str]:
    return [name for name in named(markdown) if not set(name.split(".")) <= WORDS]


def test_every_name_on_the_page_is_in_the_package():
    page = (ROOT / "book" / "paper_vs_code.md").read_text(encoding="utf-8")
    assert len(named(page)) > 40 and not absent(page)


@pytest.mark.parametrize("cell", ["`HRM.no_such_method`", "`NoSuchClass`", "text and `no_such_setting=0`"])
def test_the_check_of_names_can_fail(cell):
    assert len(absent(f"| choice | paper | code | {cell} |")) == 1
