"""What the binders of a period cost, by person, channel and repository. Pure; `cost` alone says how much."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.binders.cost import cost, ran_seconds
from bot.sentences import Sentence
from storage.models import Binder

DIRECT = Sentence("direct message")
"""Stands for all channels that only one person reads."""


@dataclass(frozen=True, slots=True)
class Period:
    """A month: when it began, and when it ended (or now), in Unix seconds UTC; and its name, `2026-11`."""

    name: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Expense:
    """What one person, channel or repository used.

    Attributes:
        name: Which.
        binders: How many binders ran.
        seconds: For how long, all together.
        spent: What they cost, in the site's unit.
    """

    name: str
    binders: int
    seconds: float
    spent: float


def month(now: float, zone: tzinfo, *, back: int = 0) -> Period:
    """The month of a moment by the clock of a zone, or so many months before it."""
    here = datetime.fromtimestamp(now, zone)
    begin = _months_before(here, back)
    end = _months_before(here, back - 1) if back else here
    return Period(begin.strftime("%Y-%m"), begin.timestamp(), end.timestamp())


def _months_before(moment: datetime, count: int) -> datetime:
    months = moment.year * 12 + moment.month - 1 - count
    year, before = divmod(months, 12)
    return moment.replace(year=year, month=before + 1, day=1, hour=0, minute=0, second=0, microsecond=0)


def person_of(binder: Binder) -> str:
    """Whose a binder is."""
    return binder.owner


def channel_of(binder: Binder) -> str:
    """Where a binder was asked for."""
    channel = binder.thread_channel or binder.channel
    return channel if channel.startswith(("C", "G")) else DIRECT


def repository_of(binder: Binder) -> str:
    """From what a binder was launched."""
    return binder.url


def expenses(binders: Iterable[Binder], period: Period, name: Callable[[Binder], str]) -> list[Expense]:
    """What was used in a period by each that `name` names, the most expensive first."""
    grouped: defaultdict[str, list[Binder]] = defaultdict(list)
    for each in used(binders, period):
        grouped[name(each)].append(each)
    found = [_expense(which, of_it, period) for which, of_it in grouped.items()]
    return sorted(found, key=lambda each: (-each.spent, -each.seconds, each.name))


def used(binders: Iterable[Binder], period: Period) -> list[Binder]:
    """Those that ran in a period."""
    return [each for each in binders if ran_seconds(each, period.until, period.since) > 0]


def _expense(name: str, binders: Sequence[Binder], period: Period) -> Expense:
    return Expense(
        name,
        len(binders),
        sum(ran_seconds(each, period.until, period.since) for each in binders),
        sum(cost(each, period.until, period.since) for each in binders),
    )


def as_csv(binders: Iterable[Binder], period: Period) -> str:
    """A row for each person, channel, repository and size that used something in a period."""
    lines = expenses(binders, period, lambda each: "\0".join(_row_of(each)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["month", "person", "channel", "repository", "size", "binders", "hours", "cost"])
    for each in lines:
        numbers = (each.binders, f"{each.seconds / 3600:.2f}", f"{each.spent:.2f}")
        writer.writerow([period.name, *map(_harmless, each.name.split("\0")), *numbers])
    return text.getvalue()


def _row_of(binder: Binder) -> tuple[str, ...]:
    return person_of(binder), channel_of(binder), repository_of(binder), binder.size


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
