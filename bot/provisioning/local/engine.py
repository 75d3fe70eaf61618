"""The containers of this deployment on this host, by the command line of docker or podman."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.errors import CloudError, CloudUnreachable
from bot.provisioning.agent.commands import capture
from bot.provisioning.agent.engine import GONE, Engine
from bot.provisioning.agent.failures import CommandFailed

ENGINES = ("docker", "podman")
DEPLOYMENT_LABEL = "binder-bot.deployment"
"""The label of a container that says to which root it belongs."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container of this deployment.

    Attributes:
        binder_id: Whose it is.
        running: Whether it runs, or will again without help.
    """

    binder_id: str
    running: bool


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
    found = next(working(candidates), None)
    if found is None and choice != "auto":
        raise CloudUnreachable(
            f"The container engine `{choice}` does not work here, or has no buildx.",
            hint=f"`{choice} version` and `{choice} buildx version` must both succeed.",
        )
    return found


def working(candidates: Iterable[str] = ENGINES) -> Iterator[str]:
    """The engines that work here and can build."""
    return (name for name in candidates if _works(Engine(name)))


class Containers:
    """The containers of one deployment.

    Args:
        engine: `docker` or `podman`.
        deployment: Marks what belongs to this root; others are never touched.
    """

    def __init__(self, engine: str, deployment: str) -> None:
        self.engine = engine
        self._deployment = deployment

    def name_of(self, binder_id: str) -> str:
        """The name of a binder's container."""
        return f"binder-{self._deployment}-{binder_id}"

    def list(self) -> list[Container]:
        """Every container of this deployment, in whatever state.

        Raises:
            CloudUnreachable: The engine did not answer.
        """
        only = ("--filter", f"label={DEPLOYMENT_LABEL}={self._deployment}")
        try:
            listing = capture(
                self.engine, "ps", "--all", "--no-trunc", *only, "--format", "{{.Names}}\t{{.State}}"
            )
        except CommandFailed as error:
            raise CloudUnreachable(
                f"{self.engine} did not list its containers: {error.last_line}."
            ) from error
        prefix = self.name_of("")
        rows = [line.partition("\t") for line in listing.splitlines()]
        return [
            Container(name.removeprefix(prefix), state in {"running", "restarting", "created"})
            for name, _, state in rows
            if name.startswith(prefix)
        ]

    def remove(self, binder_id: str) -> None:
        """End and remove a binder's container; one that does not exist is removed already.

        Raises:
            CloudError: The engine did not answer, or refused.
        """
        name = self.name_of(binder_id)
        try:
            capture(self.engine, "rm", "--force", "--volumes", name)
        except CommandFailed as error:
            if GONE not in error.output.lower():
                raise CloudError(
                    f"{self.engine} could not remove the container {name}: {error.last_line}."
                ) from error


def _works(engine: Engine) -> bool:
    return engine.answers() and engine.has_buildx()
