"""A bake dies at every single call to the cloud, before or after it was done; the sweep leaves nothing of it.

What dies makes no call any more, not even to clean up: that is a kill -9. The sweep is the bot's own.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from bot.admin import bake as admin
from bot.binders.dependencies import Dependencies
from bot.binders.reconciler import Reconciler
from bot.errors import CloudError
from bot.provisioning.openstack import images
from bot.provisioning.openstack.api import Api
from bot.provisioning.openstack.cloud import OpenStackCloud
from storage.engine import Store
from tests.chaos.sim.world import TIMEOUTS, FakeResolver
from tests.integration.openstack.baking import Machines, bakery_of
from tests.integration.openstack.standin import Cut, StandIn

Open = Callable[..., OpenStackCloud]
NOW = 1_790_000_000.0
SWEEP_SECONDS = 31.0


class Killed(BaseException):
    """The process is dead: nothing catches that."""


class Death:
    """Kills the process at one of its calls to the cloud.

    Args:
        call: Which one: 1 for the first.
        when: Whether the cloud has done it already.
    """

    def __init__(self, call: int, when: Literal["before", "after"]) -> None:
        self._left = call
        self._when = when
        self.has_come = False
        self._call = Api.call

    def of_method(self) -> Callable[..., Any]:
        """What stands in for `Api.call`: a function, because only that becomes a method."""

        def call(api: Api, *arguments: Any, **named: Any) -> Any:
            return self._take(api, *arguments, **named)

        return call

    def _take(self, api: Api, *arguments: Any, **named: Any) -> Any:
        self._left -= 1
        is_last = self._left == 0 and not self.has_come
        self.has_come = self.has_come or is_last
        if is_last and self._when == "after":
            self._call(api, *arguments, **named)
        if self.has_come:
            raise Killed
        return self._call(api, *arguments, **named)


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


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_call(
    site: Site, monkeypatch: pytest.MonkeyPatch, when: Literal["before", "after"], part: int
) -> None:
    call = 1 + part
    while die(site, monkeypatch, call, when):
        proven = site.proven()
        with site.standin.counted() as calls:
            for _ in range(3):  # what is seen twice is believed to be nobody's
                site.sweep()
        changes = [each for each in calls if not each.startswith("GET") and "identity" not in each]
        assert changes == [], f"a bake that may still live was disturbed, at call {call}"
        site.now += admin.LEASE_SECONDS
        site.sweep_until_nothing_is_left()
        assert site.left() == [], f"left by a kill {when} call {call}"
        assert site.proven() == proven
        call += 3
    assert call > 20


def die(site: Site, monkeypatch: pytest.MonkeyPatch, call: int, when: Literal["before", "after"]) -> bool:
    """Bake, and die at that call; False where the bake makes no such call any more."""
    death = Death(call, when)
    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(Api, "call", death.of_method())
        site.bake()
    return death.has_come


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
