"""The local cloud with a real container engine, through the real bot: from the command to nothing left."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from storage import binders, launch_times
from tests.acceptance.conftest import running
from tests.conftest import HostedRepository
from tests.engines.conftest import Engine
from tests.engines.desk import PATIENCE, Desk, reason, status, workspace_with_ada


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine, repository: HostedRepository
) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    with workspace_with_ada() as (workspace, ada):
        yield Desk(
            workspace,
            ada,
            repository,
            tmp_path,
            lambda: running(workspace, tmp_path, None, local_engine="docker"),
        )


def limits(engine: Engine) -> dict[str, Any]:
    [container] = engine.containers()
    return dict(engine.inspect(container)["HostConfig"])


def test_a_launch_serves_with_its_token_within_its_limits_and_leaves_nothing(
    desk: Desk, engine: Engine
) -> None:
    with desk.bot():
        desk.launch()
        lab = desk.lab()
        assert status(lab) == requests.codes.ok
        assert status(lab.partition("?")[0]) == requests.codes.found
        given = limits(engine)
        assert given["Memory"] == given["MemorySwap"] > 0
        assert given["NanoCpus"] > 0
        assert given["PidsLimit"] > 0
        assert given["CapDrop"] == ["ALL"]
        assert "no-new-privileges" in " ".join(given["SecurityOpt"])
        desk.tear_down(engine)


def test_a_second_launch_of_the_same_commit_builds_nothing_and_expects_that(
    desk: Desk, engine: Engine
) -> None:
    with desk.bot() as bot:
        desk.launch()
        desk.lab()
        [container] = engine.containers()
        image = engine.inspect(container)["Image"]
        desk.tear_down(engine)
        built_at = engine.ask("image", "inspect", "--format", "{{.Created}}", image)
        desk.launch()
        assert status(desk.lab()) == requests.codes.ok
        [container] = engine.containers()
        assert engine.inspect(container)["Image"] == image
        assert engine.ask("image", "inspect", "--format", "{{.Created}}", image) == built_at
        with bot.store.read() as session:
            first, second = launch_times.since(session, 3_600)
            binder = binders.get(session, second.binder_id)
        assert binder is not None
        assert [each.kind for each in (first, second)] == ["Dockerfile", "Dockerfile"]
        assert (second.how, binder.expected["basis"], binder.expected["how"]) == ("kept", "build", "kept")
        assert not {"fetch", "pull", "build"} & set(second.stages)
        desk.tear_down(engine)


def test_a_bot_that_is_started_anew_while_an_image_is_built_goes_on(desk: Desk, engine: Engine) -> None:
    desk.repository.commit({"slow.txt": str(desk.folder)})  # a commit that was never built
    with desk.bot():
        desk.launch()
        desk.ada.wait_for_text("is being built", PATIENCE)
    with desk.bot():
        assert status(desk.lab()) == requests.codes.ok
        desk.tear_down(engine)


def test_a_build_that_fails_gives_its_true_reason_and_leaves_nothing(desk: Desk, engine: Engine) -> None:
    recipe = (Path(__file__).parent / "repository/Dockerfile").read_text()
    broken = recipe + "RUN pip install no-such-package-at-all==99\n"
    before = {"Dockerfile": recipe}
    desk.repository.commit({"Dockerfile": broken})
    try:
        with desk.bot():
            desk.launch()
            failed = desk.ada.wait_for_text("could not be launched", PATIENCE)
            assert "No matching distribution found for no-such-package-at-all==99" in reason(failed)
            desk.ada.wait_for(lambda _: engine.leftovers() == [], PATIENCE)
    finally:
        desk.repository.commit(before)
