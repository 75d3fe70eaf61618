"""The container engine of this host, docker or podman, by its command line."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.errors import CloudError, CloudUnreachable

ENGINES = ("docker", "podman")
IMAGES = "binder-bot/"
"""What the names of all images begin with that are built here."""
SERVER_PORT = 8888
"""The port on which the images of repo2docker serve."""

_DEPLOYMENT = "binder-bot.deployment"
_BINDER = "binder-bot.binder"
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Container:
    """One container of this deployment.

    Attributes:
        binder_id: Whose it is.
        running: Whether it runs, or will again without help.
    """

    binder_id: str
    running: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What one container may use.

    Attributes:
        memory: As the engine writes it, for example `4g`.
        cpus: Processors.
        pids: Processes and threads.
    """

    memory: str
    cpus: float
    pids: int


def detect(choice: str) -> str | None:
    """The engine to use: the first that works and can build, of those that the operator's choice allows.

    Args:
        choice: `auto`, `none`, or an engine's name.

    Raises:
        CloudUnreachable: The engine chosen by name does not work here (now).
    """
    if choice == "none":
        return None
    candidates = ENGINES if choice == "auto" else (choice,)
    found = next((name for name in candidates if _works(name)), None)
    if found is None and choice != "auto":
        raise CloudUnreachable(
            f"The container engine `{choice}` does not work here, or has no buildx.",
            hint=f"`{choice} version` and `{choice} buildx version` must both succeed.",
        )
    return found


class Engine:
    """An engine's containers and images of one deployment.

    Args:
        name: `docker` or `podman`.
        deployment: Marks what belongs to this root; others are never touched.
    """

    def __init__(self, name: str, deployment: str) -> None:
        self.name = name
        self._deployment = deployment

    def container_of(self, binder_id: str) -> str:
        """The name of a binder's container."""
        return f"binder-{self._deployment}-{binder_id}"

    def containers(self) -> list[Container]:
        """Every container of this deployment, in whatever state.

        Raises:
            CloudUnreachable: The engine did not answer.
        """
        listing = self._listing(f"label={_DEPLOYMENT}={self._deployment}")
        prefix = self.container_of("")
        rows = [line.partition("\t") for line in listing.splitlines()]
        return [
            Container(name.removeprefix(prefix), state in {"running", "restarting", "created"})
            for name, _, state in rows
            if name.startswith(prefix)
        ]

    def run_command(
        self, binder_id: str, image: str, port: int, limits: Limits, command: Sequence[str]
    ) -> list[str]:
        """The command that starts a binder's container; the token comes by the environment, not by it."""
        return [
            *(self.name, "run", "--detach", "--name", self.container_of(binder_id)),
            *("--label", f"{_DEPLOYMENT}={self._deployment}", "--label", f"{_BINDER}={binder_id}"),
            *("--memory", limits.memory, "--cpus", f"{limits.cpus:g}", "--pids-limit", str(limits.pids)),
            *("--security-opt", "no-new-privileges", "--cap-drop", "ALL", "--init"),
            *("--restart", "unless-stopped", "--publish", f"127.0.0.1:{port}:{SERVER_PORT}"),
            *("--env", "JUPYTER_TOKEN", image, *command),
        ]

    def remove_container(self, binder_id: str) -> None:
        """End and remove a binder's container; one that does not exist is removed already.

        Raises:
            CloudUnreachable: The engine did not answer.
            CloudError: It refused.
        """
        name = self.container_of(binder_id)
        result = _call([self.name, "rm", "--force", "--volumes", name])
        if result.returncode != 0 and "no such container" not in result.stderr.lower():
            raise CloudError(f"{self.name} could not remove the container {name}: {_said(result)}.")

    def is_running(self, binder_id: str) -> bool:
        """Whether a binder's container runs.

        Raises:
            CloudUnreachable: The engine did not answer.
        """
        return any(each.binder_id == binder_id and each.running for each in self.containers())

    def has_image(self, image: str) -> bool:
        """Whether an image was built here earlier."""
        return _call([self.name, "image", "inspect", image]).returncode == 0

    def runs_as_root(self, image: str) -> bool:
        """Whether an image's programs run as root."""
        user = _call([self.name, "image", "inspect", "--format", "{{.Config.User}}", image]).stdout.strip()
        return user.partition(":")[0] in {"", "0", "root"}

    def prune_images(self, keep: int) -> None:
        """Remove all but the newest images of this deployment; the engine itself spares those in use."""
        images = _call(
            [
                self.name,
                "images",
                "--filter",
                f"reference={IMAGES}{self._deployment}-*",
                "--format",
                "{{.Repository}}",
            ]
        )
        for image in images.stdout.split()[keep:]:  # the newest come first
            _call([self.name, "rmi", image])

    def _listing(self, only: str) -> str:
        result = _call(
            [self.name, "ps", "--all", "--no-trunc", "--filter", only, "--format", "{{.Names}}\t{{.State}}"]
        )
        if result.returncode != 0:
            raise CloudUnreachable(f"{self.name} did not list its containers: {_said(result)}.")
        return result.stdout


def last_output(engine: str, container: str, environment: Mapping[str, str]) -> str:
    """The end of what a container printed."""
    return _call([engine, "logs", "--tail", "100", container], environment).stdout


def _works(name: str) -> bool:
    try:
        return all(
            _call([name, *question]).returncode == 0
            for question in (["version", "--format", "{{.Server.Version}}"], ["buildx", "version"])
        )
    except CloudUnreachable:
        return False


def _call(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - an argument list; names in it are validated ids
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CloudUnreachable(f"{Path(command[0]).name} did not answer: {error}.") from error


def _said(result: subprocess.CompletedProcess[str]) -> str:
    lines = (result.stderr or result.stdout).strip().splitlines()
    return lines[-1].strip().rstrip(".") if lines else f"exit code {result.returncode}"
