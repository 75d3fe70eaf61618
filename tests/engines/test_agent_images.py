"""Images that are built once: pushed, pulled, and reused by the next commit, with a real registry."""

import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.provisioning.agent.engine import Engine as AgentEngine
from bot.provisioning.agent.instructions import pieces_of
from bot.provisioning.agent.sealing import seal
from bot.provisioning.agent.stored_images import ImageAccess, StoredImage
from bot.provisioning.instances import Phase, Report
from tests.conftest import GitServer, HostedRepository
from tests.engines.conftest import REPOSITORY, Engine
from tests.engines.guest import QUICK, EngineGuest
from tests.engines.registry_access import digest_of, misbehaving, registry_host, silent, token, truncated
from tests.fakes.waiting import eventually
from tests.integration.agent.guest import TOKEN, an_order

SECRET = secrets.token_urlsafe(32)
NAME = "tests/agent-images"
"""One repository of the registry for all runs: it has the layers of the base image then."""
PATIENCE = 300.0
IMPATIENT = replace(QUICK, container=replace(QUICK.container, silence_seconds=3))
RECIPE = (REPOSITORY / "Dockerfile").read_text()
SLOW_STEP = f"RUN date +%s.%N >/built-at && head -c 3000000 /dev/urandom >/{secrets.token_hex(8)}"
"""A step of this run. An engine that knows results of a step from earlier runs, some of them built anew,
does not always write into the image which step made the layer (seen with Docker 20.10)."""


@dataclass
class Shelf:
    """A repository of the registry, a git repository, and what was built and stored of it."""

    repository: HostedRepository
    commit: str
    tag: str = field(default_factory=lambda: secrets.token_hex(6))
    stored: dict[str, StoredImage] = field(default_factory=dict)
    built_at: str = ""

    def access(
        self, host: str = "", *, images: dict[str, StoredImage] | None = None, **changes: Any
    ) -> ImageAccess:
        access = ImageAccess(
            repository=f"{host or registry_host()}/{NAME}",
            auth={"registrytoken": token(NAME, "pull")},
            images=self.stored if images is None else images,
        )
        return replace(access, **changes)

    def order(self, access: ImageAccess | None, **changes: Any) -> Any:
        return an_order(
            self.repository.url, **{"commit": self.commit, "secret": SECRET, "images": access, **changes}
        )

    def right_to_push(self) -> dict[str, str]:
        """The metadata that the bot would leave."""
        right = {
            "repository": f"{registry_host()}/{NAME}",
            "tag": self.tag,
            "auth": {"registrytoken": token(NAME, "pull", "push")},
        }
        return pieces_of("push", seal(json.dumps(right), SECRET, "push"))


def log_of(guest: EngineGuest) -> str:
    return (guest.root / "var/lib/binder-bot/build.log").read_text()


def built_at(guest: EngineGuest) -> str:
    return guest.inside("cat /built-at").stdout


def status(guest: EngineGuest) -> int:
    return requests.get(guest.page("lab", TOKEN), timeout=30).status_code


def serving(guest: EngineGuest) -> Report:
    report = guest.serving()
    assert report.phase == Phase.SERVING, f"{report}\n{log_of(guest)}"
    assert status(guest) == requests.codes.ok
    return report


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """A repository that was built on a machine that is gone, and whose image is in the registry."""
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        repository = server.repository("stored")
        recipe = RECIPE.replace("COPY", f"{SLOW_STEP}\nCOPY", 1)
        commit = repository.commit({"Dockerfile": recipe, "notebook.txt": "one", "sub/other.txt": "two"})
        shelf = Shelf(repository, commit)
        guest = EngineGuest(tmp_path_factory.mktemp("builder"), metadata=shelf.right_to_push)
        try:
            guest.launch(shelf.order(shelf.access()))
            image = serving(guest).image
            assert image is not None
            assert (image.how, image.kind, image.directory) == ("built", "Dockerfile", ".")
            digest = eventually(lambda: digest_of(NAME, shelf.tag))
            eventually(lambda: "was stored" in log_of(guest))
            shelf.stored = {image.key: StoredImage(digest, image.id)}
            shelf.built_at = built_at(guest)
        finally:
            guest.destroy()
        assert image.id not in docker_ids()
        yield shelf


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[EngineGuest]:
    guest = EngineGuest(tmp_path)
    yield guest
    guest.destroy()


def docker_ids() -> list[str]:
    listing = ["docker", "images", "--no-trunc", "--quiet"]
    return subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split()


def forget_layers() -> None:
    """Let the engine be one that never built anything."""
    subprocess.run(["docker", "builder", "prune", "--all", "--force"], check=True, capture_output=True)


def test_a_stored_image_is_pulled_instead_of_built(shelf: Shelf, guest: EngineGuest) -> None:
    guest.launch(shelf.order(shelf.access(directory=".")))

    report = serving(guest)

    assert report.image is not None
    assert report.image.how == "pulled"
    assert {report.image.id} == {each.id for each in shelf.stored.values()}
    assert report.notes == ()
    assert built_at(guest) == shelf.built_at
    assert {"fetching", "building"}.isdisjoint(guest.phases)
    assert "pulling" in guest.phases


def test_nothing_secret_is_left_of_a_launch(shelf: Shelf, guest: EngineGuest) -> None:
    access = shelf.access()
    guest.launch(shelf.order(access))
    serving(guest)

    secret = access.auth["registrytoken"]
    holders = [p for p in guest.root.rglob("*") if p.is_file() and secret in p.read_text(errors="replace")]
    assert [path.name for path in holders] == ["task.json"]
    assert secret not in guest.console


