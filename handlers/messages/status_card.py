"""The card: the status message of a binder and the root of its thread. Pure."""

from collections.abc import Collection

from slack_sdk.models.blocks import ButtonElement

from bot.binders.deadlines import last_end
from bot.times.durations import duration
from handlers.messages.binder_text import name_of, notes_of, repository_link, repository_text
from handlers.messages.blocks import actions, context, section
from handlers.messages.buttons import possible_buttons
from handlers.messages.expectation_text import expectation
from handlers.messages.language import translated
from handlers.messages.message import Message
from handlers.messages.mrkdwn import code, date, inline, person
from handlers.messages.status_text import (
    capital,
    elapsed,
    is_live,
    is_ready,
    phrase,
    ran,
    reason,
    short_ending,
    stage_lines,
    summary,
)
from handlers.rules import Action
from storage.models import Binder
from storage.vocabulary import Target

_SHORT_COMMIT = 7
_ON_THE_CARD = (
    Action.OPEN,
    Action.READ_LOG,
    Action.SHARE,
    Action.SHELVE,
    Action.RESUME,
    Action.STOP,
)


def card(
    binder: Binder, now: float, *, can_shelve: bool = False, allowed: Collection[Action] | None = None
) -> Message:
    """The status message.

    Args:
        binder: Of what.
        now: Unix seconds, UTC.
        can_shelve: Whether the cloud can shelve.
        allowed: What its reader may do; None where several people read it.
    """
    said = phrase(binder)
    title = f"{said.emoji} {said.after(f'*{name_of(binder)}*')}"
    whose = translated("for {person}", person=person(binder.owner))
    usual = expectation(binder, now)
    heard = [said.after(name_of(binder)), repository_text(binder), summary(binder, now), usual]
    blocks = [
        section(f"{title} · {whose}"),
        context(" · ".join(_origin(binder))),
        *[section("\n".join(lines)) for lines in [list(stage_lines(binder, now))] if lines],
        *[section(text) for text in [_why(binder), notes_of(binder)] if text],
        context("\n".join(line for line in [_times(binder, now), capital(usual)] if line)),
        *actions(_card_buttons(binder, can_shelve, allowed)),
    ]
    return Message.of(" · ".join(part for part in heard if part), blocks)


def _origin(binder: Binder) -> list[str]:
    commit = code((binder.commit or "")[:_SHORT_COMMIT])
    ref = code(binder.ref or "", 80)
    at = translated("{ref} at {commit}", ref=ref, commit=commit) if ref and commit else ref or commit
    size = translated("size {size}", size=code(binder.size, 66))
    return [part for part in [repository_link(binder), at, size] if part]


def _why(binder: Binder) -> str:
    """Why the binder is waiting, or why it ended."""
    if binder.target == Target.GONE:
        return reason(binder)
    return inline(binder.waiting_for or "", 1_500)


def _times(binder: Binder, now: float) -> str:
    since = duration(elapsed(binder, now))
    if is_ready(binder):
        return translated("Ready after {duration} · ends {end}", duration=since, end=date(last_end(binder)))
    if is_live(binder) and binder.ready_at is not None:
        begun, end = date(binder.status_since), date(binder.ends_at)
        return translated("Since {begun} · kept until {end}", begun=begun, end=end)
    if is_live(binder):
        return translated("{duration} so far", duration=since)
    return f"{short_ending(binder, person(binder.ended_by))} · {_lasted(binder, now)}"


def _lasted(binder: Binder, now: float) -> str:
    ran_for = ran(binder, now)
    if ran_for is not None:
        return translated("ran for {duration}", duration=duration(ran_for))
    return translated("after {duration}", duration=duration(elapsed(binder, now)))


def _card_buttons(
    binder: Binder,
    can_shelve: bool,  # noqa: FBT001 - as the card was told
    allowed: Collection[Action] | None,
) -> list[ButtonElement]:
    if not is_live(binder):
        return []
    return possible_buttons(binder, _ON_THE_CARD, can_shelve=can_shelve, allowed=allowed)
