"""How far a binder is, in words: its phrase, its stages with their times. Pure.

Every pair of status and target has its phrase, the impossible ones too: a row that should not exist must not
take its message down with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from bot.times.durations import duration
from handlers.messages.mrkdwn import code, inline
from storage.models import Binder, Ending, Reason, Status, Target


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a binder is, as the end of a sentence that begins with its name."""

    emoji: str
    words: str


_LEAVING = Phrase(":broom:", "is being torn down")
_PUT_AWAY_SOON = Phrase(":package:", "is being put away")
_GONE = Phrase(":white_circle:", "is gone")

PHRASES: Mapping[tuple[Status, Target], Phrase] = {
    (Status.REQUESTED, Target.READY): Phrase(":mag:", "is being looked up"),
    (Status.CREATING, Target.READY): Phrase(":hourglass_flowing_sand:", "gets its instance"),
    (Status.BOOTING, Target.READY): Phrase(":hourglass_flowing_sand:", "is starting up"),
    (Status.BUILDING, Target.READY): Phrase(":hammer_and_wrench:", "is being built"),
    (Status.READY, Target.READY): Phrase(":large_green_circle:", "is ready"),
    (Status.SHELVING, Target.READY): Phrase(":hourglass_flowing_sand:", "is on its way back"),
    (Status.SHELVED, Target.READY): Phrase(":hourglass_flowing_sand:", "is on its way back"),
    (Status.UNSHELVING, Target.READY): Phrase(":hourglass_flowing_sand:", "is on its way back"),
    (Status.DELETING, Target.READY): Phrase(":hourglass_flowing_sand:", "gets another instance"),
    (Status.GONE, Target.READY): _GONE,
    **dict.fromkeys(((status, Target.SHELVED) for status in Status), _PUT_AWAY_SOON),
    (Status.DELETING, Target.SHELVED): _LEAVING,
    (Status.GONE, Target.SHELVED): _GONE,
    (Status.SHELVED, Target.SHELVED): Phrase(":package:", "is put away"),
    (Status.SHELVING, Target.GONE): _LEAVING,
    (Status.SHELVED, Target.GONE): _LEAVING,
    (Status.UNSHELVING, Target.GONE): _LEAVING,
    (Status.REQUESTED, Target.GONE): _LEAVING,
    (Status.CREATING, Target.GONE): _LEAVING,
    (Status.BOOTING, Target.GONE): _LEAVING,
    (Status.BUILDING, Target.GONE): _LEAVING,
    (Status.READY, Target.GONE): _LEAVING,
    (Status.DELETING, Target.GONE): _LEAVING,
    (Status.GONE, Target.GONE): _GONE,
}

_WAITING = Phrase(":vertical_traffic_light:", "waits for room")
_PLACED = Phrase(":hourglass_flowing_sand:", "gets its instance")
_FAILED = Phrase(":x:", "could not be launched")

STAGES: Mapping[str, str] = {
    "repository": "Repository checked",
    "instance": "Instance",
    "build": "Build",
    "server": "Server",
}
"""The stages that people see, in order, and what they are called."""

_MARKS = {"done": "✓", "running": "⏳", "failed": "✗", "pending": "○"}
_BAR_CELLS = 10


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: how it stands, and for how many seconds it has run; None before it began."""

    name: str
    state: Literal["done", "running", "failed", "pending"]
    seconds: float | None


def phrase(binder: Binder) -> Phrase:
    """What a binder is, now."""
    if binder.ending == Ending.FAILED:
        return _FAILED
    if binder.status == Status.REQUESTED and binder.target == Target.READY and binder.resolved_at is not None:
        return _WAITING if binder.waiting_for else _PLACED
    return PHRASES[binder.status, binder.target]


def is_live(binder: Binder) -> bool:
    """Whether a binder is there, or on its way: see `Binder.is_live`."""
    return binder.is_live


def is_shelved(binder: Binder) -> bool:
    """Whether a binder is put away, or on its way there."""
    return binder.target == Target.SHELVED and binder.status != Status.GONE


def is_ready(binder: Binder) -> bool:
    """Whether a binder's interfaces can be opened."""
    return binder.target == Target.READY and binder.status == Status.READY