def test_another_file_of_the_same_directory_needs_the_directory_alone(
    shelf: Shelf, guest: EngineGuest
) -> None:
    guest.launch(shelf.order(shelf.access(), path="sub/other.txt"))

    report = serving(guest)

    assert report.image is not None
    assert (report.image.how, report.image.directory) == ("pulled", ".")
    assert "fetching" in guest.phases, "it was not known which directory is built for this file"


def test_a_new_commit_starts_from_the_layers_of_the_last_one(shelf: Shelf, guest: EngineGuest) -> None:
    forget_layers()
    commit = shelf.repository.commit({"notebook.txt": secrets.token_hex(8)})
    [stored] = shelf.stored.values()

    guest.launch(shelf.order(shelf.access(images={}, cache_from=stored.digest), commit=commit))

    report = serving(guest)
    assert report.image is not None
    assert report.image.how == "built"
    assert report.notes == ()
    assert "CACHED" in log_of(guest)
    assert built_at(guest) == shelf.built_at, "the slow step was not done again"
    assert not (guest.root / "var/lib/binder-bot/docker").exists(), "the right to the registry is removed"


def test_a_rebuild_takes_nothing_of_earlier_builds_once(shelf: Shelf, guest: EngineGuest) -> None:
    guest.launch(shelf.order(shelf.access(), rebuild=True))
    first = serving(guest).image
    assert first is not None
    assert first.how == "built"
    anew = built_at(guest)
    assert anew != shelf.built_at

    guest.halt()
    guest.clear_console()
    guest.boot()

    assert serving(guest).image == first, "a reboot builds nothing again"
    assert built_at(guest) == anew


def misled(shelf: Shelf, lie: str) -> ImageAccess:
    """What an agent is told that the registry cannot keep."""
    [(key, stored)] = shelf.stored.items()
    if lie == "other id":
        return shelf.access(images={key: replace(stored, id=f"sha256:{'0' * 64}")})
    if lie == "no such digest":
        return shelf.access(images={key: replace(stored, digest=f"sha256:{'1' * 64}")})
    if lie == "refused":
        return shelf.access(auth={"registrytoken": token("tests/another", "pull")})
    return shelf.access("127.0.0.1:9")


@pytest.mark.parametrize("lie", ["other id", "no such digest", "refused", "down"])
def test_a_registry_that_cannot_be_trusted_costs_a_note_and_a_build(
    shelf: Shelf, guest: EngineGuest, lie: str
) -> None:
    guest.launch(shelf.order(misled(shelf, lie)), IMPATIENT)

    report = serving(guest)

    assert report.image is not None
    assert report.image.how == "built"
    [note] = report.notes
    assert note.endswith("is built anew.")


@pytest.mark.parametrize("answer", [truncated, silent])
def test_a_registry_that_sends_half_or_nothing_costs_a_note_and_a_build(
    shelf: Shelf, guest: EngineGuest, answer: Callable[..., None]
) -> None:
    forget_layers()
    with misbehaving(answer) as host:
        guest.launch(shelf.order(shelf.access(host)), IMPATIENT)
        report = serving(guest)

    assert report.image is not None
    assert report.image.how == "built"
    assert len(report.notes) == 1


@pytest.mark.parametrize("answer", [truncated, silent])
def test_layers_that_do_not_arrive_cost_a_note_and_a_whole_build(
    shelf: Shelf, guest: EngineGuest, answer: Callable[..., None]
) -> None:
    forget_layers()
    commit = shelf.repository.commit({"notebook.txt": secrets.token_hex(8)})
    [stored] = shelf.stored.values()
    with misbehaving(answer) as host:
        access = shelf.access(host, images={}, cache_from=stored.digest)
        guest.launch(shelf.order(access, commit=commit), IMPATIENT)
        report = serving(guest)

    assert report.image is not None
    assert report.image.how == "built"
    [note] = report.notes
    assert note.endswith("everything is built anew.")
    assert built_at(guest) != shelf.built_at


def test_a_right_to_push_that_does_not_work_disturbs_nothing(shelf: Shelf, tmp_path: Path) -> None:
    right = {"repository": "127.0.0.1:9/tests/x", "tag": "t", "auth": {"registrytoken": "no"}}
    pieces = pieces_of("push", seal(json.dumps(right), SECRET, "push"))
    guest = EngineGuest(tmp_path, metadata=lambda: pieces)
    try:
        guest.launch(shelf.order(shelf.access(images={})))
        serving(guest)
        eventually(lambda: "could not be stored" in log_of(guest))
        assert status(guest) == requests.codes.ok
        assert guest.report is not None
        assert guest.report.notes == ()
    finally:
        guest.destroy()


def test_an_image_that_lost_its_name_to_a_newer_one_goes_with_the_next_pruning(engine: Engine) -> None:
    name, label = f"binder-bot/{secrets.token_hex(4)}", f"test-{secrets.token_hex(4)}"
    for number in ("1", "2"):
        recipe = f"FROM {os.environ['ENGINES_IMAGE']}\nLABEL {label}={number}\n"
        build = ["docker", "buildx", "build", "--load", "--tag", name, "-"]
        subprocess.run(build, input=recipe, text=True, check=True, capture_output=True)
    assert len(engine.dangling_images()) > 0

    AgentEngine("docker").prune_images(name, 1, label)

    assert engine.leftovers() == []
    assert engine.ask("images", "--quiet", name) != ""
    engine.ask("rmi", name)
