"""Brings the images that binders built into the registry, and removes those that nobody needs any more.

Level-triggered, as the reconciler is: nothing depends on having seen an image being pushed. A row of the
table `images` is claimed, looked at together with the registry, and moved by one step. Any process may die at
any line; another one claims the row again. No transaction is open while the network is asked anything.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from bot.errors import CloudError, CloudUnreachable, LostLease, RegistryError, RegistryUnreachable
from bot.images.manifests import Manifest
from bot.images.names import RegistryPlace
from bot.images.plans import (
    DropImage,
    ImagesInUse,
    KeepImage,
    KeepingPolicy,
    OfferPush,
    SeenImage,
    plan,
    removals,
)
from bot.images.rights import RegistryRights
from bot.provisioning.agent.sealing import seal
from bot.provisioning.base import Cloud
from storage import binders, images, leases, outbox
from storage.engine import Store
from storage.models import Binder, BuiltImage, ImageState, MessageKind, Status, Target

log = structlog.get_logger(__name__)

PUSH_SECONDS = 1800.0
"""How long an instance has the right to push one image."""
PUSH = "push"
"""The name of the instruction with that right."""
CLAIM_LIMIT = 8
CLAIM_SECONDS = 120.0
"""After how long another replica takes over an image from one that died."""
TICK_SECONDS = 20.0
"""How long one tick goes on to begin with further images."""
POLL_SECONDS = 15.0
"""Between two looks at an image that is being pushed."""
REST_SECONDS = 60.0
"""How long nothing is asked of a registry, or of a cloud, that did not answer."""
REFUSED_SECONDS = 900.0
"""How long an image waits that the registry refused to show, or to delete."""
_RETENTION = "image retention"
_RETENTION_LEASE_SECONDS = 600.0


class Registry(Protocol):
    """What is asked of the registry; `bot.images.registry.ImageRegistry` is one."""

    def manifest(self, repository: str, reference: str, /) -> Manifest | None:
        """Find an image by its tag or digest; raises `RegistryError`."""

    def delete(self, repository: str, digest: str, /) -> None:
        """Delete a manifest; raises `RegistryError`."""


@dataclass(frozen=True, slots=True)
class KeeperDependencies:
    """What the keeper works with."""

    store: Store
    cloud: Cloud
    registry: Registry
    rights: RegistryRights
    place: RegistryPlace
    policy: KeepingPolicy
    worker: str
    """This process's name on leases."""
    clock: Callable[[], float] = time.monotonic
    """Measures how long something takes, in seconds."""


