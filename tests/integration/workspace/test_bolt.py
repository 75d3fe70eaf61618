"""A real Bolt app over the wire: what it hears of people, and what people see of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler

from workspace.hands import links, plain

if TYPE_CHECKING:
    from workspace.hands import Person
    from workspace.server import Workspace

Connected = Any
BUTTONS: dict[str, Any] = {
    "type": "actions",
    "elements": [
        {
            "type": "button",
            "action_id": "press",
            "value": "7",
            "text": {"type": "plain_text", "text": "Press"},
        },
        {
            "type": "button",
            "action_id": "go",
            "url": "https://example.org/?a=1&b=2",
            "text": {"type": "plain_text", "text": "Go"},
        },
    ],
}
FORM = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "A form"},
    "submit": {"type": "plain_text", "text": "Send"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "name",
            "label": {"type": "plain_text", "text": "Name"},
            "element": {"type": "plain_text_input", "action_id": "typed"},
        },
        {
            "type": "input",
            "block_id": "size",
            "optional": True,
            "label": {"type": "plain_text", "text": "Size"},
            "element": {
                "type": "static_select",
                "action_id": "chosen",
                "options": [{"text": {"type": "plain_text", "text": "Big"}, "value": "big"}],
            },
        },
    ],
}


def test_a_command_is_acked_and_its_message_posted_updated_and_pressed(demo: Connected, ada: Person) -> None:
    def on_command(ack: Any, command: Any, client: Any) -> None:
        ack("one moment")
        root = client.chat_postMessage(channel=command["channel_id"], text="working")
        client.chat_postMessage(channel=root["channel"], thread_ts=root["ts"], text="a detail")
        client.chat_update(channel=root["channel"], ts=root["ts"], text="done", blocks=[BUTTONS])

    def on_press(ack: Any, body: Any, client: Any) -> None:
        ack()
        said = f"pressed {body['actions'][0]['value']}"
        client.chat_postEphemeral(channel=body["channel"]["id"], user=body["user"]["id"], text=said)

    demo.app.command("/demo")(on_command)
    demo.app.action("press")(on_press)
    demo.connect()
    answer = ada.command("/demo hello")
    assert answer["ok"]
    assert answer["seconds"] < 0.5
    assert ada.wait_for_text("one moment")["is_ephemeral"]
    root = ada.wait_for_text("[Press]  [Go]")
    assert root["reply_count"] == 1
    assert [plain(one) for one in ada.look().thread("general", root["ts"])] == ["a detail"]
    assert links(root) == [("Go", "https://example.org/?a=1&b=2")]
    assert ada.click("Press")["ok"]
    assert ada.wait_for_text("pressed 7")["is_ephemeral"]


def test_only_the_addressee_sees_an_ephemeral_message(demo: Connected, ada: Person, grace: Person) -> None:
    demo.client.chat_postEphemeral(channel="#general", user=ada.look().me, text="for Ada")
    demo.client.chat_postMessage(channel="#general", text="for all")
    assert [plain(one) for one in ada.look().messages()] == ["for Ada", "for all"]
    assert [plain(one) for one in grace.look().messages()] == ["for all"]


def test_the_command_payload_is_slacks(demo: Connected, ada: Person) -> None:
    demo.app.command("/demo")(lambda ack, body: (ack(), demo.received.append(body)))
    demo.connect()
    mail = "<mailto:git@github.com|git@github.com>"
    typed = "https://github.com/o/r?a=1&b=2, github.com/o/r @grace #lab <b> git@github.com:o/r.git o/r@main"
    assert ada.command(f"/demo {typed}")["ok"]
    seen = ada.look()
    people = {user["name"]: user["id"] for user in seen.state["users"].values()}
    lab = seen.channel("lab")["id"]
    body = demo.received[0]
    assert body["text"] == (
        "<https://github.com/o/r?a=1&amp;b=2>, <http://github.com/o/r|github.com/o/r> "
        f"<@{people['grace']}|grace> <#{lab}|lab> &lt;b&gt; {mail}:o/r.git o/r@main"
    )
    assert (body["channel_name"], body["user_name"], body["command"]) == ("general", "ada", "/demo")
    assert body["is_enterprise_install"] == "false"


def test_a_command_that_is_not_acked_in_time_fails_before_the_person(demo: Connected, ada: Person) -> None:
    release = threading.Event()
    demo.app.command("/slow")(lambda ack: (release.wait(5), ack()))
    demo.connect()
    answer = ada.command("/slow")
    release.set()
    assert answer["error"] == "operation_timeout"
    assert ada.wait_for_text('/slow failed with the error "operation_timeout"')["is_ephemeral"]


def test_without_an_app_the_person_is_told(ada: Person) -> None:
    assert ada.command("/demo")["error"] == "dispatch_failed"
    assert ada.wait_for_text("/demo failed because the app did not respond")


def test_commands_are_refused_in_threads_and_where_unknown(ada: Person) -> None:
    ts = ada.say("root")["ts"]
    assert "not supported in threads" in ada.command("/demo", thread_ts=ts)["text"]
    assert "not a valid command" in ada.command("/nonsense")["text"]


def test_events_are_redelivered_until_acked(workspace: Workspace, demo: Connected, ada: Person) -> None:
    release, heard = threading.Event(), []

    def on_mention(event: Any, request: Any) -> None:
        heard.append((event["text"], request.headers.get("x-slack-retry-num")))

    def hold_the_first(request: Any, next: Any) -> None:  # noqa: A002 (Bolt finds its arguments by name)
        if request.headers.get("x-slack-retry-num") == ["0"]:
            release.wait(5)
        next()

    demo.app.middleware(hold_the_first)
    demo.app.event("app_mention")(on_mention)
    demo.app.event("message")(lambda: None)
    demo.connect()
    ada.say(f"hi @{workspace.state.bot.name}")
    deadline = time.monotonic() + 5
    while not heard and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    release.set()
    assert heard[0] == (f"hi <@{workspace.state.bot.id}>", ["1"])


def test_an_envelope_can_come_twice(workspace: Workspace, demo: Connected, ada: Person) -> None:
    demo.app.command("/demo")(
        lambda ack, client: (ack(), client.chat_postMessage(channel="#general", text="ran"))
    )
    demo.connect()
    workspace.duplicate_next()
    ada.command("/demo")
    assert ada.wait_for(lambda seen: [plain(one) for one in seen.messages()] == ["ran", "ran"])


# websocket-client reconnects from two threads at once at times, and then drops one socket unclosed.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_the_app_comes_again_after_losing_its_socket(
    workspace: Workspace, demo: Connected, ada: Person
) -> None:
    demo.app.command("/demo")(lambda ack: ack("here"))
    demo.connect()
    workspace.disconnect_all(abrupt=True)
    deadline = time.monotonic() + 20
    while not ada.command("/demo")["ok"]:
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def test_the_builtin_client_works_as_well(demo: Connected, workspace: Workspace, ada: Person) -> None:
    demo.app.command("/demo")(lambda ack: ack("here"))
    handler = SocketModeHandler(demo.app, workspace.app_token)
    handler.connect()  # type: ignore[no-untyped-call]
    try:
        ada.wait_for(lambda seen: seen.state["connected"] or ada.command("/demo")["ok"])
        assert ada.command("/demo")["ok"]
    finally:
        handler.close()  # type: ignore[no-untyped-call]


def test_a_modal_is_opened_refused_and_taken(demo: Connected, ada: Person) -> None:
    def on_view(ack: Any, view: Any) -> None:
        name = view["state"]["values"]["name"]["typed"]["value"]
        demo.received.append(view["state"]["values"])
        ack({"response_action": "errors", "errors": {"name": "Taken."}} if name == "taken" else {})

    def on_command(ack: Any, command: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=command["trigger_id"], view=FORM)

    demo.app.command("/demo")(on_command)
    demo.app.view("form")(on_view)
    demo.app.view_closed("form")(lambda ack, body: (ack(), demo.received.append(body["view"]["callback_id"])))
    demo.connect()
    ada.command("/demo")
    ada.wait_for(lambda seen: seen.modal)
    assert ada.submit({"name": ""})["errors"] == {"name": "Please complete this required field."}
    assert ada.submit({"name": "taken"})["ok"]
    assert ada.look().state["modals"][0]["errors"] == {"name": "Taken."}
    assert ada.submit({"name": "free", "size": "big"})["ok"]
    assert ada.look().modal is None
    assert demo.received[-1]["size"]["chosen"]["selected_option"]["value"] == "big"
    ada.command("/demo")
    ada.wait_for(lambda seen: seen.modal)
    assert ada.close()["ok"]
    assert demo.received[-1] == "form"


def suggesting(field: str, kind: str) -> dict[str, Any]:
    """A field whose options the app suggests, and of whose changes it wants to hear."""
    element = {"type": kind, "action_id": f"{field}_chosen", "min_query_length": 0}
    label = {"type": "plain_text", "text": field}
    whole = {"type": "input", "block_id": field, "label": label, "element": element, "optional": True}
    return {**whole, "dispatch_action": True}


def test_an_app_suggests_options_and_hears_of_changes_while_a_form_is_open(
    demo: Connected, ada: Person
) -> None:
    heard: list[Any] = []
    branch, groups = suggesting("branch", "external_select"), suggesting("groups", "multi_external_select")

    def on_command(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view={**FORM, "blocks": [branch, groups]})

    def on_options(ack: Any, payload: Any) -> None:
        typed = payload["value"]
        ack(options=[{"text": {"type": "plain_text", "text": f"is {typed}"}, "value": typed or "main"}])

    def on_change(ack: Any, body: Any) -> None:
        heard.append((body["actions"][0]["block_id"], body["view"]["state"]["values"]))
        ack()

    def on_sent(ack: Any, view: Any) -> None:
        heard.append(("sent", view["state"]["values"]))
        ack()

    demo.app.command("/demo")(on_command)
    for action_id in ("branch_chosen", "groups_chosen"):
        demo.app.options(action_id)(on_options)
        demo.app.action(action_id)(on_change)
    demo.app.view("form")(on_sent)
    demo.connect()
    ada.command("/demo")
    ada.wait_for(lambda seen: seen.modal)
    assert ada.suggest("branch_chosen", "dev") == ["is dev"]
    ada.type({"branch": "dev"})
    assert ada.submit({"branch": "dev", "groups": ["a", "main"]})["ok"]
    assert [each for each, _ in heard] == ["branch", "sent"]
    values = heard[-1][1]
    assert values["branch"]["branch_chosen"]["selected_option"]["value"] == "dev"
    chosen = values["groups"]["groups_chosen"]["selected_options"]
    assert sorted(each["value"] for each in chosen) == ["a", "main"]


def test_the_home_tab_is_each_persons_own(demo: Connected, ada: Person, grace: Person) -> None:
    blocks = [
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": "welcome"},
            "accessory": BUTTONS["elements"][0],
        }
    ]

    def on_home(event: Any, client: Any) -> None:
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    demo.app.event("app_home_opened")(on_home)
    demo.app.action("press")(lambda ack, body: (ack(), demo.received.append(body["container"]["type"])))
    demo.connect()
    ada.open_home()
    home = ada.wait_for(lambda seen: seen.home)
    assert plain(home).splitlines() == ["welcome", "[Press]"]
    assert grace.look().home is None
    assert ada.click("press", home)["ok"]
    assert demo.received == ["view"]


def test_a_shortcut_carries_its_message(demo: Connected, ada: Person) -> None:
    demo.app.shortcut("describe")(lambda ack, body: (ack(), demo.received.append(body["message"]["text"])))
    demo.connect()
    ada.say("look at this")
    assert ada.shortcut("describe", ada.wait_for_text("look at this"))["ok"]
    assert demo.received == ["look at this"]


def test_a_response_url_is_good_for_five_answers(demo: Connected, ada: Person, grace: Person) -> None:
    demo.app.command("/demo")(lambda ack, command: (ack(), demo.received.append(command["response_url"])))
    demo.connect()
    ada.command("/demo", channel="secret")
    url = demo.received[0]
    answers = [{"text": "to you"}, *[{"text": "to all", "response_type": "in_channel"}] * 5]
    assert [requests.post(url, json=one, timeout=5).status_code for one in answers] == [200] * 5 + [404]
    assert [plain(one) for one in grace.look().messages("secret")] == ["to all"] * 4
    assert plain(ada.look().ephemerals("secret")[0]) == "to you"


def test_an_app_hears_that_it_is_removed(
    workspace: Workspace, demo: Connected, caplog: pytest.LogCaptureFixture
) -> None:
    gone = threading.Event()
    demo.app.event("app_uninstalled")(gone.set)
    demo.connect()
    workspace.uninstall()
    assert gone.wait(5)
    answer = requests.post(
        workspace.api_url + "auth.test", data={"token": workspace.bot_token}, timeout=5
    ).json()
    assert answer["error"] == "account_inactive"
