"""After failures the wait grows, to a bound, and never by the same amount."""

from unittest.mock import patch

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.green_api import backoff as backoff_module
from custom_components.green_api.backoff import backoff
from custom_components.green_api.const import (
    BACKOFF_FIRST,
    BACKOFF_JITTER,
    BACKOFF_LONGEST,
)


@pytest.fixture(autouse=True)
def _custom_integrations() -> None:
    """Leave Home Assistant out: this is arithmetic."""


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (10_000, 60)],
)
def test_the_wait_doubles_up_to_a_minute(failures: int, seconds: float) -> None:
    with patch.object(backoff_module, "uniform", lambda low, high: (low + high) / 2):
        assert backoff(failures) == pytest.approx(seconds)


@given(st.integers(min_value=1))
@settings(deadline=None, database=None, derandomize=True)
def test_the_wait_stays_in_its_bounds(failures: int) -> None:
    low, high = 1 - BACKOFF_JITTER, 1 + BACKOFF_JITTER
    plain = min(BACKOFF_FIRST * 2 ** min(failures - 1, 10), BACKOFF_LONGEST)
    assert low * plain <= backoff(failures) <= high * plain


def test_instances_that_fail_together_come_back_apart() -> None:
    waits = {backoff(6) for _ in range(50)}
    assert len(waits) > 40
    assert min(waits) < BACKOFF_LONGEST < max(waits)
