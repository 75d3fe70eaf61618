"""The OpenStack cloud as the settings build it, over the stand-in."""

import base64
import gzip
from collections.abc import Callable
from typing import Any

from bot import config
from bot.provisioning.instances import InstanceSpec
from bot.provisioning.registry import build_cloud
from tests.integration.openstack.standin import StandIn


def test_the_cloud_of_the_settings_makes_a_server_that_is_told_what_to_build(
    chosen: dict[str, Any], standin: StandIn, order_of: Callable[..., InstanceSpec]
) -> None:
    cloud = build_cloud(config.load(**chosen))
    cloud.create(order_of("b1", size="m3.small"))
    cloud.close()
    asked = next(body["server"] for sent, body in standin.requests if sent == "POST compute /servers")
    assert gzip.decompress(base64.b64decode(asked["user_data"])).startswith(b"#cloud-config\n")
