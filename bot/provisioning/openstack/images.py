"""The machine images of this deployment in Glance: those that were baked.

Their properties say whose they are and what is inside. Nova copies the properties of an image to every image
that is made of its servers, also to those of shelved servers. So an image counts as proven only if it names
itself: a copy names another.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bot.provisioning.openstack.api import Api, Json
from bot.provisioning.openstack.errors import Conflict
from bot.provisioning.openstack.tags import Tags

PREFIX = "binder-bot-"
"""What the names of our properties begin with."""
KEPT = 2
"""How many proven images are kept: the newest, and the one before, if the newest turns out bad."""
FRESH_DAYS = 31
"""After how many days an image should be baked anew."""

_DEPLOYMENT, _BAKE, _STATE, _ITSELF = (f"{PREFIX}{name}" for name in ("deployment", "bake", "state", "image"))
_BAKING, _PROVEN = "baking", "proven"
_REMEMBERED_SECONDS = 600.0
"""How long it is remembered which images are not proven: nobody waits for their removal."""


class BakedImages:
    """Makes, finds and removes the images that were baked.

    Args:
        api: The cloud.
        tags: Tell what is ours.
    """

    def __init__(self, api: Api, tags: Tags) -> None:
        self._api = api
        self._tags = tags
        self._lock = threading.Lock()
        self._known: tuple[float, frozenset[str]] | None = None

    def proven(self) -> list[Json]:
        """The images that may be booted from, the newest first."""
        images = (each for each in self._ours(_PROVEN, status="active") if each.get(_ITSELF) == each["id"])
        return sorted(images, key=lambda each: str(each.get("created_at")), reverse=True)

    def of(self, bake_id: str) -> list[Json]:
        """The images of a bake that are not proven, in any state."""
        return [each for each in self._ours(_BAKING) if each.get(_BAKE) == bake_id]

    def unproven(self) -> frozenset[str]:
        """The ids of bakes that have images which are not proven; remembered for some minutes."""
        with self._lock:
            known = self._known
        if known is not None and time.monotonic() - known[0] < _REMEMBERED_SECONDS:
            return known[1]
        found = frozenset(str(each[_BAKE]) for each in self._ours(_BAKING) if each.get(_BAKE))
        with self._lock:
            self._known = (time.monotonic(), found)
        return found

    def make(self, bake_id: str, server: str, contents: Mapping[str, str]) -> None:
        """Have an image made of a server. It shows up by `of`, also where the answer is lost."""
        properties = {f"{PREFIX}{name}": value[:255] for name, value in contents.items()}
        own = {_DEPLOYMENT: self._tags.deployment, _BAKE: bake_id, _STATE: _BAKING, _ITSELF: "not proven"}
        image = {"name": f"{self._tags.of_deployment}-{bake_id}", "metadata": properties | own}
        path = f"/servers/{server}/action"
        self._api.call("compute", "POST", path, "make an image of the server", body={"createImage": image})

    def prove(self, image: str) -> Json:
        """Mark an image as proven; what Glance then says of it."""
        changes = [
            {"op": "add", "path": f"/{name}", "value": value}
            for name, value in ((_STATE, _PROVEN), (_ITSELF, image))
        ]
        return self._api.patch("image", f"/images/{image}", "mark the image as proven", changes)

    def remove(self, bake_id: str) -> bool:
        """Delete the images of a bake that are not proven; True where there were none."""
        images = self.of(bake_id)
        for each in images:
            self._delete(each)
        with self._lock:
            self._known = None
        return not images

    def prune(self) -> tuple[str, ...]:
        """Delete all proven images but the newest two; the names of those that were deleted."""
        old = self.proven()[KEPT:]
        return tuple(str(each.get("name")) for each in old if self._is_deleted(each))

    def _is_deleted(self, image: Json) -> bool:
        try:
            self._delete(image)
        except Conflict:  # something is being made of it; the next bake tries again
            return False
        return True

    def _delete(self, image: Json) -> None:
        # Glance's 404 is a web page, which counts as no answer (see `errors`): the next listing knows better.
        self._api.call("image", "DELETE", f"/images/{image['id']}", "delete the image")

    def _ours(self, state: str, **params: Any) -> list[Json]:
        """The images of this deployment in this project. Others can share theirs, whatever they claim."""
        project = self._api.project_id()
        wanted = {_DEPLOYMENT: self._tags.deployment, _STATE: state}
        found = self._api.find(
            "image", "/images", "images", "list the images", owner=project, **wanted, **params
        )
        return [
            each
            for each in found
            if each.get("owner") == project and all(each.get(name) == wanted[name] for name in wanted)
        ]


def contents_of(image: Json) -> dict[str, str]:
    """What an image's properties say is inside."""
    own = {_DEPLOYMENT, _BAKE, _STATE, _ITSELF}
    return {
        key.removeprefix(PREFIX): str(value)
        for key, value in image.items()
        if key.startswith(PREFIX) and key not in own
    }


def advice_on(image: Json, pins: Mapping[str, str], now: datetime) -> Iterator[str]:
    """Why an image should be baked anew, a sentence each.

    Args:
        image: The newest one that is proven.
        pins: What should be inside.
        now: With a time zone.
    """
    name, again = f"The image `{image.get('name')}`", "Run `binder-bot bake`"
    age = (now - datetime.fromisoformat(str(image.get("created_at")))).days
    if age > FRESH_DAYS:
        yield f"{name} was baked {age} days ago, and lacks the updates since. {again}."
    inside = contents_of(image)
    for what, wanted in pins.items():
        if inside.get(what) != wanted:
            yield f"{name} has {what} {inside.get(what)}, but this bot builds with {wanted}. {again}."


def is_broken(image: Json) -> bool:
    """Whether an image will never be there."""
    return image.get("status") in {"killed", "deleted", "pending_delete", "deactivated"}
