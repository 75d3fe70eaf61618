"""What follows from the result of each action."""

from typing import Any

import pytest

from bot.binders import conclusions
from bot.binders.actions import (
    Action,
    Announce,
    Create,
    Done,
    Expose,
    Failed,
    InterfacesFound,
    MarkEnd,
    Prune,
    Remove,
    Removed,
    RepositoryFound,
    Resolve,
    Result,
    Shelve,
    StepTaken,
    Superseded,
    Unshelve,
    UnshelveAsked,
)
from bot.binders.conclusions import BROKEN_TRIES, RESOLVE_TRIES
from bot.binders.updates import Update, backoff
from bot.errors import (
    CannotBuild,
    CloudError,
    CloudUnreachable,
    NoCapacity,
    QuotaExceeded,
    RefNotFound,
    RepositoryUnreachable,
)
from bot.interfaces.discovery import InterfaceLink
from storage.vocabulary import MessageKind, Status, Target
from tests.unit.binders.rows import NOW, TIMEOUTS, URL, binder

NOBODY = Failed(CloudUnreachable("The cloud did not answer."))
NO = Failed(CloudError("The cloud refused.", hint="Ask the operator."))
FULL = Failed(NoCapacity("No host has room."))
QUOTA = Failed(QuotaExceeded("10 of 10 instances are in use."))
LAB = InterfaceLink("lab", "JupyterLab", "lab")


def concluded(action: Action, result: Result, **values: Any) -> Update:
    return conclusions.conclude(binder(**values), action, result, NOW, TIMEOUTS)


# What an action and its result lead to: the changes that matter, and when to look again.
TABLE: list[tuple[Action, Result, dict[str, Any], dict[str, Any], float]] = [
    (
        Resolve(),
        RepositoryFound("c" * 40, is_tip=True, ref="main", path="a.ipynb"),
        {},
        {"commit": "c" * 40, "path": "a.ipynb"},
        0,
    ),
    (Resolve(), Failed(RepositoryUnreachable("No.")), {}, {"retries": 1}, backoff(1)),
    (Resolve(), Failed(RepositoryUnreachable("No.")), {"retries": RESOLVE_TRIES - 1}, {"failure": "No."}, 0),
    (
        Resolve(),
        Failed(RefNotFound("No branch.", hint="main?")),
        {},
        {"failure": "No branch.", "hint": "main?"},
        0,
    ),
    (
        Create(),
        StepTaken({"server": "s"}),
        {},
        {"status": Status.CREATING, "resource_ids": {"server": "s"}},
        0,
    ),
    (Create(), Superseded(), {}, {}, 0),
    (Create(), NOBODY, {}, {"retries": 1}, TIMEOUTS.poll),
    (Create(), FULL, {}, {"waiting_for": "No host has room.", "attempt_at": None}, backoff(1)),
    (Create(), QUOTA, {"retries": 3}, {"waiting_for": "10 of 10 instances are in use."}, backoff(4)),
    (Create(), Failed(CannotBuild("Never.")), {}, {"failure": "Never.", "attempt_at": None}, 0),
    (Expose(), StepTaken({"server": "s", "port": "p"}), {"resource_ids": {"server": "s"}}, {}, 0),
    (Expose(), StepTaken({"server": "s"}), {"resource_ids": {"server": "s"}}, {}, TIMEOUTS.poll),
    (Expose(), NOBODY, {}, {"retries": 1}, backoff(1)),
    (Expose(), QUOTA, {}, {"retries": 1}, backoff(1)),
    (Expose(), NO, {}, {"failure": "The cloud refused.", "hint": "Ask the operator."}, 0),
    (Announce(URL), InterfacesFound(()), {}, {}, TIMEOUTS.poll),
    (Announce(URL), InterfacesFound((LAB,)), {}, {"status": Status.READY, "ready_at": NOW}, 0),
    (Announce(URL), InterfacesFound((LAB,), collaborates=True), {}, {"collaborates": True}, 0),
    (Shelve(), StepTaken({"server": "s"}), {}, {"resource_ids": {"server": "s"}}, TIMEOUTS.poll),
    (Shelve(), NOBODY, {}, {"retries": 1}, backoff(1)),
    (Shelve(), NO, {}, {"status": Status.UNSHELVING, "target": Target.READY}, 0),
    (Unshelve(), UnshelveAsked(is_lost=False), {}, {"attempt_at": NOW}, TIMEOUTS.poll),
    (Unshelve(), UnshelveAsked(is_lost=True), {}, {"status": Status.SHELVED, "target": Target.SHELVED}, 0),
    (Unshelve(), NOBODY, {}, {"retries": 1}, backoff(1)),
    (Unshelve(), FULL, {}, {"status": Status.SHELVED, "attempt_at": None}, 0),
    (MarkEnd(20), Done(), {}, {}, 20),
    (MarkEnd(20), NO, {}, {}, 20),
    (Prune("s"), Done(), {"retries": 2}, {"retries": 0}, TIMEOUTS.poll),
    (Prune("s"), NO, {}, {"retries": 1}, backoff(1)),
    (Remove(), Removed(nothing_left=False), {}, {"retries": 0}, min(TIMEOUTS.poll, 1.0)),
    (
        Remove(),
        Removed(nothing_left=True),
        {"resource_ids": {"server": "s"}},
        {"resource_ids": {}, "attempt_at": None},
        0,
    ),
    (Remove(), NO, {"retries": 8}, {"retries": 9}, backoff(9)),
]


@pytest.mark.parametrize(
    ("action", "result", "values", "changes", "next_in"),
    TABLE,
    ids=[f"{type(action).__name__}-{index}" for index, (action, *_) in enumerate(TABLE)],
)
def test_an_action_and_its_result_lead_to_one_update(
    action: Action, result: Result, values: dict[str, Any], changes: dict[str, Any], next_in: float
) -> None:
    update = concluded(action, result, **values)
    assert {name: update.changes.get(name) for name in changes} == changes
    assert update.next_in == next_in


def test_an_attempt_whose_instance_was_never_seen_stays_open_after_a_removal() -> None:
    update = concluded(Remove(), Removed(nothing_left=True), resource_ids={}, attempt_at=NOW - 1)
    assert "attempt_at" not in update.changes


def test_waiting_for_room_is_said_once() -> None:
    assert concluded(Create(), FULL).says == (MessageKind.WAITING,)
    again = concluded(Create(), FULL, waiting_for="No host has room.")
    assert (again.says, again.card) == ((), None)


@pytest.mark.parametrize(
    ("wanted", "absent"), [("rstudio", "RStudio"), ("lab", None), (None, None), ("/page", "“/page”")]
)
def test_an_interface_that_was_asked_for_and_is_not_there_is_named(
    wanted: str | None, absent: str | None
) -> None:
    update = concluded(Announce(URL), InterfacesFound((LAB,)), interface=wanted)
    assert update.facts.get("absent") == absent
    assert update.says == (MessageKind.READY, MessageKind.LINKS)


def test_a_step_that_breaks_is_tried_again_until_the_launch_is_given_up() -> None:
    assert conclusions.after_break(binder(), NOW) == Update({"retries": 1}, next_in=backoff(1))
    given_up = conclusions.after_break(binder(retries=BROKEN_TRIES - 1), NOW)
    assert given_up.changes["target"] == Target.GONE
    ending = conclusions.after_break(binder(retries=BROKEN_TRIES - 1, target=Target.GONE), NOW)
    assert "target" not in ending.changes, "a teardown is never given up"
