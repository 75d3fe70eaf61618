"""How far a launch is: its stages, one bar for all of it, and the same in words. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.binders import stages as launch_stages
from bot.binders.expectations import BUILT, Expectation
from bot.sentences import Sentence
from bot.text import shorten, visible
from bot.times.durations import duration
from handlers.messages.language import translated
from handlers.messages.status_text import is_live
from storage.models import Binder
from storage.vocabulary import Target

STAGES: Mapping[str, Sentence] = {
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
_USUAL_SECONDS: Mapping[str, float] = {
    "repository": 1,
    launch_stages.CAPACITY: 0,
    "instance": 30,
    "fetch": 5,
    "pull": 30,
    "build": 120,
    "server": 10,
}
"""How the bar is divided where nothing is known of earlier launches."""
_MOST = 0.95
"""Of the bar before a launch is ready, and of one stage that has not told that it is over."""

State = Literal["done", "running", "failed", "pending"]
_MARKS: Mapping[State, str] = {"done": "✓", "running": "⏳", "failed": "✗", "pending": "○"}
_BAR_CELLS = 10
_MOST_OUTPUT = 150


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, its state, the seconds that it has run, and how much of it is done; None where unknown."""

    name: str
    state: State
    seconds: float | None = None
    fraction: float | None = None

    @property
    def label(self) -> str:
        """Its label, with how much of it is done: `Build 40%`."""
        return translated(STAGES[self.name]) + (
            "" if self.fraction is None else f" {int(self.fraction * 100)}%"
        )

    @property
    def text(self) -> str:
        """Its label with its time: `Build 40%, 3 min`."""
        if self.seconds is None:
            return self.label
        return f"{self.label}{' ' if self.fraction is None else ', '}{duration(self.seconds)}"


def stages(binder: Binder, now: float) -> list[Stage]:
    """The stages that began, with their times, then those that should still begin."""
    end = binder.ready_at or binder.ended_at or now
    seconds = launch_stages.seconds(binder.stages, end)
    begun = [
        Stage(name, state, taken, _fraction(binder, name, state))
        for name, taken in seconds.items()
        for state in [_state(binder, name)]
    ]
    return [*begun, *(Stage(name, "pending") for name in _to_come(binder))]


def _fraction(binder: Binder, name: str, state: State) -> float | None:
    if state != "running" or name not in _WITH_FRACTION or binder.fraction is None:
        return None
    return min(max(binder.fraction, 0.0), 1.0)


def _to_come(binder: Binder) -> Iterator[str]:
    """The stages that should still begin. None does once a launch is over."""
    if not is_launching(binder):
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


def _state(binder: Binder, name: str) -> State:
    if name != launch_stages.current(binder.stages) or binder.ready_at is not None:
        return "done"
    return "running" if binder.target != Target.GONE else "failed"


def is_launching(binder: Binder) -> bool:
    """Whether a binder is on its way to its first links, and has begun."""
    return is_live(binder) and binder.ready_at is None and binder.waits_for is None


def progress(binder: Binder, now: float) -> float:
    """The done part of a launch, 0 to 1: an estimate, by the usual times of its stages."""
    expected = Expectation.of(binder)
    usual = {**_USUAL_SECONDS, **(expected.stages if expected else {})}
    shown = stages(binder, now)
    whole = sum(usual[each.name] for each in shown)
    done = sum(usual[each.name] * _done_part(each, usual[each.name]) for each in shown)
    return min(done / whole, _MOST) if whole else 0.0


def _done_part(stage: Stage, usual: float) -> float:
    if stage.state != "running":
        return float(stage.state == "done")
    if stage.fraction is not None:
        return min(stage.fraction, _MOST)
    return min((stage.seconds or 0.0) / usual, _MOST) if usual else 0.0


def bar(fraction: float) -> str:
    """A progress bar drawn in text, with its percentage."""
    share = min(max(fraction, 0.0), 1.0)
    full = int(share * _BAR_CELLS)
    return f"{'▰' * full}{'▱' * (_BAR_CELLS - full)} {int(share * 100)}%"


def bar_line(binder: Binder, now: float) -> str:
    """The bar, and how long it has taken; empty where no launch is under way."""
    if not is_launching(binder):
        return ""
    return f"{bar(progress(binder, now))} · {_so_far(binder, now)}"


def _so_far(binder: Binder, now: float) -> str:
    return translated("{duration} so far", duration=duration(now - binder.created_at))


def stage_line(binder: Binder, now: float) -> str:
    """The stages in one line of markup."""
    return " · ".join(_marked(each) for each in stages(binder, now))


def _marked(stage: Stage) -> str:
    """A stage with its mark. Bold and times say the same in another way, except where it failed."""
    told = {"running": f"*{stage.text}*", "failed": translated("{stage} (failed)", stage=stage.text)}
    return f"{_MARKS[stage.state]} {told.get(stage.state, stage.text)}"


def output_line(binder: Binder) -> str:
    """What a launch under way printed last, as plain text; empty where there is nothing."""
    return shorten(visible(binder.line or ""), _MOST_OUTPUT) if is_launching(binder) else ""


def summary(binder: Binder, now: float) -> str:
    """The progress in words, for screen readers: `Build 40%, 42 s so far`."""
    if not is_launching(binder):
        return ""
    running = next((stage.label for stage in stages(binder, now) if stage.state == "running"), "")
    so_far = _so_far(binder, now)
    return f"{running}, {so_far}" if running else so_far
