"""`python -m tests.screenshots` takes the pictures of the documentation in the local workspace."""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import Select
from slack_sdk import WebClient

from handlers.messages.blocks import Json
from tests.fakes.browser import Page, chromium
from tests.screenshots.scenes import GRACE, HASHES, IMAGES, PICTURES, Picture, Said, known_hashes
from workspace.hands import Person
from workspace.options import Options
from workspace.server import Workspace

_WITHOUT_ERROR = "document.getElementById('error').style.display = 'none'"


def main(*, every: bool) -> None:
    """Take the pictures that are stale, or every one, and note what they were made from."""
    hashes = {name: each.hash() for name, each in PICTURES.items()}
    known = {} if every else known_hashes()
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as browser:
        for name in (each for each, now in hashes.items() if known.get(each) != now):
            take(browser, PICTURES[name], IMAGES / f"{name}.png")
    HASHES.write_text(json.dumps(hashes, indent=2) + "\n")


def take(browser: webdriver.Chrome, picture: Picture, path: Path) -> None:
    """Let everything be said in a new workspace, and take the picture."""
    with Workspace(Options(app_name="Binder")) as workspace, Person(workspace.url, "ada") as ada:
        say(workspace, ada, picture)
        if picture.view:
            show(workspace, ada.look().me, picture.view)
        look(browser, workspace, picture)
        browser.save_screenshot(str(path))
        browser.get("about:blank")  # the page would wait for news of a server that is gone


def say(workspace: Workspace, ada: Person, picture: Picture) -> None:
    """Post it all, in order."""
    client = WebClient(workspace.bot_token, base_url=workspace.api_url)
    seen = ada.look()
    channel, root = str(seen.channel(picture.place)["id"]), ""
    for each in picture.said(seen.me):
        if isinstance(each.message, str):
            ada.say(each.message, picture.place)
        else:
            root = post(client, each, channel, seen.me, root) or root


def show(workspace: Workspace, user: str, view_of: Callable[[str], Json]) -> None:
    """Open a form before somebody, or publish their Home tab."""
    client = WebClient(workspace.bot_token, base_url=workspace.api_url)
    view = json.loads(json.dumps(view_of(user)).replace(GRACE, workspace.state.person("grace").id))
    if view["type"] == "home":
        client.views_publish(user_id=user, view=view)
    else:
        client.views_open(trigger_id=workspace.state.issue_trigger(user), view=view)


def post(client: WebClient, said: Said, channel: str, user: str, root: str) -> str:
    """Post one message of the bot; the ts of a new root."""
    assert not isinstance(said.message, str)
    arguments = said.message.as_arguments()
    if said.kind == "alone":
        client.chat_postEphemeral(channel=channel, user=user, thread_ts=root or None, **arguments)
        return ""
    thread = root if said.kind == "reply" else None
    ts = str(client.chat_postMessage(channel=channel, thread_ts=thread, **arguments)["ts"])
    return "" if said.kind == "reply" else ts


def look(browser: webdriver.Chrome, workspace: Workspace, picture: Picture) -> None:
    """Bring the page into the state of the picture."""
    scheme = {"name": "prefers-color-scheme", "value": "dark" if picture.is_dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    width, height = picture.size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(workspace.url)
    page = Page(browser)
    page.wait_for("#title", "general")
    Select(browser.find_element("id", "user")).select_by_value("ada")
    if picture.place == "dm":
        page.press(".sidebar .row", "Binder")
    if picture.view and picture.place == "dm":
        page.press("#tabs button", "Home")
        page.wait_for("#home", "climate-model")
        return
    page.wait_for("#messages .message", "climate-model")
    if picture.view:
        page.wait_for("#modal", "Repository")
        browser.execute_script(_WITHOUT_ERROR)  # no app answers here what the form asks
    if picture.open_thread:
        page.press("#messages .replies", "repl")
        page.wait_for("#replies .message", "climate-model")
    if picture.open_menu:
        browser.execute_script(
            "[...document.querySelectorAll('#messages details.overflow')].at(-1).open = true"
        )


if __name__ == "__main__":
    main(every="--all" in sys.argv)
