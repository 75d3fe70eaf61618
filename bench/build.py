"""What a launch asks of OpenStack (its stand-in) during a build of ten minutes, by a clock that is turned."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory

from bench.figures import heading, row
from bench.ticks import TIMEOUTS, NoResolver
from bot.binders.dependencies import Dependencies
from bot.binders.reconciler import Reconciler
from bot.binders.server_watch import WATCH_SECONDS, ServerWatch
from bot.provisioning.openstack.cloud import OpenStackCloud
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from storage import binders
from storage.engine import Store
from storage.models import Binder, Status
from tests.fakes.cloud import FakeCloud, FakeServer
from tests.integration.openstack.standin import StandIn

BUILD_SECONDS = 601.9
"""It ends between two looks at the cloud."""


@dataclass
class BuiltServer(FakeServer):
    """A server that answers when its build is over."""

    is_built: Callable[[], bool] = bool

    def is_alive(self) -> bool:
        """Whether it is built."""
        return self.is_built()


def run() -> None:
    """Count the calls of one launch, from its request to its links."""
    heading("One launch on OpenStack whose build takes ten minutes")
    standin = StandIn()
    standin.start()
    options = OpenStackOptions(image="Featured-Ubuntu24", flavors=(Flavor("small", "m3.small", "Small"),))
    cloud = OpenStackCloud(options, "bench", lambda _: "#!", lambda _: None, region=standin.region)
    clock = [time.time()]
    with (
        TemporaryDirectory() as folder,
        closing(Store(f"sqlite:///{folder}/bench.sqlite3", clock=lambda: clock[0])) as store,
        closing(cloud),
        standin.counted() as counted,
    ):
        store.migrate()
        late = _launch(store, cloud, clock)
    standin.stop()
    _tell(counted, late)


def _tell(counted: Counter[str], late: float) -> None:
    consoles = sum(count for call, count in counted.items() if "action" in call)
    row("calls to the cloud", counted.total(), "")
    row("of these, consoles that were read", consoles, "")
    row("from the server's first answer to its links", late, "s", goal=1.0)


def _launch(store: Store, cloud: OpenStackCloud, clock: list[float]) -> float:
    """Let time pass until a launch is ready; gives for how many seconds its server had answered then."""
    built_at = clock[0] + BUILD_SECONDS
    server = BuiltServer(FakeCloud(clock), "b", {"lab": 200}, lambda: clock[0] >= built_at)
    timeouts = replace(TIMEOUTS, poll=cloud.poll_seconds)
    parts = Dependencies(store, cloud, NoResolver(), timeouts, "bench", server=lambda _url, _token: server)
    watch = ServerWatch(parts, clock=lambda: clock[0])
    reconciler = Reconciler(parts, expect=watch.expect)
    with store.write() as session:
        binders.add(session, _row(clock[0]), wanted_name="b")
    while _status(store) != Status.READY:
        while reconciler.tick():
            pass
        clock[0] += WATCH_SECONDS
        watch.tick()
    return clock[0] - WATCH_SECONDS - built_at


def _row(now: float) -> Binder:
    return Binder(
        id="b",
        request_key="b",
        team_id="T1",
        owner="U1",
        channel="C1",
        provider="gh",
        url="https://github.com/o/r",
        size="small",
        token="t",
        created_at=now,
        status_since=now,
        resolved_at=now,
        ends_at=now + 86_400,
    )


def _status(store: Store) -> Status:
    with store.read() as session:
        found = binders.get(session, "b")
    assert found is not None
    return found.status
