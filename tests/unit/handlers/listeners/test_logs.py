"""The log for who asks, help with a failed launch, and the menu with all that can be done."""

from typing import Any

import pytest

from bot.errors import CloudUnreachable
from handlers import ids
from handlers.messages.notices import NoticeOptions
from handlers.outbox.archives import Archives
from handlers.outbox.uploads import Uploads
from handlers.requests.logs import LOG_SECONDS
from handlers.slack.calls import SlackCalls
from handlers.slack.clients import OneWorkspace
from handlers.slack.rate_limit import RateLimit
from storage.models import Binder, OutboxMessage
from storage.vocabulary import Ending, MessageKind, OutboxState, Status, Target
from tests.unit.handlers.listeners.conftest import Desk, bolt
from workspace.hands import Person, plain

FAILED: dict[str, Any] = {
    "status": Status.GONE,
    "target": Target.GONE,
    "ending": Ending.FAILED,
    "ready_at": None,
    "failure": "There is no package nunpy.",
    "log": "Collecting nunpy\nNo matching distribution",
    "thread_ts": None,
}


def owed(desk: Desk, kind: MessageKind) -> list[OutboxMessage]:
    with desk.post.store.read() as session:
        return list(session.query(OutboxMessage).filter_by(kind=kind))


def deliver_files(desk: Desk, log: bytes = b"", error: Exception | None = None) -> None:
    def read(_binder_id: str) -> bytes:
        if error:
            raise error
        return log

    uploads = Uploads(OneWorkspace(desk.post.client), SlackCalls({"others": RateLimit(1000.0, 1000)}))
    files = Archives(desk.post.store, lambda _: None, uploads, read)
    while files.deliver_due() is not None:
        desk.post.clock[0] += 1


def files_of(desk: Desk, user: str) -> list[tuple[str, bytes]]:
    """The comment and the content of each file in somebody's direct message."""
    state = desk.post.workspace.state
    with Person(desk.post.workspace.url, user) as person:
        shared = [each for each in person.look().messages("dm") if each.get("files")]
    return [(each["text"], state.files[each["files"][0]["id"]].content) for each in shared]


def test_the_log_says_why_first_and_all_of_it_follows_to_who_asks_alone(desk: Desk) -> None:
    desk.has(**FAILED)
    said = desk.command("logs demo")
    assert said.index("There is no package nunpy.") < said.index("No matching distribution")
    assert "direct messages" in said
    deliver_files(desk, b"all\nof\nit")
    [(comment, content)] = files_of(desk, "ada")
    assert content == b"all\nof\nit"
    assert "There is no package nunpy." in comment
    assert files_of(desk, "grace") == []
    assert [each for each in desk.post.messages() if each.get("files")] == []


def test_who_may_not_read_the_log_gets_no_file(desk: Desk) -> None:
    desk.has(**FAILED)
    assert "or an admin can read its log" in desk.command("logs demo", user=desk.grace)
    assert owed(desk, MessageKind.LOG) == []


@pytest.mark.parametrize("error", [None, CloudUnreachable("The cloud does not answer.")])
def test_where_the_cloud_has_no_log_the_reported_end_is_the_file(desk: Desk, error: Exception | None) -> None:
    desk.has(**FAILED)
    desk.command("logs demo")
    deliver_files(desk, error=error)
    assert [content for _, content in files_of(desk, "ada")] == [FAILED["log"].encode()]


def test_who_asks_again_at_once_gets_one_file(desk: Desk) -> None:
    desk.post.clock[0] -= desk.post.clock[0] % LOG_SECONDS
    desk.has(**FAILED)
    desk.command("logs demo")
    desk.command("logs demo")
    assert len(owed(desk, MessageKind.LOG)) == 1
    desk.post.clock[0] += LOG_SECONDS
    desk.command("logs demo")
    assert len(owed(desk, MessageKind.LOG)) == 2


def test_a_binder_without_a_log_gets_no_file(desk: Desk) -> None:
    desk.has()
    assert "has no log yet" in desk.command("logs demo")
    assert owed(desk, MessageKind.LOG) == []


# --- help ------------------------------------------------------------------------------------------------


@pytest.fixture
def failed(desk: Desk) -> Binder:
    """A failed launch, on a site where people help each other in #lab."""
    help_channel = desk.post.channel("lab")
    desk.app = bolt(desk.post, lambda: None, help_channel=help_channel)
    desk.post.delivery._options = NoticeOptions(help_channel=help_channel)
    return desk.has(**FAILED, is_private=True)


