"""Commands, buttons, forms and mentions through a real Bolt app, as Socket Mode hands them to it."""

import json
from collections.abc import Iterator

import pytest
import structlog
from slack_bolt.request import BoltRequest

from handlers import ids, messages
from handlers.listeners.middleware import Recent
from handlers.requests import subcommands
from storage import binders, outbox
from storage.audit_models import Audit
from storage.models import Binder
from storage.vocabulary import Ending, Result, Status, Target
from tests.unit.handlers.conftest import NOW, TOKEN
from tests.unit.handlers.listeners.conftest import REPO, Desk, bolt, modal

# --- launch ----------------------------------------------------------------------------------------------


def test_a_launch_writes_a_row_and_owes_its_card_without_a_word(desk: Desk) -> None:
    assert desk.command(f"launch <{REPO}|github.com/owner/repo> main a/b.ipynb --size LARGE") == ""
    (row,) = desk.all()
    assert (row.provider, row.url, row.ref, row.path) == ("gh", REPO, "main", "a/b.ipynb")
    assert (row.size, row.name, row.owner) == ("large", "repo", desk.post.ada)
    assert (row.status, row.target) == (Status.REQUESTED, Target.READY)
    assert row.ends_at - row.created_at == 12 * 3600
    assert row.stages == {"repository": row.created_at}
    assert len(row.token) >= 32
    assert desk.nudged == [None]
    assert desk.post.drain() == 1


def test_the_first_size_is_the_default_and_names_are_made_typable(desk: Desk) -> None:
    desk.command(f"launch {REPO} --name 'Ünï <!channel> code'")
    (row,) = desk.all()
    assert (row.size, row.name) == ("small", "uni-channel-code")


def test_a_second_binder_of_a_repository_gets_a_name_of_its_own(desk: Desk) -> None:
    desk.command(f"launch {REPO}")
    desk.command(f"launch {REPO} dev")
    assert [row.name for row in desk.all()] == ["repo", "repo-2"]


def test_the_same_command_within_a_minute_is_the_same_launch(desk: Desk) -> None:
    desk.command(f"launch {REPO}")
    assert "repo is already on its way" in desk.command(f"launch {REPO}")
    assert len(desk.all()) == 1


def test_a_redelivered_envelope_does_nothing_twice_even_after_a_restart(desk: Desk) -> None:
    body = desk.command_body(f"launch {REPO}")
    assert desk.dispatch(body) == {}
    assert desk.dispatch(body) == {}
    with desk.post.store.write() as session:  # the twin within a minute must not be what saves us
        session.query(Binder).update({Binder.created_at: Binder.created_at - 3600})
    restarted = bolt(desk.post, lambda: None)
    restarted.dispatch(BoltRequest(mode="socket_mode", body=body))
    assert len(desk.all()) == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (f"launch {REPO} --size huge", "There are: `small` (1 CPU, 2 GB), `large` (8 CPUs, 30 GB)."),
        (f"launch {REPO} --for 13h", "between 5 min and 12 h"),
        (f"launch {REPO} --for 1m", "between 5 min and 12 h"),
        (f"launch {REPO} --for soon", "“soon” is not a time that I understand."),
        ("launch file:///etc/passwd", "file"),
        ("launch --upload-pack=evil", "--upload-pack"),
    ],
)
def test_what_cannot_be_launched_is_said_and_leaves_no_row(desk: Desk, typed: str, said: str) -> None:
    assert said in desk.command(typed)
    assert desk.all() == []
    assert desk.nudged == []


def test_a_wanted_duration_sets_the_end(desk: Desk) -> None:
    desk.command(f"launch {REPO} --for 2h20m")
    (row,) = desk.all()
    assert row.ends_at - row.created_at == 8_400


