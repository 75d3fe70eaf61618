"""The check over the stand-in: each setting that cannot work is named, with what there is instead."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.provisioning.base import InstanceSpec
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.options import Flavor
from tests.integration.openstack.standin import StandIn

OrderOf = Callable[..., InstanceSpec]
Open = Callable[..., OpenStackCloud]
QUAD = (Flavor("quad", "m3.quad", "Quad"),)


def test_what_is_complete_has_no_problem(opened: Open, standin: StandIn) -> None:
    standin.knobs.volumes = True
    standin.groups["g"] = {"id": "g", "name": "mine", "project_id": "p" * 32, "created_at": ""}
    cloud = opened(key_pair="ada", availability_zone="nova", boot_volume_gb=40, security_group="mine")
    assert cloud.check() == []
    assert cloud.quota() == (
        "instances 0 of 1000, cores 0 of 1000, RAM (MB) 0 of any number, floating IPs 0 of 1000, "
        "ports 0 of 1000, volumes 1 of 10, GB of volumes 100 of 1000"
    )


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"security_group": "lab"}, "The cloud has no security group `lab`. There are: default."),
        ({"key_pair": "eve"}, "The cloud has no key pair `eve`. There are: ada."),
        ({"availability_zone": "attic"}, "The cloud has no availability zone `attic`. There are: nova."),
        ({"network": "lan"}, "The cloud has no network `lan`. There are: auto_allocated_network."),
        ({"external_network": "wan"}, "The cloud has no external network `wan`. There are: public."),
        ({"boot_volume_gb": 40}, "OPENSTACK_BOOT_VOLUME_GB is set, but the cloud has no volumes (Cinder)."),
        (
            {"flavors": (Flavor("s", "m3.smal", "S"),)},
            "The cloud has no flavor `m3.smal`. There are: m3.small, m3.quad.",
        ),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    opened: Open, standin: StandIn, chosen: dict[str, Any], told: str
) -> None:
    standin.groups["d"] = {"id": "d", "name": "default", "project_id": "p" * 32, "created_at": ""}
    assert opened(**chosen).check() == [told]


def test_a_named_group_is_never_made(opened: Open, standin: StandIn, order_of: OrderOf) -> None:
    with pytest.raises(Exception, match="no security group `lab`"):
        opened(security_group="lab").create(order_of("b1"))
    assert not standin.groups


def test_the_auto_allocated_network_is_easily_made(opened: Open, standin: StandIn) -> None:
    del standin.networks[0]
    (told,) = opened().check()
    assert "openstack network auto allocated topology create" in told


@pytest.mark.parametrize("status", ["deactivated", "queued", "saving"])
def test_an_image_that_cannot_be_booted_says_why(opened: Open, standin: StandIn, status: str) -> None:
    standin.images[0]["status"] = status
    assert opened().check() == [
        f"The image `Featured-Ubuntu24` cannot be booted, because its status is {status}.",
    ]


def test_an_image_that_the_site_hides_is_found_by_its_id(opened: Open, standin: StandIn) -> None:
    standin.images[0]["os_hidden"] = "true"
    assert "no image" in opened().check()[0]
    assert opened(image=standin.images[0]["id"]).check() == []


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (
            {"min_disk": 30},
            "The flavor `m3.quad` has 20 GB of disk, and the image `Featured-Ubuntu24` needs 30 GB.",
        ),
        (
            {"virtual_size": 20 * 2**30 + 1},
            "The flavor `m3.quad` has 20 GB of disk, and the image `Featured-Ubuntu24` needs 21 GB.",
        ),
        (
            {"min_ram": 16_000},
            "The flavor `m3.quad` has 15360 MB of memory, and the image `Featured-Ubuntu24` needs 16000 MB.",
        ),
        ({"min_disk": 20, "min_ram": 15_360, "size": 2**30, "virtual_size": None}, None),
    ],
)
def test_an_image_has_to_fit_its_flavors(
    opened: Open, standin: StandIn, image: dict[str, Any], told: str | None
) -> None:
    standin.images[0] |= image
    assert opened(flavors=QUAD).check() == ([told] if told else [])


def test_with_a_boot_volume_the_flavors_disk_does_not_matter(opened: Open, standin: StandIn) -> None:
    standin.knobs.volumes = True
    standin.images[0]["min_disk"] = 30
    standin.flavors[1]["disk"] = 0
    assert opened(flavors=QUAD, boot_volume_gb=30).check() == []
    assert opened(flavors=QUAD, boot_volume_gb=29).check() == [
        "OPENSTACK_BOOT_VOLUME_GB is 29, and the image `Featured-Ubuntu24` needs 30 GB."
    ]
    assert opened(flavors=QUAD).check() == [
        "The flavor `m3.quad` has no disk of its own: set OPENSTACK_BOOT_VOLUME_GB."
    ]


def test_a_flavor_that_is_disabled_is_named(opened: Open, standin: StandIn) -> None:
    standin.flavors[1]["OS-FLV-DISABLED:disabled"] = True
    assert opened(flavors=QUAD).check() == ["The flavor `m3.quad` is disabled."]


NO_ROUTER = "The network `auto_allocated_network` has no router to `public`, so floating IPs cannot reach it."


def test_a_network_needs_a_router_to_the_external_one(opened: Open, standin: StandIn) -> None:
    gateway, standin.routers[0]["external_gateway_info"] = standin.routers[0]["external_gateway_info"], None
    assert opened().check() == [NO_ROUTER]
    standin.routers[0]["external_gateway_info"] = gateway
    standin.router_ports.clear()
    assert opened().check() == [NO_ROUTER]


@pytest.mark.parametrize("hidden", ["shared", "policy"])
def test_a_router_that_nobody_may_see_is_no_problem(opened: Open, standin: StandIn, hidden: str) -> None:
    standin.router_ports.clear()
    if hidden == "shared":
        standin.networks[0]["project_id"] = "site"
    else:
        standin.knobs.answers["GET /routers"] = (403, {"NeutronError": {"message": "Policy says no"}})
    assert opened().check() == []


def test_a_network_without_addresses_is_named(opened: Open, standin: StandIn) -> None:
    standin.knobs.versions = ()
    assert opened().check() == [
        "The network `auto_allocated_network` has no subnet, so instances would have no address."
    ]


@pytest.mark.parametrize(
    ("knobs", "told"),
    [
        ({"instances": 1}, "The project's quota is used up: instances 1 of 1."),
        ({"floating_ips": 1}, "The project's quota is used up: floating IPs 1 of 1."),
        ({"ports": 1}, "The project's quota is used up: ports 1 of 1."),
        (
            {"cores": 5},
            "The project's quota has no room for the size `quad`: cores 4 of 5, 4 more wanted.",
        ),
        (
            {"gigabytes": 139},
            "The project's quota has no room for a boot volume: GB of volumes 100 of 139, 40 more wanted.",
        ),
        ({"instances": -1, "cores": -1}, None),
        ({"tells_quota": False, "ports": 0}, None),
    ],
)
def test_a_quota_without_room_says_how_much_is_used(
    opened: Open, standin: StandIn, order_of: OrderOf, knobs: dict[str, Any], told: str | None
) -> None:
    standin.knobs.volumes = True
    cloud = opened(flavors=QUAD, boot_volume_gb=40)
    cloud.expose("b1", cloud.create(order_of("b1", size="quad")))
    for name, value in knobs.items():
        setattr(standin.knobs, name, value)
    assert cloud.check() == ([told] if told else [])


def test_without_ipv4_no_floating_ip_and_no_router_is_needed(opened: Open, standin: StandIn) -> None:
    standin.knobs.versions = (6,)
    standin.knobs.floating_ips = 0
    standin.router_ports.clear()
    assert opened().check() == []


def test_a_check_changes_nothing(opened: Open, standin: StandIn) -> None:
    opened(key_pair="ada", availability_zone="nova").check()
    assert {sent.split()[0] for sent, _ in standin.requests if " identity " not in sent} == {"GET"}


@pytest.mark.parametrize(
    ("limits", "small", "quad"),
    [
        ({}, 500, 250),
        ({"cores": 10}, 5, 2),
        ({"cores": -1}, 1000, 1000),
        ({"cores": -1, "instances": 7}, 7, 7),
        ({"cores": -1, "floating_ips": 3}, 3, 3),
        ({"cores": -1, "floating_ips": 0, "versions": (6,)}, 1000, 1000),
        ({"cores": -1, "ports": 4}, 4, 4),
        ({"cores": -1, "floating_ips": 3, "tells_quota": False}, 1000, 1000),
        ({"cores": -1, "instances": -1, "floating_ips": -1, "ports": -1}, None, None),
    ],
)
def test_the_quota_says_how_many_more_instances_there_may_be(
    opened: Open, standin: StandIn, limits: dict[str, Any], small: int | None, quad: int | None
) -> None:
    for name, value in limits.items():
        setattr(standin.knobs, name, value)
    cloud = opened()
    assert (cloud.free_places("small"), cloud.free_places("quad")) == (small, quad)
    assert cloud.free_places("none of ours") == 0


def test_what_there_is_leaves_fewer_places(opened: Open, standin: StandIn, order_of: Any) -> None:
    standin.knobs.instances = 3
    cloud = opened()
    assert cloud.free_places("small") == 3
    cloud.create(order_of("b1aa"))
    assert cloud.free_places("small") == 2


def test_how_many_places_are_free_costs_the_same_however_many_instances_there_are(
    opened: Open, standin: StandIn, order_of: Any
) -> None:
    cloud = opened()
    costs = []
    for number in range(3):
        cloud.create(order_of(f"b{number}aa"))
        before = sum(standin.calls.values())
        cloud.free_places("small")
        costs.append(sum(standin.calls.values()) - before)
    assert costs[1] == costs[2] <= 3