def test_help_is_asked_for_once_and_only_after_who_asks_has_seen_what_is_posted(
    desk: Desk, failed: Binder
) -> None:
    shown = desk.told("ada", lambda: desk.click(ids.ASK_FOR_HELP, failed.id))
    assert "It was launched in private" in shown
    assert "No matching distribution" in shown
    assert owed(desk, MessageKind.HELP) == []
    assert "is posted" in desk.told("ada", lambda: desk.click(ids.POST_HELP, failed.id))
    assert "posted already" in desk.told("ada", lambda: desk.click(ids.POST_HELP, failed.id))
    assert "posted already" in desk.told("ada", lambda: desk.click(ids.ASK_FOR_HELP, failed.id))
    desk.post.drain()
    [posted] = [each for each in desk.post.messages("lab") if "asks for help" in plain(each)]
    assert "There is no package nunpy." in plain(posted)
    assert "No matching distribution" in plain(posted)


def test_that_nobody_could_be_asked_is_said_in_the_thread(desk: Desk, failed: Binder) -> None:
    desk.post.delivery._options = NoticeOptions(help_channel="CNOWHERE0")
    desk.click(ids.POST_HELP, failed.id)
    desk.wait(lambda: bool(owed(desk, MessageKind.HELP)))
    desk.post.wait(5)
    assert [each.state for each in owed(desk, MessageKind.HELP)] == [OutboxState.DEAD]
    assert [each.facts["sentence"] for each in owed(desk, MessageKind.NOTE)] == [
        "I cannot post in the channel for help, so nobody was asked. Tell those who run this bot."
    ]


def test_without_a_channel_for_help_nobody_is_asked(desk: Desk) -> None:
    row = desk.has(**FAILED)
    assert "no channel for help" in desk.told("ada", lambda: desk.click(ids.POST_HELP, row.id))
    assert owed(desk, MessageKind.HELP) == []


def test_only_a_failure_is_something_to_ask_for_help_with(desk: Desk, failed: Binder) -> None:
    row = desk.has(id="other123", name="other", status=Status.GONE, target=Target.GONE, ending=Ending.STOPPED)
    assert failed.id != row.id
    assert "did not fail" in desk.told("ada", lambda: desk.click(ids.POST_HELP, row.id))


# --- the menu --------------------------------------------------------------------------------------------


def test_what_is_chosen_from_the_menu_is_done_as_by_its_button(desk: Desk) -> None:
    row = desk.has(log="what pip said")
    assert "what pip said" in desk.told("ada", lambda: desk.choose(f"{ids.LOG}:{row.id}"))
    desk.choose(f"{ids.SHARE}:{row.id}")
    with Person(desk.post.workspace.url, "ada") as person:
        assert person.wait_for(lambda seen: seen.modal)["callback_id"] == ids.SHARE_FORM


@pytest.mark.parametrize(
    "value", ["", ":", "binder_form:abcd2345", "nothing", "binder_launch_this:owner/repo"]
)
def test_a_forged_choice_does_nothing(desk: Desk, value: str) -> None:
    desk.has()
    desk.choose(value)
    desk.told("ada", lambda: desk.choose(f"{ids.LOG}:abcd2345"))
    assert len(desk.all()) == 1
    assert desk.all()[0].target == Target.READY


def test_behind_more_an_answer_takes_the_place_of_the_buttons(desk: Desk) -> None:
    row = desk.has()
    desk.choose(f"{ids.MORE}:{row.id}")
    with Person(desk.post.workspace.url, "ada") as person:
        view = person.wait_for(lambda seen: seen.modal)
        assert "[Keep until tonight]" in plain(view)
        press_in_modal(desk, view, ids.LAUNCH_LINK, row.id)
        assert "To launch the same" in plain(
            person.wait_for(lambda seen: seen.modal if "To launch" in plain(seen.modal or {}) else None)
        )


def test_what_is_launched_from_the_modal_goes_where_the_menu_was(desk: Desk) -> None:
    row = desk.has()
    desk.choose(f"{ids.MORE}:{row.id}", where="lab")
    with Person(desk.post.workspace.url, "ada") as person:
        view = person.wait_for(lambda seen: seen.modal)
        press_in_modal(desk, view, ids.RETRY, row.id)
        person.wait_for(lambda seen: "on its way" in plain(seen.modal or {}) or None)
    assert {each.channel for each in desk.all() if each.id != row.id} == {desk.post.channel("lab")}


def press_in_modal(desk: Desk, view: dict[str, Any], action_id: str, binder_id: str) -> None:
    body = desk.click_body(action_id, binder_id)
    body |= {"container": {"type": "view", "view_id": view["id"]}, "view": view}
    del body["channel"], body["response_url"]
    desk.dispatch(body)
