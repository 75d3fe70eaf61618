"""What people may ask of binders that are there: validate, write one transaction, say what became of it.

No Slack, no cloud, no network: a command, a mention, a button and a form all end here.
"""

from collections.abc import Callable
from math import inf

from sqlalchemy.orm import Session

from bot.binders import deadlines
from bot.binders.deadlines import Deadline
from bot.errors import RequestError
from bot.sentences import Sentence
from bot.times import end_times
from handlers import ids, messages
from handlers.messages import candidates, notices
from handlers.messages.message import Message
from handlers.messages.status_text import is_ready
from handlers.requests import audited
from handlers.requests.context import Context, offers_of
from handlers.requests.lookup import advice, by_id, is_in, visible_to
from handlers.requests.permissions import NotPossible, actions_for, requires
from handlers.requests.requester import BinderLookup, Requester, parse_end_time
from handlers.rules import Action
from handlers.slack.user_timezones import UserTimezone
from storage import audit, binders, outbox, shares, warm
from storage import notices as stored_notices
from storage.models import Binder
from storage.vocabulary import Ending, MessageKind, Outcome, Reason, Status

KEEP_SECONDS = 7200.0
"""What *Keep 2 h* keeps a binder for."""

Wanted = Callable[[Binder, float], tuple[float, float]]
"""From a row and the time now: when it ends, and until when it does not count as idle."""


