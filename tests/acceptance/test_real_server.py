"""The main job with nothing faked: real git, environment, Jupyter and browser, and real kills."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait
from uv import find_uv_bin

from bot.provisioning.agent.environment import MARK
from storage import binders
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Ending, Status
from tests.fakes.browser import Page, chromium
from tests.fakes.git import BAD, git_repository_server
from tests.fakes.waiting import eventually
from workspace.hands import Person, links, plain
from workspace.options import Options, SlashCommand
from workspace.server import Workspace

PATIENCE = 90.0


class Bot:
    """`binder-bot serve` as a process of its own, over a folder that outlives it."""

    def __init__(self, folder: Path, workspace: Workspace) -> None:
        self.folder = folder
        self.workspace = workspace
        self.environment = {name: value for name, value in os.environ.items() if "SLACK" not in name} | {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_APP_TOKEN": workspace.app_token,
            "SLACK_API_URL": workspace.api_url,
            "DATABASE_URL": f"sqlite:///{folder / 'bot.sqlite3'}",
            "LOCAL_ROOT": str(folder / "local"),
            "LOCAL_ENGINE": "none",
            "ALLOW_PRIVATE_REPOSITORIES": "true",
            "LOOK_SECONDS": "0.5",
            "READY_POLL_SECONDS": "0.5",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with (self.folder / "bot.log").open("ab") as log:
            command = [sys.executable, "-m", "bot", "serve"]
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.folder)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.kill()
        self.process = self._start()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(20)

    def wait_for(self, status: Status) -> None:
        """Wait until its one binder is that far, or further."""
        order = list(Status)
        with closing(Store(self.environment["DATABASE_URL"])) as store:

            def reached() -> bool:
                with store.read() as session:
                    binder = session.query(Binder).one_or_none()
                return binder is not None and order.index(binder.status) >= order.index(status)

            eventually(reached)


def leftovers(folder: Path) -> list[str]:
    """Processes, and directories of instances, that still belong to the local cloud in that folder."""
    return [str(each) for each in [*processes_of(folder), *instances_of(folder)]]


def remove_leftovers(folder: Path) -> None:
    """Remove what a test left that failed, so that the next one begins with nothing."""
    for process in (left := processes_of(folder)):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=10)
    for directory in instances_of(folder):
        shutil.rmtree(directory)


def processes_of(folder: Path) -> list[psutil.Process]:
    return [each for each in psutil.process_iter() if str(folder) in mark_of(each)]


def instances_of(folder: Path) -> list[Path]:
    return list((folder / "local" / "instances").glob("*"))


def mark_of(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except psutil.Error:
        return ""


@contextmanager
def at_work(folder: Path) -> Iterator[tuple[Bot, Person]]:
    command = SlashCommand("/binder", "Run a Binder repository", "launch <repository>")
    with (
        Workspace(Options(app_name="Binder", commands=(command,))) as workspace,
        Person(workspace.url) as ada,
    ):
        bot = Bot(folder, workspace)
        try:
            eventually(lambda: workspace.sockets.connected)
            yield bot, ada
        finally:
            bot.kill()
            remove_leftovers(folder)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests of this process: the environment is built once."""
    folder = Path(tmp_path_factory.getbasetemp()) / "real"
    if not folder.exists():
        (folder / "local").mkdir(parents=True)
        (folder / "local" / "cache").symlink_to(uv_cache())
    for database in folder.glob("bot.sqlite3*"):
        database.unlink()
    return folder


