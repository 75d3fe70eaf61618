"""Ending a binder whose time is over, and the warning before."""

from dataclasses import replace
from typing import Any

import pytest

from bot.binders import expiry
from bot.binders.deadlines import DueNotice, WarningPolicy
from storage.models import Notice
from storage.vocabulary import Ending, MessageKind, Outcome, Reason, Status, Target
from tests.unit.binders.rows import HOUR, NOW, TIMEOUTS, binder, observed

WARNED = replace(TIMEOUTS, policy=WarningPolicy(leads=(900,), idle_leads=(900,), warning=600.0))


@pytest.mark.parametrize(
    ("changed", "wanted", "saves"), [(3, True, True), (0, True, False), (3, False, False)]
)
def test_what_was_changed_is_saved_first_where_the_site_wants_it(
    changed: int, *, wanted: bool, saves: bool
) -> None:
    timeouts = replace(TIMEOUTS, saves_expired=wanted)
    update = expiry.expired(binder(changed_files=changed), NOW, Reason.IDLE, timeouts)
    assert update.says == ((MessageKind.ARCHIVE,) if saves else ())
    expected = {"target": Target.GONE, "ending": Ending.EXPIRED, "ended_for": Reason.IDLE}
    assert {name: update.changes[name] for name in expected} == expected


def ready(**values: Any) -> Any:
    return binder(status=Status.READY, ready_at=NOW - HOUR, status_since=NOW - HOUR, **values)


def test_a_notice_that_is_due_is_given_and_nothing_else_changes() -> None:
    update = expiry.watch(ready(ends_at=NOW + 800), observed(), NOW, WARNED, next_look=30)
    assert update.warns == DueNotice(Reason.LIFETIME, NOW + 800, 900)
    assert update.changes == {}


def test_it_looks_again_when_a_notice_gets_due_or_at_the_next_round() -> None:
    soon = expiry.watch(ready(ends_at=NOW + 910), observed(), NOW, WARNED, next_look=30)
    late = expiry.watch(ready(ends_at=NOW + 10 * HOUR), observed(), NOW, WARNED, next_look=30)
    assert (soon.next_in, late.next_in) == (10, 30)


def test_a_notice_of_a_deadline_that_moved_is_withdrawn() -> None:
    told = Notice(id=7, reason=Reason.LIFETIME, deadline=NOW + 800, lead_seconds=900, told_at=NOW - 60)
    update = expiry.watch(ready(ends_at=NOW + HOUR), observed(notices=[told]), NOW, WARNED, next_look=30)
    assert (update.settles, update.settled) == (Outcome.WITHDRAWN, (7,))


def test_one_that_was_missing_once_and_is_there_again_is_not_missing_any_more() -> None:
    update = expiry.watch(ready(missing_since=NOW - 3), observed(), NOW, WARNED, next_look=30)
    assert update.changes == {"missing_since": None}
