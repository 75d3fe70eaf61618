"""What a binder costs, and when it reaches its budget."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.binders.cost import cost, spent_at
from storage.models import Binder
from storage.vocabulary import Status

NOW = 1_000_000.0
HOUR = 3600.0


def binder(**values: Any) -> Binder:
    whole: dict[str, Any] = {
        "status": Status.READY,
        "status_since": NOW - 10 * HOUR,
        "ready_at": NOW - 10 * HOUR,
        "price_per_hour": 2.0,
        "shelved_seconds": 0.0,
    }
    return Binder(**(whole | values))


@pytest.mark.parametrize(
    ("values", "spent"),
    [
        ({}, 20.0),
        ({"ready_at": None}, 0.0),
        ({"price_per_hour": 0.0}, 0.0),
        ({"ended_at": NOW - 4 * HOUR}, 12.0),
        ({"ended_at": NOW + 4 * HOUR}, 20.0),
        ({"shelved_seconds": 4 * HOUR}, 12.0),
        ({"status": Status.SHELVED, "status_since": NOW - HOUR}, 18.0),
        ({"status": Status.SHELVED, "status_since": NOW - HOUR, "shelved_seconds": 4 * HOUR}, 10.0),
        ({"status": Status.SHELVED, "status_since": NOW - 3 * HOUR, "ended_at": NOW - HOUR}, 14.0),
    ],
    ids=[
        "running",
        "not ready yet",
        "free",
        "ended",
        "ends later",
        "was shelved",
        "is shelved",
        "shelved twice",
        "shelved, ends",
    ],
)
def test_a_binder_costs_its_price_for_the_hours_that_it_ran(values: dict[str, Any], spent: float) -> None:
    assert cost(binder(**values), NOW) == pytest.approx(spent)


@pytest.mark.parametrize("values", [{"budget": None}, {"budget": 5.0, "price_per_hour": 0.0}])
def test_without_a_budget_or_a_price_there_is_no_limit(values: dict[str, Any]) -> None:
    assert spent_at(binder(**values)) is None


@given(st.floats(0.01, 1_000), st.floats(0.01, 100), st.floats(0, 1_000_000))
def test_at_the_moment_when_it_reaches_its_budget_it_has_cost_the_budget(
    budget: float, price: float, shelved: float
) -> None:
    row = binder(budget=budget, price_per_hour=price, shelved_seconds=shelved)
    at = spent_at(row)
    assert at is not None
    assert cost(row, at) == pytest.approx(budget, rel=1e-3)
