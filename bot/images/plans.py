"""What should happen to an image next, and which images go. Pure: no clock, no network, no session.

    built -> pushing -> kept -> removing

A built image is offered to the registry: its instance gets the right to push it. It is kept once the registry
has it, and only if it is the image that was reported before it was started. Everything else is dropped.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.images.manifests import Manifest
from storage.models import BuiltImage, ImageState

MOST_TRIES = 3
"""How often an instance is given the right to push one image."""


@dataclass(frozen=True, slots=True)
class SeenImage:
    """What was seen of an image that is on its way.

    Attributes:
        manifest: What its tag names in the registry; None where there is no such tag.
        rivals: The ids of other images that were built for the same key.
        is_there: Whether its binder still runs, and can push it.
        may_push: Whether instances may push at all.
    """

    manifest: Manifest | None
    rivals: frozenset[str] = frozenset()
    is_there: bool = True
    may_push: bool = True


@dataclass(frozen=True, slots=True)
class KeepImage:
    """The registry has it: launches may use it."""

    manifest: Manifest


@dataclass(frozen=True, slots=True)
class OfferPush:
    """Give its instance the right to push it."""


@dataclass(frozen=True, slots=True)
class AwaitPush:
    """Look again later."""


@dataclass(frozen=True, slots=True)
class DropImage:
    """Do not keep it.

    Attributes:
        reason: Why, as a sentence.
        forged: The digest of what was pushed in its place; empty where nothing was.
    """

    reason: str
    forged: str = ""


ImageStep = KeepImage | OfferPush | AwaitPush | DropImage


def plan(image: BuiltImage, seen: SeenImage, now: float) -> ImageStep:
    """Name the next step for an image that is on its way.

    Args:
        image: Its row: `built` or `pushing`.
        seen: What was seen after the row was read.
        now: Unix seconds, UTC, by the database's clock.
    """
    found = seen.manifest
    if found is not None and image.image_id in found.image_ids:
        return KeepImage(found)
    if found is not None and _is_forged(image, found, seen):
        return DropImage("Another image was pushed in its place.", forged=found.digest)
    if why := _why_not_wanted(seen):
        return DropImage(why)
    if image.state == ImageState.PUSHING and now < (image.right_until or 0.0):
        return AwaitPush()
    return OfferPush() if image.tries < MOST_TRIES else DropImage(f"It was not pushed in {MOST_TRIES} tries.")


def _is_forged(image: BuiltImage, found: Manifest, seen: SeenImage) -> bool:
    """Whether something was pushed that was never built for the key.

    The tag may still name what it named before, or what another instance built for the same key.
    """
    is_new = image.state == ImageState.PUSHING and found.digest != image.before
    return is_new and seen.rivals.isdisjoint(found.image_ids)


def _why_not_wanted(seen: SeenImage) -> str:
    if not seen.is_there:
        return "Its binder ended before it was pushed."
    return "" if seen.may_push else "Instances may not push."


@dataclass(frozen=True, slots=True)
class KeepingPolicy:
    """Which images are kept.

    Attributes:
        seconds: How long after their last use.
        most_bytes: How many bytes their layers may have together.
    """

    seconds: float
    most_bytes: float


@dataclass(frozen=True, slots=True)
class ImagesInUse:
    """What binders that are not gone use, or may be about to use.

    Attributes:
        image_ids: The images that they run.
        sources: The provider and URL of those that are not ready yet.
    """

    image_ids: frozenset[str] = frozenset()
    sources: frozenset[tuple[str, str]] = frozenset()

    def has(self, image: BuiltImage) -> bool:
        """Whether this image is one of them."""
        return image.image_id in self.image_ids or (image.provider, image.url) in self.sources


def removals(
    images: Sequence[BuiltImage], used: ImagesInUse, now: float, policy: KeepingPolicy
) -> dict[int, str]:
    """Choose the images that go. One that is in use never does.

    Args:
        images: All that are kept.
        used: What binders use.
        now: Unix seconds, UTC, by the database's clock.
        policy: Which images are kept.

    Returns:
        Why each of them goes, by its id.
    """
    free = [each for each in images if not used.has(each)]
    replaced = {each.id: "It was built anew." for each in free if _is_replaced(each, images)}
    unused = {each.id: "It was not used for long." for each in free if each.used_at <= now - policy.seconds}
    chosen = unused | replaced
    left = sorted((each for each in free if each.id not in chosen), key=lambda each: each.used_at)
    room = _Layers([each for each in images if each.id not in chosen])
    for image in left:
        if room.size <= policy.most_bytes:
            break
        room.remove(image)
        chosen[image.id] = "The store was full, and it was not used for longer than others."
    return chosen


def _is_replaced(image: BuiltImage, images: Sequence[BuiltImage]) -> bool:
    return any(
        (each.repository, each.key) == (image.repository, image.key) and each.id > image.id for each in images
    )


def size_of(images: Sequence[BuiltImage]) -> int:
    """The bytes of the layers of all these images; one that several share counts once."""
    return _Layers(images).size


class _Layers:
    """The layers of several images; one that several share counts once."""

    def __init__(self, images: Sequence[BuiltImage]) -> None:
        self._users = Counter(layer for each in images for layer in each.layers)
        self._bytes: Mapping[str, int] = {
            layer: size for each in images for layer, size in each.layers.items()
        }
        self.size = sum(self._bytes.values())

    def remove(self, image: BuiltImage) -> None:
        """Take an image out."""
        for layer in image.layers:
            self._users[layer] -= 1
            if not self._users[layer]:
                self.size -= self._bytes[layer]
