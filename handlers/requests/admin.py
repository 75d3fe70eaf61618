"""What admins may ask of the whole site: one transaction each, and one answer that only they see."""

from collections.abc import Callable, Mapping
from functools import partial, update_wrapper
from typing import Concatenate, Generic, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from bot.binders import costs as spending
from bot.errors import Refused, RequestError
from bot.sentences import Sentence
from bot.text import readable
from bot.times import phrases
from bot.tokens import new_id
from handlers import ids
from handlers.messages import admin_text, drain_text
from handlers.messages.admin_text import Announcement
from handlers.messages.home_tab import HomeOptions
from handlers.messages.message import Message
from handlers.requests import audited, home, operations
from handlers.requests.context import Context, offers_of
from handlers.requests.lookup import by_name
from handlers.requests.names import bare_name
from handlers.requests.requester import Requester, parse_end_time
from handlers.requests.subjects import take_subjects
from handlers.rules import ADMIN_RULES, Action, AdminAction, SiteRole
from storage import announcements, audit, binders, draining, outbox, past_launches
from storage.audit import AuditFilter
from storage.share_models import ShareKind
from storage.vocabulary import MessageKind

P = ParamSpec("P")
Answer = TypeVar("Answer")

_MOST_ACTS = 20
"""How many acts one answer shows; the file has all."""
_MONTHS_BACK = 1
"""Binders that are gone stay in the database until the end of the next month: see `bot.app`."""


def site_role(context: Context, requester: Requester) -> SiteRole:
    """What somebody is to the site."""
    if not context.is_admin(requester.team_id, requester.user):
        return SiteRole.ANYBODY
    return SiteRole.ADMIN if context.settings.is_home(requester.team_id) else SiteRole.WORKSPACE_ADMIN


class AdminOperation(Generic[P, Answer]):
    """Something that only those may ask who may by `ADMIN_RULES`; nobody else learns anything of it.

    Args:
        action: What it does.
        run: Does it.
    """

    __name__: str

    def __init__(
        self, action: AdminAction, run: Callable[Concatenate[Context, Requester, P], Answer]
    ) -> None:
        self.action = action
        self._run = run
        update_wrapper(self, run)

    def __call__(self, context: Context, requester: Requester, *args: P.args, **kwargs: P.kwargs) -> Answer:
        """Do it.

        Raises:
            Refused: This person may not.
        """
        require(context, requester, self.action)
        return self._run(context, requester, *args, **kwargs)


def require(context: Context, requester: Requester, action: AdminAction | None = None) -> None:
    """Refuse whoever may not do that; without an action, whoever may do nothing of all.

    Raises:
        Refused: They may not.
    """
    audited.name(f"admin {action or ''}".strip())
    wanted = [action] if action else list(AdminAction)
    if not any(site_role(context, requester) in ADMIN_RULES[each] for each in wanted):
        raise Refused(Sentence("Only the admins of this bot can do that."))


def administers(
    action: AdminAction,
) -> Callable[[Callable[Concatenate[Context, Requester, P], Answer]], AdminOperation[P, Answer]]:
    """Make an operation of a function: those may call it who may take that action."""
    return lambda run: AdminOperation(action, run)


def usage_hint(words: str) -> str:
    """The whole command, to be copied."""
    return f"`{ids.COMMAND} admin {words}`"


# --- binders ---------------------------------------------------------------------------------------------


@administers(AdminAction.LIST)
def listing(context: Context, requester: Requester, typed: str = "") -> Message:
    """One page of all binders of the workspace, also private ones."""
    number = int(typed) - 1 if typed.isdecimal() and len(typed) <= 6 else 0  # noqa: PLR2004 - digits
    return page(context, requester, max(number, 0))


@administers(AdminAction.LIST)
def page(context: Context, requester: Requester, number: int) -> Message:
    """The same by its number; the first one is 0."""
    options = HomeOptions(context.store.now(), context.settings.cost_unit, offers_of(context), is_admin=True)
    with context.store.read() as session:
        shown = home.page_of(session, context, requester, number)
        drain = draining.in_force(session)
    state = drain_text.state(drain.by, drain.since, drain.until) if drain else ""
    return admin_text.everything(shown, options, state)


@administers(AdminAction.STOP)
def stop(context: Context, requester: Requester, typed: str) -> Message:
    """Tear a binder down, and tell its owner why.

    Raises:
        RequestError: Which binder, or why, is missing.
    """
    name, _, reason = typed.partition(" ")
    reason = readable(reason.strip())
    if not name or not reason:
        raise RequestError(
            Sentence("Which binder, and why? Its owner reads the reason."),
            hint=Sentence("For example: {example}", example=usage_hint("stop demo we need the GPU")),
        )
    lookup = by_name(context, requester, name, "admin stop", after=reason, action=Action.STOP)
    return operations.stop_for_a_reason(context, requester, lookup, reason)


@administers(AdminAction.EXTEND)
def extend(context: Context, requester: Requester, typed: str) -> Message:
    """Let a binder live longer."""
    name, span = phrases.split(typed) if typed else ("", "")
    if not name or not span:
        raise RequestError(
            Sentence("Which binder, and for how long?"),
            hint=Sentence("For example: {example}", example=usage_hint("extend demo 2h")),
        )
    lookup = by_name(context, requester, name, "admin extend", after=span, action=Action.EXTEND)
    return operations.extend(context, requester, lookup, span)


