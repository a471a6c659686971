import pytest

from hrm_lite.puzzles import sudoku


@pytest.fixture(scope="session")
def puzzles():
    return sudoku.load("generated:4x4:8-10", "train", limit=60)
