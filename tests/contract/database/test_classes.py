"""Classes and their seats, on both databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from bot.binders.admission import Admission
from bot.binders.class_keeper import BinderIdentity, ClassKeeper
from bot.binders.class_plan import ClassPolicy
from bot.policy.quotas import Quotas
from bot.tokens import new_id
from storage import binders, classes, retention, seats, shares
from storage.class_models import ClassPhase, SchoolClass, Seat
from storage.engine import Store
from storage.models import Binder, OutboxMessage
from storage.share_models import ShareKind
from storage.shares import Subject
from storage.vocabulary import Ending, Status, Target
from tests.contract.database.rows import together
from tests.unit.handlers.messages.class_cases import a_class

SEATS = 4


def has_class(store: Store, *subjects: Subject, ahead: int = SEATS, **changes: Any) -> str:
    now = store.now()
    times = {"begins_at": now, "created_at": now, "ends_at": now + 3600, "maximum_at": now + 7200}
    with store.write() as session:
        new = a_class(**({"seats": SEATS, "phase": ClassPhase.PLANNED, "shown": {}, **times} | changes))
        return classes.add(session, new, subjects, ahead=ahead).found.id


def identify() -> BinderIdentity:
    return BinderIdentity(new_id(), "token", "secret")


def keeper(store: Store, worker: str = "one") -> ClassKeeper:
    return ClassKeeper(
        store,
        ClassPolicy(),
        worker,
        identify=identify,
        let_begin=Admission(Quotas()).run,
        vcpus_of=lambda _size: 1,
    )


def tick(store: Store, times: int = 1) -> None:
    """Let the keeper work, as if there were no pace."""
    for _ in range(times):
        keeper(store).tick()
        change(store, paced_at=0.0)


def change(store: Store, **changes: Any) -> None:
    with store.write() as session:
        for name, value in changes.items():
            setattr(session.query(SchoolClass).one(), name, value)


def change_binders(store: Store, **changes: Any) -> None:
    with store.write() as session:
        for each in session.query(Binder):
            for name, value in changes.items():
                setattr(each, name, value)


def get(store: Store) -> SchoolClass:
    with store.read() as session:
        return session.query(SchoolClass).one()


def all_binders(store: Store) -> list[Binder]:
    with store.read() as session:
        return session.query(Binder).order_by(Binder.name).all()


def give(store: Store, user: str) -> Seat | None:
    with store.write() as session:
        found = session.query(SchoolClass).one()
        classes.lock(session, found)
        return seats.give(session, found, user)


def opened(store: Store, *subjects: Subject, **changes: Any) -> str:
    """A class of which each seat has a binder."""
    class_id = has_class(store, *subjects, **changes)
    tick(store, 2)
    change_binders(store, resolved_at=1.0, commit="abc")
    tick(store, 4)
    return class_id


def test_every_seat_gets_one_binder_and_the_same_commit(store: Store) -> None:
    class_id = opened(store)
    tick(store, 3)
    found = all_binders(store)
    assert [each.name for each in found] == [f"intro-{number}" for number in range(1, SEATS + 1)]
    assert {(each.commit, each.class_id, each.owner, each.is_private) for each in found} == {
        ("abc", class_id, "", True)
    }
    assert get(store).phase == ClassPhase.OPEN


def test_all_seats_read_a_private_repository_as_their_teacher_may(store: Store) -> None:
    has_class(store)
    tick(store, 2)
    change_binders(store, resolved_at=1.0, commit="abc", needs_right=True)
    tick(store, 4)
    give(store, "U2")
    found = all_binders(store)
    assert "U2" in {each.owner for each in found}
    assert {(each.needs_right, each.read_as) for each in found} == {(True, get(store).teacher)}


def test_two_replicas_launch_each_seat_once(store: Store) -> None:
    has_class(store)
    tick(store, 2)
    change_binders(store, resolved_at=1.0)
    tick(store)

    def work(number: int) -> None:
        for _ in range(4):
            keeper(store, f"worker {number}").tick()

    change(store, paced_at=0.0)
    together(work, 3)
    assert len({each.request_key for each in all_binders(store)}) == len(all_binders(store))


def test_a_crowd_that_presses_at_once_gets_one_seat_each_and_no_more_than_there_are(store: Store) -> None:
    opened(store)
    users = [f"U{number % 6}" for number in range(18)]
    got: list[tuple[str, int | None]] = []

    def press(number: int) -> None:
        seat = give(store, users[number])
        got.append((users[number], seat.number if seat else None))

    together(press, len(users))
    by_user = {user: {number for each, number in got if each == user} for user in users}
    assert all(len(numbers) == 1 for numbers in by_user.values())
    assert sorted(number for numbers in by_user.values() for number in numbers if number) == [1, 2, 3, 4]
    assert sum(numbers == {None} for numbers in by_user.values()) == 2


def test_a_seat_that_is_claimed_becomes_its_owners_binder(store: Store) -> None:
    opened(store)
    seat = give(store, "U7")
    assert seat
    mine = next(each for each in all_binders(store) if each.id == seat.binder_id)
    assert (mine.owner, mine.channel, mine.name, mine.is_private) == ("U7", "U7", "intro", True)
    with store.read() as session:
        owed = session.query(OutboxMessage).filter_by(binder_id=mine.id).all()
    assert [each.kind for each in owed] == ["card"]


def test_who_is_ready_is_given_first(store: Store) -> None:
    opened(store)
    with store.write() as session:
        row = session.query(Binder).filter_by(name="intro-3").one()
        row.status = Status.READY
    seat = give(store, "U7")
    assert seat
    assert seat.number == 3


def test_a_latecomer_gets_a_new_seat_within_the_limit(store: Store) -> None:
    opened(store, ahead=1, seats=2)
    assert [give(store, user) is not None for user in ("U1", "U2", "U3")] == [True, True, False]
    tick(store)
    assert sorted(each.owner for each in all_binders(store)) == ["U1", "U2"]


def test_a_seat_whose_binder_is_over_gets_another_one_when_its_owner_asks(store: Store) -> None:
    opened(store)
    give(store, "U7")
    with store.write() as session:
        row = session.query(Binder).filter_by(owner="U7").one()
        binders.end(session, row.id, ending=Ending.STOPPED, by="U7")
    tick(store)
    assert len(all_binders(store)) == SEATS
    give(store, "U7")
    tick(store)
    assert [each.is_live for each in all_binders(store) if each.owner == "U7"].count(True) == 1


def test_a_seat_that_fails_is_launched_once_more_and_then_counts_as_failed(store: Store) -> None:
    class_id = opened(store)
    for _ in range(2):
        with store.write() as session:
            row = session.query(Binder).filter_by(name="intro-2", target=Target.READY).one()
            row.target, row.ending = Target.GONE, Ending.FAILED
        tick(store)
    assert [each.is_live for each in all_binders(store) if each.name == "intro-2"] == [False, False]
    with store.read() as session:
        counted = seats.counts(session, [class_id])[class_id]
    assert (counted.made, counted.failed, counted.waiting) == (SEATS, 1, SEATS - 1)


def test_people_of_a_group_are_given_their_seats_and_those_who_join_too(store: Store) -> None:
    opened(store, Subject(ShareKind.GROUP, "S1"), Subject(ShareKind.USER, "U9"), ahead=1)
    with store.write() as session:
        assert shares.is_audience_due(session, older_than=60.0)
        shares.set_members(session, "S1", ["U1", "U2", "U3"])
    tick(store, 3)
    # The teacher, U1, takes one where they want one.
    assert sorted(each.owner for each in all_binders(store)) == ["U2", "U3", "U9"]
    with store.write() as session:
        shares.set_members(session, "S1", ["U1", "U2", "U3", "U4"])
    tick(store, 2)
    assert sorted(each.owner for each in all_binders(store)) == ["U2", "U3", "U4", "U9"]
    with store.read() as session:
        assert classes.is_for(session, get(store).id, "U4")
        assert not classes.is_for(session, get(store).id, "U5")


def test_the_end_is_moved_for_all_and_what_nobody_uses_ends_at_once(store: Store) -> None:
    opened(store)
    give(store, "U7")
    change_binders(store, status=Status.READY, ready_at=1.0)
    later = store.now() + 5000
    with store.write() as session:
        found = session.query(SchoolClass).one()
        seats.move_end(session, found.id, later, "kept", "U1")  # type: ignore[arg-type] # a StrEnum's value
        assert seats.end_unused(session, found.id, "U1") == SEATS - 1
    assert {(each.ends_at, each.maximum_at) for each in all_binders(store)} == {(later, later)}
    assert [each.owner for each in all_binders(store) if each.is_live] == ["U7"]


def test_a_class_is_over_when_nothing_is_left_and_is_forgotten_later(store: Store) -> None:
    opened(store)
    change(store, ends_at=store.now() - 1)
    tick(store)
    assert get(store).phase == ClassPhase.ENDING
    assert not any(each.is_live for each in all_binders(store))
    tick(store)
    assert get(store).phase == ClassPhase.ENDING
    change_binders(store, status=Status.GONE, gone_at=1.0)
    tick(store)
    assert get(store).phase == ClassPhase.OVER
    change(store, ended_at=1.0)
    with store.write() as session:
        retention.prune(session, older_than=60.0)
        assert session.query(SchoolClass).count() == session.query(Seat).count() == 0


def test_the_same_request_and_a_second_enter_make_one_class(store: Store) -> None:
    has_class(store, request_key="command:1")
    now = store.now()
    with store.write() as session:
        for key in ("command:1", "command:2"):
            again = a_class(id=new_id(), request_key=key, seats=SEATS, created_at=now)
            assert not classes.add(session, again, [], ahead=1).is_new


@pytest.mark.parametrize("size", [3, 60])
def test_a_tick_makes_as_many_queries_for_sixty_seats_as_for_three(sqlite: Store, size: int) -> None:
    opened(sqlite, ahead=size, seats=size)
    tick(sqlite, 40)
    assert len(all_binders(sqlite)) == size
    with counted_statements(sqlite) as statements:
        keeper(sqlite).tick()
    assert len(statements) <= 10, statements


@contextmanager
def counted_statements(store: Store) -> Iterator[list[str]]:
    """All that the database is asked meanwhile."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    event.listen(store.engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(store.engine, "before_cursor_execute", hear)
