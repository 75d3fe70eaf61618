"""`/binder admin`: everybody but admins hears one sentence. Admins see all, stop, announce, and drain."""

import json
from datetime import UTC
from typing import Any

import pytest

from bot.binders.admission import Admission
from bot.binders.class_plan import FIRST_AHEAD_SECONDS
from handlers import ids
from handlers.messages.admin_text import Announcement
from handlers.outbox.archives import Archives
from handlers.outbox.uploads import Uploads
from handlers.requests.admin_command import ADMIN_COMMANDS
from handlers.rules import ADMIN_RULES, AdminAction, SiteRole
from handlers.slack.calls import SlackCalls, default_rate_limits
from handlers.slack.clients import OneWorkspace
from storage import draining, policies
from storage.models import OutboxMessage
from storage.vocabulary import MessageKind, Status, Target
from tests.unit.handlers.conftest import Post
from tests.unit.handlers.listeners.conftest import REPO, Desk, bolt, context_of
from workspace.hands import plain

REFUSED = "Only the admins of this bot can do that."
WORDS = {
    AdminAction.LIST: "list 2",
    AdminAction.STOP: "stop secretive we need the room",
    AdminAction.EXTEND: "extend secretive 2h",
    AdminAction.ANNOUNCE: "announce the cloud restarts",
    AdminAction.DRAIN: "drain 2h",
    AdminAction.AUDIT: "audit secretive",
    AdminAction.COSTS: "costs",
    AdminAction.LIMITS: "limits <@U1> binders:9",
    AdminAction.BAN: "ban github.com/evil mines coins",
    AdminAction.ALLOW: "allow github.com/good",
    AdminAction.FORGET: "forget github.com/nothing",
}
"""What is typed for each action."""


@pytest.fixture
def desk(post: Post) -> Desk:
    """A desk whose admin is Grace."""
    admin = post.workspace.state.person("grace").id
    return Desk(
        post, bolt(post, lambda: None, admins=admin, max_binders_per_person=9, class_for="everybody"), []
    )


@pytest.fixture
def linus(desk: Desk) -> str:
    return desk.post.workspace.state.person("linus").id


def admin(desk: Desk, words: str) -> str:
    return desk.command(f"admin {words}", user=desk.grace)


def owed(desk: Desk, kind: MessageKind) -> list[OutboxMessage]:
    with desk.post.store.read() as session:
        return list(session.query(OutboxMessage).filter_by(kind=kind).order_by(OutboxMessage.id))


# --- who may ---------------------------------------------------------------------------------------------


def test_every_action_has_its_rule_and_its_word() -> None:
    assert set(ADMIN_RULES) == set(AdminAction) == set(WORDS)
    assert [each.run.action for each in ADMIN_COMMANDS] == list(AdminAction)
    assert all(SiteRole.ADMIN in roles and SiteRole.ANYBODY not in roles for roles in ADMIN_RULES.values())


@pytest.mark.parametrize("action", AdminAction)
def test_every_way_in_keeps_to_the_table(desk: Desk, linus: str, action: AdminAction) -> None:
    secret = desk.has(name="secretive", is_private=True)
    words = f"admin {WORDS[action]}"
    assert desk.command(words, user=linus).strip().splitlines()[0] == REFUSED
    assert desk.told("linus", lambda: desk.mention(words, user=linus)) == REFUSED
    assert desk.command(words, user=secret.owner).strip().splitlines()[0] == REFUSED
    assert desk.all()[0].target == Target.READY
    assert REFUSED not in admin(desk, WORDS[action])


@pytest.mark.parametrize("words", ["", "nonsense", "list secretive", "help me", "drain off"])
def test_who_is_no_admin_hears_the_same_whatever_they_type(desk: Desk, linus: str, words: str) -> None:
    assert desk.command(f"admin {words}", user=linus).strip().splitlines()[0] == REFUSED


@pytest.mark.parametrize(
    ("action_id", "value"),
    [(ids.ADMIN_ANNOUNCE, Announcement("x", "buy this").as_value()), (f"{ids.ADMIN_PAGE_PREFIX}0", None)],
)
def test_a_forged_button_does_nothing(desk: Desk, linus: str, action_id: str, value: str | None) -> None:
    desk.has()
    assert desk.told("linus", lambda: desk.click(action_id, value, user=linus)) == REFUSED
    assert owed(desk, MessageKind.ANNOUNCEMENT) == []


