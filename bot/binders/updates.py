"""What one step writes down: changed columns, what Slack is owed, and when to look again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.binders.deadlines import DueNotice
from bot.binders.timeouts import Timeouts
from bot.errors import BinderBotError
from bot.provisioning.instances import Instance
from storage.models import Binder
from storage.vocabulary import Ending, MessageKind, Outcome, Status, Target

BACKOFF_SECONDS = (2.0, 5.0, 15.0, 30.0, 60.0)
"""How long to wait after the first, second, … failed try of a step; the last one for all further tries.

A table and not a library: the retries of a step are a column of its row, so that they outlive the process.
"""


@dataclass(frozen=True, slots=True)
class Update:
    """What is written in one transaction.

    Attributes:
        changes: Column values.
        next_in: Seconds until the next look.
        says: What the thread is owed.
        card: Whether the status message changes; None for not at all, False for the slow heartbeat.
        facts: What the words need beyond the row.
        warns: A notice that is due.
        settles: What became of open notices.
        settled: The ids of those; None for all that are open.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    next_in: float = 0.0
    says: tuple[MessageKind, ...] = ()
    card: bool | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    warns: DueNotice | None = None
    settles: Outcome | None = None
    settled: tuple[int, ...] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing changes but the time of the next look."""
        return self == Update(next_in=self.next_in)


def backoff(retries: int) -> float:
    """Seconds to wait after that many failed tries of one step."""
    return BACKOFF_SECONDS[min(max(retries, 1), len(BACKOFF_SECONDS)) - 1]


def enter(
    binder: Binder, status: Status, now: float, *, stage: str | None = None, **changes: Any
) -> dict[str, Any]:
    """Collect the changes of entering a status, and of beginning the stage that people see."""
    stages = dict(binder.stages or {})
    if stage is not None:
        stages.setdefault(stage, now)
    if binder.status == Status.SHELVED:
        changes = {"shelved_seconds": binder.shelved_seconds + seconds_shelved(binder, now)} | changes
    return {
        "status": status,
        "status_since": now,
        "stages": stages,
        "retries": 0,
        "missing_since": None,
    } | changes


def seconds_shelved(binder: Binder, now: float) -> float:
    """For how long a shelved binder has been so, until it began to end."""
    return max((binder.ended_at or now) - binder.status_since, 0.0)


def fail(now: float, sentence: str, *, ending: Ending = Ending.FAILED, **changes: Any) -> Update:
    """End a binder for a reason that its owner must read; `changes` may hold a `hint` and a `log`."""
    changes = {"hint": None} | {name: value for name, value in changes.items() if value != ""}
    says = (MessageKind.FAILED,) if ending == Ending.FAILED else ()
    return end(now, ending, says=says, failure=sentence, waiting_for=None, **changes)


def end(now: float, ending: Ending, *, says: tuple[MessageKind, ...] = (), **changes: Any) -> Update:
    """Make `gone` the target; teardown begins with the next look."""
    whole = {
        "target": Target.GONE,
        "ending": ending,
        "ended_by": None,
        "ended_at": now,
        "retries": 0,
    } | changes
    return Update(whole, says=says, card=True, settles=Outcome.OVER)


def try_again(binder: Binder) -> Update:
    """Try the same step again after a while, which grows with each failed try."""
    retries = binder.retries + 1
    return Update({"retries": retries}, next_in=backoff(retries))


def give_up(now: float, error: BinderBotError, **changes: Any) -> Update:
    """End a binder with the sentence and the hint of an error."""
    return fail(now, error.sentence, hint=error.hint, **changes)


def missing(
    binder: Binder, now: float, timeouts: Timeouts, sentence: str, ending: Ending = Ending.FAILED
) -> Update:
    """Fail for an absence only when it is seen for the second time, a while after the first."""
    if binder.missing_since is None:
        return Update({"missing_since": now}, next_in=timeouts.missing)
    if now - binder.missing_since < timeouts.missing:
        return Update(next_in=timeouts.poll)
    return fail(now, sentence, ending=ending)


def fault(instance: Instance) -> str:
    """Why an instance is broken, as a sentence."""
    return f"The cloud could not run the instance: {instance.fault.rstrip('.') or 'it gave no reason'}."
