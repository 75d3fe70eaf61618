"""SQLite's plans for what runs every second: its cost must not grow with the past."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event, insert
from sqlalchemy.orm import Session

from storage import binders, homes, launch_times, outbox, overview, past_launches, warm
from storage.engine import Store
from storage.history_models import LaunchTime
from storage.launch_times import Search
from storage.models import Binder, OutboxMessage
from storage.vocabulary import MessageKind, OutboxState, Status, Target
from tests.contract.database.rows import launch

PAST = 10_000


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Ten thousand binders went, one is live; everything that was owed for those was delivered."""
    path = tmp_path_factory.mktemp("aged") / "aged.sqlite3"
    old: dict[str, Any] = {"status": Status.GONE, "target": Target.GONE, "gone_at": 1.0}
    old |= {"name": "old", "team_id": "T1", "owner": "U1", "channel": "C1", "provider": "gh", "url": "u"}
    old |= {"size": "small", "stored_token": "t", "created_at": 0.0, "status_since": 0.0, "ends_at": 0.0}
    said = {"kind": MessageKind.GONE, "created_at": 0.0, "state": OutboxState.DONE, "facts": {}}
    past: dict[str, Any] = {
        "team_id": "T1",
        "owner": "U1",
        "is_private": False,
        "source": "u",
        "size": "small",
    }
    past |= {"repository": "r", "build": "b", "kind": "R", "how": "built", "stages": {}, "seconds": 1.0}
    past |= {"ended_at": 1.0, "is_warm": False}
    with closing(Store(f"sqlite:///{path}")) as store:
        store.migrate()
        launch(store)
        with store.write() as session:
            session.execute(
                insert(Binder), [old | {"id": f"o{n}", "request_key": f"o{n}"} for n in range(PAST)]
            )
            session.execute(insert(LaunchTime), [past | {"binder_id": f"o{n}"} for n in range(PAST)])
            session.execute(
                insert(OutboxMessage), [said | {"key": f"o{n}", "binder_id": f"o{n}"} for n in range(PAST)]
            )
        yield store


def plan(store: Store, work: Callable[[Session], object]) -> list[str]:
    """Each step of SQLite's plan for the first statement of some work."""
    statements: list[tuple[str, Sequence[Any]]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Sequence[Any], *_: Any) -> None:
        statements.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    with store.write() as session:
        work(session)
    event.remove(store.engine, "before_cursor_execute", note)
    statement, parameters = next(each for each in statements if not each[0].startswith("BEGIN"))
    with store.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(parameters))
        return [row.detail for row in rows]


def scanned(steps: list[str]) -> list[str]:
    """The steps that read a whole table."""
    return [each for each in steps if each.startswith("SCAN ") and "INDEX" not in each and each != "SCAN due"]


def test_a_claim_of_binders_reads_the_live_ones_only(aged: Store) -> None:
    steps = plan(aged, lambda session: binders.claim(session, "w", limit=5, lease_seconds=60))
    assert any("ix_binders_due" in each for each in steps)
    assert scanned(steps) == []


@pytest.mark.parametrize(
    "look",
    [
        lambda session: warm.take(session, "small"),
        warm.existing,
        lambda session: warm.failures(session, 0.0),
        warm.without_room,
        warm.count_unmade,
        warm.hurry,
        lambda session: warm.end(session, ["a", "b"]),
    ],
    ids=["take", "existing", "failures", "without room", "unmade", "hurry", "end"],
)
def test_the_warm_pool_never_reads_what_is_gone(aged: Store, look: Callable[[Session], object]) -> None:
    assert scanned(plan(aged, look)) == []


@pytest.mark.parametrize(("column", "value"), [("build", "b"), ("repository", "r"), ("kind", "R")])
def test_a_search_for_launches_reads_the_newest_ones_only(aged: Store, column: str, value: str) -> None:
    search = Search(column, value, ("built",), is_warm=False, private_of="U1")
    steps = plan(aged, lambda session: launch_times.newest(session, [search, search], limit=20))
    assert any(f"ix_launch_times_{column}" in each for each in steps), steps
    assert scanned(steps) == ["SCAN anon_1"], "the result of the search itself"
    assert not any("TEMP B-TREE" in each for each in steps), "else all that match are sorted"


def test_a_claim_of_messages_reads_the_open_ones_only(aged: Store) -> None:
    steps = plan(aged, lambda session: outbox.claim(session, limit=5, lease_seconds=60))
    assert any("ix_outbox_open" in each for each in steps)
    assert scanned(steps) == []


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (lambda session: binders.existing(session, "T1", owner="U1"), "ix_binders_owner"),
        (lambda session: binders.of_thread(session, "C1", "1.0"), "ix_binders_thread"),
        (binders.existing_ids, "ix_binders_due"),
    ],
    ids=["existing", "of_thread", "existing_ids"],
)
def test_what_people_wait_for_reads_an_index(
    aged: Store, work: Callable[[Session], object], index: str
) -> None:
    steps = plan(aged, work)
    assert any(index in each for each in steps), steps
    assert scanned(steps) == []


@pytest.mark.parametrize(
    "work",
    [homes.is_due, lambda session: homes.claim(session, lease_seconds=60)],
    ids=["is_due", "claim"],
)
def test_what_is_asked_for_changed_home_tabs_reads_those_alone(
    aged: Store, work: Callable[[Session], object]
) -> None:
    assert scanned(plan(aged, work)) in ([], ["SCAN home_changes"])  # its rows are few, and soon gone


def test_a_change_of_a_binder_reads_that_one_and_the_tabs_of_its_workspace(aged: Store) -> None:
    assert scanned(plan(aged, lambda session: homes.binder_changed(session, "o1"))) == []


@pytest.mark.parametrize(
    "work",
    [
        lambda session: overview.totals(session, "T1"),
        lambda session: overview.page(session, "T1", 3, size=20),
        lambda session: past_launches.newest(session, "T1", "U1", limit=50),
    ],
    ids=["totals", "page", "newest"],
)
def test_a_home_tab_reads_an_index(aged: Store, work: Callable[[Session], object]) -> None:
    assert scanned(plan(aged, work)) == []
