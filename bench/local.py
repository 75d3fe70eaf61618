"""A local launch, cold and again, beside the same steps done by hand in the same run."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from uv import find_uv_bin

from bench.figures import heading, row
from bot import config
from bot.app import Application
from bot.provisioning.agent.uv_install import JUPYTER
from tests.fakes.git import git_repository_server
from workspace.hands import Person, links, plain
from workspace.options import Options
from workspace.server import Workspace

PATIENCE_SECONDS = 300


def run() -> None:
    """Measure cold and repeated launches of a repository with a requirements.txt."""
    heading("Local launch of a repository with a requirements.txt")
    with TemporaryDirectory() as folder, git_repository_server() as repository:
        by_hand = _by_hand(Path(folder) / "hand", repository)
        with _bot(Path(folder)) as workspace, Person(workspace.url) as person:
            cold = _launch(person, repository, "cold")
            again = _launch(person, repository, "again")
    row("by hand: fetch, environment, packages, server", by_hand, "s")
    row("first launch, command to links", cold, "s")
    row("first launch, times by hand", cold / by_hand, "x", goal=1.15)
    row("second launch of the same commit", again, "s", goal=3.0)


def _by_hand(folder: Path, repository: str) -> float:
    begun = time.perf_counter()
    python = folder / "env" / "bin" / "python"
    uv = find_uv_bin()
    os.environ["UV_CACHE_DIR"] = str(folder / "cache")  # empty, as the bot's own is at its first launch
    _run("git", "clone", "--depth", "1", repository, str(folder / "repo"))
    _run(uv, "venv", "--seed", "--python", sys.executable, str(folder / "env"))
    wanted = [*JUPYTER, "-r", str(folder / "repo" / "requirements.txt")]
    _run(uv, "pip", "install", "--python", str(python), *wanted)
    server = subprocess.Popen(
        [str(python), "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.port=18999"],
        cwd=folder / "repo",
        env=os.environ | {"JUPYTER_TOKEN": "bench"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    del os.environ["UV_CACHE_DIR"]
    try:
        _wait_for("http://127.0.0.1:18999/lab?token=bench")
        return time.perf_counter() - begun
    finally:
        server.terminate()
        server.wait()


def _run(*command: str) -> None:
    subprocess.run(command, capture_output=True, check=True)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise TimeoutError(url)


@contextmanager
def _bot(folder: Path) -> Iterator[Workspace]:
    with Workspace(Options()) as workspace:
        settings = config.load(
            slack_bot_token=workspace.bot_token,
            slack_app_token=workspace.app_token,
            slack_api_url=workspace.api_url,
            database_url=f"sqlite:///{folder / 'bot.sqlite3'}",
            local_root=folder / "local",
            local_engine="none",
            allow_private_repositories=True,
        )
        application = Application(settings)
        application.start()
        while not workspace.sockets.connected:
            time.sleep(0.02)
        try:
            yield workspace
        finally:
            application.stop()


def _launch(person: Person, repository: str, name: str) -> float:
    begun = time.perf_counter()
    seen_before = len(person.look().ephemerals())
    person.command(f"/binder launch {repository} --name {name}")
    person.wait_for(
        lambda seen: any(
            "token=" in url for each in seen.ephemerals()[seen_before:] for _, url in links(each)
        ),
        PATIENCE_SECONDS,
    )
    seconds = time.perf_counter() - begun
    person.command(f"/binder stop {name}")
    person.wait_for(lambda seen: any("ran for" in plain(each) for each in seen.everything()), 60)
    return seconds
