"""New binders: whatever asks for one, a command, a mention, a button or a form, ends here."""

import secrets
import time

from sqlalchemy.orm import Session

from bot.errors import Refused, RequestError
from bot.provisioning.base import Size
from bot.repositories.spec import LaunchRequest, RepoSpec
from bot.text import readable
from bot.times import end_times
from bot.tokens import new_token
from handlers import ids
from handlers.messages import messages, notices
from handlers.messages.messages import Message
from handlers.messages.status_text import is_live, phrase
from handlers.requests import subcommands
from handlers.requests.context import Context
from handlers.requests.requester import BinderLookup, Requester, each_with, parse_end_time
from handlers.slack.user_timezones import UserTimezone
from storage import binders
from storage.models import Binder

_ID_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike: i, l, o, 0, 1."""
_ID_LENGTH = 8


def launch(context: Context, asker: Requester, request: LaunchRequest) -> Message | None:
    """Write a new binder.

    Returns:
        None where it is new: its card is the answer. Otherwise a word about the one that is there already.

    Raises:
        Refused: The size is not for this person.
        RequestError: The size, the duration or the number of binders is not allowed.
    """
    size = _size(context, asker, request.size)
    lifetime, zone = _lifetime(context, asker, request.duration, size)
    wanted = (
        subcommands.slug(request.name) if request.name else subcommands.name_of_repository(request.spec.url)
    )
    answer = _start(context, asker, request.spec, size=size, lifetime=lifetime, wanted_name=wanted)
    if answer is None and zone is not None and not zone.is_known:
        return notices.ends_in_site_zone(wanted, context.store.now() + lifetime, context.settings.timezone)
    return answer


def _lifetime(
    context: Context, asker: Requester, typed: str | None, size: str
) -> tuple[float, UserTimezone | None]:
    """How long it is to live, in seconds, and the time zone by which that was read, if any."""
    limits = context.settings.limits_of(size)
    if not typed:
        return limits.lifetime, None
    now = context.store.now()
    wish, zone = parse_end_time(context, asker, typed, now)
    seconds = wish.from_(now) - now
    end_times.check(seconds, limits.maximum)
    return seconds, zone


def launch_again(context: Context, asker: Requester, find: BinderLookup) -> Message | None:
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
    context: Context, asker: Requester, spec: RepoSpec, *, size: str, lifetime: float, wanted_name: str
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


def _new_binder(context: Context, asker: Requester, spec: RepoSpec, size: str, lifetime: float) -> Binder:
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


def _check_allowance(session: Session, context: Context, asker: Requester) -> None:
    """Refuse one binder too many; the exception takes the new row back."""
    mine, most = (
        binders.live(session, asker.team_id, owner=asker.user),
        context.settings.max_binders_per_person,
    )
    if len(mine) <= most:
        return
    others = [each for each in mine if each.request_key != asker.key]
    raise RequestError(
        f"You have {len(others)} binders, and {most} is the most here.", hint=each_with("stop", others)
    )


def sizes_for(context: Context, user: str) -> tuple[Size, ...]:
    """The sizes that a person may use; the first is their default."""
    return tuple(size for size in context.sizes if size.is_for(user, context.settings.admins))


def _size(context: Context, asker: Requester, typed: str | None) -> str:
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
    raise RequestError(f"There is no size “{readable(typed)}”.", hint=f"There are: {named}.")


def _already(binder: Binder) -> Message:
    if not is_live(binder):
        return messages.note(
            f"You asked for this twice, and {binder.name} was launched for it: it {phrase(binder).words}."
        )
    return messages.note(
        f"{binder.name} is already on its way: it {phrase(binder).words}.",
        f"`{ids.COMMAND} status {binder.name}` shows it.",
    )
