"""From the command in Slack to the links in the thread, and back to nothing."""

from typing import Any

import pytest

from bot.errors import QuotaExceeded
from bot.provisioning.instances import Phase, Report
from storage.vocabulary import Status
from tests.acceptance.conftest import Scene, running
from tests.fakes.http import like_jupyter
from workspace.hands import links, plain
from workspace.options import ALL_SCOPES, Options


def thread(scene: Scene, who: str = "ada") -> list[dict[str, Any]]:
    card = scene.card()
    return scene.person(who).look().thread(card["channel"], card["ts"])


def test_a_launch_ends_with_links_in_its_thread_and_a_button_tears_it_down(scene: Scene) -> None:
    answer = scene.launch("main index.ipynb")
    assert answer["ok"]
    ada = scene.person()
    ready = ada.wait_for_text("is ready after")
    assert ready["thread_ts"] == scene.card()["ts"]
    assert f"<@{ada.look().me}>" in str(ready["blocks"])
    assert {label for label, _ in links(ready)} >= {"JupyterLab", "Notebook"}
    assert all(url.startswith(scene.server.url) for label, url in links(ready) if label == "JupyterLab")
    assert "is ready" in plain(scene.card())

    ada.wait_for_text("Your links to")
    ada.click("Tear down", ada.wait_for_text("Ready after"))
    ended = ada.wait_for_text("It ran for")
    assert "was torn down by" in plain(ended)
    assert scene.cloud.machines == {}
    scene.wait(lambda: scene.all_live() == [])


def test_the_token_goes_to_the_owner_alone(scene: Scene) -> None:
    scene.launch()
    ada, grace = scene.person(), scene.person("grace")
    mine = ada.wait_for_text("Your links to")
    token = scene.all_live()[0].token
    assert mine["is_ephemeral"]
    assert all(f"token={token}" in url for _, url in links(mine))
    assert token not in str(grace.look().state)
    everybody = [each for each in ada.look().everything() if not each["is_ephemeral"]]
    assert token not in str(everybody)


def test_open_gives_the_links_again_and_refuses_others_politely(scene: Scene) -> None:
    scene.launch("--name demo")
    ada, grace = scene.person(), scene.person("grace")
    ada.wait_for_text("Your links to")
    before = len(ada.look().ephemerals())
    ada.click("Open", scene.card())
    ada.command("/binder open demo")
    ada.wait_for(
        lambda seen: len([e for e in seen.ephemerals() if "Your links to" in plain(e)]) >= before + 2
    )
    grace.click("Open", scene.card())
    refusal = grace.wait_for(lambda seen: seen.ephemerals())[-1]
    assert "token=" not in str(refusal)
    grace.click("Tear down", scene.card())
    grace.wait_for(lambda seen: len(seen.ephemerals()) >= 2)
    assert [each.status for each in scene.all_live()] == [Status.READY]


def test_a_failed_build_says_its_reason_and_leaves_nothing(scene: Scene) -> None:
    scene.server.pages.clear()
    scene.cloud.reports = (
        Report(Phase.BUILDING, 0.3, "pip install"),
        Report(
            Phase.FAILED, reason="There is no version of humanize==99999.", hint="Correct it.", log="ERROR: x"
        ),
    )
    scene.launch()
    failed = scene.person().wait_for_text("could not be launched.")
    assert failed["thread_ts"] == scene.card()["ts"]
    for words in ("There is no version of humanize==99999.", "Correct it."):
        assert words in plain(failed)
    assert "ERROR: x" not in plain(failed)
    scene.person().click("Show log", failed)
    scene.person().wait_for_text("ERROR: x")
    scene.wait(lambda: scene.all_live() == [])
    assert scene.cloud.machines == {}


def test_a_missing_ref_is_said_with_the_nearest_name(scene: Scene) -> None:
    scene.launch("mian")
    failed = scene.person().wait_for_text("could not be launched.")
    assert "mian" in plain(failed)
    assert "main" in plain(failed).replace("mian", "")
    assert scene.cloud.created == []


def test_try_again_launches_the_same_once_more(scene: Scene) -> None:
    scene.launch("mian")
    ada = scene.person()
    ada.wait_for_text("could not be launched.")
    scene.wait(lambda: scene.all_live() == [])
    ada.click("Try again")
    ada.wait_for(lambda seen: sum("could not be launched." in plain(each) for each in seen.everything()) == 2)


def test_no_room_is_said_and_waited_for(scene: Scene) -> None:
    scene.cloud.refuses = [QuotaExceeded("10 of 10 instances are in use.")]
    scene.launch()
    ada = scene.person()
    ada.wait_for_text("10 of 10 instances are in use.")
    ada.wait_for_text("is ready after", seconds=20)


def test_an_identical_command_is_the_same_launch(scene: Scene) -> None:
    scene.launch()
    scene.launch()
    scene.wait_until_ready()
    assert len(scene.cloud.created) == 1


