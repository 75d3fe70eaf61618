"""Each person is answered in the language in which they use Slack."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC
from threading import Barrier, Event, Timer
from typing import Any

import pytest
from slack_sdk import WebClient

from handlers import ids
from handlers.outbox.delivery import Delivery
from handlers.requests.home import blocks_of
from handlers.slack import profiles as slack_profiles
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from handlers.slack.profiles import CACHE_SECONDS, PAUSE_SECONDS, Profiles
from storage import outbox, shares
from storage.home_models import Home, HomeTab
from storage.share_models import ShareKind
from storage.shares import Subject
from storage.vocabulary import MessageKind, Status
from tests.unit.handlers.conftest import Post
from tests.unit.handlers.listeners.conftest import REPO, Desk, bolt, context_of
from workspace.hands import Person, plain

GERMAN_HELP = "diese Befehle zeigen"


class SlackUsers:
    """What is asked of `users.info`; while `may_answer` is not set, nobody is told."""

    def __init__(self, post: Post) -> None:
        self.asked: list[str] = []
        self.may_answer = Event()
        self.may_answer.set()
        self.error = ""
        self._calls = post.workspace.api.call
        post.workspace.api.call = self._call  # type: ignore[method-assign]

    def _call(self, method: str, token: str, given: dict[str, Any]) -> dict[str, Any]:
        if method == "users.info":
            self.asked.append(str(given["user"]))
            assert self.may_answer.wait(10)
            if self.error:
                return {"ok": False, "error": self.error}
        return self._calls(method, token, given)


@pytest.fixture
def users(post: Post) -> SlackUsers:
    post.workspace.state.set_locale("grace", "de-DE")
    return SlackUsers(post)


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


@pytest.fixture
def profiles(post: Post, users: SlackUsers, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> Profiles:
    monkeypatch.setattr(slack_profiles, "TIMEOUT_SECONDS", 10.0)  # on a busy computer
    return Profiles(OneWorkspace(post.client), UTC, clock=lambda: clock[0])


@pytest.fixture
def worldly(post: Post, profiles: Profiles) -> Desk:
    """A desk at which Slack is asked for people's languages."""
    return Desk(post, bolt(post, lambda: None, profiles=profiles), [])


def test_the_first_command_is_answered_in_that_language_and_acknowledged_last(
    worldly: Desk, users: SlackUsers
) -> None:
    """Acknowledged first, a command would be lost without a word if the bot dies then."""
    assert GERMAN_HELP in worldly.command("help", worldly.grace)
    assert users.asked == [worldly.grace]
    users.may_answer.clear()
    Timer(0.1, users.may_answer.set).start()
    worldly.command(f"launch {REPO}", worldly.post.ada)
    assert len(worldly.all()) == 1, "what is acknowledged is written"


def test_slack_is_asked_once(worldly: Desk, users: SlackUsers) -> None:
    for _ in range(3):
        assert GERMAN_HELP in worldly.command("help", worldly.grace)
        assert "show these commands" in worldly.command("help", worldly.post.ada)
    assert users.asked == [worldly.grace, worldly.post.ada]


def test_slack_is_asked_once_for_whoever_does_several_things_at_once(post: Post, users: SlackUsers) -> None:
    grace = post.workspace.state.person("grace").id
    profiles, together = Profiles(OneWorkspace(post.client), UTC), Barrier(5)
    users.may_answer.clear()

    def refresh() -> str | None:
        together.wait(10)
        profiles.refresh(post.team, grace)
        return profiles.known_locale(post.team, grace)

    with ThreadPoolExecutor(5) as pool:
        known = [pool.submit(refresh) for _ in range(5)]
        wait(known, timeout=0.2)
        users.may_answer.set()
        assert {each.result() for each in known} == {"de-DE"}
    assert users.asked == [grace]


def test_a_language_is_asked_for_again_after_an_hour_once_the_answer_is_given(
    worldly: Desk, users: SlackUsers, profiles: Profiles, clock: list[float]
) -> None:
    profiles.refresh(worldly.post.team, worldly.grace)
    worldly.post.workspace.state.set_locale("grace", "en-US")
    clock[0] += CACHE_SECONDS
    assert GERMAN_HELP in worldly.command("help", worldly.grace)
    worldly.wait(lambda: len(users.asked) == 2)
    worldly.wait(lambda: "show these commands" in worldly.command("help", worldly.grace))


