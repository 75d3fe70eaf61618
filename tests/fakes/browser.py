"""Chromium, and what it shows."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1400,900"
)


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with an empty profile.

    Where none is installed, the test is skipped; in continuous integration (`CI=true`) it fails.
    """
    if not (CHROMIUM and DRIVER):
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in [*FLAGS.split(), f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


class Page:
    """What can be seen on the page that a browser shows."""

    def __init__(self, browser: webdriver.Chrome) -> None:
        self._browser = browser

    def shows(self, selector: str, text: str) -> bool:
        """Whether an element of that selector shows that text."""
        found = "[...document.querySelectorAll(arguments[0])]"
        script = f"return {found}.some((one) => one.innerText.includes(arguments[1]))"
        return bool(self._browser.execute_script(script, selector, text))

    def wait_for(self, selector: str, text: str, seconds: float = 15) -> None:
        """Wait until it does."""
        WebDriverWait(self._browser, seconds, 0.05).until(
            lambda _: self.shows(selector, text), f"{text!r} in {selector}"
        )

    def press(self, selector: str, text: str) -> None:
        """Click the last element of that selector that shows that text."""
        script = (
            "const found = [...document.querySelectorAll(arguments[0])]"
            ".filter((one) => one.innerText.includes(arguments[1])); found.at(-1).click()"
        )
        self._browser.execute_script(script, selector, text)
