"""What people may ask of the bot, however they ask: validate, write one transaction, say what became of it.

No Slack, no cloud, no network: a command, a mention, a button and a form all end here.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from math import inf

from sqlalchemy.orm import Session

from bot import reminders
from bot.errors import Refused, RequestError
from bot.provisioning.base import Size
from bot.reminders import Deadline
from bot.repospec import LaunchRequest, RepoSpec
from bot.tokens import new_token
from handlers import ids, messages, notices, times, words
from handlers.context import Context
from handlers.messages import Message
from handlers.progress import is_live, is_ready, is_shelved, phrase, summary
from handlers.zones import Zone
from storage import binders, outbox
from storage import notices as stored_notices
from storage.models import Binder, Ending, MessageKind, Outcome, Reason, Status

_ID_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike: i, l, o, 0, 1."""
_ID_LENGTH = 8
_MOST_NAMES = 10
KEEP_SECONDS = 7200.0
"""What *Keep 2 h* keeps a binder for."""

Find = Callable[[Session], Binder]
"""Finds the binder that is meant; raises RequestError where there is none, or more than one."""
Wanted = Callable[[Binder, float], tuple[float, float]]
"""From a row and the time now: until when it is to live, and until when it is not to count as idle."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and from where.

    Attributes:
        user: Slack's id of the person.
        team_id: The workspace.
        channel: Where the status message of a launch goes; a person's id stands for their direct message.
        key: Unique per request: a repeated delivery has the same one.
        enterprise_id: The organisation, if any.
        thread_ts: The thread from which they ask, if any.
        response_url: Slack's URL for answers, if any; a secret.
        asked: When they asked, at the earliest, as a reading of `time.monotonic`.
    """

    user: str
    team_id: str
    channel: str
    key: str
    enterprise_id: str | None = None
    thread_ts: str | None = None
    response_url: str | None = field(default=None, repr=False)
    asked: float = field(default_factory=time.monotonic)


# --- launch ----------------------------------------------------------------------------------------------


def launch(context: Context, asker: Asker, request: LaunchRequest) -> Message | None:
    """Write a new binder.

    Returns:
        None where it is new: its card is the answer. Otherwise a word about the one that is there already.

    Raises:
        Refused: The size is not for this person.
        RequestError: The size, the duration or the number of binders is not allowed.
    """
    size = _size(context, asker, request.size)
    lifetime, zone = _lifetime(context, asker, request.duration, size)
    wanted = words.slug(request.name) if request.name else words.name_of_repository(request.spec.url)
    answer = _start(context, asker, request.spec, size=size, lifetime=lifetime, wanted_name=wanted)
    if answer is None and zone is not None and not zone.is_known:
        return notices.ends_in_site_zone(wanted, context.store.now() + lifetime, context.settings.timezone)
    return answer


def _lifetime(context: Context, asker: Asker, typed: str | None, size: str) -> tuple[float, Zone | None]:
    """How long it is to live, in seconds, and the time zone by which that was read, if any."""
    limits = context.settings.limits_of(size)
    if not typed:
        return limits.lifetime, None
    zone = context.zone_of(asker.user) if times.needs_zone(typed) else None
    now = context.store.now()
    seconds = times.wish(typed, now, zone.zone if zone else UTC).from_(now) - now
    times.check(seconds, limits.maximum)
    return seconds, zone


def launch_again(context: Context, asker: Asker, find: Find) -> Message | None:
    """Launch what an earlier binder was launched from.

    Raises:
        RequestError: See `launch`.
    """
    with context.store.read() as session:
        old = find(session)
    return _start(
        context,
        asker,
        RepoSpec(old.provider, old.url, old.ref, old.path, old.interface),  # type: ignore[arg-type] # a StrEnum's value
        size=_size(context, asker, old.size),
        lifetime=min(old.ends_at - old.created_at, context.settings.limits_of(old.size).maximum),
        wanted_name=old.name,
    )


def _start(
    context: Context, asker: Asker, spec: RepoSpec, *, size: str, lifetime: float, wanted_name: str
) -> Message | None:
    binder = _new_binder(context, asker, spec, size, lifetime)
    asked_at = binder.created_at - (time.monotonic() - asker.asked)
    with context.store.write() as session:
        added = binders.add(session, binder, wanted_name=wanted_name, asked_at=asked_at)
        if added.is_new:
            _check_allowance(session, context, asker)
    if not added.is_new:
        return _already(added.binder)
    context.nudge()
    return None


