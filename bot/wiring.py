"""How the parts of the bot are built from the settings. Clouds are built by `bot.provisioning.registry`."""

import os
import socket
import uuid
from collections.abc import Callable
from functools import partial

from slack_sdk import WebClient

from bot.binders.admission import Admission, QueueKeeper
from bot.binders.class_keeper import BinderIdentity, ClassKeeper
from bot.binders.class_plan import ClassPolicy
from bot.binders.dependencies import Dependencies, NoImages
from bot.binders.repository_gate import RepositoryGate
from bot.binders.timeouts import Timeouts
from bot.binders.warm_pool import WarmPolicy, WarmPool
from bot.config import Settings
from bot.errors import ConfigError
from bot.images import tokens
from bot.images.factory import ImageStore
from bot.images.keeper import ImageKeeper, KeeperDependencies, Registry
from bot.images.store import RegistryImages
from bot.jupyter.client import JupyterServer
from bot.provisioning import agent_archive
from bot.provisioning.base import Cloud
from bot.repositories.resolve import Resolver
from bot.saved_work import changes
from bot.times import calendar
from bot.tokens import new_id, new_identity, new_secret, new_token
from storage.engine import Store
from storage.keyring import Keyring

SLACK_TIMEOUT_SECONDS = 20
FORM_TIMEOUT_SECONDS = 8.0
_HOST_LETTERS = 40
"""Of a host's name that are in the name of a worker: leases have room for 64 letters."""
_PULL_SECONDS = 900.0


def reconciler_dependencies(
    settings: Settings, store: Store, cloud: Cloud, kept: ImageStore | None
) -> Dependencies:
    """Put together what the reconciler works with; `kept` is the image store of the site, if it has one."""
    return Dependencies(
        store=store,
        cloud=cloud,
        server=server_of(cloud),
        resolver=resolver_of(settings),
        count=changes.count_changes,
        timeouts=timeouts(settings, cloud),
        worker=worker_name(),
        lease=settings.lease_seconds,
        check_repository=RepositoryGate.of(settings, store).check,
        unreachable_alert=60 * settings.unreachable_alert_minutes,
        images=RegistryImages(store, kept.place, kept.rights, pull_seconds(settings)) if kept else NoImages(),
    )


def open_store(settings: Settings) -> Store:
    """Open the database, with the keys to its secrets.

    Raises:
        ConfigError: There is no key, and people use the bot from other machines.
        StoreError: DATABASE_URL does not name a database that is supported.
    """
    if not settings.secret_keys and not settings.workspace_is_local:
        raise ConfigError(
            "SECRET_KEY is missing. It encrypts the secrets in the database.",
            hint="`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'` makes one. Keep it: "
            "without it, nobody gets links to running binders.",
        )
    keyring = Keyring(settings.secret_keys) if settings.secret_keys else None
    return Store(settings.database_url, keyring=keyring)


def server_of(cloud: Cloud) -> Callable[[str, str], JupyterServer]:
    """How the servers of a cloud are opened, by URL and token."""
    return partial(JupyterServer, roots=cloud.roots)


def worker_name() -> str:
    """A name for leases that no other process ever had."""
    return f"{socket.gethostname()[:_HOST_LETTERS]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def pull_seconds(settings: Settings) -> float:
    """How long an instance may pull: until it has booted, and some minutes longer."""
    return min(60 * settings.boot_timeout_minutes + _PULL_SECONDS, tokens.MOST_SECONDS)


def image_keeper(kept: ImageStore, registry: Registry, store: Store, cloud: Cloud) -> ImageKeeper:
    """Put together what keeps images in the registry."""
    return ImageKeeper(
        KeeperDependencies(store, cloud, registry, kept.rights, kept.place, kept.policy, worker_name())
    )


def warm_pool(settings: Settings, store: Store, cloud: Cloud, worker: str) -> WarmPool:
    """Build what keeps instances that wait for launches."""
    policy = warm_policy(settings)
    identify = partial(new_identity, settings.key_to_tokens)
    return WarmPool(store, cloud, policy, worker, agent=agent_archive.fingerprint, identify=identify)


def class_keeper(
    settings: Settings,
    store: Store,
    cloud: Cloud,
    worker: str,
    *,
    has_images: bool,
    vcpus_of: Callable[[str], int | None],
) -> ClassKeeper:
    """Build what drives classes; `has_images` says whether the site has an image store."""
    policy = ClassPolicy(shares_build=has_images or cloud.keeps_images, can_wait=cloud.can_wait)
    identify = partial(new_binder_identity, settings.key_to_tokens)
    admission = Admission.of(settings, settings.zone)
    return ClassKeeper(store, policy, worker, identify=identify, let_begin=admission.run, vcpus_of=vcpus_of)


def queue_keeper(settings: Settings, store: Store, cloud: Cloud) -> QueueKeeper:
    """Build what lets launches begin that wait for a place."""
    return QueueKeeper(store, Admission.of(settings, settings.zone), cloud.vcpus)


def new_binder_identity(key: str | None) -> BinderIdentity:
    """A random id, and the secrets of that binder."""
    binder_id = new_id()
    return BinderIdentity(binder_id, new_token(binder_id, key), new_secret(binder_id, key))


def warm_policy(settings: Settings) -> WarmPolicy:
    """What the operator wants of the warm pool."""
    return WarmPolicy(
        sizes=settings.warm_pool,
        hours=calendar.weekly_hours(settings.warm_hours) if settings.warm_hours else None,
        zone=settings.zone,
        leaves_free=settings.warm_leaves_free,
        lifetime=3600 * settings.warm_lifetime_hours,
    )


def timeouts(settings: Settings, cloud: Cloud) -> Timeouts:
    """How patient the reconciler is with this cloud, in seconds."""
    return Timeouts(
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
        failed=60 * settings.failed_minutes if cloud.can_log_in else 0.0,
    )


def resolver_of(settings: Settings) -> Resolver:
    """Build what looks repositories up."""
    return Resolver(allow_private=settings.allow_private_repositories)


def form_resolver(settings: Settings) -> Resolver:
    """Build what looks repositories up while somebody waits at a form."""
    return Resolver(
        allow_private=settings.allow_private_repositories,
        timeout=FORM_TIMEOUT_SECONDS,
        history_timeout=FORM_TIMEOUT_SECONDS,
    )


def web_client(settings: Settings) -> WebClient:
    """Build the client of Slack's Web API, with the one token where there is one."""
    token = settings.slack_bot_token
    return slack_client(token.get_secret_value() if token else None, settings.slack_api_url)


def slack_client(token: str | None, api_url: str) -> WebClient:
    """Build the client of Slack's Web API for one token."""
    return WebClient(
        token=token,
        base_url=api_url,
        timeout=SLACK_TIMEOUT_SECONDS,
        # The default sends a post again after a reset connection, and may post it twice.
        retry_handlers=[],
    )
