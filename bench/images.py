"""Images that a registry knows: how long the agent takes to serve one, beside the same steps by hand."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import engine
from bench.figures import amount, heading, row
from bot.provisioning.agent.settings import AgentSettings, MachineSettings
from bot.provisioning.agent.stored_images import ImageAccess, StoredImage
from bot.provisioning.instances import InstanceSpec
from bot.provisioning.openstack.user_data import render
from tests.conftest import GitServer, HostedRepository
from tests.engines.guest import PORT, EngineGuest, docker
from tests.integration.agent.guest import an_order

_TRIES = 3
_SETTINGS = AgentSettings(port=PORT, machine=MachineSettings(install=False))


def run() -> None:
    """Measure pulls with and without the base layers, and a build that starts from an earlier image."""
    with (
        TemporaryDirectory() as folder,
        GitServer(Path(folder) / "git") as server,
        engine.a_base_image() as base,
    ):
        bench = _Images(Path(folder), server.repository("bench"), base)
        stored = bench.build_and_push()
        bench.build_a_new_commit(stored)
        bench.pull(stored, base_is_there=True)
        bench.pull(stored, base_is_there=False)


@dataclass(frozen=True)
class Stored:
    """An image in the registry, and the key of its build."""

    reference: str
    key: str
    image: StoredImage


class _Images:
    def __init__(self, folder: Path, repository: HostedRepository, base: str) -> None:
        self._folder = folder
        self._repository = repository
        self._base = base
        self._name = f"bench/{os.getpid()}"
        self._remote = f"{os.environ['ENGINES_REGISTRY']}/{self._name}"
        self._guests = count()
        self._first = ""
        self._full = 0.0

    def build_and_push(self) -> Stored:
        """Build the first commit from nothing, and bring its image into the registry."""
        self._first = engine.write_repository(self._repository, self._base)
        engine.forget_builds()
        with self._guest(ImageAccess(self._remote), self._first) as guest:
            self._full = engine.seconds_to_serve(guest.boot, guest.url)
            report = guest.report
            assert report is not None
            assert report.image is not None
            return self._push(report.image.key, f"{guest.images}{report.image.key}")

    def build_a_new_commit(self, stored: Stored) -> None:
        """Build a commit of which only the notebook is new, on a machine without earlier builds."""
        second = engine.write_repository(self._repository, self._base, "second")
        engine.forget_builds()
        access = ImageAccess(self._remote, self._auth(), cache_from=stored.image.digest)
        with self._guest(access, second) as guest:
            changed = engine.seconds_to_serve(guest.boot, guest.url)
        heading("A new commit of a repository whose last image is in the registry; one notebook changed")
        row("first commit, built from nothing", self._full, "s")
        row("new commit", changed, "s")
        against = f"{amount(changed, 's')}, the first {amount(self._full, 's')}"
        row("new commit, times the first", changed / self._full, "x", goal=0.25, against=against)

    def pull(self, stored: Stored, *, base_is_there: bool) -> None:
        """Serve the image as the agent does, and by hand, in turns."""
        by_hand, agent = [], []
        for _ in range(_TRIES):
            self._forget(stored, base_is_there=base_is_there)
            by_hand.append(self._by_hand(stored))
            self._forget(stored, base_is_there=base_is_there)
            agent.append(self._by_agent(stored))
        there = "the base image there" if base_is_there else "nothing there"
        heading(f"From the agent's start to a server that answers; the image is in the registry, {there}")
        row("by hand: docker pull, docker run, wait", median(by_hand), "s")
        row("agent", median(agent), "s")
        against = f"{amount(median(agent), 's')}, by hand {amount(median(by_hand), 's')}"
        row("agent, less by hand", median(agent) - median(by_hand), "s", goal=1.0, against=against)

    def _by_hand(self, stored: Stored) -> float:
        with (
            engine.logged_in(self._folder / "docker", self._name),
            engine.serving_by_hand(stored.reference) as (start, url),
        ):
            return engine.seconds_to_serve(
                lambda: (engine.run("docker", "pull", stored.reference), start()), url
            )

    def _by_agent(self, stored: Stored) -> float:
        access = ImageAccess(self._remote, self._auth(), {stored.key: stored.image}, directory=".")
        with self._guest(access, self._first) as guest:
            return engine.seconds_to_serve(guest.boot, guest.url)

    def _push(self, key: str, image: str) -> Stored:
        tagged = f"{self._remote}:{key}"
        engine.run("docker", "tag", image, tagged)
        with engine.logged_in(self._folder / "docker", self._name):
            engine.run("docker", "push", tagged)
        digests = engine.run("docker", "inspect", "--format", "{{index .RepoDigests 0}}", tagged).strip()
        number = engine.run("docker", "inspect", "--format", "{{.Id}}", tagged).strip()
        docker("rmi", tagged)
        return Stored(digests, key, StoredImage(digests.rpartition("@")[2], number))

    def _forget(self, stored: Stored, *, base_is_there: bool) -> None:
        docker("rmi", stored.reference)
        if not base_is_there:
            docker("rmi", self._base)
        engine.forget_builds()

    def _auth(self) -> dict[str, str]:
        return dict(engine.rights().to_pull(self._name, 600.0))

    @contextmanager
    def _guest(self, access: ImageAccess, commit: str) -> Iterator[EngineGuest]:
        """A machine with the order in its user data, which is not booted yet."""
        guest = EngineGuest(self._folder / f"guest-{next(self._guests)}")
        try:
            guest.install(render(self._order(access, commit), _SETTINGS))
            yield guest
        finally:
            guest.destroy()

    def _order(self, access: ImageAccess, commit: str) -> InstanceSpec:
        return an_order(
            self._repository.url, binder_id="bench", token=engine.TOKEN, commit=commit, images=access
        )