def _new_binder(context: Context, asker: Asker, spec: RepoSpec, size: str, lifetime: float) -> Binder:
    now = context.store.now()
    limits = context.settings.limits_of(size)
    binder_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
    return Binder(
        id=binder_id,
        request_key=asker.key,
        enterprise_id=asker.enterprise_id,
        team_id=asker.team_id,
        owner=asker.user,
        channel=asker.channel,
        response_url=asker.response_url,
        provider=str(spec.provider),
        url=spec.url,
        ref=spec.ref,
        path=spec.path,
        interface=spec.interface,
        size=size,
        token=new_token(binder_id, context.settings.key_to_tokens),
        created_at=now,
        status_since=now,
        ends_at=now + lifetime,
        maximum_at=now + limits.maximum,
        idle_seconds=limits.idle_seconds,
        budget=limits.cost,
        price_per_hour=next((each.price_per_hour for each in context.sizes if each.key == size), 0.0),
        stages={"repository": now},
    )


def _check_allowance(session: Session, context: Context, asker: Asker) -> None:
    """Refuse one binder too many; the exception takes the new row back."""
    mine, most = (
        binders.live(session, asker.team_id, owner=asker.user),
        context.settings.max_binders_per_person,
    )
    if len(mine) <= most:
        return
    others = [each for each in mine if each.request_key != asker.key]
    raise RequestError(
        f"You have {len(others)} binders, and {most} is the most here.", hint=_each_with("stop", others)
    )


def sizes_for(context: Context, user: str) -> tuple[Size, ...]:
    """The sizes that a person may use; the first is their default."""
    return tuple(size for size in context.sizes if size.is_for(user, context.settings.admins))


def _size(context: Context, asker: Asker, typed: str | None) -> str:
    mine = sizes_for(context, asker.user)
    if not mine:
        raise Refused("No size is for you to use.", hint="Ask those who run this bot.")
    if typed is None:
        return mine[0].key
    keys = {size.key.lower(): size.key for size in context.sizes}
    key = keys.get(typed.lower())
    if key in {size.key for size in mine}:
        return str(key)
    named = ", ".join(f"`{size.key}` ({size.label})" for size in mine)
    if key is not None:
        raise Refused(f"The size `{key}` is not for everybody.", hint=f"You may use: {named}.")
    raise RequestError(f"There is no size “{words.readable(typed)}”.", hint=f"There are: {named}.")


def _already(binder: Binder) -> Message:
    if not is_live(binder):
        return messages.note(
            f"You asked for this twice, and {binder.name} was launched for it: it {phrase(binder).words}."
        )
    return messages.note(
        f"{binder.name} is already on its way: it {phrase(binder).words}.",
        f"`{ids.COMMAND} status {binder.name}` shows it.",
    )


# --- everything else -------------------------------------------------------------------------------------


def stop(context: Context, asker: Asker, find: Find) -> Message:
    """Say that a binder should be gone, unless that would lose work; only its owner and admins may."""
    with context.store.read() as session:
        binder = find(session)
    if is_ready(binder) and binder.changed_files and _may_use(context, asker, binder):
        return messages.unsaved(binder)
    return stop_anyway(context, asker, find)


def save_and_stop(context: Context, asker: Asker, find: Find) -> Message:
    """Save what was changed in a binder, then end it; only its owner and admins may."""
    saved = save(context, asker, find)
    stopped = stop_anyway(context, asker, find)
    return messages.note(f"{saved.text} {stopped.text}")


def save(context: Context, asker: Asker, find: Find) -> Message:
    """Owe the thread an archive of what was changed in a binder; only its owner and admins may."""
    with context.store.write() as session:
        binder = find(session)
        if not _may_use(context, asker, binder):
            return messages.refusal(binder, "save it")
        if not is_ready(binder):
            return messages.note(f"{binder.name} {phrase(binder).words}; only what is ready can be saved.")
        if not outbox.being_saved(session, [binder.id]):
            key = f"{MessageKind.ARCHIVE}:{binder.id}:{asker.key}"[:255]
            outbox.say(session, MessageKind.ARCHIVE, key, binder.id, by=asker.user)
    context.nudge()
    return messages.note(f"What was changed in {binder.name} is being collected, for its thread.")


def stop_anyway(context: Context, asker: Asker, find: Find) -> Message:
    """Say that a binder should be gone; only its owner and admins may."""
    with context.store.write() as session:
        binder = find(session)
        if not _may_use(context, asker, binder):
            return messages.refusal(binder, "tear it down")
        changed = binders.end(session, binder.id, ending=Ending.STOPPED, by=asker.user)
    if not changed:
        state = "gone" if binder.status == Status.GONE else "being torn down"
        return messages.note(f"{binder.name} is {state} already.")
    context.nudge()
    return messages.note(f"{binder.name} is being torn down.")


