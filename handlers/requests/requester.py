"""Who asks, and which binder they mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from sqlalchemy.orm import Session

from bot.errors import RequestError
from bot.text import readable
from bot.times import end_times
from handlers import ids
from handlers.messages.status_text import is_live
from handlers.requests import subcommands
from handlers.requests.context import Context
from handlers.slack.user_timezones import UserTimezone
from storage import binders
from storage.models import Binder

_MOST_NAMES = 10

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
        enterprise_id: The organisation, if any.
        thread_ts: The thread from which they ask, if any.
        response_url: Slack's URL for answers, if any; a secret.
    """

    user: str
    team_id: str
    channel: str
    key: str
    enterprise_id: str | None = None
    thread_ts: str | None = None
    response_url: str | None = field(default=None, repr=False)


def parse_end_time(
    context: Context, asker: Requester, typed: str, now: float
) -> tuple[end_times.Duration, UserTimezone | None]:
    """Read a time by the asker's own clock; where that matters, with the zone that was taken for theirs.

    Raises:
        NoSuchTime: It is none.
    """
    zone = context.zone_of(asker.user) if end_times.needs_zone(typed) else None
    return end_times.parse(typed, now, zone.zone if zone else UTC), zone


def may_use(context: Context, asker: Requester, binder: Binder) -> bool:
    """Whether somebody may do with a binder what its owner may."""
    return asker.user == binder.owner or asker.user in context.settings.admins


def by_id(asker: Requester, binder_id: str) -> BinderLookup:
    """The binder that a button stands for. A button's value can be forged: the row decides."""

    def find(session: Session) -> Binder:
        binder = binders.get(session, binder_id)
        if binder is None or binder.team_id != asker.team_id:
            raise RequestError("This binder is not known any more.")
        return binder

    return find


def by_name(asker: Requester, name: str, verb: str) -> BinderLookup:
    """The binder of that name; without one that of the thread, else the asker's only one.

    Args:
        asker: Who means it.
        name: As typed; may be empty.
        verb: The subcommand, for advice.
    """
    typed = readable(name).strip("\"'“”").lower()
    return lambda session: _named(session, asker, typed, verb) if typed else _implied(session, asker, verb)


def _named(session: Session, asker: Requester, name: str, verb: str) -> Binder:
    binder = binders.named(session, asker.team_id, name)
    if binder is not None:
        return binder
    live = binders.existing(session, asker.team_id)
    near = subcommands.nearest(name, [each.name for each in live])
    hint = f"Did you mean `{ids.COMMAND} {verb} {near}`?" if near else each_with(verb, live)
    raise RequestError(f"There is no binder called “{name}”.", hint=hint)


def _implied(session: Session, asker: Requester, verb: str) -> Binder:
    if asker.thread_ts and (found := binders.of_thread(session, asker.channel, asker.thread_ts)):
        return found
    mine = [each for each in binders.existing(session, asker.team_id, owner=asker.user) if is_live(each)]
    here = [each for each in mine if asker.channel in {each.channel, each.thread_channel}]
    for candidates in (here, mine):
        if len(candidates) == 1:
            return candidates[0]
    if not mine:
        raise RequestError(
            "You have no binder running.", hint=f"Start one: `{ids.COMMAND} launch owner/repo`"
        )
    raise RequestError(f"You have {len(mine)} binders. Which one?", hint=each_with(verb, here or mine))


def each_with(verb: str, live: Sequence[Binder]) -> str:
    """The command once for each, to be copied."""
    return "\n".join(f"`{ids.COMMAND} {verb} {each.name}`" for each in live[:_MOST_NAMES])
