"""Running a built image as this binder's container, and standing beside it."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent.commands import capture, run, succeeds, wait_until
from bot.provisioning.agent.engine import BINDER_LABEL
from bot.provisioning.agent.error_lines import true_line
from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.push import push_in_background
from bot.provisioning.agent.reasons import OUT_OF_MEMORY, memory_full
from bot.provisioning.agent.serving import START_HINT, answers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.provisioning.agent.engine import Engine
    from bot.provisioning.agent.images import Image
    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.settings import ContainerSettings

SERVER_PORT = 8888
"""The port on which the images of repo2docker serve."""
_RESTARTS = 3
_IN_PEACE = "ended with exit code 0"
# What `--volume name:place` takes literally: no colon, nor anything that a mount option could be made of.
_PLAIN_DIRECTORY = re.compile(r"(?:/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)+/?")
_LOG_LINES = "100"
_LOOK_SECONDS = 0.1
"""Between two questions to a server that starts."""
_STATE_SECONDS = 0.7
"""Between two questions to the engine meanwhile, which takes a part of the machine from the server."""


def serve(job: Job, engine: Engine, image: Image) -> None:
    """Start the container, and stay as long as the machine lives.

    Raises:
        Failure: It does not run, its server never answers, or it ended for good.
    """
    _Container(job, engine, image).serve()


class _Container:
    def __init__(self, job: Job, engine: Engine, image: Image) -> None:
        self._job = job
        self._engine = engine
        self._image = image
        self._name = job.settings.container.name

    def serve(self) -> None:
        self._job.reporter.begin(Phase.STARTING, "Starting the container")
        self._start()
        self._await_server(FailureCode.SERVER_LOST)
        push_in_background(self._job, self._engine, self._image)
        self._watch()

    def _start(self) -> None:
        """Start this binder's own container again, or make one if there is none."""
        present = self._engine.inspect_container(self._name)
        try:
            if self._is_ours(present):
                capture(self._engine.name, "start", self._name)
            else:
                if present:
                    succeeds(self._engine.name, "rm", "--force", self._name)
                capture(*run_command(self._job, self._engine, self._image))
        except CommandFailed as error:
            lacks_jupyter = '"jupyter": executable file' in error.output
            raise Failure(
                f"The container could not be started: {true_line(error.output) or error}.",
                FailureCode.START_FAILED,
                "Its Dockerfile must install Jupyter." if lacks_jupyter else "",
            ) from error

    def _is_ours(self, present: Mapping[str, Any]) -> bool:
        config = present.get("Config") or {}
        owner = (config.get("Labels") or {}).get(BINDER_LABEL)
        return config.get("Image") == self._image.name and owner == self._job.task.binder_id

    def _await_server(self, code: FailureCode) -> None:
        """Wait until the server answers, and report it."""
        settings = self._job.settings
        before = self._restarts()
        has_given_up = _now_and_then(lambda: self._has_given_up(before))

        def is_decided() -> bool:
            return self._answers() or has_given_up()

        is_in_time = wait_until(is_decided, settings.start_seconds, min(settings.poll_seconds, _LOOK_SECONDS))
        if self._answers():
            self._job.reporter.begin(Phase.SERVING, "Serving")
            return
        self._keep_log()
        if is_in_time:
            how = self._how_it_ended()
            when = "before it answered" if code == FailureCode.SERVER_LOST else "and did not come back"
            raise Failure(f"Its server {how} {when}.", code, START_HINT if how == _IN_PEACE else "")
        raise Failure(f"Its server did not answer within {settings.start_seconds:g} seconds.", code)

    def _answers(self) -> bool:
        settings = self._job.settings
        return answers(settings.port, settings.container.address or "127.0.0.1")

    def _restarts(self) -> int:
        return int(self._engine.inspect_container(self._name).get("RestartCount") or 0)

    def _has_given_up(self, restarts_before: int) -> bool:
        return self._engine.has_ended(self._name) or self._restarts() - restarts_before >= _RESTARTS

    def _how_it_ended(self) -> str:
        state = self._engine.inspect_container(self._name).get("State") or {}
        if state.get("OOMKilled"):
            return OUT_OF_MEMORY
        return f"ended with exit code {state.get('ExitCode', '?')}"

    def _keep_log(self) -> None:
        """Keep the end of what the container printed. It prints its token, which the reporter removes."""
        with suppress(CommandFailed, Failure):
            # Both of its streams: Jupyter logs to the second one.
            run(self._job, [self._engine.name, "logs", "--tail", _LOG_LINES, self._name])

    def _watch(self) -> None:
        """Stand beside the server: the engine restarts it, this tells of it."""
        since = time.time()
        while True:
            time.sleep(self._job.settings.watch_seconds)
            now = time.time()
            happened = self._engine.events(self._name, since, now)
            since = now
            if "oom" in happened:
                limit = memory_limit(self._job.settings.container)
                self._job.reporter.begin(Phase.SERVING, memory_full(limit))
            if "die" in happened or self._is_lost():
                self._job.reporter.begin(Phase.STARTING, "The server was lost; it is being restarted")
                self._await_server(FailureCode.SERVER_ENDED)

    def _is_lost(self) -> bool:
        return not self._answers() and self._engine.has_ended(self._name)


