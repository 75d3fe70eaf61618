"""Local clouds that leave nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.local.world import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "local")
    yield bench
    bench.close()
