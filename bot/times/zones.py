"""Time zones as people write them: `Europe/Berlin`, `CET`, `UTC+2`. Pure."""

import re
from collections.abc import Mapping
from datetime import timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(r"UTC([+-])(\d{2}):(\d{2})")

SHARED: Mapping[str, tuple[str, ...]] = {
    "utc": ("UTC",),
    "gmt": ("UTC",),
    "z": ("UTC",),
    "et": ("America/New_York",),
    "ct": ("America/Chicago",),
    "mt": ("America/Denver",),
    "pt": ("America/Los_Angeles",),
    "cst": ("America/Chicago", "Asia/Shanghai"),
    "ist": ("Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"),
}
"""Abbreviations that hold all the year, and those that several zones share."""

SEASONAL: Mapping[str, tuple[str, str]] = {
    "wet": ("Europe/Lisbon", "UTC+00:00"),
    "west": ("Europe/Lisbon", "UTC+01:00"),
    "bst": ("Europe/London", "UTC+01:00"),
    "cet": ("Europe/Berlin", "UTC+01:00"),
    "cest": ("Europe/Berlin", "UTC+02:00"),
    "eet": ("Europe/Helsinki", "UTC+02:00"),
    "eest": ("Europe/Helsinki", "UTC+03:00"),
    "est": ("America/New_York", "UTC-05:00"),
    "edt": ("America/New_York", "UTC-04:00"),
    "cdt": ("America/Chicago", "UTC-05:00"),
    "mst": ("America/Denver", "UTC-07:00"),
    "mdt": ("America/Denver", "UTC-06:00"),
    "pst": ("America/Los_Angeles", "UTC-08:00"),
    "pdt": ("America/Los_Angeles", "UTC-07:00"),
    "jst": ("Asia/Tokyo", "UTC+09:00"),
    "aest": ("Australia/Sydney", "UTC+10:00"),
    "aedt": ("Australia/Sydney", "UTC+11:00"),
    "nzst": ("Pacific/Auckland", "UTC+12:00"),
    "nzdt": ("Pacific/Auckland", "UTC+13:00"),
}
"""Abbreviations of one season: where they are used, and their distance from UTC.

People write `CET` in July too, and mean either. These differ then, and the text is refused.
"""


def zone(name: str) -> ZoneInfo:
    """Find a time zone by its name, `Europe/Berlin`.

    Raises:
        ValueError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is not a time zone, such as `Europe/Berlin`") from error


def names_of(word: str) -> tuple[str, ...]:
    """The names of the zones that a word may mean, in the form that `find` takes."""
    if word in SEASONAL:
        return (word.upper(),)
    if word in SHARED:
        return SHARED[word]
    if "/" not in word:
        return ()
    name = _by_lower_case().get(word)
    return (name,) if name else ()


@cache
def _by_lower_case() -> Mapping[str, str]:
    """All zones; from their list, since looking into each file takes a tenth of a second."""
    from importlib.resources import files  # noqa: PLC0415 - few texts name a zone, and it is slow to import

    listed = (files("tzdata") / "zones").read_text(encoding="ascii").split()
    return {name.lower(): name for name in listed}


def offset_name(sign: str, hours: str, minutes: str | None) -> tuple[str, ...]:
    """The name of a distance from UTC, `UTC+02:00`; none where no place on earth has it."""
    most = 14
    name = f"UTC{sign}{int(hours):02}:{minutes or '00'}"
    return (name,) if int(hours) <= most and int(minutes or 0) < 60 else ()  # noqa: PLR2004 - minutes of an hour


def find(name: str) -> tzinfo:
    """The zone of a name that `names_of` or `offset_name` gave."""
    if match := _OFFSET.fullmatch(name):
        distance = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(distance if match[1] == "+" else -distance)
    return zone(SEASONAL[name.lower()][0] if name.lower() in SEASONAL else name)
