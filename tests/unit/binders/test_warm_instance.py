"""What is planned for an instance that waits, and for a launch that took one."""

from dataclasses import replace
from typing import Any

import pytest

from bot.binders.actions import Announce, Create, Done, Failed, Order, Remove, WarmTaken
from bot.binders.conclusions import conclude
from bot.binders.observation import Observation, wants_answer, wants_report, wants_survey
from bot.binders.transitions import plan
from bot.binders.updates import Update
from bot.errors import CannotBuild, CloudUnreachable, QuotaExceeded
from bot.provisioning.base import InstanceState, Phase, Report
from storage.models import Binder, Ending, Reason, Status, Target
from tests.unit.binders.rows import NOW, TIMEOUTS, URL, binder, instance, observed

WAITING = Report(Phase.WAITING)


def of_pool(status: Status = Status.BOOTING, **values: Any) -> Binder:
    return binder(is_warm=True, status=status, url="", server_url=URL, **values)


def taken(**values: Any) -> Binder:
    whole: dict[str, Any] = {"status": Status.BOOTING, "instance_id": "w1", "server_url": URL}
    return binder(**(whole | values))


def ordered(**values: Any) -> Binder:
    return taken(**({"ordered_at": NOW - 3} | values))


def changes(step: object) -> dict[str, Any]:
    assert isinstance(step, Update)
    return dict(step.changes)


def gives_up(step: object) -> bool:
    found = changes(step)
    return (found.get("status"), found.get("warm_failed"), "target" in found) == (
        Status.DELETING,
        True,
        False,
    )


# Until it waits ------------------------------------------------------------------------------------------


def test_an_instance_that_reports_that_it_waits_does() -> None:
    step = plan(of_pool(), observed(instance(), report=WAITING), NOW, TIMEOUTS)
    assert changes(step)["status"] == Status.WAITING


def test_one_that_has_not_booted_is_looked_at_again_and_in_the_end_given_up() -> None:
    sight = observed(instance(), report=Report(Phase.BOOTING))
    assert plan(of_pool(), sight, NOW, TIMEOUTS) == Update(next_in=TIMEOUTS.poll)
    late = of_pool(status_since=NOW - TIMEOUTS.boot - 1)
    assert changes(plan(late, sight, NOW, TIMEOUTS))["ending"] == Ending.FAILED


def test_a_failed_one_is_neither_replaced_nor_kept_for_somebody_to_look_at_it() -> None:
    report = Report(Phase.FAILED, reason="No network.", code="no-egress")
    kept = replace(TIMEOUTS, failed=600.0)
    found = changes(plan(of_pool(), observed(instance(), report=report), NOW, kept))
    assert (found["target"], found["failure_code"]) == (Target.GONE, "no-egress")
    assert "kept_until" not in found


@pytest.mark.parametrize("error", [QuotaExceeded("Full."), CannotBuild("No.")])
def test_one_for_which_there_is_no_room_waits_for_none(error: QuotaExceeded) -> None:
    step = conclude(of_pool(Status.REQUESTED), Create(), Failed(error), NOW, TIMEOUTS)
    assert changes(step)["ending"] == Ending.FAILED
    assert changes(step)["attempt_at"] is None


