"""The weekly digest of the binders in a channel. Pure."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block

from bot.binders import deadlines
from bot.binders.cost import cost
from bot.text import counted, shorten
from bot.times.durations import duration
from handlers.messages.binder_text import repository_text
from handlers.messages.blocks import MAX_TEXT, as_json, context, header, section
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import date, inline, person
from handlers.messages.notices import NoticeOptions, amount
from handlers.messages.status_text import phrase
from storage.models import Binder


def digest(living: Sequence[Binder], now: float, options: NoticeOptions) -> Message:
    """The binders in a channel, the oldest first; `now` in Unix seconds UTC."""
    title = f"{counted(len(living), 'binder')} in this channel"
    shown = living[:MOST_LISTED]
    more = [context(f"… and {len(living) - len(shown)} more.")] if len(living) > len(shown) else []
    blocks = [
        header(title),
        *[section(_row(each, now, options)) for each in shown],
        *more,
        *_total(living, now, options),
    ]
    heard = [f"{inline(each.name, 64)} {phrase(each).words}" for each in shown]
    return Message(shorten(f"{title}: {shorten_lines(heard, MAX_TEXT - 100)}", MAX_TEXT), as_json(blocks))


def _row(binder: Binder, now: float, options: NoticeOptions) -> str:
    said = phrase(binder)
    parts = [
        f"{said.emoji} *{inline(binder.name, 64)}* {said.words}",
        person(binder.owner),
        f"for {duration(now - binder.created_at)}",
        f"ends {date(deadlines.last_end(binder))}",
        *[amount(spent, options.unit) for spent in [cost(binder, now)] if spent],
    ]
    return f"{' · '.join(parts)}\n{repository_text(binder)}"


def _total(living: Sequence[Binder], now: float, options: NoticeOptions) -> list[Block]:
    spent = sum(cost(each, now) for each in living)
    return [context(f"Together they have cost {amount(spent, options.unit)} so far.")] if spent else []
