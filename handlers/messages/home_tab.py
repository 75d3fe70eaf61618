"""The Home tab: a person's own binders, or for admins all of the workspace. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement, SectionBlock

from bot.binders.cost import cost
from bot.binders.deadlines import last_end
from bot.config.featured import Featured
from bot.sentences import Sentence
from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of, repository_text
from handlers.messages.blocks import Json, actions, as_json, button, context, header, section
from handlers.messages.buttons import LAUNCH, LAUNCH_AGAIN, Offers, controls, launch_button
from handlers.messages.language import translated, translated_count
from handlers.messages.lists import pool_line
from handlers.messages.mrkdwn import code, date, inline, person
from handlers.messages.notices import amount
from handlers.messages.queue_text import why_waits
from handlers.messages.status_text import is_live, is_ready, phrase, reason
from handlers.rules import Role, actions_of
from storage.models import Binder

MOST_SHOWN = 20
"""Binders on one page: with all else they fit into Slack's hundred blocks."""
MOST_RECENT = 5
_LEAST_SHARED = 5
"""Of what is shared with somebody, so many fit on their tab, however many they have themselves."""
_ALL = Sentence("All binders")


@dataclass(frozen=True, slots=True)
class Usage:
    """What one person may have, and what they used.

    Attributes:
        count: How many binders they have.
        most: How many they may have at the same time.
        lifetime: How long a binder lives unless somebody extends it, in seconds.
        maximum: How long it may live at most, in seconds.
        idle: For how long it may be idle, in seconds; None for any time.
        budget: What it may cost; None for any price.
        launches: How many binders they had this month.
        ran: For how long these ran this month, in seconds.
        spent: What these cost this month.
    """

    count: int = 0
    most: int = 1
    lifetime: float = 0.0
    maximum: float = 0.0
    idle: float | None = None
    budget: float | None = None
    launches: int = 0
    ran: float = 0.0
    spent: float = 0.0


@dataclass(frozen=True, slots=True)
class HomeOptions:
    """What all tabs depend on.

    Attributes:
        now: Unix seconds, UTC.
        unit: The unit of all prices; may be empty.
        offers: What the site can do with binders.
        is_admin: Whether its reader is an admin.
    """

    now: float
    unit: str = ""
    offers: Offers = field(default_factory=Offers)
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Mine:
    """What somebody finds on their own tab.

    Attributes:
        own: Their binders.
        shared: What others share with them, and what they may do with it.
        recent: What they launched before.
        featured: What the site offers.
        usage: What they may have, and what they used.
    """

    own: Sequence[Binder] = ()
    shared: Sequence[tuple[Binder, Role]] = ()
    recent: Sequence[Binder] = ()
    featured: Sequence[Featured] = ()
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of all binders of a workspace.

    Attributes:
        binders: Those on it, and what its reader may do with each.
        number: Which page; the first one is 0.
        total: How many binders there are.
        price_per_hour: What all of them cost.
        pool: The instances of the warm pool.
    """

    binders: Sequence[tuple[Binder, Role]] = ()
    number: int = 0
    total: int = 0
    price_per_hour: float = 0.0
    pool: Sequence[Binder] = ()

    @property
    def count(self) -> int:
        """How many pages there are; one at least."""
        return max(-(-self.total // MOST_SHOWN), 1)


def home_of_mine(mine: Mine, options: HomeOptions) -> list[Json]:
    """The tab of somebody's own binders."""
    own = mine.own[: MOST_SHOWN - min(len(mine.shared), _LEAST_SHARED)]
    shared = mine.shared[: MOST_SHOWN - len(own)]
    return as_json(
        [
            *_top(options, is_mine=True),
            header(translated("Your binders")),
            *(block for each in own for block in _card(each, Role.OWNER, options)),
            *_left_out(len(mine.own) - len(own)),
            *(
                []
                if own
                else [
                    section(translated("You have no binder. Press *{button}* to start one.", button=LAUNCH))
                ]
            ),
            *([header(translated("Shared with you"))] if shared else []),
            *(block for each, role in shared for block in _card(each, role, options, owner=True)),
            *_left_out(len(mine.shared) - len(shared)),
            *_recent(mine.recent),
            *_featured(mine.featured),
            *_usage(mine.usage, options),
            context(
                translated(
                    "You can also type `{command} launch owner/repo` in any channel. "
                    "`{command} help` lists all commands.",
                    command=ids.COMMAND,
                )
            ),
        ]
    )


def home_of_everything(page: Page, options: HomeOptions) -> list[Json]:
    """The tab of all binders of the workspace, for admins."""
    return as_json(
        [
            *_top(options, is_mine=False),
            header(translated(_ALL)),
            context(summary_of(page, options.unit)),
            *(block for each, role in page.binders for block in _card(each, role, options, owner=True)),
            *actions(turns(page, ids.HOME_PAGE_PREFIX)),
            *([context(pool_line(page.pool, options.unit))] if page.pool else []),
        ]
    )


