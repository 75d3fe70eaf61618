"""What is in a database, found out without changing it."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from storage import schema
from storage.engine import parsed_url
from storage.errors import StoreError

CONNECT_SECONDS = 10

_REFUSALS: Mapping[str, str] = {
    "password authentication failed": "The database does not accept this user and password.",
    "no password supplied": "The database wants a password, and the URL has none.",
    "does not exist": "The database server answers, but it has no such database or user.",
    "no pg_hba.conf entry": "The database server does not let this machine in.",
}
"""What PostgreSQL says, in part. Its own text may repeat a part of the password, and is not shown."""


class Condition(Enum):
    """In which state a database is."""

    NEW = "new"
    """A file that will be made."""
    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"


class StoreUnreachable(StoreError):
    """The database did not answer. The URL may be right; try again."""


def condition_of(url: str) -> Condition:
    """Look into a database, and leave it as it is: no file and no table is made.

    Raises:
        StoreUnreachable: It does not answer.
        StoreError: It cannot be used.
    """
    database = parsed_url(url)
    if database.get_backend_name() == "sqlite":
        if database.database in {None, "", ":memory:"}:
            raise StoreError("DATABASE_URL names no file, so everything would be lost when the bot ends.")
        file = Path(str(database.database))
        if not file.exists():
            return Condition.NEW
        reads_only = {"mode": "ro", "uri": "true"}
        return _read(URL.create("sqlite", database=f"file:{quote(str(file.absolute()))}", query=reads_only))
    return _read(database, connect_timeout=CONNECT_SECONDS)


def _read(url: URL, **connecting: int) -> Condition:
    try:
        engine = create_engine(url, hide_parameters=True, connect_args=connecting)
        try:
            with engine.connect() as connection:
                revision = schema.revision_of(connection)
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        raise _explained(error) from None  # what led to it may hold the password
    schema.require_known(revision)
    if revision is None:
        return Condition.EMPTY
    return Condition.CURRENT if revision == schema.newest() else Condition.OLDER


def _explained(error: SQLAlchemyError) -> StoreError:
    text = str(error.orig) if isinstance(error, DBAPIError) else ""
    for part, sentence in _REFUSALS.items():
        if part in text:
            return StoreError(sentence)
    if "file is not a database" in text:
        return StoreError("The file is not a database of SQLite.")
    return StoreUnreachable("The database does not answer.")
