"""Who asks, from where, and how to read their words by their own clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC

from sqlalchemy.orm import Session

from bot.access.rights import Reader
from bot.times import end_times
from handlers.requests.context import Context
from handlers.slack.user_timezones import UserTimezone
from storage.models import Binder

BinderLookup = Callable[[Session], Binder]
"""Finds the binder that is meant; raises RequestError where there is none, or more than one."""


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks, and from where.

    Attributes:
        user: Slack's id of the person.
        team_id: The workspace.
        channel: Where the status message of a launch goes; a person's id stands for their direct message.
        key: Unique per request: a repeated delivery has the same one.
        is_private: Whether only some people can read that channel; None where the request does not tell.
        enterprise_id: The organisation, if any.
        thread_ts: The thread from which they ask, if any.
        response_url: Slack's URL for answers, if any; a secret.
        workspaces: The ids of the workspace and the organisation in which the bot was asked. For somebody of
            another organisation, `team_id` may be their own.
        chosen: The id of the binder or class that they chose by a button where several might be meant; may
            be empty.
    """

    user: str
    team_id: str
    channel: str
    key: str
    is_private: bool | None = None
    enterprise_id: str | None = None
    thread_ts: str | None = None
    response_url: str | None = field(default=None, repr=False)
    workspaces: frozenset[str] = frozenset()
    chosen: str = ""

    @property
    def reader(self) -> Reader:
        """Whose right to read repositories counts."""
        return Reader(self.team_id, self.user)


def parse_end_time(
    context: Context, requester: Requester, typed: str, now: float
) -> tuple[end_times.Duration, UserTimezone | None]:
    """Read a time by the requester's own clock; where that matters, with the zone that was taken for theirs.

    Raises:
        NoSuchTime: It is none.
    """
    zone = context.zone_of(requester.team_id, requester.user) if end_times.needs_zone(typed) else None
    return end_times.parse(typed, now, zone.zone if zone else UTC), zone