def test_one_binder_too_many_waits_and_can_be_cancelled(desk: Desk) -> None:
    for name in ("one", "two", "three"):
        desk.has(id=name, name=name)
    assert desk.command(f"launch {REPO}") == ""
    said = desk.command("status repo")
    assert "repo is number 1 in the queue" in said
    assert "its owner has 3 of 3 binders. It begins when one of them ends." in said
    assert "[Cancel]" in said
    assert "repo is number 1 in the queue" in desk.command("list")
    assert desk.command(f"launch {REPO}", user=desk.grace) == ""
    assert [each.waits_for for each in desk.all() if each.owner == desk.grace] == [None]
    desk.command("stop repo")
    waiting = next(each for each in desk.all() if each.owner == desk.post.ada and each.name == "repo")
    assert waiting.target == Target.GONE


# --- words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", "help", "?", "--help", "stop --help", "launch help"])
def test_help_is_never_far(desk: Desk, typed: str) -> None:
    said = desk.command(typed)
    assert [each for each in subcommands.BY_NAME if f"/binder {each}" not in said] == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (f"lunch <{REPO}>", f"/binder launch {REPO}"),
        ("stpo demo", "/binder stop demo"),
        ("rm demo", "/binder stop demo"),
        ("ls", "/binder list"),
        ("owner/repo --ref a`b", "/binder launch owner/repo --ref a'b"),
        (REPO, f"/binder launch {REPO}"),
        ("lunch <!channel>", "/binder launch <!channel>"),
    ],
)
def test_typos_get_the_nearest_right_form(desk: Desk, typed: str, meant: str) -> None:
    assert f"Did you mean `{meant}`?" in desk.command(typed)
    assert "<!channel>" not in str(desk.dispatch(desk.command_body(typed)))


def test_what_nobody_understands_gets_all_the_help(desk: Desk) -> None:
    assert "/binder logs demo" in desk.command("xyzzy plugh")


# --- one binder ------------------------------------------------------------------------------------------


def test_a_name_may_be_left_out_where_there_is_one(desk: Desk) -> None:
    assert "You have no binder running." in desk.command("status")
    desk.has()
    assert "is ready" in desk.command("status")
    desk.has(id="second", name="second")
    said = desk.command("stop")
    assert "Which binder do you mean?" in said
    assert "[demo]  [second]" in said
    assert [row.target for row in desk.all()] == [Target.READY] * 2


def test_the_one_in_this_channel_is_meant(desk: Desk) -> None:
    desk.has(name="here")
    desk.has(id="there", name="there", channel=desk.post.channel("lab"))
    assert "here is being torn down" in desk.command("stop")


def test_an_unknown_name_gets_the_nearest(desk: Desk) -> None:
    desk.has(name="climate-model")
    assert "Did you mean `/binder logs climate-model`?" in desk.command("logs climat-model")


def test_only_the_owner_stops_and_opens(desk: Desk) -> None:
    desk.has(name="demo")
    for deed in ("stop demo", "open demo"):
        said = desk.command(deed, user=desk.grace)
        assert f"demo belongs to <@{desk.post.ada}>. Only they or an admin can " in said
        assert TOKEN not in said
    assert desk.all()[0].target == Target.READY
    assert f"token={TOKEN}" in str(desk.dispatch(desk.command_body("open demo")))
    assert "is being torn down" in desk.command("stop demo")
    (row,) = desk.all()
    assert (row.target, row.ending, row.ended_by) == (Target.GONE, Ending.STOPPED, desk.post.ada)
    assert "need not be torn down again" in desk.command("stop demo")
    assert len(desk.nudged) == 1


def test_an_admin_may_too(desk: Desk) -> None:
    desk.has(name="demo")
    desk.app = bolt(desk.post, lambda: None, admins=f"{desk.grace}, U2")
    assert f"token={TOKEN}" in str(desk.dispatch(desk.command_body("open demo", user=desk.grace)))
    assert "is being torn down" in desk.command("stop demo", user=desk.grace)


