"""The composition root: the only place where parts are built and wired together."""

import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import structlog
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

import handlers
from bot import logs
from bot.config import Settings
from bot.errors import ConfigError
from bot.health import HealthServer
from bot.lifecycle import Rules
from bot.provisioning.base import Cloud
from bot.provisioning.console import report_of_console
from bot.provisioning.local import LocalCloud
from bot.provisioning.openstack_options import OpenStackOptions
from bot.provisioning.userdata import GuestSettings, render
from bot.reconciler import Parts, Reconciler
from bot.resolve import Resolver
from bot.scheduler import Ticks
from handlers.connection import Connection
from handlers.context import Context
from handlers.delivery import Delivery
from storage import binders, retention
from storage.engine import Store
from storage.models import Ending

if TYPE_CHECKING:
    from bot.provisioning.openstack import OpenStackCloud

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 30.0
RETENTION_SECONDS = 30 * 24 * 3600.0
"""How long binders that are gone, and what was said of them, stay in the database."""
SOCKET_RETRY_SECONDS = 5.0
SLACK_TIMEOUT_SECONDS = 20


class Application:
    """The bot as one process: Slack's socket, the delivery of messages, the reconciler and its ticks.

    Args:
        settings: Valid settings; the database is migrated here.
        cloud: Stands in for the one that the settings name.

    Raises:
        ConfigError: Slack refuses the tokens, or the cloud may not serve these people.
    """

    def __init__(self, settings: Settings, *, cloud: Cloud | None = None) -> None:
        self._settings = settings
        self._stopping = Event()
        self.store = Store(settings.database_url)
        self.store.migrate()
        self.cloud = cloud or build_cloud(settings)
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="worker")
        self.ticks = Ticks()
        self.reconciler = Reconciler(
            reconciler_parts(settings, self.store, self.cloud), submit=self._pool.submit, nudge=self.nudge
        )
        self._client = _web_client(settings)
        self.delivery = Delivery(self.store, self._client, admin_channel=settings.admin_channel)
        self._bolt = self._listeners()
        self._socket = Connection(self._bolt, settings.slack_app_token.get_secret_value())
        self._threads = [
            Thread(target=self.delivery.run, args=(self._stopping,), name="delivery"),
            Thread(target=self._connect, name="socket", daemon=True),
        ]
        self._health = None
        if settings.health_port is not None:
            self._health = HealthServer(settings.health_port, self.problems)

    def nudge(self) -> None:
        """Wake whoever may have something to do; a hint, never needed."""
        self.ticks.nudge("reconcile")
        self.delivery.nudge()

    def start(self) -> None:
        """Begin to work: unfinished rows go on where they were."""
        self.reconciler.take_over()
        self.ticks.every(self._settings.tick_seconds, "reconcile", self.reconciler.tick)
        self.ticks.every(SWEEP_SECONDS, "sweep", self.reconciler.sweep, jitter=SWEEP_SECONDS / 10)
        self.ticks.every(3600.0, "retention", self._forget, jitter=300.0)
        self.ticks.start()
        for thread in self._threads:
            thread.start()
        if self._health:
            self._health.start()
        log.info("started", cloud=self.cloud.name, store=repr(self.store))

    def stop(self) -> None:
        """Take no more work, finish the steps under way, and hand the leases back; twice is once."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._socket.close()
        self.ticks.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.reconciler.release()
        self.delivery.nudge()
        self._threads[0].join()
        if self._health:
            self._health.stop()
        self.store.close()
        log.info("stopped")

    def problems(self) -> dict[str, Any]:
        """Tell what is wrong with this process, by name; empty where all is well."""
        found: dict[str, Any] = {}
        if stale := self.ticks.stale():
            found["ticks"] = stale
        if not self._socket.is_connected:
            found["slack"] = "the socket is not connected"
        if self.delivery.refused:
            found["delivery"] = self.delivery.refused
        return found

    def _listeners(self) -> App:
        try:
            bolt = App(client=self._client, raise_error_for_unhandled_request=False)
        except SlackApiError as error:
            raise ConfigError(f"Slack refuses SLACK_BOT_TOKEN: {error.response['error']}.") from error
        except OSError as error:
            raise ConfigError(f"{self._settings.slack_api_url} does not answer (SLACK_API_URL).") from error
        context = Context(
            store=self.store,
            settings=self._settings,
            sizes=self.cloud.sizes,
            nudge=self.nudge,
        )
        handlers.register(bolt, context)
        return bolt

    def _connect(self) -> None:
        """Open the socket; from then on its client reconnects by itself."""
        while not self._stopping.is_set():
            try:
                self._socket.connect()
            except Exception as error:  # noqa: BLE001 - websocket, HTTP, DNS and Slack each have their own
                log.warning("socket_not_connected", error=str(error))
                self._stopping.wait(SOCKET_RETRY_SECONDS)
            else:
                log.info("socket_connected")
                return

    def _forget(self) -> None:
        with self.store.write() as session:
            retention.prune(session, older_than=RETENTION_SECONDS)


def build_cloud(settings: Settings) -> Cloud:
    """Build the cloud that the settings name.

    Raises:
        ConfigError: It cannot be used like this.
    """
    if settings.cloud == "openstack":
        return _openstack(settings)
    cloud = LocalCloud(
        settings.local_root, engine=settings.local_engine, public_url=settings.local_public_url
    )
    if not (cloud.isolated or settings.workspace_is_local or settings.local_unisolated_ok):
        raise ConfigError(
            "The local cloud found no container engine, and without one it isolates nothing: whoever may "
            "type /binder would run programs as this user. Install docker or podman with buildx, or set "
            "LOCAL_UNISOLATED_OK=true if you trust all of them."
        )
    return cloud


def _openstack(settings: Settings) -> "OpenStackCloud":
    from bot.provisioning.openstack import OpenStackCloud  # noqa: PLC0415 - loaded by those who use it

    options = OpenStackOptions(
        image=settings.openstack_image,
        offers=settings.openstack_sizes,
        network=settings.openstack_network,
        external_network=settings.openstack_external_network,
        security_group=settings.openstack_security_group,
        key_pair=settings.openstack_key_pair,
        boot_volume_gb=settings.openstack_boot_volume_gb,
        availability_zone=settings.openstack_availability_zone,
        public_url=settings.openstack_public_url,
    )
    guest = GuestSettings(build_seconds=60 * settings.build_timeout_minutes)
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
    )
    return Parts(
        store=store,
        cloud=cloud,
        resolver=Resolver(allow_private=settings.allow_private_repositories),
        rules=rules,
        worker=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        unreachable_alert=60 * settings.unreachable_alert_minutes,
    )


def _web_client(settings: Settings) -> WebClient:
    return WebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        timeout=SLACK_TIMEOUT_SECONDS,
        # The default resends a post after a reset connection, which may say it twice.
        retry_handlers=[],
    )


def serve(settings: Settings) -> int:
    """Run the bot until it is told to stop by SIGTERM or SIGINT."""
    logs.configure(settings.log_level, settings.log_format)
    told = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    application = Application(settings)
    application.start()
    told.wait()
    application.stop()
    return 0


def check(settings: Settings) -> Iterator[str]:
    """Try every outside part once, and tell how it went, a line each.

    Raises:
        BinderBotError: The first part that does not work, with what to do about it.
    """
    with closing(Store(settings.database_url)) as store:
        store.migrate()
        yield f"database   {store!r} answers"
    cloud = build_cloud(settings)
    if problems := cloud.check():
        raise ConfigError(" ".join(problems))
    count = len(cloud.survey().instances)
    yield f"cloud      {cloud.name} answers; it holds {count} instances of this deployment"
    try:
        who = _web_client(settings).auth_test()
        _web_client(settings).apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
    except SlackApiError as error:
        raise ConfigError(f"Slack refuses a token: {error.response['error']}.") from error
    yield f"slack      {who['user']} in {who['team']}"


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
            for binder_id in binders.all_live(session):
                binders.end(session, binder_id, ending=Ending.STOPPED, by="operator")
        while (left := _count_live(store)) and time.monotonic() < deadline:
            reconciler.tick()
            time.sleep(settings.tick_seconds / 2)
    return left


def _count_live(store: Store) -> int:
    with store.read() as session:
        return len(binders.all_live(session))


def migrate(settings: Settings) -> None:
    """Bring the database to this version's form."""
    with closing(Store(settings.database_url)) as store:
        store.migrate()
