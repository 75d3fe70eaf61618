"""Rows to begin with, time that passes over them, and crowds that want them at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier
from typing import Any, TypeVar

from sqlalchemy import Float, update

from storage import binders, outbox
from storage.engine import Store
from storage.models import Base, Binder, OutboxMessage
from storage.outbox import Owed

T = TypeVar("T")
TOKEN = "a-token-of-a-server"
_numbers = count(1)
_NO_TIMES = {
    *("binders.fraction", "binders.budget", "binders.price_per_hour", "binders.shelved_seconds"),
    "launch_times.seconds",
}


def new_binder(**values: Any) -> Binder:
    """A binder that differs from all others in its id, request key and repository."""
    number = next(_numbers)
    row: dict[str, Any] = {
        "id": f"b{number}",
        "request_key": f"request-{number}",
        "team_id": "T1",
        "owner": "U1",
        "channel": "C1",
        "provider": "gh",
        "url": f"https://github.com/o/{number}",
        "size": "small",
        "token": TOKEN,
        "created_at": 0.0,
        "status_since": 0.0,
        "ends_at": 0.0,
    }
    return Binder(**(row | values))


def launched(store: Store, wanted_name: str = "repo", **values: Any) -> binders.Added:
    """Add a binder as a handler does: its times by the database's clock."""
    now = store.now()
    times = {"created_at": now, "status_since": now, "ends_at": now + 3600}
    with store.write() as session:
        return binders.add(session, new_binder(**(times | values)), wanted_name=wanted_name)


def launch(store: Store, wanted_name: str = "repo", **values: Any) -> Binder:
    """Add a new binder."""
    added = launched(store, wanted_name, **values)
    assert added.is_new
    return added.binder


def binder_of(store: Store, binder_id: str) -> Binder:
    with store.read() as session:
        found = binders.get(session, binder_id)
    assert found is not None
    return found


def message_of(store: Store, message_id: int) -> OutboxMessage:
    with store.read() as session:
        found = session.get(OutboxMessage, message_id)
    assert found is not None
    return found


def claim(store: Store, owner: str = "w1", *, limit: int = 10, lease_seconds: float = 60.0) -> list[Binder]:
    with store.write() as session:
        return list(binders.claim(session, owner, limit=limit, lease_seconds=lease_seconds))


def claim_messages(store: Store, *, limit: int = 10, lease_seconds: float = 60.0) -> list[Owed]:
    with store.write() as session:
        return list(outbox.claim(session, limit=limit, lease_seconds=lease_seconds))


def done(store: Store, owed: Owed, *, ts: str | None = None) -> None:
    with store.write() as session:
        outbox.done(session, owed.message, ts=ts)


def post_card(store: Store, binder_id: str, ts: str = "1.0") -> None:
    """Deliver the card of a binder, which must be the only thing that is owed."""
    [owed] = claim_messages(store)
    assert owed.message.key == f"card:{binder_id}"
    with store.write() as session:
        binders.set_thread(session, binder_id, "C1", ts)
        outbox.done(session, owed.message, ts=ts)


def let_pass(store: Store, seconds: float) -> None:
    """Move every time that is written down into the past: the same as waiting."""
    with store.write() as session:
        for table in Base.metadata.sorted_tables:
            times = [each for each in table.c if isinstance(each.type, Float) and str(each) not in _NO_TIMES]
            if times and table.name != "audit":  # which nothing changes
                session.execute(update(table).values({each: each - seconds for each in times}))


def together(work: Callable[[int], T], number: int = 8) -> list[T]:
    """Do the same in several threads that begin at one moment. Returns what each returned."""
    start = Barrier(number, timeout=30)

    def begin(index: int) -> T:
        start.wait()
        return work(index)

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(begin, range(number)))
