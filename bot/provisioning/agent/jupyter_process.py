"""Running a built environment's Jupyter server on loopback, and standing beside it until it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.provisioning.agent.environment import prefixes, repository_environment
from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.memory_events import MemoryEvents
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.reasons import KILLED, OUT_OF_MEMORY, memory_full, server_reason
from bot.provisioning.agent.scripts import runnable
from bot.provisioning.agent.serving import START_HINT, answers
from bot.provisioning.agent.text import tail

if TYPE_CHECKING:
    from pathlib import Path

    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.recipe import Recipe
    from bot.provisioning.agent.sandbox import Sandbox

_LOG_END = 16 * 1024
_LOOK_SECONDS = 0.5
"""Between two looks at the server and its memory."""
_IN_PEACE = "ended with exit code 0"


@dataclass(frozen=True)
class Server:
    """What to serve.

    Attributes:
        venv: The environment; shared by the binders of one commit, and so never written to.
        recipe: The repository's recipe, in this binder's own copy of the checkout.
        port: The port of loopback.
        token: Its token.
        is_remote: Whether people reach it under another name than that of this machine's loopback.
        sandbox: Confines it; None where bubblewrap does not work.
    """

    venv: Path
    recipe: Recipe
    port: int
    token: str = field(repr=False)
    is_remote: bool
    sandbox: Sandbox | None

    def command(self, home: Path) -> list[str]:
        """Jupyter's command line, within the repository's `start` script where it has one."""
        jupyter = [
            str(self.venv / "bin/jupyter-server"),
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.open_browser=False",
            f"--ServerApp.root_dir={self.recipe.root}",
            "--ServerApp.default_url=/lab",
            "--ServerApp.quit_button=False",
            f"--ServerApp.allow_remote_access={self.is_remote}",
        ]
        if os.geteuid() == 0:
            jupyter.append("--allow-root")
        return jupyter if self.recipe.start is None else [*runnable(self.recipe.start, home), *jupyter]

    def variables(self, home: Path, repo: Path) -> dict[str, str]:
        """Its environment. What people install meanwhile goes to a place of this binder's own."""
        inherited = repository_environment(os.environ)
        packages = home / ".packages"
        path = (self.venv / "bin", packages / "bin", inherited.get("PATH", os.defpath))
        return {
            **inherited,
            **prefixes(self.venv, repo),
            "JUPYTER_TOKEN": self.token,
            "PATH": os.pathsep.join(map(str, path)),
            "PIP_TARGET": str(packages),
            "PYTHONPATH": str(packages),
        }


def serve(job: Job, server: Server) -> None:
    """Start a server, report when it answers, and stay until it ends.

    Raises:
        Failure: It never answered, or it answered and ended later.
    """
    job.reporter.begin(Phase.STARTING, "Starting Jupyter")
    printed_before = job.places.log.stat().st_size if job.places.log.exists() else 0
    memory = MemoryEvents(job.settings.uv.memory if job.settings.uv else "")
    process = _start_process(job, server)
    deadline = time.monotonic() + job.settings.start_seconds
    while not answers(server.port):
        if process.poll() is not None:
            raise _early_end(job, server, _how(process.returncode, memory), printed_before)
        if time.monotonic() > deadline:
            raise Failure(
                f"Its server did not answer within {job.settings.start_seconds:g} seconds.",
                FailureCode.SERVER_LOST,
            )
        time.sleep(job.settings.poll_seconds)
    job.reporter.begin(Phase.SERVING, "Serving")
    code = _wait(job, process.pid, memory)
    how = _how(code, memory)
    raise Failure(f"Its server {how}{_last_words(job, how, printed_before)}.", FailureCode.SERVER_ENDED)


def _early_end(job: Job, server: Server, how: str, printed_before: int) -> Failure:
    """Why a server ended before it answered."""
    if how == _IN_PEACE and server.recipe.start is not None:
        return Failure(
            f"`{server.recipe.start.name}` ended without starting the server.",
            FailureCode.SERVER_LOST,
            START_HINT,
        )
    return Failure(
        f"Its server {how} before it answered{_last_words(job, how, printed_before)}.",
        FailureCode.SERVER_LOST,
    )


def _start_process(job: Job, server: Server) -> subprocess.Popen[bytes]:
    places = job.places
    command = server.command(places.home)
    variables = server.variables(places.home, places.repo)
    if server.sandbox is not None:
        variables["TMPDIR"] = "/tmp"  # noqa: S108 - its own
        command = server.sandbox.wrap(
            command, cwd=server.recipe.root, writable=[places.work], readable=[server.venv.parent]
        )
    with places.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - an argument list, never a shell
            command,
            cwd=server.recipe.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(job: Job, pid: int, memory: MemoryEvents) -> int:
    """Wait for one child while burying all others, which this process adopted; gives its exit code.

    Meanwhile it tells of programs that were ended because the memory was full, where that is limited.
    """
    options = os.WNOHANG if memory.limit else 0
    while True:
        ended, status = os.waitpid(-1, options)
        if ended == pid:
            return os.waitstatus_to_exitcode(status)
        if not ended:
            if memory.is_new():
                job.reporter.begin(Phase.SERVING, memory_full(memory.limit))
            time.sleep(_LOOK_SECONDS)


def _how(code: int, memory: MemoryEvents) -> str:
    if code in KILLED and memory.has_ended_any:
        return OUT_OF_MEMORY
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


def _last_words(job: Job, how: str, begin: int) -> str:
    """What the server said that tells why it ended, where that is not known."""
    if how == OUT_OF_MEMORY:
        return ""
    with job.places.log.open("rb") as file:
        file.seek(max(begin, file.seek(0, os.SEEK_END) - _LOG_END))
        said = server_reason(tail(file.read().decode(errors="replace"), _LOG_END))
    return f": {said}" if said else ""
