"""Each person is answered in the language in which they use Slack."""

from collections.abc import Callable
from datetime import UTC
from threading import Event
from typing import Any

import pytest
from slack_sdk import WebClient

from handlers import ids
from handlers.slack.profiles import CACHE_SECONDS, PAUSE_SECONDS, Profiles
from tests.unit.handlers.conftest import Post
from tests.unit.handlers.listeners.conftest import Desk, bolt

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
def worldly(post: Post, users: SlackUsers, clock: list[float]) -> Desk:
    """A desk at which Slack is asked for people's languages."""
    profiles = Profiles(post.client, UTC, clock=lambda: clock[0])
    return Desk(post, bolt(post, lambda: None, profiles=profiles), [])


def typed(desk: Desk, text: str, user: str) -> Callable[[], None]:
    body = desk.command_body(text, user)
    state = desk.post.workspace.state
    person, channel = state.person(user), state.channel_for(user, "general")
    body["response_url"] = desk.post.workspace.people._response_url(person, channel, None)

    def act() -> None:
        assert desk.dispatch(body) == {}

    return act


def test_the_first_command_is_acknowledged_before_slack_is_asked(worldly: Desk, users: SlackUsers) -> None:
    users.may_answer.clear()

    def act() -> None:
        typed(worldly, "help", worldly.grace)()
        users.may_answer.set()

    assert GERMAN_HELP in worldly.told(worldly.grace, act)
    assert users.asked == [worldly.grace]


def test_from_then_on_the_acknowledgement_is_the_answer(worldly: Desk, users: SlackUsers) -> None:
    worldly.told(worldly.grace, typed(worldly, "help", worldly.grace))
    worldly.told(worldly.post.ada, typed(worldly, "help", worldly.post.ada))
    for _ in range(3):
        assert GERMAN_HELP in worldly.command("help", worldly.grace)
        assert "show these commands" in worldly.command("help", worldly.post.ada)
    assert users.asked == [worldly.grace, worldly.post.ada]


def test_a_language_is_asked_for_again_after_an_hour_once_the_answer_is_given(
    worldly: Desk, users: SlackUsers, clock: list[float]
) -> None:
    worldly.told(worldly.grace, typed(worldly, "help", worldly.grace))
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
    worldly.told(worldly.post.ada, typed(worldly, "help", worldly.post.ada))
    assert users.asked == [worldly.post.ada]


def test_where_slack_does_not_tell_people_are_answered_in_english_and_slack_is_left_alone(
    worldly: Desk, users: SlackUsers, clock: list[float]
) -> None:
    users.error = "ratelimited"
    for user in (worldly.grace, worldly.post.ada, worldly.grace):
        assert "show these commands" in worldly.told(user, typed(worldly, "help", user))
    assert users.asked == [worldly.grace]
    clock[0] += PAUSE_SECONDS
    users.error = ""
    assert GERMAN_HELP in worldly.told(worldly.grace, typed(worldly, "help", worldly.grace))


def test_one_unknown_person_keeps_nobody_else_from_being_asked_about(post: Post, users: SlackUsers) -> None:
    profiles = Profiles(post.client, UTC)
    for user in ("U0NOBODY", "U0NOBODY", post.ada):
        profiles.refresh(user)
    assert users.asked == ["U0NOBODY", post.ada]
    assert profiles.known_locale("U0NOBODY") == ""


def test_who_cannot_reach_slack_knows_nobody(post: Post) -> None:
    profiles = Profiles(WebClient("xoxb-1", base_url="http://127.0.0.1:9/api/"), UTC)  # nobody listens there
    profiles.refresh(post.ada)
    assert profiles.known_locale(post.ada) is None