def shelve(context: Context, asker: Asker, find: Find) -> Message:
    """Put a ready binder away; only its owner and admins may."""
    if not context.can_shelve:
        raise RequestError("This cloud cannot put instances away.", hint=f"`{ids.COMMAND} stop` ends one.")
    with context.store.write() as session:
        binder = find(session)
        if not _may_use(context, asker, binder):
            return messages.refusal(binder, "put it away")
        changed = binders.shelve(session, binder.id, by=asker.user)
    if not changed:
        return messages.note(f"{binder.name} {phrase(binder).words}; only what is ready can be put away.")
    context.nudge()
    return messages.note(
        f"{binder.name} is being put away. `{ids.COMMAND} resume {binder.name}` has it back."
    )


def resume(context: Context, asker: Asker, find: Find) -> Message:
    """Have a binder back that was put away; only its owner and admins may."""
    with context.store.write() as session:
        binder = find(session)
        if not _may_use(context, asker, binder):
            return messages.refusal(binder, "have it back")
        changed = binders.resume(session, binder.id, by=asker.user)
    if not changed:
        return messages.note(f"{binder.name} {phrase(binder).words}; there is nothing to resume.")
    context.nudge()
    return messages.note(f"{binder.name} is on its way back; its links will be new.")


def keep_for_hours(context: Context, asker: Asker, find: Find) -> Message:
    """Let a binder live for two hours more at least; only its owner and admins may."""
    return _keep(context, asker, find, lambda _binder, now: (now + KEEP_SECONDS, now + KEEP_SECONDS))


def keep_until_tonight(context: Context, asker: Asker, find: Find) -> Message:
    """Let a binder live until this evening at least, where the asker is; only its owner and admins may."""
    zone = context.zone_of(asker.user)
    return _keep(context, asker, find, lambda _binder, now: (times.tonight(now, zone.zone),) * 2, zone)


def extend(context: Context, asker: Asker, find: Find, span: str) -> Message:
    """Let a binder live for so much longer, or until a moment; only its owner and admins may.

    Raises:
        RequestError: Nobody can tell what time is meant.
    """
    if not span:
        raise RequestError("For how long?", hint=f"`{ids.COMMAND} extend demo 2h`, or `until friday 18:00`")
    zone = context.zone_of(asker.user) if times.needs_zone(span) else None
    wish = times.wish(span, context.store.now(), zone.zone if zone else UTC)
    return _keep(
        context,
        asker,
        find,
        lambda binder, now: (wish.from_(max(binder.ends_at, now)), wish.from_(now)),
        zone,
    )


def _keep(context: Context, asker: Asker, find: Find, wanted: Wanted, zone: Zone | None = None) -> Message:
    """Move a binder's end, within its limits, and tell of it where its notices are.

    Args:
        context: See there.
        asker: Who keeps it.
        find: Which.
        wanted: Names the new end.
        zone: By which the words were read, if any.
    """
    now = context.store.now()
    with context.store.write() as session:
        binder = find(session)
        if not _may_use(context, asker, binder):
            return messages.refusal(binder, "keep it")
        if not is_live(binder):
            return messages.note(f"{binder.name} {phrase(binder).words}; it cannot be kept any more.")
        latest, (asked, awake) = _latest(context, binder, now), wanted(binder, now)
        until = min(asked, latest.at)
        if until > now:
            binders.keep(session, binder.id, ends_at=until, awake_until=min(awake, latest.at), by=asker.user)
            session.refresh(binder)
            _settle_kept(session, context, binder, asker.user, now)
    context.nudge()
    guessed = context.settings.timezone if zone is not None and not zone.is_known else ""
    return notices.kept(binder, held_by=latest.reason if asked > latest.at else None, guessed_zone=guessed)


def _latest(context: Context, binder: Binder, now: float) -> Deadline:
    """Until when it may be kept, and why not for longer."""
    if binder.status == Status.SHELVED:
        return Deadline(Reason.MAXIMUM, now + 86_400 * context.settings.shelved_days)
    return reminders.limit(binder) or Deadline(Reason.MAXIMUM, inf)


def _settle_kept(session: Session, context: Context, binder: Binder, by: str, now: float) -> None:
    """Close the notices of the deadline that was moved, and give none of the new one at once."""
    told = stored_notices.of(session, [binder.id]).get(binder.id, [])
    moved = [each.id for each in reminders.outdated(binder, told)]
    stored_notices.settle(session, binder.id, Outcome.KEPT, by, only=moved)
    for each in reminders.passed_over(binder, now, context.settings.policy):
        stored_notices.pass_over(session, binder.id, each.reason, each.deadline, each.lead, by=by)


