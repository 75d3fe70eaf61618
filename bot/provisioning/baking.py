"""Baking: making a machine image on which first launches need to install nothing.

A cloud that can do that offers a `Bakery`. What it makes on the way belongs to `bake-<id>`, as what is made
for a binder belongs to the binder's id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

BAKED = "baked"
"""What the operator writes instead of an image's name, to use the newest that was baked."""
EXAMPLE: Mapping[str, str] = {
    "requirements.txt": "packaging\n",
    "example.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n',
}
"""A small Python repository. Its image has the layers with which those of most repositories begin."""

_PREFIX = "bake-"


def bake_id_of(number: str) -> str:
    """The id to which everything belongs that is made during a bake; no binder has such a one."""
    return f"{_PREFIX}{number}"


def is_bake(owner: str) -> bool:
    """Whether that id is of a bake, not of a binder."""
    return owner.startswith(_PREFIX)


@dataclass(frozen=True, slots=True)
class BakedImage:
    """A machine image that was proven.

    Attributes:
        ref: The cloud's own id of it.
        name: Its name in the cloud.
        contents: What is inside, by name: `docker`, `repo2docker`, …
        removed: The names of the older images that were deleted.
    """

    ref: str
    name: str
    contents: Mapping[str, str]
    removed: tuple[str, ...] = ()


class BakeProgress(Protocol):
    """Who follows a bake."""

    def begin(self, stage: str, /) -> None:
        """Note that a stage begins."""

    def say(self, line: str, /) -> None:
        """Note something that happened."""

    def hold(self) -> None:
        """Keep the right to go on. Called before each step, every few seconds.

        Raises:
            LostLease: What was made may be removed by others already.
        """


class Bakery(Protocol):
    """What makes machine images in one cloud."""

    def bake(
        self, bake_id: str, source: str | None, size: str | None, progress: BakeProgress, /
    ) -> BakedImage:
        """Make an image, prove it, and delete those before the last two.

        Args:
            bake_id: To whom everything belongs that is made on the way.
            source: Name or id of a plain image of Debian or Ubuntu; None for the one of the settings, or the
                one from which the newest image was baked.
            size: The key of the size that it is made with; None for the one with the smallest disk.
            progress: Follows it.

        Raises:
            CloudError: Why there is no image. `clear` removes what was made.
        """

    def clear(self, bake_id: str, /) -> bool:
        """Take one idempotent step of removing what a bake made, but for a proven image.

        Returns:
            Whether nothing is left.

        Raises:
            CloudError: The step failed; call again later.
        """

    def close(self) -> None:
        """Close the connections to the cloud."""
