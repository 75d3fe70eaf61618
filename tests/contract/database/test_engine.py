"""Connections, transactions and clocks."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage import binders
from storage.engine import Store, serialize, unix_now
from storage.errors import StoreError
from storage.lease_models import Lease
from tests.contract.database.rows import binder_of, claim, launch, together


@contextmanager
def waiting_behind(store: Store, work: Store, key: str | None = None) -> Iterator[Future[None]]:
    """Hold a write transaction open, while another thread wants one."""
    begun = Event()

    def second() -> None:
        begun.set()
        with work.write() as session:
            _lock(session, key)

    with ThreadPoolExecutor(1) as pool:
        with store.write() as session:
            _lock(session, key)
            waiting = pool.submit(second)
            assert begun.wait(10)
            with pytest.raises(StillWaiting):
                waiting.result(timeout=0.2)
        yield waiting


def _lock(session: Session, key: str | None) -> None:
    session.execute(unix_now().select())  # a transaction begins with its first statement
    if key is not None:
        serialize(session, key)


def test_a_second_writer_waits_its_turn(sqlite: Store) -> None:
    with closing(Store(str(sqlite.url))) as other:
        for store in (sqlite, other):
            with waiting_behind(sqlite, store) as waiting:
                waiting.result(timeout=10)


def test_transactions_of_one_key_wait_for_each_other(postgresql: Store) -> None:
    with waiting_behind(postgresql, postgresql, "launch T1") as waiting:
        waiting.result(timeout=10)
    with postgresql.write() as one, postgresql.write() as two:
        two.execute(text("SET LOCAL lock_timeout = '5s'"))
        serialize(one, "launch T1")
        serialize(two, "launch T2")


def test_what_is_read_and_then_written_is_never_lost_to_another_writer(sqlite: Store) -> None:
    binder = launch(sqlite)

    def count(_: int) -> None:
        for _ in range(10):
            with sqlite.write() as session:
                row = session.get_one(type(binder), binder.id)
                row.retries += 1

    together(count)
    assert binder_of(sqlite, binder.id).retries == 80


def test_a_reader_neither_waits_for_a_writer_nor_holds_one_up(store: Store) -> None:
    binder = launch(store)
    with store.write() as writer, store.read() as reader:
        writer.get_one(type(binder), binder.id).line = "written"
        writer.flush()
        found = binders.get(reader, binder.id)
        assert found is not None
        assert found.line == ""
    with store.read() as reader:
        binders.existing(reader, "T1")
        with store.write() as writer:
            writer.get_one(type(binder), binder.id).line = "again"
    assert binder_of(store, binder.id).line == "again"


def test_a_reader_changes_nothing(store: Store) -> None:
    with store.read() as session:
        session.add(Lease(name="n", owner="o", until=0.0))
        session.flush()
    with store.read() as session:
        assert session.scalars(select(Lease)).all() == []


def test_an_exception_takes_everything_back(store: Store) -> None:
    def fail() -> None:
        with store.write() as session:
            session.add(Lease(name="n", owner="o", until=0.0))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as session:
        assert session.scalars(select(Lease)).all() == []


def test_time_is_in_unix_seconds(store: Store) -> None:
    before = time.time()
    assert before - 1 <= store.now() <= time.time() + 1


def test_time_goes_on_inside_a_transaction(store: Store) -> None:
    with store.read() as session:
        first = session.scalar(unix_now().select())
        later = next(now for _ in range(1000) if (now := session.scalar(unix_now().select())) != first)
    assert first is not None
    assert later is not None
    assert later > first


def test_a_simulation_sets_the_clock_of_sqlite(sqlite: Store) -> None:
    clock = [1000.0]
    with closing(Store(str(sqlite.url), clock=lambda: clock[0])) as store:
        assert store.now() == 1000.0
        launch(store, next_at=1010.0)
        assert claim(store) == []
        clock[0] = 1010.0
        [held] = claim(store, lease_seconds=60)
        assert held.lease_until == 1070.0


def test_gone_binders_take_their_messages_with_them(store: Store) -> None:
    binder = launch(store)
    with store.write() as session:
        session.delete(session.get_one(type(binder), binder.id))
    with store.read() as session:
        assert session.scalar(text("SELECT count(*) FROM outbox")) == 0


@pytest.mark.parametrize("file", ["store.sqlite3", "new/folder/store.sqlite3"])
def test_the_folder_of_the_file_is_made(tmp_path: Path, file: str) -> None:
    with closing(Store(f"sqlite:///{tmp_path}/{file}")) as store:
        assert store.now() > 0


@pytest.mark.parametrize(
    ("url", "shared"),
    [
        ("sqlite:///x.sqlite3", False),
        ("sqlite+pysqlite:///x.sqlite3", False),
        ("postgresql://h/d", True),
        ("postgres://h/d", True),
        ("postgresql+psycopg2://h/d", True),
    ],
)
def test_the_url_tells_whether_replicas_may_share_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, *, shared: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(Store(url)) as store:
        assert store.shared is shared
        assert store.engine.dialect.driver == ("psycopg" if shared else "pysqlite")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "binder-bot.sqlite3",
            "DATABASE_URL is not a database URL. A valid one is sqlite:///binder-bot.sqlite3.",
        ),
        ("mysql://u:hunter2@h/d", "DATABASE_URL names mysql; SQLite and PostgreSQL are supported."),
    ],
)
def test_a_url_of_no_use_is_refused_in_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    "url", ["postgresql://bot:hunter2@db:5432/bot", "postgresql://bot@db:5432/bot?password=hunter2"]
)
def test_a_store_names_its_database_without_the_password(url: str) -> None:
    with closing(Store(url)) as store:
        assert "hunter2" not in repr(store)
        assert "db:5432/bot" in repr(store)
