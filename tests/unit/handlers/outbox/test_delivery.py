"""Delivery over real HTTP to a workspace that fails in Slack's ways, and a clock that the test turns."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk import WebClient
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from handlers import messages
from handlers.messages.blocks import Json
from handlers.outbox import worker
from handlers.outbox.delivery import HEARTBEAT_SECONDS, Delivery
from handlers.slack import history
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from storage import binders, outbox
from storage.models import OutboxMessage
from storage.vocabulary import Ending, MessageKind, OutboxState, Status, Target
from tests.unit.handlers.conftest import TOKEN, Post
from workspace.hands import plain
from workspace.options import ALL_SCOPES


def say(post: Post, kind: MessageKind, binder_id: str, **facts: Any) -> None:
    with post.store.write() as session:
        outbox.say(session, kind, f"{kind}:{binder_id}", binder_id, **facts)


def touch(post: Post, binder_id: str, *, urgent: bool = True) -> None:
    with post.store.write() as session:
        outbox.touch_card(session, binder_id, urgent=urgent)


def make_ready(post: Post, binder_id: str) -> None:
    post.change(binder_id, status=Status.READY, ready_at=post.clock[0])
    touch(post, binder_id)
    say(post, MessageKind.READY, binder_id)
    say(post, MessageKind.LINKS, binder_id)


def roots(post: Post, channel: str = "general") -> list[Json]:
    return [each for each in post.messages(channel) if "for @" in plain(each) and not is_reply(each)]


def is_reply(message: Json) -> bool:
    return bool(message.get("thread_ts", message["ts"]) != message["ts"])


def test_a_card_is_posted_once_then_edited_in_place(post: Post) -> None:
    row = post.launch()
    post.drain()
    (card,) = roots(post)
    assert (post.row(row.id).thread_channel, post.row(row.id).thread_ts) == (card["channel"], card["ts"])

    post.change(row.id, status=Status.BUILDING, resolved_at=post.clock[0])
    touch(post, row.id)
    post.drain()
    (edited,) = roots(post)
    assert edited["ts"] == card["ts"]
    assert "is being built" in plain(edited)


def test_the_thread_follows_its_card_in_order_and_the_token_goes_to_the_owner(post: Post) -> None:
    row = post.launch()
    make_ready(post, row.id)
    post.drain()
    post.wait(2)
    card, *thread = post.messages()
    assert [each["thread_ts"] for each in thread] == [card["ts"]] * 2
    assert "is ready after" in plain(thread[0])
    assert thread[1]["is_ephemeral"]
    assert TOKEN in str(thread[1])
    assert TOKEN not in str(post.messages(who="grace"))


def test_what_waited_is_dropped_once_it_should_be_gone(post: Post) -> None:
    row = post.launch()
    make_ready(post, row.id)
    say(post, MessageKind.WAITING, row.id)
    with post.store.write() as session:
        binders.end(session, row.id, ending=Ending.STOPPED, by=post.ada)
    say(post, MessageKind.GONE, row.id)
    post.drain()
    post.wait(2)
    card, *thread = post.messages()
    assert "is being torn down" in plain(card)
    assert ["was torn down by" in plain(each) for each in thread] == [True]
    assert {post.owed(f"{kind}:{row.id}").state for kind in ("ready", "links", "waiting")} == {
        OutboxState.DONE
    }


def test_one_post_a_second_per_channel_and_other_channels_go_on(post: Post) -> None:
    for number in range(4):
        post.launch(id=f"gen{number}", request_key=f"g{number}", url=f"https://e.org/o/{number}")
    post.launch("lab", id="lab", request_key="lab")
    post.drain()
    assert (len(roots(post)), len(roots(post, "lab"))) == (2, 1)
    post.wait(0.9)
    assert len(roots(post)) == 2
    post.wait(0.2)
    assert len(roots(post)) == 3
    post.wait(1)
    assert len(roots(post)) == 4


def test_those_who_wait_are_not_looked_at_over_and_over(post: Post) -> None:
    for number in range(20):
        post.launch(id=f"g{number}", request_key=f"g{number}", url=f"https://e.org/o/{number}")
    looked = sum(post.wait(1) for _ in range(25))
    assert len(roots(post)) == 20
    assert looked <= 2 * 20


def test_many_changes_are_one_edit_of_the_newest_state(post: Post) -> None:
    row = post.launch()
    post.drain()
    for line in ("first", "second", "third"):
        post.change(row.id, status=Status.BUILDING, line=line, stages={"build": post.clock[0]})
        touch(post, row.id)
    assert post.drain() == 1
    assert "third" in plain(roots(post)[0])


def test_edits_stay_within_fifty_a_minute_and_heartbeats_yield(post: Post) -> None:
    rows = [
        post.launch("lab", id=f"r{n}", request_key=f"r{n}", url=f"https://e.org/o/{n}") for n in range(12)
    ]
    for _ in range(15):
        post.wait(1)
    post.clock[0] += 60
    calls = post.workspace.api.call
    edits: list[str] = []

    def counted(method: str, token: str, given: Json) -> Json:
        if method == "chat.update":
            edits.append(str(given))
        return calls(method, token, given)

    post.workspace.api.call = counted  # type: ignore[method-assign]
    for _ in range(20):
        for row in rows:
            touch(post, row.id, urgent=False)
        post.wait(3)
    beats = len(edits)
    assert 0 < beats <= 40  # half of the allowance is left to stage changes
    for _ in range(10):
        for row in rows:
            touch(post, row.id)
        post.wait(3)
    assert beats < len(edits) <= 75  # 90 s at 50 a minute


def test_a_heartbeat_waits_but_the_change_of_a_stage_overtakes_it(post: Post) -> None:
    row = post.launch()
    post.drain()
    touch(post, row.id)
    post.drain()
    post.change(row.id, status=Status.BUILDING, line="a newer line", stages={"build": post.clock[0]})
    touch(post, row.id, urgent=False)
    post.wait(1)
    assert "a newer line" not in plain(roots(post)[0])
    touch(post, row.id)
    post.drain()
    assert "a newer line" in plain(roots(post)[0])


def test_a_heartbeat_comes_a_while_after_the_last_edit(post: Post) -> None:
    row = post.launch()
    post.drain()
    touch(post, row.id)
    post.drain()
    post.change(row.id, status=Status.BUILDING, line="a newer line", stages={"build": post.clock[0]})
    touch(post, row.id, urgent=False)
    post.drain()
    post.wait(HEARTBEAT_SECONDS - 0.5)
    assert "a newer line" not in plain(roots(post)[0])
    post.wait(2)
    assert "a newer line" in plain(roots(post)[0])


def test_retry_after_is_honoured_and_others_go_on(post: Post) -> None:
    post.workspace.fail_next("chat.postMessage", "ratelimited", retry_after=30)
    first = post.launch()
    post.launch("lab", id="other", request_key="other")
    post.drain()
    assert (roots(post), len(roots(post, "lab"))) == ([], 1)
    assert post.owed(f"card:{first.id}").attempts == 0
    post.wait(29)
    assert roots(post) == []
    post.wait(2)
    assert len(roots(post)) == 1


@pytest.mark.parametrize("channel", ["general", "lab"])
@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "http_500"])
def test_a_lost_answer_neither_doubles_nor_loses_a_post(post: Post, kind: Any, channel: str) -> None:
    post.workspace.fail_next("chat.postMessage", kind)
    row = post.launch(channel)
    post.drain()
    assert post.owed(f"card:{row.id}").unsure
    post.wait(2)
    (card,) = roots(post, channel)
    assert post.row(row.id).thread_ts == card["ts"]
    assert post.owed(f"card:{row.id}").state == OutboxState.DONE


def test_a_reply_that_arrived_is_found_in_its_thread(post: Post) -> None:
    row = post.launch()
    post.drain()
    post.workspace.fail_next("chat.postMessage", "drop_after")
    post.change(row.id, ending=Ending.FAILED, target=Target.GONE, failure="It broke.")
    say(post, MessageKind.FAILED, row.id)
    post.drain()
    post.wait(2)
    assert ["It broke." in plain(each) for each in post.messages() if is_reply(each)] == [True]


def test_what_a_crash_left_half_sent_is_looked_for_first(post: Post) -> None:
    row = post.launch()
    with post.store.write() as session:
        outbox.claim(session, limit=1, lease_seconds=60)
    post.client.chat_postMessage(
        channel=row.channel,
        text="for @ada, from a process that died before it noted this",
        metadata={"event_type": "binder_bot", "event_payload": {"key": f"card:{row.id}"}},
    )
    assert post.drain() == 0
    post.restart()
    stop = threading.Event()
    thread = threading.Thread(target=post.delivery.run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 10
    while post.row(row.id).thread_ts is None and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    post.delivery.nudge()
    thread.join()
    assert len(roots(post)) == 1
    assert post.row(row.id).thread_ts == roots(post)[0]["ts"]


def test_a_key_is_found_behind_many_newer_messages(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 2)
    post.workspace.fail_next("chat.postMessage", "drop_after")
    post.launch()
    post.drain()
    for _ in range(5):
        post.client.chat_postMessage(channel=post.channel("general"), text="chatter")
    post.wait(2)
    assert len(roots(post)) == 1


def test_an_edit_that_may_have_arrived_is_simply_made_again(post: Post) -> None:
    row = post.launch()
    post.drain()
    post.workspace.fail_next("chat.update", "drop_after")
    touch(post, row.id)
    post.drain()
    post.wait(2)
    assert len(roots(post)) == 1
    assert post.owed(f"card:{row.id}").state == OutboxState.DONE


def test_a_deleted_card_is_posted_anew_and_the_thread_moves(post: Post) -> None:
    row = post.launch()
    post.drain()
    post.client.chat_delete(channel=row.channel, ts=str(post.row(row.id).thread_ts))
    touch(post, row.id)
    post.wait(2)
    (card,) = roots(post)
    assert post.row(row.id).thread_ts == card["ts"]


def test_a_reply_whose_thread_is_lost_comes_with_a_new_card(post: Post) -> None:
    row = post.launch()
    post.drain()
    post.client.chat_delete(channel=row.channel, ts=str(post.row(row.id).thread_ts))
    make_ready(post, row.id)
    with post.store.write() as session:  # only the reply is due
        session.execute(
            update(OutboxMessage).values(state=OutboxState.DONE).where(OutboxMessage.kind == "card")
        )
    post.drain()
    post.wait(2)
    card, *thread = post.messages()
    assert card["ts"] == post.row(row.id).thread_ts
    assert [each["thread_ts"] for each in thread] == [card["ts"]] * 2


def test_a_probe_of_many_pages_gets_to_its_end_however_slowly_slack_lets_it(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "PAGE", 1)
    row = post.launch()
    post.workspace.fail_next("chat.postMessage", "drop_after")
    post.drain()
    for number in range(3):
        post.client.chat_postMessage(channel=row.channel, text=f"newer {number}")
    post.workspace.fail_next(
        "conversations.history", "ratelimited"
    )  # nothing is left of the burst after that
    for _ in range(60):
        post.wait(1)
    assert post.owed(f"card:{row.id}").state == OutboxState.DONE
    assert len(roots(post)) == 1


def freeze_once(post: Post, method: str, meanwhile: Callable[[], object], *, after: bool = False) -> None:
    """Let this process stand still right before its next call, or after it, for longer than its lease."""
    original = getattr(post.client, method)

    def frozen(**arguments: Any) -> Any:
        setattr(post.client, method, original)
        answer = original(**arguments) if after else None
        post.clock[0] += Delivery.lease + 1
        meanwhile()
        return answer or original(**arguments)

    frozen.__name__ = method
    setattr(post.client, method, frozen)


def another(post: Post) -> Delivery:
    """Another replica's delivery."""
    client = WebClient(post.workspace.bot_token, base_url=post.workspace.api_url, retry_handlers=[])
    return Delivery(post.store, OneWorkspace(client), SlackCalls(default_rate_limits(lambda: post.clock[0])))


