"""SQLite databases for tests: migrated once, kept in memory, emptied and used again.

An engine compiles each statement once. A new engine for each test would spend most of its time on that.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from math import inf
from pathlib import Path

from sqlalchemy import CompoundSelect, delete, literal, select, union_all

from storage.audit_models import AuditHorizon
from storage.engine import Store
from storage.keyring import Keyring
from storage.models import Base

KEY = "the key of all tests is known to everybody"


def folder_in_memory() -> Path:
    """A new folder that goes with this process; in memory where the machine has a place for that."""
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(dir=memory if memory.is_dir() else None)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def migrated() -> Path:
    """An empty database of today's form, to be copied."""
    path = folder_in_memory() / "empty.sqlite3"
    with closing(Store(f"sqlite:///{path}")) as store:
        store.migrate()
    return path


def new_database() -> str:
    """Copy the empty database. Returns the URL of the copy."""
    path = folder_in_memory() / "test.sqlite3"
    shutil.copy(migrated(), path)
    return f"sqlite:///{path}"


def empty(store: Store) -> None:
    """Delete all rows."""
    with store.write() as session:
        filled = set(session.scalars(_names_of_filled_tables()))
        if not filled:
            return
        session.execute(delete(AuditHorizon))
        session.add(AuditHorizon(id=1, deletable_before=inf))  # else the audit refuses
        session.flush()
        for table in reversed(Base.metadata.sorted_tables):
            if table.name in filled and table is not AuditHorizon.__table__:
                session.execute(delete(table))
        session.execute(delete(AuditHorizon))


@cache
def _names_of_filled_tables() -> CompoundSelect[str]:
    """Ask for all tables that have rows at once: most have none, and to delete nothing takes time too."""
    tables = Base.metadata.sorted_tables
    return union_all(*(select(literal(each.name)).where(select(each).exists()) for each in tables))


class _Clock:
    """Reads the clock of whoever uses the store now."""

    def __init__(self) -> None:
        self.read: Callable[[], float] = float

    def __call__(self) -> float:
        return self.read()


_idle: list[tuple[Store, _Clock]] = []


@contextmanager
def empty_store(clock: Callable[[], float]) -> Iterator[Store]:
    """A store without rows whose clock a test turns; the next test is given the same one."""
    store, its_clock = _idle.pop() if _idle else _new_store()
    its_clock.read = clock
    empty(store)
    yield store
    _idle.append((store, its_clock))


def _new_store() -> tuple[Store, _Clock]:
    clock = _Clock()
    return Store(new_database(), clock=clock, keyring=Keyring([KEY])), clock
