"""What the tests of files share."""

import pytest

from ..funnels import DAY, T0, Ticking


@pytest.fixture
def clock() -> Ticking:
    """Give a clock that is later than what happens in the files."""
    return Ticking(T0 + 300 * DAY)
