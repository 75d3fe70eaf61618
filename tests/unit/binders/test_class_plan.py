"""What happens to a class next, by table."""

from typing import Any

import pytest

from bot.binders.class_plan import (
    FIRST_AHEAD_SECONDS,
    IMAGE_PATIENCE_SECONDS,
    LAUNCHES_AT_ONCE,
    OTHERS_AHEAD_SECONDS,
    ClassPolicy,
    ClassState,
    ClassStep,
    plan,
)
from storage.class_models import ClassPhase, SchoolClass
from storage.models import Binder
from storage.seats import SeatCounts
from storage.vocabulary import Ending, ImageState, Status, Target
from tests.unit.binders.rows import NOW, binder
from tests.unit.handlers.messages.class_cases import a_class

SHARES = ClassPolicy(shares_build=True, can_wait=True)
ALONE = ClassPolicy()
SOON, LATER = NOW + 60, NOW + 86_400


def school_class(phase: ClassPhase, **changes: Any) -> SchoolClass:
    values: dict[str, Any] = {"begins_at": NOW, "ends_at": NOW + 3600, "resolved_at": NOW, "paced_at": 0.0}
    return a_class(**(values | {"phase": phase} | changes))


def state(**changes: Any) -> ClassState:
    values: dict[str, Any] = {"counts": SeatCounts(made=30), "lacking": 30}
    return ClassState(NOW, **(values | changes))


def first(status: Status = Status.BUILDING, **changes: Any) -> Binder:
    values: dict[str, Any] = {"resolved_at": NOW - 60, "ready_at": None, "has_image": False, "stages": {}}
    return binder(status=status, **(values | changes))


def failed(**changes: Any) -> Binder:
    return first(target=Target.GONE, ending=Ending.FAILED, failure="It broke.", **changes)


def test_a_planned_class_waits_until_its_first_seat_has_time_enough_to_build() -> None:
    planned = school_class(ClassPhase.PLANNED, begins_at=LATER, ends_at=LATER + 60)
    assert plan(planned, state(), SHARES) == ClassStep()
    planned.begins_at = NOW + FIRST_AHEAD_SECONDS
    assert plan(planned, state(), SHARES).changes == {"phase": ClassPhase.FIRST}


def test_the_first_seat_is_launched_alone() -> None:
    step = plan(school_class(ClassPhase.FIRST), state(), SHARES)
    assert (step.launches, step.gives) == (1, ())


OPENS: dict[str, tuple[bool, ClassPolicy, dict[str, Any], Binder]] = {
    "its commit is not known": (False, ALONE, {}, first(Status.REQUESTED, resolved_at=None)),
    "each builds on its own": (True, ALONE, {}, first(Status.REQUESTED)),
    "it builds": (False, SHARES, {}, first()),
    "it was told of an image": (True, SHARES, {}, first(Status.CREATING, has_image=True)),
    "its image is being pushed": (
        False,
        SHARES,
        {"image": ImageState.PUSHING},
        first(Status.READY, ready_at=NOW - 60),
    ),
    "its image takes too long": (
        True,
        SHARES,
        {"image": ImageState.PUSHING},
        first(Status.READY, ready_at=NOW - IMAGE_PATIENCE_SECONDS - 1),
    ),
    "its image is kept": (True, SHARES, {"image": ImageState.KEPT}, first(Status.READY, ready_at=NOW - 60)),
    "its image was dropped": (
        True,
        SHARES,
        {"image": ImageState.DROPPED},
        first(Status.READY, ready_at=NOW),
    ),
    "its machine keeps the image": (True, SHARES, {}, first(Status.READY, ready_at=NOW)),
    "whoever had it tore it down": (
        True,
        SHARES,
        {},
        first(target=Target.GONE, ending=Ending.STOPPED),
    ),
}


@pytest.mark.parametrize(("opens", "policy", "more", "row"), OPENS.values(), ids=OPENS)
def test_the_others_wait_for_what_the_first_one_finds_out(
    opens: bool,  # noqa: FBT001
    policy: ClassPolicy,
    more: dict[str, Any],
    row: Binder,
) -> None:
    step = plan(school_class(ClassPhase.FIRST), state(first=row, first_launches=1, **more), policy)
    assert (step.changes.get("phase") == ClassPhase.OPEN) == opens
    assert step.launches == 0


def test_the_others_are_not_launched_long_before_people_come() -> None:
    early = school_class(ClassPhase.FIRST, begins_at=NOW + OTHERS_AHEAD_SECONDS + 1)
    known = state(first=first(has_image=True), first_launches=1)
    assert "phase" not in plan(early, known, SHARES).changes
    early.begins_at -= 1
    assert plan(early, known, SHARES).changes["phase"] == ClassPhase.OPEN


def test_instances_for_the_others_boot_while_the_first_one_builds_once() -> None:
    found, known = school_class(ClassPhase.FIRST), state(first=first(), first_launches=1, lacking=29)
    assert plan(found, known, SHARES).warms == 29
    assert plan(found, known, ClassPolicy(shares_build=True)).warms == 0
    found.warm_request = 7
    assert plan(found, known, SHARES).warms == 0
    done = plan(school_class(ClassPhase.OPEN, warm_request=7), state(lacking=0), SHARES)
    assert done.cools


