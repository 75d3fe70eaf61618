"""The stages of a launch: when each began, and how long each took. Pure.

A row keeps when each stage was first seen. The next stage that begins ends it, so the times of all stages
together are the time of the launch. That also holds where an instance went through several between two looks.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from bot.provisioning.instances import Phase

CAPACITY = "capacity"
"""The wait for free capacity. It says nothing of how long the next launch takes."""
STAGES = ("repository", CAPACITY, "instance", "fetch", "pull", "build", "server")
"""All stages in their usual order."""

_OF_PHASE: Mapping[Phase, str] = {
    Phase.FETCHING: "fetch",
    Phase.PULLING: "pull",
    Phase.BUILDING: "build",
    Phase.STARTING: "server",
    Phase.SERVING: "server",
}


def begun_by(phase: Phase, stages: Mapping[str, Any]) -> str | None:
    """The stage that a reported phase begins; None where it has begun already, or the phase begins none."""
    stage = _OF_PHASE.get(phase)
    return None if stage in (stages or {}) else stage


def waiting(stages: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The stages of a launch that finds no room: what it waits for is no longer its instance."""
    rest = {name: at for name, at in (stages or {}).items() if name != "instance"}
    return rest | {CAPACITY: rest.get(CAPACITY, (stages or {}).get("instance", now))}


def anew(stages: Mapping[str, Any]) -> dict[str, Any]:
    """The stages of a launch whose instance is replaced: nothing inside the first one counts."""
    return {name: at for name, at in (stages or {}).items() if name in {"repository", CAPACITY, "instance"}}


def in_order(stages: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The stages that began, and when: the first one first."""
    begun = [(name, float(at)) for name, at in (stages or {}).items() if name in STAGES]
    return sorted(begun, key=lambda each: (each[1], STAGES.index(each[0])))


def current(stages: Mapping[str, Any]) -> str | None:
    """The stage that began last; None where none did."""
    begun = in_order(stages)
    return begun[-1][0] if begun else None


def seconds(stages: Mapping[str, Any], end: float) -> dict[str, float]:
    """How long each stage took, or has taken so far.

    Args:
        stages: When each began, in Unix seconds.
        end: When the launch ended, or now, in Unix seconds.
    """
    times = pairwise([*in_order(stages), ("", end)])
    return {name: max(until - since, 0.0) for (name, since), (_, until) in times}