def deliver(delivery: Delivery, post: Post) -> None:
    for _ in range(8):
        while delivery.deliver_due() is not None:
            pass
        post.clock[0] += 1


def test_what_another_one_posted_meanwhile_is_not_posted_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stands still between its claim and its post notices that in time."""
    post.launch()
    paused, other = post.delivery, another(post)
    card = paused._card

    def pause(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        post.clock[0] += paused.lease + 1
        assert other.deliver_due() is not None
        return card(*arguments, **options)

    monkeypatch.setattr(paused, "_card", pause)
    post.drain()
    assert sum("for @" in plain(each) for each in post.messages()) == 1


@pytest.mark.parametrize("kind", ["card", "ready"])
def test_what_was_posted_twice_because_a_process_stood_still_is_taken_back(post: Post, kind: str) -> None:
    row = post.launch()
    if kind == "ready":
        post.drain()
        make_ready(post, row.id)
    other = another(post)
    freeze_once(post, "chat_postMessage", lambda: deliver(other, post))
    deliver(post.delivery, post)
    card, *thread = post.messages()
    assert post.row(row.id).thread_ts == card["ts"]
    assert sum("is ready after" in plain(each) for each in thread) == (kind == "ready")
    assert all(is_reply(each) for each in thread)


def test_what_another_one_found_and_noted_stays(post: Post) -> None:
    row = post.launch()
    other = another(post)
    freeze_once(post, "chat_postMessage", lambda: deliver(other, post), after=True)
    deliver(post.delivery, post)
    (card,) = roots(post)
    assert post.row(row.id).thread_ts == card["ts"]


def test_what_is_not_wanted_any_more_when_a_process_wakes_up_is_taken_back(post: Post) -> None:
    row = post.launch()
    post.drain()
    make_ready(post, row.id)
    other = another(post)

    def tear_down() -> None:
        with post.store.write() as session:
            binders.end(session, row.id, ending=Ending.STOPPED, by=post.ada)
        say(post, MessageKind.GONE, row.id)
        deliver(other, post)

    freeze_once(post, "chat_postMessage", tear_down)
    deliver(post.delivery, post)
    _, *thread = post.messages()
    assert ["was torn down by" in plain(each) for each in thread] == [True]


def test_what_came_too_late_with_a_lost_answer_is_looked_for_and_taken_back(post: Post) -> None:
    row = post.launch()
    other = another(post)

    def then_lose() -> None:
        deliver(other, post)
        post.workspace.fail_next("chat.postMessage", "drop_after")

    freeze_once(post, "chat_postMessage", then_lose)
    deliver(post.delivery, post)
    (card,) = roots(post)
    assert post.row(row.id).thread_ts == card["ts"]


def test_what_came_too_late_while_the_database_was_away_is_taken_back(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = post.launch()
    other = another(post)

    def away(*_: object, **_options: object) -> None:
        raise OperationalError("", {}, Exception("the database does not answer"))

    def then_lose_the_database() -> None:
        deliver(other, post)
        for name in ("done", "postpone"):
            monkeypatch.setattr(outbox, name, away)

    freeze_once(post, "chat_postMessage", then_lose_the_database)
    with pytest.raises(OperationalError):
        post.delivery.deliver_due()
    assert len(roots(post)) == 2
    monkeypatch.undo()
    deliver(post.delivery, post)
    (card,) = roots(post)
    assert post.row(row.id).thread_ts == card["ts"]


def test_what_came_too_late_waits_while_another_one_is_still_at_it(post: Post) -> None:
    row = post.launch()

    def claimed() -> None:
        with post.store.write() as session:
            outbox.claim(session, limit=1, lease_seconds=Delivery.lease)

    freeze_once(post, "chat_postMessage", claimed)
    post.delivery.deliver_due()
    assert len(roots(post)) == 1, "it may be found by the other one, and count"
    deliver(another(post), post)
    post.clock[0] += Delivery.lease
    deliver(post.delivery, post)
    (card,) = roots(post)
    assert post.row(row.id).thread_ts == card["ts"]


def test_a_reply_to_a_thread_that_has_moved_meanwhile_moves_it_no_further(post: Post) -> None:
    row = post.launch()
    post.drain()
    first = str(post.row(row.id).thread_ts)
    say(post, MessageKind.READY, row.id)
    with post.store.write() as session:
        [reply] = outbox.claim(session, limit=1, lease_seconds=60)
    post.client.chat_delete(channel=row.channel, ts=first)
    touch(post, row.id)
    post.wait(1)
    second = post.row(row.id).thread_ts
    assert second not in {first, None}
    post.delivery._deal_with(reply)
    assert post.row(row.id).thread_ts == second
    post.wait(2)
    assert [each["thread_ts"] for each in post.messages()] == [second] * 2


def test_a_channel_that_refuses_is_told_why_and_it_goes_on_directly(post: Post) -> None:
    response_url = post.workspace.people._response_url(
        post.workspace.state.person("ada"), post.workspace.state.channel_for(post.ada, "secret"), None
    )
    row = post.launch("secret", response_url=response_url)
    make_ready(post, row.id)
    post.drain()
    post.wait(2)
    (told,) = post.messages("secret")
    assert told["is_ephemeral"]
    assert "/invite @Binder" in plain(told)
    assert post.messages("secret", who="grace") == []
    card, *thread = post.messages("dm")
    assert post.row(row.id).thread_ts == card["ts"]
    assert post.row(row.id).thread_channel == card["channel"]
    assert [TOKEN in str(each) for each in thread] == [False, True]


@pytest.mark.parametrize("scopes", [ALL_SCOPES - {"chat:write.public"}])
def test_a_lost_answer_in_the_direct_message_is_looked_for_there(post: Post) -> None:
    original = post.client.conversations_open

    def then_lose(**arguments: Any) -> Any:
        post.workspace.fail_next("chat.postMessage", "drop_after")
        post.client.conversations_open = original  # type: ignore[method-assign]
        return original(**arguments)

    then_lose.__name__ = "conversations_open"
    post.client.conversations_open = then_lose  # type: ignore[method-assign]
    row = post.launch("lab")
    post.drain()
    assert post.owed(f"card:{row.id}").unsure
    post.wait(2)
    assert len(post.messages("dm")) == 1
    assert post.row(row.id).thread_ts == post.messages("dm")[0]["ts"]


def test_a_launch_from_the_home_tab_goes_to_the_person(post: Post) -> None:
    row = post.launch(channel=post.ada)
    post.drain()
    (card,) = post.messages("dm")
    assert post.row(row.id).thread_channel == card["channel"]


def test_links_for_an_owner_who_left_go_to_their_direct_message(post: Post) -> None:
    row = post.launch()
    post.drain()
    post.workspace.state.channel_for(post.ada, "general").members.discard(post.ada)
    make_ready(post, row.id)
    post.drain()
    post.wait(2)
    assert [TOKEN in str(each) for each in post.messages("dm")] == [True]
    assert TOKEN not in str(post.messages(who="grace"))


def test_what_slack_never_takes_is_given_up_and_holds_up_nobody(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = post.launch()
    post.drain()
    broken = messages.Message("x", [{"type": "no_such_block"}])
    monkeypatch.setattr(messages, "waiting", lambda *_: broken)
    say(post, MessageKind.WAITING, row.id)
    make_ready(post, row.id)
    post.drain()
    post.wait(2)
    given_up = post.owed(f"waiting:{row.id}")
    assert (given_up.state, given_up.error) == (OutboxState.DEAD, "invalid_blocks")
    assert post.owed(f"ready:{row.id}").state == OutboxState.DONE


def test_a_message_that_cannot_be_rendered_is_tried_again_and_then_given_up(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(messages, "card", broken)
    monkeypatch.setattr(worker, "MAX_ATTEMPTS", 4)
    row = post.launch()
    for _ in range(5):
        post.wait(61)
    owed = post.owed(f"card:{row.id}")
    assert (owed.state, owed.attempts) == (OutboxState.DEAD, 3)


def test_a_refused_token_is_a_matter_of_health_not_of_the_message(post: Post) -> None:
    row = post.launch()
    post.workspace.api.revoked = True
    for _ in range(40):
        post.wait(61)
    refused: str | None = post.delivery.refused
    assert refused == "account_inactive"
    assert post.owed(f"card:{row.id}").state == OutboxState.PENDING
    post.workspace.api.revoked = False
    post.wait(61)
    assert not post.delivery.refused
    assert len(roots(post)) == 1


def test_alerts_go_to_the_operators(post: Post) -> None:
    with post.store.write() as session:
        outbox.say(session, MessageKind.ALERT, "silent:1", None, sentence="The cloud <is> silent.")
    post.drain()
    assert "The cloud <is> silent." in plain(post.messages()[-1])


def test_a_change_during_the_delivery_is_delivered_too(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    row = post.launch()
    render = messages.card

    def rendered_then_changed(*arguments: Any, **options: Any) -> Any:
        message = render(*arguments, **options)
        monkeypatch.setattr(messages, "card", render)
        post.change(row.id, status=Status.BUILDING, resolved_at=post.clock[0])
        touch(post, row.id)
        return message

    monkeypatch.setattr(messages, "card", rendered_then_changed)
    post.drain()
    (card,) = roots(post)
    assert "is being built" in plain(card)
