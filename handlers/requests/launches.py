"""New binders: whatever asks for one, a command, a mention, a button or a form, ends here."""

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from bot.binders.admission import facts_of_full
from bot.errors import Refused, RequestError
from bot.provisioning.instances import Size
from bot.repositories.spec import LaunchRequest, RepoSpec
from bot.sentences import Sentence
from bot.text import readable
from bot.times import end_times
from bot.tokens import new_id, new_secret, new_token
from handlers import messages
from handlers.messages import notices, queue_text
from handlers.messages.message import Message
from handlers.messages.status_text import is_live, phrase
from handlers.requests import audited, draining, sharing
from handlers.requests.context import Context
from handlers.requests.launchers import require_launcher
from handlers.requests.lookup import advice
from handlers.requests.names import name_of_repository, slug
from handlers.requests.permissions import requires
from handlers.requests.requester import BinderLookup, Requester, parse_end_time
from handlers.requests.subjects import NOBODY, Sharing
from handlers.rules import Action
from handlers.slack.user_timezones import UserTimezone
from storage import approvals, binders
from storage.models import Binder
from storage.vocabulary import WaitsFor


@dataclass(frozen=True, slots=True)
class _BinderOptions:
    """What a new binder should be.

    Attributes:
        spec: What it is launched from.
        size: The key of its size.
        lifetime: How long it should run, in seconds.
        name: What it is called, as far as that name is free.
        without_conda: Whether conda packages are taken from PyPI where there is no conda.
        rebuild: Whether it is built anew although there is an image of it.
    """

    spec: RepoSpec
    size: str
    lifetime: float
    name: str
    without_conda: bool = False
    rebuild: bool = False


def launch(
    context: Context, requester: Requester, request: LaunchRequest, shared: Sharing = NOBODY
) -> Message | None:
    """Write a new binder, and share it with whom is wanted.

    Returns:
        None where it is new: its card is the answer. Otherwise a word about the one that is there already.

    Raises:
        Refused: This person may not launch, or not with this size.
        BannedRepository: This site does not launch it.
        RequestError: The size or the duration is not allowed, or it does not fit into a quota at all.
    """
    audited.begin(Action.LAUNCH_AGAIN)
    size = chosen_size(context, requester, request.size)
    lifetime, zone = _lifetime(context, requester, request.duration, size)
    name = slug(request.name) if request.name else name_of_repository(request.spec.url)
    options = _BinderOptions(request.spec, size, lifetime, name, rebuild=request.rebuild)
    answer = _start(context, requester, options, shared)
    if answer is None and zone is not None and not zone.is_known:
        return notices.ends_in_site_zone(name, context.store.now() + lifetime, context.settings.timezone)
    return answer


def _lifetime(
    context: Context, requester: Requester, typed: str | None, size: str
) -> tuple[float, UserTimezone | None]:
    """How long it should run, in seconds, and the time zone by which that was read, if any."""
    limits = context.settings.limits_of(size)
    if not typed:
        return limits.lifetime, None
    now = context.store.now()
    duration, zone = parse_end_time(context, requester, typed, now)
    seconds = duration.from_(now) - now
    end_times.check(seconds, limits.maximum)
    return seconds, zone


@requires(Action.LAUNCH_AGAIN)
def launch_again(context: Context, requester: Requester, lookup: BinderLookup) -> Message | None:
    """Launch what an earlier binder was launched from, in the same way.

    Raises:
        RequestError: See `launch`.
    """
    return _start(context, requester, _same_as_before(context, requester, lookup))


@requires(Action.LAUNCH_AGAIN)
def launch_without_conda(context: Context, requester: Requester, lookup: BinderLookup) -> Message | None:
    """Launch what an earlier binder was launched from, with its conda packages from PyPI.

    Raises:
        RequestError: See `launch`.
    """
    options = _same_as_before(context, requester, lookup)
    return _start(context, requester, replace(options, without_conda=True))


def _same_as_before(context: Context, requester: Requester, lookup: BinderLookup) -> _BinderOptions:
    with context.store.read() as session:
        old = lookup(session)
    return _BinderOptions(
        RepoSpec(old.provider, old.url, old.ref, old.path, old.interface),  # type: ignore[arg-type] # a StrEnum's value
        size=chosen_size(context, requester, old.size),
        lifetime=min(_whole_lifetime(old, context.store.now()), context.settings.limits_of(old.size).maximum),
        name=old.name,
        without_conda=old.without_conda,
    )


def _whole_lifetime(binder: Binder, now: float) -> float:
    """How long a binder was to run, in seconds: the time for which it was shelved does not count."""
    left = binder.remaining_seconds
    ends_at = binder.ends_at if left is None else (binder.ended_at or now) + left
    return ends_at - binder.created_at - binder.shelved_seconds


