"""What Slack knows of people: their time zones and languages. Slack is asked once an hour for each person."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from threading import Lock
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.policy.people import Standing
from handlers.slack.calls import DeliveryError
from handlers.slack.clients import Clients
from handlers.slack.user_timezones import UserTimezone, zone_in

log = structlog.get_logger(__name__)

CACHE_SECONDS = 3600.0
TIMEOUT_SECONDS = 1.5
PAUSE_SECONDS = 20.0
"""How long nobody is asked after Slack gave no answer: people should not wait one after the other."""
_ASKED_AT_ONCE = 64
"""For so many people Slack can be asked at the same time."""
_MOST_CACHED = 10_000
_NOBODY = frozenset({"user_not_found", "user_not_visible"})
"""Errors that say something of one person, and nothing of Slack."""


Person = tuple[str, str]
"""A person's workspace and id."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What Slack tells of a person.

    Attributes:
        zone: Their time zone; None where it is not told.
        locale: Their language and country as `de-DE`; empty where it is not told.
        asked_at: When that was, by the clock of `Profiles`.
        is_guest: Whether they are a guest of the workspace.
        is_visible: Whether Slack shows the app who they are.
        homes: The ids of the workspace and the organisation to which they belong.
    """

    zone: UserTimezone | None
    locale: str
    asked_at: float
    is_guest: bool = False
    is_visible: bool = True
    homes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Membership:
    """What somebody is in the workspace in which they ask.

    Attributes:
        standing: See there.
        home: The id of the workspace to which they belong, where it is another one; may be empty.
    """

    standing: Standing
    home: str = ""


def member(_team_id: str, _user: str, _workspaces: frozenset[str]) -> Membership:
    """Take everybody for a member, if nobody can be asked."""
    return Membership(Standing.MEMBER)


def english(_team_id: str, _user: str) -> str:
    """Assume English for everybody, if nobody can be asked."""
    return "en-US"


def ask_nobody(_team_id: str, _user: str) -> None:
    """Leave everything as it is known."""


class Profiles:
    """Asks Slack for people's profiles, and remembers them.

    Args:
        clients: Slack's Web API, for each workspace.
        fallback: The site's own zone, where Slack does not answer in time.
        clock: Seconds that never go back.
    """

    def __init__(
        self, clients: Clients, fallback: tzinfo, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clients = clients
        self._fallback = UserTimezone(fallback, is_known=False)
        self._clock = clock
        self._lock = Lock()
        self._asking = tuple(Lock() for _ in range(_ASKED_AT_ONCE))
        self._known: dict[Person, Profile] = {}
        self._paused_until: dict[str, float] = {}
        """Until when nobody is asked, by workspace."""

    def zone_of(self, team_id: str, user: str) -> UserTimezone:
        """The time zone of a person, or the site's; takes a second or two at most."""
        self.refresh(team_id, user)
        known = self._known.get((team_id, user))
        return (known.zone if known else None) or self._fallback

    def known_locale(self, team_id: str, user: str) -> str | None:
        """The locale of a person as far as it is known; None where Slack has to be asked. Takes no time."""
        known = self._known.get((team_id, user))
        return known.locale if known else None

    def membership_of(self, team_id: str, user: str, workspaces: frozenset[str]) -> Membership:
        """What a person is in a workspace and its organisation, as far as it is known. Takes no time."""
        known = self._known.get((team_id, user))
        if known is None:
            return Membership(Standing.UNKNOWN)
        if not known.is_visible or (known.homes and not workspaces & set(known.homes)):
            return Membership(Standing.STRANGER, *known.homes[:1])
        return Membership(Standing.GUEST if known.is_guest else Standing.MEMBER)

    def refresh(self, team_id: str, user: str) -> None:
        """Ask Slack for a person's profile, unless that was done lately; takes a second or two at most.

        Where somebody does several things at once, Slack is asked once.
        """
        person = team_id, user
        if self._is_owed(person):
            with self._asking[hash(person) % _ASKED_AT_ONCE]:
                if self._is_owed(person):
                    self._learn(person)

    def _is_owed(self, person: Person) -> bool:
        now, known = self._clock(), self._known.get(person)
        is_paused = now < self._paused_until.get(person[0], now)
        return not is_paused and (known is None or now - known.asked_at >= CACHE_SECONDS)

    def _learn(self, person: Person) -> None:
        found = self._ask(*person, self._clock())
        with self._lock:
            if len(self._known) >= _MOST_CACHED:
                self._known.clear()
            if found is not None:
                self._known[person] = found

    def _ask(self, team_id: str, user: str, now: float) -> Profile | None:
        try:
            client = _quick(self._clients.of(team_id))
            told = client.users_info(user=user, include_locale=True)["user"]
        except (OSError, SlackClientError, DeliveryError) as error:
            if isinstance(error, SlackApiError) and error.response.get("error") in _NOBODY:
                return Profile(None, "", now, is_visible=False)
            log.warning("profile_not_told", error=type(error).__name__)
            self._paused_until[team_id] = now + PAUSE_SECONDS
            return None
        return Profile(
            zone_in(told),
            str(told.get("locale") or ""),
            now,
            is_guest=bool(told.get("is_restricted") or told.get("is_ultra_restricted")),
            is_visible=not told.get("is_stranger"),
            homes=_homes(told),
        )


def _quick(client: WebClient) -> WebClient:
    """A client that waits for no answer for long."""
    return WebClient(
        client.token,
        base_url=client.base_url,
        timeout=TIMEOUT_SECONDS,  # type: ignore[arg-type] # sockets take fractions of a second
        retry_handlers=[],
    )


def _homes(told: Any) -> tuple[str, ...]:
    """To which workspace and organisation a person belongs.

    In a shared channel, Slack does not mark people of other organisations as strangers: only their workspace
    tells (https://docs.slack.dev/reference/objects/user-object).
    """
    organisation = (told.get("enterprise_user") or {}).get("enterprise_id")
    return tuple(str(each) for each in (told.get("team_id"), organisation) if each)
