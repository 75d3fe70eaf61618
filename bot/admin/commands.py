"""What the operator does to a deployment: try it, empty it, rebuild its database."""

import time
from collections.abc import Iterator
from contextlib import closing

from slack_sdk.errors import SlackApiError

from bot import logs
from bot.admin import recovery
from bot.binders.reconciler import Reconciler
from bot.config import Settings
from bot.errors import ConfigError
from bot.provisioning.base import Cloud
from bot.wiring import build_cloud, openstack_cloud, reconciler_parts, web_client
from storage import binders
from storage.engine import Store
from storage.models import Ending


def check(settings: Settings) -> Iterator[str]:
    """Try every outside part once, and tell how it went, a line each.

    Raises:
        BinderBotError: The first part that does not work, with what to do about it.
    """
    with closing(Store(settings.database_url)) as store:
        store.migrate()
        yield f"database   {store!r} answers"
    if settings.cloud == "openstack":
        with closing(openstack_cloud(settings)) as cloud:
            yield _checked(cloud)
            yield f"quota      {cloud.quota() or 'cannot be read by these credentials'}"
    else:
        yield _checked(build_cloud(settings))
    try:
        who = web_client(settings).auth_test()
        web_client(settings).apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
    except SlackApiError as error:
        raise ConfigError(f"Slack refuses a token: {error.response['error']}.") from error
    yield f"slack      {who['user']} in {who['team']}"


def _checked(cloud: Cloud) -> str:
    if problems := cloud.check():
        raise ConfigError("\n".join(problems))
    count = len(cloud.survey().instances)
    return f"cloud      {cloud.name} answers; it holds {count} instances of this deployment"


def drain(settings: Settings, *, timeout: float) -> int:
    """End all binders, and drive their teardown until nothing is left or `timeout` seconds are over.

    Works beside a running bot, and without one.

    Returns:
        How many are left.
    """
    logs.configure("WARNING", settings.log_format)
    deadline = time.monotonic() + timeout
    with closing(Store(settings.database_url)) as store:
        store.migrate()
        reconciler = Reconciler(reconciler_parts(settings, store, build_cloud(settings)))
        with store.write() as session:
            for binder_id in binders.existing_ids(session):
                binders.end(session, binder_id, ending=Ending.STOPPED, by="operator")
        while (left := _count_live(store)) and time.monotonic() < deadline:
            reconciler.tick()
            time.sleep(settings.tick_seconds / 2)
    return left


def recover(settings: Settings) -> list[str]:
    """Write the rows of a lost database anew, from what the cloud knows; says what it found, a line each.

    Raises:
        ConfigError: The database is not lost, or the cloud knows nothing.
        CloudError: The cloud does not answer.
    """
    if settings.cloud != "openstack":
        raise ConfigError("Only with CLOUD=openstack the cloud knows enough to recover from.")
    terms = recovery.RecoveryOptions(
        token_key=settings.key_to_tokens,
        limits_of=settings.limits_of,
        prices={offer.key: offer.price_per_hour for offer in settings.openstack_sizes},
        shelved=86_400 * settings.shelved_days,
    )
    with closing(Store(settings.database_url)) as store, closing(openstack_cloud(settings)) as cloud:
        store.migrate()
        return recovery.recover(store, cloud, terms)


def _count_live(store: Store) -> int:
    with store.read() as session:
        return len(binders.existing_ids(session))


def migrate(settings: Settings) -> None:
    """Bring the database to this version's form."""
    with closing(Store(settings.database_url)) as store:
        store.migrate()


def require_memory(settings: Settings) -> None:
    """Refuse to serve from an empty database while the cloud holds instances: see `recovery`."""
    with closing(Store(settings.database_url)) as store, closing(openstack_cloud(settings)) as cloud:
        store.migrate()
        recovery.require_memory(store, cloud)
