"""The lifecycle against a real control plane; see docs/openstack-testing.md.

Everything is made under a deployment's id of its own, and removed.
"""

import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openstack.config import OpenStackConfig

from bot.errors import CloudUnreachable, CredentialsRejected, QuotaExceeded
from bot.provisioning.instances import Instance, InstanceSpec, InstanceState, Phase, Report, ResourceIds
from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.console import report_of_console
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.provisioning.openstack.user_data import pack
from tests.integration.openstack.plane import (
    FLAVOR,
    HUGE,
    IMAGE,
    Guest,
    delete_security_groups,
    huge_flavor,
    leavings,
    needs_cloud,
    needs_played_guests,
    quota,
)

pytestmark = [pytest.mark.openstack, needs_cloud, pytest.mark.timeout(600)]

OPTIONS = OpenStackOptions(
    image=IMAGE, flavors=(Flavor("small", FLAVOR, "Small"), Flavor("huge", HUGE, "Huge"))
)

OrderOf = Callable[..., InstanceSpec]
Until = Callable[[Callable[[], bool]], None]


class Project:
    """A deployment in the project; `opened` makes another bot that knows nothing but the cloud."""

    def __init__(self) -> None:
        self.deployment = f"test-{secrets.token_hex(4)}"
        self._clouds: list[OpenStackCloud] = []
        self.cloud = self.opened()

    def opened(self) -> OpenStackCloud:
        cloud = OpenStackCloud(OPTIONS, self.deployment, lambda order: f"# {order.url}\n", report_of_console)
        self._clouds.append(cloud)
        return cloud

    def instance(self, binder_id: str) -> Instance:
        (instance,) = self.cloud.survey().of(binder_id)
        return instance

    def started(self, order: InstanceSpec, until: Until) -> ResourceIds:
        parts = self.cloud.expose(order.binder_id, self.cloud.create(order))
        until(lambda: self.instance(order.binder_id).state == InstanceState.ACTIVE)
        return parts

    def leavings(self) -> list[Any]:
        return leavings(self.cloud)

    def close(self, until: Until) -> None:
        survey = self.cloud.survey()
        for binder_id in {*survey.instances, *survey.strays}:
            until(lambda binder_id=binder_id: self.cloud.remove(binder_id, {}))  # type: ignore[misc]
        delete_security_groups(self.cloud)
        for cloud in self._clouds:
            cloud.close()


@pytest.fixture
def project(until: Until) -> Iterator[Project]:
    project = Project()
    yield project
    project.close(until)
    assert not project.leavings()
    project.cloud.close()


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
    assert project.instance("real1").url is not None
    until(lambda: project.cloud.remove("real1", parts))
    assert not project.leavings()
    assert project.cloud.remove("real1", parts)


def test_a_bot_that_was_killed_finds_everything_again(
    project: Project, order_of: OrderOf, until: Until
) -> None:
    parts = project.started(order_of("real2"), until)
    (found,) = project.opened().recover()
    assert found.resources == parts
    assert found.metadata["owner"] == "U123"
    assert found.metadata["deadline"] == "2027-01-15T08:00:00+00:00"
    assert found.instance == project.instance("real2")
    assert project.opened().create(order_of("real2"))["server"] == parts["server"]


@needs_played_guests
def test_what_a_guest_says_and_serves_is_heard_and_reached(
    project: Project, order_of: OrderOf, until: Until
) -> None:
    parts = project.started(order_of("real3"), until)
    instance = project.instance("real3")
    guest = Guest(parts["server"], str(instance.url))
    guest.says(phase="building", fraction=0.25, message="step 1/4")
    assert project.cloud.report(instance) == Report(Phase.BUILDING, 0.25, "step 1/4")
    with guest.serves(), urllib.request.urlopen(f"{instance.url}/api", timeout=5) as answer:
        assert b"version" in answer.read()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{instance.url}/api", timeout=5)


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


def _unshelved(project: Project, parts: ResourceIds) -> bool:
    try:
        project.cloud.unshelve(parts)
    except CloudUnreachable:  # 409: still being put away
        return False
    return project.instance("real4").state == InstanceState.ACTIVE


def test_a_port_in_use_stops_a_second_server(project: Project, order_of: OrderOf, until: Until) -> None:
    order = order_of("real5")
    parts = project.started(order, until)
    offer = OPTIONS.flavors[0]
    with pytest.raises(CloudUnreachable, match="in use"):
        project.cloud._boot(order, offer, parts["port"], pack(project.cloud._render(order)))
    assert len(project.cloud.survey().of("real5")) == 1


def test_twins_are_removed_too(project: Project, order_of: OrderOf, until: Until) -> None:
    order = order_of("real6")
    parts = project.started(order, until)
    spare = project.cloud._network._make_port("real6")
    project.cloud._boot(order, OPTIONS.flavors[0], spare["id"], pack(project.cloud._render(order)))
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
    with (
        quota(admin, project.cloud, instances=0),
        pytest.raises(QuotaExceeded, match=r"instances \d+ of 0, 1 more"),
    ):
        project.cloud.create(order_of("real9"))
    assert project.cloud.survey().strays == {"real9"}


def test_a_quota_of_floating_ips_is_named(
    project: Project, admin: Api, order_of: OrderOf, until: Until
) -> None:
    parts = project.cloud.create(order_of("real10"))
    with (
        quota(admin, project.cloud, floatingip=0),
        pytest.raises(QuotaExceeded, match="floating IPs"),
    ):
        project.cloud.expose("real10", parts)
    assert "floating_ip" in project.cloud.expose("real10", parts)


def test_a_size_without_room_is_named(project: Project, admin: Api, order_of: OrderOf, until: Until) -> None:
    with huge_flavor(admin, project.cloud):
        parts = project.cloud.create(order_of("real11", size="huge"))
        until(lambda: project.instance("real11").state == InstanceState.ERROR)
        instance = project.instance("real11")
        assert instance.fault.startswith(
            "no host has room for the size huge now; small may have room (No valid host was found"
        )
        assert project.cloud.report(instance) is None
        until(lambda: project.cloud.remove("real11", parts))


@pytest.mark.parametrize("field", ["application_credential_id", "application_credential_secret"])
def test_credentials_that_are_wrong_are_called_so(field: str) -> None:
    cloud = OpenStackCloud(OPTIONS, "test", lambda _: "", report_of_console, region=lambda: _spoilt(field))
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
