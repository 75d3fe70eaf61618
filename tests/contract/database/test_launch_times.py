"""The times of launches: who may know of which, which count, and how long they are kept."""

from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from sqlalchemy import func, select

from storage import binders, launch_times
from storage.engine import Store
from storage.history_models import LaunchTime
from storage.launch_times import MOST_SEARCHES, Search
from tests.contract.database.rows import launch, let_pass

_seconds = count(1)


def launched(store: Store, **values: Any) -> float:
    """Write down a launch that became ready now, after a number of seconds that no other one took."""
    private = {"is_private": values.pop("is_private", False)}
    binder = launch(store, owner=values.get("owner", "U1"), **private)
    row: dict[str, Any] = {
        "binder_id": binder.id,
        "team_id": "T1",
        "owner": "U1",
        "source": "https://x/o/r",
        "repository": "r",
        "build": "b",
        "kind": "R",
        "size": "small",
        "how": "built",
        "stages": {"build": 1.0},
        "seconds": float(next(_seconds)),
        "ended_at": store.now(),
    }
    with store.write() as session:
        launch_times.add(session, LaunchTime(**(row | values)))
    return float((row | values)["seconds"])


def found(store: Store, *searches: Search, limit: int = 20) -> list[list[float]]:
    with store.read() as session:
        each = launch_times.newest(session, searches, limit=limit)
    return [[past.seconds for past in each[search]] for search in searches]


def search(
    column: str = "build",
    value: str = "b",
    ways: Sequence[str] = ("built",),
    user: str | None = "U1",
    *,
    is_warm: bool = False,
) -> Search:
    return Search(column, value, tuple(ways), is_warm, user)


def test_no_search_finds_nothing(store: Store) -> None:
    with store.read() as session:
        assert launch_times.newest(session, [], limit=1) == {}


def test_each_search_finds_its_own_the_newest_first(store: Store) -> None:
    oldest = launched(store)
    let_pass(store, 60)
    pulled = launched(store, how="pulled")
    kept = launched(store, how="kept", build="c")
    let_pass(store, 60)
    newest = launched(store, kind="conda")
    assert found(
        store,
        search(),
        search(ways=("pulled", "kept")),
        search("kind", "R", ("built", "kept")),
        search("repository", "r", ("built",)),
        search("repository", "s", ("built",)),
    ) == [[newest, oldest], [pulled], [kept, oldest], [newest, oldest], []]
    assert found(store, search(), limit=1) == [[newest]]


def test_what_was_launched_in_private_counts_for_the_same_person_alone(store: Store) -> None:
    public = launched(store, owner="U2")
    let_pass(store, 60)
    secret = launched(store, owner="U2", is_private=True)
    let_pass(store, 60)
    unknown = launched(store, owner="U2", is_private=None)
    assert found(store, search(user="U1")) == [[public]]
    assert found(store, search(user="U2")) == [[unknown, secret, public]]
    assert found(store, search("kind", "R", user=None)) == [[unknown, secret, public]]


def test_privacy_that_is_learned_later_counts(store: Store) -> None:
    binder = launch(store, is_private=None)
    seconds = launched(store, binder_id=binder.id, owner="U2")
    assert found(store, search()) == [[]]
    with store.write() as session:
        binders.note_privacy(session, binder.id, is_private=False)
    assert found(store, search()) == [[seconds]]


def test_launches_with_a_warm_instance_are_found_apart(store: Store) -> None:
    own, warm = launched(store), launched(store, is_warm=True)
    assert found(store, search(), search(is_warm=True)) == [[own], [warm]]


def test_a_launch_that_failed_tells_nothing_of_how_long_one_takes(store: Store) -> None:
    launched(store, failed_in="build")
    assert found(store, search()) == [[]]


def test_a_launch_is_written_down_once(store: Store) -> None:
    binder = launch(store, is_private=False)
    for _ in range(2):
        launched(store, binder_id=binder.id)
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(LaunchTime)) == 1


def test_as_many_searches_as_one_statement_may_hold(store: Store) -> None:
    seconds = launched(store)
    searches = [search(value=f"b{number}") for number in range(MOST_SEARCHES - 1)]
    assert found(store, *searches, search()) == [*([] for _ in searches), [seconds]]


@pytest.mark.parametrize(("age", "is_kept"), [(900, True), (1_100, False)])
def test_old_times_are_forgotten(store: Store, age: float, *, is_kept: bool) -> None:
    seconds = launched(store)
    let_pass(store, age)
    with store.write() as session:
        assert launch_times.forget(session, older_than=1_000) == (0 if is_kept else 1)
    assert found(store, search()) == [[seconds] if is_kept else []]


def test_what_ended_lately_is_listed_in_order(store: Store) -> None:
    launched(store)
    let_pass(store, 200)
    expected = [launched(store, failed_in="build")]
    let_pass(store, 50)
    expected.append(launched(store))
    with store.read() as session:
        assert [each.seconds for each in launch_times.since(session, 100)] == expected
