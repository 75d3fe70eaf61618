"""The time zones of people, as Slack knows them."""

from dataclasses import dataclass
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class UserTimezone:
    """The time zone of a person, known or assumed.

    Attributes:
        zone: The time zone.
        is_known: Whether it is the person's own; otherwise it is the site's.
    """

    zone: tzinfo
    is_known: bool = True

    @property
    def name(self) -> str | None:
        """The name by which everybody finds it, as `Europe/Berlin`, where it has one and is the person's."""
        return self.zone.key if self.is_known and isinstance(self.zone, ZoneInfo) else None


def utc(_team_id: str, _user: str) -> UserTimezone:
    """Assume UTC for everybody, if nobody can be asked."""
    return UserTimezone(UTC)


def zone_in(told: Any) -> UserTimezone | None:
    """The zone that a user object of Slack names; by its offset alone, where the name is not known here."""
    try:
        return UserTimezone(ZoneInfo(told["tz"]))
    except (KeyError, TypeError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        offset = told.get("tz_offset")
    return UserTimezone(timezone(timedelta(seconds=offset))) if isinstance(offset, int) else None
