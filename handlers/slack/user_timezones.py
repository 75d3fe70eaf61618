"""The time zones of people, as Slack knows them; asked only when a message depends on them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone, tzinfo
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError

log = structlog.get_logger(__name__)

CACHE_SECONDS = 3600.0
TIMEOUT_SECONDS = 1.5
"""Slack waits three seconds for the answer to a command."""
_MOST_CACHED = 10_000


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


def utc(_user: str) -> UserTimezone:
    """Assume UTC for everybody, if nobody can be asked."""
    return UserTimezone(UTC)


class UserTimezones:
    """Asks Slack for the time zones of people, and remembers them for an hour.

    Args:
        client: Whose token and address are used.
        fallback: The site's own zone, where Slack does not answer in time.
        clock: Seconds that never go back.
    """

    def __init__(
        self, client: WebClient, fallback: tzinfo, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = WebClient(
            client.token,
            base_url=client.base_url,
            timeout=TIMEOUT_SECONDS,  # type: ignore[arg-type] # sockets take fractions of a second
            retry_handlers=[],
        )
        self._fallback = UserTimezone(fallback, is_known=False)
        self._clock = clock
        self._lock = Lock()
        self._known: dict[str, tuple[float, UserTimezone]] = {}

    def of(self, user: str) -> UserTimezone:
        """The time zone of that person; takes a second or two at most."""
        now = self._clock()
        with self._lock:
            asked_at, known = self._known.get(user, (-CACHE_SECONDS, None))
        if known is not None and now - asked_at < CACHE_SECONDS:
            return known
        found = self._ask(user)
        if found is None:
            return known or self._fallback
        with self._lock:
            if len(self._known) >= _MOST_CACHED:
                self._known.clear()
            self._known[user] = (now, found)
        return found

    def _ask(self, user: str) -> UserTimezone | None:
        try:
            told = self._client.users_info(user=user)["user"]
        except (OSError, SlackClientError) as error:
            log.warning("zone_not_told", error=type(error).__name__)
            return None
        return _zone(told)


def _zone(told: Any) -> UserTimezone | None:
    """The zone that a user object names; by its offset alone, where the name is not known here."""
    try:
        return UserTimezone(ZoneInfo(told["tz"]))
    except (KeyError, TypeError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        offset = told.get("tz_offset")
    return UserTimezone(timezone(timedelta(seconds=offset))) if isinstance(offset, int) else None
