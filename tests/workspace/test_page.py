"""The page, in a real browser: a command, its answer, a button, and what somebody else sees of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspace.server import Workspace

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1400,900"
)
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
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.mark.browser
def test_a_person_uses_the_page(workspace: Workspace, demo: Any, browser: webdriver.Chrome) -> None:
    def shows(selector: str, text: str) -> bool:
        found = "[...document.querySelectorAll(arguments[0])]"
        script = f"return {found}.some((one) => one.innerText.includes(arguments[1]))"
        return bool(browser.execute_script(script, selector, text))

    def wait_for(selector: str, text: str) -> None:
        WebDriverWait(browser, 15, 0.05).until(lambda _: shows(selector, text), f"{text!r} in {selector}")

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
