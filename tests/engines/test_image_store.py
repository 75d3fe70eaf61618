"""The image store with a real engine and registry, through the real bot: built once, pulled afterwards."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from bot.app import Application
from storage.models import Binder, BuiltImage, ImageState
from tests.acceptance.conftest import running
from tests.conftest import HostedRepository
from tests.engines.conftest import Engine
from tests.engines.desk import PATIENCE, Desk, status, workspace_with_ada


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine, repository: HostedRepository
) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bot.app.IMAGES_SECONDS", 1.0)
    monkeypatch.setattr("bot.images.keeper.POLL_SECONDS", 1.0)
    settings = {
        "local_engine": "docker",
        "image_registry": f"{os.environ['ENGINES_REGISTRY']}/test-{secrets.token_hex(6)}",
        "image_registry_key": os.environ["ENGINES_REGISTRY_KEY"],
        "image_registry_certificate": os.environ["ENGINES_REGISTRY_CERTIFICATE"],
    }
    with workspace_with_ada() as (workspace, ada):
        yield Desk(
            workspace, ada, repository, tmp_path, lambda: running(workspace, tmp_path, None, **settings)
        )


def rows(bot: Application) -> list[BuiltImage]:
    with bot.store.read() as session:
        return list(session.scalars(select(BuiltImage).order_by(BuiltImage.id)))


def newest_binder(bot: Application) -> Binder:
    with bot.store.read() as session:
        found = session.scalar(select(Binder).order_by(Binder.created_at.desc()).limit(1))
    assert found is not None
    return found


def wait_until(desk: Desk, condition: Callable[[], object]) -> None:
    desk.ada.wait_for(lambda _: condition(), PATIENCE)


def test_what_was_built_once_is_pulled_afterwards(desk: Desk, engine: Engine) -> None:
    desk.repository.commit({"once.txt": str(desk.folder)})  # a commit that was never built
    with desk.bot() as bot:
        desk.launch()
        desk.lab()
        wait_until(desk, lambda: [each.state for each in rows(bot)] == [ImageState.KEPT])
        [image] = rows(bot)
        assert newest_binder(bot).image["how"] == "built"
        assert image.size_bytes > 0
        desk.tear_down(engine)
        engine.ask("rmi", "--force", image.image_id)
        desk.launch()
        assert status(desk.lab()) == requests.codes.ok
        pulled = newest_binder(bot).image
        assert (pulled["how"], pulled["id"], pulled["key"]) == ("pulled", image.image_id, image.key)
        assert rows(bot)[0].used_at > image.used_at
        desk.tear_down(engine)
        assert [each.state for each in rows(bot)] == [ImageState.KEPT]
