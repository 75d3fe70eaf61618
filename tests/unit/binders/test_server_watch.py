"""Servers that are being started are asked often, so that their links follow at once."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.binders.dependencies import Dependencies
from bot.binders.reconciler import Reconciler
from bot.binders.server_watch import ASKED_AT_ONCE, ServerWatch
from bot.provisioning.instances import Phase, Report
from bot.repositories.spec import RepoSpec, Resolved
from storage import binders
from storage.engine import Store
from storage.vocabulary import Status
from tests.fakes.cloud import FakeCloud, FakeServer
from tests.unit.binders.rows import TIMEOUTS, binder

if TYPE_CHECKING:
    from collections.abc import Callable

POLL = 5.0


class FakeResolver:
    """Finds everything."""

    def resolve(self, spec: RepoSpec, *_given: object) -> Resolved:
        return Resolved(spec, commit="c" * 40, is_tip=True)


class Launch:
    """One launch in a cloud that is looked at every five seconds, and a server that answers when told to."""

    def __init__(self, store: Store, clock: list[float]) -> None:
        self.store = store
        self.clock = clock
        self.answers = False
        self.pages = {"lab": 200}
        self.asked = 0
        self.cloud = FakeCloud(clock, reports=(Report(Phase.BUILDING),))
        timeouts = replace(TIMEOUTS, poll=POLL)
        opened = self._open
        self.parts = Dependencies(store, self.cloud, FakeResolver(), timeouts, "worker", server=opened)
        self.nudges: list[int] = []
        self.watch = ServerWatch(self.parts, nudge=lambda: self.nudges.append(1), clock=lambda: clock[0])
        self.reconciler = Reconciler(self.parts, expect=self.watch.expect)

    def _open(self, _url: str, _token: str) -> Any:
        launch = self

        class Server(FakeServer):
            def is_alive(self) -> bool:
                launch.asked += 1
                return launch.answers

        return Server(self.cloud, "abcd1234", self.pages)

    def reconcile(self) -> None:
        while self.reconciler.tick():
            pass

    def let_pass(self, seconds: float) -> None:
        self.clock[0] += seconds

    def status(self) -> Status:
        with self.store.read() as session:
            found = binders.get(session, "abcd1234")
        assert found is not None
        return found.status


@pytest.fixture
def launch(store: Store, clock: list[float]) -> Launch:
    facts: dict[str, Any] = {"request_key": "k", "team_id": "T1", "owner": "U1", "channel": "C1"}
    asked = {"provider": "gh", "url": "https://github.com/o/r", "size": "small"}
    with store.write() as session:
        binders.add(session, binder(**facts, **asked, resolved_at=None), wanted_name="demo")
    begun = Launch(store, clock)
    begun.reconcile()
    assert begun.status() == Status.BUILDING
    return begun


def test_a_server_that_answers_is_ready_without_waiting_for_the_next_look(launch: Launch) -> None:
    launch.let_pass(0.25)
    launch.watch.tick()
    launch.reconcile()
    assert launch.status() == Status.BUILDING
    launch.answers = True
    launch.let_pass(0.25)
    launch.watch.tick()
    assert launch.nudges
    launch.reconcile()
    assert launch.status() == Status.READY


def test_without_the_watch_it_is_ready_at_the_next_look(launch: Launch) -> None:
    launch.answers = True
    launch.reconcile()
    assert launch.status() == Status.BUILDING
    launch.let_pass(POLL)
    launch.reconcile()
    assert launch.status() == Status.READY


def test_the_cloud_is_asked_no_more_often_while_nothing_answers(launch: Launch) -> None:
    looks = launch.cloud.surveys
    for _ in range(40):
        launch.let_pass(0.25)
        launch.watch.tick()
        launch.reconcile()
    assert launch.asked >= 40
    assert launch.cloud.surveys - looks == 2


def test_a_server_that_answers_without_pages_has_the_cloud_asked_at_most_twice_as_often(
    launch: Launch,
) -> None:
    launch.answers, looks = True, launch.cloud.surveys
    launch.pages.clear()
    for tick in range(80):
        launch.answers = tick % 2 == 0  # a server may do what it likes
        launch.let_pass(0.25)
        launch.watch.tick()
        launch.reconcile()
    assert launch.cloud.surveys - looks <= 2 * 80 * 0.25 / POLL


def test_nobody_is_asked_who_is_not_expected_any_more(launch: Launch) -> None:
    asked = launch.asked
    launch.let_pass(31)
    launch.watch.tick()
    assert launch.asked == asked


def test_a_look_under_way_is_not_disturbed_and_followed_by_another(launch: Launch) -> None:
    launch.answers = True
    launch.let_pass(POLL)
    with launch.store.write() as session:
        (held,) = binders.claim(session, "another", limit=1, lease_seconds=60)
    launch.watch.tick()
    assert not launch.nudges
    with launch.store.write() as session:
        binders.save(session, held, {}, next_in=POLL)
    launch.watch.tick()
    assert launch.nudges


def test_no_more_are_asked_at_once_than_there_are_threads_and_none_twice(launch: Launch) -> None:
    waiting: list[Callable[[], None]] = []
    watch = ServerWatch(launch.parts, submit=waiting.append, clock=lambda: launch.clock[0])
    for number in range(ASKED_AT_ONCE + 1):
        watch.expect(binder(id=f"b{number}"))
    watch.tick()
    watch.tick()
    assert len(waiting) == ASKED_AT_ONCE
    for question in waiting[:2]:
        question()
    launch.let_pass(0.25)
    watch.tick()
    assert len(waiting) == ASKED_AT_ONCE + 2
    assert launch.asked
