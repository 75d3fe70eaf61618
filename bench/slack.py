"""How fast the bot acknowledges, and how fast links follow a server that answers; over real Socket Mode.

What is measured are the links for the owner, which hold the token. Slack takes one post a second in a
channel (https://docs.slack.dev/apis/web-api/rate-limits, read in November 2026), and a launch has three: the
card, that it is ready, and that it is gone. So each launch begins when the channel has rested, except where
many at once are measured.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import heading, percentile, row
from bot import config
from bot.app import Application, leave_out_of_garbage_collection
from bot.provisioning.instances import Phase, Report
from tests.fakes.cloud import FakeCloud
from tests.fakes.git import git_repository_server
from tests.fakes.http import Script, like_jupyter, scripted_server
from tests.fakes.waiting import eventually
from workspace.hands import Person, plain
from workspace.options import Options
from workspace.server import Workspace
from workspace.state import Json, User
from workspace.views import View

COMMANDS_PER_SECOND = 50
SECONDS = 10
LAUNCH_EVERY = 10
"""One in so many commands is a launch; the others read."""
HOMES_PER_MINUTE = 200
LINK_SAMPLES = 15
AT_ONCE = 30
"""How many people of a class launch in one channel at the same moment."""
REST_SECONDS = 3.0
"""After which two posts at once may go to a channel again."""
POLL_SECONDS = 5.0
"""How often a cloud is asked about an instance that is being built, as with OpenStack."""


def run() -> None:
    """Measure acks under load, then links, then a launch at which the cloud and the build take no time."""
    with TemporaryDirectory() as folder, scripted_server() as script, git_repository_server() as repository:
        with _bot(Path(folder), script) as (workspace, _):
            _acks(workspace, repository)
        with _bot(Path(folder), script) as (workspace, _):
            _acks_beside_homes(workspace, repository)
        with _bot(Path(folder), script) as (workspace, cloud):
            _links(workspace, cloud, script, repository)
        like_jupyter(script)
        with _bot(Path(folder), script) as (workspace, cloud):
            _added(workspace, cloud, repository)
        with _bot(Path(folder), script) as (workspace, _):
            _class(workspace, repository)


@contextmanager
def _bot(folder: Path, script: Script) -> Iterator[tuple[Workspace, FakeCloud]]:
    cloud = FakeCloud([time.time()], url=lambda _: script.url, poll_seconds=POLL_SECONDS, attempt_seconds=1.0)
    cloud.reports = (Report(Phase.BUILDING),)
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
        try:
            eventually(lambda: workspace.sockets.connected)
            leave_out_of_garbage_collection()
            yield workspace, cloud
        finally:
            application.stop()


def _acks(workspace: Workspace, repository: str) -> None:
    heading(f"Acks at {COMMANDS_PER_SECOND} commands a second, one in {LAUNCH_EVERY} a launch")
    _print_acks(_commands(workspace, repository))


def _print_acks(seconds: list[float]) -> None:
    row("p50", 1000 * percentile(seconds, 0.50), "ms")
    row("p99", 1000 * percentile(seconds, 0.99), "ms", goal=100)
    row("slowest", 1000 * max(seconds), "ms")


def _commands(workspace: Workspace, repository: str) -> list[float]:
    """Type commands for a while, at an even pace; how long each acknowledgement took, in seconds."""
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
    return seconds


def _acks_beside_homes(workspace: Workspace, repository: str) -> None:
    heading(f"The same beside {HOMES_PER_MINUTE} people a minute who open their Home tab")
    everybody = _settle(workspace, HOMES_PER_MINUTE * SECONDS // 60)
    opened: dict[str, float] = {}
    shown = _note_homes(workspace)

    def open_tabs() -> None:
        begun = time.perf_counter()
        for number, user in enumerate(everybody):
            time.sleep(max(0.0, begun + 60 * number / HOMES_PER_MINUTE - time.perf_counter()))
            opened[user] = time.perf_counter()
            with Person(workspace.url, user) as person:
                person.open_home()

    with ThreadPoolExecutor(1) as pool, Person(workspace.url) as ada:
        ada.open_home()  # whose launches change her tab all the time
        tabs = pool.submit(open_tabs)
        _print_acks(_commands(workspace, repository))
        tabs.result()
        ada.wait_for(lambda _: shown.keys() >= opened.keys(), 120)
    seconds = [shown[user] - opened[user] for user in everybody]
    row("from opening the tab until it is shown, p50", percentile(seconds, 0.50), "s")
    row("the same, slowest", max(seconds), "s")


def _note_homes(workspace: Workspace) -> dict[str, float]:
    """When each person's tab is shown for the first time from now on."""
    shown: dict[str, float] = {}
    publish = workspace.views.publish

    def noting(user: str, payload: Json) -> View:
        view = publish(user, payload)
        shown.setdefault(user, time.perf_counter())
        return view

    workspace.views.publish = noting  # type: ignore[method-assign]
    return shown


