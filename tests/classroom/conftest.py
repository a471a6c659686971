import pytest

from hrm_lite.exercises import base
from tests.classroom import made


@pytest.fixture(scope="module", autouse=True)  # gone before the tests of another folder look at the checks
def _checks_of_the_small_assignment():
    made.register()
    yield
    for name in [name for name in base._KEPT if name.startswith("C90.")]:
        del base._KEPT[name]
