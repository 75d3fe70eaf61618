"""`/binder connect github`: each person for themselves, in private, and nothing of it for anybody else."""

import pytest

from bot.policy.people import Standing
from handlers.slack.profiles import Membership
from storage import connections
from storage.access_models import ConnectionState, GitHubConnection
from storage.audit_models import Audit
from tests.unit.handlers.conftest import Post
from tests.unit.handlers.listeners.conftest import Desk, bolt
from workspace.hands import plain

APP = {"github_app_id": "1", "github_app_client_id": "Iv1.x", "github_app_key": "key.pem"}
CODE = "WDJB-MJHT"


@pytest.fixture
def desk(post: Post) -> Desk:
    return Desk(post, bolt(post, lambda: None, **APP), [])


def row(desk: Desk, user: str | None = None) -> GitHubConnection | None:
    with desk.post.store.read() as session:
        return connections.get(session, desk.post.workspace.state.team_id, user or desk.post.ada)


def moves_to(desk: Desk, state: ConnectionState, **changes: object) -> None:
    """As the tick writes it."""
    with desk.post.store.write() as session:
        (claimed,) = connections.claim(session, limit=1, seconds=0)
        connections.save(session, claimed, {"state": state, **changes}, next_in=0.0)
    desk.post.drain()


def waits(desk: Desk) -> None:
    until = desk.post.clock[0] + 900
    code = {
        "user_code": CODE,
        "device_code": "d",
        "address": "https://github.test/device",
        "code_until": until,
    }
    moves_to(desk, ConnectionState.WAITING, **code)


def test_the_code_comes_in_private_and_is_shown_again_to_who_asks_again(desk: Desk) -> None:
    assert "asking GitHub for a code" in desk.command("connect github")
    waits(desk)
    told = [plain(each) for each in desk.post.messages("dm")]
    assert len(told) == 1
    assert CODE in told[0]
    assert "https://github.test/device" in told[0]
    assert CODE in desk.command("connect github")
    assert CODE not in desk.command("connect github", user=desk.grace)
    assert CODE not in str([desk.post.messages("general"), desk.post.messages("dm", "grace")])


def test_who_is_connected_is_told_so_and_can_end_it(desk: Desk) -> None:
    desk.command("connect github")
    moves_to(desk, ConnectionState.CONNECTED, login="ada-at-github")
    assert "ada-at-github" in plain(desk.post.messages("dm")[-1])
    assert "connected with GitHub as ada-at-github" in desk.command("connect")
    assert "have forgotten" in desk.command("disconnect github")
    assert row(desk) is None
    assert "aren't connected" in desk.command("disconnect github")


def test_a_message_that_comes_after_its_connection_is_forgotten_says_nothing(desk: Desk) -> None:
    desk.command("connect github")
    with desk.post.store.write() as session:
        (claimed,) = connections.claim(session, limit=1, seconds=0)
        connections.save(session, claimed, {"state": ConnectionState.WAITING}, next_in=None)
    desk.command("disconnect github")
    desk.post.drain()
    assert desk.post.messages("dm") == []


def test_what_was_done_is_in_the_audit_without_the_code(desk: Desk) -> None:
    desk.command("connect github")
    waits(desk)
    desk.command("disconnect github")
    with desk.post.store.read() as session:
        acts = [
            (each.event, each.actor, str(each.detail)) for each in session.query(Audit).order_by(Audit.id)
        ]
    assert [(event, actor) for event, actor, _ in acts] == [
        ("connect", desk.post.ada),
        ("disconnect", desk.post.ada),
    ]
    assert CODE not in str(acts)


@pytest.mark.parametrize("typed", ["connect gitlab", "disconnect gitlab"])
def test_there_is_only_github(desk: Desk, typed: str) -> None:
    assert "with GitHub only" in desk.command(typed)


def test_a_site_without_an_app_says_so(post: Post) -> None:
    desk = Desk(post, bolt(post, lambda: None, ask_for_permission="#help"), [])
    assert "no GitHub App" in desk.command("connect github")
    assert "#help" in desk.command("connect github")
    assert row(desk) is None


@pytest.mark.parametrize(
    ("standing", "may_connect"),
    [(Standing.MEMBER, True), (Standing.GUEST, False), (Standing.STRANGER, False), (Standing.UNKNOWN, False)],
)
def test_those_connect_who_may_launch_and_everybody_can_end_it(
    post: Post, standing: Standing, may_connect: object
) -> None:
    desk = Desk(post, bolt(post, lambda: None, membership_of=lambda *_: Membership(standing), **APP), [])
    desk.command("connect github")
    assert (row(desk) is not None) is may_connect
    assert "connect" not in desk.command("disconnect github").split()[:1]
    assert row(desk) is None