def _settle(workspace: Workspace, count: int) -> list[str]:
    """Have more people in the workspace; their ids."""
    people = [User(f"U{number:010}", f"person-{number}", f"Person {number}") for number in range(count)]
    workspace.state.users.update({each.id: each for each in people})
    return [each.id for each in people]


def _links(workspace: Workspace, cloud: FakeCloud, script: Script, repository: str) -> None:
    heading("From a server that answers to its links, where the cloud is asked every five seconds")
    seconds = []
    with Person(workspace.url) as person:
        for number in range(LINK_SAMPLES):
            script.pages.clear()
            name = f"link-{number}"
            person.command(f"/binder launch {repository} --name {name}")
            _wait_until_building(cloud, number)
            like_jupyter(script)
            answered = time.perf_counter()
            _wait_for_links(person, name)
            seconds.append(time.perf_counter() - answered)
            _end(person, name, number)
    row("p50", percentile(seconds, 0.50), "s", goal=1.0)
    row("p95", percentile(seconds, 0.95), "s", goal=2.0)


def _added(workspace: Workspace, cloud: FakeCloud, repository: str) -> None:
    heading("What the bot adds to a launch: command to links, where the cloud and the build take no time")
    seconds, surveys = [], []
    with Person(workspace.url) as person:
        for number in range(LINK_SAMPLES):
            begun, surveys_before = time.perf_counter(), cloud.surveys
            person.command(f"/binder launch {repository} --name added-{number}")
            _wait_for_links(person, f"added-{number}")
            seconds.append(time.perf_counter() - begun)
            surveys.append(cloud.surveys - surveys_before)
            _end(person, f"added-{number}", number)
    row("p50", percentile(seconds, 0.50), "s", goal=1.0)
    row("p95", percentile(seconds, 0.95), "s", goal=2.0)
    row("listings of the cloud for one launch, p50", percentile(surveys, 0.50), "")


def _class(workspace: Workspace, repository: str) -> None:
    heading(f"{AT_ONCE} launches at once in one channel, where Slack takes one post a second")
    with Person(workspace.url) as person, ThreadPoolExecutor(AT_ONCE) as pool:
        begun = time.perf_counter()
        for number in range(AT_ONCE):
            # Each asks for a file of its own: the same request again would be the same launch.
            person.command(f"/binder launch {repository} --path {number}.ipynb --name class-{number}")

        def wait(number: int) -> float:
            with Person(workspace.url) as watching:
                _wait_for_links(watching, f"class-{number}")
            return time.perf_counter() - begun

        seconds = list(pool.map(wait, range(AT_ONCE)))
    row("p50", percentile(seconds, 0.50), "s")
    row("last", max(seconds), "s")


def _wait_until_building(cloud: FakeCloud, number: int) -> None:
    while len(cloud.created) <= number or not cloud.serves(cloud.created[number].binder_id):
        time.sleep(0.02)


def _wait_for_links(person: Person, name: str) -> None:
    person.wait_for(
        lambda seen: any(f"Your links to *{name}*" in plain(each) for each in seen.ephemerals()), 120
    )


def _end(person: Person, name: str, number: int) -> None:
    """End it, and wait until the channel has rested."""
    person.command(f"/binder stop {name}")
    person.wait_for(lambda seen: sum("ran for" in plain(each) for each in seen.everything()) > number, 60)
    time.sleep(REST_SECONDS)
