"""The bot's rights and its client against a real registry: what it allows, refuses and finds."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.config import Settings
from bot.errors import RegistryError, RegistryUnreachable
from bot.images.factory import image_store_of
from bot.images.registry import ImageRegistry
from bot.images.rights import TokenRights
from bot.images.tokens import Scope, TokenMinter, read_certificate, read_key
from tests.fakes.real_registry import RealRegistry, digest, is_installed, running_registry

pytestmark = [pytest.mark.engines, pytest.mark.process]


@pytest.fixture
def rights(real_registry: RealRegistry) -> TokenRights:
    return TokenRights(real_registry.minter())


@pytest.fixture
def client(real_registry: RealRegistry, rights: TokenRights) -> Iterator[ImageRegistry]:
    with closing(ImageRegistry(real_registry.place, rights)) as registry:
        yield registry


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A repository of this test alone."""
    return f"binders/{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"


def test_an_image_is_pushed_found_and_deleted(
    real_registry: RealRegistry, rights: TokenRights, client: ImageRegistry, name: str
) -> None:
    repository = f"{real_registry.place.host}/{name}"
    assert client.manifest(repository, "key1") is None
    assert real_registry.push(name, "key1", "image one", rights.to_push(name, 60)).status_code == 201
    found = client.manifest(repository, "key1")
    assert found is not None
    assert digest(b"image one") in found.image_ids
    assert found.layers == {digest(b"layer of image one"): len(b"layer of image one")}
    assert client.manifest(repository, found.digest) == found
    client.delete(repository, found.digest)
    client.delete(repository, found.digest)
    assert client.manifest(repository, "key1") is None
    assert client.manifest(repository, found.digest) is None


def test_a_tag_that_moves_leaves_the_image_that_it_named(
    real_registry: RealRegistry, rights: TokenRights, client: ImageRegistry, name: str
) -> None:
    repository = f"{real_registry.place.host}/{name}"
    real_registry.push(name, "key1", "image one", rights.to_push(name, 60))
    first = client.manifest(repository, "key1")
    real_registry.push(name, "key1", "image two", rights.to_push(name, 60))
    second = client.manifest(repository, "key1")
    assert first is not None
    assert second is not None
    assert second.digest != first.digest
    assert client.manifest(repository, first.digest) == first


def test_a_right_is_for_one_repository_and_what_it_says(
    real_registry: RealRegistry, rights: TokenRights, name: str
) -> None:
    push, pull = rights.to_push(name, 60), rights.to_pull(name, 60)
    other = f"{name}-other"
    assert real_registry.push(name, "key1", "image", push).status_code == 201
    assert real_registry.pull(name, "key1", pull).status_code == 200
    assert real_registry.push(name, "key1", "poison", pull).status_code == 401
    assert real_registry.push(other, "key1", "poison", push).status_code == 401
    assert real_registry.pull(other, "key1", push).status_code == 401


def test_a_right_ends(real_registry: RealRegistry, name: str) -> None:
    key = read_key(real_registry.key)
    certificate = read_certificate(real_registry.certificate, key)
    # The registry allows a minute for clocks that differ.
    earlier = 1_700_000_000.0
    old = TokenMinter(key, certificate, service="binder-bot", issuer="binder-bot", clock=lambda: earlier)
    auth = {"registrytoken": old.mint(Scope(name, ("pull", "push")), 3600)}
    assert real_registry.push(name, "key1", "image", auth).status_code == 401


def test_check_is_content_with_a_registry_that_is_set_up(client: ImageRegistry) -> None:
    client.check()


@pytest.mark.parametrize(
    "wrong", [{"service": "other"}, {"issuer": "other"}], ids=lambda each: next(iter(each))
)
def test_check_says_that_the_registry_refuses(real_registry: RealRegistry, wrong: dict[str, str]) -> None:
    rights = TokenRights(real_registry.minter(**wrong))
    with (
        closing(ImageRegistry(real_registry.place, rights)) as registry,
        pytest.raises(RegistryError, match="refuses the bot") as caught,
    ):
        registry.check()
    assert "IMAGE_REGISTRY_CERTIFICATE" in caught.value.hint


def test_check_says_that_the_registry_is_open_to_all(tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip("needs Debian's package docker-registry: make test-engines")
    with running_registry(tmp_path, auth=False) as open_registry:
        rights = TokenRights(open_registry.minter())
        with (
            closing(ImageRegistry(open_registry.place, rights)) as registry,
            pytest.raises(RegistryError, match="asks nobody who they are"),
        ):
            registry.check()


def test_a_registry_that_is_not_there_is_unreachable(
    real_registry: RealRegistry, rights: TokenRights
) -> None:
    place = type(real_registry.place)("127.0.0.1:1", "binders", is_http=True)
    with closing(ImageRegistry(place, rights)) as registry, pytest.raises(RegistryUnreachable):
        registry.check()


def test_the_settings_that_setup_prints_work(real_registry: RealRegistry) -> None:
    settings = Settings(
        slack_bot_token="xoxb-1",  # type: ignore[arg-type] # as the environment has it
        slack_app_token="xapp-1",  # type: ignore[arg-type] # as the environment has it
        image_registry=f"{real_registry.place.host}/binders",
        image_registry_key=real_registry.key,
        image_registry_certificate=real_registry.certificate,
    )
    kept = image_store_of(settings)
    assert kept is not None
    with closing(kept.registry()) as registry:
        registry.check()
