import pytest

from hrm_lite.puzzles import sudoku

collect_ignore = ["data"]  # nbval would run the notebooks there, which are inputs of tests


@pytest.fixture(scope="session")
def puzzles():
    return sudoku.load("generated:4x4:8-10", "train", limit=60)
