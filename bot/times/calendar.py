"""Times of day and weekdays as settings name them, and moments as everybody is shown them. Pure."""

import re
from datetime import UTC, datetime, time

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def hours(text: str) -> tuple[time, time]:
    """Read `22:00-07:00`: from when to when.

    Raises:
        ValueError: Its message says what is wrong.
    """
    begin, _, end = text.partition("-")
    found = clock(begin), clock(end)
    if found[0] == found[1]:
        raise ValueError("they begin when they end")
    return found


def weekly(text: str) -> tuple[int, time]:
    """Read `monday 09:00`: a day of the week (Monday is 0) and a time.

    Raises:
        ValueError: Its message says what is wrong.
    """
    day, _, at = text.strip().lower().partition(" ")
    if day not in WEEKDAYS:
        raise ValueError("must be a weekday and a time, as `monday 09:00`")
    return WEEKDAYS.index(day), clock(at)


def clock(text: str) -> time:
    """Read a time of day, `07:00`.

    Raises:
        ValueError: Its message says what is wrong.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:  # noqa: PLR2004 - the last of a day, and of an hour
        raise ValueError("a time must be as `07:00`")
    return time(int(match[1]), int(match[2]))


def in_utc(at: float) -> str:
    """A moment to the minute, `2026-12-01 09:00 UTC`; `at` in Unix seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
