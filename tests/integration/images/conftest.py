"""A real registry, where Debian's package `docker-registry` is installed; `make test-engines` installs it."""

from collections.abc import Iterator

import pytest

from tests.fakes.real_registry import RealRegistry, is_installed, running_registry


@pytest.fixture(scope="session")
def real_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    if not is_installed():
        pytest.skip("needs Debian's package docker-registry: make test-engines")
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry
