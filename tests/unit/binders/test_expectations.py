"""How long a launch should take: which launches it is compared with, and what they tell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.binders import expectations
from bot.binders.distribution import Distribution
from bot.binders.expectations import (
    KIND_LEAST,
    LATE_FACTOR,
    LATE_SECONDS,
    NEWEST,
    Basis,
    Expectation,
    PastLaunches,
    expect,
)
from storage.history_models import PastLaunch
from storage.models import Binder, Status, Target
from tests.unit.binders.rows import NOW, binder


def past(*seconds: float, how: str = "built", **stages: float) -> list[PastLaunch]:
    return [PastLaunch(how, each, stages) for each in seconds]


@dataclass
class Row:
    """A launch, its history, and what is expected of it."""

    name: str
    basis: Basis
    how: str
    seconds: float
    history: PastLaunches
    launch: dict[str, Any] = field(default_factory=dict)
    keeps: bool = False


FOUND = past(40, 50, 60, how="pulled")
BUILDS = past(300, 400, build=250, fetch=10, instance=40)
KIND = past(700, 720, 740)
BEGUN = {"repository": 0.0, "instance": 1.0}

TABLE = [
    Row("no history", Basis.NONE, "built", 0, PastLaunches()),
    Row("stored", Basis.BUILD, "pulled", 50, PastLaunches(found=FOUND, built=BUILDS), {"has_image": True}),
    Row(
        "stored for the first time", Basis.NONE, "pulled", 0, PastLaunches(built=BUILDS), {"has_image": True}
    ),
    Row("stored no longer", Basis.BUILD, "built", 350, PastLaunches(found=FOUND, built=BUILDS)),
    Row("found last time", Basis.BUILD, "pulled", 50, PastLaunches(found=FOUND, built=BUILDS), keeps=True),
    Row("built before", Basis.BUILD, "built", 350, PastLaunches(built=BUILDS)),
    Row("kept since", Basis.BUILD, "kept", 40, PastLaunches(built=BUILDS), keeps=True),
    Row("one is enough", Basis.BUILD, "built", 300, PastLaunches(built=BUILDS[:1])),
    Row("the repository", Basis.REPOSITORY, "built", 350, PastLaunches(repository=BUILDS)),
    Row(
        "the build before the repository",
        Basis.BUILD,
        "pulled",
        50,
        PastLaunches(found=FOUND, repository=KIND),
        {"has_image": True},
    ),
    Row("a kind that is not known", Basis.NONE, "built", 0, PastLaunches(kind=KIND)),
    Row("the kind", Basis.KIND, "built", 720, PastLaunches(kind=KIND), {"kind": "R"}),
    Row("too few of the kind", Basis.NONE, "built", 0, PastLaunches(kind=KIND[1:]), {"kind": "R"}),
    Row(
        "the repository before the kind",
        Basis.REPOSITORY,
        "built",
        350,
        PastLaunches(repository=BUILDS, kind=KIND),
        {"kind": "R"},
    ),
    Row(
        "built anew",
        Basis.BUILD,
        "built",
        350,
        PastLaunches(found=FOUND, built=BUILDS),
        {"rebuild": True, "has_image": True},
        keeps=True,
    ),
    Row(
        "seen to build, although it was found before",
        Basis.BUILD,
        "built",
        350,
        PastLaunches(found=FOUND, built=BUILDS),
        {"stages": BEGUN | {"build": 2.0}},
    ),
    Row(
        "seen to build after a pull",
        Basis.BUILD,
        "built",
        350,
        PastLaunches(found=FOUND, built=BUILDS),
        {"stages": BEGUN | {"pull": 2.0, "build": 3.0}},
    ),
    Row(
        "seen to pull for the first time",
        Basis.NONE,
        "pulled",
        0,
        PastLaunches(built=BUILDS, repository=BUILDS),
        {"stages": BEGUN | {"pull": 2.0}},
        keeps=True,
    ),
    Row(
        "pulled once, kept now",
        Basis.BUILD,
        "kept",
        40,
        PastLaunches(found=FOUND, built=BUILDS),
        {"image": {"how": "kept"}},
    ),
    Row(
        "pulled by others of its kind",
        Basis.KIND,
        "pulled",
        50,
        PastLaunches(repository=BUILDS, kind=FOUND),
        {"stages": BEGUN | {"pull": 2.0}, "kind": "R"},
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_nearest_launches_count(row: Row) -> None:
    found = expect(binder(**row.launch), row.history, keeps_images=row.keeps)
    assert (found.basis, found.how, found.seconds) == (row.basis, row.how, row.seconds)


def test_a_found_image_takes_what_its_build_took_besides_the_build() -> None:
    found = expect(
        binder(), PastLaunches(built=past(300, build=250, fetch=10, instance=35, server=5)), keeps_images=True
    )
    assert found.seconds == 40
    assert found.stages == {"instance": 35, "server": 5}


launches = st.lists(st.builds(PastLaunch, st.just("built"), st.floats(0, 1e5), st.just({})), max_size=40)


@given(launches, launches, launches)
def test_an_expectation_lies_among_the_newest_of_its_basis(
    built: Sequence[PastLaunch], repository: Sequence[PastLaunch], kind: Sequence[PastLaunch]
) -> None:
    row = binder(kind="R")
    found = expect(row, PastLaunches((), built, repository, kind), keeps_images=False)
    assert Expectation.of(binder(expected=found.as_row())) == found, "the row keeps all of it"
    if found.basis == Basis.NONE:
        assert not built
        assert not repository
        assert len(kind) < KIND_LEAST
        return
    basis = {Basis.BUILD: built, Basis.REPOSITORY: repository, Basis.KIND: kind}[found.basis]
    times = sorted(each.seconds for each in basis[:NEWEST])
    assert times[0] <= found.seconds <= times[-1]
    assert found.late_after >= max(found.seconds * LATE_FACTOR, found.seconds + LATE_SECONDS)
    assert found.late_after <= max(times[-1], found.seconds * LATE_FACTOR, found.seconds + LATE_SECONDS)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_nine_in_ten_are_at_most_as_long(times: list[float]) -> None:
    found = Distribution.of(times)
    assert sum(each <= found.p90 for each in times) >= 0.9 * len(times)
    assert min(times) <= found.median <= found.p90 <= found.slowest == max(times)


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        ({}, True),
        ({"resolved_at": None}, False),
        ({"target": Target.GONE}, False),
        ({"status": Status.READY}, False),
        ({"status": Status.BOOTING, "ready_at": NOW}, False),
        ({"expected": Expectation("///").as_row()}, False),
        ({"expected": Expectation("///").as_row(), "kind": "R"}, True),
        ({"expected": Expectation("///").as_row(), "has_image": True}, True),
        ({"expected": Expectation("///").as_row(), "instance_id": "w1"}, True),
        ({"is_warm": True}, False),
        ({"expected": Expectation("/R//").as_row(), "kind": "R"}, False),
        ({"expected": Expectation("///").as_row(), "stages": {"repository": 0, "build": 1}}, True),
        ({"expected": Expectation("///").as_row(), "stages": {"repository": 0, "fetch": 1}}, False),
    ],
)
def test_the_history_is_asked_again_only_if_more_is_known(changes: dict[str, Any], *, is_open: bool) -> None:
    assert expectations.is_open(binder(**changes)) is is_open


def waiting(**changes: Any) -> Binder:
    """A launch that waited for room for an hour, and got an instance a minute ago."""
    begun = {"repository": NOW - 3_670, "capacity": NOW - 3_665, "instance": NOW - 60}
    return binder(status=Status.CREATING, stages=begun, created_at=NOW - 3_670, **changes)


def test_a_wait_for_room_makes_no_launch_late() -> None:
    usual = Expectation("/", Basis.BUILD, seconds=60, late_after=90)
    assert expectations.elapsed(waiting(), NOW) == 65
    assert not expectations.is_late(waiting(), usual, NOW)
    assert expectations.is_late(waiting(), usual, NOW + 26)


@pytest.mark.parametrize(
    ("usual", "slow"),
    [
        ({"repository": 1.0, "instance": 30.0, "build": 100.0}, "instance"),
        ({"repository": 1.0, "instance": 59.0, "build": 40.0}, "repository"),
        ({"repository": 9.0, "instance": 99.0}, None),
        ({}, "instance"),
    ],
)
def test_the_stage_that_lasts_longer_than_usual_is_named(usual: dict[str, float], slow: str | None) -> None:
    row = waiting(expected=Expectation("/", Basis.BUILD, stages=usual).as_row())
    assert expectations.slow_stage(row, NOW) == slow
