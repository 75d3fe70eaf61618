"""A bake dies at every moment at which it leaves something else; the sweep leaves nothing of it.

What dies makes no call any more, not even to clean up: that is a kill -9. The sweep is the bot's own.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.admin import bake as admin
from bot.binders.dependencies import Dependencies
from bot.binders.reconciler import Reconciler
from bot.errors import CloudError
from bot.provisioning.openstack import images
from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.cloud import OpenStackCloud
from storage.engine import Store
from storage.lease_models import Lease
from tests.chaos.sim.world import TIMEOUTS, FakeResolver
from tests.integration.openstack.baking import Machines, bakery_of
from tests.integration.openstack.standin import Cut, StandIn

Open = Callable[..., OpenStackCloud]
NOW = 1_790_000_000.0
SWEEP_SECONDS = 31.0


class Killed(BaseException):
    """The process is dead: nothing catches that."""


class Death:
    """Kills the process at one of the moments that differ in what it leaves.

    What dies leaves the cloud and the database as they are. So a kill before a call leaves what one after
    the call before left, and kills around a call that changed nothing are one. A moment is before or after
    a call, where the outside is as it was at none before.

    Args:
        moment: Which one: 1 for the first call.
        outside: Describes what a process that dies leaves.
    """

    def __init__(self, moment: int, outside: Callable[[], str]) -> None:
        self._moment = moment
        self._outside = outside
        self._seen: set[str] = set()
        self.has_come = False
        self._call = Api.call

    def of_method(self) -> Callable[..., Any]:
        """What stands in for `Api.call`: a function, because only that becomes a method."""

        def call(api: Api, *arguments: Any, **named: Any) -> Any:
            self._perhaps_kill()
            answer = self._call(api, *arguments, **named)
            self._perhaps_kill()
            return answer

        return call

    def _perhaps_kill(self) -> None:
        if not self.has_come:
            self._seen.add(self._outside())
            self.has_come = len(self._seen) == self._moment
        if self.has_come:
            raise Killed


class Site:
    """A bot that runs beside the bakes, and its database."""

    def __init__(self, standin: StandIn, cloud: OpenStackCloud, folder: Path) -> None:
        self.now = NOW
        self.standin = standin
        self.store = Store(f"sqlite:///{folder / 'bot.sqlite3'}", clock=lambda: self.now)
        self.store.migrate()
        self._reconciler = Reconciler(
            Dependencies(self.store, cloud, FakeResolver(), TIMEOUTS, worker="the-bot")
        )

    def bake(self) -> None:
        with closing(bakery_of(self.standin)) as bakery:
            admin.bake_with(bakery, self.store, None, None, lambda _: None)

    def sweep(self) -> None:
        self.now += SWEEP_SECONDS
        self._reconciler.sweep()

    def sweep_until_nothing_is_left(self, most: int = 6) -> None:
        while self.left() and most:
            self.sweep()
            most -= 1

    def outside(self) -> str:
        """All that a process which dies leaves, in the cloud and in the database."""
        with self.store.read() as session:
            leases = [(each.name, each.until) for each in session.scalars(select(Lease))]
        return repr((self.standin.shown(), leases))

    def left(self) -> list[Any]:
        """All that the cloud has of bakes, but for proven images."""
        unproven = [each for each in self.standin.images if each.get("binder-bot-state") == "baking"]
        return [*self.standin.leavings(), *unproven]

    def proven(self) -> list[Any]:
        return [each for each in self.standin.images if each.get("binder-bot-state") == "proven"]


@pytest.fixture
def site(standin: StandIn, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(admin, "_CLEAR_POLL_SECONDS", 0.0)
    monkeypatch.setattr(images, "_REMEMBERED_SECONDS", 0.0)  # the site's clock is not the process's
    Machines(standin)
    site = Site(standin, opened(), tmp_path)
    yield site
    site.store.close()


def test_killed_at_every_moment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 1
    while die(site, monkeypatch, moment):
        proven = site.proven()
        with site.standin.counted() as calls:
            for _ in range(3):  # what is seen twice is believed to be nobody's
                site.sweep()
        changes = [each for each in calls if not each.startswith("GET") and "identity" not in each]
        assert changes == [], f"a bake that may still live was disturbed, at moment {moment}"
        site.now += admin.LEASE_SECONDS
        site.sweep_until_nothing_is_left()
        assert site.left() == [], f"left by a kill at moment {moment}"
        assert site.proven() == proven
        moment += 1
    assert moment > 15


def die(site: Site, monkeypatch: pytest.MonkeyPatch, moment: int) -> bool:
    """Bake, and die at that moment; False where the bake has none such any more."""
    death = Death(moment, site.outside)
    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(Api, "call", death.of_method())
        site.bake()
    return death.has_come


def test_every_change_is_a_moment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """No write of a bake goes unseen, or kills at it would be left out."""
    call, unseen = Api.call, []

    def watched(api: Api, service: Any, method: str, path: str, *rest: Any, **named: Any) -> Any:
        before = site.outside()
        answer = call(api, service, method, path, *rest, **named)
        is_look = method == "GET" or "os-getConsoleOutput" in (named.get("body") or {})
        if not is_look and site.outside() == before:
            unseen.append(f"{method} {service} {path}")
        return answer

    monkeypatch.setattr(Api, "call", watched)
    site.bake()
    assert unseen == []


@pytest.mark.parametrize("cut", [Cut(0, "before"), Cut(0, "after", writes=True), Cut(0, "500", writes=True)])
def test_a_lost_reply_or_request_costs_no_image_and_leaves_nothing(site: Site, cut: Cut) -> None:
    call, failed = 1, 0
    while True:
        before = len(site.proven())
        site.standin.knobs.cut = replace(cut, call=call)
        try:
            site.bake()
        except CloudError:  # before anything was made, the operator may as well type it again
            failed += 1
            assert len(site.proven()) == before
        assert site.left() == [], f"left by {cut} at call {call}"
        if not site.standin.cut_is_over():
            break
        call += 1 if cut.writes else 3
    assert call > 5
    assert failed <= 6


def test_the_sweep_spares_a_bake_that_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    hold, sweeps = admin.BakeJournal.hold, 0

    def hold_and_sweep(journal: admin.BakeJournal) -> None:
        nonlocal sweeps
        journal._held_at = None  # the clock of the database runs, the process's own does not
        hold(journal)
        site.sweep()
        sweeps += 1

    monkeypatch.setattr(admin.BakeJournal, "hold", hold_and_sweep)
    site.bake()
    assert sweeps > 10
    assert len(site.proven()) == 1
    assert site.left() == []