def test_an_admin_reads_what_there_is(desk: Desk) -> None:
    said = admin(desk, "")
    for each in ADMIN_COMMANDS:
        assert f"/binder admin {each.name}" in said


# --- binders ---------------------------------------------------------------------------------------------


def test_the_list_has_private_binders_with_owner_size_and_cost_by_page(desk: Desk, linus: str) -> None:
    began = desk.post.clock[0]
    for number in range(25):
        desk.has(
            name=f"binder{number:02}",
            id=f"binder{number:02}",
            is_private=True,
            owner=linus,
            created_at=began + number,
            ready_at=began - 3600,
            price_per_hour=2.0,
        )
    said = admin(desk, "list")
    assert "25 binders · 50.00 per hour · page 1 of 2" in said
    assert "binder24" in said
    assert "binder04" not in said
    assert f"<@{linus}>" in said or "linus" in said.lower()
    assert "size `small`" in said
    assert "2.00 so far" in said
    assert "binder04" in admin(desk, "list 2")
    assert "binder04" in desk.told(
        "grace", lambda: desk.click(f"{ids.ADMIN_PAGE_PREFIX}1", None, user=desk.grace)
    )


def test_stop_tells_the_owner_who_and_why(desk: Desk) -> None:
    row = desk.has(name="hog", is_private=True)
    assert "being torn down" in admin(desk, "stop hog we need <!channel> the GPU")
    assert desk.all()[0].ended_by == desk.grace
    desk.post.drain()
    [said] = [plain(each) for each in desk.post.messages() if "The reason" in str(each)]
    assert "is tearing down *hog*. The reason: we need <!channel> the GPU" in said
    assert "<!channel>" not in str([each["text"] for each in desk.post.messages()])
    assert row.name in said


def test_stop_saves_what_was_changed_first(desk: Desk) -> None:
    desk.has(name="hog", changed_files=3)
    admin(desk, "stop hog it is late")
    assert [each.kind for each in owed(desk, MessageKind.ARCHIVE)] == [MessageKind.ARCHIVE]


@pytest.mark.parametrize("words", ["stop", "stop hog", "extend", "extend hog", "announce", "costs 2020-01"])
def test_what_is_missing_is_asked_for(desk: Desk, words: str) -> None:
    desk.has(name="hog")
    assert "For example: /binder admin" in admin(desk, words).replace("`", "")
    assert desk.all()[0].target == Target.READY


def test_an_admin_extends_what_they_do_not_own(desk: Desk) -> None:
    row = desk.has(name="hog", maximum_at=9e9, ends_at=desk.post.clock[0] + 60)
    admin(desk, "extend hog 2h")
    assert desk.all()[0].ends_at > row.ends_at


# --- announcements ---------------------------------------------------------------------------------------


def test_an_announcement_is_posted_once_in_each_thread_after_a_button(desk: Desk, linus: str) -> None:
    desk.has(name="one")
    desk.has(name="two", id="two", owner=linus)
    desk.has(name="over", id="over", target=Target.GONE, status=Status.GONE)
    answer = desk.dispatch(desk.command_body("admin announce The cloud restarts at *18:00*", desk.grace))
    assert "threads of 2 binders" in plain(answer)
    [value] = [
        each["value"]
        for block in answer["blocks"]
        if block["type"] == "actions"
        for each in block["elements"]
    ]
    assert owed(desk, MessageKind.ANNOUNCEMENT) == []
    for _ in range(2):
        desk.told("grace", lambda: desk.click(ids.ADMIN_ANNOUNCE, value, user=desk.grace))
    assert len(owed(desk, MessageKind.ANNOUNCEMENT)) == 2
    for _ in range(6):
        desk.post.wait(2)
    said = [each for each in map(plain, desk.post.messages()) if "The cloud restarts" in each]
    assert len(said) == 2


@pytest.mark.parametrize("value", ["", "x", "x "])
def test_a_button_that_says_nothing_posts_nothing(desk: Desk, value: str) -> None:
    desk.has()
    said = desk.told("grace", lambda: desk.click(ids.ADMIN_ANNOUNCE, value, user=desk.grace))
    assert "What is to be announced?" in said
    assert owed(desk, MessageKind.ANNOUNCEMENT) == []


# --- people ----------------------------------------------------------------------------------------------


