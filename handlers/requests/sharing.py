"""With whom a binder is shared: one transaction each, and one answer.

Nothing here asks Slack: who is in a channel or a group is asked by `handlers.slack.audiences`, soon after.
"""

from collections.abc import Collection

from sqlalchemy.orm import Session

from bot.errors import RequestError
from bot.sentences import Sentence
from handlers.messages import share_fields as fields
from handlers.messages import sharing as words
from handlers.messages.blocks import Json
from handlers.messages.message import Message
from handlers.requests.context import Context
from handlers.requests.lookup import advice
from handlers.requests.permissions import requires
from handlers.requests.requester import BinderLookup, Requester
from handlers.rules import Action
from storage import shares
from storage.models import Binder
from storage.share_models import ShareKind
from storage.shares import Subject

MOST_SHARES = 100
"""With how many people, channels and groups one binder may be shared."""


@requires(Action.SHARE)
def share(
    context: Context,
    requester: Requester,
    lookup: BinderLookup,
    subjects: Collection[Subject],
    *,
    manages: bool = False,
) -> Message:
    """Let people open a binder.

    Raises:
        RequestError: Nobody is named, or too many are.
    """
    with context.store.write() as session:
        binder = lookup(session)
        if not subjects:
            raise _nobody_named(binder, "share")
        share_with(session, requester, binder, subjects, manages=manages)
        _tell_owner(session, requester, binder)
        shared = shares.of(session, binder.id)
    context.nudge()
    return words.shared_now(binder, shared)


@requires(Action.SHARE)
def unshare(
    context: Context, requester: Requester, lookup: BinderLookup, subjects: Collection[Subject]
) -> Message:
    """Take the right to open a binder away again.

    Raises:
        RequestError: Nobody is named, or it was shared with none of them.
    """
    with context.store.write() as session:
        binder = lookup(session)
        if not subjects:
            raise _nobody_named(binder, "unshare")
        removed = shares.unshare(session, binder.id, [each.id for each in subjects], by=requester.user)
        if not removed:
            raise RequestError(Sentence("{name} is not shared with them.", name=binder.name))
        _tell_owner(session, requester, binder)
        keep = _who_keep_links(session, context, binder)
    return words.unshared(binder, [each.id for each in removed], keep)


@requires(Action.SHARE)
def form(context: Context, _requester: Requester, lookup: BinderLookup) -> Json:
    """The form of *Share*, as it is now."""
    with context.store.read() as session:
        binder = lookup(session)
        shared = shares.of(session, binder.id)
    return fields.share_form(binder, shared, context.slow.groups.known(binder.team_id) or {})


@requires(Action.SHARE)
def change(
    context: Context, requester: Requester, lookup: BinderLookup, chosen: dict[str, list[str]]
) -> Message:
    """Share a binder with those who were chosen in the form, and with nobody else.

    Args:
        context: See there.
        requester: Who sent the form.
        lookup: The binder.
        chosen: As `handlers.messages.share_fields.read_shares` reads it. A channel or group that may manage
            keeps that.

    Raises:
        RequestError: Too many are chosen.
    """
    managers = [Subject(ShareKind.USER, each) for each in chosen[fields.MANAGERS]]
    users = [Subject(ShareKind.USER, each) for each in chosen[fields.USERS]]
    channels = [Subject(ShareKind.CHANNEL, each) for each in chosen[fields.CHANNELS]]
    groups = [Subject(ShareKind.GROUP, each) for each in chosen[fields.GROUPS]]
    wanted = {each.id for each in (*managers, *users, *channels, *groups)}
    with context.store.write() as session:
        binder = lookup(session)
        before = shares.of(session, binder.id)
        left = [each.subject for each in before if each.subject not in wanted]
        removed = shares.unshare(session, binder.id, left, by=requester.user)
        new = [each for each in (*channels, *groups) if each.id not in {old.subject for old in before}]
        only_users = [each for each in users if each not in managers]
        share_with(session, requester, binder, [*only_users, *new], manages=False)
        share_with(session, requester, binder, managers, manages=True)
        _tell_owner(session, requester, binder)
        shared = shares.of(session, binder.id)
        keep = _who_keep_links(session, context, binder)
    context.nudge()
    if removed:
        return words.unshared(binder, [each.id for each in removed], keep)
    return words.shared_now(binder, shared)


def share_with(
    session: Session, requester: Requester, binder: Binder, subjects: Collection[Subject], *, manages: bool
) -> None:
    """Share it, and owe those who are new a word of it; the owner needs no share.

    Raises:
        RequestError: It is shared with too many.
    """
    others = [each for each in subjects if each.id != binder.owner]
    before = {each.subject for each in shares.of(session, binder.id)}
    if len(before | {each.id for each in others}) > MOST_SHARES:
        raise RequestError(
            Sentence(
                "{name} cannot be shared with more than {most}.",
                name=binder.name,
                most=MOST_SHARES,
            ),
            hint=Sentence("Share it with a channel or a group instead."),
        )
    shares.share(session, binder.id, others, manages=manages, by=requester.user)
    for each in others:
        # Who is in a group is not known yet: they are told when Slack has named them.
        if each.id not in before and each.kind != ShareKind.GROUP:
            shares.tell(session, binder.id, each.id, by=requester.user, occasion=requester.key)


def _tell_owner(session: Session, requester: Requester, binder: Binder) -> None:
    shares.tell_owner(session, binder, by=requester.user, action=Action.SHARE, occasion=requester.key)


def _who_keep_links(session: Session, context: Context, binder: Binder) -> list[str]:
    """Who opened it before, and may do so no longer: their links work until it ends."""
    opened = shares.opened_by(session, binder.id) - {binder.owner}
    others = [each for each in sorted(opened) if not context.is_admin(binder.team_id, each)]
    return [each for each in others if not shares.rights(session, each, binder.id)]


def _nobody_named(binder: Binder, verb: str) -> RequestError:
    one, other = (advice(verb, binder.name, each) for each in ("@name", "#channel"))
    return RequestError(
        Sentence("With whom?"), hint=Sentence("For example {one} or {other}.", one=one, other=other)
    )
