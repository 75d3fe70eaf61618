"""What the agents of the guests do with images, and a real registry: they pull, build and push."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from random import Random

import requests

from bot.images.registry import ImageRegistry
from bot.images.rights import TokenRights
from bot.provisioning.agent.build_key import build_key
from bot.provisioning.agent.instructions import text_of
from bot.provisioning.agent.push import INSTRUCTION, read_right
from bot.provisioning.agent.sealing import SealBroken, unseal
from bot.provisioning.agent.stored_images import BUILT, PULLED, StoredImage
from bot.provisioning.agent.task import Task, ordered, task_of_json
from storage.models import BuiltImage
from storage.vocabulary import ImageState
from tests.fakes.real_registry import RealRegistry, digest
from tests.integration.openstack.baking import told
from tests.integration.openstack.standin import Json

FORGED = "what an instance pushes that was taken over"
_FAILS = 0.15
_FORGES = 0.1
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass
class Guest:
    """What one server's agent knows.

    Attributes:
        task: What it serves, or that it waits.
        content: What the image is made of that it started; empty before.
        obeyed: The rights to push that it used.
    """

    task: Task
    content: str = ""
    obeyed: set[str] = field(default_factory=set)


class GuestImages:
    """All agents of one world.

    Args:
        registry: Where images are kept.
        seed: Decides which pushes fail, and which are forged.
    """

    def __init__(self, registry: RealRegistry, seed: int) -> None:
        self.registry = registry
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        """What was seen that must never be, a sentence each."""
        self.built: dict[str, str] = {}
        """For which key each image was built, by its id."""
        self._chance = Random(f"{seed} images")
        self._guests: dict[str, Guest] = {}
        self._lock = threading.Lock()
        self._pushes = ThreadPoolExecutor(max_workers=2, thread_name_prefix="push")

    def close(self) -> None:
        """Wait for what is being pushed."""
        self._pushes.shutdown(cancel_futures=True)

    def starts(self, server: Json) -> Json:
        """What the agent of a server says of the image that it starts: it pulls it, or builds it."""
        with self._lock:
            guest = self._guest(server)
            task = guest.task
            key = build_key(task, ".", "1", "")
            pulled = self._pull(task, key)
            guest.content = pulled or f"{server['id']} built {key}"
            image_id = digest(guest.content.encode())
            self.built.setdefault(image_id, key)
            how = PULLED if pulled else BUILT
            self.counts[how] += 1
        return {"key": key, "id": image_id, "directory": ".", "kind": "Python", "how": how}

    def hear(self, server: Json) -> None:
        """Let an agent see the metadata of its server; it pushes beside all else."""
        guest = self._guests.get(server["id"])
        if guest is None or not guest.content:
            return
        text = _unsealed(server["metadata"], INSTRUCTION, guest.task.secret)
        if text and text not in guest.obeyed:
            guest.obeyed.add(text)
            self._pushes.submit(self._push, guest, text)

    def _guest(self, server: Json) -> Guest:
        guest = self._guests.get(server["id"])
        if guest is None:
            task = task_of_json(told(server["user_data"])["task"])
            guest = self._guests[server["id"]] = Guest(task)
        if guest.task.is_open:
            order = _unsealed(server["metadata"], "order", guest.task.secret)
            guest.task = ordered(order, guest.task.secret) if order else guest.task
        return guest

    def _pull(self, task: Task, key: str) -> str:
        """The content of the image that it was told of; empty where there is none, or it cannot be had."""
        stored = task.images.images.get(key) if task.images and not task.rebuild else None
        if task.images is None or stored is None:
            return ""
        if self.built.get(stored.id) != key:
            self.problems.append(f"{task.binder_id} was told of an image that was not built for its key")
        content = b""
        with suppress(requests.RequestException):
            content = self._pulled(task.images.repository, stored, task.images.auth["registrytoken"])
        return content.decode() if digest(content) == stored.id else ""

    def _pulled(self, repository: str, stored: StoredImage, token: str) -> bytes:
        name = self.registry.place.path(repository)
        manifest = self.registry.pull(name, stored.digest, {"registrytoken": token})
        if manifest.status_code != requests.codes.ok:
            return b""
        config = manifest.json()["config"]["digest"]
        url = f"{self.registry.place.url}/v2/{name}/blobs/{config}"
        return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=10).content

    def _push(self, guest: Guest, text: str) -> None:
        right = read_right(text)
        with self._lock:
            if right is None:
                self.problems.append(f"{guest.task.binder_id} was told something else than a right to push")
                return
            does = self._chance.choices(("fail", "forge", "push"), (_FAILS, _FORGES, 1))[0]
            self.counts[f"{does} of an image"] += 1
        content = {"fail": "", "forge": FORGED, "push": guest.content}[does]
        name = self.registry.place.path(right["repository"])
        with suppress(requests.RequestException):  # the registry is down
            if content:
                self.registry.push(name, right["tag"], content, right["auth"])


def unsettled(images: Sequence[BuiltImage]) -> list[str]:
    """Which images are still on their way into the registry, or out of it."""
    moving = {ImageState.BUILT, ImageState.PUSHING, ImageState.REMOVING}
    return [
        f"image {each.id} is {each.state}"
        for each in images
        if each.state in moving or (each.state == ImageState.DROPPED and each.digest)
    ]


def wrong(guests: GuestImages, images: Sequence[BuiltImage]) -> Iterator[str]:
    """What is not as it has to be, once all is settled; a sentence each."""
    yield from guests.problems
    kept = [each for each in images if each.state == ImageState.KEPT]
    with closing(ImageRegistry(guests.registry.place, TokenRights(guests.registry.minter()))) as registry:
        for each in kept:
            if guests.built.get(each.image_id) != each.key:
                yield f"image {each.id} is kept, and was not built for its key"
            found = registry.manifest(each.repository, each.digest)
            if found is None or each.image_id not in found.image_ids:
                yield f"image {each.id} is kept, and the registry does not have it"


def _unsealed(metadata: Json, name: str, secret: str) -> str:
    """What an instance was told, as its agent reads it; empty where it was told nothing."""
    try:
        return unseal(text_of(name, metadata) or "", secret, name)
    except SealBroken:
        return ""
