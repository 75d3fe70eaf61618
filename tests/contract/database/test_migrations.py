"""How the tables come to their form."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from storage import schema
from storage.engine import Store
from storage.models import Base, Binder
from storage.vocabulary import Activity
from tests.contract.database.rows import claim, claim_messages, launch, together

ROOT = Path(__file__).parents[3]
MIGRATE = "import sys; from storage.engine import Store; Store(sys.argv[1]).migrate()"


def differences(store: Store) -> list[Any]:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def tables(store: Store) -> set[str]:
    return set(inspect(store.engine).get_table_names())


def test_models_and_migrations_agree(store: Store) -> None:
    assert differences(store) == []


def test_models_and_migrations_agree_on_partial_indexes(store: Store) -> None:
    partial: dict[str, str] = {}
    for table in Base.metadata.tables:
        for index in inspect(store.engine).get_indexes(table):
            options = index.get("dialect_options", {})
            partial |= {str(index["name"]): str(options[key]) for key in options if key.endswith("_where")}
    assert sorted(partial) == ["ix_binders_due", "ix_binders_waiting", "ix_binders_warm", "ix_outbox_open"]
    assert "'gone'" in partial["ix_binders_due"]
    assert "'pending'" in partial["ix_outbox_open"]
    assert "'sending'" in partial["ix_outbox_open"]


def test_migrating_twice_changes_nothing(store: Store) -> None:
    binder = launch(store)
    store.migrate()
    with store.read() as session:
        assert session.get(type(binder), binder.id) is not None


@pytest.mark.process
def test_replicas_that_start_at_once_migrate_once(empty_url: str) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    arguments = [sys.executable, "-c", MIGRATE, empty_url]
    started = [
        subprocess.Popen(arguments, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    errors = [each.communicate(timeout=60)[1] for each in started]
    assert errors == ["", ""]
    with closing(Store(empty_url)) as store:
        assert differences(store) == []


def test_threads_that_start_at_once_migrate_once(empty_url: str) -> None:
    def migrate(_: int) -> None:
        with closing(Store(empty_url)) as store:
            store.migrate()

    together(migrate, 6)
    with closing(Store(empty_url)) as store:
        assert differences(store) == []


def at_version(store: Store, version: str) -> None:
    """Bring an empty database to the form of an earlier version."""
    with store.engine.begin() as connection:
        schema.upgrade(connection, version)


FIRST_BINDER = {
    "id": "old",
    "name": "demo",
    "request_key": "command:1",
    "team_id": "T1",
    "owner": "U1",
    "channel": "C1",
    "thread_channel": "C1",
    "thread_ts": "1.0",
    "provider": "gh",
    "url": "https://github.com/o/r",
    "size": "small",
    "is_tip": True,
    "target": "ready",
    "status": "ready",
    "created_at": 1.0,
    "status_since": 2.0,
    "ready_at": 2.0,
    "ends_at": 4e9,
    "stages": "{}",
    "line": "",
    "log": "",
    "retries": 0,
    "parts": '{"server": "s"}',
    "token": "t",
    "interfaces": "[]",
    "next_at": 0.0,
    "generation": 1,
    "lease_until": 0.0,
    "fence": 3,
}
"""A row as the first version wrote it."""


def test_a_database_of_the_first_version_goes_on(empty_url: str) -> None:
    with closing(Store(empty_url)) as store:
        at_version(store, "0001")
        columns, values = ", ".join(FIRST_BINDER), ", ".join(f":{name}" for name in FIRST_BINDER)
        quoted = columns.replace("commit", '"commit"')
        with store.engine.begin() as connection:
            connection.execute(text(f"INSERT INTO binders ({quoted}) VALUES ({values})"), FIRST_BINDER)
            connection.execute(
                text(
                    "INSERT INTO outbox (key, binder_id, kind, urgent, facts, created_at, not_before, state,"
                    " version, unsure, attempts, lease_until, fence)"
                    " VALUES ('ready:old', 'old', 'ready', :yes,"
                    " '{}', 1, 0, 'pending', 1, :no, 0, 0, 0)"
                ),
                {"yes": True, "no": False},
            )
        store.migrate()
        (binder,) = claim(store)
        assert (binder.id, binder.fence, binder.resource_ids) == ("old", 4, {"server": "s"})
        assert (binder.activity, binder.idle_seconds, binder.resumes) == (Activity.UNKNOWN, None, 0)
        assert (binder.without_conda, binder.failure_code, binder.notes) == (False, None, [])
        (owed,) = claim_messages(store)
        assert owed.message.key == "ready:old"


def test_binders_from_before_count_as_private_until_slack_is_asked(
    empty_url: str,
) -> None:
    places = {
        "named C": ("C1", "C1"),
        "new": ("C2", None),
        "direct": ("D1", "D1"),
        "group": ("G1", None),
        "home": ("U1", None),
        "refused": ("C3", "D2"),
    }
    columns = ", ".join(FIRST_BINDER)
    values = ", ".join(f":{name}" for name in FIRST_BINDER)
    with closing(Store(empty_url)) as store:
        at_version(store, "0002")
        with store.engine.begin() as connection:
            for name, (channel, thread_channel) in places.items():
                row = {"id": name, "request_key": name, "channel": channel, "thread_channel": thread_channel}
                connection.execute(
                    text(f"INSERT INTO binders ({columns}) VALUES ({values})"), FIRST_BINDER | row
                )
        store.migrate()
        with store.read() as session:
            private = {each.id: each.is_private for each in session.query(Binder)}
    assert private == {
        "named C": None,
        "new": None,
        "direct": True,
        "group": True,
        "home": True,
        "refused": True,
    }


def test_the_way_back_leads_to_nothing_and_forth_again(empty_url: str) -> None:
    with closing(Store(empty_url)) as store:
        store.migrate()
        with store.engine.begin() as connection:
            schema.remove(connection)
        assert tables(store) == {"alembic_version"}
        store.migrate()
        assert differences(store) == []
