"""The lifecycle against a real control plane: `OS_CLOUD` and `OS_CLIENT_CONFIG_FILE` say which.

Everything is made under a deployment's id of its own, and removed. Where the cloud's floating addresses are
on loopback a test plays the instance's server; where `OSREAL` has its consoles, also its console. Quotas and
sizes are changed only where clouds.yaml has `OS_CLOUD_ADMIN` (by default `osreal-admin`).
"""

import fcntl
import json
import os
import secrets
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from openstack.config import OpenStackConfig

from bot.errors import CloudUnreachable, CredentialsRejected, QuotaExceeded
from bot.provisioning.base import Instance, InstanceState, Order, Parts, Phase, Report
from bot.provisioning.openstack import OpenStackCloud
from bot.provisioning.openstack_api import Api, region_of_environment
from bot.provisioning.openstack_options import Offer, OpenStackOptions

pytestmark = [
    pytest.mark.openstack,
    pytest.mark.skipif(
        not {"OS_CLOUD", "OS_CLIENT_CONFIG_FILE"} <= set(os.environ),
        reason="needs OS_CLOUD and OS_CLIENT_CONFIG_FILE",
    ),
    pytest.mark.timeout(600),
]

IMAGE = os.environ.get("OS_TEST_IMAGE", "Featured-Ubuntu24")
FLAVOR = os.environ.get("OS_TEST_FLAVOR", "m3.tiny")
ADMIN = os.environ.get("OS_CLOUD_ADMIN", "osreal-admin")
OPTIONS = OpenStackOptions(
    image=IMAGE, offers=(Offer("small", FLAVOR, "Small"), Offer("huge", "binder-bot-huge", "Huge"))
)

OrderOf = Callable[..., Order]
Until = Callable[[Callable[[], bool]], None]
Fold = Callable[[str], Report | None]


class Project:
    """A deployment in the project; `opened` makes another bot that knows nothing but the cloud."""

    def __init__(self, fold: Fold) -> None:
        self.deployment = f"test-{secrets.token_hex(4)}"
        self._fold = fold
        self._clouds: list[OpenStackCloud] = []
        self.cloud = self.opened()
        self.api = self.cloud._api

    def opened(self) -> OpenStackCloud:
        cloud = OpenStackCloud(
            OPTIONS, self.deployment, lambda order: f"#!/bin/sh\n# {order.url}\n", self._fold
        )
        self._clouds.append(cloud)
        return cloud

    def instance(self, binder_id: str) -> Instance:
        (instance,) = self.cloud.survey().of(binder_id)
        return instance

    def started(self, order: Order, until: Until) -> Parts:
        parts = self.cloud.expose(order.binder_id, self.cloud.create(order))
        until(lambda: self.instance(order.binder_id).state == InstanceState.ACTIVE)
        return parts

    def leavings(self) -> list[Any]:
        mark = f"binder-bot-{self.deployment}"
        listing = self.cloud._listing()
        marked = (each for each in (*listing.ports, *listing.floating_ips) if mark in each["description"])
        return [*listing.servers, *marked]

    def close(self, until: Until) -> None:
        survey = self.cloud.survey()
        for binder_id in {*survey.instances, *survey.strays}:
            until(lambda binder_id=binder_id: self.cloud.remove(binder_id, {}))  # type: ignore[misc]
        for group in self.cloud._network._groups():
            self.api.call("network", "DELETE", f"/security-groups/{group['id']}", "clean up")
        for cloud in self._clouds:
            cloud.close()