def hold(context: Context, asker: Asker, find: Find) -> Message:
    """Keep what is left of a failed launch for a while; only for its owner and admins."""
    hours = context.settings.keep_failed_hours
    with context.store.write() as session:
        binder = find(session)
        if not _may_use(context, asker, binder):
            return messages.refusal(binder, "keep it")
        changed = binders.hold(session, binder.id, seconds=3600 * hours, by=asker.user)
    if not changed:
        return messages.note(f"{binder.name} is being torn down already; launch it again to look at it.")
    context.nudge()
    return messages.held(binder, context.store.now() + 3600 * hours)


def open_links(context: Context, asker: Asker, find: Find) -> Message:
    """The one-click links, with the server's token; only for its owner and admins."""
    with context.store.read() as session:
        binder = find(session)
    if not _may_use(context, asker, binder):
        return messages.refusal(binder, "open it by these links")
    if is_ready(binder) and not binder.token:
        lost = f"The token of {binder.name} was lost with the bot's database."
        return messages.note(lost, "Links that you have still work; else launch it again.")
    if is_ready(binder):
        return messages.links(binder)
    if is_shelved(binder):
        hint = f"`{ids.COMMAND} resume {binder.name}` has it back."
        return messages.note(f"{binder.name} {phrase(binder).words}.", hint)
    where = summary(binder, context.store.now())
    return messages.note(f"{binder.name} {phrase(binder).words}. {where}".strip())


def status(context: Context, _asker: Asker, find: Find) -> Message:
    """A binder's card, for one pair of eyes."""
    with context.store.read() as session:
        binder = find(session)
    return messages.card(binder, context.store.now(), can_shelve=context.can_shelve)


def logs(context: Context, _asker: Asker, find: Find) -> Message:
    """The end of a binder's log."""
    with context.store.read() as session:
        return messages.log_of(find(session))


def listing(context: Context, asker: Asker) -> Message:
    """All live binders of the workspace, the asker's first."""
    with context.store.read() as session:
        live = binders.live(session, asker.team_id)
    return messages.listing(live, context.store.now(), asker.user)


def _may_use(context: Context, asker: Asker, binder: Binder) -> bool:
    return asker.user == binder.owner or asker.user in context.settings.admins


# --- which binder ----------------------------------------------------------------------------------------


def by_id(asker: Asker, binder_id: str) -> Find:
    """The binder that a button stands for. A button's value can be forged: the row decides."""

    def find(session: Session) -> Binder:
        binder = binders.get(session, binder_id)
        if binder is None or binder.team_id != asker.team_id:
            raise RequestError("This binder is not known any more.")
        return binder

    return find


def by_name(asker: Asker, name: str, verb: str) -> Find:
    """The binder of that name; without one that of the thread, else the asker's only one.

    Args:
        asker: Who means it.
        name: As typed; may be empty.
        verb: The subcommand, for advice.
    """
    typed = words.readable(name).strip("\"'“”").lower()
    return lambda session: _named(session, asker, typed, verb) if typed else _meant(session, asker, verb)


def _named(session: Session, asker: Asker, name: str, verb: str) -> Binder:
    binder = binders.named(session, asker.team_id, name)
    if binder is not None:
        return binder
    live = binders.live(session, asker.team_id)
    near = words.nearest(name, [each.name for each in live])
    hint = f"Did you mean `{ids.COMMAND} {verb} {near}`?" if near else _each_with(verb, live)
    raise RequestError(f"There is no binder called “{name}”.", hint=hint)


def _meant(session: Session, asker: Asker, verb: str) -> Binder:
    if asker.thread_ts and (found := binders.of_thread(session, asker.channel, asker.thread_ts)):
        return found
    mine = [each for each in binders.live(session, asker.team_id, owner=asker.user) if is_live(each)]
    here = [each for each in mine if asker.channel in {each.channel, each.thread_channel}]
    for candidates in (here, mine):
        if len(candidates) == 1:
            return candidates[0]
    if not mine:
        raise RequestError(
            "You have no binder running.", hint=f"Start one: `{ids.COMMAND} launch owner/repo`"
        )
    raise RequestError(f"You have {len(mine)} binders. Which one?", hint=_each_with(verb, here or mine))


def _each_with(verb: str, live: Sequence[Binder]) -> str:
    """The command once for each, to be copied."""
    return "\n".join(f"`{ids.COMMAND} {verb} {each.name}`" for each in live[:_MOST_NAMES])
