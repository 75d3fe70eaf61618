"""How long launches took in all, by what they have in common. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from bot.binders.distribution import Distribution
from bot.binders.stages import STAGES
from storage.history_models import LaunchTime

UNKNOWN = "unknown"
"""What stands for a kind that no instance reported."""


@dataclass(frozen=True, slots=True)
class LaunchStats:
    """The launches of some time. All durations are seconds, without the wait for free capacity.

    Attributes:
        ready: How many became ready.
        failed: How many failed.
        total: How long those took that became ready; None where none did.
        by_how: The same by how they got their image: `built`, `pulled` or `kept`.
        by_instance: The same by their instance: `warm`, or `own` where it was made for them.
        by_kind: The same by what they were built with.
        by_stage: How long each stage took, in the order in which they come.
        failed_in: How many failed, by their stage.
    """

    ready: int
    failed: int
    total: Distribution | None
    by_how: Mapping[str, Distribution]
    by_instance: Mapping[str, Distribution]
    by_kind: Mapping[str, Distribution]
    by_stage: Mapping[str, Distribution]
    failed_in: Mapping[str, int]

    @classmethod
    def of(cls, launches: Iterable[LaunchTime]) -> Self:
        """Summarize launches that became ready or failed."""
        ended = list(launches)
        ready = [each for each in ended if each.failed_in is None]
        failed = Counter(each.failed_in for each in ended if each.failed_in is not None)
        return cls(
            ready=len(ready),
            failed=failed.total(),
            total=Distribution.of([each.seconds for each in ready]) if ready else None,
            by_how=_grouped(ready, lambda launch: launch.how),
            by_instance=_grouped(ready, lambda launch: "warm" if launch.is_warm else "own"),
            by_kind=_grouped(ready, lambda launch: launch.kind or UNKNOWN),
            by_stage=_by_stage(ready),
            failed_in=dict(failed.most_common()),
        )


def _grouped(launches: Sequence[LaunchTime], name_of: Callable[[LaunchTime], str]) -> dict[str, Distribution]:
    """The times of launches by a name, the most frequent one first."""
    times: dict[str, list[float]] = {}
    for each in launches:
        times.setdefault(name_of(each), []).append(each.seconds)
    ordered = sorted(times.items(), key=lambda group: (-len(group[1]), group[0]))
    return {name: Distribution.of(seconds) for name, seconds in ordered}


def _by_stage(launches: Sequence[LaunchTime]) -> dict[str, Distribution]:
    times = {name: [each.stages[name] for each in launches if name in each.stages] for name in STAGES}
    return {name: Distribution.of(seconds) for name, seconds in times.items() if seconds}