@requires(Action.STOP)
def stop(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Say that a binder should be gone, unless that would lose work."""
    with context.store.read() as session:
        binder = lookup(session)
    if is_ready(binder) and binder.changed_files:
        return messages.unsaved(binder)
    return stop_anyway(context, requester, lookup)


@requires(Action.STOP)
def save_and_stop(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Save what was changed in a binder, then end it. What can no longer be saved is not ended either."""
    saved = save(context, requester, lookup)
    stopped = stop_anyway(context, requester, lookup)
    return messages.note(f"{saved.text} {stopped.text}")


@requires(Action.SAVE)
def save(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Owe the thread an archive of what was changed in a binder."""
    with context.store.write() as session:
        binder = lookup(session)
        if not outbox.being_saved(session, [binder.id]):
            key = f"{MessageKind.ARCHIVE}:{binder.id}:{requester.key}"[:255]
            outbox.say(session, MessageKind.ARCHIVE, key, binder.id, by=requester.user)
            audit.record(session, requester.user, "save", binder.id)
            _tell_owner(session, requester, binder, Action.SAVE)
    context.nudge()
    return messages.note(
        Sentence(
            "I am collecting what was changed in {name}, and will post it in its thread.", name=binder.name
        )
    )


@requires(Action.STOP)
def stop_anyway(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Say that a binder should be gone."""
    with context.store.write() as session:
        binder = lookup(session)
        changed = binders.end(session, binder.id, ending=Ending.STOPPED, by=requester.user)
    _check_changed(context, binder, Action.STOP, changed=changed)
    context.nudge()
    return messages.note(Sentence("{name} is being torn down.", name=binder.name))


@requires(Action.STOP)
def stop_for_a_reason(context: Context, requester: Requester, lookup: BinderLookup, reason: str) -> Message:
    """Say that a binder should be gone, and why. What was changed in it is saved first."""
    with context.store.read() as session:
        binder = lookup(session)
    if is_ready(binder) and binder.changed_files:
        save(context, requester, lookup)
    with context.store.write() as session:
        binder = lookup(session)
        changed = binders.end(session, binder.id, ending=Ending.STOPPED, by=requester.user, reason=reason)
        shares.tell_owner(
            session,
            binder,
            by=requester.user,
            action=Action.STOP,
            occasion=requester.key,
            reason=reason,
        )
    _check_changed(context, binder, Action.STOP, changed=changed)
    context.nudge()
    return messages.note(
        Sentence("{name} is being torn down. Its owner is told who did it, and why.", name=binder.name)
    )


@requires(Action.SHELVE)
def shelve(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Stop the machine of a ready binder, and keep its files."""
    if not context.can_shelve:
        raise RequestError(
            Sentence("This cloud cannot shelve instances."),
            hint=Sentence("`{command} stop` ends one.", command=ids.COMMAND),
        )
    with context.store.write() as session:
        binder = lookup(session)
        _check_changed(
            context,
            binder,
            Action.SHELVE,
            changed=binders.shelve(session, binder.id, by=requester.user),
        )
        _tell_owner(session, requester, binder, Action.SHELVE)
    context.nudge()
    return messages.note(
        Sentence("{name} is being shelved.", name=binder.name),
        Sentence("{command} brings it back.", command=advice("resume", binder.name)),
    )


@requires(Action.RESUME)
def resume(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Bring a shelved binder back."""
    with context.store.write() as session:
        binder = lookup(session)
        _check_changed(
            context,
            binder,
            Action.RESUME,
            changed=binders.resume(session, binder.id, by=requester.user),
        )
        _tell_owner(session, requester, binder, Action.RESUME)
    context.nudge()
    return messages.note(Sentence("{name} is being resumed. Its links will be new.", name=binder.name))


@requires(Action.EXTEND)
def keep_for_hours(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Let a binder live for two hours more at least."""
    return _keep(context, requester, lookup, lambda _binder, now: (now + KEEP_SECONDS, now + KEEP_SECONDS))


@requires(Action.EXTEND)
def keep_until_tonight(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Let a binder live until this evening at least, where the requester is."""
    zone = context.zone_of(requester.team_id, requester.user)
    return _keep(
        context, requester, lookup, lambda _binder, now: (end_times.tonight(now, zone.zone),) * 2, zone
    )


@requires(Action.EXTEND)
def extend(context: Context, requester: Requester, lookup: BinderLookup, span: str) -> Message:
    """Let a binder live for so much longer, or until a moment.

    Raises:
        RequestError: Nobody can tell what time is meant.
    """
    if not span:
        with context.store.read() as session:
            name = lookup(session).name
        one, other = (advice("extend", name, each) for each in ("2h", "until friday 18:00"))
        raise RequestError(
            Sentence("For how long?"), hint=Sentence("For example {one} or {other}.", one=one, other=other)
        )
    duration, zone = parse_end_time(context, requester, span, context.store.now())
    return _keep(
        context,
        requester,
        lookup,
        lambda binder, now: (duration.from_(max(binder.ends_at, now)), duration.from_(now)),
        zone,
    )


def _keep(
    context: Context,
    requester: Requester,
    lookup: BinderLookup,
    wanted: Wanted,
    zone: UserTimezone | None = None,
) -> Message:
    """Move a binder's end, within its limits, and tell of it where its notices are.

    Args:
        context: See there.
        requester: Who keeps it.
        lookup: Which.
        wanted: Names the new end.
        zone: By which the words were read, if any.
    """
    now = context.store.now()
    with context.store.write() as session:
        binder = lookup(session)
        latest, (asked, awake) = _latest(context, binder, now), wanted(binder, now)
        until = min(asked, latest.at)
        if until > now:
            binders.keep(
                session, binder.id, ends_at=until, awake_until=min(awake, latest.at), by=requester.user
            )
            session.refresh(binder)
            _tell_owner(session, requester, binder, Action.EXTEND)
            _settle_kept(session, context, binder, requester.user, now)
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
    given = stored_notices.of(session, [binder.id]).get(binder.id, [])
    moved = [each.id for each in deadlines.outdated(binder, given)]
    stored_notices.settle(session, binder.id, Outcome.KEPT, by, only=moved)
    for each in deadlines.passed_over(binder, now, context.settings.policy):
        stored_notices.pass_over(session, binder.id, each.reason, each.deadline, each.lead, by=by)


@requires(Action.HOLD)
def hold(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """Keep what is left of a failed launch for a while."""
    hours = context.settings.keep_failed_hours
    with context.store.write() as session:
        binder = lookup(session)
        changed = binders.keep_failed(session, binder.id, seconds=3600 * hours, by=requester.user)
        _check_changed(context, binder, Action.HOLD, changed=changed)
        _tell_owner(session, requester, binder, Action.HOLD)
    context.nudge()
    return messages.held(binder, context.store.now() + 3600 * hours)


def _tell_owner(session: Session, requester: Requester, binder: Binder, action: Action) -> None:
    shares.tell_owner(session, binder, by=requester.user, action=action, occasion=requester.key)


def _check_changed(context: Context, binder: Binder, action: Action, *, changed: bool) -> None:
    """Refuse what somebody or something else was quicker to make impossible.

    Raises:
        NotPossible: Nothing was changed.
    """
    if changed:
        return
    with context.store.read() as session:
        as_it_is_now = binders.get(session, binder.id) or binder
    raise NotPossible(as_it_is_now, action, context.store.now())


@requires(Action.OPEN)
def open_links(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """The one-click links, with the server's token. Who else than the owner has them is written down."""
    with context.store.read() as session:
        binder = lookup(session)
    audited.owe()
    if requester.user != binder.owner:
        with context.store.write() as session:
            shares.note_opened(session, binder.id, requester.user)
    if not binder.token:
        lost = Sentence("The token of {name} was lost with the bot's database.", name=binder.name)
        return messages.note(
            lost, Sentence("Links that you already have still work. Otherwise launch it again.")
        )
    return messages.links(binder)


@requires(Action.SEE)
def status(context: Context, requester: Requester, lookup: BinderLookup) -> Message:
    """A binder's card, for one pair of eyes: with the buttons that this person may press."""
    with context.store.read() as session:
        binder = lookup(session)
        may = actions_for(session, context, requester, binder)
    offers = offers_of(context)
    return messages.card(
        binder,
        context.store.now(),
        can_shelve=offers.can_shelve,
        can_ask=offers.can_ask,
        allowed=may,
    )


def status_of_channel(context: Context, requester: Requester) -> Message | None:
    """The binders of a channel that somebody may see: the card of its only one, or a list to choose from.

    Returns:
        None in a thread of a binder, which is meant then, and where the channel has none.
    """
    with context.store.read() as session:
        if requester.thread_ts and binders.of_thread(session, requester.channel, requester.thread_ts):
            return None
        here = [each for each in visible_to(session, context, requester) if is_in(each, requester.channel)]
    if len(here) == 1:
        return status(context, requester, by_id(context, requester, here[0].id))
    return candidates.in_channel(here, context.store.now(), requester.user) if here else None


def listing(context: Context, requester: Requester) -> Message:
    """All binders of the workspace that are not gone yet and that the requester may see, their own first.

    Admins also see what waits in the warm pool. The seats of other people in classes would hide all else.
    """
    is_admin = context.is_admin(requester.team_id, requester.user)
    with context.store.read() as session:
        shared = shares.rights(session, requester.user).keys()
        live = [
            each
            for each in visible_to(session, context, requester)
            if each.class_id is None or each.owner == requester.user or each.id in shared
        ]
        pool = warm.existing(session) if is_admin else ()
    unit = context.settings.cost_unit
    return messages.listing(live, context.store.now(), requester.user, shared, pool=pool, unit=unit)
