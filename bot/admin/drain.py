"""`binder-bot drain`: tear down every binder, before an upgrade of the cloud or for good."""

import time
from contextlib import closing

from bot import logs
from bot.binders.reconciler import Reconciler
from bot.config import Settings
from bot.images.factory import image_store_of
from bot.provisioning.registry import build_cloud
from bot.wiring import open_store, reconciler_dependencies
from storage import audit, binders, leases, warm
from storage.engine import Store
from storage.vocabulary import Ending

_WORKER = "drain"
_STOP_SECONDS = 30.0
"""For how long after it the pool of a running bot stays empty."""


def drain(settings: Settings, *, timeout: float) -> int:
    """End all binders, and drive their teardown until nothing is left or `timeout` seconds have passed.

    It works beside a running bot, and without one.

    Returns:
        How many binders are left.
    """
    logs.configure("WARNING", settings.log_format)
    deadline = time.monotonic() + timeout
    with closing(open_store(settings)) as store, closing(build_cloud(settings)) as cloud:
        store.migrate()
        reconciler = Reconciler(reconciler_dependencies(settings, store, cloud, image_store_of(settings)))
        _end_all(store)
        while (left := _count_live(store)) and time.monotonic() < deadline:
            _stop_pool(store)
            reconciler.tick()
            time.sleep(settings.tick_seconds / 2)
    return left


def _end_all(store: Store) -> None:
    with audit.acting(audit.by_operator()), store.write() as session:
        for binder_id in binders.existing_ids(session):
            binders.end(session, binder_id, ending=Ending.STOPPED, by="operator")


def _stop_pool(store: Store) -> None:
    """Keep a running bot from filling its warm pool, and end what it made before it was kept from it."""
    with store.write() as session:
        if leases.take(session, warm.LEASE, _WORKER, _STOP_SECONDS):
            warm.end(session, [each.id for each in warm.existing(session)])


def _count_live(store: Store) -> int:
    with store.read() as session:
        return len(binders.existing_ids(session))
