"""The bot dies at every single call to the cloud, before or after it was done; nothing is left behind.

The driver below does what the reconciler does (`bot.binders.transitions`), with a clock that counts looks.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from bot.errors import CloudUnreachable
from bot.provisioning.instances import InstanceSpec, InstanceState, ResourceIds, Survey
from bot.provisioning.openstack.cloud import OpenStackCloud
from tests.integration.openstack.standin import Cut, StandIn

OrderOf = Callable[..., InstanceSpec]
Open = Callable[..., OpenStackCloud]
How = Literal["before", "after", "500"]

LAG = 1
ATTEMPT = 3
"""Looks after which a lost instance will not turn up any more; more than the lag."""


@dataclass
class Driver:
    """One binder's row, and the processes that work on it, each of which ends with the first error."""

    opened: Open
    standin: StandIn
    order: InstanceSpec
    parts: ResourceIds = field(default_factory=dict)
    attempted: int = -ATTEMPT
    looks: int = 0
    cloud: OpenStackCloud | None = None

    def step(self, what: Callable[[OpenStackCloud], bool]) -> bool:
        self.looks += 1
        self.cloud = self.cloud or self.opened()
        try:
            done = what(self.cloud)
        except CloudUnreachable:  # and no other error, whatever is cut
            self.cloud.close()
            self.cloud = None  # killed: what it had not saved is lost
            return False
        assert len(self.standin.servers) <= 1, "two instances of one binder"
        return done

    def until(self, what: Callable[[OpenStackCloud], bool]) -> None:
        for _ in range(60):
            if self.step(what):
                return
        raise AssertionError("it does not get there")

    def towards_ready(self, cloud: OpenStackCloud) -> bool:
        instances = cloud.survey().of(self.order.binder_id)
        if not instances:
            self._create(cloud)
            return False
        self.parts = dict(self.parts) | {"server": instances[0].ref}
        if instances[0].url is None:
            self.parts = cloud.expose(self.order.binder_id, self.parts)
        return instances[0].state == InstanceState.ACTIVE and instances[0].url is not None

    def _create(self, cloud: OpenStackCloud) -> None:
        if self.parts or self.looks - self.attempted < ATTEMPT:
            return
        self.attempted = self.looks
        self.parts = cloud.create(self.order)

    def towards_gone(self, cloud: OpenStackCloud) -> bool:
        survey: Survey = cloud.survey()
        if not self.parts and not survey.leaves(self.order.binder_id):
            return self.looks - self.attempted >= ATTEMPT
        if cloud.remove(self.order.binder_id, self.parts):
            self.parts = {}
        return False


def whole_life(driver: Driver) -> None:
    driver.until(driver.towards_ready)
    assert len(driver.standin.leavings()) == 3
    driver.until(driver.towards_gone)


@pytest.mark.parametrize("part", range(4))
def test_killed_at_every_call(opened: Open, standin: StandIn, order_of: OrderOf, part: int) -> None:
    assert lives(opened, standin, order_of, Cut(0, "before"), part, step=4) > 5


@pytest.mark.parametrize("how", ["after", "500"])
def test_killed_at_every_call_that_was_done(
    opened: Open, standin: StandIn, order_of: OrderOf, how: How
) -> None:
    assert lives(opened, standin, order_of, Cut(0, how, writes=True), 0, step=1) > 5


def lives(opened: Open, standin: StandIn, order_of: OrderOf, cut: Cut, part: int, step: int) -> int:
    """Cut every `step`-th call of a life, each in a life of its own; how many lives were cut."""
    standin.knobs.lag = LAG
    life = 0
    while True:
        standin.knobs.cut = replace(cut, call=1 + part + life * step)
        driver = Driver(opened, standin, order_of("b1"))
        whole_life(driver)
        assert not standin.leavings(), f"left by {cut} in life {life}"
        assert len(standin.groups) == 1
        if not standin.cut_is_over():  # a life has no such call any more
            return life
        life += 1


@pytest.mark.parametrize("cut", [Cut(0, "before"), Cut(0, "after", writes=True), Cut(0, "500", writes=True)])
def test_stopped_while_it_is_made(opened: Open, standin: StandIn, order_of: OrderOf, cut: Cut) -> None:
    """A person changes their mind at any call of the making: it is taken down from there."""
    standin.knobs.lag = LAG
    for call in range(1, 4 if cut.writes else 20):
        standin.knobs.cut = replace(cut, call=call)
        driver = Driver(opened, standin, order_of("b1"))
        while not standin.cut_is_over():
            assert not driver.step(driver.towards_ready), "it was ready before the cut"
        driver.until(driver.towards_gone)
        assert not standin.leavings(), f"left by a kill at call {call} of {cut}"
