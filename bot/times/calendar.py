"""Times of day and weekdays as settings name them, and moments as everybody is shown them. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


_DAYS = re.compile(r"([a-z]{3})(?:-([a-z]{3}))?")
_SPAN = re.compile(r"(\d{1,2})(?::([0-5]\d))?-(\d{1,2})(?::([0-5]\d))?")
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """The same hours on some days of each week.

    Attributes:
        days: Which days; Monday is 0.
        begin: From when, in minutes after midnight.
        end: Until when; at most 24 hours.
    """

    days: frozenset[int]
    begin: int
    end: int

    def contains(self, at: float, zone: tzinfo | None) -> bool:
        """Whether a moment, in Unix seconds UTC, lies in them by the clock of that zone."""
        here = datetime.fromtimestamp(at, zone)
        return here.weekday() in self.days and self.begin <= 60 * here.hour + here.minute < self.end


def weekly_hours(text: str) -> WeeklyHours:
    """Read `mon-fri 8-18`, `mon-thu,sat 9:30-17` or, for every day, `8-18`.

    Raises:
        ValueError: Its message says what is wrong.
    """
    days, _, span = text.strip().lower().rpartition(" ")
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ValueError("must be days and hours, as `mon-fri 8-18`")
    begin, end = 60 * int(match[1]) + int(match[2] or 0), 60 * int(match[3]) + int(match[4] or 0)
    if not 0 <= begin < end <= _DAY_MINUTES:
        raise ValueError("the hours must lie within one day, and end after they begin")
    return WeeklyHours(_days(days.strip()) if days else frozenset(range(7)), begin, end)


def _days(text: str) -> frozenset[int]:
    """Read `mon-fri,sun`; `sat-mon` goes over the end of the week."""
    short = [day[:3] for day in WEEKDAYS]
    found: set[int] = set()
    for each in text.split(","):
        match = _DAYS.fullmatch(each)
        if match is None or match[1] not in short or (match[2] or match[1]) not in short:
            raise ValueError("days must be as `mon-fri` or `mon,wed`")
        first, last = short.index(match[1]), short.index(match[2] or match[1])
        found |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return frozenset(found)


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


def month_start(now: float, zone: tzinfo) -> float:
    """When the month of a moment began by the clock of a zone; both in Unix seconds UTC."""
    return (
        datetime.fromtimestamp(now, zone)
        .replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        .timestamp()
    )


def in_utc(at: float) -> str:
    """A moment to the minute, `2026-12-01 09:00 UTC`; `at` in Unix seconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