def uv_cache() -> str:
    """Where uv keeps what it has downloaded before on this machine."""
    done = subprocess.run([find_uv_bin(), "cache", "dir"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def unsaved(database: str) -> int:
    with closing(Store(database)) as store, store.read() as session:
        return session.query(Binder).one().changed_files


def test_what_was_changed_is_noticed_and_saved_to_the_thread_before_it_goes(
    folder: Path, repository: str
) -> None:
    with at_work(folder) as (bot, ada):
        ada.command(f"/binder launch {repository} --name demo")
        mine = ada.wait_for_text("Your links to", seconds=PATIENCE)
        lab = urlsplit(dict(links(mine))["JupyterLab"])
        files = f"{lab.scheme}://{lab.netloc}/api/contents/"
        changed = {"type": "file", "format": "text", "content": "humanize==4.9.0\n# mine\n"}
        for name in ("requirements.txt", "new.txt"):
            assert requests.put(f"{files}{name}?{lab.query}", json=changed, timeout=10).ok
        eventually(lambda: unsaved(bot.environment["DATABASE_URL"]) == 2)
        ada.command("/binder stop demo")
        offer = ada.wait_for_text("*demo* has 2 changed files")
        ada.click("Save and tear down", offer)
        ada.wait_for_text("It ran for", seconds=PATIENCE)
        replies = ada.look().everything()
        (shared,) = (each for each in replies if each.get("files"))
        assert shared["ts"] < next(each["ts"] for each in replies if "It ran for" in plain(each))
        zipped = requests.get(bot.workspace.url + shared["files"][0]["url_private"], timeout=10).content
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            assert {"SAVED.txt", "changes.patch", "files/requirements.txt", "files/new.txt"} == set(
                archive.namelist()
            )
            assert b"+# mine" in archive.read("changes.patch")
        eventually(lambda: leftovers(folder) == [])


@pytest.mark.browser
def test_from_the_command_in_a_browser_to_jupyterlab_and_back_to_nothing(
    folder: Path, tmp_path: Path, repository: str
) -> None:
    with at_work(folder) as (bot, ada), chromium(tmp_path / "profile") as browser:
        page = Page(browser)
        browser.get(bot.workspace.url)
        page.wait_for("#title", "general")
        browser.find_element(By.ID, "text").send_keys(
            f"/binder launch {repository} main index.ipynb", Keys.ENTER
        )
        page.wait_for("#messages .message", "is ready", PATIENCE)
        page.wait_for("#messages .message", "1 reply")
        page.press("#messages button", "Open")
        page.wait_for("#messages .ephemeral", "Your links to")
        page.press("#messages .ephemeral a", "JupyterLab")
        WebDriverWait(browser, PATIENCE).until(lambda _: len(browser.window_handles) == 2)
        browser.switch_to.window(browser.window_handles[1])
        Page(browser).wait_for("body", "index.ipynb", PATIENCE)
        assert "/lab" in browser.current_url
        browser.switch_to.window(browser.window_handles[0])
        page.press("#messages button", "Tear down")
        page.wait_for("#confirm", "Tear down small?")
        page.press("#confirm .danger, #confirm .primary", "Tear down")
        ada.wait_for_text("It ran for", PATIENCE)
        assert leftovers(folder) == []
        assert bot.stop() == 0


def press_if_there(person: Person, button: str) -> bool:
    """Press a button that is shown only where files were changed."""
    try:
        person.click(button)
    except LookupError:
        return False
    return True


def ran_its_cell(browser: WebDriver) -> bool:
    """Run the first cell, as often as the page is not ready for it; whether it has run."""
    for accept in browser.find_elements(By.CSS_SELECTOR, ".jp-Dialog .jp-mod-accept"):
        accept.click()  # where the kernel is slow to start, JupyterLab asks which one it should be
    browser.find_element(By.CSS_SELECTOR, ".jp-CodeCell .cm-content").click()
    browser.switch_to.active_element.send_keys(Keys.SHIFT, Keys.ENTER)
    prompt = (By.CSS_SELECTOR, ".jp-CodeCell .jp-InputPrompt")
    with suppress(TimeoutException):
        return WebDriverWait(browser, 5).until(
            lambda page: any(re.fullmatch(r"\[\d+\]:", each.text) for each in page.find_elements(*prompt))
        )
    return False


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_who_is_shared_with_opens_it_in_a_browser_and_runs_a_cell(
    folder: Path, tmp_path: Path, repository: str
) -> None:
    with (
        at_work(folder) as (bot, ada),
        Person(bot.workspace.url, "grace") as grace,
        chromium(tmp_path / "profile") as browser,
    ):
        ada.command(f"/binder launch {repository} main index.ipynb --name demo")
        ada.wait_for_text("is ready after", PATIENCE)
        ada.command("/binder share demo @grace")
        grace.click("Open", grace.wait_for_text("with you. You can open it.", PATIENCE))
        browser.get(dict(links(grace.wait_for_text("Your links to")))["JupyterLab"])
        page = Page(browser)
        page.wait_for(".jp-CodeCell", "import humanize", PATIENCE)
        eventually(lambda: ran_its_cell(browser))
        ada.click("Tear down", ada.wait_for_text("is ready after"))
        eventually(lambda: leftovers(folder) == [] or press_if_there(ada, "Tear down without saving"))
        eventually(lambda: leftovers(folder) == [])
        assert bot.stop() == 0


def test_the_server_asks_for_its_token_and_its_owner_has_it(folder: Path, repository: str) -> None:
    with at_work(folder) as (bot, ada):
        ada.command(f"/binder launch {repository}")
        mine = ada.wait_for_text("Your links to", PATIENCE)
        public = ada.wait_for_text("is ready after")
        (lab,) = [url for label, url in links(public) if label == "JupyterLab"]
        assert requests.get(lab, allow_redirects=False, timeout=10).status_code in {302, 403}
        (with_token,) = [url for label, url in links(mine) if label == "JupyterLab"]
        assert requests.get(with_token, timeout=10).status_code == 200
        token = with_token.split("token=")[1]
        assert token not in (folder / "bot.log").read_text()
        ada.command("/binder stop")
        eventually(lambda: leftovers(folder) == [])
        assert bot.stop() == 0


def test_a_build_that_fails_ends_in_its_true_reason(folder: Path) -> None:
    with git_repository_server(BAD, "team/broken") as repository, at_work(folder) as (bot, ada):
        ada.command(f"/binder launch {repository}")
        failed = ada.wait_for_text("could not be launched.", PATIENCE)
        assert "there is no version of humanize==99999" in plain(failed)
        eventually(lambda: leftovers(folder) == [])
        assert bot.stop() == 0


STAGES = [Status.REQUESTED, Status.CREATING, Status.BOOTING, Status.BUILDING, Status.READY]


@pytest.mark.timeout(240)
def test_killed_in_every_stage_of_launch_and_teardown_it_ends_as_if_it_had_not_been(
    folder: Path, repository: str
) -> None:
    with at_work(folder) as (bot, ada):
        ada.command(f"/binder launch {repository}")
        for status in STAGES:
            bot.wait_for(status)
            bot.restart()
        mine = ada.wait_for_text("Your links to", PATIENCE)
        lab = next(url for label, url in links(mine) if label == "JupyterLab")
        assert requests.get(lab, timeout=10).status_code == 200
        assert len(list((folder / "local" / "instances").iterdir())) == 1

        with closing(Store(bot.environment["DATABASE_URL"])) as store, store.write() as session:
            (binder_id,) = binders.existing_ids(session)
            binders.end(session, binder_id, ending=Ending.STOPPED, by="operator")
        for status in (Status.READY, Status.DELETING):
            bot.wait_for(status)
            bot.restart()
        ada.wait_for_text("It ran for", PATIENCE)
        everything = ada.look().everything()
        assert leftovers(folder) == []
        assert sum("is ready after" in plain(each) for each in everything) == 1
        assert sum("It ran for" in plain(each) for each in everything) == 1
        assert sum("\nfor @" in plain(each) for each in everything) == 1
        assert bot.stop() == 0
