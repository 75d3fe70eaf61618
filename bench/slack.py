"""How fast the bot acknowledges, and how fast links follow a server that answers; over real Socket Mode."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import heading, percentile, row
from bot import config
from bot.app import Application
from bot.provisioning.base import Phase, Report
from tests.fakes.cloud import FakeCloud
from tests.fakes.git import git_repository_server
from tests.fakes.http import Script, like_jupyter, scripted_server
from workspace.hands import Person, plain
from workspace.options import Options
from workspace.server import Workspace

COMMANDS_PER_SECOND = 50
SECONDS = 10
LAUNCH_EVERY = 10
"""One in so many commands is a launch; the others read."""
LINK_SAMPLES = 15


def run() -> None:
    """Measure acks under load, then links, then a launch at which the cloud and the build take no time."""
    with TemporaryDirectory() as folder, scripted_server() as script, git_repository_server() as repository:
        with _bot(Path(folder), script) as (workspace, _):
            _acks(workspace, repository)
        with _bot(Path(folder), script) as (workspace, cloud):
            _links(workspace, cloud, script, repository)
        with _bot(Path(folder), script, at_once=True) as (workspace, _):
            like_jupyter(script)
            _added(workspace, repository)


@contextmanager
def _bot(folder: Path, script: Script, *, at_once: bool = False) -> Iterator[tuple[Workspace, FakeCloud]]:
    cloud = FakeCloud([time.time()], url=lambda _: script.url, poll_seconds=0.5, attempt_seconds=1.0)
    if at_once:
        cloud.poll_seconds, cloud.reports = 5.0, (Report(Phase.SERVING),)
    with Workspace(Options()) as workspace:
        settings = config.load(
            slack_bot_token=workspace.bot_token,
            slack_app_token=workspace.app_token,
            slack_api_url=workspace.api_url,
            database_url=f"sqlite:///{folder / str(time.time_ns())}.sqlite3",
            allow_private_repositories=True,
            max_binders_per_person=10_000,
        )
        application = Application(settings, cloud=cloud)
        application.start()
        while not workspace.sockets.connected:
            time.sleep(0.02)
        try:
            yield workspace, cloud
        finally:
            application.stop()


def _acks(workspace: Workspace, repository: str) -> None:
    heading(f"Acks at {COMMANDS_PER_SECOND} commands a second, one in {LAUNCH_EVERY} a launch")
    total = COMMANDS_PER_SECOND * SECONDS
    begun = time.perf_counter()
    people = [Person(workspace.url) for _ in range(16)]

    def send(number: int) -> float:
        time.sleep(max(0.0, begun + number / COMMANDS_PER_SECOND - time.perf_counter()))
        text = f"launch {repository} --name load-{number}" if number % LAUNCH_EVERY == 0 else "list"
        return float(people[number % len(people)].command(f"/binder {text}")["seconds"])

    with ThreadPoolExecutor(len(people)) as pool:
        seconds = list(pool.map(send, range(total)))
    for person in people:
        person.leave()
    row("p50", 1000 * percentile(seconds, 0.50), "ms")
    row("p99", 1000 * percentile(seconds, 0.99), "ms", goal=100)
    row("slowest", 1000 * max(seconds), "ms")


def _links(workspace: Workspace, cloud: FakeCloud, script: Script, repository: str) -> None:
    heading("From a server that answers to its links in the thread")
    seconds = []
    with Person(workspace.url) as person:
        for number in range(LINK_SAMPLES):
            script.pages.clear()
            name = f"link-{number}"
            person.command(f"/binder launch {repository} --name {name}")
            _wait_until_building(cloud, number)
            like_jupyter(script)
            answered = time.perf_counter()
            person.wait_for(lambda seen, wanted=number + 1: _links_seen(seen.everything()) >= wanted, 60)  # type: ignore[misc]
            seconds.append(time.perf_counter() - answered)
            person.command(f"/binder stop {name}")
    row("p50", percentile(seconds, 0.50), "s")
    row("p95", percentile(seconds, 0.95), "s", goal=2.0)


def _added(workspace: Workspace, repository: str) -> None:
    heading("What the bot adds to a launch: command to links, where the cloud and the build take no time")
    seconds = []
    with Person(workspace.url) as person:
        for number in range(LINK_SAMPLES):
            begun = time.perf_counter()
            person.command(f"/binder launch {repository} --name added-{number}")
            person.wait_for(lambda seen, wanted=number + 1: _links_seen(seen.everything()) >= wanted, 60)  # type: ignore[misc]
            seconds.append(time.perf_counter() - begun)
            person.command(f"/binder stop added-{number}")
    row("p50", percentile(seconds, 0.50), "s")
    row("p95", percentile(seconds, 0.95), "s", goal=5.0)


def _wait_until_building(cloud: FakeCloud, number: int) -> None:
    while len(cloud.created) <= number or not cloud.serves(cloud.created[number].binder_id):
        time.sleep(0.02)


def _links_seen(messages: list[dict[str, object]]) -> int:
    return sum("[JupyterLab]" in plain(each) and not each["is_ephemeral"] for each in messages)
