"""Claiming, fencing and releasing binders: many workers, one holder."""

import pytest
from sqlalchemy import text

from storage import binders
from storage.engine import Store
from storage.errors import LostLease
from storage.models import Ending, Status, Target
from tests.contract.database.rows import binder_of, claim, launch, let_pass, together


def test_many_workers_never_share_a_binder(store: Store) -> None:
    expected = {launch(store).id for _ in range(30)}

    def work(index: int) -> list[str]:
        mine: list[str] = []
        while found := claim(store, f"w{index}", limit=2):
            mine += [each.id for each in found]
        return mine

    shares = together(work)
    claimed = [each for share in shares for each in share]
    assert sorted(claimed) == sorted(expected)


def test_the_claimed_row_names_its_holder(store: Store) -> None:
    launch(store)
    [held] = claim(store, "w7", lease_seconds=60)
    row = binder_of(store, held.id)
    assert (row.lease_owner, row.fence) == ("w7", held.fence) == ("w7", 1)
    assert 55 < row.lease_until - store.now() <= 60


def test_the_longest_waiting_come_first_and_no_more_than_the_limit(store: Store) -> None:
    ids = [launch(store, next_at=float(at)).id for at in (30, 10, 20, 40)]
    assert [each.id for each in claim(store, limit=3)] == [ids[1], ids[2], ids[0]]


def test_what_is_not_due_or_gone_or_leased_is_left_alone(store: Store) -> None:
    launch(store, next_at=store.now() + 60)
    launch(store, status=Status.GONE, target=Target.GONE)
    due = launch(store)
    assert [each.id for each in claim(store)] == [due.id]
    assert claim(store, "w2") == []


def test_a_look_is_hastened_unless_somebody_is_looking_or_it_is_gone(store: Store) -> None:
    later = store.now() + 60
    waiting = launch(store, next_at=later)
    gone = launch(store, status=Status.GONE, target=Target.GONE, next_at=later)
    with store.write() as session:
        assert binders.hasten(session, waiting.id)
        assert not binders.hasten(session, gone.id)
    assert [each.id for each in claim(store)] == [waiting.id]
    with store.write() as session:
        assert not binders.hasten(session, waiting.id)


def test_a_paused_holder_can_save_nothing_any_more(store: Store) -> None:
    launch(store)
    [paused] = claim(store, "w1", lease_seconds=60)
    let_pass(store, 61)
    [taken_over] = claim(store, "w2", lease_seconds=60)
    assert taken_over.fence == paused.fence + 1
    with pytest.raises(LostLease), store.write() as session:
        binders.save(session, paused, {"line": "stale"}, next_in=0)
    with pytest.raises(LostLease), store.write() as session:
        binders.lock_if_unchanged(session, paused)
    with store.write() as session:
        binders.save(session, taken_over, {"line": "fresh"}, next_in=5)
    assert binder_of(store, paused.id).line == "fresh"


def test_what_a_failed_save_came_with_is_not_written_either(store: Store) -> None:
    launch(store)
    [paused] = claim(store)
    let_pass(store, 61)
    claim(store, "w2")

    def note() -> None:
        with store.write() as session:
            binders.set_thread(session, paused.id, "C1", "1.0")
            binders.save(session, paused, {})

    with pytest.raises(LostLease):
        note()
    assert binder_of(store, paused.id).thread_ts is None


def test_a_save_without_next_look_keeps_the_lease(store: Store) -> None:
    launch(store)
    [held] = claim(store, "w1")
    with store.write() as session:
        binders.save(session, held, {"resource_ids": {"server": "s1"}})
    row = binder_of(store, held.id)
    assert (row.resource_ids, row.lease_owner) == ({"server": "s1"}, "w1")
    assert claim(store, "w2") == []


def test_a_save_with_next_look_gives_the_lease_back(store: Store) -> None:
    launch(store)
    [held] = claim(store, "w1")
    with store.write() as session:
        binders.save(session, held, {}, next_in=30)
    assert binder_of(store, held.id).lease_owner is None
    assert claim(store, "w2") == []
    let_pass(store, 31)
    assert [each.id for each in claim(store, "w2")] == [held.id]


def test_a_persons_change_during_a_lease_makes_the_next_look_due_at_once(store: Store) -> None:
    launch(store)
    [held] = claim(store, "w1")
    with store.write() as session:
        assert binders.lock_if_unchanged(session, held)
    with store.write() as session:
        assert binders.end(session, held.id, ending=Ending.STOPPED, by="U2")
    with store.write() as session:
        assert not binders.lock_if_unchanged(session, held)
        binders.save(session, held, {"line": "pulling"}, next_in=3600)
    row = binder_of(store, held.id)
    assert (row.target, row.ending, row.ended_by, row.line) == (Target.GONE, Ending.STOPPED, "U2", "pulling")
    assert [each.id for each in claim(store, "w2")] == [held.id]


def test_a_persons_change_does_not_end_the_lease(store: Store) -> None:
    launch(store)
    [held] = claim(store, "w1")
    with store.write() as session:
        binders.end(session, held.id, ending=Ending.STOPPED, by="U2")
    assert claim(store, "w2") == []


def test_a_stopping_worker_hands_back_its_own_leases_only(store: Store) -> None:
    launch(store)
    [mine] = claim(store, "w1")
    launch(store)
    [other] = claim(store, "w2")
    with store.write() as session:
        assert binders.release(session, "w1") == 1
        assert binders.release(session, "w1") == 0
    with pytest.raises(LostLease), store.write() as session:
        binders.save(session, mine, {"line": "after release"})
    assert [each.id for each in claim(store, "w3")] == [mine.id]
    with store.write() as session:
        binders.save(session, other, {"line": "still held"})


def test_the_only_worker_takes_over_at_once_what_it_held_before(store: Store) -> None:
    launch(store)
    [before] = claim(store, "w1", lease_seconds=3600)
    with store.write() as session:
        assert binders.release_all(session) == 1
        assert binders.release_all(session) == 0
    with pytest.raises(LostLease), store.write() as session:
        binders.save(session, before, {"line": "from before"})
    assert [each.id for each in claim(store, "w1")] == [before.id]


def test_a_claim_does_not_wait_for_one_that_is_under_way(postgresql: Store) -> None:
    ids = [launch(postgresql, next_at=float(at)).id for at in range(3)]
    with postgresql.write() as first, postgresql.write() as second:
        second.execute(text("SET LOCAL lock_timeout = '5s'"))
        [one] = binders.claim(first, "w1", limit=1, lease_seconds=60)
        [two] = binders.claim(second, "w2", limit=1, lease_seconds=60)
    assert [one.id, two.id] == ids[:2]


def test_the_limit_holds_whatever_the_plan(postgresql: Store) -> None:
    for _ in range(20):
        launch(postgresql)
    with postgresql.write() as session:
        for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort", "memoize"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        assert len(binders.claim(session, "w1", limit=2, lease_seconds=60)) == 2
