"""The `Cloud` protocol over the stand-in: what is made, found again, read and removed."""

import base64
import gzip
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from bot.errors import CannotBuild, CloudError, CloudUnreachable, QuotaExceeded
from bot.provisioning.instances import Instance, InstanceSpec, InstanceState, Phase, Report, ResourceIds
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.tokens import fingerprint
from tests.integration.openstack.conftest import OPTIONS
from tests.integration.openstack.standin import StandIn

OrderOf = Callable[..., InstanceSpec]
Open = Callable[..., OpenStackCloud]


def started(cloud: OpenStackCloud, order: InstanceSpec) -> ResourceIds:
    parts = cloud.expose(order.binder_id, cloud.create(order))
    cloud.survey()
    cloud.survey()
    return parts


def only(cloud: OpenStackCloud, binder_id: str) -> Instance:
    (instance,) = cloud.survey().of(binder_id)
    return instance


def removed(cloud: OpenStackCloud, binder_id: str, parts: ResourceIds) -> int:
    """How many steps the removal took."""
    for step in range(1, 20):
        if cloud.remove(binder_id, parts):
            return step
    raise AssertionError("it is never removed")


def request_of(standin: StandIn, kind: str) -> Any:
    return next(body for sent, body in standin.requests if sent == kind)


def test_a_server_is_asked_for_with_all_its_marks(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    cloud.create(order_of("b1", interface="lab"))
    server = request_of(standin, "POST compute /servers")["server"]
    assert server["name"] == "binder-b1"
    assert server["tags"] == ["binder-bot-lab", "binder-b1"]
    assert server["config_drive"] is True
    assert gzip.decompress(base64.b64decode(server["user_data"])) == b"#!/bin/sh\n# b1\n"
    assert server["imageRef"] == standin.images[0]["id"]
    assert {"key_name", "availability_zone", "block_device_mapping_v2"}.isdisjoint(server)
    assert server["metadata"] == {
        "binder-deployment": "lab",
        "binder-id": "b1",
        "binder-owner": "U123",
        "binder-team": "T1",
        "binder-channel": "C456",
        "binder-name": "demo",
        "binder-token": fingerprint("a-token-that-nobody-guesses"),
        "binder-deadline": "2027-01-15T08:00:00+00:00",
        "binder-size": "small",
        "binder-provider": "gh",
        "binder-url": "https://github.com/team/repo",
        "binder-ref": "main",
        "binder-commit": "c0ffee" * 6 + "c0ff",
        "binder-interface": "lab",
    }


def test_the_token_goes_nowhere_but_to_the_renderer(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    started(cloud, order_of("b1"))
    assert "nobody-guesses" not in json.dumps(standin.requests)


def test_what_the_operator_chose_is_asked_for(opened: Open, standin: StandIn, order_of: OrderOf) -> None:
    cloud = opened(
        key_pair="ada",
        availability_zone="nova",
        boot_volume_gb=40,
        allowed_ports=(8888, 22),
        metadata_prefix="x:",
    )
    cloud.create(order_of("b1"))
    server = request_of(standin, "POST compute /servers")["server"]
    assert (server["key_name"], server["availability_zone"]) == ("ada", "nova")
    (volume,) = server["block_device_mapping_v2"]
    assert (volume["uuid"], volume["volume_size"]) == (standin.images[0]["id"], 40)
    assert volume["delete_on_termination"] is True
    assert "imageRef" not in server
    assert server["metadata"]["x:id"] == "b1"
    (group,) = standin.groups.values()
    assert [rule.get("port_range_min") for rule in group["security_group_rules"]] == [None, 8888, 22]


def test_metadata_that_nova_would_refuse_is_left_out_whole(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    cloud.create(order_of("b1", url="https://example.org/" + "x" * 255))
    metadata = request_of(standin, "POST compute /servers")["server"]["metadata"]
    assert "binder-url" not in metadata
    assert metadata["binder-id"] == "b1"


def test_user_data_that_is_too_long_is_refused_before_anything_is_made(
    standin: StandIn, order_of: OrderOf, fold_console: Callable[[str], Report | None]
) -> None:
    cloud = OpenStackCloud(
        OPTIONS, "lab", lambda _: secrets.token_hex(100_000), fold_console, region=standin.region
    )
    with pytest.raises(CannotBuild):
        cloud.create(order_of("b1"))
    cloud.close()
    assert not standin.leavings()


def test_states_are_told_in_our_words(cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf) -> None:
    parts = cloud.create(order_of("b1"))
    assert only(cloud, "b1").state == InstanceState.PENDING
    assert only(cloud, "b1").state == InstanceState.ACTIVE
    server = standin.servers[parts["server"]]
    expected = {
        ("ACTIVE", "powering-off"): InstanceState.PENDING,
        ("SHUTOFF", None): InstanceState.STOPPED,
        ("SHELVED", None): InstanceState.SHELVED,
        ("SHELVED_OFFLOADED", None): InstanceState.SHELVED,
        ("SHELVED_OFFLOADED", "spawning"): InstanceState.PENDING,
        ("UNKNOWN", None): InstanceState.PENDING,
        ("ERROR", None): InstanceState.ERROR,
    }
    for (status, task), state in expected.items():
        server |= {"status": status, "OS-EXT-STS:task_state": task}
        assert only(cloud, "b1").state == state
    server["status"] = "DELETED"
    assert not cloud.survey().instances


def test_the_address_is_neutrons_and_found_by_the_port(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = cloud.create(order_of("b1"))
    assert only(cloud, "b1").url is None
    parts = cloud.expose("b1", parts)
    (floating_ip,) = standin.floating_ips.values()
    assert parts["floating_ip"] == floating_ip["id"]
    assert floating_ip["port_id"] == parts["port"]
    assert only(cloud, "b1").url == f"http://{floating_ip['floating_ip_address']}:8888"
    assert cloud.expose("b1", parts) == parts


def test_the_form_of_the_url_is_the_sites(opened: Open, standin: StandIn, order_of: OrderOf) -> None:
    cloud = opened(public_url="https://http-{dashed}-{port}.proxy.example.org/")
    started(cloud, order_of("b1"))
    (floating_ip,) = standin.floating_ips.values()
    dashed = floating_ip["floating_ip_address"].replace(".", "-")
    assert only(cloud, "b1").url == f"https://http-{dashed}-8888.proxy.example.org"


def test_an_address_that_is_already_on_the_port_is_kept(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = cloud.create(order_of("b1"))
    first = cloud.expose("b1", parts)
    assert cloud.expose("b1", parts) == first
    assert len(standin.floating_ips) == 1


def test_an_address_that_came_unbound_is_bound_again(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    standin.knobs.binds_late = True
    parts = cloud.expose("b1", cloud.create(order_of("b1")))
    assert only(cloud, "b1").url is None
    assert cloud.expose("b1", parts) == parts
    assert only(cloud, "b1").url is not None
    assert len(standin.floating_ips) == 1


def test_an_adopted_instance_whose_port_nobody_recorded_gets_an_address(
    cloud: OpenStackCloud, order_of: OrderOf
) -> None:
    parts = cloud.create(order_of("b1"))
    assert cloud.expose("b1", {"server": parts["server"]}).keys() == {"server", "port", "floating_ip"}


def test_without_a_port_there_is_no_step_to_take(cloud: OpenStackCloud) -> None:
    assert cloud.expose("b1", {"server": "s"}) == {"server": "s"}


def test_creating_twice_makes_one(opened: Open, standin: StandIn, order_of: OrderOf) -> None:
    first = opened().create(order_of("b1"))
    assert opened().create(order_of("b1")) == first
    assert len(standin.servers) == len(standin.ports) == len(standin.groups) == 1


def test_a_server_that_listings_hide_is_not_made_twice(
    opened: Open, standin: StandIn, order_of: OrderOf
) -> None:
    standin.knobs.lag = 3
    parts = opened().create(order_of("b1"))
    standin._build(standin.servers[parts["server"]])
    with pytest.raises(CloudUnreachable, match="in use"):
        opened().create(order_of("b1"))
    assert len(standin.servers) == 1


def test_of_twins_the_oldest_is_kept_and_all_are_removed(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = started(cloud, order_of("b1"))
    asked = request_of(standin, "POST compute /servers")["server"]
    twin = standin.add_server(asked, parts["port"])
    assert [each.ref for each in cloud.survey().of("b1")] == [parts["server"], twin["id"]]
    assert cloud.create(order_of("b1"))["server"] == parts["server"]
    removed(cloud, "b1", parts)
    assert not standin.leavings()


def test_a_removal_takes_steps_and_ends(cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf) -> None:
    standin.knobs.vanish = 3
    parts = started(cloud, order_of("b1"))
    with standin.counted() as calls:
        steps = removed(cloud, "b1", parts)
    assert not standin.leavings()
    assert calls["DELETE compute /servers/ID"] == 1
    assert steps > 4
    assert cloud.remove("b1", parts)
    assert cloud.survey().instances == {}


def test_the_address_and_the_port_outlive_the_server(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = started(cloud, order_of("b1"))
    cloud.remove("b1", parts)
    assert len(standin.leavings()) == 3
    del standin.servers[parts["server"]]
    assert cloud.survey().strays == {"b1"}
    assert not cloud.remove("b1", {})
    assert not standin.leavings()


def test_a_removal_finds_by_id_what_listings_do_not_show(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    standin.knobs.lag = 100
    parts = cloud.create(order_of("b1"))
    assert not cloud.remove("b1", parts)
    assert standin.servers[parts["server"]]["OS-EXT-STS:task_state"] == "deleting"


def test_nothing_of_others_is_touched(opened: Open, standin: StandIn, order_of: OrderOf) -> None:
    theirs = opened("other-lab")
    parts = started(theirs, order_of("b1"))
    mine = opened("lab")
    assert not mine.survey().leaves("b1")
    assert mine.remove("b1", parts)
    assert mine.recover() == []
    assert {each["id"] for each in standin.leavings()} == set(parts.values())


def test_a_longer_deployment_id_is_another_one(opened: Open, order_of: OrderOf) -> None:
    parts = started(opened("lab-2"), order_of("b1"))
    assert not opened("lab").survey().leaves("b1")
    assert opened("lab").remove("b1", parts)


def test_a_cloud_that_ignores_the_filter_changes_nothing(
    opened: Open, standin: StandIn, order_of: OrderOf
) -> None:
    standin.knobs.ignores_tags = True
    theirs = started(opened("other-lab"), order_of("b1"))
    cloud = opened("lab")
    mine = started(cloud, order_of("b2"))
    assert set(cloud.survey().instances) == {"b2"}
    assert cloud.create(order_of("b3"))["server"] not in {mine["server"], theirs["server"]}
    removed(cloud, "b2", mine)
    assert theirs["server"] in standin.servers


def test_the_console_becomes_a_report(cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf) -> None:
    parts = cloud.create(order_of("b1"))
    pending = only(cloud, "b1")
    assert cloud.report(pending) is None
    instance = only(cloud, "b1")
    assert cloud.report(instance) is None
    standin.consoles[parts["server"]] = 'boot\n{"phase": "building", "fraction": 0.5, "message": "half"}\n'
    assert cloud.report(instance) == Report(Phase.BUILDING, 0.5, "half")
    del standin.servers[parts["server"]]
    assert cloud.report(instance) is None


@pytest.mark.parametrize(("status", "words"), [(500, "oops"), (403, "no"), (400, "bad")])
def test_a_console_that_cannot_be_read_says_nothing_of_the_instance(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf, status: int, words: str
) -> None:
    parts = started(cloud, order_of("b1"))
    path = f"POST /servers/{parts['server']}/action"
    standin.knobs.answers[path] = (status, {"x": {"message": words}})
    with pytest.raises(CloudUnreachable, match=words):
        cloud.report(only(cloud, "b1"))


def test_shelving_releases_the_address_and_having_back_gives_one(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = started(cloud, order_of("b1"))
    assert cloud.shelve("b1", parts) == parts
    assert standin.floating_ips
    without = cloud.shelve("b1", parts)
    assert without == {"server": parts["server"], "port": parts["port"]}
    assert not standin.floating_ips
    assert only(cloud, "b1").state == InstanceState.SHELVED
    assert cloud.shelve("b1", without) == without
    cloud.unshelve(without)
    assert only(cloud, "b1").state == InstanceState.ACTIVE
    again = cloud.expose("b1", without)
    assert again["floating_ip"] != parts["floating_ip"]
    assert only(cloud, "b1").url is not None


def test_a_needless_unshelve_changes_nothing(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = started(cloud, order_of("b1"))
    with standin.counted() as calls:
        cloud.unshelve(parts)
    assert not any(kind.startswith(("POST", "DELETE")) for kind in calls)


def test_an_unshelve_that_fails_without_a_word_is_seen(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = started(cloud, order_of("b1"))
    assert not cloud.unshelve_failed(parts)
    cloud.shelve("b1", parts)
    standin.knobs.unshelve_fails = True
    cloud.unshelve(parts)
    assert only(cloud, "b1").state == InstanceState.SHELVED
    assert cloud.unshelve_failed(parts)


def test_everything_is_recovered_from_the_cloud_alone(opened: Open, order_of: OrderOf) -> None:
    parts = started(opened(), order_of("b1"))
    younger = opened().create(order_of("b2", owner="U9"))
    first, second = opened().recover()
    assert (first.instance.binder_id, second.instance.binder_id) == ("b1", "b2")
    assert (first.resources, second.resources) == (parts, younger)
    assert (first.instance.state, first.metadata["owner"]) == (InstanceState.ACTIVE, "U123")
    assert second.metadata["owner"] == "U9"
    assert str(first.instance.url).startswith("http://198.51.")
    assert second.instance.url is None


@pytest.mark.parametrize("page", [1000, 70])
def test_a_survey_takes_as_many_calls_for_300_binders_as_for_one(
    opened: Open, standin: StandIn, order_of: OrderOf, page: int
) -> None:
    cloud = opened()
    started(cloud, order_of("b0"))
    with standin.counted() as few:
        cloud.survey()
    assert few == {"GET compute /servers/detail": 1, "GET network /ports": 1, "GET network /floatingips": 1}
    fill(standin, 300)
    standin.knobs.page = page
    with standin.counted() as many:
        survey = cloud.survey()
    assert len(survey.instances) == 301
    assert all(each.url for twins in survey.instances.values() for each in twins)
    assert many == few | {"GET compute /servers/detail": -(-301 // page)}


def fill(standin: StandIn, count: int) -> None:
    """Copy the one binder there is that many times."""
    (server,), (port,) = standin.servers.values(), standin.ports.values()
    (floating_ip,) = standin.floating_ips.values()
    for n in range(1, count + 1):
        mark = f"binder-bot-lab binder-b{n}"
        ids = {"server": f"s{n}", "port": f"p{n}", "floating_ip": f"f{n}"}
        copies: tuple[tuple[dict[str, Any], dict[str, Any], dict[str, Any]], ...] = (
            (standin.servers, server, {"id": ids["server"], "tags": mark.split()}),
            (standin.ports, port, {"id": ids["port"], "description": mark, "device_id": ids["server"]}),
            (
                standin.floating_ips,
                floating_ip,
                {"id": ids["floating_ip"], "description": mark, "port_id": ids["port"]},
            ),
        )
        for things, original, changes in copies:
            things[changes["id"]] = original | changes


def test_what_other_projects_show_is_not_listed(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    started(cloud, order_of("b1"))
    standin.ports["alien"] = {"id": "alien", "project_id": "q", "description": "binder-bot-lab binder-b9"}
    assert cloud.survey().strays == frozenset()


def test_names_are_looked_up_once(opened: Open, standin: StandIn, order_of: OrderOf) -> None:
    cloud = opened()
    cloud.create(order_of("b1"))
    with standin.counted() as calls:
        cloud.create(order_of("b2"))
    assert calls == {
        "GET compute /servers/detail": 1,
        "GET network /ports": 2,  # before a port is made, and after: somebody else may have made one as well
        "POST network /ports": 1,
        "POST compute /servers": 1,
    }


@pytest.mark.parametrize("kind", ["images", "flavors", "networks"])
def test_what_was_replaced_under_its_name_is_found_at_once(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf, kind: str
) -> None:
    cloud.expose("b1", cloud.create(order_of("b1")))
    things: list[dict[str, Any]] = getattr(standin, kind)
    things[:] = [each | {"id": f"{number}" * 32} for number, each in enumerate(things)]
    assert "floating_ip" in cloud.expose("b2", cloud.create(order_of("b2")))


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("images", "Featured-Ubuntu24", "no image `Featured-Ubuntu24`"),
        ("flavors", "m3.small", "no flavor `m3.small`"),
        ("networks", "auto_allocated_network", "no network `auto_allocated_network`"),
    ],
)
def test_what_is_gone_is_named(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf, kind: str, name: str, told: str
) -> None:
    cloud.create(order_of("b1"))
    things: list[dict[str, Any]] = getattr(standin, kind)
    things[:] = [each for each in things if each["name"] != name]
    with pytest.raises(CloudError, match=told):
        cloud.create(order_of("b2"))
    assert len(standin.servers) == 1


def test_an_external_network_that_is_gone_is_named(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    cloud.expose("b1", cloud.create(order_of("b1")))
    parts = cloud.create(order_of("b2"))
    del standin.networks[1]
    with pytest.raises(CloudError, match="no external network `public`"):
        cloud.expose("b2", parts)


def test_of_images_with_one_name_the_newest_is_taken(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    standin.images.append(standin.images[0] | {"id": "n" * 32, "created_at": "2026-06-01T00:00:00Z"})
    cloud.create(order_of("b1"))
    assert request_of(standin, "POST compute /servers")["server"]["imageRef"] == "n" * 32


def test_a_security_group_that_was_deleted_is_made_again(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    cloud.create(order_of("b1"))
    standin.groups.clear()
    cloud.create(order_of("b2"))
    assert len(standin.groups) == 1


def test_an_unknown_size_is_told_with_the_known_ones(cloud: OpenStackCloud, order_of: OrderOf) -> None:
    with pytest.raises(CloudError, match="no size `giant`") as caught:
        cloud.create(order_of("b1", size="giant"))
    assert caught.value.hint == "The sizes are: small, quad."


def test_a_quota_of_floating_ips_leaves_the_server_to_be_exposed_later(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    standin.knobs.floating_ips = 0
    parts = cloud.create(order_of("b1"))
    with pytest.raises(QuotaExceeded, match=r"The project's quota is used up: floating IPs 0 of 0\."):
        cloud.expose("b1", parts)
    standin.knobs.tells_quota = False
    with pytest.raises(QuotaExceeded, match=r"The project's quota is used up: floating IPs\."):
        cloud.expose("b1", parts)
    standin.knobs.floating_ips = 1
    assert "floating_ip" in cloud.expose("b1", parts)


def test_an_address_that_listings_hide_is_not_made_twice(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = cloud.create(order_of("b1"))
    exposed = cloud.expose("b1", parts)
    standin.knobs.answers["GET /floatingips"] = (200, {"floatingips": []})
    with pytest.raises(CloudUnreachable, match="already has a floating IP"):
        cloud.expose("b1", parts)
    standin.knobs.answers.clear()
    assert cloud.expose("b1", parts) == exposed
