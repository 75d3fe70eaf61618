"""Several binders at once: the list of a workspace and the home tab of a person. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from slack_sdk.models.blocks import Block

from bot.sentences import Sentence
from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of, repository_text
from handlers.messages.blocks import MAX_TEXT, Json, actions, as_json, context, header, section
from handlers.messages.buttons import LAUNCH, launch_button, possible_buttons
from handlers.messages.language import translated, translated_count
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import inline, person
from handlers.messages.notices import amount
from handlers.messages.replies import note
from handlers.messages.status_text import is_live, phrase
from handlers.rules import Action, Role, actions_of
from storage.models import Binder
from storage.vocabulary import Status

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
        how = Sentence("To start one, type `{command} launch owner/repo`.", command=ids.COMMAND)
        return note(Sentence("No binder is running."), _pool(pool, unit) if pool else how)
    ordered = sorted(binders, key=lambda each: (each.owner != user, each.id not in shared))
    shown = ordered[:MOST_LISTED]
    more = (
        [context(translated("… and {count} more.", count=len(ordered) - len(shown)))]
        if len(ordered) > len(shown)
        else []
    )
    title = translated_count("{count} binder", "{count} binders", len(ordered))
    blocks = [
        header(title),
        *[binder_row(each, now, user, shared) for each in shown],
        *more,
        *([context(_pool(pool, unit))] if pool else []),
    ]
    words = [
        f"{phrase(each).after(name_of(each))} ({person(each.owner)}{_with_you(each, shared)})"
        for each in shown
    ]
    return Message.of(f"{title}: " + shorten_lines(words, MAX_TEXT - 100), blocks)


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
        header(translated("Your binders")),
        *actions([launch_button(style="primary")]),
        *[block for each in mine for block in _home_rows(each, now, user, Role.OWNER)],
    ]
    if not binders:
        blocks.append(
            section(translated("You have no binder. Press *{button}* to start one.", button=LAUNCH))
        )
    if others:
        rows = others[: MOST_LISTED - len(mine)]
        shown = [block for each, role in rows for block in _home_rows(each, now, user, role)]
        blocks += [header(translated("Shared with you")), *shown]
    blocks.append(
        context(
            translated(
                "You can also type `{command} launch owner/repo` in any channel. "
                "`{command} help` lists all commands.",
                command=ids.COMMAND,
            )
        )
    )
    return as_json(blocks)


def _pool(pool: Sequence[Binder], unit: str) -> str:
    """The warm pool in one line, with its costs."""
    waiting = Counter(each.size for each in pool if each.status == Status.WAITING)
    counts = Counter(sorted(each.size for each in pool))
    sizes = [
        translated("{waiting} of {count} {size}", waiting=waiting[size], count=count, size=inline(size, 64))
        for size, count in counts.items()
    ]
    price = sum(each.price_per_hour for each in pool)
    costs = translated("{amount} per hour", amount=amount(price, unit)) if price else ""
    ready = translated("Ready in the warm pool: {sizes}", sizes=", ".join(sizes))
    return " · ".join(part for part in (ready, costs) if part)


def _with_you(binder: Binder, shared: Collection[str]) -> str:
    return ", " + translated("shared with you") if binder.id in shared else ""


def binder_row(binder: Binder, now: float, user: str, shared: Collection[str] = frozenset()) -> Block:
    """A binder in a list: its name, state, age, owner and repository."""
    said = phrase(binder)
    whose = "" if binder.owner == user else f" · {person(binder.owner)}{_with_you(binder, shared)}"
    age = duration(now - binder.created_at)
    state = said.after(f"*{name_of(binder)}*")
    line = f"{said.emoji} {state} · {age}{whose}\n{repository_text(binder)}"
    return section(line)


def _home_rows(binder: Binder, now: float, user: str, role: Role) -> list[Block]:
    allowed = actions_of(role)
    buttons = possible_buttons(binder, _ON_THE_HOME, allowed=allowed) if is_live(binder) else []
    return [binder_row(binder, now, user), *actions(buttons)]
