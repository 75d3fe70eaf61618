"""What goes wrong in a cloud, and the sentence that it becomes."""

import socket
import threading
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openstack.config import OpenStackConfig

from bot.errors import (
    CloudError,
    CloudUnreachable,
    ConfigError,
    CredentialsRejected,
    NoCapacity,
    QuotaExceeded,
)
from bot.provisioning.instances import InstanceSpec, InstanceState, Report
from bot.provisioning.openstack import api
from bot.provisioning.openstack.api import region_of_environment
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.errors import Conflict, NotThere, refusal
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.provisioning.openstack.tags import Tags
from tests.integration.openstack.conftest import OPTIONS
from tests.integration.openstack.standin import CREDENTIAL, Cut, StandIn

OrderOf = Callable[..., InstanceSpec]
Open = Callable[..., OpenStackCloud]
Fold = Callable[[str], Report | None]
LIST = "GET /servers/detail"
CORES_AND_RAM = (
    "Quota exceeded for cores, ram: Requested 8, 30720, but already used 16, 61440 of 20, 81920 cores, ram"
)

UNIFIED_LIMIT = (
    "Project 0123 is over a limit for "
    "[Resource class:VCPU is over limit of 8 due to current usage 6 and delta 4]"
)


def fault(cloud: OpenStackCloud, binder_id: str) -> str:
    for _ in range(5):
        (instance,) = cloud.survey().of(binder_id)
        if instance.state == InstanceState.ERROR:
            return instance.fault
    raise AssertionError("it is not in ERROR")


def test_a_size_without_room_is_named(cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf) -> None:
    standin.knobs.full = {"m3.quad"}
    cloud.create(order_of("b1", size="quad"))
    told = "No valid host was found. There are not enough hosts available"
    assert fault(cloud, "b1") == f"no host has room for the size quad now; small may have room ({told})"


def test_a_server_that_was_never_placed_has_no_room_even_without_words(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = cloud.create(order_of("b1"))
    standin.servers[parts["server"]] |= {"status": "ERROR", "OS-EXT-STS:task_state": None}
    assert fault(cloud, "b1").startswith("no host has room for the size small")


def test_any_other_fault_is_novas_own(cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf) -> None:
    standin.knobs.spawn_fault = "Exceeded maximum number of retries.\x1b[31m"
    cloud.create(order_of("b1"))
    assert fault(cloud, "b1") == "Exceeded maximum number of retries"


def test_a_quota_says_what_is_used(cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf) -> None:
    standin.knobs.instances = 0
    with pytest.raises(QuotaExceeded) as caught:
        cloud.create(order_of("b1"))
    assert caught.value.sentence == "The project's quota is used up: instances 0 of 0, 1 more wanted."
    standin.knobs.instances = 1
    assert cloud.create(order_of("b1"))["port"] in standin.ports
    assert len(standin.ports) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (
            403,
            {"forbidden": {"message": CORES_AND_RAM}},
            QuotaExceeded,
            "cores 16 of 20, 8 more wanted, RAM (MB) 61440 of 81920, 30720 more wanted",
        ),
        (
            403,
            {"forbidden": {"message": UNIFIED_LIMIT}},
            QuotaExceeded,
            "The project's quota is used up: cores 6 of 8, 4 more wanted.",
        ),
        (413, {"overLimit": {"message": "Quota is gone"}}, QuotaExceeded, "Quota is gone"),
        (
            409,
            {"NeutronError": {"message": "No more IP addresses available on network public."}},
            QuotaExceeded,
            "no free address",
        ),
        (
            403,
            {"forbidden": {"message": "Policy doesn't allow that."}},
            CloudError,
            "Policy doesn't allow that",
        ),
        (400, {"badRequest": {"message": "No valid host was found."}}, NoCapacity, "No valid host"),
        (401, {"error": {"message": "Expired"}}, CredentialsRejected, "credentials: Expired"),
        (
            404,
            {"itemNotFound": {"message": "Instance x could not be found."}},
            NotThere,
            "could not be found",
        ),
        (404, "<html><h1>404 Not Found</h1></html>", CloudUnreachable, "404 Not Found"),
        (409, {"conflictingRequest": {"message": "Instance is locked"}}, Conflict, "Instance is locked"),
        (429, {"overLimit": {"message": "Quota exceeded for you"}}, CloudUnreachable, "429"),
        (500, "", CloudUnreachable, "500"),
        (503, {"x": []}, CloudUnreachable, "503"),
        (400, {"x": {"message": ["odd"]}}, CloudError, "odd"),
        (400, {"x": {"message": "word " * 1000}}, CloudError, "word"),
    ],
)
def test_a_refusal_becomes_one_bounded_sentence(
    status: int, body: Any, kind: type[CloudError], words: str
) -> None:
    error = refusal(status, body, "do that")
    assert type(error) is kind
    assert words in error.sentence
    assert len(error.sentence) < 400
    assert "\n" not in error.sentence


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("message"), inner),
)


