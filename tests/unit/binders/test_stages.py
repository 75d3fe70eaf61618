"""When the stages of a launch begin and end, by table, and what must always hold by property."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.binders import stages
from bot.provisioning.instances import Phase

TABLE: list[tuple[str, dict[str, Any], float, dict[str, float]]] = [
    ("none", {}, 9, {}),
    ("one", {"repository": 1}, 9, {"repository": 8}),
    (
        "built",
        {"repository": 0, "instance": 1, "fetch": 5, "build": 6, "server": 8},
        9,
        {"repository": 1, "instance": 4, "fetch": 1, "build": 2, "server": 1},
    ),
    (
        "several between two looks",
        {"repository": 0, "instance": 1, "server": 8},
        9,
        {"repository": 1, "instance": 7, "server": 1},
    ),
    (
        "a build after a pull",
        {"repository": 0, "instance": 1, "pull": 3, "fetch": 4, "build": 5},
        9,
        {"repository": 1, "instance": 2, "pull": 1, "fetch": 1, "build": 4},
    ),
    (
        "no room at first",
        {"repository": 0, "capacity": 1, "instance": 6},
        9,
        {"repository": 1, "capacity": 5, "instance": 3},
    ),
    ("at one moment", {"instance": 1, "repository": 1}, 2, {"repository": 0, "instance": 1}),
    ("a stage of another version", {"repository": 0, "warming": 1}, 3, {"repository": 3}),
    ("a clock that went back", {"repository": 5}, 3, {"repository": 0}),
]


@pytest.mark.parametrize(("begun", "end", "taken"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_stage_lasts_until_the_next_begins(
    begun: dict[str, Any], end: float, taken: dict[str, float]
) -> None:
    assert stages.seconds(begun, end) == taken
    assert list(stages.seconds(begun, end)) == list(taken), "in the order in which they began"
    assert stages.current(begun) == next(reversed(taken), None)


moments = st.floats(0, 1e6, allow_nan=False)


@given(st.dictionaries(st.sampled_from(stages.STAGES), moments, min_size=1), moments)
def test_all_stages_together_are_the_launch(begun: dict[str, float], more: float) -> None:
    end = max(begun.values()) + more
    assert sum(stages.seconds(begun, end).values()) == pytest.approx(end - min(begun.values()))


@given(st.dictionaries(st.sampled_from(stages.STAGES), moments), st.sampled_from(Phase))
def test_a_phase_begins_its_stage_once(begun: dict[str, float], phase: Phase) -> None:
    stage = stages.begun_by(phase, begun)
    if stage is not None:
        assert stage not in begun
        assert stages.begun_by(phase, begun | {stage: 1.0}) is None


def test_a_wait_for_room_takes_the_place_of_the_instance_until_there_is_one() -> None:
    waiting = stages.waiting({"repository": 0.0, "instance": 1.0}, 5.0)
    assert waiting == {"repository": 0.0, "capacity": 1.0}
    assert stages.waiting(waiting | {"instance": 7.0}, 9.0) == waiting