class ImageKeeper:
    """Takes one small step at a time for each image that is due.

    Args:
        dependencies: What it works with.
    """

    def __init__(self, dependencies: KeeperDependencies) -> None:
        self._dependencies = dependencies
        self._store, self._registry = dependencies.store, dependencies.registry
        self._clock = dependencies.clock
        self._rests_until = 0.0

    def tick(self) -> int:
        """Look at the images that are due.

        A registry that does not answer ends the tick, and nothing is asked of it for a while.

        Returns:
            How many were due.
        """
        began = self._clock()
        if began < self._rests_until:
            return 0
        root = self._dependencies.place.root
        with self._store.write() as session:
            due = images.claim(session, root, limit=CLAIM_LIMIT, seconds=CLAIM_SECONDS)
        for image in due:
            if self._clock() - began > TICK_SECONDS or not self._work(image):
                break
        return len(due)

    def retain(self) -> None:
        """Let go of what is not needed any more; one replica at a time does it."""
        with self._store.write() as session:
            if not leases.take(session, _RETENTION, self._dependencies.worker, _RETENTION_LEASE_SECONDS):
                return
        self.begin_removals()

    def begin_removals(self) -> int:
        """Let no launch use what retention says goes. Returns how many images that are."""
        policy, root = self._dependencies.policy, self._dependencies.place.root
        now = self._store.now()
        with self._store.write() as session:
            here = [each for each in images.listing(session) if each.repository.startswith(root)]
            kept = [each for each in here if each.state == ImageState.KEPT]
            chosen = removals(kept, ImagesInUse(*images.in_use(session)), now, policy)
            images.begin_removal(session, chosen)
            images.forget_dropped(session, older_than=policy.seconds)
        return len(chosen)

    def _work(self, image: BuiltImage) -> bool:
        """Take one step for one image; an error in it does not reach the others.

        Returns:
            Whether the registry answers.
        """
        try:
            self._step(image)
        except LostLease:
            log.info("lost_lease", image=image.id)
        except RegistryUnreachable as error:
            log.warning("registry_silent", error=error.sentence)
            self._rests_until = self._clock() + REST_SECONDS
            return False
        except Exception:  # the claim ends by itself, and another try follows
            log.exception("image_step_broke", image=image.id)
        return True

    def _step(self, image: BuiltImage) -> None:
        try:
            self._look_and_act(image)
        except RegistryUnreachable:
            raise
        except RegistryError as error:
            log.warning("registry_refused", image=image.id, error=error.sentence)
            self._save(image, next_in=REFUSED_SECONDS)

    def _look_and_act(self, image: BuiltImage) -> None:
        if image.state in {ImageState.REMOVING, ImageState.DROPPED}:
            self._delete(image)
            return
        with self._store.read() as session:
            binder, rivals = binders.get(session, image.binder_id), images.rival_ids(session, image)
        builder = binder if binder is not None and _can_push(binder, image) else None
        try:
            found = self._registry.manifest(image.repository, image.key)
        except RegistryUnreachable:
            raise
        except RegistryError as error:
            if builder is not None:
                raise
            self._drop(image, DropImage(error.sentence))
            return
        seen = SeenImage(found, rivals, builder is not None, self._dependencies.rights.can_push)
        self._carry_out(image, builder, seen)

    def _carry_out(self, image: BuiltImage, builder: Binder | None, seen: SeenImage) -> None:
        match plan(image, seen, self._store.now()):
            case KeepImage(manifest):
                self._keep(image, manifest)
            case OfferPush() if builder is not None:
                self._offer(image, builder, seen.manifest.digest if seen.manifest else "")
            case DropImage() as step:
                self._drop(image, step)
            case _:
                self._save(image, next_in=POLL_SECONDS)

    def _keep(self, image: BuiltImage, manifest: Manifest) -> None:
        layers = dict(manifest.layers)
        size = sum(layers.values())
        kept = {"digest": manifest.digest, "layers": layers, "size_bytes": size, "right_until": None}
        with self._store.write() as session:
            images.save(session, image, {"state": ImageState.KEPT, **kept}, next_in=0.0)
        log.info("image_kept", image=image.id, digest=manifest.digest, bytes=size)

    def _offer(self, image: BuiltImage, builder: Binder, before: str) -> None:
        """Give its instance the right to push it. To give it twice does no harm: the later one counts."""
        try:
            self._instruct(image, builder)
        except CloudError as error:
            log.warning("push_not_offered", image=image.id, error=error.sentence)
            counted = 0 if isinstance(error, CloudUnreachable) else 1
            self._save(image, next_in=REST_SECONDS, tries=image.tries + counted)
            return
        until = self._store.now() + PUSH_SECONDS
        self._save(
            image,
            next_in=POLL_SECONDS,
            state=ImageState.PUSHING,
            right_until=until,
            before=before,
            tries=image.tries + 1,
        )
        log.info("push_offered", image=image.id, binder=builder.id, tries=image.tries + 1)

    def _instruct(self, image: BuiltImage, builder: Binder) -> None:
        name = self._dependencies.place.path(image.repository)
        auth = dict(self._dependencies.rights.to_push(name, PUSH_SECONDS))
        order = json.dumps({"repository": image.repository, "tag": image.key, "auth": auth})
        sealed = seal(order, builder.secret, PUSH)
        self._dependencies.cloud.instruct(builder.cloud_id, builder.resource_ids, PUSH, sealed)

    def _drop(self, image: BuiltImage, step: DropImage) -> None:
        """Write down that it is not kept. What was pushed in its place is deleted with the next step."""
        dropped = {"state": ImageState.DROPPED, "reason": step.reason, "digest": step.forged}
        with self._store.write() as session:
            images.save(session, image, {**dropped, "right_until": None}, next_in=0.0)
            if step.forged:
                sentence = (
                    f"Binder {image.binder_id} pushed another image to the registry than the one that it "
                    "built. No launch uses it, and it is deleted."
                )
                outbox.say(session, MessageKind.ALERT, f"image:{image.id}", None, sentence=sentence)
        log.warning("image_dropped", image=image.id, binder=image.binder_id, reason=step.reason)

    def _delete(self, image: BuiltImage) -> None:
        """Delete it from the registry, and then its row; the row of a dropped image stays for a while."""
        with self._store.read() as session:
            is_shared = images.is_shared(session, image)
        if not is_shared:
            self._registry.delete(image.repository, image.digest)
        if image.state == ImageState.DROPPED:
            self._save(image, digest="")
            return
        with self._store.write() as session:
            images.forget(session, image)
        log.info("image_removed", image=image.id, reason=image.reason)

    def _save(self, image: BuiltImage, *, next_in: float = 0.0, **changes: object) -> None:
        with self._store.write() as session:
            images.save(session, image, changes, next_in=next_in)


def _can_push(binder: Binder, image: BuiltImage) -> bool:
    """Whether the binder that built it still runs it, and can be told something."""
    is_ready = (binder.status, binder.target) == (Status.READY, Target.READY)
    return is_ready and bool(binder.secret) and binder.image.get("id") == image.image_id
