"""Many binders at once: the list of a workspace, the home tab of a person. Pure."""

from collections.abc import Sequence

from slack_sdk.models.blocks import Block

from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of, repository_text
from handlers.messages.blocks import MAX_TEXT, Json, actions, as_json, button, context, header, section
from handlers.messages.buttons import log_button, open_button, stop_button
from handlers.messages.message import MOST_LISTED, Message, shorten_lines
from handlers.messages.mrkdwn import person
from handlers.messages.replies import note
from handlers.messages.status_text import is_live, is_ready, phrase
from storage.models import Binder


def listing(binders: Sequence[Binder], now: float, user: str) -> Message:
    """All live binders of a workspace, those of `user` first."""
    if not binders:
        return note("No binder is running.", f"Start one: `{ids.COMMAND} launch owner/repo`")
    ordered = sorted(binders, key=lambda each: each.owner != user)
    shown = ordered[:MOST_LISTED]
    more = [context(f"… and {len(ordered) - len(shown)} more.")] if len(ordered) > len(shown) else []
    blocks = [header(_count(len(ordered))), *[_row(each, now, user) for each in shown], *more]
    words = [f"{name_of(each)} {phrase(each).words} ({person(each.owner)})" for each in shown]
    return Message.of(f"{_count(len(ordered))}: " + shorten_lines(words, MAX_TEXT - 100), blocks)


def home(binders: Sequence[Binder], now: float, user: str) -> list[Json]:
    """The blocks of the home tab: the person's binders, and how to begin."""
    begin = button("Launch a repository", ids.FORM, style="primary")
    blocks: list[Block] = [
        header("Your binders"),
        *actions([begin]),
        *[block for each in binders[:MOST_LISTED] for block in _home_rows(each, now, user)],
    ]
    if not binders:
        blocks.append(section("Nothing is running. A repository of notebooks is a good beginning."))
    blocks.append(
        context(f"Or type `{ids.COMMAND} launch owner/repo` in any channel; `{ids.COMMAND} help` tells more.")
    )
    return as_json(blocks)


def _count(number: int) -> str:
    return "1 binder" if number == 1 else f"{number} binders"


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
