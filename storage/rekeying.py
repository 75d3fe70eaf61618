"""Encrypts the secrets of rows again, with the first key.

Every function works inside the caller's transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, not_, or_, select, update
from sqlalchemy.orm import Session

from storage.keyring import ANY_MARK, Keyring
from storage.models import Binder
from storage.secret_columns import sealed, secrets_of


@dataclass(frozen=True, slots=True)
class SecretCounts:
    """How many binders have secrets that are not encrypted with the first key.

    Attributes:
        plain: Not encrypted at all.
        old: Encrypted with another key that is known.
        unknown: Encrypted with a key that is not known.
    """

    plain: int
    old: int
    unknown: int


def count(session: Session, keyring: Keyring) -> SecretCounts:
    """Count the binders of which `rekey` would change something, or could not."""
    plain = or_(*(and_(_is_set(each), not_(each.startswith(ANY_MARK))) for each in _columns()))
    old = or_(*(and_(_opens(each, keyring), not_(each.startswith(keyring.mark))) for each in _columns()))
    unknown = or_(*(and_(each.startswith(ANY_MARK), not_(_opens(each, keyring))) for each in _columns()))
    numbers = (func.count().filter(each) for each in (plain, old, unknown))
    counted = session.execute(select(*numbers).select_from(Binder)).one()
    return SecretCounts(*(int(each) for each in counted))


def stale(session: Session, keyring: Keyring, *, after: str, limit: int) -> Sequence[Binder]:
    """Lock the next binders, by their ids, with a secret that is not encrypted with the first key.

    Args:
        session: An open write transaction.
        keyring: As the session's.
        after: The id of the last one that was looked at; empty at the beginning.
        limit: How many at most.
    """
    not_first = or_(*(and_(_is_set(each), not_(each.startswith(keyring.mark))) for each in _columns()))
    query = select(Binder).where(Binder.id > after, not_first).order_by(Binder.id).limit(limit)
    return session.scalars(query.with_for_update()).all()


def encrypt(session: Session, binder: Binder) -> None:
    """Encrypt the secrets of a locked binder with the first key. Nothing else of its row changes.

    Raises:
        UnreadableSecret: One of them cannot be opened; then none is changed.
    """
    opened = {name: getattr(binder, name) for name in secrets_of(Binder)}
    statement = update(Binder).where(Binder.id == binder.id)
    values = sealed(session, Binder, binder.id, opened)
    session.execute(statement.values(**values).execution_options(synchronize_session=False))


def _columns() -> list[Any]:
    return [getattr(Binder, name) for name in secrets_of(Binder)]


def _is_set(column: Any) -> Any:
    return and_(column.is_not(None), column != "")


def _opens(column: Any, keyring: Keyring) -> Any:
    return or_(*(column.startswith(mark) for mark in keyring.marks))
