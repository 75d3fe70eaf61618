"""What people type, and what they get to read."""

from pathlib import Path

import pytest

from bot import config
from bot.admin.check import check
from bot.errors import ConfigError
from storage.vocabulary import Status
from tests.acceptance.conftest import Scene
from tests.fakes.database import KEY
from workspace.hands import plain
from workspace.options import Options
from workspace.server import Workspace


def answer(scene: Scene, typed: str, who: str = "ada") -> str:
    person = scene.person(who)
    before = {each["ts"] for each in person.look().ephemerals()}
    reply = person.command(typed)
    assert reply["ok"], reply
    assert reply["seconds"] < 3
    newest = person.wait_for(lambda seen: [e for e in seen.ephemerals() if e["ts"] not in before])
    return plain(newest[-1])


@pytest.mark.parametrize("typed", ["/binder", "/binder help", "/binder HELP"])
def test_help_shows_every_subcommand(empty_scene: Scene, typed: str) -> None:
    said = answer(empty_scene, typed)
    for word in ("launch", "list", "status", "logs", "open", "stop"):
        assert f"/binder {word}" in said


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("lunch owner/repo main", "/binder launch owner/repo main"),
        ("stpo demo", "/binder stop demo"),
        ("lsit", "/binder list"),
        ("owner/repo", "/binder launch owner/repo"),
        ("https://github.com/owner/repo", "/binder launch https://github.com/owner/repo"),
    ],
)
def test_a_typo_gets_the_nearest_right_form_filled_in(empty_scene: Scene, typed: str, suggested: str) -> None:
    assert suggested in answer(empty_scene, f"/binder {typed}")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("launch file:///etc/passwd", "file"),
        ("launch --upload-pack=touch", "--upload-pack"),
        ("launch owner/repo --sise large", "--size"),
        ("launch owner/repo --size gigantic", "small"),
        ("stop nothing-like-this", "nothing-like-this"),
        ("launch https://user:hunter2@github.com/o/r", "secret"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence_that_names_it(
    empty_scene: Scene, typed: str, words: str
) -> None:
    said = answer(empty_scene, f"/binder {typed}")
    assert words in said
    assert "hunter2" not in said
    assert empty_scene.all_live() == []


def test_list_status_and_logs_tell_of_what_lives(scene: Scene) -> None:
    assert "No binder" in answer(scene, "/binder list")
    scene.launch("--name demo")
    scene.wait_until_ready()
    assert "demo" in answer(scene, "/binder list")
    assert "demo" in answer(scene, "/binder list", who="grace")
    assert "is ready" in answer(scene, "/binder status demo")
    assert "is ready" in answer(scene, "/binder status")
    assert "demo" in answer(scene, "/binder logs")


def test_each_person_is_answered_in_the_language_of_their_slack(empty_scene: Scene) -> None:
    empty_scene.workspace.state.set_locale("linus", "de-DE")
    for _ in range(2):  # before and after Slack told
        assert "diese Befehle zeigen" in answer(empty_scene, "/binder help", who="linus")
        assert "show these commands" in answer(empty_scene, "/binder help")
    assert "ist keine Zeit" in answer(empty_scene, "/binder launch owner/repo --for ages", who="linus")


def test_owner_shared_and_stranger_say_the_repository_and_choose_what_they_may_see(scene: Scene) -> None:
    ada, linus = scene.person("ada"), scene.person("linus")
    ada.command("/invite @binder", channel="secret")
    # The same twice within a minute is one launch: the second one opens something else.
    for options, channel in (("first", "general"), ("second --open lab", "general"), ("private", "secret")):
        assert scene.launch(f"--name {options}", channel=channel)["ok"]
    scene.wait(lambda: len(scene.all_live()) == 3)
    scene.wait(lambda: {each.status for each in scene.all_live()} == {Status.READY})
    answer(scene, "/binder share second @grace --manage")

    assert "[first]  [second]  [private]" in answer(scene, f"/binder logs {scene.repository}")
    asked = answer(scene, f"/binder status {scene.repository}", who="linus")
    assert "Which binder do you mean?" in asked
    assert "[first]  [second]" in asked
    assert "private" not in asked
    linus.click("second")
    linus.wait_for(lambda seen: "*second* is ready" in "\n".join(map(plain, seen.ephemerals())) or None)

    assert "second is being torn down" in answer(scene, f"/binder stop {scene.repository}", who="grace")
    assert "can't find" in answer(scene, "/binder status private", who="linus")
    assert "first" in answer(scene, "/binder status", who="linus")


def test_others_may_not_stop_a_binder(scene: Scene) -> None:
    scene.launch("--name demo")
    scene.wait_until_ready()
    said = answer(scene, "/binder stop demo", who="grace")
    assert "demo" in said
    assert len(scene.all_live()) == 1


def test_a_mention_in_the_thread_takes_the_same_words(scene: Scene) -> None:
    scene.launch()
    scene.wait_until_ready()
    card = scene.card()
    ada = scene.person()
    ada.say("@Binder status", thread_ts=card["ts"])
    ada.wait_for(lambda seen: [e for e in seen.ephemerals() if "is ready" in plain(e)])
    ada.say("@Binder stop", thread_ts=card["ts"])
    ada.wait_for_text("It ran for")


def test_launch_alone_opens_a_form_that_launches(scene: Scene) -> None:
    ada = scene.person()
    ada.command("/binder launch")
    ada.wait_for(lambda seen: seen.modal)
    ada.submit({"repo": "not a repository at all"})
    assert "is not understood here" in ada.wait_for(lambda seen: (seen.modal or {}).get("errors"))["repo"]
    ada.submit({"repo": scene.repository, "name": "from-form"})
    ada.wait_for_text("is ready after")
    assert [each.name for each in scene.all_live()] == ["from-form"]


def test_check_tells_of_every_part(workspace_options: Options, tmp_path: Path) -> None:
    with Workspace(workspace_options) as workspace:
        settings = config.load(
            slack_bot_token=workspace.bot_token,
            slack_app_token=workspace.app_token,
            slack_api_url=workspace.api_url,
            database_url=f"sqlite:///{tmp_path / 'bot.sqlite3'}",
            secret_key=KEY,
            local_root=tmp_path / "local",
            local_engine="none",
        )
        # What this machine cannot limit is advice, which another one does not get.
        told = [line for line in check(settings) if not line.startswith("advice")]
        assert [line.split()[0] for line in told] == ["database", "cloud", "slack"]
        reached = {"local_public_url": "http://binder.example.org:{port}"}
        assert "plain http" in "".join(check(config.load(**(settings.model_dump() | reached))))
        wrong = config.load(**(settings.model_dump() | {"slack_bot_token": "xoxb-wrong"}))
        with pytest.raises(ConfigError, match="invalid_auth"):
            list(check(wrong))