def _start(
    context: Context, requester: Requester, options: _BinderOptions, shared: Sharing = NOBODY
) -> Message | None:
    require_launcher(context, requester)
    context.gate.check(options.spec.url)
    binder = _new_binder(context, requester, options)
    _note_approval(context, requester, binder)
    with context.store.write() as session:
        if binder.waits_for == WaitsFor.APPROVAL and (asked := approvals.same_that_waits(session, binder)):
            return _already(asked)
        added = binders.add(session, binder, wanted_name=options.name)
        if added.is_new:
            draining.refuse_new(session)
            _let_begin(session, context, added.binder)
            sharing.share_with(session, requester, added.binder, shared.subjects, manages=shared.manages)
    if not added.is_new:
        return _already(added.binder)
    context.nudge()
    return None


def _new_binder(context: Context, requester: Requester, options: _BinderOptions) -> Binder:
    now = context.store.now()
    spec, size = options.spec, options.size
    limits = context.settings.limits_of(size)
    binder_id = new_id()
    return Binder(
        id=binder_id,
        request_key=requester.key,
        enterprise_id=requester.enterprise_id,
        team_id=requester.team_id,
        owner=requester.user,
        channel=requester.channel,
        is_private=requester.is_private,
        response_url=requester.response_url,
        provider=str(spec.provider),
        url=spec.url,
        ref=spec.ref,
        path=spec.path,
        interface=spec.interface,
        size=size,
        without_conda=options.without_conda,
        rebuild=options.rebuild,
        token=new_token(binder_id, context.settings.key_to_tokens),
        secret=new_secret(binder_id, context.settings.key_to_tokens),
        created_at=now,
        status_since=now,
        ends_at=now + options.lifetime,
        maximum_at=now + limits.maximum,
        idle_seconds=limits.idle_seconds,
        budget=limits.cost,
        price_per_hour=next((each.price_per_hour for each in context.sizes if each.key == size), 0.0),
        vcpus=context.vcpus_of(size),
        waits_for=WaitsFor.PLACE,
        waits_since=now,
    )


def _note_approval(context: Context, requester: Requester, binder: Binder) -> None:
    """Have a launch that is above the site's line wait for approval, and let none be extended beyond it."""
    line, lifetime = context.settings.approval_line, binder.ends_at - binder.created_at
    if context.is_admin(requester.team_id, requester.user):
        return
    if line.needs_approval(binder.size, binder.vcpus, lifetime, binder.price_per_hour):
        binder.waits_for = WaitsFor.APPROVAL
    most = max(line.seconds(binder.price_per_hour), lifetime)
    binder.maximum_at = min(binder.maximum_at, binder.created_at + most)


def _let_begin(session: Session, context: Context, binder: Binder) -> None:
    """Let a new launch begin, or wait for approval or a place.

    Raises:
        RequestError: It would wait for ever; the exception takes the new row back.
    """
    if binder.waits_for == WaitsFor.APPROVAL:
        approvals.ask(session, binder, seconds=3600 * context.settings.approval_hours)
        return
    hopeless = dict(context.admission.run(session).hopeless)
    if full := hopeless.get(binder.id):
        raise RequestError(queue_text.never(facts_of_full(full)), hint=context.settings.whom_to_ask)


def sizes_for(context: Context, requester: Requester) -> tuple[Size, ...]:
    """The sizes that a person may use; the first is their default."""
    person = context.settings.named(requester.team_id, requester.user)
    return tuple(size for size in context.sizes if size.is_for(person, context.settings.admins))


def chosen_size(context: Context, requester: Requester, typed: str | None) -> str:
    """The key of the size that somebody names, or of their default.

    Raises:
        Refused: It is not for them.
        RequestError: There is none of that name.
    """
    mine = sizes_for(context, requester)
    if not mine:
        raise Refused(
            Sentence("You aren't allowed to use any machine size."),
            hint=Sentence("Ask those who run this bot."),
        )
    if typed is None:
        return mine[0].key
    keys = {size.key.lower(): size.key for size in context.sizes}
    key = keys.get(typed.lower())
    if key in {size.key for size in mine}:
        return str(key)
    named = ", ".join(f"`{each.key}` ({each.label})" for each in mine)
    if key is not None:
        raise Refused(
            Sentence("You aren't allowed to use the size `{size}`.", size=key),
            hint=Sentence("You may use: {sizes}.", sizes=named),
        )
    raise RequestError(
        Sentence("There is no size “{typed}”.", typed=readable(typed)),
        hint=Sentence("There are: {sizes}.", sizes=named),
    )


def _already(binder: Binder) -> Message:
    if not is_live(binder):  # Slack delivered the same request again
        return messages.note(
            Sentence(
                "{name} was launched for this request: it {state}.",
                name=binder.name,
                state=phrase(binder).words,
            )
        )
    return messages.note(
        Sentence("{name} is already on its way: it {state}.", name=binder.name, state=phrase(binder).words),
        Sentence("{command} shows it.", command=advice("status", binder.name)),
    )
