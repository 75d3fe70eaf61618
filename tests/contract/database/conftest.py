"""Every test of the store runs over both databases: SQLite in a file, and a real PostgreSQL server."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.engine import Store
from storage.keyring import Keyring
from tests.fakes.database import empty
from tests.fakes.postgresql import Server
from tests.fakes.postgresql import postgresql_server as running_postgresql

KEY = "the key of these tests, which is no secret"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    with running_postgresql() as server:
        yield server


def _migrated(url: str) -> Iterator[Store]:
    with closing(Store(url, keyring=Keyring([KEY]))) as store:
        store.migrate()
        yield store


# One store for all tests of a process: an engine that has compiled its statements is several times faster.


@pytest.fixture(scope="session")
def one_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    yield from _migrated(f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.sqlite3'}")


@pytest.fixture(scope="session")
def one_postgresql(postgresql_server: Server) -> Iterator[Store]:
    yield from _migrated(postgresql_server.new_database())


@pytest.fixture
def sqlite(one_sqlite: Store) -> Store:
    """SQLite's tables, empty."""
    empty(one_sqlite)
    return one_sqlite


@pytest.fixture
def postgresql(one_postgresql: Store) -> Store:
    """PostgreSQL's tables, empty."""
    empty(one_postgresql)
    return one_postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new' / 'store.sqlite3'}"
    server: Server = request.getfixturevalue("postgresql_server")
    return server.new_database()