def _now_and_then(ask: Callable[[], bool]) -> Callable[[], bool]:
    """A question that costs much, asked rarely; False in between."""
    asked_at = time.monotonic()

    def ask_when_due() -> bool:
        nonlocal asked_at
        if time.monotonic() - asked_at < _STATE_SECONDS:
            return False
        asked_at = time.monotonic()
        return ask()

    return ask_when_due


def run_command(job: Job, engine: Engine, image: Image) -> list[str]:
    """The command that makes the container. The token comes by a file, not by it."""
    settings = job.settings.container
    _write_variables(job)
    labels = {**settings.labels, BINDER_LABEL: job.task.binder_id}
    return [
        *(engine.name, "run", "--detach", "--name", settings.name),
        *(word for name, value in labels.items() for word in ("--label", f"{name}={value}")),
        *("--restart", "unless-stopped", "--init", "--security-opt", "no-new-privileges"),
        *_limits(settings),
        # Other engines rotate their logs by themselves.
        *(("--log-opt", "max-size=10m", "--log-opt", "max-file=3") if engine.name == "docker" else ()),
        *("--publish", _published(settings.address, job.settings.port)),
        *("--env-file", str(job.places.server_variables)),
        *_volume(job, image.config),
        *(("--gpus", "all") if settings.gpus and engine.has_gpu() else ()),
        *(image.name, "jupyter", "notebook", "--ip=0.0.0.0", f"--port={SERVER_PORT}", "--no-browser"),
        *(("--allow-root",) if runs_as_root(image.config) else ()),
    ]


def memory_limit(settings: ContainerSettings) -> str:
    """The memory that the container may use, as engines write it.

    Where it is a fraction of the machine's, the rest keeps the engine and this agent alive.
    """
    if settings.memory:
        return settings.memory
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{int(total * settings.memory_fraction) // 2**20}m"


def files_directory(config: Mapping[str, Any]) -> str | None:
    """Where an image has the repository's files; None where that is no place for a volume."""
    variables = dict(each.partition("=")[::2] for each in config.get("Env") or [])
    place = variables.get("REPO_DIR") or config.get("WorkingDir") or ""
    return place if isinstance(place, str) and _PLAIN_DIRECTORY.fullmatch(place) else None


def runs_as_root(config: Mapping[str, Any]) -> bool:
    """Whether an image's programs run as root, as those of a Dockerfile may: Jupyter must be told."""
    return str(config.get("User") or "").partition(":")[0] in {"", "0", "root"}


def _limits(settings: ContainerSettings) -> list[str]:
    memory = memory_limit(settings)
    return [
        *("--memory", memory, "--memory-swap", memory, "--pids-limit", str(settings.pids)),
        *(() if settings.cpus is None else ("--cpus", f"{settings.cpus:g}")),
        *(("--cap-drop", "ALL") if settings.drop_capabilities else ()),
    ]


def _published(address: str, port: int) -> str:
    return f"{address}:{port}:{SERVER_PORT}" if address else f"{port}:{SERVER_PORT}"


def _volume(job: Job, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The volume for the repository's files. The engine fills a new one with what the image has there."""
    files = files_directory(config) if job.settings.container.volume else None
    return ("--volume", f"binder-{job.task.binder_id}:{files}") if files else ()


def _write_variables(job: Job) -> None:
    if not re.fullmatch(r"\S+", job.task.token):
        raise Failure("The task has no usable token.", FailureCode.BAD_TASK)
    path = job.places.server_variables
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(f"JUPYTER_TOKEN={job.task.token}\n")
