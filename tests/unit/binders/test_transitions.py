"""The transition table by table, and what must always hold by property."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.binders.actions import Announce, Create, Expose, MarkEnd, Remove, Resolve
from bot.binders.expectations import Basis, Expectation
from bot.binders.observation import Observation, ObservedUse
from bot.binders.transitions import plan
from bot.binders.updates import Update, backoff
from bot.provisioning.base import Instance, InstanceState, Phase, Report
from storage.models import Activity, Binder, Ending, MessageKind, Status, Target
from tests.unit.binders.rows import NOW, TIMEOUTS, URL, binder, instance, observed


def status_of(step: Any) -> Any:
    assert isinstance(step, Update)
    return step.changes.get("status")


def test_an_unresolved_request_is_resolved_first_even_if_the_cloud_is_silent() -> None:
    assert plan(binder(resolved_at=None), Observation(known=False), NOW, TIMEOUTS) == Resolve()


def test_a_request_without_instance_or_open_attempt_creates() -> None:
    assert plan(binder(), observed(), NOW, TIMEOUTS) == Create()


def test_an_existing_instance_is_adopted_rather_than_made_twice() -> None:
    step = plan(binder(attempt_at=NOW - 1), observed(instance(), instance()), NOW, TIMEOUTS)
    assert status_of(step) == Status.CREATING
    assert isinstance(step, Update)
    assert step.changes["resource_ids"] == {"server": "srv-1"}


@pytest.mark.parametrize(("age", "creates"), [(1, False), (59, False), (61, True)])
def test_an_attempt_of_unknown_outcome_is_waited_for(age: float, *, creates: bool) -> None:
    step = plan(binder(attempt_at=NOW - age), observed(), NOW, TIMEOUTS)
    assert (step == Create()) is creates


def test_waiting_for_room_ends_some_day() -> None:
    waiting = binder(waiting_for="No room.", status_since=NOW - 4000)
    step = plan(waiting, observed(), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["failure"] == "No room."


def test_an_instance_in_error_fails_at_once_with_the_clouds_words() -> None:
    broken = instance(InstanceState.ERROR, None, "No valid host was found")
    step = plan(binder(status=Status.CREATING), observed(broken), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["target"] == Target.GONE
    assert "No valid host was found" in step.changes["failure"]
    assert step.says == (MessageKind.FAILED,)


def test_an_instance_without_address_is_exposed_and_one_with_it_boots() -> None:
    creating = binder(status=Status.CREATING)
    assert plan(creating, observed(instance(InstanceState.PENDING, None)), NOW, TIMEOUTS) == Expose()
    step = plan(creating, observed(instance()), NOW, TIMEOUTS)
    assert status_of(step) == Status.BOOTING
    assert isinstance(step, Update)
    assert step.changes["server_url"] == URL


STAGE_OF_PHASE = {
    Phase.FETCHING: "fetch",
    Phase.PULLING: "pull",
    Phase.BUILDING: "build",
    Phase.STARTING: "server",
    Phase.SERVING: "server",
}


@pytest.mark.parametrize("phase", STAGE_OF_PHASE)
def test_the_first_report_of_work_begins_the_stage_that_it_tells_of(phase: Phase) -> None:
    step = plan(binder(status=Status.BOOTING), observed(instance(), report=Report(phase)), NOW, TIMEOUTS)
    assert status_of(step) == Status.BUILDING
    assert isinstance(step, Update)
    assert step.changes["stages"] == {"repository": NOW - 10, STAGE_OF_PHASE[phase]: NOW}


@pytest.mark.parametrize("phase", [Phase.BOOTING, Phase.WAITING])
def test_a_report_of_booting_alone_is_no_build(phase: Phase) -> None:
    step = plan(binder(status=Status.BOOTING), observed(instance(), report=Report(phase)), NOW, TIMEOUTS)
    assert step == Update(next_in=TIMEOUTS.poll)


def test_a_build_after_a_pull_that_failed_is_a_stage_of_its_own() -> None:
    begun = {"repository": NOW - 10, "pull": NOW - 5}
    pulling = binder(status=Status.BUILDING, stages=begun)
    step = plan(pulling, observed(instance(), report=Report(Phase.BUILDING)), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["stages"] == begun | {"build": NOW}
    assert step.card is True


def test_a_replaced_instance_begins_its_stages_anew() -> None:
    begun = {"repository": NOW - 99, "instance": NOW - 90, "build": NOW - 50}
    broken = binder(status=Status.DELETING, stages=begun, kind="R", resource_ids={})
    step = plan(broken, observed(), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["stages"] == {"repository": NOW - 99, "instance": NOW - 90}
    assert step.changes["kind"] == ""


def test_what_it_is_built_with_is_written_down_once() -> None:
    report = Report(Phase.BUILDING, kind="R")
    step = plan(binder(status=Status.BUILDING), observed(instance(), report=report), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["kind"] == "R"
    known = binder(status=Status.BUILDING, kind="conda")
    step = plan(known, observed(instance(), report=report), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert "kind" not in step.changes


EXPECTED = Expectation("///", Basis.BUILD, "built", 30.0, 60.0, {"instance": 20.0})


@pytest.mark.parametrize("status", [Status.CREATING, Status.BOOTING, Status.BUILDING])
def test_what_is_expected_is_written_down_and_shown(status: Status) -> None:
    seen = observed(instance(url=None if status == Status.CREATING else URL), expected=EXPECTED)
    if status == Status.CREATING:
        seen = observed(expected=EXPECTED)
    step = plan(binder(status=status, attempt_at=NOW), seen, NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["expected"] == EXPECTED.as_row()
    assert step.card is False


@pytest.mark.parametrize(("elapsed", "is_late"), [(59, False), (60, False), (61, True), (9_000, True)])
def test_a_late_launch_is_noted_once(elapsed: float, *, is_late: bool) -> None:
    times = {"created_at": NOW - elapsed, "stages": {"repository": NOW - elapsed}, "status_since": NOW - 1}
    late = binder(status=Status.BOOTING, expected=EXPECTED.as_row(), **times)
    step = plan(late, observed(instance()), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes.get("expected", {}).get("is_late", False) is is_late
    assert step.card is (False if is_late else None)
    if is_late:
        late.expected = step.changes["expected"]
        assert plan(late, observed(instance()), NOW, TIMEOUTS) == Update(next_in=TIMEOUTS.poll)


def test_nothing_is_expected_of_what_is_ready_or_ending() -> None:
    for changes in ({"ready_at": NOW, "status": Status.UNSHELVING}, {"target": Target.GONE}):
        step = plan(binder(**changes), observed(instance(), expected=EXPECTED), NOW, TIMEOUTS)
        assert not isinstance(step, Update) or "expected" not in step.changes


@pytest.mark.parametrize("status", [Status.BOOTING, Status.BUILDING])
def test_a_server_that_answers_is_announced(status: Status) -> None:
    working = binder(status=status, server_url=URL)
    assert plan(working, observed(instance(), answers=True), NOW, TIMEOUTS) == Announce(URL)


def test_what_the_owner_should_know_is_written_down_before_the_links_are_posted() -> None:
    working = binder(status=Status.BUILDING, server_url=URL)
    told = Report(Phase.SERVING, notes=("`environment.yaml` was read as `environment.yml`.",))
    seen = observed(instance(), answers=True, report=told)
    step = plan(working, seen, NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes == {"notes": list(told.notes)}
    working.notes = list(told.notes)
    assert plan(working, seen, NOW, TIMEOUTS) == Announce(URL)


@pytest.mark.parametrize("status", [Status.BOOTING, Status.BUILDING])
def test_a_reported_failure_keeps_its_reason_code_hint_and_log(status: Status) -> None:
    report = Report(Phase.FAILED, reason="pip said no.", hint="Ask pip.", log="...", code="build-failed")
    step = plan(binder(status=status), observed(instance(), report=report), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["failure"] == "pip said no."
    assert step.changes["failure_code"] == "build-failed"
    assert step.changes["hint"] == "Ask pip."
    assert step.changes["log"] == "..."
    assert step.changes["ending"] == Ending.FAILED


@pytest.mark.parametrize(
    ("status", "limit"), [(Status.CREATING, 900), (Status.BOOTING, 900), (Status.BUILDING, 2700)]
)
def test_each_stage_has_its_deadline(status: Status, limit: float) -> None:
    sight = observed(
        instance(url=None) if status == Status.CREATING else instance(), report=Report(Phase.BOOTING)
    )
    late = plan(binder(status=status, status_since=NOW - limit - 1), sight, NOW, TIMEOUTS)
    assert isinstance(late, Update)
    assert late.changes["ending"] == Ending.FAILED
    in_time = plan(binder(status=status, status_since=NOW - limit + 1), sight, NOW, TIMEOUTS)
    assert not isinstance(in_time, Update) or "target" not in in_time.changes


def test_a_starting_server_gets_its_stage_once() -> None:
    building = binder(status=Status.BUILDING)
    step = plan(building, observed(instance(), report=Report(Phase.STARTING)), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.card is True
    assert step.changes["stages"]["server"] == NOW
    building.stages = dict(step.changes["stages"])
    again = plan(building, observed(instance(), report=Report(Phase.STARTING)), NOW + 1, TIMEOUTS)
    assert isinstance(again, Update)
    assert "stages" not in again.changes


def test_progress_is_a_heartbeat_and_nothing_where_nothing_changed() -> None:
    report = Report(Phase.BUILDING, 0.5, "step 3", log="log")
    building = binder(status=Status.BUILDING, stages={"repository": NOW - 10, "build": NOW - 5})
    step = plan(building, observed(instance(), report=report), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.card is False
    for name, value in step.changes.items():
        setattr(building, name, value)
    assert plan(building, observed(instance(), report=report), NOW, TIMEOUTS) == Update(next_in=TIMEOUTS.poll)


def test_an_absence_is_believed_when_seen_twice() -> None:
    ready = binder(status=Status.READY)
    first = plan(ready, observed(), NOW, TIMEOUTS)
    assert first == Update({"missing_since": NOW}, next_in=TIMEOUTS.missing)
    ready.missing_since = NOW
    assert plan(ready, observed(), NOW + 1, TIMEOUTS) == Update(next_in=TIMEOUTS.poll)
    second = plan(ready, observed(), NOW + TIMEOUTS.missing, TIMEOUTS)
    assert isinstance(second, Update)
    assert second.changes["ending"] == Ending.LOST


def test_an_instance_that_comes_back_is_forgotten_as_missing() -> None:
    step = plan(binder(status=Status.READY, missing_since=NOW - 1), observed(instance()), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step == Update({"missing_since": None}, next_in=step.next_in)
    assert 0 < step.next_in <= TIMEOUTS.ready_poll


def test_a_ready_binder_ends_when_its_time_is_over_and_is_looked_at_in_time() -> None:
    step = plan(binder(status=Status.READY, ends_at=NOW), observed(instance()), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["ending"] == Ending.EXPIRED
    soon = plan(binder(status=Status.READY, ends_at=NOW + 7), observed(instance()), NOW, TIMEOUTS)
    assert isinstance(soon, Update)
    assert soon.next_in == 7


@pytest.mark.parametrize(
    ("marked", "is_marked_anew"), [(None, False), (NOW + 500, False), (NOW + 499.2, False), (NOW + 400, True)]
)
def test_the_cloud_is_told_when_a_binder_that_was_kept_ends(
    marked: float | None, *, is_marked_anew: bool
) -> None:
    kept = binder(status=Status.READY, ends_at=NOW + 500)
    step = plan(kept, observed(replace(instance(), ends_at=marked)), NOW, TIMEOUTS)
    assert isinstance(step, MarkEnd if is_marked_anew else Update)
    assert step == type(step)(next_in=TIMEOUTS.ready_poll - NOW % TIMEOUTS.ready_poll)


def test_a_mark_waits_for_all_else() -> None:
    marked_wrongly = replace(instance(), ends_at=NOW - 100)
    step = plan(binder(status=Status.READY, ends_at=NOW), observed(marked_wrongly), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["ending"] == Ending.EXPIRED


def test_teardown_removes_what_is_there_then_says_goodbye() -> None:
    ending = binder(
        status=Status.READY, target=Target.GONE, ending=Ending.STOPPED, resource_ids={"server": "srv-1"}
    )
    step = plan(ending, observed(instance()), NOW, TIMEOUTS)
    assert status_of(step) == Status.DELETING
    ending.status = Status.DELETING
    assert plan(ending, observed(instance()), NOW, TIMEOUTS) == Remove()
    ending.resource_ids = {}
    assert plan(ending, observed(instance()), NOW, TIMEOUTS) == Remove()
    last = plan(ending, observed(), NOW, TIMEOUTS)
    assert status_of(last) == Status.GONE
    assert isinstance(last, Update)
    assert last.says == (MessageKind.GONE,)


def test_a_failed_binder_says_its_failure_and_no_second_end() -> None:
    failed = binder(status=Status.DELETING, target=Target.GONE, ending=Ending.FAILED)
    last = plan(failed, observed(), NOW, TIMEOUTS)
    assert isinstance(last, Update)
    assert last.says == ()


def test_teardown_waits_for_an_attempt_whose_outcome_is_unknown() -> None:
    ending = binder(target=Target.GONE, ending=Ending.STOPPED, attempt_at=NOW - 1)
    assert plan(ending, observed(), NOW, TIMEOUTS) == Update(next_in=TIMEOUTS.poll)
    assert status_of(plan(ending, observed(), NOW + 60, TIMEOUTS)) == Status.GONE


def test_backoff_grows_and_is_bounded() -> None:
    waits = [backoff(n) for n in range(20)]
    assert waits == sorted(waits)
    assert waits[-1] == 60


moments = st.floats(NOW - 10_000, NOW + 10_000)
times = st.none() | moments
instances = st.lists(
    st.builds(
        Instance,
        st.just("srv"),
        st.just("abcd1234"),
        st.sampled_from(InstanceState),
        moments,
        st.none() | st.just(URL),
        st.text(max_size=10),
    ),
    max_size=3,
).map(tuple)
reports = st.none() | st.builds(
    Report, st.sampled_from(Phase), st.none() | st.floats(0, 1), st.text(max_size=5)
)
sights = st.builds(Observation, st.booleans(), instances, st.booleans(), reports, st.booleans())
RISING = [Status.REQUESTED, Status.CREATING, Status.BOOTING, Status.BUILDING, Status.READY, Status.WAITING]


def rows(target: Target, statuses: list[Status]) -> st.SearchStrategy[Binder]:
    return st.builds(
        binder,
        status=st.sampled_from(statuses),
        target=st.just(target),
        attempt_at=times,
        resolved_at=times,
        missing_since=times,
        waiting_for=st.none() | st.just("room"),
        resource_ids=st.sampled_from([{}, {"server": "srv"}]),
        ending=st.sampled_from(Ending),
        is_warm=st.booleans(),
        instance_id=st.sampled_from([None, "w1"]),
        ordered_at=times,
        retries=st.integers(0, 2),
        server_url=st.none() | st.just(URL),
        status_since=moments,
        ends_at=moments,
    )


wanted_binders = rows(Target.READY, RISING)
binders = rows(Target.GONE, [*RISING, Status.DELETING])


@given(binders | wanted_binders, sights)
def test_plan_always_names_a_step_and_never_steps_back(row: Binder, sight: Observation) -> None:
    order = list(Status)
    step = plan(row, sight, NOW, TIMEOUTS)
    if isinstance(step, Update):
        after = step.changes.get("status", row.status)
        assert order.index(after) >= order.index(row.status)
        assert step.next_in >= 0
        assert step.changes.get("target", Target.GONE) == Target.GONE


@given(binders, sights)
def test_a_binder_that_should_go_is_never_worked_on_or_talked_about(row: Binder, sight: Observation) -> None:
    step = plan(row, sight, NOW, TIMEOUTS)
    assert isinstance(step, Update | Remove)
    if isinstance(step, Update):
        assert set(step.says) <= {MessageKind.GONE}
        assert step.changes.get("status", Status.DELETING) in {Status.DELETING, Status.GONE}


@given(binders, sights)
def test_a_binder_is_gone_only_when_nothing_is_left_and_nothing_may_come(
    row: Binder, sight: Observation
) -> None:
    step = plan(row, sight, NOW, TIMEOUTS)
    if isinstance(step, Update) and step.changes.get("status") == Status.GONE:
        assert sight.known
        assert not sight.leftovers
        assert not row.resource_ids
        assert row.attempt_at is None or NOW - row.attempt_at >= TIMEOUTS.attempt


@given(binders | wanted_binders, sights)
def test_silence_of_the_cloud_ends_nobody_but_those_whose_time_is_over(
    row: Binder, sight: Observation
) -> None:
    step = plan(
        row,
        replace(sight, known=False, instances=(), leftovers=False, report=None, answers=False),
        NOW,
        TIMEOUTS,
    )
    if isinstance(step, Update) and row.target == Target.READY and row.ends_at > NOW:
        assert "target" not in step.changes
    assert not isinstance(step, Create | Remove | Expose)


@given(wanted_binders, sights)
def test_nothing_is_created_while_an_instance_or_an_open_attempt_exists(
    row: Binder, sight: Observation
) -> None:
    if plan(row, sight, NOW, TIMEOUTS) == Create():
        assert not sight.instances
        assert row.attempt_at is None or NOW - row.attempt_at >= TIMEOUTS.attempt


# --- broken instances, and failures that somebody wants to look at ----------------------------------------

NO_EGRESS = Report(Phase.FAILED, reason="No network.", code="no-egress")


def test_an_instance_without_network_is_replaced_once() -> None:
    booting = binder(status=Status.BOOTING, resource_ids={"server": "srv-1"})
    step = plan(booting, observed(instance(), report=NO_EGRESS), NOW, TIMEOUTS)
    assert status_of(step) == Status.DELETING
    again = binder(status=Status.DELETING, replaced=1, resource_ids={"server": "srv-1"}, attempt_at=NOW - 20)
    assert plan(again, observed(instance()), NOW, TIMEOUTS) == Remove()
    again.resource_ids = {}
    anew = plan(again, observed(), NOW, TIMEOUTS)
    assert isinstance(anew, Update)
    assert (anew.changes["status"], anew.changes["attempt_at"]) == (Status.REQUESTED, None)
    second = plan(
        binder(status=Status.BOOTING, replaced=1), observed(instance(), report=NO_EGRESS), NOW, TIMEOUTS
    )
    assert isinstance(second, Update)
    assert second.changes["failure"] == "No network."


def test_another_failure_is_the_repositorys_own_and_no_other_instance_is_tried() -> None:
    report = Report(Phase.FAILED, reason="pip said no.", code="build-failed")
    step = plan(binder(status=Status.BUILDING), observed(instance(), report=report), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["ending"] == Ending.FAILED


def test_a_failed_build_waits_for_somebody_who_wants_to_look_at_it() -> None:
    rules = replace(TIMEOUTS, failed=600)
    report = Report(Phase.FAILED, reason="pip said no.")
    step = plan(binder(status=Status.BUILDING), observed(instance(), report=report), NOW, rules)
    assert isinstance(step, Update)
    assert step.changes["kept_until"] == NOW + 600
    failed = binder(
        status=Status.BUILDING,
        target=Target.GONE,
        ending=Ending.FAILED,
        ended_at=NOW,
        kept_until=NOW + 600,
        resource_ids={"server": "srv-1"},
    )
    assert plan(failed, observed(instance()), NOW, rules) == Update(next_in=rules.ready_poll)
    assert status_of(plan(failed, observed(instance()), NOW + 600, rules)) == Status.DELETING


def test_teardown_waits_for_changes_that_are_being_saved_but_not_for_ever() -> None:
    leaving = binder(status=Status.READY, target=Target.GONE, ending=Ending.STOPPED, ended_at=NOW)
    assert plan(leaving, observed(instance(), saving=True), NOW, TIMEOUTS) == Update(next_in=1.0)
    assert (
        status_of(plan(leaving, observed(instance(), saving=True), NOW + 3600, TIMEOUTS)) == Status.DELETING
    )
    assert status_of(plan(leaving, observed(instance()), NOW, TIMEOUTS)) == Status.DELETING


# --- use -------------------------------------------------------------------------------------------------


def test_a_busy_kernel_is_use_at_this_moment() -> None:
    step = plan(
        binder(status=Status.READY, looked_at=0.0, used_at=NOW - 9000),
        observed(instance(), use=ObservedUse(Activity.BUSY, NOW - 9000)),
        NOW,
        TIMEOUTS,
    )
    assert isinstance(step, Update)
    assert (step.changes["used_at"], step.changes["activity"]) == (NOW, Activity.BUSY)


def test_the_newest_sign_of_use_stays() -> None:
    ready = binder(status=Status.READY, looked_at=0.0, used_at=NOW - 5)
    step = plan(ready, observed(instance(), use=ObservedUse(Activity.IDLE, NOW - 50)), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["used_at"] == NOW - 5


def test_a_server_that_does_not_answer_is_not_idle() -> None:
    ready = binder(status=Status.READY, looked_at=0.0, used_at=NOW - 9000, idle_seconds=3600)
    step = plan(ready, observed(instance(), use=None), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.changes["activity"] == Activity.UNKNOWN
    assert step.changes["awake_until"] > NOW + TIMEOUTS.policy.warning
    assert "target" not in step.changes


def test_all_ready_binders_are_looked_at_in_one_round() -> None:
    at = [NOW + seconds for seconds in (0.0, 1.5, 29.0)]
    rounds = set()
    for now in at:
        step = plan(binder(status=Status.READY, looked_at=now), observed(instance()), now, TIMEOUTS)
        assert isinstance(step, Update)
        rounds.add(now + step.next_in)
    assert len(rounds) == 2  # one for all that lie between two rounds
