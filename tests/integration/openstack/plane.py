"""The cloud that the tests marked `openstack` run against: OS_CLOUD names it (see docs/openstack-testing.md).

Where that is tests/openstack/cloud without a hypervisor, a test plays the guest, and asks for trouble.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.console import MARKER

IMAGE = os.environ.get("OS_TEST_IMAGE", "Featured-Ubuntu24")
FLAVOR = os.environ.get("OS_TEST_FLAVOR", "m3.tiny")
ADMIN = os.environ.get("OS_CLOUD_ADMIN", "osreal-admin")
HUGE = "binder-bot-huge"
"""A flavor that fits on no host; see `huge_flavor`."""
FOLDER = Path(os.environ.get("OSREAL", "/nonexistent"))
"""Of the control plane on this machine, if it is that one."""

needs_cloud = pytest.mark.skipif("OS_CLOUD" not in os.environ, reason="needs OS_CLOUD")


def plays_guests() -> bool:
    """Whether no guest runs in the cloud, so that a test can play one."""
    virt = FOLDER / "run" / "virt"
    return virt.exists() and virt.read_text().strip() == "fake"


needs_played_guests = pytest.mark.skipif(
    not plays_guests(), reason="needs the control plane of tests/openstack/cloud, without a hypervisor"
)


# --- whose is what ---------------------------------------------------------------------------------------


def leavings(cloud: OpenStackCloud, binder_id: str = "") -> list[Any]:
    """Every server, port and floating IP of a deployment, or of one of its binders."""
    inventory = cloud._inventory()
    addresses = (*inventory.ports, *inventory.floating_ips)
    owners = [
        *((cloud._tags.binder_of_server(each), each) for each in inventory.servers),
        *((cloud._tags.binder_of_address(each), each) for each in addresses),
    ]
    return [thing for owner, thing in owners if owner and (not binder_id or owner == binder_id)]


def delete_security_groups(cloud: OpenStackCloud) -> None:
    """Delete what a deployment keeps when its last binder is gone."""
    for group in cloud._network._groups():
        cloud._api.call("network", "DELETE", f"/security-groups/{group['id']}", "clean up")


# --- trouble ---------------------------------------------------------------------------------------------


@contextmanager
def quota(admin: Api, cloud: OpenStackCloud, **limits: int) -> Iterator[None]:
    """Change quotas of the project for a while: Nova's, or those of what Neutron has."""
    project = cloud._api.project_id()
    is_neutrons = "floatingip" in limits
    service: Any = "network" if is_neutrons else "compute"
    path, key = (f"/quotas/{project}", "quota") if is_neutrons else (f"/os-quota-sets/{project}", "quota_set")
    before = admin.call(service, "GET", path, "read the quota")[key]

    def put(values: dict[str, Any]) -> None:
        # Without force, a quota cannot be set below what is in use.
        admin.call(service, "PUT", path, "set the quota", body={key: values | {"force": True}})

    put(limits)
    try:
        yield
    finally:
        put({name: before[name] for name in limits})


@contextmanager
def huge_flavor(admin: Api, cloud: OpenStackCloud) -> Iterator[None]:
    """Offer a size for which no host has room, and allow it."""
    flavor = {"name": HUGE, "ram": 2_000_000, "vcpus": 1, "disk": 1}
    made = admin.make("compute", "/flavors", "flavor", "make a flavor", flavor)
    try:
        with quota(admin, cloud, ram=-1):
            yield
    finally:
        admin.call("compute", "DELETE", f"/flavors/{made['id']}", "delete the flavor")


class Knobs:
    """What tests/openstack/cloud/virt can be told to do wrong."""

    _path = FOLDER / "etc" / "knobs.json"

    @contextmanager
    def turned(self, **values: Any) -> Iterator[None]:
        """Have the hypervisor fail, or take its time, for a while."""
        self._path.write_text(json.dumps(values))
        try:
            yield
        finally:
            self._path.unlink()


# --- the guest -------------------------------------------------------------------------------------------


class Guest:
    """Plays what runs on a server: it writes to its console, and serves on its floating address.

    Args:
        server: The server's id.
        url: Where people reach it.
        token: What its Jupyter asks for.
    """

    def __init__(self, server: str, url: str, token: str = "") -> None:
        self._console = FOLDER / "var" / "consoles" / f"{server}.log"
        self._url = url
        self._token = token

    def says(self, **event: Any) -> None:
        """Report as the agent does."""
        with self._console.open("a") as console:
            console.write(f"[   42.000000] {MARKER.decode()}{json.dumps(event)}\n")

    @contextmanager
    def serves(self) -> Iterator[None]:
        """Answer as Jupyter does, until the end of the block."""
        address = urlsplit(self._url)
        handler = type("Handler", (_Jupyter,), {"token": self._token})
        server = ThreadingHTTPServer((str(address.hostname), int(address.port or 80)), handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Jupyter(BaseHTTPRequestHandler):
    token = ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/api":  # which Jupyter answers to everybody
            self._answer(200, b'{"version": "2.17.0"}')
        elif not self._may_enter():
            self._answer(403 if path.startswith("/api/") else 302, b"", Location=f"/login?next={path}")
        else:
            self._answer(200 if path in {"/lab", "/tree"} else 404, b"<html>")

    def _may_enter(self) -> bool:
        by_url = parse_qs(urlsplit(self.path).query).get("token") == [self.token]
        return by_url or self.headers.get("Authorization") == f"token {self.token}"

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
