"""The warm pool in the database: each instance is taken once, and nobody is told of those that wait."""

from typing import Any, cast

import pytest
from sqlalchemy.exc import IntegrityError

from bot.binders.actions import Create, Result, WarmTaken
from bot.binders.dependencies import Dependencies
from bot.binders.executor import ActionExecutor
from bot.provisioning.agent.sealing import token_of
from storage import binders, digest, outbox, warm
from storage.engine import Store
from storage.models import Binder, Ending, Status, Target
from tests.chaos.sim.world import TIMEOUTS
from tests.contract.database.rows import binder_of, launch, let_pass, new_binder, together
from tests.fakes.cloud import FakeCloud

HOUR = 3600.0


def waits(store: Store, **values: Any) -> Binder:
    """An instance of the pool that has booted."""
    now = store.now()
    whole = {"is_warm": True, "status": Status.WAITING, "created_at": now, "name": "warm", "secret": "s"}
    nobodys = {"team_id": "", "owner": "", "channel": "", "provider": "", "url": "", "ends_at": now + HOUR}
    row = new_binder(**(whole | nobodys | values))
    with store.write() as session:
        session.add(row)
    return row


def take(store: Store, size: str = "small") -> Binder | None:
    with store.write() as session:
        return warm.take(session, size)


def ids_of_pool(store: Store) -> list[str]:
    with store.read() as session:
        return [each.id for each in warm.existing(session)]


def test_the_oldest_of_its_size_that_waits_is_taken_and_its_row_is_deleted(store: Store) -> None:
    old = waits(store, created_at=1.0)
    waits(store, created_at=2.0)
    waits(store, created_at=0.5, size="large")
    waits(store, created_at=0.5, status=Status.BOOTING)
    waits(store, created_at=0.5, target=Target.GONE)
    waits(store, created_at=0.5, is_warm=False)
    found = take(store)
    assert found is not None
    assert (found.id, found.secret) == (old.id, "s")
    with store.read() as session:
        assert binders.get(session, old.id) is None


def test_nothing_is_taken_where_nothing_waits(store: Store) -> None:
    waits(store, size="large")
    assert take(store) is None


def test_launches_at_the_same_moment_never_get_the_same_instance(store: Store) -> None:
    rows = [waits(store) for _ in range(5)]
    launches = [launch(store) for _ in range(8)]

    def begin(index: int) -> str | None:
        with store.write() as session:
            found = warm.take(session, "small")
            if found is not None:
                binders.save(session, launches[index], {"instance_id": found.id})
            return None if found is None else found.id

    taken = [each for each in together(begin) if each is not None]
    assert len(taken) == len(set(taken))
    assert set(taken) <= {each.id for each in rows}
    # A taker that meets another one's lock goes on without: then one is left, and never one too many.
    assert len(taken) + len(ids_of_pool(store)) == 5


def test_two_replicas_race_for_one_instance_and_the_other_launch_gets_one_of_its_own(store: Store) -> None:
    cloud = FakeCloud([0.0])
    row = waits(store, resource_ids={"server": "srv-w"}, server_url="http://w", secret="of w")
    launches = [launch(store), launch(store)]

    def run(index: int) -> Result:
        replica = Dependencies(store, cloud, cast("Any", None), TIMEOUTS, f"replica {index}")
        return ActionExecutor(replica).run(launches[index], Create())

    results = together(run, 2)
    assert sorted(type(each).__name__ for each in results) == ["StepTaken", "WarmTaken"]
    winner = binder_of(store, launches[results.index(WarmTaken())].id)
    assert (winner.instance_id, winner.resource_ids) == (row.id, {"server": "srv-w"})
    assert (winner.secret, winner.token) == ("of w", token_of("of w", winner.id))
    assert len(cloud.created) == 1
    assert ids_of_pool(store) == []


def test_a_launch_whose_transaction_fails_leaves_the_instance_in_the_pool(store: Store) -> None:
    row = waits(store)

    def die_after_taking() -> None:
        with store.write() as session:
            assert warm.take(session, "small")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die_after_taking()
    assert ids_of_pool(store) == [row.id]


