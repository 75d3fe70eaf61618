"""A bake on machines that really boot: see test_real_machine.py, and docs/openstack-machine.md."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.admin import bake as admin
from bot.provisioning.agent.bake import BakeOrder
from bot.provisioning.agent.settings import AgentSettings, ContainerSettings, MachineSettings
from bot.provisioning.openstack.bakery import OpenStackBakery
from bot.provisioning.openstack.cloud import OpenStackCloud
from storage.engine import Store
from tests.integration.openstack.plane import delete_security_groups, leavings
from tests.integration.openstack.test_real_machine import OPTIONS, Tell, pytestmark, tell

__all__ = ["pytestmark", "tell"]

PATIENCE_SECONDS = 900.0
PROBE = "#!/bin/sh\nwget -T 5 -q -O /dev/null http://169.254.169.254/ && echo open 0 || echo open 111\n"
"""Stands in for the Python of a container, which an image of busybox does not have."""


@pytest.fixture
def deployment() -> Iterator[str]:
    deployment = f"test-{secrets.token_hex(4)}"
    yield deployment
    with closing(OpenStackCloud(OPTIONS, deployment, lambda _: "", lambda _: None)) as cloud:
        for each in cloud._images.proven():
            cloud._images._delete(each)
        delete_security_groups(cloud)


def test_an_image_is_baked_and_proven(tmp_path: Path, deployment: str, tell: Tell) -> None:
    example = {each.name: each.read_text() for each in (Path(__file__).parent / "repository").iterdir()}
    example |= {"python3": PROBE}
    example["Dockerfile"] += "COPY python3 /usr/local/bin/\nRUN chmod 755 /usr/local/bin/python3\n"
    order = BakeOrder(example)
    guest = AgentSettings(
        machine=MachineSettings(check_egress=False), container=ContainerSettings(base_image="osreal-base")
    )
    with (
        closing(OpenStackBakery(OPTIONS, deployment, guest, PATIENCE_SECONDS, order=order)) as bakery,
        closing(Store(f"sqlite:///{tmp_path / 'bot.sqlite3'}")) as store,
        closing(OpenStackCloud(OPTIONS, deployment, lambda _: "", lambda _: None)) as cloud,
    ):
        store.migrate()
        baked = admin.bake_with(bakery, store, None, None, tell)
        tell(str(dict(baked.contents)))
        assert [each["id"] for each in cloud._images.proven()] == [baked.ref]
        assert leavings(cloud) == []
    assert float(baked.contents["rebuild-seconds"]) < float(baked.contents["build-seconds"])
