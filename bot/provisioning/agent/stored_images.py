"""Images that were built before, and lie in a registry: what an agent is told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BUILT = "built"
"""How a launch came by its image: it built it."""
PULLED = "pulled"
"""It took it from the registry."""
KEPT = "kept"
"""It was on the machine since an earlier build."""


@dataclass(frozen=True)
class StoredImage:
    """One image in the registry.

    Attributes:
        digest: `sha256:…` of its manifest; it is pulled by this and by no tag.
        id: `sha256:…` of its configuration, as the engine that built it named it. What is pulled must have
            the same.
        kind: What it was built with, as reported by the agent that built it.
        notes: What its users should know of how it was built.
    """

    digest: str
    id: str
    kind: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class ImageAccess:
    """What an agent may take from the registry, for some minutes.

    Attributes:
        repository: The one repository of the registry with the images of this source: `host[:port]/name`.
        auth: The entry of Docker's `config.json` for the registry's host, a secret; empty if all may pull.
        images: The images of this commit by their build keys.
        directory: The directory that is built for the path that was asked for, where that is known already;
            else None, and the repository is fetched to find out.
        cache_from: The digest of the image from whose layers a build may start; empty where there is none.
    """

    repository: str
    auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    images: Mapping[str, StoredImage] = field(default_factory=dict)
    directory: str | None = None
    cache_from: str = ""


def access_of(content: Mapping[str, Any]) -> ImageAccess:
    """What JSON holds of it.

    Raises:
        TypeError, KeyError: It holds something else.
    """
    images = {key: StoredImage(**image) for key, image in content["images"].items()}
    return ImageAccess(**{**content, "images": images})
