"""What all steps of one launch share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.reports import Console, Reporter, ReportFile
from bot.provisioning.agent.text import Scrubber

if TYPE_CHECKING:
    from bot.provisioning.agent.settings import AgentSettings
    from bot.provisioning.agent.task import Task


class Places:
    """Where the agent keeps what belongs to one launch.

    Args:
        directory: The agent's directory.
        root: What stands for `/` (in tests).
    """

    def __init__(self, directory: str, root: Path = Path("/")) -> None:
        self.root = root
        self.directory = root / directory.lstrip("/")
        self.log = self.directory / "build.log"
        self.report = self.directory / "report.jsonl"
        self.server_variables = self.directory / "server.env"
        self.repo2docker_config = self.directory / "repo2docker_config.py"
        self.image = self.directory / "image.json"
        self.directories = self.directory / "directories"
        self.docker_config = self.directory / "docker"
        self.instructions = self.directory / "instructions"
        self.empty = self.directory / "empty"
        self.work = self.directory / "work"
        self.repo = self.work / "repo"
        self.home = self.work / "home"
        self.scratch = self.work / "tmp"
        self.tools = root / "opt/binder-bot/venv"
        self.apparmor = root / "sys/module/apparmor/parameters/enabled"

    def make(self) -> None:
        """Make the directories."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in (self.empty, self.repo.parent, self.home, self.scratch):
            path.mkdir(exist_ok=True)


class BuildDeadline:
    """When the build must be done.

    Args:
        seconds: From now on, or from the next restart.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Begin to count anew."""
        self._end = time.monotonic() + self._seconds

    def check(self) -> None:
        """Do nothing while there is time.

        Raises:
            Failure: The time is up.
        """
        if time.monotonic() >= self._end:
            raise Failure(
                f"It was not built within {self._seconds / 60:g} minutes.",
                FailureCode.BUILD_TIMEOUT,
                "A larger size may be quick enough.",
            )


@dataclass(frozen=True)
class Job:
    """What all steps of one launch share."""

    task: Task
    settings: AgentSettings
    places: Places
    reporter: Reporter
    deadline: BuildDeadline


def start_job(task: Task, settings: AgentSettings, root: Path = Path("/")) -> Job:
    """Put together what the steps share.

    Args:
        task: What to serve.
        settings: How.
        root: What stands for `/` (in tests).
    """
    places = Places(settings.directory, root)
    console = settings.reports.console
    sink = Console(root / console.lstrip("/")) if console else ReportFile(places.report)
    scrubber = scrubber_of(places, settings, task.token)
    reporter = Reporter(sink, places.log, scrubber, settings.reports, settings.build_seconds)
    return Job(task, settings, places, reporter, BuildDeadline(settings.build_seconds))


def scrubber_of(places: Places, settings: AgentSettings, token: str) -> Scrubber:
    """What removes the token and this machine's paths from texts."""
    own = {str(places.repo): "", str(places.home): "~", str(places.directory): "…"}
    shown: dict[str, str] = {}
    if settings.uv is not None:
        uv = settings.uv
        shown |= dict.fromkeys([uv.root, uv.cache, str(Path(uv.uv).parent), *uv.hidden], "…")
    return Scrubber(token, {**shown, **own})