def test_one_person_gets_limits_of_their_own_at_once(desk: Desk, linus: str) -> None:
    assert "Nobody has limits of their own." in admin(desk, "limits")
    assert "binders:1 cost:50" in admin(desk, f"limits <@{linus}> binders:1, cost:50")
    assert "binders:1 cost:50" in admin(desk, f"limits <@{linus}>")
    said = admin(desk, "limits")
    assert desk.grace in said
    assert linus in said
    for number in range(2):
        desk.command(f"launch owner/repo{number}", user=linus)
    assert [each.waits_for is None for each in desk.all()] == [True, False]
    assert "the limits of everybody hold" in admin(desk, f"limits <@{linus}> off")


@pytest.mark.parametrize(
    "words", ["binders:9", "<@U1> <@U2> binders:9", "<@U1> coffee:9", "<@U1> binders:-1", "<#C1>"]
)
def test_what_limits_nobody_is_refused(desk: Desk, words: str) -> None:
    assert "For example: `/binder admin limits" in admin(desk, f"limits {words}")
    assert "Nobody has limits of their own." in admin(desk, "limits")


# --- repositories ----------------------------------------------------------------------------------------


def test_a_ban_counts_at_once_with_its_reason_until_it_is_taken_back(desk: Desk, linus: str) -> None:
    assert "Nobody can launch" in admin(desk, f"ban <{REPO}|repo> it mines coins")
    said = desk.command(f"launch {REPO}", user=linus)
    assert "may not be launched here: it mines coins" in said
    said = admin(desk, "ban")
    assert "it mines coins" in said
    assert desk.grace in said
    assert "github.com/owner/repo" in admin(desk, "audit")
    assert "the settings of the site decide again" in admin(desk, f"forget {REPO}")
    assert "No admin has banned" in admin(desk, "allow")
    assert desk.command(f"launch {REPO}", user=linus) == ""


def test_what_is_allowed_within_a_ban_may_be_launched(desk: Desk, linus: str) -> None:
    admin(desk, "ban github.com/owner no")
    assert "People can launch" in admin(desk, "allow owner/repo")
    assert desk.command(f"launch {REPO}", user=linus) == ""
    assert "may not be launched here: no" in desk.command("launch owner/other", user=linus)


@pytest.mark.parametrize("words", ["ban :", "ban owner/repo", "allow :", "forget :", "forget owner/repo"])
def test_what_is_no_pattern_or_says_nothing_is_refused(desk: Desk, words: str) -> None:
    assert "/binder admin" in admin(desk, words) or "For example" in admin(desk, words)
    with desk.post.store.read() as session:
        assert list(policies.rules(session)) == []


# --- drain -----------------------------------------------------------------------------------------------


def test_a_drain_refuses_launches_from_every_process_until_its_end(desk: Desk, linus: str) -> None:
    admin(desk, "drain 2h")
    other = Desk(desk.post, bolt(desk.post, lambda: None), [], desk.numbers)
    for each in (desk, other):
        said = each.command(f"launch {REPO}", user=linus)
        assert "An admin has stopped new launches until 20" in said
        assert "UTC" in said
    assert desk.all() == []
    desk.post.clock[0] += 2 * 3600 + 60
    assert desk.command(f"launch {REPO}", user=linus) == ""
    assert len(desk.all()) == 1


def test_a_drain_without_end_is_ended_by_off(desk: Desk, linus: str) -> None:
    assert "from now on" in admin(desk, "drain")
    assert "stopped new launches for now" in desk.command(f"launch {REPO}", user=linus)
    assert "An admin has stopped" in str(desk.submit(repo=REPO))
    assert "stopped new launches" in admin(desk, "list")
    assert "can launch again" in admin(desk, "drain off")
    assert "were not stopped" in admin(desk, "drain off")
    assert desk.command(f"launch {REPO}", user=linus) == ""


def test_a_button_and_a_class_are_refused_too(desk: Desk) -> None:
    row = desk.has(target=Target.GONE, status=Status.GONE, created_at=1.0)
    admin(desk, "drain")
    assert "stopped new launches" in desk.told("ada", lambda: desk.click(ids.RETRY, row.id))
    assert "stopped new launches" in desk.command(f"class {REPO} --seats 3")
    assert [each.id for each in desk.all()] == [row.id]


def test_a_class_that_begins_after_the_drain_may_be_planned(desk: Desk) -> None:
    assert FIRST_AHEAD_SECONDS < 2 * 3600
    admin(desk, "drain 1h")
    assert "stopped new launches" not in desk.command(f"class {REPO} --seats 3 --at tomorrow 9:55")


