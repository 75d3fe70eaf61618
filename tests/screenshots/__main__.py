"""`python -m tests.screenshots` takes the pictures of the documentation in the local workspace."""

import json
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import Select
from slack_sdk import WebClient

from tests.fakes.browser import Page, chromium
from tests.screenshots.scenes import HASHES, IMAGES, PICTURES, Picture, Said
from workspace.hands import Person
from workspace.options import Options
from workspace.server import Workspace


def main() -> None:
    """Take all pictures, and note what they were made from."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as browser:
        for name, picture in PICTURES.items():
            take(browser, picture, IMAGES / f"{name}.png")
    HASHES.write_text(json.dumps({name: each.hash() for name, each in PICTURES.items()}, indent=2) + "\n")


def take(browser: webdriver.Chrome, picture: Picture, path: Path) -> None:
    """Let everything be said in a new workspace, and take the picture."""
    with Workspace(Options(app_name="Binder")) as workspace, Person(workspace.url, "ada") as ada:
        say(workspace, ada, picture)
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
    page.wait_for("#messages .message", "climate-model")
    if picture.open_thread:
        page.press("#messages .replies", "repl")
        page.wait_for("#replies .message", "climate-model")
    if picture.open_menu:
        browser.execute_script(
            "[...document.querySelectorAll('#messages details.overflow')].at(-1).open = true"
        )


if __name__ == "__main__":
    main()
