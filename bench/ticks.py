"""What a tick costs, by the number of ready binders: calls to the cloud, and the time of one processor."""

import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import insert, update

from bench.figures import heading, row
from bot.binders.dependencies import Dependencies
from bot.binders.reconciler import Reconciler
from bot.binders.timeouts import Timeouts
from bot.provisioning.instances import InstanceSpec
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.repositories.spec import RepoSpec, Resolved
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Status
from tests.integration.openstack.standin import StandIn

COUNTS = (10, 100, 1_000, 10_000)
ROUNDS = 3
PAGE = 1_000
"""How many servers Nova lists at once."""
FIRST = "binder0"
TIMEOUTS = Timeouts(
    poll=5, ready_poll=30, attempt=120, missing=10, boot=900, build=2700, capacity=3600, look=1_000_000
)


class NoResolver:
    """Nothing is looked up here."""

    def resolve(self, spec: RepoSpec, *_given: object) -> Resolved:
        """Fail: a ready binder was looked up long ago."""
        raise AssertionError(spec)


def run() -> None:
    """Measure a round in which every binder is due, and a tick at which none is."""
    heading("One tick over ready binders on OpenStack (its stand-in over HTTP), every one of them due")
    for count in COUNTS:
        with _site(count) as (reconciler, standin, store):
            _measure(count, reconciler, standin, store)


def _measure(count: int, reconciler: Reconciler, standin: StandIn, store: Store) -> None:
    reconciler.tick()  # the first one also logs in
    seconds, calls = [], 0
    for _ in range(ROUNDS):
        _make_due(store)
        begun = time.thread_time()
        with standin.counted() as counted:
            assert reconciler.tick() == count
        seconds.append(time.thread_time() - begun)
        calls = counted.total()
    begun = time.thread_time()
    assert reconciler.tick() == 0
    nothing = time.thread_time() - begun
    row(f"{count:,} binders: calls to the cloud", calls, "", goal=4 + count / PAGE)
    row(f"{count:,} binders: processor time", 1000 * min(seconds), "ms")
    row(f"{count:,} binders: processor time of a tick at which none is due", 1000 * nothing, "ms", goal=20)


@contextmanager
def _site(count: int) -> Iterator[tuple[Reconciler, StandIn, Store]]:
    """A cloud with so many instances, and the rows of their binders."""
    standin = StandIn()
    standin.start()
    options = OpenStackOptions(image="Featured-Ubuntu24", flavors=(Flavor("small", "m3.small", "Small"),))
    with TemporaryDirectory() as folder, closing(Store(f"sqlite:///{folder}/bench.sqlite3")) as store:
        cloud = OpenStackCloud(options, "bench", lambda _: "#!", lambda _: None, region=standin.region)
        try:
            ends_at = time.time() + 86_400
            parts = _first_instance(cloud, ends_at)
            _multiply(standin, count)
            store.migrate()
            _write_rows(store, count, parts, ends_at)
            yield Reconciler(Dependencies(store, cloud, NoResolver(), TIMEOUTS, "bench")), standin, store
        finally:
            cloud.close()
            standin.stop()


def _first_instance(cloud: OpenStackCloud, ends_at: float) -> dict[str, str]:
    order = InstanceSpec(
        binder_id=FIRST,
        provider="gh",
        url="https://github.com/o/r",
        ref=None,
        commit="a" * 40,
        is_tip=True,
        path=None,
        interface=None,
        size="small",
        token="t",
        owner="U1",
        team="T1",
        channel="C1",
        ends_at=ends_at,
    )
    parts = cloud.expose(FIRST, cloud.create(order))
    while not cloud.survey().of(FIRST)[0].url:
        pass
    return dict(parts)


def _multiply(standin: StandIn, count: int) -> None:
    """Make the others as the first one is: through its API, ten thousand of them would take minutes."""
    kinds = (standin.servers, standin.ports, standin.floating_ips)
    first = [next(thing for thing in things.values() if FIRST in repr(thing)) for things in kinds]
    ids = {thing["id"]: thing for thing in first}
    for number in range(1, count):
        new = {old: f"{number:08x}{secrets.token_hex(12)}" for old in ids}
        for things, thing in zip(kinds, first, strict=True):
            things[new[thing["id"]]] = _renamed(thing, {FIRST: f"binder{number}"} | new)


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Copy what was made, with other names and ids in it."""
    if isinstance(value, dict):
        return {key: _renamed(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
    return value


def _write_rows(store: Store, count: int, parts: dict[str, str], ends_at: float) -> None:
    now = store.now()
    rows = [
        {
            "id": f"binder{number}",
            "name": f"binder{number}",
            "request_key": str(number),
            "team_id": "T1",
            "owner": "U1",
            "channel": "C1",
            "provider": "gh",
            "url": "https://github.com/o/r",
            "size": "small",
            "stored_token": "t",
            "status": Status.READY,
            "created_at": now,
            "status_since": now,
            "ready_at": now,
            "resolved_at": now,
            "looked_at": now,
            "ends_at": ends_at,
            "resource_ids": parts,
            "log": "the end of a build's log\n" * 40,
        }
        for number in range(count)
    ]
    with store.write() as session:
        session.execute(insert(Binder), rows)


def _make_due(store: Store) -> None:
    with store.write() as session:
        session.execute(update(Binder).values(next_at=0.0))
