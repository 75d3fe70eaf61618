"""A registry in memory that can be down, refuse, or lose what it was given; and what agents push to it."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from bot.errors import RegistryError, RegistryUnreachable
from bot.images.keeper import PUSH
from bot.images.manifests import Manifest
from bot.provisioning.agent.sealing import unseal
from tests.fakes.cloud import FakeCloud

ROOT = "registry.test/binders/"


def sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass
class FakeRegistry:
    """What `bot.images.registry.ImageRegistry` is.

    Attributes:
        is_down: Whether it answers nothing.
        refuses: Whether it refuses whatever it is asked.
        tags: The digest of each tag, by its repository and name.
        manifests: All images, by their repository and digest.
        asked: How often it was asked.
    """

    is_down: bool = False
    refuses: bool = False
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    manifests: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    asked: int = 0

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        self._answer()
        return self.manifests.get((repository, self.tags.get((repository, reference), reference)))

    def delete(self, repository: str, digest: str) -> None:
        self._answer()
        self.manifests.pop((repository, digest), None)
        self.tags = {
            tag: named for tag, named in self.tags.items() if (tag[0], named) != (repository, digest)
        }

    def _answer(self) -> None:
        self.asked += 1
        if self.is_down:
            raise RegistryUnreachable("The registry did not answer.")
        if self.refuses:
            raise RegistryError("The registry refuses the bot.")

    def push(self, repository: str, tag: str, image_id: str, *, size: int = 10) -> str:
        """Take an image, as an engine pushes it. Returns the digest of its manifest."""
        digest = sha256(f"manifest of {image_id}")
        layers = {sha256("base"): 100, sha256(f"layer of {image_id}"): size}
        self.manifests[repository, digest] = Manifest(digest, frozenset({digest, image_id}), layers)
        self.tags[repository, tag] = digest
        return digest


def orders(cloud: FakeCloud, secret: str) -> list[dict[str, Any]]:
    """What the instances were told to push, as their agents read it."""
    told = (machine.told.get(PUSH) for machines in cloud.machines.values() for machine in machines)
    return [json.loads(unseal(text, secret, PUSH)) for text in told if text]
