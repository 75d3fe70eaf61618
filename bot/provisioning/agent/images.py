"""What the agent knows of an image that it is about to start."""

from __future__ import annotations

import base64
import binascii
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent.kinds import kind_of
from bot.provisioning.agent.repo2docker import KIND_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NOTES_LABEL = "binder-bot.notes"
"""The label of an image with what its users should know of how it was built."""


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes:
        name: Its name in the engine.
        key: See `build_key`.
        directory: The directory of the repository that was built.
        how: `built`, `pulled` or `kept`.
        id: `sha256:…`, as the engine names it.
        config: Its configuration.
        kind: What it was built with, in the field's words; empty where that is not known.
    """

    name: str
    key: str
    directory: str
    how: str
    id: str
    config: Mapping[str, Any] = field(repr=False)
    kind: str = ""

    @property
    def notes(self) -> list[str]:
        """What its users should know of how it was built."""
        with suppress(ValueError, TypeError, binascii.Error):
            content = base64.b64decode(_labels(self.config).get(NOTES_LABEL, ""), altchars=b"-_")
            return [str(note) for note in json.loads(content)]
        return []

    def report(self) -> dict[str, str]:
        """What `Reporter.image` is told."""
        return {
            "key": self.key,
            "id": self.id,
            "directory": self.directory,
            "kind": self.kind,
            "how": self.how,
        }


def image_of(found: Mapping[str, Any], name: str, key: str, directory: str, how: str) -> Image | None:
    """The image that the engine knows; None where it knows none.

    Args:
        found: What the engine says of it.
        name: Its name.
        key: See `Image`, also for the others.
        directory: See there.
        how: See there.
    """
    if not found.get("Id"):
        return None
    config = found.get("Config") or {}
    kind = kind_of(str(_labels(config).get(KIND_LABEL)))
    return Image(name, key, directory, how, str(found["Id"]), config, kind)


def labels_of(notes: Iterable[str]) -> dict[str, str]:
    """The label that keeps notes. It is plain ASCII: names of files cannot end a line of a Dockerfile."""
    return {NOTES_LABEL: base64.urlsafe_b64encode(json.dumps(list(notes)).encode()).decode()}


class LaunchRecord:
    """Which image this launch uses, for an agent that is started again in the same machine.

    Args:
        path: The file that says so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, image: Image, how: str) -> None:
        """Keep it."""
        self._path.write_text(json.dumps({"id": image.id, "how": how}), encoding="utf-8")

    def how(self, number: str) -> str | None:
        """How this launch came by the image with this id; None where it was not by this launch."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return str(content["how"]) if content.get("id") == number else None


def _labels(config: Mapping[str, Any]) -> Mapping[str, str]:
    return config.get("Labels") or {}
