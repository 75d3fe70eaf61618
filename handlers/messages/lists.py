"""Several binders at once: the list of a workspace. Pure."""

from collections import Counter
from collections.abc import Collection, Sequence

from slack_sdk.models.blocks import Block

from bot.sentences import Sentence
from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of, repository_text
from handlers.messages.blocks import MAX_TEXT, context, header, section
from handlers.messages.language import translated, translated_count
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import inline, person
from handlers.messages.notices import amount
from handlers.messages.replies import note
from handlers.messages.status_text import phrase
from storage.models import Binder
from storage.vocabulary import Status


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
        return note(Sentence("No binder is running."), pool_line(pool, unit) if pool else how)
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
        *([context(pool_line(pool, unit))] if pool else []),
    ]
    words = [
        f"{phrase(each).after(name_of(each))} ({person(each.owner)}{_with_you(each, shared)})"
        for each in shown
    ]
    return Message.of(f"{title}: " + shorten_lines(words, MAX_TEXT - 100), blocks)


def pool_line(pool: Sequence[Binder], unit: str) -> str:
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
