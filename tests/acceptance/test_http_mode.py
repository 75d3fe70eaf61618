"""The whole bot in HTTP mode: Slack sends its requests, and nothing connects to Slack's sockets."""

from typing import Any

import pytest

from bot.admin.public_address import require_reachable
from bot.errors import ConfigError, ServiceUnreachable
from tests.acceptance.conftest import Scene
from tests.fakes.waiting import eventually, free_port
from workspace.hands import links, plain
from workspace.options import Options

SECRET = "the signing secret of this app"


@pytest.fixture
def workspace_options() -> Options:
    return Options(app_name="Binder", signing_secret=SECRET, retry_seconds=(0.0, 0.2, 0.2))


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"slack_signing_secret": SECRET, "http_port": free_port()}


@pytest.fixture
def address(scene: Scene, settings: dict[str, Any]) -> str:
    address = f"http://127.0.0.1:{settings['http_port']}"
    scene.workspace.deliver_to(f"{address}/slack/events")
    return address


@pytest.mark.usefixtures("address")
def test_a_launch_goes_from_command_to_links_and_is_torn_down_by_a_button(scene: Scene) -> None:
    ada = scene.person()
    answer = scene.launch("--name demo")
    assert answer["ok"]
    ada.wait_for_text("is ready after")
    assert {label for label, _ in links(ada.wait_for_text("Your links to"))} >= {"JupyterLab"}
    ada.open_home()
    ada.wait_for(lambda seen: seen.home and "*demo* is ready" in plain(seen.home))
    ada.command("/invite @binder", channel="general")
    card = scene.card()
    ada.say("<@binder> status", thread_ts=card["ts"])
    ada.wait_for(lambda seen: [e for e in seen.ephemerals() if "demo" in plain(e)])
    ada.shortcut("launch_anywhere")
    ada.wait_for(lambda seen: seen.modal)
    assert ada.submit({"repo": scene.repository, "name": "second"})["ok"]
    eventually(lambda: len(scene.all_live()) == 2)
    ada.click("Tear down", ada.wait_for_text("Ready after"))
    ada.wait_for_text("It ran for")
    assert scene.workspace.sockets.connected == 0


def test_check_tells_whether_slack_reaches_the_bot(scene: Scene, address: str) -> None:
    require_reachable(address, SECRET)
    with pytest.raises(ConfigError, match="another SLACK_SIGNING_SECRET"):
        require_reachable(address, "another secret")
    with pytest.raises(ServiceUnreachable, match=r"No bot answers .*HTTP 404"):
        require_reachable(f"{address}/elsewhere", SECRET)
    with pytest.raises(ServiceUnreachable, match="No bot answers"):
        require_reachable("http://127.0.0.1:1", SECRET)