# --- everybody -------------------------------------------------------------------------------------------


@administers(AdminAction.ANNOUNCE)
def announce(context: Context, requester: Requester, typed: str) -> Message:
    """Show what would be posted. It is posted only if the admin confirms that.

    Raises:
        RequestError: There is nothing to tell, or nobody to tell it to.
    """
    if not typed:
        raise RequestError(
            Sentence("What is to be announced?"),
            hint=Sentence(
                "For example: {example}", example=usage_hint("announce the cloud restarts at 6 pm")
            ),
        )
    if len(typed) > admin_text.MOST_TEXT:
        raise RequestError(Sentence("An announcement may have {most} characters.", most=admin_text.MOST_TEXT))
    with context.store.read() as session:
        count = len(announcements.live(session, requester.team_id))
    if not count:
        raise RequestError(Sentence("No binder is running."))
    return admin_text.announcement_preview(Announcement(new_id(), typed), count)


@administers(AdminAction.ANNOUNCE)
def post_announcement(context: Context, requester: Requester, value: str) -> Message:
    """Tell everybody who has a binder, each thread once, however often the button is pressed."""
    asked = Announcement.of(value)
    if not asked.text:
        raise RequestError(Sentence("What is to be announced?"))
    with context.store.write() as session:
        count = announcements.announce(session, requester.team_id, asked.id, asked.text, by=requester.user)
    context.nudge()
    return admin_text.announced(count)


@administers(AdminAction.DRAIN)
def drain(context: Context, requester: Requester, typed: str) -> Message:
    """Launch nothing new from now on, until a time or until further notice; `off` ends that."""
    if typed.lower() in {"off", "stop", "end"}:
        with context.store.write() as session:
            was_in_force = draining.end(session, by=requester.user)
        context.nudge()
        return drain_text.ended(was_in_force=was_in_force)
    until = None
    if typed:
        now = context.store.now()
        until = parse_end_time(context, requester, typed, now)[0].from_(now)
    with context.store.write() as session:
        warned = draining.begin(session, by=requester.user, team_id=requester.team_id, until=until)
        running = draining.count_running(session)
    context.nudge()
    return drain_text.begun(until, warned, running)


# --- what was done, and what it cost ---------------------------------------------------------------------


@administers(AdminAction.AUDIT)
def acts(context: Context, requester: Requester, typed: str) -> Message:
    """The last acts, of all, of one person or with one binder; all of them follow as a file.

    Raises:
        RequestError: There is no such binder.
    """
    subjects, rest = take_subjects(typed)
    user = next((each.id for each in subjects if each.kind == ShareKind.USER), None)
    name = bare_name(readable(rest.strip())) if rest.strip() else ""
    with context.store.write() as session:
        wanted = AuditFilter(requester.team_id, user, _binder_of(session, requester, name))
        rows = audit.newest(session, wanted, limit=_MOST_ACTS)
        names = binders.names(session, {each.binder_id for each in rows if each.binder_id})
        facts = {"actor": user, "with_binder": wanted.binder_id}
        _owe_report(session, requester, AdminAction.AUDIT, facts)
    context.nudge()
    return admin_text.acts(rows, names)


def _binder_of(session: Session, requester: Requester, name: str) -> str | None:
    """The id of the binder of that name, gone or not; None without a name."""
    if not name:
        return None
    found = binders.named(session, requester.team_id, name, user=requester.user)
    if found is None:
        raise RequestError(Sentence("I can't find a binder called “{name}”.", name=name))
    return found.id


@administers(AdminAction.COSTS)
def costs(context: Context, requester: Requester, typed: str) -> Message:
    """What a month cost, by person, channel and repository; all of it follows as a file.

    Raises:
        RequestError: Nobody can tell which month is meant, or it is too long ago.
    """
    back = _months_back(context, typed.strip().lower())
    period = spending.month(context.store.now(), context.settings.zone, back=back)
    with context.store.write() as session:
        ran = past_launches.in_period(session, requester.team_id, period.since, period.until)
        _owe_report(session, requester, AdminAction.COSTS, {"back": back})
    context.nudge()
    by = partial(spending.expenses, ran, period)
    [total] = by(lambda _: "all") or [spending.Expense("all", 0, 0.0, 0.0)]
    tables = by(spending.person_of), by(spending.channel_of), by(spending.repository_of)
    return admin_text.costs(period, total, tables, context.settings.cost_unit)


def _months_back(context: Context, typed: str) -> int:
    if typed in {"", "now", "this", "this month"}:
        return 0
    if typed in {"last", "last month"}:
        return 1
    now, zone = context.store.now(), context.settings.zone
    known = [spending.month(now, zone, back=back).name for back in range(_MONTHS_BACK + 1)]
    if typed in known:
        return known.index(typed)
    raise RequestError(
        Sentence("I know the costs of {months} only.", months=", ".join(known)),
        hint=Sentence("For example: {example}", example=usage_hint(f"costs {known[-1]}")),
    )


def _owe_report(
    session: Session, requester: Requester, what: AdminAction, facts: Mapping[str, object]
) -> None:
    """Owe an admin a file, once for each request."""
    audit.record(session, requester.user, f"admin {what}", None, asked=dict(facts))
    key = f"{MessageKind.REPORT}:{what}:{requester.key}"[:255]
    place = {"to": requester.user, "team": requester.team_id}
    outbox.say(session, MessageKind.REPORT, key, None, what=str(what), **place, **facts)
