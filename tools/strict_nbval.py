"""Makes nbval strict: a pytest plugin (`-p tools.strict_nbval`).

nbval by itself passes a cell that was never executed, and does not look at pictures.
"""

import pytest
from nbval.plugin import IPyNbCell


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if isinstance(item, IPyNbCell):
        item.parent.skip_compare = tuple(k for k in item.parent.skip_compare if k != "image/png")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    outcome = yield
    if isinstance(item, IPyNbCell) and item.cell.execution_count is None and item.cell.source.strip():
        outcome.get_result()   # a cell that also fails says so first
        item.raise_cell_error("This cell was never executed: there is nothing to compare with")