def test_all_get_the_commit_of_the_first() -> None:
    found = school_class(ClassPhase.FIRST, resolved_at=None)
    resolved = first(commit="abc", ref="main", needs_right=True)
    step = plan(found, state(first=resolved, first_launches=1), SHARES)
    assert (step.changes["commit"], step.changes["ref"], step.changes["needs_right"]) == ("abc", "main", True)


@pytest.mark.parametrize(
    ("row", "launches", "again"),
    [
        (failed(), 1, True),
        (failed(), 2, False),
        (failed(stages={"build": NOW}), 1, False),
    ],
    ids=["a cloud's fault", "again", "a build that failed"],
)
def test_a_class_whose_first_seat_fails_is_not_started_thirty_times(
    row: Binder,
    launches: int,
    again: bool,  # noqa: FBT001
) -> None:
    step = plan(school_class(ClassPhase.FIRST), state(first=row, first_launches=launches), SHARES)
    assert step.launches == (1 if again else 0)
    if not again:
        assert step.changes["phase"] == ClassPhase.ENDING
        assert (step.changes["failure"], step.tells, step.ends_unused) == ("It broke.", "failed", True)


def test_where_each_seat_builds_a_first_build_that_fails_ends_the_class_while_nothing_is_ready() -> None:
    row, found = failed(stages={"build": NOW}), school_class(ClassPhase.OPEN)
    step = plan(found, state(first=row), ALONE)
    assert (step.changes["phase"], step.launches) == (ClassPhase.ENDING, 0)
    one_ready = state(first=row, counts=SeatCounts(made=30, ready=1, live=9))
    assert plan(found, one_ready, ALONE).launches > 0


def test_seats_are_launched_at_a_steady_pace() -> None:
    found = school_class(ClassPhase.OPEN)
    clock, launched, moments = NOW, 0, []
    while launched < 30:
        step = plan(found, ClassState(clock, SeatCounts(made=30), lacking=30 - launched), ALONE)
        found.paced_at = step.changes.get("paced_at", found.paced_at)
        assert step.launches <= LAUNCHES_AT_ONCE
        launched += step.launches
        moments += [clock] * step.launches
        clock += 0.25
    assert moments[-1] - moments[0] <= 15
    assert all(later - earlier >= 1.0 for earlier, later in zip(moments, moments[2:], strict=False))


@pytest.mark.parametrize("phase", [ClassPhase.FIRST, ClassPhase.OPEN])
def test_while_the_bot_is_drained_no_seat_is_made_and_the_teacher_hears_it_once(phase: ClassPhase) -> None:
    found = school_class(phase)
    step = plan(found, state(drained="drained:1"), SHARES)
    assert (step.launches, step.tells, "paced_at" in step.changes) == (0, "drained:1", False)
    for name, value in step.changes.items():
        setattr(found, name, value)
    assert plan(found, state(drained=""), SHARES) == ClassStep()
    assert plan(found, state(), SHARES).launches


def test_a_drain_changes_nothing_for_a_class_that_has_all_its_seats() -> None:
    found = school_class(ClassPhase.OPEN)
    complete = {"lacking": 0, "counts": SeatCounts(made=30, given=3, ready=30)}
    assert plan(found, state(**complete, drained="drained:1"), SHARES) == plan(
        found, state(**complete), SHARES
    )


def test_the_teacher_hears_once_that_all_are_ready() -> None:
    counts = SeatCounts(made=3, given=2, ready=3, live=3)
    found = school_class(ClassPhase.OPEN)
    step = plan(found, state(counts=counts, lacking=0), ALONE)
    assert (step.tells, step.changes["shown"]) == ("ready", counts.as_row())
    found.shown = counts.as_row()
    assert plan(found, state(counts=counts, lacking=0), ALONE) == ClassStep()


def test_a_class_that_its_teacher_ended_launches_nothing_more() -> None:
    for phase in (ClassPhase.PLANNED, ClassPhase.FIRST, ClassPhase.OPEN):
        step = plan(school_class(phase, ended_by="U1"), state(newcomers=["U2"]), ALONE)
        assert (step.launches, step.gives, step.changes.keys() <= {"shown"}) == (0, (), True)


@pytest.mark.parametrize("phase", [ClassPhase.PLANNED, ClassPhase.FIRST, ClassPhase.OPEN])
def test_a_class_ends_at_its_time_and_is_over_when_nothing_is_left(phase: ClassPhase) -> None:
    found = school_class(phase, ends_at=NOW)
    step = plan(found, state(), ALONE)
    assert (step.changes["phase"], step.ends_unused, step.tells) == (ClassPhase.ENDING, True, "")
    found.phase = ClassPhase.ENDING
    assert plan(found, state(counts=SeatCounts(made=3, live=1)), ALONE) == ClassStep()
    assert plan(found, state(counts=SeatCounts(made=3)), ALONE).changes["phase"] == ClassPhase.OVER
