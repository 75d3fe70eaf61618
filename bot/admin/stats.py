"""`binder-bot stats`: how long launches took, and in which stages they failed."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict

from bot.binders.distribution import Distribution
from bot.binders.launch_stats import LaunchStats
from bot.config import Settings
from bot.times.durations import DAY, about
from bot.wiring import open_store
from storage import launch_times

_NAME_WIDTH = 18
_COLUMNS = ("launches", "median", "9 in 10", "slowest")
_COLUMN_WIDTH = 14


def stats(settings: Settings, *, days: int) -> LaunchStats:
    """Summarize the launches of the last days.

    Raises:
        StoreError: There is no such database.
    """
    with closing(open_store(settings)) as store:
        store.migrate()
        with store.read() as session:
            return LaunchStats.of(launch_times.since(session, days * DAY))


def as_json(found: LaunchStats, days: int) -> str:
    """The summary for programs; times in seconds."""
    return json.dumps({"days": days} | asdict(found))


def as_text(found: LaunchStats, days: int) -> str:
    """The summary for people."""
    period = "the last day" if days == 1 else f"the last {days} days"
    if not (found.ready or found.failed):
        return f"No launch became ready or failed in {period}."
    said = f"Launches in {period}: {found.ready} became ready, {found.failed} failed."
    return "\n".join([said, *_tables(found)])


def _tables(found: LaunchStats) -> Iterator[str]:
    if found.total is not None:
        yield from _table("Until the links", {"all": found.total})
        yield from _table("By image", found.by_how)
        yield from _table("By instance", found.by_instance)
        yield from _table("By kind", found.by_kind)
        yield from _table("By stage", found.by_stage)
    if found.failed_in:
        yield _line("Failed in", ["launches"], before="\n")
        yield from (_line(f"  {stage}", [str(count)]) for stage, count in found.failed_in.items())


def _table(title: str, rows: Mapping[str, Distribution]) -> Iterator[str]:
    yield _line(title, _COLUMNS, before="\n")
    for name, each in rows.items():
        times = map(about, (each.median, each.p90, each.slowest))
        yield _line(f"  {name}", [str(each.count), *times])


def _line(name: str, cells: Iterable[str], before: str = "") -> str:
    return before + f"{name:<{_NAME_WIDTH}}" + "".join(f"{cell:>{_COLUMN_WIDTH}}" for cell in cells)
