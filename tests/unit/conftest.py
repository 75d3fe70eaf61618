"""A running server that says whatever a test wants."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from bot.jupyter.client import JupyterServer
from tests.fakes.http import Script, scripted_server


@pytest.fixture
def script() -> Iterator[Script]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def server(script: Script) -> Iterator[JupyterServer]:
    with closing(JupyterServer(script.url, "s3cret")) as server:
        yield server
