"""A copy of the whole database as lines of JSON, which fits both databases and later versions of the tables.

The first line names the format and the revision of the tables, the last one the number of rows. Between them
each line is one row. What is encrypted in the database stays encrypted.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Integer, MetaData, Table, func, insert, literal_column, select

from storage import schema
from storage.engine import Store
from storage.errors import StoreError

FORMAT = 1
_BATCH = 500


def dump(store: Store, write: Callable[[str], object]) -> int:
    """Write all rows as they are at one moment, also while a bot is at work.

    Args:
        store: The database.
        write: Takes one line, its end included.

    Returns:
        How many rows there are.

    Raises:
        StoreError: The database has no tables, or those of a newer version.
    """
    rows = 0
    with store.snapshot() as connection:
        revision = schema.revision_of(connection)
        if revision is None:
            raise StoreError("There is nothing to back up: the database has no tables.")
        schema.require_known(revision)
        write(_line({"binder-bot": FORMAT, "tables": revision}))
        for table in _tables(connection):
            for row in connection.execution_options(yield_per=_BATCH).execute(_in_order(table)).mappings():
                write(_line({"table": table.name, "row": dict(row)}))
                rows += 1
        write(_line({"rows": rows}))
    return rows


def restore(store: Store, lines: Iterable[str]) -> int:
    """Fill an empty database from a backup, and bring its tables to this version. All of it, or nothing.

    Returns:
        How many rows there are.

    Raises:
        StoreError: The database has rows, or the lines are no whole backup that this version knows.
    """
    records = _records(lines)
    revision = _revision(next(records, {}))
    with store.engine.begin() as connection:
        if any(_has_rows(connection, each) for each in _tables(connection)):
            raise StoreError("The database is not empty.", hint="Restore into a new one: set DATABASE_URL.")
        if schema.revision_of(connection) is not None:
            schema.remove(connection)
        schema.upgrade(connection, revision)
        rows = _fill(connection, records)
        schema.upgrade(connection)
    return rows


def _fill(connection: Connection, records: Iterator[dict[str, Any]]) -> int:
    tables = {each.name: each for each in _tables(connection)}
    for rows, record in enumerate(records):
        if record.get("rows") == rows:
            _continue_numbers(connection, tables.values())
            return rows
        table, row = tables.get(str(record.get("table"))), record.get("row")
        if table is None or not isinstance(row, dict):
            raise _broken()
        connection.execute(insert(table), row)
    raise _broken()


def _tables(connection: Connection) -> list[Table]:
    """The tables as they are, those first that others point to."""
    found = MetaData()
    found.reflect(connection)
    return [each for each in found.sorted_tables if each.name != "alembic_version"]


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.scalar(select(literal_column("1")).select_from(table).limit(1)) is not None


def _in_order(table: Table) -> Any:
    return select(table).order_by(*table.primary_key.columns)


def _continue_numbers(connection: Connection, tables: Iterable[Table]) -> None:
    """Let PostgreSQL number new rows after those that brought their numbers; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables:
        for column in table.primary_key.columns:
            if isinstance(column.type, Integer):
                sequence = select(func.pg_get_serial_sequence(table.name, column.name)).scalar_subquery()
                last = select(func.max(column)).scalar_subquery()
                connection.execute(select(func.setval(sequence, func.coalesce(last, 1), last.is_not(None))))


def _records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError as error:
            raise _broken() from error
        if not isinstance(record, dict):
            raise _broken()
        yield record


def _revision(header: dict[str, Any]) -> str:
    if header.get("binder-bot") != FORMAT or not isinstance(header.get("tables"), str):
        raise StoreError("This is no backup of binder-bot.")
    schema.require_known(header["tables"])
    return str(header["tables"])


def _line(content: dict[str, Any]) -> str:
    return json.dumps(content, separators=(",", ":")) + "\n"


def _broken() -> StoreError:
    return StoreError("The backup is not whole.", hint="Take an older one.")
