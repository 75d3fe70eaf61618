"""What people may ask of the bot, however they ask: validate, write one transaction, say what became of it.

No Slack, no cloud, no network: a command, a mention, a button and a form all end here.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from bot.errors import RequestError
from bot.repospec import LaunchRequest, RepoSpec
from handlers import ids, messages, words
from handlers.context import Context
from handlers.messages import Message
from handlers.progress import is_live, is_ready, phrase, summary
from storage import binders
from storage.models import Binder, Ending, Status

_ID_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike: i, l, o, 0, 1."""
_ID_LENGTH = 8
_TOKEN_BYTES = 24
_MOST_NAMES = 10

Find = Callable[[Session], Binder]
"""Finds the binder that is meant; raises RequestError where there is none, or more than one."""


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
    """

    user: str
    team_id: str
    channel: str
    key: str
    enterprise_id: str | None = None
    thread_ts: str | None = None
    response_url: str | None = field(default=None, repr=False)


# --- launch ----------------------------------------------------------------------------------------------


def launch(context: Context, asker: Asker, request: LaunchRequest) -> Message | None:
    """Write a new binder.

    Returns:
        None where it is new: its card is the answer. Otherwise a word about the one that is there already.

    Raises:
        RequestError: The size, the duration or the number of binders is not allowed.
    """
    limit = context.settings.lifetime_hours * 3600
    lifetime = words.seconds_of(request.duration, limit) if request.duration else limit
    size = _size(context, request.size)
    wanted = words.slug(request.name) if request.name else words.name_of_repository(request.spec.url)
    return _start(context, asker, request.spec, size=size, lifetime=lifetime, wanted_name=wanted)


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
        size=_size(context, old.size),
        lifetime=min(old.ends_at - old.created_at, context.settings.lifetime_hours * 3600),
        wanted_name=old.name,
    )


def _start(
    context: Context, asker: Asker, spec: RepoSpec, *, size: str, lifetime: float, wanted_name: str
) -> Message | None:
    binder = _new_binder(asker, spec, size, context.store.now(), lifetime)
    with context.store.write() as session:
        added = binders.add(session, binder, wanted_name=wanted_name)
        if added.is_new:
            _check_allowance(session, context, asker)
    if not added.is_new:
        return _already(added.binder)
    context.nudge()
    return None


def _new_binder(asker: Asker, spec: RepoSpec, size: str, now: float, lifetime: float) -> Binder:
    return Binder(
        id="".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH)),
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
        token=secrets.token_urlsafe(_TOKEN_BYTES),
        created_at=now,
        status_since=now,
        ends_at=now + lifetime,
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


def _size(context: Context, typed: str | None) -> str:
    keys = {size.key.lower(): size.key for size in context.sizes}
    if typed is None:
        return context.sizes[0].key
    if typed.lower() in keys:
        return keys[typed.lower()]
    named = ", ".join(f"`{size.key}` ({size.label})" for size in context.sizes)
    raise RequestError(f"There is no size “{words.readable(typed)}”.", hint=f"There are: {named}.")


def _already(binder: Binder) -> Message:
    return messages.note(
        f"{binder.name} is already on its way: it {phrase(binder).words}.",
        f"`{ids.COMMAND} status {binder.name}` shows it.",
    )


# --- everything else -------------------------------------------------------------------------------------


def stop(context: Context, asker: Asker, find: Find) -> Message:
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


def open_links(context: Context, asker: Asker, find: Find) -> Message:
    """The one-click links, with the server's token; only for its owner and admins."""
    with context.store.read() as session:
        binder = find(session)
    if not _may_use(context, asker, binder):
        return messages.refusal(binder, "open it by these links")
    if is_ready(binder):
        return messages.links(binder)
    where = summary(binder, context.store.now())
    return messages.note(f"{binder.name} {phrase(binder).words}. {where}".strip())


def status(context: Context, _asker: Asker, find: Find) -> Message:
    """A binder's card, for one pair of eyes."""
    with context.store.read() as session:
        binder = find(session)
    return messages.card(binder, context.store.now())


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