def test_everybody_with_a_binder_is_warned_once_and_the_admin_hears_when_it_is_empty(
    desk: Desk, linus: str
) -> None:
    rows = [
        desk.has(name="one"),
        desk.has(name="two", id="two"),
        desk.has(name="three", id="three", owner=linus),
    ]
    said = admin(desk, "drain")
    assert "2 people who have a binder are told" in said
    assert "3 binders are running" in said
    assert {each.binder_id for each in owed(desk, MessageKind.DRAIN)} == {"two", "three"}
    with desk.post.store.write() as session:
        assert not draining.tell_when_empty(session)
    for each in rows:
        desk.post.change(each.id, status=Status.GONE, target=Target.GONE)
    for _ in range(2):
        with desk.post.store.write() as session:
            assert draining.tell_when_empty(session)
    with desk.post.store.read() as session:
        assert not draining.is_to_be_told(session)
    desk.post.drain()
    told = [plain(each) for each in desk.post.messages("dm", "grace")]
    assert [each for each in told if "No binder is running any more." in each]
    assert len(owed(desk, MessageKind.DRAINED)) == 1


def test_what_waits_for_a_place_waits_until_the_drain_is_over(desk: Desk, linus: str) -> None:
    admin(desk, f"limits <@{linus}> binders:1")
    for number in range(2):
        desk.command(f"launch owner/repo{number}", user=linus)
    admin(desk, "drain")
    desk.post.change(desk.all()[0].id, status=Status.GONE, target=Target.GONE)
    site = Admission.of(context_of(desk.post, lambda: None).settings, UTC)
    with desk.post.store.write() as session:
        site.run(session)
        assert draining.count_running(session) == 0
    assert desk.all()[1].waits_for is not None
    admin(desk, "drain off")
    with desk.post.store.write() as session:
        site.run(session)
    assert desk.all()[1].waits_for is None


def test_who_drains_the_bot_stands_in_the_audit(desk: Desk) -> None:
    admin(desk, "drain")
    admin(desk, "drain off")
    said = admin(desk, "audit")
    assert "set drain" in said.replace("*", "").replace("`", "")
    assert "unset drain" in said.replace("*", "").replace("`", "")


# --- audit and costs -------------------------------------------------------------------------------------


def files(desk: Desk) -> list[tuple[str, str]]:
    """The files that are owed to Grace, as they arrive: their names, and what is in them."""
    calls = SlackCalls(default_rate_limits(lambda: desk.post.clock[0]))
    archives = Archives(desk.post.store, lambda _: None, Uploads(OneWorkspace(desk.post.client), calls))
    while archives.deliver_due() is not None:
        pass
    state = desk.post.workspace.state
    return [(each.name, each.content.decode()) for each in state.files.values()]


def test_the_audit_shows_the_last_acts_and_sends_all_as_a_file(desk: Desk, linus: str) -> None:
    desk.has(name="demo", is_private=True)
    desk.command("stop demo", user=linus)  # which is hidden from them
    desk.command("extend demo 1h")
    desk.wait(lambda: "keep" in admin(desk, "audit demo"))
    said = admin(desk, f"audit <@{linus}>")
    assert "I can't find a binder called “demo”." in said
    assert "keep" not in said
    assert "I can't find a binder" in admin(desk, "audit nothing-like-that")
    name, data = files(desk)[-1]
    assert name.startswith("audit-")
    lines = [json.loads(each) for each in data.splitlines()]
    assert {each["actor"] for each in lines} == {linus}
    assert lines[0]["result"] == "refused"


def test_another_workspaces_acts_are_not_shown(desk: Desk) -> None:
    desk.has(name="theirs", id="theirs", team_id="T999")
    assert "Nothing is recorded." in admin(desk, "audit")


def test_costs_are_by_person_channel_and_repository(desk: Desk, linus: str) -> None:
    hour: dict[str, Any] = {"ready_at": desk.post.clock[0] - 60, "price_per_hour": 60.0, "is_private": True}
    desk.has(name="one", url="https://example.org/one", **hour)
    desk.has(name="two", id="two", url="https://example.org/two", owner=linus, **hour)
    said = admin(desk, "costs")
    assert "2.00 · 2 binders" in said
    for each in ("example.org/one", "example.org/two", "By person", "By channel"):
        assert each in said
    [(name, data)] = files(desk)
    assert name.startswith("costs-20")
    header, *rows = data.splitlines()
    assert header == "month,person,channel,repository,size,binders,hours,cost"
    assert [each.split(",")[-1] for each in rows] == ["1.00", "1.00"]


def test_a_month_without_binders_says_so(desk: Desk) -> None:
    assert "No binder ran." in admin(desk, "costs last month")
