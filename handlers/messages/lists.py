"""Several binders at once: the list of a workspace and the home tab of a person. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from slack_sdk.models.blocks import Block

from bot.text import counted
from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of, repository_text
from handlers.messages.blocks import MAX_TEXT, Json, actions, as_json, context, header, section
from handlers.messages.buttons import LAUNCH, launch_button, possible_buttons
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import inline, person
from handlers.messages.notices import amount
from handlers.messages.replies import note
from handlers.messages.status_text import is_live, phrase
from handlers.rules import Action, Role, actions_of
from storage.models import Binder, Status

_LEAST_SHARED = 5
"""Of what is shared with somebody, so many fit on their tab, however many they have themselves."""
_ON_THE_HOME = (Action.OPEN, Action.READ_LOG, Action.SHARE, Action.STOP)


def listing(
    binders: Sequence[Binder],
    now: float,
    user: str,
    shared: Collection[str] = frozenset(),
    *,
    pool: Sequence[Binder] = (),
    unit: str = "",
) -> Message:
    """All running binders of a workspace: those of `user` first, then those that are shared with them.

    Args:
        binders: What they may see.
        now: Unix seconds, UTC.
        user: Who asks.
        shared: The ids of those that others share with them.
        pool: The instances of the warm pool, for admins.
        unit: The unit of all prices.
    """
    if not binders:
        how = f"To start one, type `{ids.COMMAND} launch owner/repo`."
        return note("No binder is running.", _pool(pool, unit) if pool else how)
    ordered = sorted(binders, key=lambda each: (each.owner != user, each.id not in shared))
    shown = ordered[:MOST_LISTED]
    more = [context(f"… and {len(ordered) - len(shown)} more.")] if len(ordered) > len(shown) else []
    blocks = [
        header(counted(len(ordered), "binder")),
        *[_row(each, now, user, shared) for each in shown],
        *more,
        *([context(_pool(pool, unit))] if pool else []),
    ]
    words = [
        f"{name_of(each)} {phrase(each).words} ({person(each.owner)}{_with_you(each, shared)})"
        for each in shown
    ]
    return Message.of(f"{counted(len(ordered), 'binder')}: " + shorten_lines(words, MAX_TEXT - 100), blocks)


def home(
    binders: Sequence[Binder], now: float, user: str, shared: Mapping[Role, Sequence[Binder]] | None = None
) -> list[Json]:
    """The blocks of the home tab: the person's binders, what is shared with them, and how to start one.

    Args:
        binders: Their own.
        now: Unix seconds, UTC.
        user: Whose tab it is.
        shared: What others share with them, by what they may do with it.
    """
    others = [(each, role) for role, theirs in (shared or {}).items() for each in theirs]
    mine = binders[: MOST_LISTED - min(len(others), _LEAST_SHARED)]
    blocks: list[Block] = [
        header("Your binders"),
        *actions([launch_button(style="primary")]),
        *[block for each in mine for block in _home_rows(each, now, user, Role.OWNER)],
    ]
    if not binders:
        blocks.append(section(f"You have no binder. Press *{LAUNCH}* to start one."))
    if others:
        rows = others[: MOST_LISTED - len(mine)]
        shown = [block for each, role in rows for block in _home_rows(each, now, user, role)]
        blocks += [header("Shared with you"), *shown]
    blocks.append(
        context(
            f"You can also type `{ids.COMMAND} launch owner/repo` in any channel. "
            f"`{ids.COMMAND} help` lists all commands."
        )
    )
    return as_json(blocks)


def _pool(pool: Sequence[Binder], unit: str) -> str:
    """The warm pool in one line, with its costs."""
    waiting = Counter(each.size for each in pool if each.status == Status.WAITING)
    counts = Counter(sorted(each.size for each in pool))
    sizes = [f"{waiting[size]} of {count} {inline(size, 64)}" for size, count in counts.items()]
    price = sum(each.price_per_hour for each in pool)
    costs = f" · {amount(price, unit)} per hour" if price else ""
    return f"Ready in the warm pool: {', '.join(sizes)}{costs}"


def _with_you(binder: Binder, shared: Collection[str]) -> str:
    return ", shared with you" if binder.id in shared else ""


def _row(binder: Binder, now: float, user: str, shared: Collection[str] = frozenset()) -> Block:
    said = phrase(binder)
    whose = "" if binder.owner == user else f" · {person(binder.owner)}{_with_you(binder, shared)}"
    age = duration(now - binder.created_at)
    line = f"{said.emoji} *{name_of(binder)}* {said.words} · {age}{whose}\n{repository_text(binder)}"
    return section(line)


def _home_rows(binder: Binder, now: float, user: str, role: Role) -> list[Block]:
    allowed = actions_of(role)
    buttons = possible_buttons(binder, _ON_THE_HOME, allowed=allowed) if is_live(binder) else []
    return [_row(binder, now, user), *actions(buttons)]
