"""The hours of each week in which something holds."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.times.calendar import weekly_hours


@pytest.mark.parametrize(
    ("text", "days", "begin", "end"),
    [
        ("mon-fri 8-18", range(5), 8 * 60, 18 * 60),
        ("8-18", range(7), 8 * 60, 18 * 60),
        (" Mon,Wed  9:30-17:05 ", (0, 2), 570, 1025),
        ("sat-mon 0-24", (5, 6, 0), 0, 1440),
        ("mon-tue,sun 10-11", (0, 1, 6), 600, 660),
    ],
)
def test_hours_of_a_week_are_read(text: str, days: range | tuple[int, ...], begin: int, end: int) -> None:
    found = weekly_hours(text)
    assert (found.days, found.begin, found.end) == (frozenset(days), begin, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mon",
        "mon-fri",
        "8",
        "18-8",
        "8-8",
        "8-25",
        "8:60-9",
        "mo-fr 8-9",
        "mon fri 8-9",
        "mon- 8-9",
        "xyz 8-9",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|days"):
        weekly_hours(text)


def test_they_hold_by_the_clock_of_their_zone_and_end_before_the_last_minute() -> None:
    hours = weekly_hours("mon 8-18")

    def at(hour: int, minute: int = 0, day: int = 7) -> float:
        return datetime(2026, 12, day, hour, minute, tzinfo=UTC).timestamp()

    assert [hours.contains(each, UTC) for each in (at(7, 59), at(8), at(17, 59), at(18))] == [
        False,
        True,
        True,
        False,
    ]
    assert not hours.contains(at(12, day=8), UTC)
    assert hours.contains(at(7, 59), ZoneInfo("Europe/Berlin"))
