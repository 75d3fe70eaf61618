"""A real database, and a clock of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.engine import Store
from tests.unit.binders.rows import NOW


@pytest.fixture
def clock() -> list[float]:
    return [NOW]


@pytest.fixture
def store(tmp_path: Path, clock: list[float]) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'bot.sqlite3'}", clock=lambda: clock[0])
    store.migrate()
    yield store
    store.close()
