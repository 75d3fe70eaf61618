"""The composition root: the only place where parts are built and wired together."""

import gc
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event, Thread
from typing import Any

import structlog
from slack_bolt import App
from slack_sdk.errors import SlackApiError

import handlers
from bot import logs, replica, shutdown, wiring
from bot.access.factory import access_of
from bot.admin.recover import refuse_lost_database
from bot.admin.rekey import secrets_advice
from bot.binders import admission, class_keeper, warm_pool
from bot.binders.reconciler import Reconciler
from bot.binders.server_watch import ASKED_AT_ONCE, WATCH_SECONDS, ServerWatch
from bot.config import Settings
from bot.errors import ConfigError
from bot.health import HealthServer
from bot.images.factory import ImageStore, image_store_of
from bot.images.registry import ImageRegistry
from bot.lookups import Lookups
from bot.metrics import Metrics
from bot.plain_links import ADVICE, is_plain
from bot.provisioning import registry
from bot.provisioning.base import Cloud
from bot.provisioning.measured import measured
from bot.replica import Replica
from bot.saved_work import changes
from bot.saved_work.archive import Archive
from bot.scheduler import Ticks
from bot.upkeep import Upkeep
from handlers.installs.access import slack_access
from handlers.messages.notices import NoticeOptions
from handlers.outbox.archives import Archives
from handlers.outbox.delivery import Delivery
from handlers.outbox.homes import HomePublisher
from handlers.outbox.reports import Reports
from handlers.outbox.uploads import Uploads
from handlers.requests import home
from handlers.requests.context import Context
from handlers.requests.slow_facts import SlowFacts
from handlers.slack import user_groups
from handlers.slack.audiences import Audiences
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.http_gate import HttpGate
from handlers.slack.http_mode import HttpServer
from handlers.slack.profiles import Profiles
from handlers.slack.socket_mode import SocketModeConnection
from handlers.slack.user_timezones import utc
from storage import deploy_tokens, replicas, shares
from storage.engine import Store
from storage.models import Binder

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 30.0
IMAGES_SECONDS = 15.0
"""Between two looks at the images that are on their way into the registry."""
AUDIENCE_SECONDS = 2.0
"""How soon after it was shared with a channel its members are asked for."""
REPOSITORY_SECONDS = 60.0
"""How long what was found in a repository is believed while a form is open."""
FREE_SECONDS = 30.0
"""How long it is believed what the cloud has room for."""
FLAVOR_SECONDS = 3600.0
"""How long it is believed how many vCPUs a size has."""
GROUPS_SECONDS = 600.0
"""How long the names of user groups are believed."""
BACKGROUND_THREADS = 4
CONNECT_RETRY_SECONDS = 5.0
STOP_SECONDS = 5.0
"""How long work in progress may take to finish, once the bot is told to stop."""


