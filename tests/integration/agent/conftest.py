"""Each test of the agent has a guest of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.agent.guest import Guest


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Guest]:
    guest = Guest(tmp_path / "guest")
    yield guest
    guest.halt()
