"""A newer version waits until no older one is at work, on both databases."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import update

from bot.replica import Replica, take_over
from storage import replicas, schema
from storage.engine import Store
from storage.errors import StoreError
from storage.lease_models import Lease
from tests.contract.database.test_migrations import at_version, differences

OLD, WORKER = "0010", "host:1:abcdef12"


@pytest.fixture
def old(empty_url: str) -> Iterator[Store]:
    """A database with the tables of an older version."""
    with closing(Store(empty_url)) as store:
        at_version(store, OLD)
        yield store


def revision_of(store: Store) -> str | None:
    with store.snapshot() as connection:
        return schema.revision_of(connection)


def test_a_newer_version_asks_older_ones_to_end_and_changes_the_tables_afterwards(old: Store) -> None:
    asked = threading.Event()
    replica = Replica(old, WORKER, asked.set, revision=OLD)
    replica.report()
    with ThreadPoolExecutor() as pool:
        newer = pool.submit(take_over, old, seconds=60)
        while not asked.is_set():
            replica.report()
        assert revision_of(old) == OLD
        replica.leave()
        newer.result()
    assert differences(old) == []


def test_it_does_not_wait_for_one_that_was_killed_long_ago(old: Store) -> None:
    Replica(old, WORKER, lambda: None, revision=OLD).report()
    with old.write() as session:
        session.execute(update(Lease).values(until=Lease.until - replicas.SILENCE_SECONDS - 1))
    take_over(old, seconds=0)
    assert differences(old) == []


def test_it_gives_up_where_older_ones_do_not_end_and_names_them(old: Store) -> None:
    Replica(old, WORKER, lambda: None, revision=OLD).report()
    with pytest.raises(StoreError, match=WORKER):
        take_over(old, seconds=0)
    assert revision_of(old) == OLD


def test_one_that_stood_still_ends_when_it_finds_newer_tables(old: Store) -> None:
    ended: list[bool] = []
    replica = Replica(old, WORKER, lambda: ended.append(True), revision=OLD)
    take_over(old)
    replica.report()
    replica.report()
    assert ended == [True]


def test_replicas_of_one_version_do_not_mind_each_other(store: Store) -> None:
    ended: list[str] = []
    both = [Replica(store, name, lambda: ended.append("one")) for name in (WORKER, "host:2:12345678")]
    for each in both:
        each.report()
    take_over(store, seconds=0)
    for each in both:
        each.report()
        each.leave()
    assert ended == []
