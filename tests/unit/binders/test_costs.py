"""What a month cost, by whom, where and for what; and the table of it."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.binders import costs
from bot.binders.costs import DIRECT, Expense, Period
from storage.models import Binder
from storage.vocabulary import Status

HOUR = 3600.0
NOVEMBER = Period("2026-11", 1_000 * HOUR, 1_720 * HOUR)


def binder(**values: Any) -> Binder:
    """Ready for ten hours in the middle of the month."""
    whole: dict[str, Any] = {
        "owner": "U1",
        "channel": "C1",
        "url": "https://example.org/r",
        "size": "small",
        "status": Status.GONE,
        "status_since": 1_110 * HOUR,
        "ready_at": 1_100 * HOUR,
        "ended_at": 1_110 * HOUR,
        "price_per_hour": 2.0,
    }
    return Binder(**(whole | values))


@pytest.mark.parametrize(
    ("values", "hours"),
    [
        ({}, 10),
        ({"ready_at": 990 * HOUR}, 110),  # it began before the month
        ({"ended_at": 1_730 * HOUR}, 620),  # it ended after it
        ({"ended_at": None, "status": Status.READY}, 620),
        ({"ready_at": None}, None),
        ({"ready_at": 1_721 * HOUR, "ended_at": None}, None),
        ({"ready_at": 900 * HOUR, "ended_at": 999 * HOUR}, None),
    ],
)
def test_only_the_hours_within_the_month_count(values: dict[str, Any], hours: int | None) -> None:
    found = costs.expenses([binder(**values)], NOVEMBER, costs.person_of)
    assert found == ([] if hours is None else [Expense("U1", 1, hours * HOUR, hours * 2.0)])


def test_the_most_expensive_comes_first() -> None:
    rows = [binder(), binder(owner="U2", price_per_hour=5.0), binder(channel="D1"), binder(channel="U1")]
    assert [(each.name, each.spent) for each in costs.expenses(rows, NOVEMBER, costs.person_of)] == [
        ("U1", 60.0),
        ("U2", 50.0),
    ]
    by_channel = costs.expenses(rows, NOVEMBER, costs.channel_of)
    assert [(each.name, each.binders) for each in by_channel] == [("C1", 2), (DIRECT, 2)]


def test_the_table_has_a_row_for_each_use_and_no_formulas() -> None:
    rows = [binder(), binder(), binder(url='=cmd|" /C calc"!A0', size="large")]
    assert costs.as_csv(rows, NOVEMBER).splitlines() == [
        "month,person,channel,repository,size,binders,hours,cost",
        "2026-11,U1,C1,https://example.org/r,small,2,20.00,40.00",
        '2026-11,U1,C1,"\'=cmd|"" /C calc""!A0",large,1,10.00,20.00',
    ]


@pytest.mark.parametrize(
    ("today", "back", "name", "since", "until"),
    [
        ("2026-12-01T10:00", 0, "2026-12", "2026-12-01T00:00", "2026-12-01T10:00"),
        ("2026-12-31T10:00", 1, "2026-11", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("2027-01-31T10:00", 1, "2026-12", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("2026-11-15T10:00", 1, "2026-10", "2026-10-01T00:00", "2026-11-01T00:00"),  # summer time ends
    ],
)
@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Berlin")], ids=str)
def test_a_month_begins_and_ends_by_the_clock_of_the_site(
    today: str, back: int, name: str, since: str, until: str, zone: Any
) -> None:
    now, begin, end = (
        datetime.fromisoformat(each).replace(tzinfo=zone).timestamp() for each in (today, since, until)
    )
    assert costs.month(now, zone, back=back) == Period(name, begin, end)
