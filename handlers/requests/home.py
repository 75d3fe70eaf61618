"""What stands on somebody's Home tab. It is read anew each time that the tab is shown."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from bot.binders.cost import cost, ran_seconds
from bot.policy.quotas import What
from bot.times import calendar
from handlers.messages import home_tab
from handlers.messages.blocks import Json
from handlers.messages.home_tab import MOST_RECENT, MOST_SHOWN, HomeOptions, Mine, Page, Usage
from handlers.messages.language import language_of, reading
from handlers.requests.context import Context, offers_of
from handlers.requests.launches import sizes_for
from handlers.requests.permissions import roles_of
from handlers.requests.requester import Requester
from handlers.rules import Role
from storage import binders, overview, past_launches, policies, shares, warm
from storage.home_models import Home, HomeTab
from storage.models import Binder

_LOOKED_AT = 50
"""Of somebody's last launches: several may be of the same repository."""


def blocks_of(context: Context, home: Home) -> list[Json]:
    """The blocks of a Home tab as it is now, in the language of its reader; may ask Slack for that."""
    context.refresh_profile(home.team_id, home.user)
    with reading(language_of(context.known_locale(home.team_id, home.user))):
        return _blocks_of(context, home)


def _blocks_of(context: Context, home: Home) -> list[Json]:
    # It is nobody's request: what is shown depends on who the person is.
    requester = Requester(home.user, home.team_id, home.user, key="")
    is_admin = context.is_admin(home.team_id, home.user)
    options = HomeOptions(
        context.store.now(), context.settings.cost_unit, offers_of(context), is_admin=is_admin
    )
    with context.store.read() as session:
        if is_admin and home.tab == HomeTab.EVERYTHING:
            return home_tab.home_of_everything(page_of(session, context, requester, home.page), options)
        return home_tab.home_of_mine(_mine(session, context, requester, options.now), options)


def _mine(session: Session, context: Context, requester: Requester, now: float) -> Mine:
    own = binders.existing(session, requester.team_id, owner=requester.user)
    others = shares.existing(session, requester.team_id, requester.user)
    roles = roles_of(session, context, requester, others)
    return Mine(
        own=own,
        shared=[
            (each, roles[each.id]) for each in others if roles[each.id] not in {Role.OUTSIDER, Role.GUEST}
        ],
        recent=_recent(session, requester, own),
        featured=context.settings.featured_repositories,
        usage=_usage(session, context, requester, sum(each.waits_for is None for each in own), now),
    )


def page_of(session: Session, context: Context, requester: Requester, number: int) -> Page:
    """One page of all binders of a workspace; the last one where there are not so many."""
    total, price = overview.totals(session, requester.team_id)
    number = min(number, max(total - 1, 0) // MOST_SHOWN)
    on_it = overview.page(session, requester.team_id, number, size=MOST_SHOWN)
    roles = roles_of(session, context, requester, on_it)
    return Page(
        binders=[(each, roles[each.id]) for each in on_it],
        number=number,
        total=total,
        price_per_hour=price,
        pool=warm.existing(session),
    )


def _recent(session: Session, requester: Requester, own: Sequence[Binder]) -> list[Binder]:
    """Somebody's last launches: each once, and none that is there already."""
    there = {_what(each) for each in own}
    last = past_launches.newest(session, requester.team_id, requester.user, limit=_LOOKED_AT)
    once = {_what(each): each for each in reversed(last)}  # of each the newest
    newest = sorted(once.values(), key=lambda each: -each.created_at)
    return [each for each in newest if _what(each) not in there][:MOST_RECENT]


def _what(binder: Binder) -> tuple[str | None, ...]:
    return binder.url, binder.ref, binder.path, binder.interface


def _usage(session: Session, context: Context, requester: Requester, count: int, now: float) -> Usage:
    own = policies.limits_of(session, requester.team_id, requester.user)
    month = calendar.month_start(now, context.settings.zone)
    used = [
        each
        for each in past_launches.since(session, requester.team_id, requester.user, month)
        if ran_seconds(each, now, month) > 0
    ]
    sizes = sizes_for(context, requester)
    limits = context.settings.limits_of(sizes[0].key if sizes else "")
    return Usage(
        count=count,
        most=int(own.get(What.BINDERS, context.settings.max_binders_per_person)),
        lifetime=limits.lifetime,
        maximum=limits.maximum,
        idle=limits.idle_seconds,
        budget=limits.cost,
        launches=len(used),
        ran=sum(ran_seconds(each, now, month) for each in used),
        spent=sum(cost(each, now, month) for each in used),
    )