def test_no_two_binders_have_the_same_instance(store: Store) -> None:
    first, second = launch(store), launch(store)
    with store.write() as session:
        binders.save(session, first, {"instance_id": "warm1"})
    with pytest.raises(IntegrityError), store.write() as session:
        binders.save(session, second, {"instance_id": "warm1"})


def test_an_instance_that_was_taken_is_not_ended_any_more(store: Store) -> None:
    row, other = waits(store), waits(store)
    assert take(store)
    with store.write() as session:
        assert warm.end(session, [row.id, other.id]) == 1
        assert warm.end(session, [row.id, other.id]) == 0
    ended = binder_of(store, other.id)
    assert (ended.target, ended.ending, ended.generation) == (Target.GONE, Ending.STOPPED, 2)


def test_an_instance_that_ends_is_not_taken_any_more(store: Store) -> None:
    row = waits(store)
    with store.write() as session:
        assert warm.end(session, [row.id]) == 1
    assert take(store) is None


def test_what_was_taken_is_its_binders_in_the_eyes_of_the_sweep(store: Store) -> None:
    row, binder = waits(store), launch(store)
    with store.write() as session:
        assert warm.take(session, "small")
        binders.save(session, binder, {"instance_id": row.id})
    with store.read() as session:
        assert binders.unknown_or_gone(session, [row.id, binder.id, "x"]) == {binder.id, "x"}
    with store.write() as session:
        binders.save(session, binder, {"status": Status.GONE})
    with store.read() as session:
        assert binders.unknown_or_gone(session, [row.id]) == {row.id}


def test_nobody_is_told_of_an_instance_that_waits(store: Store) -> None:
    row = waits(store)
    with store.write() as session:
        assert digest.owe(session, "2026-W49") == 0
        assert binders.end(session, row.id, ending=Ending.STOPPED, by="operator")
    with store.write() as session:
        assert outbox.claim(session, limit=9, lease_seconds=60) == []
    with store.read() as session:
        assert binders.existing(session, "T1") == []
        assert binders.named(session, "T1", "warm", user="U1") is None


def test_what_was_asked_for_counts_down_and_is_over_at_its_time(store: Store) -> None:
    with store.write() as session:
        warm.announce(session, "small", 2, store.now() + HOUR)
        warm.announce(session, "large", 1, store.now() + HOUR)
    for _ in range(3):
        waits(store)
        assert take(store)
    with store.read() as session:
        assert [(each.size, each.left) for each in warm.announced(session)] == [("large", 1)]
    let_pass(store, HOUR)
    with store.read() as session:
        assert warm.announced(session) == []


def test_what_was_asked_for_can_be_forgotten(store: Store) -> None:
    with store.write() as session:
        warm.announce(session, "small", 2, store.now() + HOUR)
    with store.write() as session:
        assert warm.forget_announced(session) == 1
        assert warm.forget_announced(session) == 0


def test_failures_count_by_size_as_long_as_they_are_new(store: Store) -> None:
    now = store.now()
    for at in (now - 10, now - 20):
        waits(store, target=Target.GONE, ending=Ending.FAILED, ended_at=at)
    waits(store, target=Target.GONE, ending=Ending.STOPPED, ended_at=now)
    waits(store, target=Target.GONE, ending=Ending.LOST, ended_at=now - 2 * HOUR)
    with store.read() as session:
        found = warm.failures(session, now - HOUR)
    assert set(found) == {"small"}
    assert found["small"].count == 2
    assert found["small"].last == pytest.approx(now - 10)


def test_launches_without_room_are_counted_and_hurried(store: Store) -> None:
    patient = launch(store, waiting_for="No room.", next_at=store.now() + 60)
    launch(store)
    waits(store, status=Status.REQUESTED, waiting_for="No room.")
    with store.write() as session:
        assert [each.id for each in warm.without_room(session)] == [patient.id]
        assert warm.count_unmade(session) == 3
        warm.hurry(session)
    assert binder_of(store, patient.id).next_at == 0.0
