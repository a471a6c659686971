"""The worked example of a new puzzle works as it stands."""

import re
from pathlib import Path

import pytest
import torch
from helpers import TRAIN, make, trainer

from hrm_lite.puzzles.base import PuzzleSet

TEXT = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def addition():
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", TEXT, re.S) if "PuzzleSet" in code]
    assert code.count("\n") < 150
    names = {"__name__": "addition"}
    exec(code, names)
    return names


def test_the_example_adds(addition):
    puzzles = addition["load"](6, "train", 300)
    assert isinstance(puzzles, PuzzleSet) and len(puzzles) == 300
    for label in puzzles.labels:
        a, b, total = (int("".join(map(str, row - 2)), 2) for row in label.reshape(3, 6))
        assert (a + b) % 64 == total
    x, y = torch.tensor(puzzles.inputs), torch.tensor(puzzles.labels)
    assert puzzles.check(x, y).all() and not puzzles.check(x, x).any()
    for cell in range(18):
        wrong = y.clone()
        wrong[:, cell] = 5 - wrong[:, cell]
        assert not puzzles.check(x, wrong).any()
        assert puzzles.violations(wrong).any() and (cell < 12 or puzzles.violations(wrong)[:, cell].all())
    new_x, new_y = puzzles.augment(x, y, torch.Generator().manual_seed(0))
    assert puzzles.check(new_x, new_y).all() and 0.3 < (new_x == x).all(1).double().mean() < 0.7


def test_its_sides_share_no_class_and_its_list_is_known(addition):
    sides = [addition["load"](5, split, 150, seed) for seed, split in enumerate(("train", "test"))]
    classes = [{b"".join(sorted(map(bytes, row.reshape(3, 5)[:2]))) for row in side.inputs} for side in sides]
    assert not classes[0] & classes[1]
    assert addition["load"](5, "train", 40).content_hash == sides[0][:40].content_hash
    with pytest.raises(ValueError, match="different additions of 2 bits were found"):
        addition["load"](2, "train", 17)


def test_it_can_be_trained_on(addition, tmp_path):
    puzzles = addition["load"](4, "train", 60)
    model = make(vocab_size=puzzles.vocab_size, seq_len=puzzles.seq_len)
    record = trainer(puzzles, tmp_path, TRAIN.replace(max_steps=30), model).fit()
    assert record["finished"] and record["data"] == puzzles.content_hash


def nameless(folders: list[str], text: str) -> list[str]:
    """The folders of records of which the table does not say what made them."""
    table = text.partition("| records | made by |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    told = {name.split("/")[0] for row in rows for name in re.findall(r"`(?:results/)?([\w-]+(?:/[^`]*)?)`", row)}
    return [name for name in folders if name not in told]


def test_the_table_says_what_made_every_folder_of_records():
    folders = sorted(path.name for path in (Path(__file__).parent.parent / "results").iterdir() if path.is_dir())
    assert nameless(folders, TEXT) == []
    assert nameless(folders, TEXT.replace("results/sudoku_hard", "results/")) == ["sudoku_hard"]
