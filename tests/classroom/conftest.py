import pytest

from hrm_lite.exercises import base
from tests.classroom import made


@pytest.fixture(scope="session", autouse=True)
def _checks_of_the_small_assignment():
    kept = dict(base._KEPT)
    made.register()
    yield
    base._KEPT.clear()
    base._KEPT.update(kept)
