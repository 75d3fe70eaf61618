"""Attributes of rows that are stored encrypted.

What a row holds in memory is what the database holds. A secret is opened each time that it is read, and not
when its row is loaded. So one secret that cannot be opened stands in the way of nobody who does not need it.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, overload

from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, object_session

from storage.keyring import Keyring, is_sealed, place_of, unknown_key

Value = TypeVar("Value", str, str | None)

_SESSIONS = "keyring"
"""Under this name a session knows its keyring."""
_ROWS = "_keyring"
"""Under this name a row does."""


class SecretColumn(Generic[Value]):
    """An attribute of a row that is stored encrypted, in another attribute.

    A text that is not encrypted is read as it is: its row is new, or from before there was a key.

    Args:
        stored: The attribute that holds what the database holds.
    """

    def __init__(self, stored: str) -> None:
        self._stored = stored
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, row: None, owner: type) -> InstrumentedAttribute[Value]: ...
    @overload
    def __get__(self, row: object, owner: type) -> Value: ...
    def __get__(self, row: object | None, owner: type) -> Any:
        """Open the secret of a row.

        Raises:
            UnreadableSecret: It cannot be opened: see `Keyring.open`.
        """
        if row is None:
            return getattr(owner, self._stored)
        text = getattr(row, self._stored)
        return self._opened(row, text) if is_sealed(text) else text

    def __set__(self, row: object, value: Value) -> None:
        setattr(row, self._stored, value)

    def _opened(self, row: Any, text: str) -> str:
        keyring: Keyring | None = vars(row).get(_ROWS)
        if keyring is None:
            raise unknown_key()
        return keyring.open(text, self.place(type(row), row.id))

    def stored_in(self, row: object) -> str | None:
        """What the database holds of it."""
        text: str | None = vars(row).get(self._stored)
        return text

    def place(self, table: type[DeclarativeBase], row_id: str) -> str:
        """What the secret of a row is bound to."""
        return place_of(table.__tablename__, self._name, row_id)


def session_info(keyring: Keyring | None) -> dict[str, Any]:
    """What a session has to know (`Session(info=…)`) to keep secrets; without a keyring they stay plain."""
    return {_SESSIONS: keyring}


def secrets_of(table: type[DeclarativeBase]) -> Mapping[str, SecretColumn[Any]]:
    """The secrets of a table, by their names."""
    return {name: each for name, each in vars(table).items() if isinstance(each, SecretColumn)}


def sealed(
    session: Session, table: type[DeclarativeBase], row_id: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """New values of a row, with their secrets sealed as the session's keyring does it."""
    keyring: Keyring | None = session.info.get(_SESSIONS)
    plain = {name: each for name, each in secrets_of(table).items() if _is_plain(values.get(name))}
    if keyring is None:
        return dict(values)
    return {
        **values,
        **{name: keyring.seal(values[name], each.place(table, row_id)) for name, each in plain.items()},
    }


def keep_secrets(table: type[DeclarativeBase]) -> None:
    """Seal the secrets of a table whenever one of its rows is written, and let its rows open them."""

    @event.listens_for(table, "load")
    def _loaded(row: Any, context: Any) -> None:
        vars(row)[_ROWS] = context.session.info.get(_SESSIONS)

    @event.listens_for(table, "before_insert")
    @event.listens_for(table, "before_update")
    def _written(_mapper: Any, _connection: Any, row: Any) -> None:
        session = object_session(row)
        if session is None:
            return
        vars(row)[_ROWS] = session.info.get(_SESSIONS)
        names = [name for name, each in secrets_of(table).items() if _is_plain(each.stored_in(row))]
        for name, text in sealed(
            session, table, row.id, {name: getattr(row, name) for name in names}
        ).items():
            setattr(row, name, text)


def _is_plain(text: str | None) -> bool:
    return bool(text) and not is_sealed(text)