def test_buttons_and_mentions_are_answered_in_that_language_too(worldly: Desk, users: SlackUsers) -> None:
    row = worldly.has(name="demo")
    pressed = worldly.told(worldly.grace, lambda: worldly.click(ids.STOP, row.id, worldly.grace))
    assert "Nur" in pressed
    assert "ihn beenden" in pressed
    assert GERMAN_HELP in worldly.told(worldly.grace, lambda: worldly.mention("help", worldly.grace))


def test_whoever_posts_a_link_is_not_asked_about(worldly: Desk, users: SlackUsers) -> None:
    links = [{"url": "https://mybinder.org/v2/gh/o/r", "domain": "mybinder.org"}]
    event = {
        "type": "link_shared",
        "user": worldly.grace,
        "channel": "C1",
        "message_ts": "1.1",
        "links": links,
    }
    worldly.event(event)
    worldly.command("help", worldly.post.ada)
    assert users.asked == [worldly.post.ada]


def test_where_slack_does_not_tell_people_are_answered_in_english_and_slack_is_left_alone(
    worldly: Desk, users: SlackUsers, clock: list[float]
) -> None:
    users.error = "ratelimited"
    for user in (worldly.grace, worldly.post.ada, worldly.grace):
        assert "show these commands" in worldly.command("help", user)
    assert users.asked == [worldly.grace]
    clock[0] += PAUSE_SECONDS
    users.error = ""
    assert GERMAN_HELP in worldly.command("help", worldly.grace)


def test_one_unknown_person_keeps_nobody_else_from_being_asked_about(post: Post, users: SlackUsers) -> None:
    profiles = Profiles(OneWorkspace(post.client), UTC)
    for user in ("U0NOBODY", "U0NOBODY", post.ada):
        profiles.refresh(post.team, user)
    assert users.asked == ["U0NOBODY", post.ada]
    assert profiles.known_locale(post.team, "U0NOBODY") == ""
    assert profiles.known_locale("T0OTHER", "U0NOBODY") is None, "another workspace's person"


def test_who_cannot_reach_slack_knows_nobody(post: Post) -> None:
    unreachable = WebClient("xoxb-1", base_url="http://127.0.0.1:9/api/")  # nobody listens there
    profiles = Profiles(OneWorkspace(unreachable), UTC)
    profiles.refresh("T1", post.ada)
    assert profiles.known_locale("T1", post.ada) is None


# --- what is delivered later -----------------------------------------------------------------------------


def test_links_and_shares_are_told_in_the_language_of_who_gets_them(post: Post) -> None:
    """Ada owns the binder and reads German, Grace reads English: the channel reads English, too."""
    post.workspace.state.set_locale("ada", "de-DE")
    profiles = Profiles(OneWorkspace(post.client), UTC)
    calls = SlackCalls(default_rate_limits(lambda: post.clock[0]))
    post.delivery = Delivery(post.store, OneWorkspace(post.client), calls, known_locale=profiles.known_locale)
    row = post.launch(name="demo")
    post.drain()
    grace = post.workspace.state.person("grace").id
    for user in (post.ada, grace):
        profiles.refresh(post.team, user)
    post.change(row.id, status=Status.READY, ready_at=post.clock[0])
    general = post.channel("general")
    whom = [Subject(ShareKind.USER, grace), Subject(ShareKind.CHANNEL, general)]
    with post.store.write() as session:
        outbox.say(session, MessageKind.LINKS, f"links:{row.id}", row.id)
        shares.share(session, row.id, whom, manages=False, by=post.ada)
        for to in (grace, general):
            shares.tell(session, row.id, to, by=post.ada, occasion="x")
    post.drain()
    with Person(post.workspace.url, "ada") as ada, Person(post.workspace.url, "grace") as other:
        mine = "\n".join(map(plain, ada.look().ephemerals()))
        direct = "\n".join(map(plain, other.look().messages("dm")))
    assert "Deine Links zu *demo*" in mine
    assert "shared *demo* with you. You can open it." in direct
    channel = "\n".join(map(plain, post.messages("general")))
    assert "shared *demo* with this channel." in channel


def test_a_home_tab_is_in_the_language_of_its_reader(post: Post) -> None:
    post.workspace.state.set_locale("grace", "de-DE")
    profiles = Profiles(OneWorkspace(post.client), UTC)
    context = context_of(post, profiles=profiles)
    for handle, title in (("grace", "Deine Binder"), ("ada", "Your binders")):
        user = post.workspace.state.person(handle).id
        home = Home(team_id=post.workspace.state.team_id, user=user, tab=HomeTab.MINE, page=0)
        assert title in plain({"blocks": blocks_of(context, home)})
