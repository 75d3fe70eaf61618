"""Whole launches, from the command to the links, where instances run with a real container engine."""

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import select

from bench import engine
from bench.figures import amount, heading, row
from bot.app import Application
from bot.config import Settings
from storage.models import Binder, BuiltImage
from storage.vocabulary import ImageState, Status
from tests.acceptance.conftest import running
from tests.conftest import GitServer, HostedRepository
from tests.engines.standin_machines import MachineCloud, bot_on, cloud_with_machines
from workspace.hands import Person, links, plain
from workspace.options import Options
from workspace.server import Workspace

_BOOT_SECONDS = 30.0
_TRIES = 3
_MYBINDER = "mybinder.org: median 15 s"


def run() -> None:
    """Measure launches on an OpenStack whose servers run, and launches on this host with containers."""
    with TemporaryDirectory() as folder, GitServer(Path(folder) / "git") as server:
        engine.write_repository(cloud_repository := server.repository("cloud"), os.environ["ENGINES_IMAGE"])
        _on_openstack(Path(folder), cloud_repository)
        engine.write_repository(local_repository := server.repository("local"), os.environ["ENGINES_IMAGE"])
        _on_this_host(Path(folder), local_repository)


def _on_openstack(folder: Path, repository: HostedRepository) -> None:
    with (
        cloud_with_machines(folder / "machines") as cloud,
        Workspace(Options()) as workspace,
        Person(workspace.url) as person,
    ):
        with _bot(cloud, workspace, folder) as bot:
            first = _launch(person, repository, "first")
            _wait_until_kept(bot)
            _stop(person, "first")
            cloud.boot_seconds = _BOOT_SECONDS
            second = _launch(person, repository, "second")
            _stop(person, "second")
        cloud.boot_seconds = 0.0
        with _bot(cloud, workspace, folder, warm_pool="m3.small:1") as bot:
            warm = [_launch_warm(bot, person, repository, number) for number in range(_TRIES)]
    heading("From the command to the links, on an OpenStack whose servers run (its API is a stand-in)")
    row("first launch: nothing built, boot of 0 s", first, "s")
    row(
        f"second launch, boot of {_BOOT_SECONDS:g} s",
        second,
        "s",
        goal=_BOOT_SECONDS + 10,
        against="the boot",
    )
    row(
        "warm instance, image in the registry, median",
        statistics.median(warm),
        "s",
        goal=10.0,
        against=_MYBINDER,
    )


def _on_this_host(folder: Path, repository: HostedRepository) -> None:
    engine.forget_builds()
    by_hand = _by_hand(folder / "by-hand", repository)
    engine.forget_builds()
    settings = _usual("tick_seconds", "ready_poll_seconds") | {"local_engine": "docker"}
    with (
        Workspace(Options()) as workspace,
        Person(workspace.url) as person,
        running(workspace, folder / "local-bot", None, **settings),
    ):
        first = _launch(person, repository, "first")
        _stop(person, "first")
        second = _launch(person, repository, "second")
        _stop(person, "second")
    heading("From the command to the links, on this host with containers")
    row("by hand: git clone, repo2docker, docker run, wait", by_hand, "s")
    row("first launch", first, "s")
    against = f"{amount(first, 's')}, by hand {amount(by_hand, 's')}"
    row("first launch, times by hand", first / by_hand, "x", goal=1.15, against=against)
    row("second launch of the same commit", second, "s", goal=3.0)


def _by_hand(folder: Path, repository: HostedRepository) -> float:
    image = f"by-hand:{os.getpid()}"
    build = ("--no-run", "--image-name", image, "--user-id", "1000", "--user-name", "jovyan")
    with engine.serving_by_hand(image) as (start, url):

        def build_and_start() -> None:
            engine.run("git", "clone", repository.url, str(folder))
            engine.run(engine.repo2docker(), *build, str(folder))
            start()

        return engine.seconds_to_serve(build_and_start, url)


@contextmanager
def _bot(cloud: MachineCloud, workspace: Workspace, folder: Path, **settings: Any) -> Iterator[Application]:
    registry = {
        "image_registry": f"{os.environ['ENGINES_REGISTRY']}/bench-{os.getpid()}",
        "image_registry_key": os.environ["ENGINES_REGISTRY_KEY"],
        "image_registry_certificate": os.environ["ENGINES_REGISTRY_CERTIFICATE"],
        "image_registry_service": engine.SERVICE,
    }
    usual = _usual("tick_seconds", "ready_poll_seconds", "failed_minutes")
    with bot_on(cloud, workspace, folder, **usual | registry | settings) as application:
        yield application


def _usual(*names: str) -> dict[str, Any]:
    """The defaults of settings that tests choose otherwise."""
    return {name: Settings.model_fields[name].default for name in names}


def _launch_warm(bot: Application, person: Person, repository: HostedRepository, number: int) -> float:
    _wait_for(bot, select(Binder).where(Binder.status == Status.WAITING))
    seconds = _launch(person, repository, f"warm-{number}")
    _stop(person, f"warm-{number}")
    return seconds


def _launch(person: Person, repository: HostedRepository, name: str) -> float:
    begun = time.perf_counter()
    before = len(person.look().ephemerals())
    person.command(f"/binder launch {repository.url} --name {name}")
    person.wait_for(
        lambda seen: any("token=" in url for each in seen.ephemerals()[before:] for _, url in links(each)),
        engine.PATIENCE_SECONDS,
    )
    return time.perf_counter() - begun


def _stop(person: Person, name: str) -> None:
    person.command(f"/binder stop {name}")
    person.wait_for(
        lambda seen: any(
            f"*{name}*" in plain(each) and "ran for" in plain(each) for each in seen.everything()
        ),
        engine.PATIENCE_SECONDS,
    )


def _wait_until_kept(bot: Application) -> None:
    _wait_for(bot, select(BuiltImage).where(BuiltImage.state == ImageState.KEPT))


def _wait_for(bot: Application, query: Any) -> None:
    deadline = time.monotonic() + engine.PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with bot.store.read() as session:
            if session.scalars(query).first() is not None:
                return
        time.sleep(0.05)
    raise TimeoutError(str(query))
