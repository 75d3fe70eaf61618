"""`binder-bot images` and `check` with a real registry: what they list, remove and say."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot import cli, config
from bot.admin import images as command
from bot.admin.check import check
from bot.errors import ConfigError, RegistryError, RegistryUnreachable
from bot.images.factory import ImageStore, image_store_of
from bot.images.registry import ImageRegistry
from storage import images
from storage.engine import Store
from storage.models import BuiltImage
from storage.vocabulary import ImageState
from tests.fakes.database import KEY
from tests.fakes.real_registry import RealRegistry, digest, is_installed, running_registry

pytestmark = [pytest.mark.engines, pytest.mark.process]

DAY = 86_400.0


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, real_registry: RealRegistry) -> config.Settings:
    monkeypatch.chdir(tmp_path)
    return config.load(
        slack_bot_token="xoxb-1",
        slack_app_token="xapp-1",
        slack_api_url="http://127.0.0.1:1/",
        database_url=f"sqlite:///{tmp_path / 'bot.sqlite3'}",
        secret_key=KEY,
        local_root=tmp_path / "local",
        local_engine="none",
        local_unisolated_ok=True,
        image_registry=f"{real_registry.place.host}/{tmp_path.name.replace('_', '-').lower()}",
        image_registry_key=real_registry.key,
        image_registry_certificate=real_registry.certificate,
    )


@pytest.fixture
def kept(settings: config.Settings) -> ImageStore:
    found = image_store_of(settings)
    assert found is not None
    return found


@pytest.fixture
def client(kept: ImageStore) -> Iterator[ImageRegistry]:
    with closing(kept.registry()) as registry:
        yield registry


@pytest.fixture
def store(settings: config.Settings) -> Iterator[Store]:
    with closing(Store(settings.database_url)) as store:
        store.migrate()
        yield store


def keep(store: Store, kept: ImageStore, real: RealRegistry, name: str, *, days: float) -> BuiltImage:
    """An image in the registry that was last used so many days ago."""
    repository = kept.place.repository(name)
    path = kept.place.path(repository)
    assert real.push(path, "key1", name, kept.rights.to_push(path, 60)).status_code == 201
    with closing(kept.registry()) as registry:
        found = registry.manifest(repository, "key1")
    assert found is not None
    image = BuiltImage(
        repository=repository,
        key="key1",
        image_id=digest(name.encode()),
        provider="gh",
        url=f"https://github.com/o/{name}",
        commit="c" * 40,
        binder_id="b1",
    )
    with store.write() as session:
        images.add(session, image, launched_at=0.0, is_rebuilt=False)
        image.state, image.digest = ImageState.KEPT, found.digest
        image.size_bytes, image.layers = 5_000_000, {name: 5_000_000}
        image.used_at -= days * DAY
    return image


def test_images_are_listed_and_those_that_are_not_needed_are_removed(
    settings: config.Settings,
    store: Store,
    kept: ImageStore,
    real_registry: RealRegistry,
    client: ImageRegistry,
) -> None:
    new = keep(store, kept, real_registry, "new", days=1)
    old = keep(store, kept, real_registry, "old", days=40)
    heading, first, second, total = command.list_images(settings)
    assert heading.split() == ["key", "commit", "MB", "last", "used", "state", "repository"]
    assert first.split()[:3] == ["key1", "c" * 12, "5"]
    assert first.endswith("kept       https://github.com/o/new")
    assert "o/old" in second
    assert total == "Kept: 2; their layers have 10 MB of 100 GB."
    assert list(command.prune(settings)) == ["Images removed: 1."]
    assert client.manifest(old.repository, old.digest) is None
    assert client.manifest(new.repository, new.digest) is not None
    assert len(list(command.list_images(settings))) == 3
    assert list(command.prune(settings)) == ["Images removed: 0."]


def test_without_a_registry_there_is_nothing_to_prune(settings: config.Settings) -> None:
    without = settings.model_copy(update={"image_registry": ""})
    with pytest.raises(ConfigError, match="IMAGE_REGISTRY is not set"):
        list(command.prune(without))


def test_check_tries_the_registry(settings: config.Settings, kept: ImageStore) -> None:
    lines: list[str] = []
    with pytest.raises(OSError, match="refused"):  # there is no Slack
        lines.extend(check(settings))
    of_images = [line for line in lines if line.startswith("images")]
    assert of_images == [f"images     {kept.place.host} answers, and takes the bot's rights"]


def test_check_says_that_nothing_is_deleted(settings: config.Settings, tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip("needs Debian's package docker-registry: make test-engines")
    with running_registry(tmp_path / "registry", deletes=False) as registry:
        changes = {
            "image_registry": f"{registry.place.host}/binders",
            "image_registry_key": registry.key,
            "image_registry_certificate": registry.certificate,
        }
        lines: list[str] = []
        with pytest.raises(OSError, match="refused"):  # there is no Slack
            lines.extend(check(settings.model_copy(update=changes)))
    assert "does not allow images to be deleted" in lines[-1]


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"image_registry": "127.0.0.1:1/binders"}, RegistryUnreachable, "did not answer"),
        ({"image_registry_service": "another"}, RegistryError, "refuses the bot"),
    ],
)
def test_check_says_what_is_wrong_with_the_registry(
    settings: config.Settings, changes: dict[str, str], error: type[RegistryError], says: str
) -> None:
    with pytest.raises(error, match=says):
        list(check(settings.model_copy(update=changes)))


def test_setup_needs_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["images", "--setup", "keys"]) == 0
    assert "rootcertbundle:" in capsys.readouterr().out
    assert cli.main(["images", "--setup", "keys"]) == cli.USAGE_ERROR
    assert "has a key already" in capsys.readouterr().err
