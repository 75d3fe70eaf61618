"""A real database, and a clock of its own."""

from collections.abc import Iterator

import pytest

from storage.engine import Store
from tests.fakes.database import empty_store
from tests.unit.binders.rows import NOW


@pytest.fixture
def clock() -> list[float]:
    return [NOW]


@pytest.fixture
def store(clock: list[float]) -> Iterator[Store]:
    with empty_store(lambda: clock[0]) as store:
        yield store
