"""The database: SQLite for one process, PostgreSQL for many, the same code above.

Transactions are short by construction (`Store.read`, `Store.write`), and every time in them comes from the
database's clock (`unix_now`), so that replicas with crooked clocks agree about leases.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Float, create_engine, event, func, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.sql.functions import FunctionElement

from storage import schema
from storage.errors import StoreError
from storage.keyring import Keyring
from storage.secret_columns import session_info

BUSY_SECONDS = 20
"""How long a writer of SQLite waits for another one to finish."""


class unix_now(FunctionElement[float]):  # noqa: N801 - SQL functions are written in lower case
    """Unix seconds, UTC, by the database's clock, at the moment of the statement."""

    type = Float()
    inherit_cache = True
    name = "unix_now"


@compiles(unix_now)
def _portable_unix_now(_element: unix_now, _compiler: Any, **_kw: Any) -> str:
    return "unix_now()"


@compiles(unix_now, "postgresql")
def _postgresql_unix_now(_element: unix_now, _compiler: Any, **_kw: Any) -> str:
    # Not now(): that is when the transaction began, which may have waited for a lock since.
    return "extract(epoch from clock_timestamp())::double precision"


class Store:
    """A database and the two ways of working in it.

    Args:
        url: SQLAlchemy's form: `sqlite:///file` or `postgresql://…`.
        clock: Stands in for SQLite's clock in simulations; Unix seconds, UTC.
        keyring: Encrypts the secrets of all rows; None leaves them plain.
    """

    keyring: Keyring | None = None

    def __init__(
        self, url: str, *, clock: Callable[[], float] = time.time, keyring: Keyring | None = None
    ) -> None:
        self.keyring = keyring
        self.url = parsed_url(url)
        self.engine = _engine(self.url, clock)
        self._clock = clock

    def __repr__(self) -> str:
        """Name the database without its password, which may also stand in the query."""
        return f"Store({self.url.set(query={}).render_as_string(hide_password=True)})"

    @property
    def shared(self) -> bool:
        """Whether several processes may work on it at once."""
        return self.url.get_backend_name() == "postgresql"

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction that is committed at the end, or rolled back by an exception."""
        info = session_info(self.keyring)
        with Session(self.engine, expire_on_commit=False, info=info) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that changes nothing."""
        connection = self.engine.connect().execution_options(reads_only=True)
        info = session_info(self.keyring)
        with connection, Session(connection, expire_on_commit=False, autoflush=False, info=info) as session:
            yield session

    def now(self) -> float:
        """Ask the database for the time, in Unix seconds UTC. SQLite has the clock of its process."""
        if not self.shared:
            return self._clock()
        with self.read() as session:
            return float(session.execute(unix_now().select()).scalar_one())

    def migrate(self) -> None:
        """Bring the tables to this version's form; several processes may try at once.

        Raises:
            StoreError: The tables belong to a newer version.
        """
        with self.engine.begin() as connection:
            schema.upgrade(connection)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a transaction that sees the database as it is at one moment, however long it takes."""
        level = {"isolation_level": "REPEATABLE READ"} if self.shared else {}
        with self.engine.connect().execution_options(reads_only=True, **level) as connection:
            yield connection

    def scrub(self) -> None:
        """Remove from SQLite's files what is deleted or overwritten. PostgreSQL does that in its own time."""
        if self.shared:
            return
        connection = self.engine.raw_connection()  # it cannot be done in a transaction
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.cursor().execute(statement)
        finally:
            connection.close()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def parsed_url(url: str) -> URL:
    """Read a DATABASE_URL, with the driver that this project uses.

    Raises:
        StoreError: It names no database that is supported.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError(
            "DATABASE_URL is not a database URL. A valid one is sqlite:///binder-bot.sqlite3."
        ) from None  # what led to it may hold the password
    if parsed.get_backend_name() == "sqlite":
        return parsed.set(drivername="sqlite")
    if parsed.get_backend_name() in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreError(f"DATABASE_URL names {parsed.get_backend_name()}; SQLite and PostgreSQL are supported.")


def _engine(url: URL, clock: Callable[[], float]) -> Engine:
    if url.get_backend_name() == "postgresql":
        # Poolers between us and the server do not know the statements that a driver prepares.
        return create_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            hide_parameters=True,
            connect_args={"prepare_threshold": None},
        )
    if url.database and url.database != ":memory:":
        Path(url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
    waiting = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    # Parameters hold tokens: errors, which are logged, show statements only.
    engine = create_engine(url, hide_parameters=True, connect_args=waiting)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        _write_ahead(connection)
        for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function("unix_now", 0, clock)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that begins as a reader cannot wait for its turn: it fails at its first write.
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL, for which SQLite does not wait by itself where others open the same new file."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def insert_into(session: Session, table: type[DeclarativeBase]) -> sqlite.Insert:
    """Begin an INSERT with ON CONFLICT: both dialects have the same methods for it, but no common type."""
    dialect: Any = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return cast("sqlite.Insert", dialect.insert(table))


def serialize(session: Session, key: str) -> None:
    """Let one transaction at a time go on for the same key; the lock ends with the transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(func.pg_advisory_xact_lock(func.hashtext(key)).select())
