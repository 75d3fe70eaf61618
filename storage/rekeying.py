"""Encrypts the secrets of rows again, with the first key.

Every function works inside the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, inspect, not_, or_, select, update
from sqlalchemy.orm import Session

from storage.keyring import ANY_MARK, Keyring
from storage.models import Base
from storage.secret_columns import sealed, secrets_of

Table = type[Base]


@dataclass(frozen=True, slots=True)
class SecretCounts:
    """How many rows of a table have secrets that are not encrypted with the first key.

    Attributes:
        plain: Not encrypted at all.
        old: Encrypted with another key that is known.
        unknown: Encrypted with a key that is not known.
    """

    plain: int
    old: int
    unknown: int


def count(session: Session, keyring: Keyring, table: Table) -> SecretCounts:
    """Count the rows of which `rekey` would change something, or could not."""
    columns = _columns(table)
    plain = or_(*(and_(_is_set(each), not_(each.startswith(ANY_MARK))) for each in columns))
    old = or_(*(and_(_opens(each, keyring), not_(each.startswith(keyring.mark))) for each in columns))
    unknown = or_(*(and_(each.startswith(ANY_MARK), not_(_opens(each, keyring))) for each in columns))
    numbers = (func.count().filter(each) for each in (plain, old, unknown))
    counted = session.execute(select(*numbers).select_from(table)).one()
    return SecretCounts(*(int(each) for each in counted))


def stale(session: Session, keyring: Keyring, table: Table, *, after: str, limit: int) -> Sequence[Any]:
    """Lock the next rows, by their ids, with a secret that is not encrypted with the first key.

    Args:
        session: An open write transaction.
        keyring: As the session's.
        table: Of which table, with an `id`.
        after: The id of the last one that was looked at; empty at the beginning.
        limit: How many at most.
    """
    not_first = or_(*(and_(_is_set(each), not_(each.startswith(keyring.mark))) for each in _columns(table)))
    row_id = _id_of(table)
    query = select(table).where(row_id > after, not_first).order_by(row_id).limit(limit)
    return session.scalars(query.with_for_update()).all()


def encrypt(session: Session, row: Any) -> None:
    """Encrypt the secrets of a locked row with the first key. Nothing else of it changes.

    Raises:
        UnreadableSecret: One of them cannot be opened; then none is changed.
    """
    table = type(row)
    opened = {name: getattr(row, name) for name in secrets_of(table)}
    statement = update(table).where(_id_of(table) == row.id)
    values = sealed(session, table, row.id, opened)
    session.execute(statement.values(**values).execution_options(synchronize_session=False))


def _columns(table: Table) -> list[Any]:
    return [getattr(table, name) for name in secrets_of(table)]


def _id_of(table: Table) -> Any:
    return inspect(table).columns["id"]


def _is_set(column: Any) -> Any:
    return and_(column.is_not(None), column != "")


def _opens(column: Any, keyring: Keyring) -> Any:
    return or_(*(column.startswith(mark) for mark in keyring.marks))