def test_what_is_not_ready_yet_says_how_far_it_is(desk: Desk) -> None:
    desk.has(
        status=Status.BUILDING,
        ready_at=None,
        created_at=desk.post.clock[0] - 65,
        stages={"build": desk.post.clock[0]},
    )
    said = desk.command("open")
    assert "demo is being built; it can be opened only while it is ready.\nBuild, 1 min 5 s so far" in said
    assert TOKEN not in said


def test_logs_are_neutralised(desk: Desk) -> None:
    desk.has(log="ok\n```<!channel>&amp;\n\x1b[0m")
    answer = desk.dispatch(desk.command_body("logs"))
    assert "<!channel>" not in str(answer)
    assert "&lt;!channel&gt;&amp;amp;" in answer["blocks"][0]["text"]["text"]


def test_a_listing_shows_everybodys(desk: Desk) -> None:
    desk.has(name="mine")
    desk.has(id="other", name="theirs", owner=desk.grace)
    said = desk.command("list")
    assert said.index("mine") < said.index("theirs")
    assert TOKEN not in said


def test_admins_alone_see_the_warm_pool_and_nobody_can_reach_into_it(desk: Desk) -> None:
    nobodys = {"team_id": "", "owner": "", "channel": "", "provider": "", "url": "", "is_warm": True}
    for number, status in enumerate((Status.WAITING, Status.BOOTING)):
        row = {"id": f"w{number}", "name": "warm-w", "ref": str(number), "status": status}
        desk.has(**row, price_per_hour=2.0, **nobodys)
    assert "No binder is running" in desk.command("list")
    desk.app = bolt(desk.post, lambda: None, admins=desk.post.ada, cost_unit="SU")
    assert "Ready in the warm pool: 1 of 2 small · 4.00 SU per hour" in desk.command("list")
    assert "I can't find" in desk.command("stop warm-w")
    desk.click(ids.STOP, "w0")
    assert "I can't find" in desk.answers("ada")


# --- buttons ---------------------------------------------------------------------------------------------


def test_open_answers_the_owner_and_refuses_others(desk: Desk) -> None:
    desk.has()
    desk.click(ids.OPEN, "abcd2345", user=desk.grace)
    assert "*demo* belongs to" in desk.answers("grace")
    desk.click(ids.OPEN, "abcd2345")
    assert "Your links to *demo*" in desk.answers("ada")


def test_a_double_click_stops_once(desk: Desk) -> None:
    desk.has()
    for _ in range(2):
        desk.click(ids.STOP, "abcd2345")
    desk.answers("ada", lambda shown: "need not be torn down again" in shown)
    with desk.post.store.read() as session:
        assert session.query(Audit).filter_by(event="end", result=Result.DONE).count() == 1


@pytest.mark.parametrize("action_id", [ids.OPEN, ids.STOP, ids.LOG, ids.RETRY, ids.RETRY_WITHOUT_CONDA])
def test_a_forged_value_or_another_workspaces_binder_is_unknown(desk: Desk, action_id: str) -> None:
    desk.has(team_id="T-other")
    for value in ("abcd2345", "nonsense", None):
        desk.click(action_id, value)
    assert desk.answers("ada", lambda shown: shown.count("can't find this binder") == 3)
    assert [row.target for row in desk.all()] == [Target.READY]


def gone(desk: Desk) -> None:
    """Let all binders be gone."""
    with desk.post.store.write() as session:
        session.query(Binder).update({Binder.status: Status.GONE, Binder.target: Target.GONE})


def test_retry_launches_the_same_anew_and_a_double_click_one(desk: Desk) -> None:
    old = desk.has(ref="dev", path="x.ipynb", interface="lab")
    gone(desk)
    for _ in range(2):
        desk.click(ids.RETRY, old.id, user=desk.grace)
    desk.answers("grace", lambda shown: "already on its way" in shown)
    (new,) = [row for row in desk.all() if row.id != old.id]
    assert (new.url, new.ref, new.path, new.interface) == (old.url, "dev", "x.ipynb", "lab")
    assert (new.owner, new.name, new.status) == (desk.grace, "demo", Status.REQUESTED)
    assert new.token != old.token


