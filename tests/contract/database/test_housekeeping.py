"""Leases of shared work, sightings of strays, and forgetting."""

import pytest
from sqlalchemy import func, select, update

from storage import audit, binders, leaks, leases, outbox, retention
from storage.audit_models import Audit
from storage.engine import Store
from storage.models import Binder, OutboxMessage
from storage.vocabulary import MessageKind, OutboxState, Status
from tests.contract.database.rows import claim_messages, done, launch, let_pass, post_card, together


def take(store: Store, owner: str, name: str = "sweep", seconds: float = 60.0) -> bool:
    with store.write() as session:
        return leases.take(session, name, owner, seconds)


def seen(store: Store, *binder_ids: str, twice_after: float = 60.0) -> set[str]:
    with store.write() as session:
        return leaks.confirm(session, binder_ids, twice_after=twice_after)


def prune(store: Store, older_than: float = 1000.0) -> int:
    with store.write() as session:
        return retention.prune(session, older_than=older_than)


def count(store: Store, table: type[Audit] | type[Binder] | type[OutboxMessage]) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def gone(store: Store) -> str:
    binder = launch(store)
    with store.write() as session:
        values = {"status": Status.GONE, "gone_at": store.now()}
        session.execute(update(Binder).where(Binder.id == binder.id).values(values))
    return binder.id


def test_one_of_many_takes_a_lease_the_first_time(store: Store) -> None:
    assert sum(together(lambda index: take(store, f"w{index}"))) == 1


def test_one_of_many_takes_a_lease_that_is_over(store: Store) -> None:
    assert take(store, "dead")
    let_pass(store, 61)
    assert sum(together(lambda index: take(store, f"w{index}"))) == 1


def test_what_is_leased_now_is_known_by_its_names(store: Store) -> None:
    assert take(store, "w1", "bake-1", 60)
    assert take(store, "w1", "bake-2", 120)
    let_pass(store, 61)
    with store.read() as session:
        assert leases.held(session, {"bake-1", "bake-2", "bake-3"}) == {"bake-2"}
        assert leases.held(session, set()) == set()


def test_only_its_owner_hands_a_lease_back(store: Store) -> None:
    assert take(store, "w1")
    with store.write() as session:
        leases.release(session, "sweep", "w2")
    assert not take(store, "w2")
    with store.write() as session:
        leases.release(session, "sweep", "w1")
    assert take(store, "w2")


def test_leases_that_ended_long_ago_are_forgotten_and_beginnings_are_not(store: Store) -> None:
    assert take(store, "w1", "bake-1", 60)
    with store.write() as session:
        leases.begin(session, "outage")
    let_pass(store, 1061)
    assert prune(store, 1000.0) == 1
    with store.write() as session:
        assert leases.finish(session, "outage") is not None


def test_a_lease_is_held_until_its_end_and_can_be_renewed(store: Store) -> None:
    assert take(store, "w1")
    let_pass(store, 50)
    assert not take(store, "w2")
    assert take(store, "w1")
    let_pass(store, 50)
    assert not take(store, "w2")
    let_pass(store, 11)
    assert take(store, "w2")
    assert not take(store, "w1")


def test_leases_of_different_work_do_not_meet(store: Store) -> None:
    assert take(store, "w1", "sweep")
    assert take(store, "w2", "prune")


def test_a_lease_may_be_asked_for_twice_in_one_transaction(store: Store) -> None:
    with store.write() as session:
        assert leases.take(session, "sweep", "w1", 60)
        assert not leases.take(session, "sweep", "w2", 60)
        assert leases.take(session, "sweep", "w1", 60)


def test_a_stray_is_certain_at_its_second_sighting(store: Store) -> None:
    assert seen(store, "s1") == set()
    let_pass(store, 30)
    assert seen(store, "s1", "s2") == set()
    let_pass(store, 31)
    assert seen(store, "s1", "s2") == {"s1"}
    let_pass(store, 31)
    assert seen(store, "s1", "s2") == {"s1", "s2"}


def test_a_stray_that_was_gone_meanwhile_begins_anew(store: Store) -> None:
    seen(store, "s1", "s2")
    let_pass(store, 61)
    assert seen(store, "s2") == {"s2"}
    assert seen(store, "s1", "s2") == {"s2"}
    let_pass(store, 61)
    assert seen(store) == set()
    assert seen(store, "s1", "s2") == set()


def test_gone_binders_are_forgotten_with_all_that_was_said_of_them(store: Store) -> None:
    old = gone(store)
    [card] = claim_messages(store)
    done(store, card)
    let_pass(store, 600)
    recent = gone(store)
    let_pass(store, 500)
    assert prune(store) == 1
    with store.read() as session:
        assert binders.get(session, old) is None
        assert binders.get(session, recent) is not None
        left = session.scalars(select(OutboxMessage.binder_id)).all()
    assert left == [recent]
    assert prune(store) == 0


def test_what_was_said_of_a_live_binder_stays_said(store: Store) -> None:
    binder = launch(store)
    post_card(store, binder.id)
    let_pass(store, 5000)
    assert prune(store) == 0
    assert count(store, OutboxMessage) == 1


@pytest.mark.parametrize("state", [OutboxState.DONE, OutboxState.DEAD])
def test_settled_alerts_are_forgotten(store: Store, state: OutboxState) -> None:
    with store.write() as session:
        outbox.say(session, MessageKind.ALERT, "settled", None)
    with store.write() as session:
        session.execute(update(OutboxMessage).values(state=state))
        outbox.say(session, MessageKind.ALERT, "open", None)
    let_pass(store, 900)
    assert prune(store) == 0
    let_pass(store, 101)
    assert prune(store) == 1
    with store.read() as session:
        assert session.scalars(select(OutboxMessage.key)).all() == ["open"]


def test_the_audit_stays(store: Store) -> None:
    gone(store)
    let_pass(store, 5000)
    before = count(store, Audit)
    assert prune(store) == 1
    assert count(store, Audit) == before == 1


def test_deeds_are_in_order_with_their_details(store: Store) -> None:
    with store.write() as session:
        audit.record(session, "U1", "login", None, attempt=1)
        audit.record(session, "bot", "logout", "b1")
    with store.read() as session:
        rows = session.scalars(select(Audit).order_by(Audit.id)).all()
    assert [(each.actor, each.event, each.binder_id, each.detail) for each in rows] == [
        ("U1", "login", None, {"attempt": 1}),
        ("bot", "logout", "b1", {}),
    ]
    assert rows[0].at <= rows[1].at <= store.now()
