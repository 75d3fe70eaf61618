"""When an instance has the right to fetch, by table; and that no longer than it fetches."""

import pytest

from bot.binders import conclusions, transitions
from bot.binders.actions import Action, Create, Done, Failed, GiveRight, WithdrawRight
from bot.binders.source_right import RENEW_SECONDS, step
from bot.errors import CloudError, CloudUnreachable, RepositoryNotFound, RepositoryUnreachable
from bot.provisioning.instances import Phase, Report
from storage.vocabulary import Status, Target
from tests.unit.binders.rows import NOW, TIMEOUTS, binder, instance, observed

GIVE, TAKE = GiveRight(), WithdrawRight()


@pytest.mark.parametrize(
    ("status", "phase", "right_at", "wanted"),
    [
        (Status.BOOTING, Phase.BOOTING, None, None),
        (Status.BOOTING, Phase.WAITING, None, None),
        (Status.BOOTING, Phase.FETCHING, None, GIVE),
        (Status.BUILDING, Phase.FETCHING, None, GIVE),
        (Status.BUILDING, Phase.FETCHING, NOW - 1, None),
        (Status.BUILDING, Phase.FETCHING, NOW - RENEW_SECONDS - 1, GIVE),
        (Status.BUILDING, Phase.BUILDING, NOW - 1, TAKE),
        (Status.BUILDING, Phase.PULLING, NOW - 1, TAKE),
        (Status.BUILDING, Phase.FAILED, NOW - 1, TAKE),
        (Status.BUILDING, Phase.BUILDING, None, None),
        (Status.BUILDING, None, NOW - 1, None),
        (Status.READY, None, NOW - 1, TAKE),
        (Status.READY, Phase.FETCHING, None, None),  # whatever a ready instance says, it gets nothing more
    ],
)
def test_what_is_due(
    status: Status, phase: Phase | None, right_at: float | None, wanted: Action | None
) -> None:
    row = binder(status=status, needs_right=True, right_at=right_at)
    seen = observed(instance(), report=Report(phase) if phase else None)
    assert step(row, seen, NOW) == wanted
    if wanted is not None:
        assert transitions.plan(row, seen, NOW, TIMEOUTS) == wanted


def test_a_repository_that_everybody_can_read_needs_none() -> None:
    row = binder(status=Status.BUILDING)
    assert step(row, observed(instance(), report=Report(Phase.FETCHING)), NOW) is None


def test_a_failure_is_told_once_the_right_is_taken_back() -> None:
    row = binder(status=Status.BUILDING, needs_right=True, right_at=NOW)
    failed = observed(instance(), report=Report(Phase.FAILED, reason="No."))
    assert transitions.plan(row, failed, NOW, TIMEOUTS) == TAKE
    row.right_at = None
    told = transitions.plan(row, failed, NOW, TIMEOUTS)
    assert not isinstance(told, Action)
    assert told.changes["failure"] == "No."


@pytest.mark.parametrize(
    ("action", "error", "changes"),
    [
        (GIVE, RepositoryNotFound("No."), {"failure": "No.", "target": Target.GONE}),
        (GIVE, RepositoryUnreachable("Later."), {"retries": 1}),
        (GIVE, CloudUnreachable("Later."), {"retries": 1}),
        (Create(), RepositoryNotFound("No."), {"failure": "No.", "target": Target.GONE}),
        (Create(), RepositoryUnreachable("Later."), {"retries": 1}),
        (TAKE, CloudUnreachable("Later."), {"retries": 1}),
        (TAKE, CloudError("Never."), {"right_at": None}),
    ],
)
def test_what_follows_when_it_does_not_work(
    action: Action, error: CloudError | RepositoryNotFound, changes: dict[str, object]
) -> None:
    row = binder(status=Status.BUILDING, needs_right=True)
    update = conclusions.conclude(row, action, Failed(error), NOW, TIMEOUTS)
    assert {name: update.changes[name] for name in changes} == changes


def test_it_is_noted_when_it_was_given_and_when_it_was_taken_back() -> None:
    row = binder(status=Status.BUILDING, needs_right=True)
    assert conclusions.conclude(row, GIVE, Done(), NOW, TIMEOUTS).changes["right_at"] == NOW
    assert conclusions.conclude(row, TAKE, Done(), NOW, TIMEOUTS).changes["right_at"] is None
