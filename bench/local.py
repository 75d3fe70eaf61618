"""A local launch, cold and again, beside the same steps done by hand in the same run."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from statistics import median
from tempfile import TemporaryDirectory

import requests
from uv import find_uv_bin

from bench.figures import amount, heading, row
from bot import config
from bot.app import Application
from bot.provisioning.agent.uv_install import JUPYTER
from tests.fakes.git import git_repository_server
from workspace.hands import Person, links
from workspace.options import Options
from workspace.server import Workspace

PATIENCE_SECONDS = 300
ROUNDS = 5


def run() -> None:
    """Measure cold and repeated launches of a small repository, in turns with the same steps by hand."""
    heading(f"Local launch of a repository with a requirements.txt; medians of {ROUNDS} rounds")
    by_hand, cold, again = [], [], []
    with TemporaryDirectory() as folder, git_repository_server() as repository:
        for number in range(ROUNDS):
            place = Path(folder) / str(number)
            place.mkdir()
            # Each goes first as often as the other: what comes second finds the package index warmed up.
            if number % 2:
                by_hand.append(_by_hand(place / "hand", repository))
                launches = _by_bot(place, repository)
            else:
                launches = _by_bot(place, repository)
                by_hand.append(_by_hand(place / "hand", repository))
            cold.append(launches[0])
            again.append(launches[1])
            rmtree(place)
    row("by hand: fetch, environment, packages, server", median(by_hand), "s")
    row("first launch, command to links", median(cold), "s")
    times = [bot / hand for bot, hand in zip(cold, by_hand, strict=True)]
    against = f"{amount(median(cold), 's')}, by hand {amount(median(by_hand), 's')}"
    row("first launch, times by hand of the same round", median(times), "x", goal=1.15, against=against)
    row("second launch of the same commit", median(again), "s", goal=3.0)


def _by_bot(folder: Path, repository: str) -> tuple[float, float]:
    """A launch by a bot that has launched nothing yet, and the same again."""
    seconds = []
    with _bot(folder) as workspace, Person(workspace.url) as person:
        for name in ("cold", "again"):
            seconds.append(_launch(person, repository, name))
            person.command(f"/binder stop {name}")
            _wait_until_none_runs(folder)
    return seconds[0], seconds[1]


def _wait_until_none_runs(folder: Path) -> None:
    """Wait for the end of all servers: they would outlive the bot, and slow down what is measured next."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any((folder / "local/instances").iterdir()):
        if time.monotonic() > deadline:
            raise TimeoutError(folder)
        time.sleep(0.05)


def _by_hand(folder: Path, repository: str) -> float:
    begun = time.perf_counter()
    python = folder / "env" / "bin" / "python"
    uv = find_uv_bin()
    os.environ["UV_CACHE_DIR"] = str(folder / "cache")  # empty, as the bot's own is at its first launch
    _run("git", "clone", "--depth", "1", repository, str(folder / "repo"))
    _run(uv, "venv", "--python", sys.executable, str(folder / "env"))
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
    return time.perf_counter() - begun