def test_one_that_waits_is_looked_at_with_all_others_and_never_asked_itself() -> None:
    row = of_pool(Status.WAITING)
    step = plan(row, observed(instance()), NOW, TIMEOUTS)
    assert isinstance(step, Update)
    assert step.is_quiet
    assert NOW + step.next_in == pytest.approx(NOW // 30 * 30 + 30)
    assert not wants_report(row)
    assert not wants_answer(row)
    assert not wants_answer(of_pool())


@pytest.mark.parametrize("state", InstanceState)
def test_one_that_broke_while_it_waited_goes(state: InstanceState) -> None:
    step = plan(of_pool(Status.WAITING), observed(instance(state)), NOW, TIMEOUTS)
    lives = state in {InstanceState.ACTIVE, InstanceState.PENDING}
    assert ("target" not in changes(step)) is lives


def test_one_that_disappeared_is_believed_gone_at_the_second_look() -> None:
    first = changes(plan(of_pool(Status.WAITING), observed(), NOW, TIMEOUTS))
    assert first == {"missing_since": NOW}
    again = of_pool(Status.WAITING, missing_since=NOW - TIMEOUTS.missing)
    assert changes(plan(again, observed(), NOW, TIMEOUTS))["ending"] == Ending.LOST
    assert changes(plan(again, observed(instance()), NOW, TIMEOUTS)) == {"missing_since": None}


def test_silence_of_the_cloud_ends_none_and_age_does() -> None:
    assert plan(of_pool(Status.WAITING), Observation(known=False), NOW, TIMEOUTS) == Update(next_in=30)
    old = plan(of_pool(Status.WAITING, ends_at=NOW), observed(instance()), NOW, TIMEOUTS)
    assert changes(old)["ended_for"] == Reason.LIFETIME


# From when it was taken ----------------------------------------------------------------------------------


def test_what_was_taken_is_ordered_at_once_without_a_look_at_the_cloud() -> None:
    row = binder(instance_id="w1", waiting_for="No room.")
    for step in (conclude(row, Create(), WarmTaken(), NOW, TIMEOUTS), plan(row, observed(), NOW, TIMEOUTS)):
        assert changes(step)["status"] == Status.BOOTING
        assert changes(step)["waiting_for"] is None
    assert plan(taken(), Observation(known=False), NOW, TIMEOUTS) == Order()
    assert (wants_survey(taken()), wants_report(taken()), wants_answer(taken())) == (False, False, False)
    assert all((wants_survey(ordered()), wants_report(ordered()), wants_answer(ordered())))


def test_an_order_that_arrived_is_written_down() -> None:
    step = conclude(taken(), Order(), Done(), NOW, TIMEOUTS)
    assert changes(step) == {"ordered_at": NOW, "retries": 0}


def test_an_order_that_is_refused_gives_the_instance_up_and_one_that_got_lost_is_given_again() -> None:
    refused = conclude(taken(), Order(), Failed(CannotBuild("Too long.")), NOW, TIMEOUTS)
    assert gives_up(refused)
    lost = conclude(taken(), Order(), Failed(CloudUnreachable("No answer.")), NOW, TIMEOUTS)
    assert changes(lost) == {"retries": 1}
    late = {"status_since": NOW - TIMEOUTS.order - 1}
    assert gives_up(plan(taken(retries=3, **late), observed(instance()), NOW, TIMEOUTS))
    assert plan(taken(**late), observed(instance()), NOW, TIMEOUTS) == Order(), (
        "the bot was down, that is all"
    )


@pytest.mark.parametrize("report", [None, WAITING, Report(Phase.BOOTING)])
def test_an_instance_gets_some_time_to_find_its_order(report: Report | None) -> None:
    sight = observed(instance(), report=report)
    assert plan(ordered(), sight, NOW, TIMEOUTS) == Update(next_in=TIMEOUTS.poll)
    assert gives_up(plan(ordered(ordered_at=NOW - TIMEOUTS.order - 1), sight, NOW, TIMEOUTS))


def test_an_instance_that_began_is_followed_as_any_other() -> None:
    late = ordered(ordered_at=NOW - TIMEOUTS.order - 1)
    begun = observed(instance(), report=Report(Phase.PULLING))
    assert changes(plan(late, begun, NOW, TIMEOUTS))["status"] == Status.BUILDING
    answers = observed(instance(), report=Report(Phase.SERVING), answers=True)
    assert plan(late, answers, NOW, TIMEOUTS) == Announce(URL)


@pytest.mark.parametrize("state", [InstanceState.ERROR, InstanceState.STOPPED, InstanceState.SHELVED])
def test_an_instance_that_breaks_before_the_build_is_given_up(state: InstanceState) -> None:
    assert gives_up(plan(ordered(), observed(instance(state)), NOW, TIMEOUTS))


def test_an_instance_that_disappears_before_the_build_is_given_up() -> None:
    assert changes(plan(ordered(), observed(), NOW, TIMEOUTS)) == {"missing_since": NOW}
    again = ordered(missing_since=NOW - TIMEOUTS.missing)
    assert gives_up(plan(again, observed(), NOW, TIMEOUTS))


@pytest.mark.parametrize(
    ("code", "is_its_fault"), [("no-egress", True), ("no-tools", True), ("commit-gone", False)]
)
def test_faults_of_the_instance_give_it_up_and_those_of_the_repository_end_the_launch(
    code: str, *, is_its_fault: bool
) -> None:
    report = Report(Phase.FAILED, reason="Why.", code=code)
    step = plan(ordered(), observed(instance(), report=report), NOW, TIMEOUTS)
    assert gives_up(step) is is_its_fault
    assert ("target" in changes(step)) is not is_its_fault


def test_after_giving_up_an_instance_is_made_for_the_launch_as_if_there_had_been_no_pool() -> None:
    row = ordered(status=Status.DELETING, warm_failed=True, resource_ids={"server": "s"})
    assert plan(row, observed(instance()), NOW, TIMEOUTS) == Remove()
    row.resource_ids = {}
    found = changes(plan(row, observed(), NOW, TIMEOUTS))
    assert (found["status"], found["instance_id"], found["ordered_at"]) == (Status.REQUESTED, None, None)
    assert "replaced" not in found, "its own instance may still be replaced once"
