"""One process is paused at any call, for longer than its lease; another does the same work meanwhile."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from bot.errors import CloudUnreachable
from bot.provisioning.instances import InstanceSpec
from bot.provisioning.openstack.cloud import OpenStackCloud
from tests.integration.openstack.standin import Json, StandIn

LAG = 2
LOOKS = 4
"""After so many, an instance shows and is built: a pause that outlasts a lease is longer than that takes."""
OrderOf = Callable[..., InstanceSpec]
Open = Callable[..., OpenStackCloud]


class Pause:
    """Lets somebody else work before the n-th call."""

    def __init__(self, standin: StandIn, call: int, meanwhile: Callable[[], None]) -> None:
        self.is_over = False
        self._answer = standin.answer
        self._left, self._meanwhile = call, meanwhile

    def answer(self, *request: Any) -> tuple[int, str | Json, Json]:
        self._left -= 1
        if self._left == 0:
            self.is_over = True
            self._meanwhile()
        return self._answer(*request)


def test_paused_before_any_call_while_another_does_the_same_there_is_still_one_of_each(
    opened: Open, standin: StandIn, order_of: OrderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.knobs.lag = LAG
    call = 0
    is_over = True
    while is_over:
        call += 1
        first, second, order = opened(), opened(), order_of(f"b{call}")
        is_over = launched_with_a_pause(first, second, order, call, standin, monkeypatch)
        launch(first, order)
        kept = len(standin.servers), len(standin.ports), len(standin.floating_ips)
        assert kept == (1, 1, 1), f"paused before call {call}"
        while not first.remove(order.binder_id, {}):
            first.survey()
        assert not standin.leavings()
    assert call > 10


def launched_with_a_pause(
    first: OpenStackCloud,
    second: OpenStackCloud,
    order: InstanceSpec,
    call: int,
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> bool:
    """Have the first one make an instance, and the second one too in the midst of it; False if it was not."""
    pause = Pause(standin, call, lambda: launch(second, order))
    with monkeypatch.context() as patch:
        patch.setattr(standin, "answer", pause.answer)
        make(first, order)
    return pause.is_over


def launch(cloud: OpenStackCloud, order: InstanceSpec) -> None:
    """What a process does after another one's lease has ended."""
    for _ in range(LOOKS):
        cloud.survey()
    make(cloud, order)
    for _ in range(LOOKS):
        cloud.survey()


def make(cloud: OpenStackCloud, order: InstanceSpec) -> None:
    """Take the steps towards an instance with an address; what is uncertain is left to the next one."""
    with suppress(CloudUnreachable):
        parts = cloud.create(order)
        cloud.expose(order.binder_id, parts)
