"""The composition root: the only place where parts are built and wired together."""

import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import structlog
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

import handlers
from bot import changes, digest, logs, recovery
from bot.archive import Archive
from bot.config import Settings
from bot.errors import ConfigError
from bot.health import HealthServer
from bot.jupyter import JupyterServer
from bot.parts import Parts
from bot.provisioning.base import Cloud
from bot.provisioning.console import report_of_console
from bot.provisioning.local import LocalCloud
from bot.provisioning.openstack_options import OpenStackOptions
from bot.provisioning.userdata import GuestSettings, render
from bot.reconciler import Reconciler
from bot.resolve import Resolver
from bot.scheduler import Ticks
from bot.steps import Rules
from handlers.archives import Archives
from handlers.connection import Connection
from handlers.context import Context
from handlers.delivery import Delivery
from handlers.notices import Terms
from handlers.pulse import BEAT_SECONDS, Pulse
from handlers.slack_calls import SlackCalls, default_paces
from handlers.uploads import Uploads
from handlers.zones import Zones, utc
from storage import binders, retention
from storage.engine import Store
from storage.models import Binder, Ending

if TYPE_CHECKING:
    from bot.provisioning.openstack import OpenStackCloud

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 30.0
DIGEST_SECONDS = 300.0
RETENTION_SECONDS = 30 * 24 * 3600.0
"""How long binders that are gone, and what was said of them, stay in the database."""
SOCKET_RETRY_SECONDS = 5.0
STOP_SECONDS = 5.0
"""How long what is under way may take to finish, once the bot is told to end."""
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
        self._pulse = Pulse()
        self.reconciler = Reconciler(
            reconciler_parts(settings, self.store, self.cloud), submit=self._pool.submit, nudge=self.nudge
        )
        self._client = _web_client(settings)
        self._zones = Zones(self._client, settings.zone)
        self.delivery = Delivery(
            self.store,
            self._client,
            admin_channel=settings.admin_channel,
            terms=Terms(
                policy=settings.policy,
                unit=settings.cost_unit,
                can_shelve=self.cloud.can_shelve,
                shelves_idle=settings.idle_action == "shelve",
            ),
            zone_of=self._zones.of if settings.quiet_hours else utc,
        )
        uploads = Uploads(self._client, SlackCalls(default_paces()))
        self.archives = Archives(self.store, self._collect, uploads)
        self._bolt = self._listeners()
        self._socket = Connection(self._bolt, settings.slack_app_token.get_secret_value())
        self._delivering = [
            Thread(target=self.delivery.run, args=(self._stopping,), name="delivery"),
            # To collect takes minutes, and can be begun anew: nobody waits for it.
            Thread(target=self.archives.run, args=(self._stopping,), name="archives", daemon=True),
        ]
        self._connecting = Thread(target=self._connect, name="socket", daemon=True)
        self._health = None
        if settings.health_port is not None:
            self._health = HealthServer(settings.health_port, self.problems)

    def nudge(self) -> None:
        """Wake whoever may have something to do; a hint, never needed."""
        self.ticks.nudge("reconcile")
        self.delivery.nudge()
        self.archives.nudge()

    def start(self) -> None:
        """Begin to work: unfinished rows go on where they were."""
        self.reconciler.take_over()
        self.ticks.every(self._settings.tick_seconds, "reconcile", self.reconciler.tick)
        self.ticks.every(self._settings.lease_seconds / 3, "renew", self.reconciler.renew)
        self.ticks.every(SWEEP_SECONDS, "sweep", self.reconciler.sweep, jitter=SWEEP_SECONDS / 10)
        self.ticks.every(BEAT_SECONDS, "pulse", self._pulse.beat)
        self.ticks.every(3600.0, "retention", self._forget, jitter=300.0)
        if self._settings.weekly_digest:
            self.ticks.every(DIGEST_SECONDS, "digest", self._owe_digest, jitter=DIGEST_SECONDS / 10)
        self.ticks.start()
        for thread in [*self._delivering, self._connecting]:
            thread.start()
        if self._health:
            self._health.start()
        log.info("started", cloud=self.cloud.name, store=repr(self.store))

    def stop(self) -> bool:
        """Take no more work, let what is under way finish, and hand the leases back; twice is once.

        A call to the cloud or to Slack may take long to be answered. What is not finished within
        `STOP_SECONDS` is left to whoever claims its row next, as after a crash.

        Returns:
            Whether nothing is under way any more.
        """
        if self._stopping.is_set():
            return True
        self._stopping.set()
        self.delivery.nudge()
        is_finished = _ended(STOP_SECONDS, self._socket.close, self._finish)
        self._hand_back()
        if self._health:
            self._health.stop()
        self.store.close()
        log.info("stopped", is_finished=is_finished)
        return is_finished

    def _finish(self) -> None:
        self.ticks.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for thread in self._delivering:
            thread.join()

    def _hand_back(self) -> None:
        try:
            self.reconciler.release()
        except Exception:  # the database is away: the leases end by themselves
            log.exception("leases_not_handed_back")

    def _collect(self, binder: Binder) -> Archive | None:
        return changes.save_work(binder, JupyterServer, _resolver(self._settings))

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
            # Without a name, Bolt looks for one in the source of every module that is loaded.
            bolt = App(name="binder-bot", client=self._client, raise_error_for_unhandled_request=False)
        except SlackApiError as error:
            raise ConfigError(f"Slack refuses SLACK_BOT_TOKEN: {error.response['error']}.") from error
        except OSError as error:
            raise ConfigError(f"{self._settings.slack_api_url} does not answer (SLACK_API_URL).") from error
        context = Context(
            store=self.store,
            settings=self._settings,
            sizes=self.cloud.sizes,
            nudge=self.nudge,
            can_shelve=self.cloud.can_shelve,
            zone_of=self._zones.of,
            pulse=self._pulse,
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

    def _owe_digest(self) -> None:
        when, zone = self._settings.weekly_digest, self._settings.zone
        if when is None:
            return
        now = self.store.now()
        with self.store.write() as session:
            digest.owe(session, now, when, zone)

    def _forget(self) -> None:
        with self.store.write() as session:
            retention.prune(session, older_than=RETENTION_SECONDS)


def _ended(seconds: float, *works: Callable[[], None]) -> bool:
    """Do things at once, for so long at the most; whether all of them came to an end."""
    deadline = time.monotonic() + seconds
    threads = [Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    return not any(thread.is_alive() for thread in threads)


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
    if settings.idle_action == "shelve":
        raise ConfigError("The local cloud can put nothing away: IDLE_ACTION=shelve needs CLOUD=openstack.")
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
        resolver=_resolver(settings),
        count=changes.count_changes,
        rules=rules,
        worker=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
        lease=settings.lease_seconds,
        unreachable_alert=60 * settings.unreachable_alert_minutes,
    )


def _resolver(settings: Settings) -> Resolver:
    return Resolver(allow_private=settings.allow_private_repositories)


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
    if settings.cloud == "openstack":
        _require_memory(settings)
    logs.configure(settings.log_level, settings.log_format)
    wait_until_told = _hear(signal.SIGTERM, signal.SIGINT)
    application = Application(settings)
    application.start()
    wait_until_told()
    if not application.stop():
        # Python would wait for the threads that wait for an answer.
        sys.stderr.flush()
        os._exit(0)
    return 0


def _hear(*numbers: signal.Signals) -> Callable[[], object]:
    """Have signals heard from now on; returns what waits for one of them, also for one that came before.

    Not an Event, which a handler sets: where it comes while the main thread is about to wait, that thread
    holds the event's lock, and waits for itself for ever.
    """
    ear, mouth = socket.socketpair()
    mouth.settimeout(0)
    signal.set_wakeup_fd(mouth.detach())
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return lambda: ear.recv(1)


def _require_memory(settings: Settings) -> None:
    with closing(Store(settings.database_url)) as store, closing(_openstack(settings)) as cloud:
        store.migrate()
        recovery.require_memory(store, cloud)


def check(settings: Settings) -> Iterator[str]:
    """Try every outside part once, and tell how it went, a line each.

    Raises:
        BinderBotError: The first part that does not work, with what to do about it.
    """
    with closing(Store(settings.database_url)) as store:
        store.migrate()
        yield f"database   {store!r} answers"
    if settings.cloud == "openstack":
        with closing(_openstack(settings)) as cloud:
            yield _checked(cloud)
            yield f"quota      {cloud.quota() or 'cannot be read by these credentials'}"
    else:
        yield _checked(build_cloud(settings))
    try:
        who = _web_client(settings).auth_test()
        _web_client(settings).apps_connections_open(app_token=settings.slack_app_token.get_secret_value())
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
            for binder_id in binders.all_live(session):
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
    terms = recovery.Terms(
        token_key=settings.key_to_tokens,
        limits_of=settings.limits_of,
        prices={offer.key: offer.price_per_hour for offer in settings.openstack_sizes},
        shelved=86_400 * settings.shelved_days,
    )
    with closing(Store(settings.database_url)) as store, closing(_openstack(settings)) as cloud:
        store.migrate()
        return recovery.recover(store, cloud, terms)


def _count_live(store: Store) -> int:
    with store.read() as session:
        return len(binders.all_live(session))


def migrate(settings: Settings) -> None:
    """Bring the database to this version's form."""
    with closing(Store(settings.database_url)) as store:
        store.migrate()
