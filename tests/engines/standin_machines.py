"""An OpenStack whose servers run: the stand-in for the API, with a guest and a real engine for each server.

    with cloud_with_machines(folder, boot_seconds=30) as cloud, bot_on(cloud, workspace, folder):
        ...

A server's user data is unpacked as cloud-init does, and the agent in it is started. Its floating IP is an
address of loopback, its console is what the agent writes, and its metadata is shown to it by a service of its
own. Deleting it ends the agent and removes its container, volume and images.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.app import Application
from tests.acceptance.conftest import running
from tests.engines.guest import EngineGuest, an_address
from tests.integration.agent.machine import decode, run_bootcmd
from tests.integration.openstack.standin import CREDENTIAL, SECRET, Json, StandIn, nova
from workspace.server import Workspace


class RunningServer:
    """A server's guest. What it is told to do, it does beside the API, one after the other.

    Args:
        guest: The machine.
        user_data: As Nova was given it.
        boot_seconds: How long a kernel and cloud-init take until the agent starts.
    """

    def __init__(self, guest: EngineGuest, user_data: str, boot_seconds: float) -> None:
        self.guest = guest
        self._user_data = decode(user_data)
        self._boot_seconds = boot_seconds
        self._turn = ThreadPoolExecutor(max_workers=1)
        self._is_off = threading.Event()
        self._done: list[Future[None]] = []
        self._do(lambda: guest.install(self._user_data))
        self.power_on()

    @property
    def is_busy(self) -> bool:
        """Whether it has not done yet what it was told."""
        return not all(each.done() for each in self._done)

    def power_on(self) -> None:
        self._is_off = is_off = threading.Event()
        self._do(lambda: self._boot(is_off))

    def power_off(self) -> None:
        self._is_off.set()
        self._do(self.guest.halt)

    def destroy(self) -> None:
        """Vanish; may be told twice."""
        self._is_off.set()
        self._do(self.guest.destroy)

    def wait(self) -> None:
        """Wait until everything that it was told is done, and raise what went wrong."""
        for each in self._done:
            each.result()

    def close(self) -> None:
        """Wait likewise, and be told nothing more."""
        self.wait()
        self._turn.shutdown()

    def _boot(self, is_off: threading.Event) -> None:
        if not is_off.wait(self._boot_seconds):
            run_bootcmd(self._user_data, self.guest.root)
            self.guest.boot()

    def _do(self, what: Callable[[], None]) -> None:
        self._done.append(self._turn.submit(what))


class MachineCloud(StandIn):
    """The stand-in whose servers run.

    Args:
        folder: Where the guests have their files.
        boot_seconds: How long a kernel and cloud-init take until the agent starts; may be changed later.
        memory: The part of the flavor's memory that a container may use: all guests share this machine.
    """

    def __init__(self, folder: Path, boot_seconds: float, memory: float) -> None:
        super().__init__()
        self.boot_seconds = boot_seconds
        self.running: dict[str, RunningServer] = {}
        self._folder = folder
        self._memory = memory
        self._addresses: dict[str, str] = {}

    def stop(self) -> None:
        super().stop()
        for each in self.running.values():
            each.destroy()
        for each in self.running.values():
            each.close()

    @property
    def environment(self) -> dict[str, str]:
        """The credentials of this cloud, as the bot finds them in its environment."""
        return {
            "OS_AUTH_TYPE": "v3applicationcredential",
            "OS_AUTH_URL": f"{self.url}/identity/v3",
            "OS_APPLICATION_CREDENTIAL_ID": CREDENTIAL,
            "OS_APPLICATION_CREDENTIAL_SECRET": SECRET,
            "OS_REGION_NAME": "IU",
        }

    @property
    def settings(self) -> dict[str, Any]:
        """What an operator of this cloud sets."""
        return {
            "cloud": "openstack",
            "openstack_image": self.images[0]["name"],
            "openstack_sizes": "m3.small:Small:2,m3.quad:Quad:4",
        }

    def guest_of(self, binder_id: str) -> EngineGuest:
        """The guest of a binder's server.

        Raises:
            KeyError: It has no server.
        """
        ids = {each["name"]: each["id"] for each in self.servers.values()}
        return self.running[ids[f"binder-{binder_id}"]].guest

    # What the API does with servers ----------------------------------------------------------------------

    def add_server(self, asked: Json, port: str) -> Json:
        server = super().add_server(asked, port)
        guest = EngineGuest(
            self._folder / server["id"],
            address=self.address_for(port),
            metadata=lambda: server["metadata"],
            memory=f"{int(self._ram_of(server) * self._memory)}m",
        )
        self.running[server["id"]] = RunningServer(guest, asked["user_data"], self.boot_seconds)
        return server

    def delete_server(self, server: Json) -> None:
        super().delete_server(server)
        self.running[server["id"]].destroy()

    def console_of(self, server: Json) -> str:
        if server["OS-EXT-STS:task_state"] == "deleting":
            raise nova(409, "conflictingRequest", f"Instance {server['id']} is being deleted")
        return self.running[server["id"]].guest.console

    def address_for(self, port: str) -> str:
        return self._addresses.setdefault(port, an_address())

    def _advance(self, server: Json) -> None:
        machine = self.running[server["id"]]
        if server["OS-EXT-STS:task_state"] == "deleting" and machine.is_busy:
            return  # Nova, too, lets go of a server only when its host has removed it
        super()._advance(server)
        if server["id"] not in self.servers:
            machine.close()
            del self.running[server["id"]]

    def _act(self, server: Json, body: Json) -> Json:
        before = server["status"]
        answer = super()._act(server, body)
        if server["status"] != before:
            machine = self.running[server["id"]]
            machine.power_on() if server["status"] == "ACTIVE" else machine.power_off()
        return answer

    def _ram_of(self, server: Json) -> int:
        rams = {each["name"]: each["ram"] for each in self.flavors}
        return int(rams[server["flavor"]["original_name"]])


@contextmanager
def cloud_with_machines(
    folder: Path, *, boot_seconds: float = 0.0, memory: float = 0.3
) -> Iterator[MachineCloud]:
    """A cloud whose servers run; nothing of them is left afterwards.

    Args:
        folder: Where they have their files.
        boot_seconds: How long a kernel and cloud-init take until the agent starts.
        memory: The part of the flavor's memory that a container may use: all guests share this machine.
    """
    cloud = MachineCloud(folder, boot_seconds, memory)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()


@contextmanager
def bot_on(cloud: MachineCloud, workspace: Workspace, folder: Path, **settings: Any) -> Iterator[Application]:
    """The bot in this process, connected to the workspace, launching on that cloud."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        with running(workspace, folder, None, **cloud.settings | settings) as application:
            yield application
