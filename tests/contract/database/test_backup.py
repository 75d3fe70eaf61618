"""Backups: the same rows in both databases, all of them or none, and those of every released version."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from storage import backup
from storage.engine import Store
from storage.errors import StoreError
from storage.models import Base, OutboxMessage
from storage.vocabulary import MessageKind, OutboxState
from tests.contract.database.rows import claim, launch
from tests.contract.database.test_migrations import differences

RELEASED = sorted(Path(__file__).with_name("released").glob("*.jsonl"))
"""Backups of each released version, taken while binders were being launched, used and torn down."""


def dumped(store: Store) -> list[str]:
    lines: list[str] = []
    rows = backup.dump(store, lines.append)
    assert len(lines) == rows + 2
    return lines


@pytest.fixture
def lines() -> list[str]:
    return RELEASED[-1].read_text().splitlines(keepends=True)


@pytest.mark.parametrize("file", RELEASED, ids=lambda file: file.stem)
def test_the_database_of_a_released_version_goes_on(empty_url: str, file: Path) -> None:
    written = file.read_text().splitlines()
    with closing(Store(empty_url)) as store:
        assert backup.restore(store, written) == len(written) - 2
        assert differences(store) == []
        due = claim(store)
        assert {each.status for each in due} >= {"requested", "ready", "booting"}
        with store.read() as session:
            for table in Base.metadata.sorted_tables:  # each row can be read as this version's
                session.execute(table.select()).all()


def test_every_table_of_the_newest_release_has_rows() -> None:
    tables = {json.loads(line).get("table") for line in RELEASED[-1].read_text().splitlines()}
    assert {"binders", "outbox", "classes", "class_seats", "shares", "homes", "images", "audit"} <= tables


def test_what_was_backed_up_is_what_is_restored(empty_url: str, lines: list[str]) -> None:
    with closing(Store(empty_url)) as store:
        backup.restore(store, lines)
        first = dumped(store)
    with closing(Store("sqlite:///:memory:")) as other:
        backup.restore(other, first)
        assert dumped(other) == first


def test_new_rows_are_numbered_after_the_restored_ones(empty_url: str, lines: list[str]) -> None:
    with closing(Store(empty_url)) as store:
        backup.restore(store, lines)
        with store.write() as session:
            last = max(each.id for each in session.query(OutboxMessage))
            new = OutboxMessage(key="new", kind=MessageKind.ALERT, created_at=1.0, state=OutboxState.PENDING)
            session.add(new)
            session.flush()
            assert new.id == last + 1


def test_a_database_that_has_tables_but_no_rows_is_filled(empty_url: str, lines: list[str]) -> None:
    with closing(Store(empty_url)) as store:
        store.migrate()
        backup.restore(store, lines)
        assert len(dumped(store)) >= len(lines)


def test_rows_are_never_mixed_with_those_of_a_backup(store: Store, lines: list[str]) -> None:
    launch(store)
    before = dumped(store)
    with pytest.raises(StoreError, match="not empty"):
        backup.restore(store, lines)
    assert dumped(store) == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: lines[:-1],
        lambda lines: lines[:-3],
        lambda lines: [*lines[:5], lines[5][:40]],
        lambda lines: [*lines[:5], *lines[6:]],
        lambda lines: [*lines[:5], '{"table": "nobody", "row": {}}', *lines[5:]],
        lambda lines: [*lines[:5], "[]", *lines[5:]],
        lambda lines: ["{}", *lines[1:]],
        lambda lines: lines[1:],
        lambda _: [],
    ],
    ids=[
        "no end",
        "cut",
        "half a line",
        "a row less",
        "unknown table",
        "no object",
        "no head",
        "headless",
        "",
    ],
)
def test_a_backup_that_is_not_whole_is_refused(
    lines: list[str], spoil: Callable[[list[str]], list[str]]
) -> None:
    with closing(Store("sqlite:///:memory:")) as store, pytest.raises(StoreError, match="backup"):
        backup.restore(store, spoil(lines))


def test_a_backup_that_is_not_whole_changes_nothing(empty_url: str, lines: list[str]) -> None:
    with closing(Store(empty_url)) as store:
        with pytest.raises(StoreError, match="not whole"):
            backup.restore(store, lines[:-1])
        with pytest.raises(StoreError, match="nothing to back up"):
            dumped(store)


def test_a_backup_of_a_newer_version_is_refused(lines: list[str]) -> None:
    newer = [lines[0].replace(RELEASED[-1].stem, "9999"), *lines[1:]]
    with closing(Store("sqlite:///:memory:")) as store, pytest.raises(StoreError, match="newer version"):
        backup.restore(store, newer)


def test_a_database_of_a_newer_version_is_left_alone(empty_url: str) -> None:
    with closing(Store(empty_url)) as store:
        store.migrate()
        with store.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match="newer version"):
            store.migrate()
        with pytest.raises(StoreError, match="newer version"):
            dumped(store)


def test_a_backup_is_of_one_moment(store: Store) -> None:
    """A binder that is launched while the backup is written is in it with all its rows, or with none."""
    launch(store)
    lines: list[str] = []

    def write(line: str) -> None:
        if not lines:
            launch(store)
        lines.append(line)

    backup.dump(store, write)
    assert sum('"table":"binders"' in line for line in lines) == 1