@pytest.fixture(autouse=True)
def _one_test_at_a_time() -> Iterator[None]:
    """Quotas belong to the whole project, whichever process of xdist changes them."""
    with Path(tempfile.gettempdir(), "binder-bot-test-openstack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def project(until: Until, fold_console: Fold) -> Iterator[Project]:
    project = Project(fold_console)
    yield project
    project.close(until)
    assert not project.leavings()
    project.cloud.close()


@pytest.fixture
def admin() -> Iterator[Api]:
    if ADMIN not in OpenStackConfig().get_cloud_names():
        pytest.skip(f"clouds.yaml has no {ADMIN}")
    api = Api(lambda: region_of_environment(ADMIN))
    yield api
    api.close()


@contextmanager
def quota(admin: Api, path: str, key: str, **limits: int) -> Iterator[None]:
    service: Any = "compute" if path.startswith("/os-") else "network"
    before = admin.call(service, "GET", path, "read the quota")[key]
    admin.call(service, "PUT", path, "set the quota", body={key: limits})
    yield
    admin.call(service, "PUT", path, "set the quota", body={key: {name: before[name] for name in limits}})


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def guest_server(url: str) -> Iterator[None]:
    """Play the instance's web server, at its floating address."""
    parts = urlsplit(url)
    if not (parts.hostname or "").startswith("127."):
        pytest.skip("floating addresses are not on loopback: nobody serves there")
    server = ThreadingHTTPServer((str(parts.hostname), int(parts.port or 0)), _Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_names_are_there_and_a_missing_one_is_told_with_what_there_is(project: Project) -> None:
    (problem,) = project.cloud.check()
    assert problem.startswith("The cloud has no flavor `binder-bot-huge`. There are: ")
    assert FLAVOR in problem


def test_a_binder_from_create_to_nothing_left(project: Project, order_of: OrderOf, until: Until) -> None:
    order = order_of("real1")
    parts = project.cloud.create(order)
    assert project.cloud.create(order) == parts
    parts = project.cloud.expose("real1", parts)
    assert project.cloud.expose("real1", parts) == parts
    until(lambda: project.instance("real1").state == InstanceState.ACTIVE)
    url = project.instance("real1").url
    assert url is not None
    with guest_server(url), urllib.request.urlopen(url, timeout=5) as answer:
        assert answer.read() == b"hi"
    until(lambda: project.cloud.remove("real1", parts))
    assert not project.leavings()
    assert project.cloud.remove("real1", parts)


def test_a_bot_that_was_killed_finds_everything_again(
    project: Project, order_of: OrderOf, until: Until
) -> None:
    parts = project.started(order_of("real2"), until)
    (found,) = project.opened().recover()
    assert found["binder_id"] == "real2"
    assert found["parts"] == parts
    assert found["marks"]["owner"] == "U123"
    assert found["marks"]["deadline"] == "2027-01-15T08:00:00+00:00"
    assert found["url"] == project.instance("real2").url
    assert project.opened().create(order_of("real2"))["server"] == parts["server"]


def test_what_the_console_says_becomes_a_report(project: Project, order_of: OrderOf, until: Until) -> None:
    parts = project.started(order_of("real3"), until)
    console = Path(os.environ.get("OSREAL", "/tmp/osreal"), "var", "consoles", f"{parts['server']}.log")
    if not console.exists():
        pytest.skip("its console cannot be written from here")
    with console.open("a") as log:
        log.write(json.dumps({"phase": "building", "fraction": 0.25, "message": "step 1/4"}) + "\n")
    report = project.cloud.report(project.instance("real3"))
    assert report == Report(Phase.BUILDING, 0.25, "step 1/4")


def test_shelved_without_an_address_and_had_back_with_one(
    project: Project, order_of: OrderOf, until: Until
) -> None:
    parts = project.started(order_of("real4"), until)
    project.cloud.shelve("real4", parts)
    until(lambda: project.instance("real4").state == InstanceState.SHELVED)
    parts = project.cloud.shelve("real4", parts)
    assert "floating_ip" not in parts
    assert project.instance("real4").url is None
    until(lambda: _unshelved(project, parts))
    assert not project.cloud.unshelve_failed(parts)
    parts = project.cloud.expose("real4", parts)
    assert project.instance("real4").url is not None


def _unshelved(project: Project, parts: Parts) -> bool:
    try:
        project.cloud.unshelve(parts)
    except CloudUnreachable:  # 409: still being put away
        return False
    return project.instance("real4").state == InstanceState.ACTIVE


def test_a_port_in_use_stops_a_second_server(project: Project, order_of: OrderOf, until: Until) -> None:
    order = order_of("real5")
    parts = project.started(order, until)
    offer = OPTIONS.offers[0]
    with pytest.raises(CloudUnreachable, match="in use"):
        project.cloud._boot(order, offer, parts["port"], project.cloud._user_data(order))
    assert len(project.cloud.survey().of("real5")) == 1


def test_twins_are_removed_too(project: Project, order_of: OrderOf, until: Until) -> None:
    order = order_of("real6")
    parts = project.started(order, until)
    spare = project.cloud._network._make_port("real6")
    project.cloud._boot(order, OPTIONS.offers[0], spare["id"], project.cloud._user_data(order))
    oldest, _ = project.cloud.survey().of("real6")
    assert oldest.ref == parts["server"]
    until(lambda: project.cloud.remove("real6", parts))
    assert not project.leavings()


def test_only_the_needed_port_is_open(project: Project, order_of: OrderOf, until: Until) -> None:
    project.cloud.create(order_of("real7"))
    assert _opened_ports(project) == [(8888, 8888)]
    project.opened().create(order_of("real8"))
    assert _opened_ports(project) == [(8888, 8888)]


def _opened_ports(project: Project) -> list[tuple[int, int]]:
    (group,) = project.cloud._network._groups()
    rules = group["security_group_rules"]
    return [
        (each["port_range_min"], each["port_range_max"]) for each in rules if each["direction"] == "ingress"
    ]


def test_a_quota_of_instances_says_what_is_used(project: Project, admin: Api, order_of: OrderOf) -> None:
    path = f"/os-quota-sets/{project.api.project_id()}"
    with (
        quota(admin, path, "quota_set", instances=0),
        pytest.raises(QuotaExceeded, match="instances 0 of 0, 1 more"),
    ):
        project.cloud.create(order_of("real9"))
    assert project.cloud.survey().strays == {"real9"}


def test_a_quota_of_floating_ips_is_named(
    project: Project, admin: Api, order_of: OrderOf, until: Until
) -> None:
    parts = project.cloud.create(order_of("real10"))
    path = f"/quotas/{project.api.project_id()}"
    with quota(admin, path, "quota", floatingip=0), pytest.raises(QuotaExceeded, match="floating IPs"):
        project.cloud.expose("real10", parts)
    assert "floating_ip" in project.cloud.expose("real10", parts)


def test_a_size_without_room_is_named(project: Project, admin: Api, order_of: OrderOf, until: Until) -> None:
    flavor = {"name": "binder-bot-huge", "ram": 2_000_000, "vcpus": 1, "disk": 1}
    made = admin.make("compute", "/flavors", "flavor", "make a flavor", flavor)
    path = f"/os-quota-sets/{project.api.project_id()}"
    try:
        with quota(admin, path, "quota_set", ram=-1):
            parts = project.cloud.create(order_of("real11", size="huge"))
        until(lambda: project.instance("real11").state == InstanceState.ERROR)
        instance = project.instance("real11")
        assert instance.fault.startswith("no host has room for the size huge now (No valid host was found")
        assert project.cloud.report(instance) is None
        until(lambda: project.cloud.remove("real11", parts))
    finally:
        admin.call("compute", "DELETE", f"/flavors/{made['id']}", "delete the flavor")


@pytest.mark.parametrize("field", ["application_credential_id", "application_credential_secret"])
def test_credentials_that_are_wrong_are_called_so(project: Project, fold_console: Fold, field: str) -> None:
    cloud = OpenStackCloud(OPTIONS, "test", lambda _: "", fold_console, region=lambda: _spoilt(field))
    with pytest.raises(CredentialsRejected):
        cloud.survey()
    assert "credentials" in cloud.check()[0]
    cloud.close()


def _spoilt(field: str) -> Any:
    config = OpenStackConfig()
    good = config.get_one()
    if field not in good.config["auth"]:
        pytest.skip("OS_CLOUD is no application credential")
    return config.get_one(auth=dict(good.config["auth"]) | {field: "0" * 32})
