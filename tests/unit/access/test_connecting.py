"""How people are connected with GitHub: all that it may say, and a process that dies in between."""

import pytest

from storage import connections, outbox
from storage.access_models import ConnectionState
from storage.models import OutboxMessage
from storage.vocabulary import MessageKind
from tests.unit.access.conftest import ADA, Desk


def told(desk: Desk) -> list[str]:
    """The states that the person was told of."""
    with desk.store.read() as session:
        rows = session.query(OutboxMessage).order_by(OutboxMessage.id).all()
    assert {each.kind for each in rows} <= {MessageKind.CONNECTION}
    return [each.key.split(":")[-2] for each in rows]


def test_a_person_enters_a_code_and_is_connected(desk: Desk) -> None:
    desk.github.state.interval = 5.0
    desk.request()
    assert desk.tick() == 1
    row = desk.row()
    assert row.state == ConnectionState.WAITING
    assert row.user_code in {each.user_code for each in desk.github.state.devices.values()}
    assert (row.code_until, row.poll_seconds) == (desk.clock[0] + 900, 5.0)
    assert desk.tick(4.0) == 0  # not asked more often than GitHub lets itself be asked
    assert desk.tick(2.0) == 1
    assert desk.state() == ConnectionState.WAITING
    desk.github.state.interval = 0.0
    desk.github.approve(row.user_code or "", "ada")
    desk.tick(20.0)
    row = desk.row()
    assert (row.state, row.login) == (ConnectionState.CONNECTED, "ada")
    assert (row.user_code, row.device_code) == (None, None)
    assert row.access_token in desk.github.state.access
    assert told(desk) == ["waiting", "connected"]


def test_whoever_asks_too_often_is_slowed_down(desk: Desk) -> None:
    desk.request()
    desk.tick()
    desk.github.state.interval = 3600.0
    desk.tick(1.0)
    desk.tick(10.0)
    assert desk.row().poll_seconds == 7200.0


@pytest.mark.parametrize(
    ("says", "state"),
    [
        ("deny", ConnectionState.DENIED),
        ("forget", ConnectionState.EXPIRED),
        ("late", ConnectionState.EXPIRED),
    ],
)
def test_a_code_that_comes_to_nothing_is_told_once(desk: Desk, says: str, state: ConnectionState) -> None:
    desk.github.state.interval = 0.0
    desk.request()
    desk.tick()
    if says == "deny":
        desk.github.deny(desk.row().user_code or "")
    if says == "forget":
        desk.github.state.devices.clear()
    desk.tick(1000.0 if says == "late" else 20.0)
    assert desk.state() == state
    assert desk.row().device_code is None
    assert desk.tick(10_000.0) == 0
    assert told(desk) == ["waiting", str(state)]


def test_after_an_end_one_can_begin_anew_and_is_told_again(desk: Desk) -> None:
    desk.request()
    desk.tick()
    desk.tick(1000.0)
    desk.request()
    desk.tick()
    assert desk.state() == ConnectionState.WAITING
    assert told(desk) == ["waiting", "expired", "waiting"]


def test_asking_twice_is_asking_once(desk: Desk) -> None:
    for _ in range(2):
        desk.request()
        desk.tick()
    assert len(desk.github.state.devices) == 1


def test_whoever_forgets_and_begins_anew_is_told_again(desk: Desk) -> None:
    for _ in range(2):
        desk.request()
        desk.tick(1.0)
        with desk.store.write() as session:
            assert connections.forget(session, ADA.team_id, ADA.user)
    assert told(desk) == ["waiting", "waiting"]


def test_a_process_that_died_is_followed_by_another(desk: Desk) -> None:
    desk.request()
    with desk.store.write() as session:
        (dead,) = connections.claim(session, limit=8, seconds=60)
    assert desk.tick(59.0) == 0
    assert desk.tick(2.0) == 1
    assert desk.state() == ConnectionState.WAITING
    with desk.store.write() as session, pytest.raises(Exception, match="claimed by another worker"):
        connections.save(session, dead, {"state": ConnectionState.DENIED}, next_in=None)


def test_a_right_is_renewed_before_it_ends(desk: Desk) -> None:
    desk.connect()
    first = desk.row()
    assert desk.tick(26_000.0) == 0
    assert desk.tick(1_500.0) == 1
    second = desk.row()
    assert second.state == ConnectionState.CONNECTED
    assert second.access_token != first.access_token
    assert second.access_token in desk.github.state.access
    assert second.access_until == desk.clock[0] + 28_800
    assert told(desk) == ["waiting", "connected"]


def test_a_right_that_was_revoked_is_told_with_the_next_renewal(desk: Desk) -> None:
    desk.connect()
    desk.github.revoke("ada")
    desk.tick(28_000.0)
    assert desk.state() == ConnectionState.LOST
    assert (desk.row().access_token, desk.row().refresh_token) == (None, None)
    assert told(desk)[-1] == "lost"


@pytest.mark.parametrize("trouble", ["busy", "is_down"])
def test_nothing_is_concluded_from_a_host_in_trouble(desk: Desk, trouble: str) -> None:
    desk.connect()
    setattr(desk.github.state, trouble, 1)
    desk.tick(27_500.0)
    assert desk.state() == ConnectionState.CONNECTED
    setattr(desk.github.state, trouble, 0)
    assert desk.tick(20.0) == 1
    assert (desk.row().access_until or 0) > desk.clock[0] + 28_000


def test_a_code_that_github_never_gives_is_given_up(desk: Desk) -> None:
    desk.github.state.is_down = True
    desk.request()
    for _ in range(5):
        desk.tick(200.0)
    assert desk.state() == ConnectionState.EXPIRED


def test_secrets_are_encrypted_and_not_shown(desk: Desk) -> None:
    desk.connect()
    row = desk.row()
    hidden = [row.access_token or "", row.refresh_token or ""]
    assert all(each.startswith(("ghu_", "ghr_")) for each in hidden)
    assert not any(each in f"{row!r} {vars(row)}" for each in hidden)
    with desk.store.read() as session:
        assert outbox.is_owed(session, "nothing") is False
