"""A registry that is down, refuses, lies and loses what it was given; and the agents that push to it."""

import json
from dataclasses import dataclass, field
from random import Random

from bot.errors import RegistryError, RegistryUnreachable
from bot.images.keeper import PUSH
from bot.images.manifests import Manifest
from bot.provisioning.agent.sealing import unseal
from bot.provisioning.base import InstanceSpec, ReportedImage
from tests.chaos.sim.world import SECRET
from tests.fakes.cloud import Machine
from tests.fakes.registry import FakeRegistry, sha256

FORGED = sha256("forged")


def key_of(url: str) -> str:
    return sha256(url).removeprefix("sha256:")[:40]


@dataclass
class StormRegistry(FakeRegistry):
    """What `FakeRegistry` is, with chance in it as long as `stormy` says so.

    Attributes:
        random: Where all chance comes from.
        stormy: Whether anything goes wrong.
        built: The images that were truly built, and for which repository and key.
        problems: What was seen that must never be, a sentence each.
        obeyed: The orders to push that agents have carried out, or failed at.
    """

    random: Random = field(default_factory=Random)
    stormy: bool = True
    built: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    obeyed: set[str] = field(default_factory=set)

    def chance(self, probability: float) -> bool:
        return self.stormy and self.random.random() < probability

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        self._disturb()
        if self.chance(0.03):
            return Manifest(sha256("lie"), frozenset({sha256("lie"), FORGED}), {})
        return super().manifest(repository, reference)

    def delete(self, repository: str, digest: str) -> None:
        self._disturb()
        super().delete(repository, digest)
        self._disturb()

    def _disturb(self) -> None:
        if self.chance(0.08):
            raise RegistryUnreachable("The registry did not answer.")
        if self.chance(0.03):
            raise RegistryError("The registry refuses the bot.")
        if self.tags and self.chance(0.04):
            del self.tags[self.random.choice(sorted(self.tags))]

    # What instances do -----------------------------------------------------------------------------------

    def starts(self, spec: InstanceSpec, ref: str) -> ReportedImage:
        """What an instance starts: what it was told of, if it can be pulled; else what it builds."""
        key = key_of(spec.url)
        told = spec.images.images.get(key) if spec.images else None
        if told is not None and spec.images is not None and not spec.rebuild:
            if self.built.get(told.id) != key:
                self.problems.append(f"{spec.binder_id} was told of an image that was not built for its key")
            stored = self.manifests.get((spec.images.repository, told.digest))
            if stored is not None and told.id in stored.image_ids:
                return ReportedImage(key, told.id, how="pulled")
        image_id = sha256(f"built by {ref}")
        self.built[image_id] = key
        return ReportedImage(key, image_id)

    def obey(self, machine: Machine, image_id: str) -> None:
        """Let an agent do what it was told: it pushes, fails, or is not the agent any more."""
        text = machine.told.get(PUSH)
        if not text or text in self.obeyed:
            return
        self.obeyed.add(text)
        if not self.chance(0.2):
            order = json.loads(unseal(text, SECRET, PUSH))
            self.push(order["repository"], order["tag"], FORGED if self.chance(0.15) else image_id)