def elapsed(binder: Binder, now: float) -> float:
    """Seconds from the request until it was ready, or ended, or `now`."""
    return max((binder.ready_at or binder.ended_at or now) - binder.created_at, 0.0)


def ran(binder: Binder, now: float) -> float | None:
    """Seconds for which its server ran; None where it never became ready."""
    return None if binder.ready_at is None else max((binder.ended_at or now) - binder.ready_at, 0.0)


def stages(binder: Binder, now: float) -> list[Stage]:
    """All stages with their times, the pending ones too."""
    begun = [(name, binder.stages[name]) for name in STAGES if name in (binder.stages or {})]
    end = binder.ready_at or binder.ended_at or now
    times = pairwise([*begun, ("", end)])
    seconds = {name: max(until - since, 0.0) for (name, since), (_, until) in times}
    current = begun[-1][0] if begun else None
    return [Stage(name, _state(binder, name, seconds, current), seconds.get(name)) for name in STAGES]


def _state(
    binder: Binder, name: str, seconds: Mapping[str, float], current: str | None
) -> Literal["done", "running", "failed", "pending"]:
    if name not in seconds:
        return "pending"
    if name != current or binder.ready_at is not None:
        return "done"
    return "running" if binder.target != Target.GONE else "failed"


def stage_lines(binder: Binder, now: float) -> Iterator[str]:
    """The stages as lines of markup."""
    for stage in stages(binder, now):
        if stage.state == "pending" and not is_live(binder):
            continue  # it will never come
        yield _line(binder, stage)
        if stage.state == "running" and (last := code(binder.line or "", 150)):
            yield f"      {last}"


def _line(binder: Binder, stage: Stage) -> str:
    name = STAGES[stage.name]
    parts = [f"*{name}*" if stage.state == "running" else name]
    if stage.name == "build" and stage.state == "running" and binder.fraction is not None:
        parts.append(bar(binder.fraction))
    if stage.seconds is not None:
        parts.append(duration(stage.seconds))
    return f"{_MARKS[stage.state]}  " + " · ".join(parts)


def bar(fraction: float) -> str:
    """A bar drawn in text, with its per cent."""
    share = min(max(fraction, 0.0), 1.0)
    full = int(share * _BAR_CELLS)
    return f"{'▰' * full}{'▱' * (_BAR_CELLS - full)} {int(share * 100)} %"


def summary(binder: Binder, now: float) -> str:
    """Where it stands, in words for those who hear the message read: `Build 40 %, 42 s so far`."""
    if not is_live(binder) or binder.ready_at is not None:
        return ""
    running = next((stage.name for stage in stages(binder, now) if stage.state == "running"), None)
    build = f" {int(min(max(binder.fraction, 0), 1) * 100)} %" if binder.fraction is not None else ""
    step = f"{STAGES[running]}{build if running == 'build' else ''}, " if running else ""
    return f"{step}{duration(now - binder.created_at)} so far"


_EXPIRED = {
    Reason.IDLE: "nobody used it",
    Reason.LIFETIME: "its time was over",
    Reason.MAXIMUM: "it had lived as long as this site allows",
    Reason.BUDGET: "it had cost what one binder may cost here",
}
"""Which deadline ended it, as the end of a sentence."""


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def ending(binder: Binder, person: str) -> str:
    """What or who ended it, as the end of a sentence; `person` is who, as markup."""
    words = {
        Ending.STOPPED: f"was torn down by {person}",
        Ending.FAILED: "could not be launched",
        Ending.LOST: "was lost",
        Ending.EXPIRED: f"has ended: {_EXPIRED[binder.ended_for or Reason.LIFETIME]}",
    }
    return words[binder.ending] if binder.ending else "is gone"


def short_ending(binder: Binder, person: str) -> str:
    """As `ending`, in small print."""
    words = {
        Ending.STOPPED: f"Torn down by {person}",
        Ending.FAILED: "Failed",
        Ending.LOST: "Lost",
        Ending.EXPIRED: _capital(_EXPIRED[binder.ended_for or Reason.LIFETIME]),
    }
    return words[binder.ending] if binder.ending else "Gone"


def reason(binder: Binder) -> str:
    """Why it failed or was lost, as escaped markup; empty where there is nothing to say."""
    return inline(binder.failure or "", 1_500)
