"""How long launches took in all: the groups, their numbers, and the words for the operator."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.admin.stats import as_json, as_text
from bot.binders.distribution import Distribution
from bot.binders.launch_stats import LaunchStats
from bot.binders.stages import STAGES
from storage.history_models import LaunchTime


def launch(seconds: float, how: str = "built", **more: Any) -> LaunchTime:
    values = {
        "how": how,
        "kind": "R",
        "failed_in": None,
        "is_warm": False,
        "stages": {"instance": 30.0},
        "seconds": seconds,
    }
    return LaunchTime(**(values | more))


LAUNCHES = [
    *(launch(seconds, stages={"instance": 30.0, "build": seconds - 40}) for seconds in (300, 362, 420, 722)),
    launch(41, "pulled", kind="", is_warm=True, stages={"instance": 35.0, "pull": 3.0}),
    *(launch(9, "", failed_in=stage) for stage in ("build", "repository", "build")),
]

TEXT = """\
Launches in the last 30 days: 5 became ready, 3 failed.

Until the links         launches        median       9 in 10       slowest
  all                          5         6 min        12 min        12 min

By image                launches        median       9 in 10       slowest
  built                        4         7 min        12 min        12 min
  pulled                       1          40 s          40 s          40 s

By instance             launches        median       9 in 10       slowest
  own                          4         7 min        12 min        12 min
  warm                         1          40 s          40 s          40 s

By kind                 launches        median       9 in 10       slowest
  R                            4         7 min        12 min        12 min
  unknown                      1          40 s          40 s          40 s

By stage                launches        median       9 in 10       slowest
  instance                     5          30 s          35 s          35 s
  pull                         1           3 s           3 s           3 s
  build                        4         6 min        11 min        11 min

Failed in               launches
  build                        2
  repository                   1"""


def test_the_operator_reads_tables() -> None:
    assert as_text(LaunchStats.of(LAUNCHES), 30) == TEXT


def test_programs_read_seconds() -> None:
    told = json.loads(as_json(LaunchStats.of(LAUNCHES), 7))
    assert (told["days"], told["ready"], told["failed"]) == (7, 5, 3)
    assert told["total"] == {"count": 5, "median": 362.0, "p90": 722.0, "slowest": 722.0}
    assert told["by_stage"]["pull"] == {"count": 1, "median": 3.0, "p90": 3.0, "slowest": 3.0}
    assert told["failed_in"] == {"build": 2, "repository": 1}


def test_nothing_is_one_sentence() -> None:
    nothing = LaunchStats.of([])
    assert as_text(nothing, 30) == "No launch became ready or failed in the last 30 days."
    assert as_text(nothing, 1) == "No launch became ready or failed in the last day."
    assert json.loads(as_json(nothing, 30))["total"] is None


def test_only_failures_are_no_times() -> None:
    assert as_text(LaunchStats.of(LAUNCHES[-1:]), 1).splitlines() == [
        "Launches in the last day: 0 became ready, 1 failed.",
        "",
        "Failed in               launches",
        "  build                        1",
    ]


launches = st.builds(
    launch,
    st.floats(0, 1e6),
    st.sampled_from(["built", "kept"]),
    kind=st.sampled_from(["", "R", "conda"]),
    failed_in=st.sampled_from([None, "build", "server"]),
    stages=st.dictionaries(st.sampled_from(STAGES), st.floats(0, 1e6)),
)


@given(st.lists(launches))
def test_every_launch_is_counted_once_in_each_table(given_launches: list[LaunchTime]) -> None:
    found = LaunchStats.of(given_launches)
    assert found.ready + found.failed == len(given_launches)
    for table in (found.by_how, found.by_instance, found.by_kind):
        assert sum(each.count for each in table.values()) == found.ready
    assert sum(found.failed_in.values()) == found.failed
    assert (found.total or Distribution(0, 0, 0, 0)).count == found.ready
    assert as_text(found, 30)
