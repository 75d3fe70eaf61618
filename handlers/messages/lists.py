"""Several binders at once: the list of a workspace and the home tab of a person. Pure."""

from collections import Counter
from collections.abc import Sequence

from slack_sdk.models.blocks import Block

from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import count_of_binders, name_of, repository_text
from handlers.messages.blocks import MAX_TEXT, Json, actions, as_json, context, header, section
from handlers.messages.buttons import LAUNCH, launch_button, log_button, open_button, stop_button
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import inline, person
from handlers.messages.notices import amount
from handlers.messages.replies import note
from handlers.messages.status_text import is_live, is_ready, phrase
from storage.models import Binder, Status


def listing(
    binders: Sequence[Binder], now: float, user: str, *, pool: Sequence[Binder] = (), unit: str = ""
) -> Message:
    """All running binders of a workspace, those of `user` first.

    Args:
        binders: What the person may see.
        now: Unix seconds, UTC.
        user: Who asks.
        pool: The instances of the warm pool, for admins.
        unit: The unit of all prices.
    """
    if not binders:
        how = f"To start one, type `{ids.COMMAND} launch owner/repo`."
        return note("No binder is running.", _pool(pool, unit) if pool else how)
    ordered = sorted(binders, key=lambda each: each.owner != user)
    shown = ordered[:MOST_LISTED]
    more = [context(f"… and {len(ordered) - len(shown)} more.")] if len(ordered) > len(shown) else []
    waiting = [context(_pool(pool, unit))] if pool else []
    rows = [_row(each, now, user) for each in shown]
    blocks = [header(count_of_binders(len(ordered))), *rows, *more, *waiting]
    words = [f"{name_of(each)} {phrase(each).words} ({person(each.owner)})" for each in shown]
    return Message.of(f"{count_of_binders(len(ordered))}: " + shorten_lines(words, MAX_TEXT - 100), blocks)


def home(binders: Sequence[Binder], now: float, user: str) -> list[Json]:
    """The blocks of the home tab: the person's binders, and how to start one."""
    blocks: list[Block] = [
        header("Your binders"),
        *actions([launch_button(style="primary")]),
        *[block for each in binders[:MOST_LISTED] for block in _home_rows(each, now, user)],
    ]
    if not binders:
        blocks.append(section(f"You have no binder. Press *{LAUNCH}* to start one."))
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


def _row(binder: Binder, now: float, user: str) -> Block:
    said = phrase(binder)
    whose = "" if binder.owner == user else f" · {person(binder.owner)}"
    age = duration(now - binder.created_at)
    line = f"{said.emoji} *{name_of(binder)}* {said.words} · {age}{whose}\n{repository_text(binder)}"
    return section(line)


def _home_rows(binder: Binder, now: float, user: str) -> list[Block]:
    opened = [open_button(binder)] if is_ready(binder) else []
    buttons = [*opened, log_button(binder), stop_button(binder)] if is_live(binder) else []
    return [_row(binder, now, user), *actions(buttons)]
