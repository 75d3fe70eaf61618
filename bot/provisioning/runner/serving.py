"""Running a built repository's Jupyter server on loopback, and standing beside it until it ends."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import NoReturn
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from bot.errors import CannotBuild
from bot.provisioning.base import Phase
from bot.provisioning.local_processes import repository_environment
from bot.provisioning.reports import last_line, tail
from bot.provisioning.runner.commands import Job, runnable
from bot.provisioning.runner.recipe import Recipe
from bot.provisioning.runner.sandbox import Sandbox

_LOOK_SECONDS = 0.1
_LOG_END = 16 * 1024


class ServerEnded(Exception):
    """A server that had answered is no longer there.

    Args:
        sentence: What happened.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Server:
    """What to serve.

    Attributes:
        venv: The environment; shared by the binders of one commit, and so never written to.
        recipe: The repository's recipe, in this binder's own copy of the checkout.
        port: The port of loopback.
        token: Its token.
        sandbox: Confines it; None where bubblewrap is not to be had.
    """

    venv: Path
    recipe: Recipe
    port: int
    token: str = field(repr=False)
    sandbox: Sandbox | None

    def command(self, *, remote: bool) -> list[str]:
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
            f"--ServerApp.allow_remote_access={remote}",
        ]
        if os.geteuid() == 0:
            jupyter.append("--allow-root")
        return jupyter if self.recipe.start is None else [*runnable(self.recipe.start), *jupyter]

    def variables(self, home: Path) -> dict[str, str]:
        """Its environment. What people install meanwhile goes to a place of this binder's own."""
        inherited = repository_environment(os.environ)
        packages = home / ".packages"
        path = (self.venv / "bin", packages / "bin", inherited.get("PATH", os.defpath))
        return inherited | {
            "JUPYTER_TOKEN": self.token,
            "VIRTUAL_ENV": str(self.venv),
            "PATH": os.pathsep.join(map(str, path)),
            "PIP_TARGET": str(packages),
            "PYTHONPATH": str(packages),
        }


def serve(job: Job, server: Server) -> NoReturn:
    """Start a server, report when it answers, and stay until it ends, which it does in one of the errors.

    Args:
        job: Of which binder.
        server: What to serve.

    Raises:
        CannotBuild: It never answered.
        ServerEnded: It answered, and ended later.
    """
    job.reporter.say(Phase.STARTING, "Starting Jupyter")
    process = _start_process(job, server)
    url = f"http://127.0.0.1:{server.port}/api"
    deadline = time.monotonic() + job.settings.start_seconds
    while not answers(url):
        if process.poll() is not None:
            raise CannotBuild(f"Its server {_how(process.returncode)} before it answered{_last_words(job)}.")
        if time.monotonic() > deadline:
            raise CannotBuild(f"Its server did not answer within {job.settings.start_seconds:g} seconds.")
        time.sleep(_LOOK_SECONDS)
    job.reporter.say(Phase.SERVING, "Serving")
    raise ServerEnded(f"Its server {_how(_wait(process.pid))}{_last_words(job)}.")


def answers(url: str) -> bool:
    """Whether anything HTTP answers there with success; proxies are not asked."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=2) as response:
            return bool(response.status == 200)  # noqa: PLR2004 - OK
    except HTTPError as error:
        error.close()
        return False
    except (URLError, OSError, HTTPException):
        return False


def _start_process(job: Job, server: Server) -> subprocess.Popen[bytes]:
    directory = job.directory
    command = server.command(remote=job.settings.remote)
    variables = server.variables(directory.home)
    if server.sandbox is not None:
        variables["TMPDIR"] = "/tmp"  # noqa: S108 - its own
        command = server.sandbox.wrap(
            command, cwd=server.recipe.root, writable=[directory.work], readable=[server.venv.parent]
        )
    with directory.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - an argument list, never a shell
            command,
            cwd=server.recipe.root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(pid: int) -> int:
    """Wait for one child while burying all others, which this process adopted."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    return f"was ended by {signal.Signals(-code).name}"


def _last_words(job: Job) -> str:
    with job.directory.log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_END))
        last = last_line(tail(file.read().decode(errors="replace")))
    return f": {last.rstrip('.')}" if last else ""
