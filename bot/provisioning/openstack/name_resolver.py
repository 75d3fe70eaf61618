"""Looks up the ids of what the operator named: image, flavors, networks."""

import difflib
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from bot.provisioning.baking import BAKED
from bot.provisioning.openstack.api import Api, Json
from bot.provisioning.openstack.errors import NotThere
from bot.provisioning.openstack.images import BakedImages
from bot.provisioning.openstack.options import Flavor, OpenStackOptions

_KEPT_SECONDS = 600.0
"""How long an id is remembered. Sites replace an image under the same name."""
_SHOWN = 12
"""How many existing names are shown where one is missing."""


class NameResolver:
    """Finds the ids of the operator's names, and remembers them for a while.

    Args:
        api: The cloud.
        options: What the operator chose.
        baked: The images of this deployment.
    """

    def __init__(self, api: Api, options: OpenStackOptions, baked: BakedImages) -> None:
        self._api = api
        self._options = options
        self._baked = baked
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Json]] = {}

    def forget(self) -> None:
        """Look everything up again the next time: something was not there any more."""
        with self._lock:
            self._known.clear()

    def image(self) -> str:
        """The id of the image.

        Raises:
            CloudError: There is none of that name; the hint says what there is.
        """
        return str(self._remembered("image", self.newest_image)["id"])

    def flavor(self, wanted: Flavor) -> str:
        """The id of a size's flavor; raises as `image` does."""
        return str(self._flavor(wanted)["id"])

    def needs_of(self, wanted: Flavor) -> dict[str, int]:
        """What an instance of a size takes of the quota: `cores`, and `ram` in MB; raises as `image` does."""
        flavor = self._flavor(wanted)
        return {"cores": int(flavor.get("vcpus") or 0), "ram": int(flavor.get("ram") or 0)}

    def network(self) -> str:
        """The id of the instances' network; raises as `image` does."""
        return str(self._remembered("network", lambda: self.network_named(external=False))["id"])

    def external_network(self) -> str:
        """The id of the floating IPs' network; raises as `image` does."""
        return str(self._remembered("external network", lambda: self.network_named(external=True))["id"])

    def _flavor(self, wanted: Flavor) -> Json:
        return self._remembered(f"flavor {wanted.flavor}", lambda: self.flavor_of(wanted))

    def _remembered(self, name: str, look: Callable[[], Json]) -> Json:
        with self._lock:
            at, known = self._known.get(name, (0.0, {}))
        if known and time.monotonic() - at < _KEPT_SECONDS:
            return known
        found = look()
        with self._lock:
            self._known[name] = (time.monotonic(), found)
        return found

    # The things themselves -------------------------------------------------------------------------------

    def newest_image(self) -> Json:
        """The newest active image of that name, or the one of that id; raises as `image` does."""
        wanted = self._options.image
        if wanted == BAKED:
            return self._newest_baked()
        images = self._active(name=wanted) or self._by_id(wanted)
        if not images:
            raise self._no_image(wanted)
        return max(images, key=lambda each: str(each.get("created_at")))

    def _newest_baked(self) -> Json:
        proven = self._baked.proven()
        if not proven:
            raise NotThere(
                "This deployment has no baked image yet, which OPENSTACK_IMAGE=baked needs.",
                hint="Make one with `binder-bot bake --from IMAGE`, from an image of Debian or Ubuntu.",
            )
        return proven[0]

    def flavor_of(self, wanted: Flavor) -> Json:
        """The flavor of a size; raises as `image` does."""
        flavors = self._api.find("compute", "/flavors/detail", "flavors", "list the flavors")
        return _choose("flavor", wanted.flavor, flavors)

    def network_named(self, *, external: bool) -> Json:
        """The network of floating IPs, or that of instances; raises as `image` does."""
        wanted = self._options.external_network if external else self._options.network
        networks = self._api.find("network", "/networks", "networks", "list the networks")
        fitting = [each for each in networks if bool(each.get("router:external")) == external]
        return _choose("external network" if external else "network", wanted, fitting)

    def _no_image(self, wanted: str) -> NotThere:
        others = self._api.find("image", "/images", "images", "list the images", name=wanted)
        if others:
            status = str(others[0].get("status"))
            return NotThere(f"The image `{wanted}` cannot be booted, because its status is {status}.")
        return missing("image", wanted, (str(each.get("name")) for each in self._active()))

    def _active(self, **params: str) -> list[Json]:
        return self._api.find("image", "/images", "images", "list the images", status="active", **params)

    def _by_id(self, wanted: str) -> list[Json]:
        # Sites hide images that they have replaced. An operator who wrote the id of one wants that one.
        found = [*self._active(id=wanted), *self._active(id=wanted, os_hidden="true")]
        return [each for each in found if each["id"] == wanted]


def missing(kind: str, wanted: str, existing: Iterable[str]) -> NotThere:
    """The error that a thing is not there; its hint lists what there is, the likeliest first."""
    names = sorted(set(existing))
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    shown = [*close, *(name for name in names if name not in close)][:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    there = f"There are: {', '.join(shown)}{more}." if shown else "These credentials see none."
    return NotThere(f"The cloud has no {kind} `{wanted}`.", hint=there)


def _choose(kind: str, wanted: str, things: Sequence[Json]) -> Json:
    for attribute in ("name", "id"):
        for thing in things:
            if thing.get(attribute) == wanted:
                return thing
    raise missing(kind, wanted, (str(thing.get("name")) for thing in things))