class Application:
    """The bot as one process: Slack's socket, the delivery of messages, the reconciler and its ticks.

    Args:
        settings: Valid settings; the database is migrated here.
        cloud: Used instead of the one that the settings name.
        store: Likewise.

    Raises:
        ConfigError: Slack refuses the tokens, the cloud cannot be used with these settings, or the database
            is empty although the cloud has instances.
        CloudError: The cloud does not answer.
    """

    def __init__(self, settings: Settings, *, cloud: Cloud | None = None, store: Store | None = None) -> None:
        self._settings = settings
        self._stopping = Event()
        self.store = store or wiring.open_store(settings)
        replica.take_over(self.store)
        self.cloud = cloud or registry.build_cloud(settings)
        if self.cloud.can_recover:
            refuse_lost_database(self.store, self.cloud)
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="worker")
        self._askers = ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="watch")
        self._background = ThreadPoolExecutor(BACKGROUND_THREADS, thread_name_prefix="background")
        self.metrics = Metrics(self.store)
        self.ticks = Ticks(self.metrics.note_tick)
        self._kept_images = image_store_of(settings)
        self._registry = self._kept_images.registry() if self._kept_images else None
        self._access = access_of(settings, self.store, settings.home_workspace)
        dependencies = replace(
            wiring.reconciler_dependencies(settings, self.store, self.cloud, self._kept_images),
            cloud=measured(self.cloud, self.metrics.note_cloud),
            note_launch=self.metrics.note_launch,
            rights=self._access.rights,
        )
        self.warm_pool = None
        if self.cloud.can_wait:
            self.warm_pool = wiring.warm_pool(settings, self.store, self.cloud, dependencies.worker)
        self._vcpus = Lookups(self.cloud.vcpus, self._background.submit, fresh_seconds=FLAVOR_SECONDS)
        self.classes = wiring.class_keeper(
            settings,
            self.store,
            self.cloud,
            dependencies.worker,
            has_images=self._kept_images is not None,
            vcpus_of=self._vcpus.known,
        )
        self.replica = Replica(self.store, dependencies.worker, end=_end_this_process)
        self.queue = wiring.queue_keeper(settings, self.store, self.cloud)
        self.watch = ServerWatch(dependencies, submit=self._askers.submit, nudge=self.nudge_work)
        self.reconciler = Reconciler(
            dependencies, submit=self._pool.submit, nudge=self.nudge_work, expect=self.watch.expect
        )
        self._slack = slack_access(settings, self.store, wiring.web_client(settings), nudge=self.nudge)
        clients = self._slack.clients
        self._profiles = Profiles(clients, settings.zone)
        calls = SlackCalls(default_rate_limits(), self.metrics.note_slack, is_lost=self._slack.is_lost)
        self.delivery = Delivery(
            self.store,
            clients,
            calls,
            admin_channel=settings.admin_channel,
            options=NoticeOptions(
                policy=settings.policy,
                unit=settings.cost_unit,
                can_shelve=self.cloud.can_shelve,
                shelves_idle=settings.idle_action == "shelve",
                shows_logs=settings.logs_for == "everybody",
                help_channel=settings.help_channel,
                approval_channel=settings.approval_channel,
                newer_blocks=not settings.classic_blocks,
            ),
            zone_of=self._profiles.zone_of if settings.quiet_hours else utc,
            known_locale=self._profiles.known_locale,
        )
        self.audiences = Audiences(self.store, clients, calls)
        uploads = Uploads(clients, calls)
        self.archives = Archives(
            self.store,
            self._collect,
            uploads,
            self.cloud.read_log,
            reports=Reports(self.store, settings.zone),
            known_locale=self._profiles.known_locale,
        )
        context = self._context()
        self.homes = HomePublisher(self.store, clients, calls, partial(home.blocks_of, context))
        self._bolt = self._listeners(context)
        self._connection = self._way_in()
        self._delivering = [
            Thread(target=self.delivery.run, args=(self._stopping,), name="delivery"),
            Thread(target=self.homes.run, args=(self._stopping,), name="homes"),
            # Collecting takes minutes and can be started again: nobody waits for it at the end.
            Thread(target=self.archives.run, args=(self._stopping,), name="archives", daemon=True),
        ]
        self._connecting = Thread(target=self._connect, name="connecting", daemon=True)
        self._health = None
        if settings.health_port is not None:
            address = str(settings.health_address)
            self._health = HealthServer(address, settings.health_port, self.problems, self.metrics.as_text)

    def nudge(self) -> None:
        """Wake the threads that may have something to do. It is a hint: without it they wake later."""
        self.ticks.nudge("classes")
        self.ticks.nudge("queue")
        self.nudge_work()

    def nudge_work(self) -> None:
        """Wake those that work on binders, and deliver."""
        self.ticks.nudge("reconcile")
        self.delivery.nudge()
        self.archives.nudge()
        self.homes.nudge()

    def start(self) -> None:
        """Start working: unfinished rows go on where they were."""
        self.replica.report()
        for size in self.cloud.sizes:
            self._vcpus.known(size.key)  # so that the first launch need not wait for the answer
        self.reconciler.take_over()
        self.ticks.every(replicas.REPORT_SECONDS, "replica", self.replica.report)
        with self.store.write() as session:
            shares.name_groups(session, self._settings.named_groups | deploy_tokens.groups(session))
        self.ticks.every(self._settings.tick_seconds, "reconcile", self.reconciler.tick)
        self.ticks.every(WATCH_SECONDS, "watch", self.watch.tick)
        self.ticks.every(self._settings.lease_seconds / 3, "renew", self.reconciler.renew)
        self.ticks.every(SWEEP_SECONDS, "sweep", self.reconciler.sweep, jitter=SWEEP_SECONDS / 10)
        if self.warm_pool is not None:
            seconds = warm_pool.POOL_SECONDS
            self.ticks.every(seconds, "warm pool", self.warm_pool.tick, jitter=seconds / 10)
        self.ticks.every(class_keeper.CLASS_SECONDS, "classes", self.classes.tick)
        self.ticks.every(admission.QUEUE_SECONDS, "queue", self.queue.tick)
        self._access.schedule(self.ticks.every)
        self.ticks.every(AUDIENCE_SECONDS, "audiences", self.audiences.refresh)
        Upkeep(self._settings, self.store, self.delivery.nudge).schedule(self.ticks.every)
        self._slack.schedule(self.ticks.every)
        if self._kept_images and self._registry:
            self._keep_images(self._kept_images, self._registry)
        self.ticks.start()
        for thread in [*self._delivering, self._connecting]:
            thread.start()
        if self._health:
            self._health.start()
        for advice in secrets_advice(self.store):
            log.warning("secrets", advice=advice)
        if is_plain(self.cloud.example_url):
            log.warning("links_are_plain_http", advice=ADVICE)
        for advice in self.cloud.host_advice():
            log.warning("host", advice=advice)
        log.info("started", cloud=self.cloud.name, store=repr(self.store))

    def _keep_images(self, kept: ImageStore, registry: ImageRegistry) -> None:
        keeper = wiring.image_keeper(kept, registry, self.store, self.cloud)
        self.ticks.every(IMAGES_SECONDS, "images", keeper.tick, jitter=IMAGES_SECONDS / 10)
        self.ticks.every(3600.0, "image retention", keeper.retain, jitter=300.0)

    def stop(self) -> bool:
        """Take no more work, let work in progress finish, and release the leases. It may be called twice.

        The cloud or Slack may take long to answer. What is not finished within `STOP_SECONDS` is left to
        the process that claims its row next, as after a crash.

        Returns:
            Whether all work is finished.
        """
        if self._stopping.is_set():
            return True
        self._stopping.set()
        self.delivery.nudge()
        self.homes.nudge()
        is_finished = shutdown.finished_within(STOP_SECONDS, self._connection.close, self._finish)
        self._release_leases()
        if self._health:
            self._health.stop()
        if self._registry:
            self._registry.close()
        self.store.close()
        log.info("stopped", is_finished=is_finished)
        return is_finished

    def _finish(self) -> None:
        self._connection.finish()
        self.ticks.stop()
        for pool in (self._background, self._askers, self._pool):
            pool.shutdown(wait=True, cancel_futures=True)
        for thread in self._delivering:
            thread.join()

    def _release_leases(self) -> None:
        try:
            self.reconciler.release()
            self.replica.leave()
        except Exception:  # the database does not answer: the leases end by themselves
            log.exception("leases_not_released")

    def _collect(self, binder: Binder) -> Archive | None:
        reader = self._access.reader_of(binder, wiring.resolver_of(self._settings))
        return changes.save_work(binder, wiring.server_of(self.cloud), reader)

    def problems(self) -> dict[str, Any]:
        """What is wrong with this process, by name; empty where nothing is."""
        found: dict[str, Any] = {}
        if stale := self.ticks.stale():
            found["ticks"] = stale
        if problem := self._connection.problem:
            found["slack"] = problem
        if self.delivery.refused:
            found["delivery"] = self.delivery.refused
        return found

    def _context(self) -> Context:
        return Context(
            store=self.store,
            settings=self._settings,
            sizes=self.cloud.sizes,
            nudge=self.nudge,
            can_shelve=self.cloud.can_shelve,
            zone_of=self._profiles.zone_of,
            known_locale=self._profiles.known_locale,
            refresh_profile=self._profiles.refresh,
            membership_of=self._profiles.membership_of,
            vcpus_of=self._vcpus.known,
            slow=self._slow_facts(),
            doubt_installation=self._slack.doubt,
        )

    def _slow_facts(self) -> SlowFacts:
        submit, resolver = self._background.submit, wiring.form_resolver(self._settings)
        return SlowFacts(
            submit,
            Lookups(partial(self._access.look, resolver), submit, fresh_seconds=REPOSITORY_SECONDS),
            Lookups(self._free_places, submit, fresh_seconds=FREE_SECONDS),
            Lookups(partial(user_groups.handles, self._slack.clients), submit, fresh_seconds=GROUPS_SECONDS),
        )

    def _free_places(self, _key: str) -> dict[str, int | None]:
        return {size.key: self.cloud.free_places(size.key) for size in self.cloud.sizes}

    def _listeners(self, context: Context) -> App:
        try:
            bolt = self._slack.app()
        except SlackApiError as error:
            raise ConfigError(f"Slack refuses SLACK_BOT_TOKEN: {error.response['error']}.") from error
        except OSError as error:
            raise ConfigError(f"{self._settings.slack_api_url} does not answer (SLACK_API_URL).") from error
        handlers.register(bolt, context)
        return bolt

    def _way_in(self) -> SocketModeConnection | HttpServer:
        """How Slack's requests come in: over a socket to Slack, or to a server here."""
        if token := self._settings.slack_app_token:
            return SocketModeConnection(self._bolt, token.get_secret_value())
        gate = HttpGate(self._bolt, self._settings.key_to_requests or "", self.store)
        return HttpServer(gate, str(self._settings.http_address), self._settings.http_port)

    def _connect(self) -> None:
        """Open the way in; from then on it stays open by itself."""
        while not self._stopping.is_set():
            try:
                self._connection.connect()
            except Exception as error:  # noqa: BLE001 - websocket, HTTP, DNS and Slack each have their own
                log.warning("not_connected", error=str(error))
                self._stopping.wait(CONNECT_RETRY_SECONDS)
            else:
                log.info("connected")
                return


def _end_this_process() -> None:
    """End as whoever supervises this process would: work in progress is finished first."""
    os.kill(os.getpid(), signal.SIGTERM)


def leave_out_of_garbage_collection() -> None:
    """Have Python search for garbage only among what is made from now on.

    What was built at the start stays until the end. To search all of it stops every thread for a tenth of a
    second or more, and acknowledgements with them.
    """
    gc.collect()
    gc.freeze()


def serve(settings: Settings) -> int:
    """Run the bot until SIGTERM or SIGINT."""
    logs.configure(settings.log_level, settings.log_format)
    with shutdown.caught(signal.SIGTERM, signal.SIGINT) as wait:
        application = Application(settings)
        application.start()
        leave_out_of_garbage_collection()
        wait()
        if not application.stop():
            # Python would wait for the threads that still wait for an answer.
            sys.stderr.flush()
            os._exit(0)
    return 0
