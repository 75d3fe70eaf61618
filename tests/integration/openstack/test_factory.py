"""The OpenStack cloud as the settings build it, over the stand-in."""

import base64
import gzip
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import config, wiring
from bot.errors import ConfigError
from bot.provisioning.instances import InstanceSpec
from bot.provisioning.registry import build_cloud
from tests.integration.openstack.standin import StandIn

CADDY = {"openstack_tls": "caddy", "openstack_tls_domain": "binders.example.org"}


def asked_for(standin: StandIn, path: str) -> list[dict[str, Any]]:
    return [body for sent, body in standin.requests if sent == path]


def test_with_caddy_only_https_is_open_and_links_are_names_of_addresses(
    chosen: dict[str, Any], standin: StandIn, order_of: Callable[..., InstanceSpec], tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text("-----BEGIN CERTIFICATE-----\n")
    settings = config.load(**chosen, **CADDY, openstack_tls_roots=roots)
    with closing(build_cloud(settings)) as cloud:
        cloud.create(order_of("b1", size="m3.small"))
        assert cloud.example_url == "https://203-0-113-5.binders.example.org"
        assert cloud.roots == str(roots)
        assert wiring.server_of(cloud)("https://b", "t")._session.verify == str(roots)
    rules = asked_for(standin, "POST network /security-group-rules")
    assert {each["security_group_rule"]["port_range_min"] for each in rules} == {443}
    (server,) = asked_for(standin, "POST compute /servers")
    told = task_of(gzip.decompress(base64.b64decode(server["server"]["user_data"])))["settings"]
    assert told["container"]["address"] == "127.0.0.1"
    assert told["https"]["domain"] == "binders.example.org"
    assert told["https"]["roots"] == roots.read_text()


def task_of(user_data: bytes) -> dict[str, Any]:
    files = yaml.safe_load(user_data)["write_files"]
    (content,) = (each["content"] for each in files if each["path"].endswith("task.json"))
    return dict(json.loads(base64.b64decode(content)))


def test_without_it_the_server_is_published_as_it_is(chosen: dict[str, Any]) -> None:
    with closing(build_cloud(config.load(**chosen))) as cloud:
        assert cloud.example_url == "http://203.0.113.5:8888"
        assert cloud.roots is None


def test_its_times_are_settings(chosen: dict[str, Any]) -> None:
    times = {"openstack_poll_seconds": 20, "openstack_attempt_seconds": 600}
    with closing(build_cloud(config.load(**chosen, **times))) as cloud:
        assert (cloud.poll_seconds, cloud.attempt_seconds) == (20, 600)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"openstack_public_url": "https://{dashed}.x.org"}, "OPENSTACK_PUBLIC_URL cannot be set"),
        ({"openstack_tls_domain": "x.org\n}"}, "OPENSTACK_TLS_DOMAIN"),
        ({"openstack_tls_acme": "http://acme.example.org"}, "OPENSTACK_TLS_ACME"),
        ({"openstack_tls_roots": "/nothing/there.pem"}, "OPENSTACK_TLS_ROOTS"),
    ],
)
def test_what_cannot_be_https_is_refused_by_name(
    chosen: dict[str, Any], more: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        build_cloud(config.load(**chosen | CADDY | more))


def test_the_cloud_of_the_settings_makes_a_server_that_is_told_what_to_build(
    chosen: dict[str, Any], standin: StandIn, order_of: Callable[..., InstanceSpec]
) -> None:
    cloud = build_cloud(config.load(**chosen))
    cloud.create(order_of("b1", size="m3.small"))
    cloud.close()
    asked = next(body["server"] for sent, body in standin.requests if sent == "POST compute /servers")
    assert gzip.decompress(base64.b64decode(asked["user_data"])).startswith(b"#cloud-config\n")