@settings(max_examples=50)
@given(status=st.integers(400, 599), body=JSON)
def test_whatever_a_cloud_answers_the_sentence_is_bounded(status: int, body: Any) -> None:
    error = refusal(status, body, "do that")
    assert len(error.sentence) < 400
    assert "\n" not in error.sentence
    assert error.sentence.endswith(".")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_cloud_that_is_ill_is_unreachable(cloud: OpenStackCloud, standin: StandIn, status: int) -> None:
    standin.knobs.answers[LIST] = (status, "<html>ill</html>")
    with pytest.raises(CloudUnreachable, match="ill"):
        cloud.survey()


@pytest.mark.parametrize(
    "body", ["<html>Welcome to our proxy</html>", {"servers": "none"}, {"servers": [1]}, {}, "[]"]
)
def test_an_answer_that_is_no_novas_is_unreachable(
    cloud: OpenStackCloud, standin: StandIn, body: Any
) -> None:
    standin.knobs.answers[LIST] = (200, body)
    with pytest.raises(CloudUnreachable):
        cloud.survey()


def test_nothing_is_retried_behind_our_back(cloud: OpenStackCloud, standin: StandIn) -> None:
    cloud.survey()
    standin.knobs.answers[LIST] = (503, "busy")
    with standin.counted() as calls, pytest.raises(CloudUnreachable):
        cloud.survey()
    assert calls[LIST.replace("/", "compute /", 1)] == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_mark_that_is_refused_is_not_tried_again(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf, status: int
) -> None:
    resources = cloud.create(order_of("b1"))
    path = f"POST /servers/{resources['server']}/metadata"
    standin.knobs.answers[path] = (status, {"error": {"message": "The access rules do not allow it."}})
    with standin.counted() as calls:
        for _ in range(3):
            cloud.mark_end(resources, 2e9)
    assert calls["POST compute /servers/ID/metadata"] <= 2, "a token may be asked for anew, once"


