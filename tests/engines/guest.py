"""A guest whose Docker, buildx and repo2docker are real: several at once share this machine's engine.

Its agent is told what a machine of its own would give it: a name for its container, an address of loopback
where its server is published, names for its images, and a metadata service.
"""

import json
import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from bot.provisioning.agent.settings import AgentSettings, MachineSettings, ReportSettings
from bot.provisioning.base import InstanceSpec
from bot.provisioning.openstack.user_data import render
from tests.integration.agent.machine import GuestMachine, unpack

PORT = 8888
"""Where all guests serve, each at its own address."""
QUICK = AgentSettings(
    port=PORT,
    start_seconds=60,
    poll_seconds=0.1,
    watch_seconds=0.2,
    build_seconds=120,
    reports=ReportSettings(seconds=0.2),
    machine=MachineSettings(install=False, egress_seconds=5),
)


def an_address() -> str:
    """An address of loopback at which nobody serves; another one each time."""
    while True:
        address = "127.{}.{}.{}".format(*(random.randint(1, 254) for _ in range(3)))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, PORT))
            except OSError:
                continue
        return address


class MetadataService:
    """Shows a server's metadata at an address of its own, as Nova does to the server itself.

    Args:
        metadata: Asked at each request.
    """

    def __init__(self, metadata: Callable[[], Mapping[str, str]]) -> None:
        self.metadata = metadata
        handler = type("Metadata", (_MetadataHandler,), {"service": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        """What the agent is told: its setting `machine.metadata`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _MetadataHandler(BaseHTTPRequestHandler):
    service: ClassVar[MetadataService]

    def do_GET(self) -> None:
        is_known = self.path == "/openstack/latest/meta_data.json"
        content = json.dumps({"meta": dict(self.service.metadata())}).encode() if is_known else b""
        self.send_response(200 if is_known else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


class EngineGuest(GuestMachine):
    """A machine with Docker.

    Args:
        directory: Where its files are.
        address: The address of loopback where it serves; one of its own by default.
        metadata: What its server's metadata is, asked at each request.
        memory: The memory that its container may use, as Docker writes it.
    """

    patience = 60.0

    def __init__(
        self,
        directory: Path,
        *,
        address: str | None = None,
        metadata: Callable[[], Mapping[str, str]] = dict,
        memory: str = "2g",
    ) -> None:
        self.address = address or an_address()
        self.name = f"guest-{self.address.replace('.', '-')}"
        self._memory = memory
        self._metadata = MetadataService(metadata)
        root = directory / "root"
        super().__init__(root, _environment(root))

    @property
    def url(self) -> str:
        """Where its server is."""
        return f"http://{self.address}:{PORT}"

    @property
    def images(self) -> str:
        """What the names of its images begin with: no other guest finds them."""
        return f"binder-bot/{self.name}-"

    def launch(self, order: InstanceSpec, settings: AgentSettings = QUICK) -> None:
        """Be a new machine with the user data of that order, for a binder of its own."""
        self.install(render(replace(order, binder_id=self.name), settings))
        self.boot()

    def install(self, user_data: str) -> None:
        """Do what cloud-init does at the first boot, up to the start of the agent."""
        unpack(user_data, self.root)
        content = json.loads(self._task.read_text())
        self._fit(content["settings"])
        self._task.write_text(json.dumps(content))

    def halt(self) -> None:
        """Lose power: nothing that ran does any more, and what is on the disk stays."""
        self.kill_agent()
        docker("kill", self.name)

    def destroy(self) -> None:
        """Vanish, with all that is on the disk."""
        self.kill_agent()
        docker("rm", "--force", "--volumes", self.name)
        for volume in self._volumes():
            docker("volume", "rm", "--force", volume)
        own = docker("images", "--filter", f"reference={self.images}*", "--format", "{{.Repository}}").split()
        if own:
            docker("rmi", *own)
        self._metadata.close()
        shutil.rmtree(self.root, ignore_errors=True)

    def inside(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in its container, as a person does in a terminal."""
        command = ["docker", "exec", self.name, "sh", "-c", script]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def page(self, path: str, token: str = "") -> str:
        """The address of a page of its server."""
        return f"{self.url}/{path}" + (f"?token={quote(token)}" if token else "")

    @property
    def _task(self) -> Path:
        return self.root / "etc/binder-bot/task.json"

    def _volumes(self) -> list[str]:
        """What holds its files, if it was told already whose they are."""
        if not self._task.exists():
            return []
        return [f"binder-{json.loads(self._task.read_text())['task']['binder_id']}"]

    def _fit(self, settings: dict[str, Any]) -> None:
        settings["port"] = PORT
        settings["machine"] |= {"metadata": self._metadata.url, "install": False}
        settings["container"] |= {
            "name": self.name,
            "address": self.address,
            "images": self.images,
            "memory": settings["container"]["memory"] or self._memory,
        }


def docker(*arguments: str) -> str:
    """Run a command of Docker whose failure does not matter, and give what it printed."""
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True).stdout


def _environment(root: Path) -> dict[str, str]:
    """The environment of the agent: with a Docker configuration of its own, as each machine has one."""
    config = root / "root/.docker"
    config.mkdir(parents=True)
    (config / "cli-plugins").symlink_to(Path(os.environ["DOCKER_CONFIG"], "cli-plugins"))
    tools = Path(os.environ["ENGINES"], "repo2docker/bin")
    return {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(root / "root"),
        "DOCKER_HOST": os.environ["DOCKER_HOST"],
        "DOCKER_CONFIG": str(config),
    }
