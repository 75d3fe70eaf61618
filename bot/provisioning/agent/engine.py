"""The container engine, docker or podman, by its command line."""

from __future__ import annotations

import json
from typing import Any

from bot.provisioning.agent.commands import capture, succeeds
from bot.provisioning.agent.failures import CommandFailed

BINDER_LABEL = "binder-bot.binder"
"""The label of a container that says whose it is."""
GONE = "no such"
"""What an engine says, among other words, of a container that does not exist."""


class Engine:
    """One engine.

    Args:
        name: `docker` or `podman`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def answers(self) -> bool:
        """Whether it works now."""
        return succeeds(self.name, "version")

    def has_buildx(self) -> bool:
        """Whether it can build what repo2docker asks for."""
        return succeeds(self.name, "buildx", "version")

    def inspect_image(self, image: str) -> dict[str, Any]:
        """What the engine knows of an image; empty where it is not known."""
        return self._inspect("image", image)

    def tag(self, image: str, name: str) -> bool:
        """Give an image another name; whether it has that now."""
        return succeeds(self.name, "tag", image, name)

    def remove_name(self, name: str) -> None:
        """Take a name away from an image, which goes with its last one unless a container needs it."""
        succeeds(self.name, "rmi", "--force", name)

    def inspect_container(self, name: str) -> dict[str, Any]:
        """What the engine knows of a container; empty where it is not known."""
        return self._inspect("container", name)

    def has_ended(self, name: str) -> bool:
        """Whether a container does not run and will not by itself. An engine that is silent says nothing."""
        try:
            found = _first(capture(self.name, "container", "inspect", name))
        except CommandFailed as error:
            return GONE in error.output.lower()
        state = found.get("State") or {}
        return not (state.get("Running") or state.get("Restarting"))

    def events(self, name: str, since: float, until: float) -> set[str]:
        """What happened to a container in that time (Unix seconds): `oom`, `die`, or nothing."""
        times = ("--since", f"{since:.9f}", "--until", f"{until:.9f}")
        filters = (*("--filter", f"container={name}"), *("--filter", "event=oom", "--filter", "event=die"))
        try:
            lines = capture(self.name, "events", *times, *filters, "--format", "{{.Action}}").split()
        except CommandFailed:  # an engine that is silent says nothing
            return set()
        return {"oom", "die"} & set(lines)

    def has_gpu(self) -> bool:
        """Whether there is a GPU and an engine that can pass it on; the runtime alone is in many images."""
        try:
            runtimes = capture(self.name, "info", "--format", "{{json .Runtimes}}")
        except CommandFailed:
            return False
        return "nvidia" in runtimes and succeeds("nvidia-smi", "-L")

    def prune_images(self, prefix: str, keep: int, label: str) -> None:
        """Remove all but the newest images whose names begin so; the engine itself spares those in use.

        Args:
            prefix: What their names begin with.
            keep: How many are kept.
            label: What those have that lost their names to newer ones; they go, too.
        """
        succeeds(self.name, "image", "prune", "--force", "--filter", f"label={label}")
        only = ("--filter", f"reference={prefix}*", "--format", "{{.Repository}}")
        try:
            images = capture(self.name, "images", *only).split()
        except CommandFailed:
            return
        for image in images[keep:]:  # the newest come first
            succeeds(self.name, "rmi", image)

    def _inspect(self, kind: str, name: str) -> dict[str, Any]:
        try:
            return _first(capture(self.name, kind, "inspect", name))
        except CommandFailed:
            return {}


def _first(listing: str) -> dict[str, Any]:
    try:
        found = json.loads(listing)
    except ValueError:
        return {}
    return found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
