"""What people ask stands in the audit: by whom, how, and what became of it. To look is no act."""

import pytest

from handlers import ids
from handlers.listeners import acts
from handlers.requests.audited import EVENTS
from handlers.rules import Action
from storage import audit
from storage.audit import AuditFilter
from storage.audit_models import Audit
from storage.vocabulary import Result
from tests.unit.handlers.listeners.conftest import Desk


@pytest.fixture
def linus(desk: Desk) -> str:
    return desk.post.workspace.state.person("linus").id


def recorded(desk: Desk, count: int) -> list[Audit]:
    """The rows of the audit, once there are so many."""

    def rows() -> list[Audit]:
        with desk.post.store.read() as session:
            return list(audit.stream(session, AuditFilter()))

    desk.wait(lambda: len(rows()) >= count)
    return rows()


def test_every_action_that_does_something_has_its_word() -> None:
    assert set(EVENTS) == set(Action) - {Action.SEE, Action.LINK}
    assert EVENTS[Action.OPEN] == "open"  # by which `storage.shares` knows who has links


def test_a_refusal_is_recorded_with_its_sentence(desk: Desk, linus: str) -> None:
    row = desk.has()
    desk.command("stop demo", user=linus)
    launched, refused = recorded(desk, 2)
    assert (launched.event, launched.result) == ("launch", Result.DONE)
    assert (refused.actor, refused.event, refused.way, refused.result) == (
        linus,
        "end",
        "command",
        Result.REFUSED,
    )
    assert (refused.binder_id, refused.channel) == (row.id, desk.post.channel("general"))
    assert refused.team_id == desk.post.workspace.state.team_id
    assert refused.sentence == "Only the owner of demo or an admin can tear it down."


def test_a_button_and_a_mention_say_so(desk: Desk, linus: str) -> None:
    row = desk.has()
    desk.told("linus", lambda: desk.click(ids.SHELVE, row.id, user=linus))
    recorded(desk, 2)  # it is answered first
    desk.told("linus", lambda: desk.mention("extend demo 2h", user=linus))
    assert [(each.event, each.way) for each in recorded(desk, 3)[1:]] == [
        ("shelve", "button"),
        ("keep", "mention"),
    ]


def test_a_binder_that_is_hidden_is_not_named(desk: Desk, linus: str) -> None:
    desk.has(name="secretive", is_private=True)
    desk.command("stop secretive", user=linus)
    refused = recorded(desk, 2)[-1]
    assert (refused.event, refused.binder_id) == ("end", None)


def test_links_and_logs_count_although_they_change_nothing(desk: Desk) -> None:
    desk.has(log="x")
    desk.command("open demo")
    recorded(desk, 2)
    desk.command("logs demo")
    assert [(each.event, each.result) for each in recorded(desk, 3)[1:]] == [
        ("open", Result.DONE),
        ("logs", Result.DONE),
    ]


@pytest.mark.parametrize(
    "words", ["list", "help", "status demo", "status nothing", "link demo", "lunch o/r", "class"]
)
def test_what_is_only_looked_at_is_no_act(desk: Desk, words: str) -> None:
    desk.has()
    desk.command(words)
    desk.command("open demo")
    assert [each.event for each in recorded(desk, 2)] == ["launch", "open"]


def test_what_breaks_is_recorded_with_its_reference(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.has()
    monkeypatch.setattr("storage.binders.end", lambda *_args, **_named: 1 / 0)
    said = desk.command("stop demo")
    failed = recorded(desk, 2)[-1]
    assert (failed.event, failed.result) == ("end", Result.FAILED)
    assert failed.sentence is not None
    assert failed.sentence in said


def test_a_form_that_is_refused_is_recorded(desk: Desk) -> None:
    answer = desk.submit(repo="not a repository at all")
    assert answer["response_action"] == "errors"
    [refused] = recorded(desk, 1)
    assert (refused.event, refused.way, refused.result) == ("launch", "form", Result.REFUSED)


def test_no_secret_that_somebody_typed_is_recorded(desk: Desk) -> None:
    desk.command("launch https://ada:hunter22@git.example.org/o/r main x y z --size huge")
    desk.command("launch not/a/repo https://ada:hunter22@git.example.org/ --name")
    for each in recorded(desk, 1):
        assert "hunter22" not in f"{each.sentence} {each.detail}"


def test_a_launch_is_acknowledged_before_its_refusal_is_recorded(desk: Desk) -> None:
    with desk.post.store.write():  # nobody else can write now
        said = desk.command("launch what is this --size")
    assert said
    assert recorded(desk, 1)[0].result == Result.REFUSED


@pytest.mark.parametrize(
    ("body", "way"),
    [
        ({"command": "/binder"}, "command"),
        ({"type": "block_actions"}, "button"),
        ({"type": "view_submission"}, "form"),
        ({"type": "message_action"}, "shortcut"),
        ({"type": "event_callback", "event": {"type": "app_mention"}}, "mention"),
        ({"type": "event_callback", "event": {"type": "message"}}, "direct message"),
        ({"type": "event_callback", "event": {"type": "link_shared"}}, ""),
        ({}, ""),
    ],
)
def test_every_way_in_has_its_word(body: dict[str, object], way: str) -> None:
    assert acts.way_of(body) == way
