"""What people may ask of binders that are there: validate, write one transaction, say what became of it.

No Slack, no cloud, no network: a command, a mention, a button and a form all end here.
"""

from collections.abc import Callable
from math import inf

from sqlalchemy.orm import Session

from bot.binders import deadlines
from bot.binders.deadlines import Deadline
from bot.errors import RequestError
from bot.times import end_times
from handlers import ids
from handlers.messages import messages, notices
from handlers.messages.messages import Message
from handlers.messages.status_text import is_live, is_ready, is_shelved, phrase, summary
from handlers.requests.context import Context
from handlers.requests.requester import BinderLookup, Requester, may_use, parse_end_time
from handlers.slack.user_timezones import UserTimezone
from storage import binders, outbox
from storage import notices as stored_notices
from storage.models import Binder, Ending, MessageKind, Outcome, Reason, Status

KEEP_SECONDS = 7200.0
"""What *Keep 2 h* keeps a binder for."""

Wanted = Callable[[Binder, float], tuple[float, float]]
"""From a row and the time now: until when it is to live, and until when it is not to count as idle."""


def stop(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Say that a binder should be gone, unless that would lose work; only its owner and admins may."""
    with context.store.read() as session:
        binder = find(session)
    if is_ready(binder) and binder.changed_files and may_use(context, asker, binder):
        return messages.unsaved(binder)
    return stop_anyway(context, asker, find)


def save_and_stop(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Save what was changed in a binder, then end it; only its owner and admins may."""
    saved = save(context, asker, find)
    stopped = stop_anyway(context, asker, find)
    return messages.note(f"{saved.text} {stopped.text}")


def save(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Owe the thread an archive of what was changed in a binder; only its owner and admins may."""
    with context.store.write() as session:
        binder = find(session)
        if not may_use(context, asker, binder):
            return messages.refusal(binder, "save it")
        if not is_ready(binder):
            return messages.note(f"{binder.name} {phrase(binder).words}; only what is ready can be saved.")
        if not outbox.being_saved(session, [binder.id]):
            key = f"{MessageKind.ARCHIVE}:{binder.id}:{asker.key}"[:255]
            outbox.say(session, MessageKind.ARCHIVE, key, binder.id, by=asker.user)
    context.nudge()
    return messages.note(f"What was changed in {binder.name} is being collected, for its thread.")


def stop_anyway(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Say that a binder should be gone; only its owner and admins may."""
    with context.store.write() as session:
        binder = find(session)
        if not may_use(context, asker, binder):
            return messages.refusal(binder, "tear it down")
        changed = binders.end(session, binder.id, ending=Ending.STOPPED, by=asker.user)
    if not changed:
        state = "gone" if binder.status == Status.GONE else "being torn down"
        return messages.note(f"{binder.name} is {state} already.")
    context.nudge()
    return messages.note(f"{binder.name} is being torn down.")


def shelve(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Put a ready binder away; only its owner and admins may."""
    if not context.can_shelve:
        raise RequestError("This cloud cannot put instances away.", hint=f"`{ids.COMMAND} stop` ends one.")
    with context.store.write() as session:
        binder = find(session)
        if not may_use(context, asker, binder):
            return messages.refusal(binder, "put it away")
        changed = binders.shelve(session, binder.id, by=asker.user)
    if not changed:
        return messages.note(f"{binder.name} {phrase(binder).words}; only what is ready can be put away.")
    context.nudge()
    return messages.note(
        f"{binder.name} is being put away. `{ids.COMMAND} resume {binder.name}` has it back."
    )


def resume(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Have a binder back that was put away; only its owner and admins may."""
    with context.store.write() as session:
        binder = find(session)
        if not may_use(context, asker, binder):
            return messages.refusal(binder, "have it back")
        changed = binders.resume(session, binder.id, by=asker.user)
    if not changed:
        return messages.note(f"{binder.name} {phrase(binder).words}; there is nothing to resume.")
    context.nudge()
    return messages.note(f"{binder.name} is on its way back; its links will be new.")


def keep_for_hours(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Let a binder live for two hours more at least; only its owner and admins may."""
    return _keep(context, asker, find, lambda _binder, now: (now + KEEP_SECONDS, now + KEEP_SECONDS))


def keep_until_tonight(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Let a binder live until this evening at least, where the asker is; only its owner and admins may."""
    zone = context.zone_of(asker.user)
    return _keep(context, asker, find, lambda _binder, now: (end_times.tonight(now, zone.zone),) * 2, zone)


def extend(context: Context, asker: Requester, find: BinderLookup, span: str) -> Message:
    """Let a binder live for so much longer, or until a moment; only its owner and admins may.

    Raises:
        RequestError: Nobody can tell what time is meant.
    """
    if not span:
        raise RequestError("For how long?", hint=f"`{ids.COMMAND} extend demo 2h`, or `until friday 18:00`")
    wish, zone = parse_end_time(context, asker, span, context.store.now())
    return _keep(
        context,
        asker,
        find,
        lambda binder, now: (wish.from_(max(binder.ends_at, now)), wish.from_(now)),
        zone,
    )


def _keep(
    context: Context, asker: Requester, find: BinderLookup, wanted: Wanted, zone: UserTimezone | None = None
) -> Message:
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
        if not may_use(context, asker, binder):
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
    return deadlines.limit(binder) or Deadline(Reason.MAXIMUM, inf)


def _settle_kept(session: Session, context: Context, binder: Binder, by: str, now: float) -> None:
    """Close the notices of the deadline that was moved, and give none of the new one at once."""
    told = stored_notices.of(session, [binder.id]).get(binder.id, [])
    moved = [each.id for each in deadlines.outdated(binder, told)]
    stored_notices.settle(session, binder.id, Outcome.KEPT, by, only=moved)
    for each in deadlines.passed_over(binder, now, context.settings.policy):
        stored_notices.pass_over(session, binder.id, each.reason, each.deadline, each.lead, by=by)


def hold(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """Keep what is left of a failed launch for a while; only for its owner and admins."""
    hours = context.settings.keep_failed_hours
    with context.store.write() as session:
        binder = find(session)
        if not may_use(context, asker, binder):
            return messages.refusal(binder, "keep it")
        changed = binders.keep_failed(session, binder.id, seconds=3600 * hours, by=asker.user)
    if not changed:
        return messages.note(f"{binder.name} is being torn down already; launch it again to look at it.")
    context.nudge()
    return messages.held(binder, context.store.now() + 3600 * hours)


def open_links(context: Context, asker: Requester, find: BinderLookup) -> Message:
    """The one-click links, with the server's token; only for its owner and admins."""
    with context.store.read() as session:
        binder = find(session)
    if not may_use(context, asker, binder):
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


def status(context: Context, _asker: Requester, find: BinderLookup) -> Message:
    """A binder's card, for one pair of eyes."""
    with context.store.read() as session:
        binder = find(session)
    return messages.card(binder, context.store.now(), can_shelve=context.can_shelve)


def logs(context: Context, _asker: Requester, find: BinderLookup) -> Message:
    """The end of a binder's log."""
    with context.store.read() as session:
        return messages.log_of(find(session))


def listing(context: Context, asker: Requester) -> Message:
    """All live binders of the workspace, the asker's first."""
    with context.store.read() as session:
        live = binders.existing(session, asker.team_id)
    return messages.listing(live, context.store.now(), asker.user)
