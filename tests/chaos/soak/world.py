"""What a soak happens in: a database, a cloud and a workspace that outlive two replicas of the bot."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web
from sqlalchemy.exc import OperationalError

from storage.engine import Store
from storage.lease_models import Lease
from storage.models import Binder, BuiltImage, OutboxMessage
from storage.policy_models import Approval
from storage.vocabulary import Status, Target
from tests.chaos.soak.cloud import GuestCloud, Moment
from tests.chaos.soak.images import GuestImages
from tests.chaos.soak.replica import bake, serve
from tests.conftest import GitServer, HostedRepository
from tests.fakes.postgresql import Server
from tests.fakes.real_registry import RegistryProcess
from tests.integration.openstack.standin import CREDENTIAL, SECRET
from workspace.options import Options, SlashCommand
from workspace.server import Workspace
from workspace.state import Json, User, new_id

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

CHANNELS = ("general", "soak-1", "soak-2")
ADMIN, ADMINS_CHANNEL = "radia", "admins"
LARGE = "m3.quad"
"""The size that needs approval, where any does."""
LEASE_SECONDS = 4
TERM_SECONDS = 10.0
"""How long a replica may take to end, at the most."""
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.chaos.soak.replica"])
Row = TypeVar("Row", Binder, OutboxMessage, Lease, BuiltImage, Approval)


class Violation(AssertionError):
    """Something is not as it always has to be."""


class SpiedWorkspace(Workspace):
    """A workspace that tells of each call of its Web API, before and after."""

    on_call: Callable[[Moment, str], None] = staticmethod(lambda _moment, _method: None)

    def _answer(self, method: str, token: str, given: Json) -> web.Response:
        self.on_call("before", method)
        answer = super()._answer(method, token, given)
        self.on_call("after", method)
        return answer


class Replica:
    """One process of the bot, started again and again."""

    def __init__(
        self, name: str, folder: Path, environment: dict[str, str], is_what: Callable[..., None] = serve
    ) -> None:
        self.name = name
        self._is_what = is_what
        self._log = folder / f"{name}.log"
        self._environment = environment
        self._process: ForkServerProcess | None = None

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def logged(self) -> list[str]:
        return self._log.read_text().splitlines()

    def start(self) -> None:
        if not self.is_up:
            self._process = _FORKS.Process(target=self._is_what, args=(self._environment, self._log))
            self._process.start()

    def signal(self, number: int) -> None:
        if self.is_up:
            os.kill(self.pid, number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def terminate(self) -> float:
        """Ask it to end, and wait for that; how many seconds it took.

        Raises:
            Violation: It takes too long, or fails.
        """
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        self._process.join(TERM_SECONDS)
        if self._process.exitcode is None:
            raise Violation(f"{self.name} did not end within {TERM_SECONDS} s of SIGTERM")
        if self._process.exitcode:
            raise Violation(f"{self.name} ended with {self._process.exitcode} after SIGTERM")
        return time.monotonic() - began


@dataclass
class World:
    """All of it. What is not a process of its own here (cloud, workspace) is never hit."""

    folder: Path
    database: Server
    store: Store
    cloud: GuestCloud
    workspace: SpiedWorkspace
    hosted: HostedRepository
    registry: RegistryProcess | None = None
    replicas: list[Replica] = field(default_factory=list)
    oven: Replica | None = None
    places: int | None = None
    """How many binders may have begun at the same time; None for any number."""
    asks_for_approval: bool = False
    """Whether an admin decides about large binders."""

    def start(self, name: str, **settings: Any) -> Replica:
        """Start one more replica, with more settings than all have."""
        environment = self._environment() | {key.upper(): str(value) for key, value in settings.items()}
        replica = Replica(name, self.folder, environment)
        replica.start()
        self.replicas.append(replica)
        return replica

    def bake(self) -> None:
        """Let the operator bake a machine image, unless one is being baked."""
        self.oven = self.oven or Replica("bake", self.folder, self._environment(), bake)
        self.oven.start()

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OS_", "SLACK_", "PYTEST_"))
        }
        own = {
            "DATABASE_URL": self.store.url.render_as_string(hide_password=False),
            "MAX_BINDERS_PER_PERSON": "1000",
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "READY_POLL_SECONDS": "1",
            "LOOK_SECONDS": "3",
            "LOG_FORMAT": "json",
        }
        return kept | settings_of(self.cloud, self.workspace) | self._image_store() | own

    def _image_store(self) -> dict[str, str]:
        if self.registry is None:
            return {}
        registry = self.registry.registry
        return {
            "IMAGE_REGISTRY": f"{registry.place.host}/{registry.place.prefix}",
            "IMAGE_REGISTRY_KEY": str(registry.key),
            "IMAGE_REGISTRY_CERTIFICATE": str(registry.certificate),
        }

    @property
    def repository(self) -> str:
        """The address of the repository that people launch."""
        return self.hosted.url

    def commit(self) -> None:
        """Change the repository, as its author does."""
        self.hosted.commit({"changed": str(time.monotonic())})

    def binders(self) -> list[Binder]:
        return self._all(Binder, Binder.created_at)

    def launched(self) -> list[Binder]:
        """The binders of people: without those that wait in the pool, or ended there."""
        return [each for each in self.binders() if not each.is_warm]

    def count_places(self) -> None:
        """See that no quota is exceeded.

        Raises:
            Violation: It is.
        """
        begun = [each for each in self.launched() if _has_place(each)]
        if self.places is not None and len(begun) > self.places:
            raise Violation(f"{len(begun)} binders have begun, and there are {self.places} places")

    def owed(self) -> list[OutboxMessage]:
        return self._all(OutboxMessage, OutboxMessage.id)

    def leases(self) -> list[Lease]:
        return self._all(Lease, Lease.name)

    def approvals(self) -> list[Approval]:
        return self._all(Approval, Approval.asked_at)

    def images(self) -> list[BuiltImage]:
        return self._all(BuiltImage, BuiltImage.id)

    def _all(self, kind: type[Row], order: Any) -> list[Row]:
        """Read a table, again where the database is just being restarted."""
        deadline = time.monotonic() + 20
        while True:
            try:
                with self.store.read() as session:
                    return session.query(kind).order_by(order).all()
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def wait(self, happened: Callable[[], object], seconds: float, what: str) -> None:
        """Wait until it has happened.

        Raises:
            Violation: It does not, in time.
        """
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline:
                raise Violation(f"after {seconds} s, this is still not so: {what}")
            time.sleep(0.05)

    def wait_until_connected(self, sockets: int = 1, seconds: float = 60) -> None:
        self.wait(lambda: self.workspace.sockets.connected >= sockets, seconds, "the replicas are connected")


def has_begun(binder: Binder) -> bool:
    """Whether anything was made for a binder, or is being made."""
    is_made = binder.attempt_at is not None or bool(binder.resource_ids)
    return binder.status not in {Status.REQUESTED, Status.GONE} or is_made


def _has_place(binder: Binder) -> bool:
    """Whether a binder takes a place. What was denied, or ended before anything was made, never took one."""
    is_wanted = binder.status != Status.GONE and binder.waits_for is None
    return is_wanted and (binder.target != Target.GONE or has_begun(binder))


def settings_of(cloud: GuestCloud, workspace: Workspace) -> dict[str, str]:
    """What a bot finds in its environment that works for this workspace, on this cloud."""
    return {
        "SLACK_BOT_TOKEN": workspace.bot_token,
        "SLACK_APP_TOKEN": workspace.app_token,
        "SLACK_API_URL": workspace.api_url,
        "CLOUD": "openstack",
        "OS_AUTH_TYPE": "v3applicationcredential",
        "OS_AUTH_URL": f"{cloud.url}/identity/v3",
        "OS_APPLICATION_CREDENTIAL_ID": CREDENTIAL,
        "OS_APPLICATION_CREDENTIAL_SECRET": SECRET,
        "OS_REGION_NAME": "IU",
        "OPENSTACK_IMAGE": "Featured-Ubuntu24",
        "OPENSTACK_SIZES": "m3.small,m3.quad",
        "OPENSTACK_PUBLIC_URL": cloud.public_url,
        "ALLOW_PRIVATE_REPOSITORIES": "true",
    }


def kill(replicas: Iterable[Replica]) -> None:
    """End processes as a power cut does."""
    for each in replicas:
        each.kill()


@contextmanager
def _image_store(folder: Path) -> Iterator[RegistryProcess]:
    registry = RegistryProcess(folder)
    registry.start()
    try:
        yield registry
    finally:
        registry.kill()


@contextmanager
def new_world(
    folder: Path, database: Server, *, keeps_images: bool = False, seed: int = 0
) -> Iterator[World]:
    """Make an empty world, and leave nothing of it running.

    Args:
        folder: Where the logs and all files are.
        database: A database of its own is made in it.
        keeps_images: Whether there is an image store.
        seed: Decides what instances do with images.
    """
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store(database.new_database())))
        store.migrate()
        cloud = GuestCloud()
        cloud.start()
        stack.callback(cloud.stop)
        command = SlashCommand("/binder", "Run a Binder repository", "launch <repository>")
        workspace = stack.enter_context(SpiedWorkspace(Options(app_name="Binder", commands=(command,))))
        state = workspace.state
        people = {each.id for each in state.users.values()}
        for name in set(CHANNELS) - {"general"}:
            state.add_channel(name, "public", set(people))
        admin = User(new_id("U"), ADMIN, "Radia Perlman")
        state.users[admin.id] = admin
        state.add_channel(ADMINS_CHANNEL, "private", {admin.id, state.bot.id})
        git = stack.enter_context(GitServer(folder / "git"))
        hosted = git.repository("team/small")
        hosted.commit({"requirements.txt": ""})
        world = World(folder, database, store, cloud, workspace, hosted)
        if keeps_images:
            world.registry = stack.enter_context(_image_store(folder / "registry"))
            cloud.agents = stack.enter_context(closing(GuestImages(world.registry.registry, seed)))
        stack.callback(lambda: kill([*world.replicas, *filter(None, [world.oven])]))
        yield world