def test_the_time_that_a_binder_was_shelved_is_not_added_when_it_is_launched_again(desk: Desk) -> None:
    old = desk.has(
        target=Target.GONE,
        status=Status.GONE,
        created_at=NOW - 7200,
        ended_at=NOW,
        ends_at=NOW + 7 * 86_400,
        shelved_seconds=3600.0,
        remaining_seconds=3 * 3600,
    )
    desk.click(ids.RETRY, old.id)
    desk.wait(lambda: len(desk.all()) == 2)
    (new,) = [row for row in desk.all() if row.id != old.id]
    assert new.ends_at - new.created_at == pytest.approx(4 * 3600)


def test_without_conda_is_launched_once_and_trying_again_stays_without(desk: Desk) -> None:
    old = desk.has(ref="dev")
    gone(desk)
    for _ in range(2):
        desk.click(ids.RETRY_WITHOUT_CONDA, old.id)
    desk.answers("ada", lambda shown: "already on its way" in shown)
    (new,) = [row for row in desk.all() if row.id != old.id]
    assert (new.url, new.ref, new.without_conda) == (old.url, "dev", True)
    gone(desk)
    desk.click(ids.RETRY, new.id)
    desk.wait(lambda: len(desk.all()) == 3)
    assert sorted(row.without_conda for row in desk.all()) == [False, True, True]


def test_with_and_without_conda_are_two_launches(desk: Desk) -> None:
    old = desk.has()
    gone(desk)
    desk.click(ids.RETRY, old.id)
    desk.wait(lambda: len(desk.all()) == 2)
    desk.click(ids.RETRY_WITHOUT_CONDA, old.id)
    desk.wait(lambda: len(desk.all()) == 3)
    assert sorted(row.without_conda for row in desk.all() if row.id != old.id) == [False, True]


def test_save_and_tear_down_ends_only_what_it_can_still_save(desk: Desk) -> None:
    ready = desk.has(name="ready", changed_files=3)
    shelved = desk.has(
        id="other", name="shelved", changed_files=3, target=Target.SHELVED, status=Status.SHELVED
    )
    for row in (ready, shelved):
        desk.click(ids.SAVE_AND_STOP, row.id)
    wanted = (
        "I am collecting what was changed in ready",
        "shelved is shelved; it can be saved only while it is ready.",
    )
    desk.answers(until=lambda text: all(each in text for each in wanted))
    assert {row.name: row.target for row in desk.all()} == {"ready": Target.GONE, "shelved": Target.SHELVED}


def test_link_buttons_are_acknowledged(desk: Desk) -> None:
    desk.click(f"{ids.LINK_PREFIX}lab", None)


# --- forms, mentions, home -------------------------------------------------------------------------------


def test_launch_alone_opens_a_form(desk: Desk) -> None:
    assert desk.command("launch") == ""
    view = modal(desk)
    assert json.loads(view["private_metadata"])["channel"] == desk.post.channel("general")


def test_the_form_launches(desk: Desk) -> None:
    assert desk.submit(repo="owner/repo", ref="feature/x", path="a b.ipynb", name="mine") == {}
    (row,) = desk.all()
    assert (row.url, row.ref, row.path, row.name) == (REPO, "feature/x", "a b.ipynb", "mine")
    assert row.channel == desk.post.channel("general")


