"""The state of a binder in words: one phrase, and its stages with their times. Pure.

Every pair of status and target has a phrase, including the impossible pairs: a row that should not exist must
still be shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.binders import stages as launch_stages
from bot.binders.expectations import BUILT, Expectation
from bot.sentences import Sentence
from bot.times.durations import duration
from handlers.messages.language import translated
from handlers.messages.mrkdwn import code, inline
from storage.models import Binder
from storage.vocabulary import Ending, Reason, Status, Target


@dataclass(frozen=True, slots=True)
class Phrase:
    """The state of a binder, as the end of a sentence that begins with its name."""

    emoji: str
    words: Sentence

    def after(self, name: str) -> str:
        """The whole sentence, without its end, in the language of its reader."""
        return translated("{name} {state}", name=name, state=self.words)

    def of_it(self) -> str:
        """A sentence about a binder that was named before."""
        return translated("It {state}.", state=self.words)


_LEAVING = Phrase(":broom:", Sentence("is being torn down"))
_SHELVING = Phrase(":package:", Sentence("is being shelved"))
_GONE = Phrase(":white_circle:", Sentence("is gone"))

PHRASES: Mapping[tuple[Status, Target], Phrase] = {
    (Status.REQUESTED, Target.READY): Phrase(":mag:", Sentence("is checking its repository")),
    (Status.CREATING, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is getting an instance")),
    (Status.BOOTING, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is starting up")),
    (Status.BUILDING, Target.READY): Phrase(":hammer_and_wrench:", Sentence("is being built")),
    (Status.READY, Target.READY): Phrase(":large_green_circle:", Sentence("is ready")),
    (Status.SHELVING, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is being resumed")),
    (Status.SHELVED, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is being resumed")),
    (Status.UNSHELVING, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is being resumed")),
    (Status.WAITING, Target.READY): Phrase(":fire:", Sentence("is ready for a launch")),
    (Status.WAITING, Target.GONE): _LEAVING,
    (Status.DELETING, Target.READY): Phrase(
        ":hourglass_flowing_sand:", Sentence("is getting another instance")
    ),
    (Status.GONE, Target.READY): _GONE,
    **dict.fromkeys(((status, Target.SHELVED) for status in Status), _SHELVING),
    (Status.DELETING, Target.SHELVED): _LEAVING,
    (Status.GONE, Target.SHELVED): _GONE,
    (Status.SHELVED, Target.SHELVED): Phrase(":package:", Sentence("is shelved")),
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

_WAITING = Phrase(":vertical_traffic_light:", Sentence("is waiting for free capacity"))
_PLACED = Phrase(":hourglass_flowing_sand:", Sentence("is getting an instance"))
_FAILED = Phrase(":x:", Sentence("could not be launched"))
_INSIDE: Mapping[str, Phrase] = {
    "fetch": Phrase(":inbox_tray:", Sentence("is fetching its files")),
    "pull": Phrase(":inbox_tray:", Sentence("is fetching its image")),
    "server": Phrase(":hourglass_flowing_sand:", Sentence("is starting its server")),
}
"""What goes on inside an instance, by its stage, where it is not being built."""

STAGES: Mapping[str, str] = {
    "repository": Sentence("Repository checked"),
    launch_stages.CAPACITY: Sentence("Free capacity"),
    "instance": Sentence("Instance"),
    "fetch": Sentence("Files"),
    "pull": Sentence("Image"),
    "build": Sentence("Build"),
    "server": Sentence("Server"),
}
"""The stages that people see, in their usual order, with their labels."""
_COMING = ("instance", "build", "server")
"""The stages that are shown before they begin. The others do not come in every launch."""
_WITH_FRACTION = frozenset({"pull", "build"})

_MARKS = {"done": "✓", "running": "⏳", "failed": "✗", "pending": "○"}
_BAR_CELLS = 10


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, its state, and the seconds that it has run; None before it began."""

    name: str
    state: Literal["done", "running", "failed", "pending"]
    seconds: float | None


def phrase(binder: Binder) -> Phrase:
    """The phrase for a binder's current state."""
    if binder.ending == Ending.FAILED:
        return _FAILED
    if binder.status == Status.REQUESTED and binder.target == Target.READY and binder.resolved_at is not None:
        return _WAITING if binder.waiting_for else _PLACED
    if binder.status == Status.BUILDING and binder.target == Target.READY:
        return _INSIDE.get(launch_stages.current(binder.stages) or "", PHRASES[binder.status, binder.target])
    return PHRASES[binder.status, binder.target]


def is_live(binder: Binder) -> bool:
    """Whether a binder is running, shelved, or on its way there: see `Binder.is_live`."""
    return binder.is_live


def is_shelved(binder: Binder) -> bool:
    """Whether a binder is shelved, or about to be."""
    return binder.target == Target.SHELVED and binder.status != Status.GONE


def is_ready(binder: Binder) -> bool:
    """Whether a binder's interfaces can be opened."""
    return binder.target == Target.READY and binder.status == Status.READY