def test_a_redelivered_command_and_a_double_click_do_nothing_twice(scene: Scene) -> None:
    scene.workspace.sockets.duplicates = 1
    scene.launch()
    scene.wait_until_ready()
    ada = scene.person()
    ada.wait_for_text("Your links to")
    card = ada.wait_for_text("Ready after")
    assert ada.click("Tear down", card)["ok"]
    ada.click("Tear down", card)
    ada.wait_for_text("It ran for")
    scene.wait(lambda: scene.all_live() == [])
    assert len(scene.cloud.created) == 1
    assert sum("It ran for" in plain(each) for each in thread(scene)) == 1


def test_a_channel_without_the_bot_explains_and_goes_on_in_a_direct_message(scene: Scene) -> None:
    scene.launch(channel="secret")
    ada = scene.person()
    ada.wait_for(lambda seen: [e for e in seen.ephemerals("secret") if "/invite" in plain(e)])
    ready = ada.wait_for(
        lambda seen: [e for e in seen.channel("dm")["messages"] if "is ready after" in plain(e)]
    )
    assert ready


@pytest.mark.parametrize(
    "workspace_options", [Options(app_name="Binder", scopes=ALL_SCOPES - {"chat:write.public"})]
)
def test_a_public_channel_that_the_bot_may_not_post_to_is_left_likewise(scene: Scene) -> None:
    scene.launch(channel="lab")
    ada = scene.person()
    ada.wait_for(lambda seen: [e for e in seen.ephemerals("lab") if "/invite" in plain(e)])
    ada.wait_for(lambda seen: [e for e in seen.channel("dm")["messages"] if "is ready after" in plain(e)])


def test_a_deleted_status_message_is_replaced(scene: Scene) -> None:
    scene.launch()
    scene.wait_until_ready()
    ada = scene.person()
    ada.wait_for_text("Your links to")
    first = scene.card()
    ada.delete(first)
    ada.command("/binder stop")
    ada.wait_for(
        lambda seen: [e for e in seen.messages() if e["ts"] != first["ts"] and "is gone" in plain(e)],
        seconds=20,
    )


def test_a_post_that_arrived_although_its_answer_was_lost_is_not_repeated(scene: Scene) -> None:
    scene.workspace.fail_next("chat.postMessage", "drop_after")
    scene.launch()
    scene.person().wait_for_text("is ready after", seconds=30)
    assert sum("for @" in plain(each) for each in scene.person().look().messages()) == 1


def test_a_rate_limit_is_honoured_and_nothing_is_lost(scene: Scene) -> None:
    scene.workspace.fail_next("chat.postMessage", "ratelimited", retry_after=1)
    scene.launch()
    scene.person().wait_for_text("is ready after", seconds=30)


@pytest.mark.parametrize("abrupt", [True, False], ids=["lost", "recycled"])
def test_a_socket_that_is_lost_or_recycled_is_replaced_within_seconds(scene: Scene, *, abrupt: bool) -> None:
    scene.workspace.disconnect_all(abrupt=abrupt)
    scene.wait(lambda: scene.workspace.sockets.connected, seconds=5)
    scene.launch()
    scene.person().wait_for_text("is ready after", seconds=20)


def test_a_restart_goes_on_where_it_was(scene: Scene, settings: dict[str, Any]) -> None:
    scene.server.pages.clear()
    scene.cloud.reports = (Report(Phase.BUILDING, 0.1, "working"),)
    scene.launch()
    scene.wait(lambda: [each.status for each in scene.all_live()] == [Status.BUILDING])
    scene.app.stop()
    like_jupyter(scene.server)
    with running(scene.workspace, scene.folder, scene.cloud, scene.store) as scene.app:
        scene.person().wait_for_text("is ready after", seconds=20)
        assert len(scene.cloud.created) == 1


def test_the_second_launch_says_how_long_it_usually_takes(scene: Scene) -> None:
    scene.cloud.keeps_images = True
    ada, grace = scene.person(), scene.person("grace")
    scene.launch()
    assert "sually" not in plain(scene.card()), "there is no history"
    ada.wait_for_text("is ready after")
    scene.cloud.reports = (Report(Phase.BOOTING),) * 10_000
    scene.server.pages.clear()
    grace.command(f"/binder launch {scene.repository}")
    card = grace.wait_for(lambda seen: [e for e in seen.messages() if "; built before" in plain(e)])[0]
    assert "Usually 1 s; built before" in plain(card)
    assert "Build" not in plain(card)


def test_a_private_launch_says_nothing_to_others(scene: Scene) -> None:
    scene.cloud.keeps_images = True
    ada, grace = scene.person(), scene.person("grace")
    scene.launch(channel="dm")
    ada.wait_for_text("Your links to")
    scene.cloud.reports = (Report(Phase.BOOTING),) * 10_000
    scene.server.pages.clear()
    grace.command(f"/binder launch {scene.repository}")
    ada.command(f"/binder launch {scene.repository}")
    ada.command(f"/binder launch {scene.repository} main index.ipynb", channel="dm")
    ada.wait_for_text("built before")
    scene.wait(lambda: [each.expected.get("basis") for each in scene.all_live()] == ["", "", "", "build"])
    assert "built before" not in str(ada.look().messages()) + str(grace.look().state)
