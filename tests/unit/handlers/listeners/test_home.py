"""The Home tab: what stands on it for whom, and when it is published."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from handlers import ids
from handlers.outbox.homes import HomePublisher
from handlers.requests import home
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from storage import homes, policies
from storage.home_models import HomeChange
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target, WaitsFor
from tests.unit.handlers.conftest import NOW
from tests.unit.handlers.listeners.conftest import Desk, bolt, context_of
from workspace.hands import plain
from workspace.state import User


@dataclass
class Tabs:
    """A desk, and a publisher of Home tabs whose clock a test turns."""

    desk: Desk
    settings: dict[str, Any]

    def __post_init__(self) -> None:
        self.desk.app = bolt(self.desk.post, lambda: None, **self.settings)
        self.restart()

    def restart(self) -> None:
        """As after a crash: what a process remembers is gone."""
        post = self.desk.post
        calls = SlackCalls(default_rate_limits(lambda: post.clock[0]))
        render = partial(home.blocks_of, context_of(post, **self.settings))
        self.publisher = HomePublisher(post.store, OneWorkspace(post.client), calls, render)

    def id_of(self, handle: str) -> str:
        return self.desk.post.workspace.state.person(handle).id

    def open(self, handle: str) -> str:
        self.visit(self.id_of(handle))
        return self.shown(handle)

    def visit(self, user: str) -> None:
        before = self.count()
        self.desk.event({"type": "app_home_opened", "tab": "home", "user": user, "channel": "D1"})
        self.desk.wait(lambda: self.count() > before)

    def press(self, handle: str, action_id: str, value: str = "") -> None:
        self.desk.dispatch(self.desk.home_click_body(action_id, value, self.id_of(handle)))

    def count(self) -> int:
        with self.desk.post.store.read() as session:
            return session.query(HomeChange).count()

    def publish(self, seconds: float = 0) -> int:
        """Let time pass, and publish what is due then; how many were published."""
        self.desk.post.clock[0] += seconds
        count = 0
        while self.publisher.publish_due():
            count += 1
        return count

    def shown(self, handle: str, seconds: float = 2) -> str:
        """What somebody sees on their tab when everything is published."""
        self.publish(seconds)
        view = self.desk.post.workspace.views.homes.get(self.id_of(handle))
        return plain(view.payload) if view else ""


def tabs_of(desk: Desk, **settings: Any) -> Tabs:
    return Tabs(desk, settings)


@pytest.fixture
def tabs(desk: Desk) -> Tabs:
    return tabs_of(desk)


def test_it_shows_ones_own_binders_as_cards_with_the_buttons_of_the_thread(desk: Desk) -> None:
    tabs = tabs_of(desk, cost_unit="SU")
    now = desk.post.clock[0]
    desk.has(name="mine", price_per_hour=2.0, ready_at=now - 3600, ends_at=now + 3600)
    desk.has(id="other", name="theirs", owner=desk.grace)
    shown = tabs.open("ada")
    for part in ("*mine* is ready", "size `small`", "2.00 SU so far", "ends ", "[Open]", "[Tear down]"):
        assert part in shown
    assert "theirs" not in shown


def test_a_change_is_shown_without_another_visit_and_once_for_many(tabs: Tabs) -> None:
    assert "You have no binder." in tabs.open("ada")
    row = tabs.desk.has(name="mine")
    tabs.desk.command("extend mine 1h")
    tabs.desk.command("stop mine")
    assert tabs.publish(2) == 1
    assert f"*{row.name}* is being torn down" in tabs.shown("ada")


def test_what_is_shared_has_the_buttons_of_the_role_and_strangers_see_nothing(tabs: Tabs) -> None:
    row = tabs.desk.has(name="secretive", is_private=True)
    tabs.open("grace")
    tabs.desk.share(row, "grace")
    shown = tabs.shown("grace")
    assert "Shared with you" in shown
    assert f"*secretive* is ready · @{tabs.id_of('ada')}" in shown
    assert "[Open]" in shown
    assert "[Tear down]" not in shown
    assert "secretive" not in tabs.open("linus")


def gone(desk: Desk, **changes: Any) -> Binder:
    over = {"status": Status.GONE, "target": Target.GONE, "ending": Ending.STOPPED}
    ended = {"ended_at": desk.post.clock[0] - 60, "gone_at": desk.post.clock[0] - 30}
    return desk.has(**over | ended | changes)


def test_what_was_launched_before_can_be_launched_again_once_each(tabs: Tabs) -> None:
    desk = tabs.desk
    for number in range(3):
        gone(desk, id=f"old{number}", url="https://git.example.org/o/old", created_at=float(number))
    desk.has(id="live", url="https://git.example.org/o/live")
    gone(desk, id="older", url="https://git.example.org/o/live")
    gone(desk, id="theirs", url="https://git.example.org/o/theirs", owner=desk.grace)
    shown = tabs.open("ada").partition("Launched before")[2]
    assert shown.count("git.example.org/o/old") == shown.count("[Launch again]") == 1
    assert "o/live" not in shown
    assert "o/theirs" not in shown
    tabs.press("ada", ids.RETRY, "old2")
    desk.wait(lambda: any(each.status == Status.REQUESTED for each in desk.all()))


def test_it_offers_what_the_site_features(desk: Desk) -> None:
    tabs = tabs_of(desk, featured="Fractals = owner/fractals main; owner/other")
    shown = tabs.open("ada")
    assert "*Fractals*\nowner/fractals main" in shown
    tabs.press("ada", ids.LAUNCH_THIS, "owner/fractals main")
    desk.wait(lambda: [each.url for each in desk.all()] == ["https://github.com/owner/fractals"])
    assert desk.all()[0].is_private  # it goes on in a direct message


def test_it_says_what_one_may_have_and_what_one_used_this_month(desk: Desk) -> None:
    tabs = tabs_of(desk, cost_unit="SU", idle_hours=4, max_cost_per_binder=50)
    now = desk.post.clock[0] = NOW  # in the middle of a month
    desk.has(name="mine", price_per_hour=2.0, ready_at=now - 1800)
    gone(desk, id="old", ready_at=now - 3660, ended_at=now - 60, price_per_hour=1.0)
    gone(desk, id="long-ago", ready_at=now - 90 * 86_400, ended_at=now - 89 * 86_400, price_per_hour=1e6)
    shown = tabs.open("ada")
    assert "You have 1 of 3 binders." in shown
    assert "ends after 12 h unless you extend it, and after 12 h at the latest." in shown
    assert "nobody used it for 4 h. It may cost 50.00 SU." in shown
    assert "This month: 2 binders, which ran for 1 h 30 min. Cost: 2.00 SU." in shown


def test_what_waits_does_not_count_and_limits_of_ones_own_are_told(desk: Desk) -> None:
    tabs = tabs_of(desk)
    desk.has(name="mine")
    full = {"scope": "person", "what": "binders", "used": 7, "limit": 7, "number": 2}
    waits = {"status": Status.REQUESTED, "ready_at": None, "waits_for": WaitsFor.PLACE, "queue": full}
    desk.has(id="later", name="later", **waits)
    with desk.post.store.write() as session:
        policies.set_limits(
            session, desk.post.workspace.state.team_id, desk.post.ada, {"binders": 7}, "UADMIN"
        )
    shown = tabs.open("ada")
    assert "You have 1 of 7 binders." in shown
    assert "*later* is number 2 in the queue" in shown
    assert "its owner has 7 of 7 binders" in shown
    assert "[Cancel]" in shown


# --- admins ----------------------------------------------------------------------------------------------


@pytest.fixture
def watched(desk: Desk) -> Tabs:
    """Grace is an admin, and there are three pages of binders."""
    tabs = tabs_of(desk, admins=desk.grace, cost_unit="SU")
    for number in range(45):
        desk.has(id=f"id{number}", name=f"binder-{number}", created_at=float(number), price_per_hour=1.0)
    return tabs


def test_an_admin_turns_the_pages_of_all_binders(watched: Tabs) -> None:
    assert "[All binders]" in watched.open("grace")
    watched.press("grace", f"{ids.HOME_PAGE_PREFIX}0")
    watched.desk.wait(lambda: "page 1 of 3" in watched.shown("grace"))
    first = watched.shown("grace")
    assert "45 binders · 45.00 SU per hour · page 1 of 3" in first
    assert first.count("[Tear down]") == 20
    assert "[Next page]" in first
    assert "[Previous page]" not in first
    watched.press("grace", f"{ids.HOME_PAGE_PREFIX}2")
    watched.desk.wait(lambda: "page 3 of 3" in watched.shown("grace"))
    assert watched.shown("grace").count("[Tear down]") == 5
    watched.desk.command("stop binder-0")
    assert "*binder-0* is being torn down" in watched.shown("grace")
    watched.press("grace", ids.HOME_MINE)
    watched.desk.wait(lambda: "You have no binder." in watched.shown("grace"))


def test_a_page_that_is_no_longer_there_is_the_last_one(watched: Tabs) -> None:
    watched.press("grace", f"{ids.HOME_PAGE_PREFIX}999")
    watched.desk.wait(lambda: "page 3 of 3" in watched.shown("grace"))


def test_who_is_no_admin_cannot_turn_to_them_by_a_forged_button(watched: Tabs) -> None:
    watched.press("linus", f"{ids.HOME_PAGE_PREFIX}0")
    assert "[All binders]" not in watched.open("linus")
    assert "binder-1" not in watched.shown("linus")


def test_an_admin_who_is_none_any_more_sees_their_own(watched: Tabs) -> None:
    watched.press("grace", f"{ids.HOME_PAGE_PREFIX}0")
    watched.desk.wait(lambda: "page 1 of 3" in watched.shown("grace"))
    watched.settings.pop("admins")
    watched.restart()
    watched.desk.command("stop binder-1")
    assert "You have no binder." in watched.shown("grace")


# --- pace and failures -----------------------------------------------------------------------------------


def test_slacks_pace_holds_and_everybody_gets_theirs(tabs: Tabs) -> None:
    state = tabs.desk.post.workspace.state
    people = [User(f"U00000000{number:02}", f"p{number}", f"P {number}") for number in range(30)]
    state.users |= {each.id: each for each in people}
    for each in people:
        tabs.visit(each.id)
    tabs.publish()
    shown = tabs.desk.post.workspace.views.homes
    assert 9 <= len(shown) <= 10  # at once; the others wait for their turn
    tabs.publish(60)
    assert len(shown) == 30


@pytest.mark.parametrize("failure", ["http_500", "drop_before", "drop_after", "ratelimited"])
def test_what_slack_did_not_take_is_published_later(tabs: Tabs, failure: Any) -> None:
    tabs.visit(tabs.id_of("ada"))
    tabs.desk.post.workspace.fail_next("views.publish", failure)
    tabs.publish()
    assert tabs.count() == 1
    assert "You have no binder." in tabs.shown("ada", 30)
    assert tabs.count() == 0


def test_a_crash_before_slack_took_it_loses_nothing(tabs: Tabs, monkeypatch: pytest.MonkeyPatch) -> None:
    tabs.visit(tabs.id_of("ada"))

    def crash(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(tabs.publisher, "_render", crash)
    with pytest.raises(SystemExit):
        tabs.publish()
    tabs.restart()
    assert "You have no binder." in tabs.shown("ada", 61)


def test_a_tab_that_slack_refuses_holds_up_nobody(tabs: Tabs) -> None:
    with tabs.desk.post.store.write() as session:
        homes.visit(session, tabs.desk.post.workspace.state.team_id, "UNOBODY")
    tabs.visit(tabs.id_of("ada"))
    assert "You have no binder." in tabs.shown("ada")
    assert tabs.count() <= 1


def test_a_button_shows_the_tab_anew_although_nothing_changed(tabs: Tabs) -> None:
    tabs.open("ada")
    tabs.press("ada", ids.LOG, "nonsense")
    tabs.desk.wait(lambda: tabs.publish(2) == 1)