def test_the_form_and_the_command_build_anew(desk: Desk) -> None:
    assert desk.submit(repo="owner/repo", ticked=["rebuild"]) == {}
    assert desk.submit(repo="owner/other") == {}
    desk.command("launch owner/third --rebuild")
    assert {row.url.rpartition("/")[2]: row.rebuild for row in desk.all()} == {
        "repo": True,
        "other": False,
        "third": True,
    }


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"repo": "no repository"}, "repo"),
        ({"repo": "owner/repo", "ref": "--upload-pack=x"}, "ref"),
        ({"repo": "owner/repo", "path": "../../etc"}, "path"),
        ({"repo": "owner/repo", "path": "a \"b' c"}, "path"),
        ({"repo": "owner/repo", "path": "\"a'b"}, "path"),
        ({"repo": "owner/repo", "size": "gigantic"}, "repo"),
    ],
)
def test_a_form_says_what_is_wrong_at_its_field(desk: Desk, values: dict[str, str], field: str) -> None:
    answer = desk.submit(**values)
    assert answer["response_action"] == "errors"
    assert list(answer["errors"]) == [field]
    assert desk.all() == []


@pytest.mark.parametrize(
    ("values", "ref", "path"),
    [
        ({"repo": "owner/repo", "path": "my notes/a b.ipynb"}, None, "my notes/a b.ipynb"),
        ({"repo": "owner/repo", "path": "it's \u00a0mine.ipynb"}, None, "it's  mine.ipynb"),
        ({"repo": "owner/repo", "path": "a\"b'c.ipynb"}, None, "a\"b'c.ipynb"),
        ({"repo": "\u00a0owner/repo\tmain a.ipynb\n"}, "main", "a.ipynb"),
        ({"repo": "/binder launch owner/repo main"}, "main", None),
        ({"repo": "launch\u00a0https://github.com/owner/repo"}, None, None),
    ],
)
def test_a_form_takes_the_words_of_a_command(
    desk: Desk, values: dict[str, str], ref: str | None, path: str | None
) -> None:
    assert desk.submit(**values) == {}
    (row,) = desk.all()
    assert (row.url, row.ref, row.path) == (REPO, ref, path)


def test_a_message_shortcut_fills_the_form_in(desk: Desk) -> None:
    desk.dispatch(
        {
            "type": "message_action",
            "callback_id": ids.LAUNCH_MESSAGE,
            **desk.identity(None),
            "channel": {"id": desk.post.channel("general")},
            "trigger_id": desk.post.workspace.state.issue_trigger(desk.post.ada),
            "message": {"text": f"and/or look at <{REPO}|this>, &amp; more"},
        }
    )
    assert modal(desk)["blocks"][0]["element"]["initial_value"] == REPO


def test_a_mention_in_the_thread_means_its_binder(desk: Desk) -> None:
    desk.has(name="first")
    desk.has(id="second", name="second")
    with desk.post.store.write() as session:
        binders.set_thread(session, "second", desk.post.channel("general"), "77.7")
    desk.mention("stop", thread_ts="77.7")
    assert "second is being torn down" in desk.answers("ada")
    assert {row.name: row.target for row in desk.all()} == {"first": Target.READY, "second": Target.GONE}


def test_a_mention_launches_as_the_command_does(desk: Desk) -> None:
    desk.mention(f"launch <{REPO}>")
    desk.mention("lunch owner/repo")
    assert "Did you mean" in desk.answers("ada")
    desk.wait(lambda: [row.url for row in desk.all()] == [REPO])


def test_a_redelivered_mention_launches_once(desk: Desk) -> None:
    event = {
        "type": "app_mention",
        "user": desk.post.ada,
        "channel": desk.post.channel("general"),
        "ts": "1.5",
    }
    for repository in (REPO, f"{REPO}-2"):  # the second must not even be looked at
        desk.event(event | {"text": f"<@U0> launch {repository}"}, event_id="Ev-same")
    desk.mention(f"launch {REPO}-3")
    desk.wait(lambda: len(desk.all()) == 2)
    assert {row.url for row in desk.all()} == {REPO, f"{REPO}-3"}


# --- errors ----------------------------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def boom(*_: object) -> None:
        raise ZeroDivisionError("secret-detail")

    monkeypatch.setattr(outbox, "touch_card", boom)
    monkeypatch.setattr(messages, "log_of", boom)