def test_a_mark_that_did_not_arrive_is_tried_again(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    resources = cloud.create(order_of("b1"))
    path = f"POST /servers/{resources['server']}/metadata"
    standin.knobs.answers[path] = (503, "busy")
    with pytest.raises(CloudUnreachable):
        cloud.mark_end(resources, 2e9)
    del standin.knobs.answers[path]
    cloud.mark_end(resources, 2e9)
    assert cloud.survey().of("b1")[0].ends_at == 2e9


def test_a_cloud_that_is_not_there_is_unreachable(standin: StandIn, fold_console: Fold) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    auth = {"auth_url": f"http://127.0.0.1:{port}/v3", "username": "u", "password": "p", "project_name": "p"}
    config = OpenStackConfig(load_yaml_config=False, load_envvars=False)
    cloud = OpenStackCloud(
        OPTIONS, "lab", lambda _: "", fold_console, region=lambda: config.get_one(auth=auth)
    )
    with pytest.raises(CloudUnreachable):
        cloud.survey()
    assert len(cloud.check()) == 1


def test_a_cloud_that_does_not_answer_in_time_is_unreachable(
    cloud: OpenStackCloud, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.survey()
    monkeypatch.setattr(api, "READ_SECONDS", 0.2)
    standin.knobs.slow = 0.6
    with pytest.raises(CloudUnreachable):
        cloud.survey()
    standin.knobs.slow = 0.0
    cloud.survey()


@pytest.mark.parametrize(
    ("credential", "secret", "words"),
    [
        (CREDENTIAL, "wrong", "requires authentication"),
        ("unknown", "x", "Could not find Application Credential"),
    ],
)
def test_rejected_credentials_are_called_so(
    standin: StandIn, fold_console: Fold, credential: str, secret: str, words: str
) -> None:
    cloud = OpenStackCloud(
        OPTIONS, "lab", lambda _: "", fold_console, region=lambda: standin.region(credential, secret)
    )
    with pytest.raises(CredentialsRejected, match=words) as caught:
        cloud.survey()
    assert "application credential" in caught.value.hint
    assert secret not in caught.value.sentence or secret == "x"
    assert words in cloud.check()[0]
    cloud.close()


def test_a_token_that_expired_is_renewed(cloud: OpenStackCloud, standin: StandIn) -> None:
    cloud.survey()
    standin.tokens.clear()
    assert cloud.survey().instances == {}


def test_credentials_that_were_revoked_meanwhile_are_rejected(
    cloud: OpenStackCloud, standin: StandIn
) -> None:
    cloud.survey()
    standin.tokens.clear()
    standin.secret = "another"
    with pytest.raises(CredentialsRejected):
        cloud.survey()


@pytest.mark.parametrize("text", ["clouds: [", "clouds: {}"])
def test_a_clouds_yaml_that_says_nothing_is_no_crash(
    text: str, fold_console: Fold, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clouds.yaml").write_text(text)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    cloud = OpenStackCloud(
        OPTIONS, "lab", lambda _: "", fold_console, region=lambda: region_of_environment("lab")
    )
    with pytest.raises(CredentialsRejected):
        cloud.survey()
    assert len(cloud.check()) == 1


def test_endpoints_that_cannot_be_found_now_are_found_later(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    failed = 0
    for call in range(1, 6):
        standin.knobs.cut = Cut(call, "before")
        try:
            cloud.survey()
        except CloudUnreachable:
            failed += 1
        assert standin.cut_is_over()
        assert cloud.survey().instances == {}
        cloud.close()
    assert failed == 4  # Nova's versions are asked for at two places
    cloud.create(order_of("b1"))


def test_an_old_nova_is_told(cloud: OpenStackCloud, standin: StandIn) -> None:
    standin.microversion = "2.38"
    assert cloud.check() == ["The cloud's Nova is too old: microversion 2.52 (Pike, 2017) is needed."]


def test_a_complete_cloud_has_no_problems(opened: Open) -> None:
    assert opened(key_pair="ada", availability_zone="nova").check() == []


def test_what_is_missing_is_told_with_what_there_is(opened: Open) -> None:
    cloud = opened(
        image="Featured-Ubuntu22",
        flavors=(Flavor("s", "m3.smal", "S"),),
        network="public",
        external_network="auto_allocated_network",
        key_pair="eve",
        availability_zone="mars",
    )
    assert cloud.check() == [
        "The cloud has no image `Featured-Ubuntu22`. There are: Featured-Ubuntu24.",
        "The cloud has no flavor `m3.smal`. There are: m3.small, m3.quad.",
        "The cloud has no network `public`. There are: auto_allocated_network.",
        "The cloud has no external network `auto_allocated_network`. There are: public.",
        "The cloud has no key pair `eve`. There are: ada.",
        "The cloud has no availability zone `mars`. There are: nova.",
    ]


@pytest.mark.parametrize("how", ["after", "500"])
def test_a_create_whose_reply_is_lost_is_adopted_from_the_listing(
    opened: Open, standin: StandIn, order_of: OrderOf, how: Literal["after", "500"]
) -> None:
    cloud = opened()
    cloud.create(order_of("b0"))
    standin.knobs.cut = Cut(5, how)  # a listing of servers, one of ports, the port, ports again, the server
    with pytest.raises(CloudUnreachable):
        cloud.create(order_of("b1"))
    (found,) = cloud.survey().of("b1")
    assert cloud.create(order_of("b1"))["server"] == found.ref
    assert len(standin.servers) == 2


@pytest.mark.parametrize("how", ["after", "500"])
def test_an_address_whose_reply_is_lost_is_found_by_its_binding(
    opened: Open, standin: StandIn, order_of: OrderOf, how: Literal["after", "500"]
) -> None:
    cloud = opened()
    cloud.expose("b0", cloud.create(order_of("b0")))
    parts = cloud.create(order_of("b1"))
    standin.knobs.cut = Cut(4, how)  # the port, the address on it, one left over, the new one
    with pytest.raises(CloudUnreachable):
        cloud.expose("b1", parts)
    assert len(standin.floating_ips) == 2
    assert cloud.expose("b1", parts)["floating_ip"] in standin.floating_ips
    assert len(standin.floating_ips) == 2


def test_two_bots_that_start_at_once_share_one_security_group(
    opened: Open, standin: StandIn, order_of: OrderOf
) -> None:
    clouds = [opened() for _ in range(4)]
    threads = [
        threading.Thread(target=cloud.create, args=(order_of(f"b{n}"),)) for n, cloud in enumerate(clouds)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (group,) = standin.groups.values()
    assert {port["security_groups"][0] for port in standin.ports.values()} == {group["id"]}
    assert len(group["security_group_rules"]) == 2


@pytest.mark.parametrize("deployment", ["", "Lab", "a,b", "x" * 41, "-lab", "lab-", "a b"])
def test_a_deployment_that_cannot_be_a_tag_is_refused(deployment: str) -> None:
    with pytest.raises(ConfigError):
        Tags(deployment)


@pytest.mark.parametrize(
    "changes",
    [
        {"flavors": ()},
        {"flavors": (Flavor("a", "x", "A"), Flavor("a", "y", "B"))},
        {"public_url": "ftp://{address}"},
        {"public_url": "http://host:{port}"},
        {"public_url": "http://{address}/{token}"},
        {"public_url": "http://{address"},
        {"allowed_ports": ()},
        {"allowed_ports": (0,)},
        {"metadata_prefix": "binder id"},
    ],
)
def test_options_that_cannot_be_right_are_refused(changes: dict[str, Any]) -> None:
    values: dict[str, Any] = {"image": "x", "flavors": (Flavor("a", "x", "A"),)}
    with pytest.raises(ConfigError):
        OpenStackOptions(**values | changes)


def test_an_address_of_version_6_fits_into_both_forms() -> None:
    options = OpenStackOptions("x", (Flavor("a", "x", "A"),))
    assert options.url_of("2001:db8::1") == "http://[2001:db8::1]:8888"
    proxied = OpenStackOptions(
        "x", (Flavor("a", "x", "A"),), public_url="https://http-{dashed}-{port}.example.org"
    )
    assert proxied.url_of("192.0.2.7") == "https://http-192-0-2-7-8888.example.org"


def test_a_size_without_room_names_the_sizes_that_everybody_may_use(
    opened: Open, standin: StandIn, order_of: OrderOf
) -> None:
    offers = (
        *OPTIONS.flavors,
        Flavor("big", "m3.quad", "Big", people=frozenset({"U1"})),
        Flavor("x", "m3.quad", "X"),
    )
    cloud = opened(flavors=offers)
    standin.knobs.answers["POST /servers"] = (400, {"badRequest": {"message": "No valid host was found."}})
    with pytest.raises(NoCapacity) as caught:
        cloud.create(order_of("b1", size="quad"))
    assert caught.value.sentence == "No host has room for the size quad now; small or x may have room."


def test_a_shelved_instance_without_room_names_its_size(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    parts = cloud.create(order_of("b1"))
    cloud.survey()
    cloud.survey()
    cloud.shelve("b1", parts)
    path = f"POST /servers/{parts['server']}/action"
    standin.knobs.answers[path] = (409, {"conflictingRequest": {"message": "No valid host was found."}})
    with pytest.raises(NoCapacity, match="No host has room for the size small now; quad may have room"):
        cloud.unshelve(parts)


@pytest.mark.parametrize(
    ("kind", "named"), [("ports", "ports 0 of 0"), ("floating_ips", "floating IPs 0 of 0")]
)
def test_a_quota_of_the_network_says_what_is_used(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf, kind: str, named: str
) -> None:
    setattr(standin.knobs, kind, 0)
    with pytest.raises(QuotaExceeded) as caught:
        cloud.expose("b1", cloud.create(order_of("b1")))
    assert caught.value.sentence == f"The project's quota is used up: {named}."
    assert not standin.floating_ips


def test_instances_with_ipv6_alone_are_reached_without_a_floating_ip(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf
) -> None:
    standin.knobs.versions = (6,)
    standin.knobs.floating_ips = 0
    parts = cloud.create(order_of("b1"))
    assert cloud.expose("b1", parts) == parts
    cloud.survey()
    (instance,) = cloud.survey().of("b1")
    assert instance.url == "http://[2001:db8::7]:8888"
    assert cloud.shelve("b1", parts) == parts
    assert cloud.survey().of("b1")[0].url is None
    assert _opened(standin) == [("IPv6", 8888)]


def test_with_both_versions_the_address_is_the_floating_ip_and_both_are_open(
    opened: Open, standin: StandIn, order_of: OrderOf
) -> None:
    standin.knobs.versions = (4, 6)
    cloud = opened()
    cloud.expose("b1", cloud.create(order_of("b1")))
    opened().create(order_of("b2"))  # this bot finds open what the other one opened
    cloud.survey()
    (instance,) = cloud.survey().of("b1")
    assert str(instance.url).startswith("http://198.51.")
    assert _opened(standin) == [("IPv4", 8888), ("IPv6", 8888)]


def _opened(standin: StandIn) -> list[tuple[str, int]]:
    (group,) = standin.groups.values()
    rules = [rule for rule in group["security_group_rules"] if rule["direction"] == "ingress"]
    return [(rule["ethertype"], rule["port_range_min"]) for rule in rules]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Quota exceeded, too many servers.", "instances 0 of 0"),
        (
            "Quota exceeded for ram: Requested 8, but already used 16 of 20 ram",
            "RAM (MB) 16 of 20, 8 more wanted",
        ),
    ],
)
def test_a_quota_of_nova_that_is_told_without_numbers_is_looked_up(
    cloud: OpenStackCloud, standin: StandIn, order_of: OrderOf, words: str, told: str
) -> None:
    standin.knobs.instances = 0
    standin.knobs.answers["POST /servers"] = (403, {"forbidden": {"message": words}})
    with pytest.raises(QuotaExceeded) as caught:
        cloud.create(order_of("b1"))
    assert caught.value.sentence == f"The project's quota is used up: {told}."
