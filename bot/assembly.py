"""How each part is built from the settings."""

import os
import socket
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from slack_sdk import WebClient

from bot import changes
from bot.config import Settings
from bot.errors import ConfigError
from bot.parts import Parts
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.base import Cloud
from bot.provisioning.console import report_of_console
from bot.provisioning.local.cloud import LocalCloud
from bot.provisioning.local.options import LocalOptions
from bot.provisioning.openstack_options import OpenStackOptions
from bot.provisioning.userdata import render
from bot.resolve import Resolver
from bot.steps import Rules
from storage.engine import Store

if TYPE_CHECKING:
    from bot.provisioning.openstack import OpenStackCloud

SLACK_TIMEOUT_SECONDS = 20


def build_cloud(settings: Settings) -> Cloud:
    """Build the cloud that the settings name.

    Raises:
        ConfigError: It cannot be used like this.
    """
    if settings.cloud == "openstack":
        return openstack_cloud(settings)
    options = LocalOptions(
        settings.local_root,
        settings.local_public_url,
        python_downloads=settings.local_python_downloads,
    )
    cloud = LocalCloud(options, engine=settings.local_engine)
    if settings.idle_action == "shelve":
        raise ConfigError("The local cloud can put nothing away: IDLE_ACTION=shelve needs CLOUD=openstack.")
    if not (cloud.isolated or settings.workspace_is_local or settings.local_unisolated_ok):
        raise ConfigError(
            "The local cloud found no container engine, and without one it isolates nothing: whoever may "
            "type /binder would run programs as this user. Install docker or podman with buildx, or set "
            "LOCAL_UNISOLATED_OK=true if you trust all of them."
        )
    return cloud


def openstack_cloud(settings: Settings) -> "OpenStackCloud":
    """Build the OpenStack cloud; it is not spoken to yet."""
    from bot.provisioning.openstack import OpenStackCloud  # noqa: PLC0415 - loaded by those who use it

    options = OpenStackOptions(
        image=settings.openstack_image,
        offers=tuple(
            replace(each, people=settings.size_people.get(each.key)) for each in settings.openstack_sizes
        ),
        network=settings.openstack_network,
        external_network=settings.openstack_external_network,
        security_group=settings.openstack_security_group,
        key_pair=settings.openstack_key_pair,
        boot_volume_gb=settings.openstack_boot_volume_gb,
        availability_zone=settings.openstack_availability_zone,
        public_url=settings.openstack_public_url,
        metadata_prefix=settings.openstack_metadata_prefix,
    )
    guest = AgentSettings(build_seconds=60 * settings.build_timeout_minutes)
    return OpenStackCloud(options, settings.deployment, lambda order: render(order, guest), report_of_console)


def reconciler_parts(settings: Settings, store: Store, cloud: Cloud) -> Parts:
    """Put together what the reconciler works with."""
    rules = Rules(
        poll=cloud.poll_seconds,
        ready_poll=settings.ready_poll_seconds,
        attempt=cloud.attempt_seconds,
        missing=2 * cloud.poll_seconds,
        boot=60 * settings.boot_timeout_minutes,
        build=60 * settings.build_timeout_minutes,
        capacity=60 * settings.capacity_timeout_minutes,
        look=settings.look_seconds,
        count=settings.look_seconds,
        policy=settings.policy,
        shelves_idle=settings.idle_action == "shelve",
        saves_expired=settings.save_expired,
        shelved=86_400 * settings.shelved_days,
        failed=60 * settings.failed_minutes if settings.openstack_key_pair else 0.0,
    )
    return Parts(
        store=store,
        cloud=cloud,
        resolver=resolver_of(settings),
        count=changes.count_changes,
        rules=rules,
        worker=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        lease=settings.lease_seconds,
        unreachable_alert=60 * settings.unreachable_alert_minutes,
    )


def resolver_of(settings: Settings) -> Resolver:
    """Build what looks repositories up."""
    return Resolver(allow_private=settings.allow_private_repositories)


def web_client(settings: Settings) -> WebClient:
    """Build the client of Slack's Web API."""
    return WebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=SLACK_TIMEOUT_SECONDS,
        # The default resends a post after a reset connection, which may say it twice.
        retry_handlers=[],
    )