@pytest.fixture
def plain_log() -> Iterator[None]:
    """Tracebacks without colours and variables: to paint those takes longer than Slack waits."""
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    )
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("broken", "plain_log")
def test_an_error_of_ours_gets_a_reference_that_is_in_the_log(
    desk: Desk, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    said = desk.command(f"launch {REPO}")
    reference = said.split("(reference ")[1].split(")")[0]
    assert "secret-detail" not in said
    printed = capsys.readouterr()
    # Where the log goes is a matter of who configured it in this process before.
    logged = printed.out + printed.err + caplog.text
    assert reference in logged
    assert "ZeroDivisionError" in logged
    assert desk.all() == []
    assert "reference" in desk.submit(repo="owner/repo")["errors"]["repo"]


@pytest.mark.usefixtures("plain_log")
def test_an_error_behind_a_button_is_told_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.has(log="x")

    def boom(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(messages, "log_of", boom)
    desk.click(ids.LOG, "abcd2345")
    assert "reference" in desk.answers("ada")


def test_an_answer_that_cannot_be_sent_undoes_nothing(desk: Desk) -> None:
    desk.has()
    desk.post.workspace.fail_next("response_url", "drop_before", times=5)
    desk.click(ids.STOP, "abcd2345")
    desk.wait(lambda: desk.all()[0].target == Target.GONE)
    desk.mention("list")  # the bot still answers
    assert "is being torn down" in desk.answers("ada")


def test_only_the_last_few_requests_are_remembered() -> None:
    recent = Recent(size=2)
    assert [recent.is_new(key) for key in "abacda"] == [True, True, False, True, True, True]


# --- keeping ---------------------------------------------------------------------------------------------


def test_extend_finds_the_binder_that_is_meant(desk: Desk) -> None:
    row = desk.has()
    assert "stays until" in desk.command("extend 2h")
    assert desk.all()[0].ends_at >= row.ends_at + 7200
    assert "Did you mean" in desk.command("extend dema until tomorrow")
    assert "For how long?" in desk.command("extend demo")
    assert "extend demo 2h" in desk.command("keep demo 2h")


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("demo, 2h", 7_200), ("2h demo", 7_200), ("demo 1,5h", 5_400), ("demo half an hour", 1_800)],
)
def test_a_time_to_extend_by_stands_before_or_behind_the_name(desk: Desk, typed: str, seconds: float) -> None:
    row = desk.has()
    assert "stays until" in desk.command(f"extend {typed}")
    assert desk.all()[0].ends_at == row.ends_at + seconds


def test_what_extend_does_not_understand_as_a_time_moves_nothing(desk: Desk) -> None:
    row = desk.has()
    assert "“soon” is not a time that I understand" in desk.command("extend demo soon")
    assert "`90 min` or `90 h`" in desk.command("extend demo 90")
    assert desk.all()[0].ends_at == row.ends_at


@pytest.mark.parametrize("action_id", [ids.KEEP, ids.KEEP_TONIGHT])
def test_a_button_of_a_notice_keeps_it_for_its_owner_alone(desk: Desk, action_id: str) -> None:
    row = desk.has(ends_at=desk.post.clock[0] + 1)
    desk.click(action_id, row.id, user=desk.grace)
    desk.answers("grace", until=lambda said: "or an admin can extend it" in said)
    assert desk.all()[0].ends_at == row.ends_at
    desk.click(action_id, row.id)
    desk.answers("ada", until=lambda said: "stays until" in said)
    assert desk.all()[0].ends_at > row.ends_at


def test_a_form_says_what_is_wrong_with_a_time_where_it_was_written(desk: Desk) -> None:
    for wrong in ("soon", "3d"):
        assert list(desk.submit(repo="owner/repo", duration=wrong)["errors"]) == ["duration"]
    assert "90 min or 90 h" in desk.submit(repo="owner/repo", duration="90")["errors"]["duration"]
    assert desk.submit(repo="owner/repo", duration="1,5 h") == {}
    (row,) = desk.all()
    assert row.ends_at - row.created_at == 5_400
