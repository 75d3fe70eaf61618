"""How long a binder may live, and what it may cost: per site, and per size. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOUR = 3600.0
_MINUTE = 60
_NAMES: Mapping[str, str] = {
    "idle": "idle_hours",
    "lifetime": "lifetime_hours",
    "maximum": "max_hours",
    "cost": "cost",
}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one binder may have.

    Attributes:
        idle_hours: How long it may lie unused; 0 for any time.
        lifetime_hours: How long it lives where nobody says otherwise.
        max_hours: How long it may live at most, counted from the request.
        cost: What it may cost; None for any price.
    """

    idle_hours: float
    lifetime_hours: float
    max_hours: float
    cost: float | None = None

    @property
    def idle_seconds(self) -> int | None:
        """How long it may lie unused; None for any time."""
        return max(int(self.idle_hours * _HOUR), 1) if self.idle_hours else None

    @property
    def lifetime(self) -> float:
        """How long it lives where nobody says otherwise, in seconds."""
        return min(self.lifetime_hours, self.max_hours) * _HOUR

    @property
    def maximum(self) -> float:
        """How long it may live at most, in seconds."""
        return self.max_hours * _HOUR

    def but(self, other: Mapping[str, float]) -> "Limits":
        """The same, with what is said otherwise for a size; its maximum is never below its lifetime."""
        changes: dict[str, Any] = {_NAMES[name]: value for name, value in other.items()}
        if "lifetime" in other and "maximum" not in other:
            changes["max_hours"] = max(self.max_hours, other["lifetime"])
        return replace(self, **changes)


def size_limits(text: str) -> dict[str, dict[str, float]]:
    """Read what is said of sizes: `g3.large=idle:1+lifetime:8+maximum:24+cost:50,m3.small=idle:0`.

    Raises:
        ValueError: Its message says what is wrong.
    """
    return dict(_size(each) for each in text.split(",") if each.strip())


def _size(text: str) -> tuple[str, dict[str, float]]:
    size, _, said = (part.strip() for part in text.partition("="))
    pairs = [[part.strip() for part in each.partition(":")[::2]] for each in said.split("+")]
    try:
        limits = {name: float(value) for name, value in pairs}
    except ValueError as error:
        raise ValueError("a limit is no number") from error
    wrong = {*limits} - {*_NAMES} or any(
        value < 0 or value == float("inf") or value != value or (value == 0 and name != "idle")  # noqa: PLR0124 - NaN
        for name, value in limits.items()
    )
    if wrong or not size:
        raise ValueError(f"each must be a size, `=`, and of {', '.join(_NAMES)} some, as `idle:1+cost:50`")
    return size, limits


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


def minutes(text: str) -> tuple[int, ...]:
    """Read minutes, separated by commas, as seconds; the longest first.

    Raises:
        ValueError: Its message says what is wrong.
    """
    try:
        found = {int(float(each) * _MINUTE) for each in text.split(",") if each.strip()}
    except (ValueError, OverflowError) as error:
        raise ValueError("must be minutes, separated by commas, as `120,15`") from error
    if any(each <= 0 for each in found):
        raise ValueError("must be more than 0; empty for no notices")
    return tuple(sorted(found, reverse=True))


def zone(name: str) -> ZoneInfo:
    """Find a time zone by its name, `Europe/Berlin`.

    Raises:
        ValueError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no time zone, such as `Europe/Berlin`") from error