def elapsed(binder: Binder, now: float) -> float:
    """Seconds from the request until the binder was ready, or ended, or `now`."""
    return max((binder.ready_at or binder.ended_at or now) - binder.created_at, 0.0)


def ran(binder: Binder, now: float) -> float | None:
    """Seconds that its server ran; None if it never became ready."""
    return None if binder.ready_at is None else max((binder.ended_at or now) - binder.ready_at, 0.0)


def stages(binder: Binder, now: float) -> list[Stage]:
    """The stages that began, with their times, then those that should still begin."""
    end = binder.ready_at or binder.ended_at or now
    seconds = launch_stages.seconds(binder.stages, end)
    begun = [Stage(name, _state(binder, name), taken) for name, taken in seconds.items()]
    return [*begun, *(Stage(name, "pending", None) for name in _to_come(binder))]


def _to_come(binder: Binder) -> Iterator[str]:
    """The stages that should still begin. None does once a launch is over."""
    if not is_live(binder) or binder.ready_at is not None:
        return
    current = launch_stages.current(binder.stages)
    order = launch_stages.STAGES
    for name in _COMING:
        is_later = current is None or order.index(name) > order.index(current)
        if is_later and not (name == "build" and _finds_image(binder, current)):
            yield name


def _finds_image(binder: Binder, current: str | None) -> bool:
    """Whether the launch gets an image that was built before, as far as is known."""
    expected = Expectation.of(binder)
    return current == "pull" or (expected is not None and expected.how != BUILT)


def _state(binder: Binder, name: str) -> Literal["done", "running", "failed"]:
    if name != launch_stages.current(binder.stages) or binder.ready_at is not None:
        return "done"
    return "running" if binder.target != Target.GONE else "failed"


def stage_lines(binder: Binder, now: float) -> Iterator[str]:
    """The stages as lines of markup."""
    for stage in stages(binder, now):
        yield _line(binder, stage)
        if stage.state == "running" and (last := code(binder.line or "", 150)):
            yield f"      {last}"


def _line(binder: Binder, stage: Stage) -> str:
    name = translated(STAGES[stage.name])
    parts = [f"*{name}*" if stage.state == "running" else name]
    if stage.name in _WITH_FRACTION and stage.state == "running" and binder.fraction is not None:
        parts.append(bar(binder.fraction))
    if stage.seconds is not None:
        parts.append(duration(stage.seconds))
    return f"{_MARKS[stage.state]}  " + " · ".join(parts)


def bar(fraction: float) -> str:
    """A progress bar drawn in text, with its percentage."""
    share = min(max(fraction, 0.0), 1.0)
    full = int(share * _BAR_CELLS)
    return f"{'▰' * full}{'▱' * (_BAR_CELLS - full)} {int(share * 100)}%"


def summary(binder: Binder, now: float) -> str:
    """The progress in words, for screen readers: `Build 40%, 42 s so far`."""
    if not is_live(binder) or binder.ready_at is not None:
        return ""
    running = next((stage.name for stage in stages(binder, now) if stage.state == "running"), None)
    done = f" {int(min(max(binder.fraction, 0), 1) * 100)}%" if binder.fraction is not None else ""
    step = f"{translated(STAGES[running])}{done if running in _WITH_FRACTION else ''}, " if running else ""
    return step + translated("{duration} so far", duration=duration(now - binder.created_at))


_EXPIRED = {
    Reason.IDLE: Sentence("nobody used it"),
    Reason.LIFETIME: Sentence("its lifetime was over"),
    Reason.MAXIMUM: Sentence("it reached the longest lifetime that this site allows"),
    Reason.BUDGET: Sentence("it reached the cost limit for one binder"),
}
"""The deadline that ended a binder, as the end of a sentence."""
_ENDED = {
    Ending.FAILED: Sentence("could not be launched"),
    Ending.LOST: Sentence("was lost"),
    None: Sentence("is gone"),
}
_ENDED_IN_SHORT = {
    Ending.FAILED: Sentence("Failed"),
    Ending.LOST: Sentence("Lost"),
    None: Sentence("Gone"),
}


def capital(words: str) -> str:
    """Words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def ending(binder: Binder, person: str) -> str:
    """What or who ended a binder, as the end of a sentence; `person` is who, as markup."""
    if binder.ending == Ending.STOPPED:
        return translated("was torn down by {person}", person=person)
    if binder.ending == Ending.EXPIRED:
        return translated("ended because {reason}", reason=_EXPIRED[binder.ended_for or Reason.LIFETIME])
    return translated(_ENDED[binder.ending])


def short_ending(binder: Binder, person: str) -> str:
    """The same as `ending`, as a sentence of its own."""
    if binder.ending == Ending.STOPPED:
        return translated("Torn down by {person}", person=person)
    if binder.ending == Ending.EXPIRED:
        return capital(translated(_EXPIRED[binder.ended_for or Reason.LIFETIME]))
    return translated(_ENDED_IN_SHORT[binder.ending])


def reason(binder: Binder) -> str:
    """Why a binder failed or was lost, as escaped markup; empty if there is no reason."""
    return inline(binder.failure or "", 1_500)
