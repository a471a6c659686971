"""Reading a Sudoku as people write it: in one line or drawn, with frames, comments, and their own sign for a blank.

A text is read in every way that people mean: spaces as gaps or as blanks, cells side by side or one apart, fields
between commas or bars, a line of dashes as a frame or as an empty row. A way counts only if it gives a whole board of
4x4, 6x6 or 9x9. If two ways give two boards, that is said; guessing would be a misreading.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

__all__ = ["BLANKS", "read_grid"]

BLANKS = ".0*_-xX?·"
"""Signs for a blank; a space may be one as well"""
_SIDES = (4, 6, 9)
_CELLS = {side * side: side for side in _SIDES}
_BARS = "|!¦│┃║┆┊"
_PARTS = ",;\t" + _BARS  # between fields
_DECORATION = _PARTS + ":/[](){}\"'"
_RULES = "-_=─━═╌┄+┼╋╬├┤┬┴┌┐└┘╔╗╚╝╠╣╦╩╟╢╤╧╪╫┠┨┯┷┿╂┏┓┗┛┣┫┳┻"  # what frames are drawn with, beside bars
_IGNORED = dict.fromkeys(map(ord, "\ufeff\u200b\u200e\r"))  # a byte order mark and other things that nobody sees
_TO_BLANK = str.maketrans(dict.fromkeys(BLANKS, "."))


@dataclasses.dataclass
class _Line:
    number: int
    """In the text, from 1"""
    text: str
    """Without its comment"""

    @property
    def cells(self) -> str:
        """Digits and signs for a blank, whatever stands between them."""
        return "".join(c for c in self.text if c in "123456789" or c in BLANKS)

    @property
    def is_ruled(self) -> bool:
        """Whether it could be part of a frame: no digit, and something that frames are drawn with."""
        return not re.search(r"[1-9]", self.text) and any(c in _RULES for c in self.text) and not self.foreign

    @property
    def is_words(self) -> bool:
        """Whether it is a title or a remark: a word of two letters stands in it."""
        return any(set(word) - set("xX") for word in re.findall(r"[^\W\d_]{2,}", self.text))

    @property
    def foreign(self) -> re.Match | None:
        """The first character that no form knows."""
        known = re.escape("123456789" + BLANKS + _DECORATION + _RULES)
        return re.search(rf"[^\s{known}]", self.text)


def read_grid(text: str) -> str:
    """A Sudoku in any of the usual forms -> its 16, 36 or 81 characters, row by row, '.' for a blank.

    Known are: one line; a line for each row; gaps, bars, commas, brackets and frames; any of ". 0 * _ - x ?" for a
    blank, or a space where nothing else can be meant; comments that begin with '#'; titles above and below.

    ValueError, in one paragraph: the first character that does not belong there (line and column), rows that are too
    long or too short, a text that can be read in two ways (and how to write it so that it cannot).
    """
    if not isinstance(text, str):
        raise ValueError(
            f"A Sudoku is given as text of 16, 36 or 81 characters; got {type(text).__name__}. "
            "Tokens become text with PuzzleSet.decode().")
    if len(text) in _CELLS and not set(text) - set(".0123456789"[: _CELLS[len(text)] + 2]):
        return text.replace("0", ".")  # the plain form, in lists of many
    lines = list(_lines(text))
    boards: dict[str, str] = {}  # board -> how it was read
    for rows in _without_titles(lines):
        for way, board in _readings(rows):
            boards.setdefault(board, way)
    if len(boards) > 1:
        ways = " or ".join(f"{way} ({_CELLS[len(board)]}x{_CELLS[len(board)]})" for board, way in boards.items())
        raise ValueError(
            f"This Sudoku can be read in two ways: {ways}. Write '.' for every blank, and a line for each row without "
            "spaces.")
    if not boards:
        raise ValueError(_complaint(lines))
    return next(iter(boards))


def _lines(text: str) -> Iterator[_Line]:
    for number, line in enumerate(text.translate(_IGNORED).split("\n"), 1):
        line = line.replace("\xa0", " ").replace("\u3000", " ")
        yield _Line(number, re.sub(r"(^|\s)#.*", "", line))


def _without_titles(lines: list[_Line]) -> Iterator[list[_Line]]:
    """The rows: what stands between titles. Once with lines of dashes as rows, once without; empty lines and all."""
    for ruled_are_rows in (False, True):
        rows = [line for line in lines if not line.is_ruled or (ruled_are_rows and "+" not in line.text)]
        rows = _core(rows)
        if ruled_are_rows:  # then a frame has another length than a row
            width = max((len(line.cells) for line in rows if not line.is_ruled), default=0)
            width = width or next((len(line.cells) for line in rows if len(line.cells) in _SIDES), 0)
            rows = [line for line in rows if not line.is_ruled or len(line.cells) == width]
        if not any(line.foreign for line in rows):
            yield rows


def _core(lines: list[_Line]) -> list[_Line]:
    """The lines without the titles and the empty lines at both ends."""
    inside = [i for i, line in enumerate(lines) if line.text and not line.is_words]
    return lines[inside[0] : inside[-1] + 1] if inside else []


def _readings(rows: list[_Line]) -> Iterator[tuple[str, str]]:
    """(in words, board) for every way to read the rows as a whole board."""
    solid = [line.text for line in rows if line.text.strip()]
    some = [line.text for line in rows if line.text]  # an empty line is a gap between bands, or a row that lost all
    ways = [
        ("every sign is a cell", _dense([line.cells for line in rows if line.text.strip()])),
        ("an empty field is a blank", _fields(solid)),
    ]
    for texts in [some] + [[line.text for line in rows]] * (len(some) < len(rows)):
        ways.append(("a space is a blank", _spaced(texts)))
        ways.append(("cells stand one apart and a space is a blank", _every_other(texts)))
    for way, boards in ways:
        for board in boards:
            side = _CELLS.get(len(board))
            if side and not set(board) - set(".123456789"[: side + 1]):
                yield way, board


def _dense(rows: list[str]) -> Iterator[str]:
    """Cells of each line, white space and bars dropped: as rows, or one long line that was broken."""
    widths = [len(row) for row in rows]
    count = len(rows)
    square = count in _SIDES and widths == [count] * count
    total = sum(widths)
    # Nine lines of four digits are not a 6x6 board that was broken: blanks were lost.
    lost = count in _SIDES and max(widths) <= count
    wrapped = count and len({*widths[:-1], widths[0]}) == 1 and widths[-1] <= widths[0] and not lost
    if square or (total in _CELLS and wrapped):
        yield "".join(rows).translate(_TO_BLANK)


def _spaced(rows: list[str]) -> Iterator[str]:
    """One character a cell, a space for a blank. Spaces at the end of a line may be gone, those before it may not."""
    side = len(rows)
    if not any(row[1::2].strip() for row in rows):
        return  # rather too few cells with gaps between them
    if side == 1 and len(rows[0]) in _CELLS:
        yield rows[0].translate(_TO_BLANK).replace(" ", ".")
    if side not in _SIDES:
        return
    if any(bar in row for row in rows for bar in _BARS):
        rows = _between_bars(rows)
        if not rows:
            return
    if not all(len(row) == side for row in rows):
        indent = min((len(row) - len(row.lstrip(" ")) for row in rows if row.strip()), default=0)
        # Only so is it certain that neither the first nor the last column was cut off, or an indent taken for one.
        if max(map(len, rows)) - side != indent:
            return
        rows = [row[indent:] for row in rows]
        # Text that was stripped, as a whole or line by line, has lost the blanks before its first digits.
        if (len(rows[0]) < side and rows[0][:1] != " ") or not any(row[:1] == " " for row in rows):
            return
    yield "".join(row.ljust(side) for row in rows).translate(_TO_BLANK).replace(" ", ".")


def _between_bars(rows: list[str]) -> list[str]:
    """What stands between bars, if it is as wide everywhere as it must be: a box, or one cell; else nothing."""
    rows = ["".join("|" if c in _BARS else c for c in row) for row in rows]
    rows = [row.removeprefix("|") for row in _framed(rows)]
    if all(row.rstrip()[-1:] == "|" for row in rows):
        rows = [row.rstrip()[:-1] for row in rows]
    parts = [row.split("|") for row in rows]
    wide = len(rows) // len(parts[0])
    indent = len(parts[0][0]) - wide
    fits = all(
        len(part) == len(parts[0]) and len(part[0]) == wide + indent and not part[0][:max(indent, 0)].strip()
        and all(len(cells) == wide for cells in part[1:-1]) and len(part[-1]) <= wide for part in parts)
    if not fits or indent < 0 or wide * len(parts[0]) != len(rows):
        return []
    return ["".join([part[0][indent:], *part[1:]]).ljust(len(rows)) for part in parts]


def _framed(rows: list[str]) -> list[str]:
    """The rows from their first bar on, if all begin with one, equally far from the left; else as they are."""
    inside = [row.lstrip(" ") for row in rows]
    same = len({len(row) - len(bare) for row, bare in zip(rows, inside, strict=True)}) == 1
    return inside if same and all(row[:1] in tuple(_BARS) for row in inside) else rows


def _every_other(rows: list[str]) -> Iterator[str]:
    """Every second character, if there are only spaces between them: "| 5 3   |   7   |"."""
    rows = _framed(rows)
    bars = {tuple(i for i, c in enumerate(row) if c in _BARS) for row in rows}
    if any(row[1::2].strip() for row in rows) or len(bars) > 1:
        return
    picked = ["".join(c for c in row[::2] if c not in _BARS) for row in rows]
    if all(row.rstrip()[-1:] in tuple(_BARS) for row in rows):  # closed on the right: nothing was cut off
        picked = ["".join(c for c in row.rstrip()[::2] if c not in _BARS) for row in rows]
        if all(len(row) == len(rows) for row in picked):
            yield "".join(picked).translate(_TO_BLANK).replace(" ", ".")
    else:
        yield from _spaced(picked)


def _fields(rows: list[str]) -> Iterator[str]:
    """One field a cell, none or one character in each: "5,3,,,7,,,," or "| 5 | 3 | | |"."""
    side = len(rows)
    for mark in _PARTS:
        if side not in _SIDES or any(mark not in row for row in rows):
            continue
        texts = [row.strip(" ") for row in rows]
        if mark in _BARS:  # the sides of a table part no fields
            for side_of in (str.removeprefix, str.removesuffix):
                bare = [side_of(text, mark) for text in texts]
                texts = bare if all(map(str.__ne__, bare, texts)) else texts
        split = [[field.strip(" \t[](){}\"'") for field in text.split(mark)] for text in texts]
        while all(len(fields) > side and not fields[-1] for fields in split):
            split = [fields[:-1] for fields in split]
        if all(len(fields) == side and all(len(field) <= 1 for field in fields) for fields in split):
            yield "".join(field or "." for fields in split for field in fields).translate(_TO_BLANK)


def _complaint(lines: list[_Line]) -> str:
    """What keeps the text from being a board."""
    core = _core(lines)
    rows = [line for line in core if line.cells and not line.is_ruled]
    length = max((len(line.cells) for line in rows), default=0)
    # A row with a word in it would pass for a title, if it did not have the length of a row.
    strange = [line for line in core if line.foreign] or [line for line in lines if line.foreign and (
        not rows or len(line.text.strip()) == length)]
    if strange:
        match = strange[0].foreign
        return (
            f"Character {match[0]!r} in line {strange[0].number}, column {match.start() + 1} does not belong in a "
            f"Sudoku: it has digits, one of {' '.join(BLANKS[:6])} for a blank, and '#' before a comment.")
    total = sum(len(line.cells) for line in rows)
    if len(rows) > 1 and all(len(line.cells) in _CELLS for line in rows):
        return (
            f"This is a list of {len(rows)} Sudokus, one a line, where one is expected. Give one of them; sudoku.load "
            "reads a file of many.")
    side = len(rows) if len(rows) in _SIDES else _CELLS.get(total)
    if side and (len(rows) == side or len(rows) <= 1):
        digits = "".join(line.cells for line in rows)
        large = next((i for i, c in enumerate(digits) if c.isdigit() and int(c) > side), None)
        if large is not None and len(digits) == side * side:
            return (
                f"Character {digits[large]!r} in row {large // side + 1}, column {large % side + 1} is not allowed: a "
                f"{side}x{side} Sudoku has the digits 1 to {side} and '.' or '0' for a blank.")
    spaces = any(" " in line.text.strip() for line in rows)
    hint = " If spaces stand for blanks, write '.' in their place." if spaces else ""
    if len(rows) > 1:
        side = side if len(rows) == side else 9
        wrong = next((line for line in rows if len(line.cells) != side), None)
        where = f", and line {wrong.number} has {len(wrong.cells)} cells" if wrong else ""
        return (
            f"A Sudoku has 4 rows of 4 cells, 6 of 6 or 9 of 9; this text has {len(rows)} rows{where}; {total} cells "
            f"in all.{hint or ' Count the characters of each row.'}")
    return (
        f"A Sudoku has 16, 36 or 81 characters (4x4, 6x6, 9x9), row by row, '.' or '0' for a blank; this text has "
        f"{total}.{hint or ' Count the characters of each row.'}")
