"""What is written down of a launch when it ends."""

from typing import Any

import pytest

from bot.binders.launch_history import measured
from storage.models import Binder, Ending
from tests.unit.binders.rows import NOW, binder

BEGUN = {"repository": NOW - 100, "capacity": NOW - 99, "instance": NOW - 60, "build": NOW - 40}
READY = {"ready_at": NOW, "stages": BEGUN | {"server": NOW - 5}}
FAILED = {"ending": Ending.FAILED, "ended_at": NOW}
IMAGE = {"key": "0" * 24, "kind": "R", "how": "pulled"}


def launch(**changes: Any) -> Binder:
    values = {"stages": BEGUN, "team_id": "T1", "owner": "U1", "provider": "gh", "url": "https://x/o/r"}
    return binder(**(values | {"commit": "a" * 40, "size": "small"} | changes))


def test_a_launch_that_becomes_ready_is_measured_without_its_wait_for_room() -> None:
    found = measured(launch(kind="conda"), READY)
    assert found is not None
    assert found.stages == {"repository": 1, "capacity": 39, "instance": 20, "build": 35, "server": 5}
    assert (found.seconds, found.ended_at, found.failed_in) == (61, NOW, None)
    assert (found.how, found.kind, found.build_key) == ("built", "conda", "")


def test_what_the_instance_reported_of_its_image_counts() -> None:
    found = measured(launch(kind="conda", image=IMAGE), READY)
    assert found is not None
    assert (found.how, found.kind, found.build_key) == ("pulled", "R", "0" * 24)


@pytest.mark.parametrize("instance_id", [None, "w1"])
def test_a_launch_with_a_warm_instance_is_marked(instance_id: str | None) -> None:
    found = measured(launch(instance_id=instance_id), READY)
    assert found is not None
    assert found.is_warm is (instance_id is not None)


@pytest.mark.parametrize(
    ("begun", "how"),
    [
        ({"instance": 1.0, "server": 2.0}, "kept"),
        ({"instance": 1.0, "fetch": 2.0, "server": 3.0}, "built"),
        ({"instance": 1.0, "pull": 2.0, "server": 3.0}, "pulled"),
        ({"instance": 1.0, "pull": 2.0, "build": 3.0}, "built"),
    ],
)
def test_without_a_report_of_the_image_the_stages_tell_how_it_was_got(
    begun: dict[str, float], how: str
) -> None:
    whole = {"repository": 0.0} | begun
    found = measured(launch(stages=whole), {"ready_at": NOW, "stages": whole})
    assert found is not None
    assert found.how == how


def test_a_failed_launch_is_counted_with_the_stage_in_which_it_failed() -> None:
    found = measured(launch(), FAILED)
    assert found is not None
    assert (found.failed_in, found.how) == ("build", "")


@pytest.mark.parametrize(
    ("changes", "update"),
    [
        ({}, {"line": "x"}),
        ({}, {"ending": Ending.STOPPED, "ended_at": NOW}),
        ({}, {"ending": Ending.EXPIRED, "ended_at": NOW}),
        ({"ready_at": NOW - 5}, FAILED),
        ({"stages": {"instance": NOW - 9}}, {"ready_at": NOW, "stages": {"instance": NOW - 9}}),
    ],
    ids=["at work", "stopped", "expired", "resumed", "recovered"],
)
def test_all_else_is_no_measurement(changes: dict[str, Any], update: dict[str, Any]) -> None:
    assert measured(launch(**changes), update) is None


@pytest.mark.parametrize(
    ("changes", "is_same_build", "is_same_repository"),
    [
        ({}, True, True),
        ({"owner": "U2", "path": "b.ipynb", "size": "large"}, True, True),
        ({"commit": "b" * 40}, False, True),
        ({"interface": "voila"}, False, True),
        ({"without_conda": True}, False, True),
        ({"url": "https://x/o/s"}, False, False),
        ({"provider": "git"}, False, False),
        ({"team_id": "T2"}, False, False),
    ],
)
def test_what_is_the_same_build(
    changes: dict[str, Any], *, is_same_build: bool, is_same_repository: bool
) -> None:
    one, other = measured(launch(), READY), measured(launch(**changes), READY)
    assert one is not None
    assert other is not None
    assert (one.build == other.build) is is_same_build
    assert (one.repository == other.repository) is is_same_repository
