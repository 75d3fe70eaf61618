"""The page, in a real browser: a command, its answer, a button, and what somebody else sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.fakes.browser import Page, chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium import webdriver

    from workspace.server import Workspace

HOSTILE = "<img src=x onerror=document.title='owned'> &lt;b&gt; <javascript:alert(1)|click>"
BLOCKS: list[dict[str, Any]] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": f"*It answers* :white_check_mark: {HOSTILE}"}},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "press",
                "text": {"type": "plain_text", "text": "Press"},
                "confirm": {
                    "title": {"type": "plain_text", "text": "Sure?"},
                    "text": {"type": "plain_text", "text": "It will be pressed."},
                    "confirm": {"type": "plain_text", "text": "Yes"},
                    "deny": {"type": "plain_text", "text": "No"},
                },
            }
        ],
    },
]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path) as driver:
        yield driver


@pytest.mark.browser
def test_a_person_uses_the_page(workspace: Workspace, demo: Any, browser: webdriver.Chrome) -> None:
    page = Page(browser)
    wait_for, shows = page.wait_for, page.shows

    def on_command(ack: Any, command: Any, client: Any) -> None:
        ack("for you alone")
        client.chat_postMessage(channel=command["channel_id"], text="It answers", blocks=BLOCKS)

    def on_press(ack: Any, body: Any, client: Any) -> None:
        ack()
        message = body["message"]["ts"]
        client.chat_postMessage(channel=body["channel"]["id"], thread_ts=message, text="pressed")

    demo.app.command("/demo")(on_command)
    demo.app.action("press")(on_press)
    demo.connect()
    browser.get(workspace.url)
    wait_for("#title", "general")
    text = browser.find_element(By.ID, "text")
    text.send_keys("/de")
    wait_for("#hints", "Say something back")
    text.send_keys("mo hello", Keys.ENTER)
    wait_for("#messages .message", "It answers")
    wait_for("#messages .ephemeral", "Only visible to you")
    assert shows("#messages .message", "<b>")
    assert browser.find_elements(By.CSS_SELECTOR, "#messages a[href^=javascript], #messages img[src=x]") == []
    browser.find_element(By.CSS_SELECTOR, "#messages .actions button").click()
    wait_for("#confirm", "It will be pressed.")
    browser.find_element(By.CSS_SELECTOR, "#confirm .primary").click()
    wait_for("#messages .replies", "1 reply")
    browser.find_element(By.CSS_SELECTOR, "#messages .replies").click()
    wait_for("#replies .message", "pressed")
    Select(browser.find_element(By.ID, "user")).select_by_visible_text("Grace Hopper")
    wait_for("#messages .message", "It answers")
    assert not shows("#messages .message", "for you alone")
    assert browser.title.startswith("general")
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


@pytest.mark.browser
def test_a_press_counts_although_the_message_was_edited_before_it_was_confirmed(
    workspace: Workspace, demo: Any, browser: webdriver.Chrome
) -> None:
    page = Page(browser)

    def on_press(ack: Any, body: Any, client: Any) -> None:
        ack()
        client.chat_postMessage(channel=body["channel"]["id"], text="pressed")

    demo.app.action("press")(on_press)
    demo.connect()
    posted = demo.client.chat_postMessage(channel="#general", text="It answers", blocks=BLOCKS)
    browser.get(workspace.url)
    page.wait_for("#messages .message", "It answers")
    page.press("#messages .actions button", "Press")
    page.wait_for("#confirm", "It will be pressed.")
    edited = [{"type": "section", "text": {"type": "mrkdwn", "text": "Edited"}}, BLOCKS[1]]
    demo.client.chat_update(channel=posted["channel"], ts=posted["ts"], text="Edited", blocks=edited)
    page.wait_for("#messages .message", "Edited")
    page.press("#confirm .primary", "Yes")
    page.wait_for("#messages .message", "pressed")
