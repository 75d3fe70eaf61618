"""Every message: within Slack's limits, in words for every state, and safe whatever is written in it."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import HeaderBlock

from bot.provisioning.instances import Size
from bot.times.durations import duration
from handlers import ids, messages
from handlers.messages import status_text
from handlers.messages.blocks import MAX_VIEW_BLOCKS, as_json, problems
from handlers.messages.buttons import chosen
from handlers.messages.forms import FormFacts, Origin, launch_form
from handlers.messages.home_tab import HomeOptions, Mine, home_of_mine
from handlers.messages.message import Message
from handlers.messages.mrkdwn import inline
from handlers.rules import Action
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target
from tests.unit.handlers.conftest import NOW, TOKEN, binder, building
from tests.unit.handlers.messages.conftest import HOSTILE_TEXTS, check, in_text
from workspace.hands import plain

PAIRS = list(product(Status, Target))
HOSTILE = st.one_of(st.text(max_size=300), st.sampled_from(HOSTILE_TEXTS))


def every(row: Binder) -> list[Message]:
    """All messages about one binder that may be seen by a channel."""
    return [
        messages.card(row, NOW),
        messages.card(row, NOW, newer_blocks=True, can_ask=True),
        messages.ready(row, NOW, absent="Voilà <!here>"),
        messages.failed(row),
        messages.gone(row, NOW),
        messages.waiting(row),
        messages.log_of(row),
        messages.listing([row] * 30, NOW, "U1"),
        messages.refusal(row, Action.STOP),
    ]


def texts(message: Message) -> str:
    return "\n".join([message.text, *in_text(list(message.blocks))])


def test_the_library_still_checks_each_block() -> None:
    with pytest.raises(SlackObjectFormationError, match="150 characters"):
        as_json([HeaderBlock(text="x" * 151)])


@settings(max_examples=40)
@given(HOSTILE, HOSTILE, st.sampled_from(PAIRS), st.sampled_from([None, *Ending]))
def test_no_hostile_text_breaks_out_or_exceeds_a_limit(
    one: str, two: str, pair: tuple[Status, Target], ending: Ending | None
) -> None:
    status, target = pair
    row = building(
        status=status,
        target=target,
        ending=ending,
        ended_by="U1" if ending == Ending.STOPPED else None,
        ended_at=NOW if ending else None,
        name=one,
        url=f"https://git.example.org/{two}",
        ref=two,
        size=one,
        commit=one,
        line=one,
        log=f"{one}\n{two}" * 5,
        failure=one,
        hint=two,
        waiting_for=two,
        interfaces=[
            {"kind": "custom", "label": one, "path": two},
            {"kind": "lab", "label": two, "path": one},
        ],
    )
    for message in every(row):
        check(message)
        assert TOKEN not in str(message)
    check(messages.links(row))
    check(messages.note(one, two))
    check(messages.alert(one))
    check(messages.not_understood(one, None, [("list", "what is running")]))
    check(messages.not_understood(one, two, [("list", "what is running")]))


@pytest.mark.parametrize(("status", "target"), PAIRS)
@pytest.mark.parametrize("ending", [None, *Ending])
def test_every_pair_has_its_words(status: Status, target: Target, ending: Ending | None) -> None:
    row = binder(status=status, target=target, ending=ending, ended_by="U1")
    assert (status, target) in status_text.PHRASES
    for message in every(row):
        check(message)
    assert "demo" in messages.card(row, NOW).text


FORMS = pytest.mark.parametrize("newer_blocks", [True, False], ids=["newer", "classic"])


@FORMS
def test_a_card_tells_how_far_it_is(newer_blocks: bool) -> None:  # noqa: FBT001 - a parameter
    shown = plain({"blocks": messages.card(building(), NOW, newer_blocks=newer_blocks).blocks})
    assert "demo" in shown.splitlines()[0]
    assert "is being built" in shown.splitlines()[0]
    assert "for @U1" in shown
    assert "github.com/owner/repo · `main` at `a1b2c3d` · size `small`" in shown
    assert "▰▰▰▰▱▱▱▱▱▱ 49% · 3 min 5 s so far" in shown
    assert "Step 3/7 : RUN pip install numpy" in shown


def test_a_card_shows_its_stages_in_a_plan() -> None:
    [container, plan] = messages.card(building(), NOW, newer_blocks=True).blocks
    assert container["type"] == "container"
    assert [(each["title"], each["status"]) for each in plan["tasks"]] == [
        ("Repository checked 1 s", "complete"),
        ("Instance 4 s", "complete"),
        ("Build 40%, 3 min", "in_progress"),
        ("Server", "pending"),
    ]


def test_a_card_shows_its_stages_in_one_line_where_there_are_no_plans() -> None:
    shown = texts(messages.card(building(), NOW))
    assert "✓ Repository checked 1 s · ✓ Instance 4 s · ⏳ *Build 40%, 3 min* · ○ Server" in shown


def test_newer_blocks_have_other_ids_at_each_edit() -> None:
    def block_ids(now: float) -> set[str]:
        return {each["block_id"] for each in messages.card(building(), now, newer_blocks=True).blocks}

    assert len(block_ids(NOW)) == 2
    assert not block_ids(NOW) & block_ids(NOW + 0.01)


@FORMS
def test_a_ready_card_says_until_when_and_no_stages(newer_blocks: bool) -> None:  # noqa: FBT001 - a parameter
    card = messages.card(binder(), NOW, newer_blocks=newer_blocks)
    shown = texts(card)
    assert "Ready after 2 min 5 s · ends <!date^" in shown
    assert "Instance" not in shown
    assert [each["type"] for each in card.blocks if each["type"] == "plan"] == []


def test_a_card_says_the_same_to_those_who_hear_it() -> None:
    heard = messages.card(building(), NOW).text
    assert heard == ("demo is being built · for <@U1> · github.com/owner/repo · Build 40%, 3 min 5 s so far")
    waiting = messages.card(building(waiting_for="10 of 10 instances are in use."), NOW).text
    assert "10 of 10 instances are in use." in waiting
    assert "ends <!date^" in messages.card(binder(), NOW).text


@FORMS
def test_a_card_stops_its_clocks_where_it_failed(newer_blocks: bool) -> None:  # noqa: FBT001 - a parameter
    row = building(target=Target.GONE, ending=Ending.FAILED, ended_at=NOW - 10, failure="No such package.")
    card = messages.card(row, NOW + 500, newer_blocks=newer_blocks)
    shown = plain({"blocks": card.blocks})
    assert "could not be launched" in shown
    assert "✗ Build 2 min 50 s" in shown
    assert "No such package." in shown
    assert "No such package." in card.text
    assert "Server" not in shown
    assert "Failed · after 2 min 55 s" in shown


def test_waiting_for_room_is_said_on_the_card() -> None:
    row = building(status=Status.REQUESTED, waiting_for="10 of 10 instances are in use.")
    assert "is waiting for free capacity" in messages.card(row, NOW).text
    assert "10 of 10" in texts(messages.card(row, NOW))


def urls(message: Message) -> list[str]:
    return [
        each["url"]
        for block in message.blocks
        if block["type"] == "actions"
        for each in block["elements"]
        if "url" in each
    ]


def test_links_in_the_thread_ask_for_the_token_and_those_of_the_owner_hold_it() -> None:
    base = "https://hub.example.org/b"
    assert urls(messages.ready(binder(), NOW)) == [f"{base}/lab/tree/a%20b.ipynb", f"{base}/voila?x=1"]
    assert urls(messages.links(binder())) == [
        f"{base}/lab/tree/a%20b.ipynb?token={TOKEN}",
        f"{base}/voila?x=1&token={TOKEN}",
    ]


@pytest.mark.parametrize(
    "server_url", ["javascript:alert(1)", "file:///etc", "https://", "", None, "ftp://x"]
)
def test_only_pages_of_the_web_become_buttons(server_url: str | None) -> None:
    assert urls(messages.links(binder(server_url=server_url))) == []


def test_a_path_too_long_for_a_button_opens_the_front_page() -> None:
    row = binder(interfaces=[{"kind": "lab", "label": "JupyterLab", "path": "lab/" + "x" * 3_000}])
    assert urls(messages.ready(row, NOW)) == ["https://hub.example.org/b/"]


def test_an_absent_interface_is_said() -> None:
    assert "Voilà did not answer" in texts(messages.ready(binder(), NOW, absent="Voilà"))


def test_the_end_says_who_and_how_long() -> None:
    stopped = binder(target=Target.GONE, ending=Ending.STOPPED, ended_by="U1", ended_at=NOW + 7_140)
    assert messages.gone(stopped, NOW).text == "demo was torn down by <@U1>. It ran for 2 h."
    drained = binder(target=Target.GONE, ending=Ending.STOPPED, ended_by="operator", ended_at=NOW)
    assert "by the operator" in messages.gone(drained, NOW).text
    early = building(target=Target.GONE, ending=Ending.EXPIRED, ended_at=NOW)
    assert (
        messages.gone(early, NOW).text == "demo ended because its lifetime was over. It never became ready."
    )
    lost = binder(target=Target.GONE, ending=Ending.LOST, ended_at=NOW, failure="It was switched off.")
    assert "was lost. It was switched off. It ran for 1 min" in messages.gone(lost, NOW).text


def test_a_failure_says_why_and_what_to_try_and_shows_the_end_of_the_log_where_all_may_read_it() -> None:
    log = "\n".join(f"line {number}" for number in range(2_000))
    row = building(failure="No numpy.", hint="Correct it.", log=log, ending=Ending.FAILED, target=Target.GONE)
    hidden = messages.failed(row)
    assert "line 1999" not in texts(hidden)
    assert ids.LOG in buttons(hidden)
    message = messages.failed(row, shows_log=True)
    assert "No numpy." in message.text
    assert "Correct it." in message.text
    assert "line 1999\n```" in texts(message)
    assert "line 0\n" not in texts(message)


def buttons(message: Message) -> list[str]:
    """What can be pressed, or chosen from a menu, by the names of the buttons."""
    rows = [block for block in message.blocks if block["type"] == "actions"]
    return [name for row in rows for each in row["elements"] for name in names_of(each)]


def names_of(element: dict[str, Any]) -> list[str]:
    if element["type"] == "overflow":
        return [chosen(each["value"])[0] for each in element["options"]]
    return [element["action_id"]]


@pytest.mark.parametrize("code", [None, "needs-engine", "build-failed", "needs-conda"])
def test_only_where_conda_alone_is_missing_a_failure_offers_to_do_without(code: str | None) -> None:
    row = building(failure="No conda.", failure_code=code, ending=Ending.FAILED, target=Target.GONE)
    message = messages.failed(row)
    offered = [ids.RETRY_WITHOUT_CONDA] if code == "needs-conda" else []
    assert buttons(message) == [ids.RETRY, *offered, ids.LOG, ids.LAUNCH_LINK]
    assert ("PyPI" in texts(message)) == bool(offered)


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("10.5281/zenodo.3242074", "https://doi.org/10.5281/zenodo.3242074"),
        ("swh:1:rev:0123", "https://archive.softwareheritage.org/swh:1:rev:0123"),
    ],
)
def test_archives_have_a_page_too(url: str, page: str) -> None:
    assert f"<{page}|{url}>" in texts(messages.card(binder(url=url), NOW))


def test_a_listing_shows_ones_own_first_and_no_links() -> None:
    rows = [binder(id="a", name="theirs", owner="U2"), binder(id="b", name="mine")]
    message = messages.listing(rows, NOW, "U1")
    assert message.text.index("mine") < message.text.index("theirs")
    assert "hub.example.org" not in str(message)


@given(st.lists(st.builds(lambda name: building(name=name, url=f"https://{name}"), HOSTILE), max_size=40))
def test_the_home_tab_keeps_within_its_limits(rows: list[Binder]) -> None:
    assert problems(home_of_mine(Mine(rows, recent=rows), HomeOptions(NOW)), most=MAX_VIEW_BLOCKS) == []


@given(HOSTILE.filter(lambda text: text.strip()), HOSTILE)
def test_the_form_keeps_within_its_limits(label: str, typed: str) -> None:
    facts = FormFacts([Size("small", label), Size("large", "x" * 200)], found=inline(label))
    view = launch_form(facts, Origin("C1", "https://r", repository=typed), repository=typed)
    assert problems(view["blocks"], most=MAX_VIEW_BLOCKS) == []
    assert len(view["private_metadata"]) <= 3_000


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3_600, "1 h"),
        (3_659, "1 h"),
        (12_000, "3 h 20 min"),
        (100_000, "1 d 3 h"),
    ],
)
def test_durations_are_in_human_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    "broken",
    [
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}],
        [{"type": "header", "text": {"type": "plain_text", "text": ""}}],
        [{"type": "actions", "elements": []}],
        [{"type": "divider2"}],
        [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}] * 51,
    ],
)
def test_the_check_finds_what_slack_would_refuse(broken: list[dict[str, Any]]) -> None:
    assert len(problems(broken)) == 1


@pytest.mark.parametrize("message", [messages.card, messages.ready])
def test_what_was_left_out_of_a_build_is_told(message: Callable[[Binder, float], Message]) -> None:
    told = message(binder(notes=["1 file is in Git LFS and was not fetched: data/<big>.csv."]), NOW)
    assert "not fetched: data/&lt;big&gt;.csv." in str(told.blocks)


@pytest.mark.parametrize(
    ("collaborates", "words"),
    [(True, "see each other's changes"), (False, "do not see each other"), (None, "")],
)
def test_the_ready_message_says_whether_people_in_one_notebook_see_each_other(
    collaborates: bool | None,  # noqa: FBT001
    words: str,
) -> None:
    shown = texts(messages.ready(binder(collaborates=collaborates), NOW))
    assert words in shown
    assert ("Two people in one notebook" in shown) == bool(words)


@pytest.mark.parametrize(
    ("url", "is_said"),
    [
        ("http://203.0.113.5:8888", True),
        ("http://hub.example.org/b", True),
        ("http://[2001:db8::1]:8888", True),
        ("https://203-0-113-5.sslip.io", False),
        ("http://127.0.0.1:8888", False),
        ("http://[::1]:8888", False),
        ("http://localhost:8888", False),
        (None, False),
    ],
)
def test_plain_http_is_said_with_the_links_unless_they_stay_on_this_machine(
    url: str | None, *, is_said: bool
) -> None:
    shown = texts(messages.ready(binder(server_url=url, interfaces=[]), NOW))
    assert ("not encrypted" in shown) is is_said
