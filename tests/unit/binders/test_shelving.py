"""Shelving a ready binder and resuming it, by table."""

from typing import Any

import pytest

from bot.binders import shelving
from bot.binders.actions import Action, Announce, Expose, Shelve, Unshelve
from bot.binders.updates import Update
from bot.provisioning.instances import Instance, InstanceState
from storage.models import Binder
from storage.vocabulary import Ending, MessageKind, Status, Target
from tests.unit.binders.rows import HOUR, NOW, TIMEOUTS, URL, binder, instance, observed

ACTIVE, SHELVED, PENDING = InstanceState.ACTIVE, InstanceState.SHELVED, InstanceState.PENDING
LONG_AGO = NOW - TIMEOUTS.boot - 1


def shelving_binder(**values: Any) -> Binder:
    return binder(**({"status": Status.SHELVING, "target": Target.SHELVED} | values))


def shelved_binder(**values: Any) -> Binder:
    left = {"remaining_seconds": 5_000, "ends_at": NOW + HOUR, "server_url": None}
    return binder(**({"status": Status.SHELVED, "target": Target.SHELVED} | left | values))


def unshelving_binder(**values: Any) -> Binder:
    return binder(**({"status": Status.UNSHELVING, "remaining_seconds": 5_000, "server_url": URL} | values))


def planned(row: Binder, *instances: Instance, **values: Any) -> Action | Update:
    return shelving.plan(row, observed(*instances, **values), NOW, TIMEOUTS)


@pytest.mark.parametrize(
    ("row", "seen", "answers", "action"),
    [
        (shelving_binder(), instance(ACTIVE), False, Shelve()),
        (shelving_binder(), instance(PENDING), False, Shelve()),
        (shelving_binder(), instance(SHELVED, URL), False, Shelve()),  # its address is still there
        (unshelving_binder(), instance(SHELVED, None), False, Unshelve()),
        (unshelving_binder(), instance(ACTIVE, None), False, Expose()),
        (unshelving_binder(), instance(ACTIVE), True, Announce(URL)),
    ],
)
def test_what_is_done_on_the_way(row: Binder, seen: Instance, action: Action, *, answers: bool) -> None:
    assert planned(row, seen, answers=answers) == action


@pytest.mark.parametrize(
    ("row", "seen", "status", "target"),
    [
        (shelving_binder(), instance(SHELVED, None), Status.SHELVED, None),
        (shelving_binder(status_since=LONG_AGO), instance(PENDING), Status.UNSHELVING, Target.READY),
        (shelved_binder(target=Target.READY), instance(SHELVED, None), Status.UNSHELVING, Target.READY),
        (shelved_binder(), instance(ACTIVE), Status.UNSHELVING, Target.READY),  # resumed outside the bot
        (unshelving_binder(status_since=LONG_AGO), instance(SHELVED, None), Status.SHELVED, Target.SHELVED),
    ],
    ids=["shelved", "takes too long", "resumed", "resumed outside the bot", "does not come back"],
)
def test_a_change_of_status(row: Binder, seen: Instance, status: Status, target: Target | None) -> None:
    update = planned(row, seen)
    assert isinstance(update, Update)
    assert (update.changes["status"], update.changes.get("target")) == (status, target)


@pytest.mark.parametrize("row", [shelving_binder(), shelved_binder(), unshelving_binder()])
def test_one_that_is_missing_or_broken_is_lost_and_silence_says_nothing(row: Binder) -> None:
    silent = shelving.plan(row, observed(known=False), NOW, TIMEOUTS)
    assert silent == Update(next_in=TIMEOUTS.poll)
    assert planned(row) == Update({"missing_since": NOW}, next_in=TIMEOUTS.missing)
    broken = planned(row, instance(InstanceState.ERROR))
    assert isinstance(broken, Update)
    assert (broken.changes["ending"], broken.changes["target"]) == (Ending.LOST, Target.GONE)


def test_while_it_is_shelved_its_own_time_stands_still() -> None:
    away = planned(shelving_binder(ends_at=NOW + 5_000), instance(SHELVED, None))
    assert isinstance(away, Update)
    assert away.changes["remaining_seconds"] == 5_000
    assert away.changes["ends_at"] == NOW + TIMEOUTS.shelved
    assert shelving.resumed(unshelving_binder(), NOW)["ends_at"] == NOW + 5_000


def test_whoever_resumes_has_an_hour_at_least() -> None:
    assert shelving.resumed(unshelving_binder(remaining_seconds=60), NOW)["ends_at"] == NOW + HOUR


def test_the_time_for_which_it_was_shelved_is_counted_and_moves_the_maximum() -> None:
    row = shelved_binder(
        target=Target.READY, status_since=NOW - HOUR, shelved_seconds=100.0, maximum_at=NOW + HOUR
    )
    update = planned(row, instance(SHELVED, None))
    assert isinstance(update, Update)
    assert update.changes["shelved_seconds"] == HOUR + 100
    assert update.changes["maximum_at"] == NOW + 2 * HOUR


def test_one_that_cannot_be_resumed_says_why_and_stays_shelved() -> None:
    update = shelving.not_resumed(unshelving_binder(), NOW, "No host has room.", TIMEOUTS)
    assert (update.changes["status"], update.changes["target"]) == (Status.SHELVED, Target.SHELVED)
    assert update.says == (MessageKind.SHELVED,)
    assert update.facts == {"failure": "No host has room."}