def summary_of(page: Page, unit: str) -> str:
    """How many binders there are, what they cost, and which page of them this is."""
    price = translated("{amount} per hour", amount=amount(page.price_per_hour, unit))
    place = translated("page {number} of {count}", number=page.number + 1, count=page.count)
    facts = [
        translated_count("{count} binder", "{count} binders", page.total),
        *([price] if page.price_per_hour else []),
        *([place] if page.count > 1 else []),
    ]
    return " · ".join(facts)


def _top(options: HomeOptions, *, is_mine: bool) -> list[ActionsBlock]:
    """The button of the form; for admins also those that turn to the other tab."""
    tabs = [
        button(translated("My binders"), ids.HOME_MINE, style="primary" if is_mine else None),
        button(translated(_ALL), f"{ids.HOME_PAGE_PREFIX}0", style=None if is_mine else "primary"),
    ]
    form = launch_button(style=None if options.is_admin else "primary")
    return actions([form, *(tabs if options.is_admin else [])])


def turns(page: Page, prefix: str) -> list[ButtonElement]:
    """The buttons that turn to the pages beside it; their ids begin with a prefix and end in the number."""
    wanted = ((page.number - 1, Sentence("Previous page")), (page.number + 1, Sentence("Next page")))
    return [
        button(translated(label), f"{prefix}{number}") for number, label in wanted if 0 <= number < page.count
    ]


def _left_out(count: int) -> list[Block]:
    more = translated("… and {count} more: `{command} list` shows them.", count=count, command=ids.COMMAND)
    return [context(more)] if count > 0 else []


# --- one binder ------------------------------------------------------------------------------------------


def _card(binder: Binder, role: Role, options: HomeOptions, *, owner: bool = False) -> list[Block]:
    said = phrase(binder)
    whose = f" · {person(binder.owner)}" if owner and role != Role.OWNER else ""
    lines = [
        f"{said.emoji} {said.after(f'*{name_of(binder)}*')}{whose}",
        repository_text(binder),
        " · ".join(facts_of(binder, options)),
        inline(reason(binder) or why_waits(binder) or binder.waiting_for or "", 200),
    ]
    buttons = controls(binder, options.offers, allowed=actions_of(role))
    return [section("\n".join(line for line in lines if line)), *actions(buttons)]


def facts_of(binder: Binder, options: HomeOptions) -> list[str]:
    """Size, age, cost, and when it ends."""
    spent = cost(binder, options.now)
    end = date(last_end(binder) if is_ready(binder) else binder.ends_at)
    return [
        translated("size {size}", size=code(binder.size, 66)),
        translated("since {begun}", begun=date(binder.created_at)),
        *([translated("{amount} so far", amount=amount(spent, options.unit))] if spent else []),
        *([translated("ends {end}", end=end)] if is_live(binder) else []),
    ]


# --- what can be launched --------------------------------------------------------------------------------


def _recent(recent: Sequence[Binder]) -> list[Block]:
    rows = [_recent_row(each) for each in recent[:MOST_RECENT]]
    return [header(translated("Launched before")), *rows] if rows else []


def _recent_row(binder: Binder) -> SectionBlock:
    what = f"*{repository_text(binder)}*"
    if binder.ref:
        what = translated("{repository} at {ref}", repository=what, ref=code(binder.ref, 80))
    opens = translated("opens {path}", path=code(binder.path or "", 120))
    path = f" · {opens}" if binder.path else ""
    when = translated("launched {begun}", begun=date(binder.created_at))
    return section(f"{what}{path}\n{when}", button(translated(LAUNCH_AGAIN), ids.RETRY, binder.id))


def _featured(featured: Sequence[Featured]) -> list[Block]:
    rows = [
        section(
            f"*{inline(each.title, 150)}*\n{inline(each.launch_text, 200)}",
            button(translated("Launch"), ids.LAUNCH_THIS, each.launch_text),
        )
        for each in featured
    ]
    return [header(translated("Featured")), *rows] if rows else []


# --- limits ----------------------------------------------------------------------------------------------


def _usage(usage: Usage, options: HomeOptions) -> list[Block]:
    limits = [
        translated_count(
            "You have {have} of {count} binder.",
            "You have {have} of {count} binders.",
            usage.most,
            have=usage.count,
        ),
        translated(
            "A binder ends after {lifetime} unless you extend it, and after {maximum} at the latest.",
            lifetime=duration(usage.lifetime),
            maximum=duration(usage.maximum),
        ),
    ]
    if usage.idle:
        idle = duration(usage.idle)
        limits.append(translated("It also ends when nobody used it for {duration}.", duration=idle))
    if usage.budget is not None:
        limits.append(translated("It may cost {amount}.", amount=amount(usage.budget, options.unit)))
    title = header(translated("Your limits and your use"))
    return [title, section(f"{' '.join(limits)}\n{_this_month(usage, options)}")]


def _this_month(usage: Usage, options: HomeOptions) -> str:
    if not usage.launches:
        return translated("This month: nothing yet.")
    ran = translated_count(
        "This month: {count} binder, which ran for {duration}.",
        "This month: {count} binders, which ran for {duration}.",
        usage.launches,
        duration=duration(usage.ran),
    )
    spent = translated("Cost: {amount}.", amount=amount(usage.spent, options.unit))
    return f"{ran} {spent}" if usage.spent else ran
