"""The card: the status message of a binder and the root of its thread. Pure.

It comes in two forms that say the same: with Slack's newer blocks (a container, and a plan of the stages),
and with the classic ones, which every server takes.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from slack_sdk.models.blocks import Block

from bot.binders.deadlines import last_end
from bot.times.durations import duration
from handlers.messages.binder_text import name_of, notes_of, repository_link, repository_text
from handlers.messages.blocks import Task, actions, container, context, plan, section
from handlers.messages.buttons import Offers, controls
from handlers.messages.expectation_text import expectation
from handlers.messages.language import translated
from handlers.messages.message import Message
from handlers.messages.mrkdwn import code, date, inline, person
from handlers.messages.progress import (
    Stage,
    bar_line,
    is_launching,
    output_line,
    stage_line,
    stages,
    summary,
)
from handlers.messages.queue_text import why_waits
from handlers.messages.status_text import (
    capital,
    elapsed,
    is_live,
    is_ready,
    phrase,
    ran,
    reason,
    short_ending,
)
from handlers.rules import Action, has_failed
from storage.models import Binder
from storage.vocabulary import Target

_SHORT_COMMIT = 7
_MAX_SIZE = 66
_STATUS: Mapping[str, str] = {
    "done": "complete",
    "running": "in_progress",
    "failed": "error",
    "pending": "pending",
}
"""Slack's words for the states of a stage."""


def card(
    binder: Binder,
    now: float,
    *,
    can_shelve: bool = False,
    can_ask: bool = False,
    allowed: Collection[Action] | None = None,
    newer_blocks: bool = False,
) -> Message:
    """The status message.

    Args:
        binder: Of what.
        now: Unix seconds, UTC.
        can_shelve: Whether the cloud can shelve.
        can_ask: Whether the site has a channel in which people help.
        allowed: What its reader may do; None where several people read it.
        newer_blocks: Whether it may hold blocks that older servers refuse.
    """
    buttons = actions(controls(binder, Offers(can_shelve, can_ask), allowed=allowed))
    made = _framed(binder, now, buttons) if newer_blocks else _classic(binder, now, buttons)
    return Message.of(_heard(binder, now), made)


def _framed(binder: Binder, now: float, buttons: list[Any]) -> list[Block]:
    said, iteration = phrase(binder), int(now * 1000)
    inside = [*_paragraphs(binder, now), *_small_print(binder, now), *buttons]
    title = f"{said.emoji} {said.after(binder.name)}"
    return [
        container(title, _whose(binder), inside, key=f"card-{iteration}"),
        *([_plan(binder, now, f"plan-{iteration}")] if _shows_stages(binder) else []),
    ]


def _plan(binder: Binder, now: float, key: str) -> Block:
    """The stages as tasks; the one that runs shows what it printed last."""
    return plan(translated("Stages"), [_task(binder, each) for each in stages(binder, now)], key=key)


def _task(binder: Binder, stage: Stage) -> Task:
    is_running = stage.state == "running"
    return Task(stage.name, stage.text, _STATUS[stage.state], output_line(binder) if is_running else "")


def _classic(binder: Binder, now: float, buttons: list[Any]) -> list[Block]:
    said = phrase(binder)
    title = f"{said.emoji} {said.after(f'*{name_of(binder)}*')} · {_whose(binder)}"
    stages_text = [stage_line(binder, now), code(output_line(binder))] if _shows_stages(binder) else []
    return [
        section(title),
        *_paragraphs(binder, now),
        *[context("\n".join(each for each in stages_text if each)) for _ in stages_text[:1]],
        *_small_print(binder, now),
        *buttons,
    ]


def _whose(binder: Binder) -> str:
    return translated("for {person}", person=person(binder.owner))


def _shows_stages(binder: Binder) -> bool:
    return bool(binder.stages) and (is_launching(binder) or has_failed(binder))


def _paragraphs(binder: Binder, now: float) -> Iterator[Block]:
    """What there is to say beside the state: how far it is, why it waits or ended, notes of the build."""
    for text in (bar_line(binder, now), _why(binder), notes_of(binder)):
        if text:
            yield section(text)


def _small_print(binder: Binder, now: float) -> Iterator[Block]:
    """What it was made from, when it ends, how long that usually takes."""
    facts = [" · ".join(_origin(binder)), _times(binder, now), capital(expectation(binder, now))]
    yield context("\n".join(each for each in facts if each))


def _heard(binder: Binder, now: float) -> str:
    """All of it as one text, for those who hear it."""
    parts = [
        phrase(binder).after(name_of(binder)),
        _whose(binder),
        repository_text(binder),
        summary(binder, now),
        expectation(binder, now),
        _why(binder),
        _times(binder, now),
    ]
    return " · ".join(part for part in parts if part)


def _origin(binder: Binder) -> list[str]:
    commit = code((binder.commit or "")[:_SHORT_COMMIT])
    ref = code(binder.ref or "", 80)
    at = translated("{ref} at {commit}", ref=ref, commit=commit) if ref and commit else ref or commit
    size = translated("size {size}", size=code(binder.size, _MAX_SIZE))
    return [part for part in [repository_link(binder), at, size] if part]


def _why(binder: Binder) -> str:
    """Why the binder is waiting, or why it ended."""
    if binder.target == Target.GONE:
        return reason(binder)
    return why_waits(binder) or inline(binder.waiting_for or "", 1_500)


def _times(binder: Binder, now: float) -> str:
    """Until when it is there, or how it ended; empty while it is launched, which the bar tells."""
    if is_ready(binder):
        since, end = duration(elapsed(binder, now)), date(last_end(binder))
        return translated("Ready after {duration} · ends {end}", duration=since, end=end)
    if is_live(binder):
        begun, end = date(binder.status_since), date(binder.ends_at)
        since = translated("Since {begun} · kept until {end}", begun=begun, end=end)
        return since if binder.ready_at is not None else ""
    return f"{short_ending(binder, person(binder.ended_by))} · {_lasted(binder, now)}"


def _lasted(binder: Binder, now: float) -> str:
    ran_for = ran(binder, now)
    if ran_for is not None:
        return translated("ran for {duration}", duration=duration(ran_for))
    return translated("after {duration}", duration=duration(elapsed(binder, now)))
