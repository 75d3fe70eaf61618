"""What the operator named, looked up in the cloud: image, flavors, networks; and what is missing of it."""

import difflib
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from bot.errors import CloudError
from bot.provisioning.openstack_api import Api, Json
from bot.provisioning.openstack_errors import NotThere
from bot.provisioning.openstack_options import Offer, OpenStackOptions

_KEPT_SECONDS = 600.0
"""How long a name stays looked up. Sites replace an image under the same name."""
_SHOWN = 12
"""How many existing names are shown where one is missing."""


class Names:
    """The ids behind the operator's names, remembered for a while.

    Args:
        api: The cloud.
        options: What the operator chose.
    """

    def __init__(self, api: Api, options: OpenStackOptions) -> None:
        self._api = api
        self._options = options
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, str]] = {}

    def forget(self) -> None:
        """Look everything up anew: something was not there any more."""
        with self._lock:
            self._known.clear()

    def image(self) -> str:
        """The id of the image.

        Raises:
            CloudError: There is none of that name; says what there is.
        """
        return self._remembered("image", self._look_up_image)

    def flavor(self, offer: Offer) -> str:
        """The id of a size's flavor; raises as `image` does."""
        return self._remembered(f"flavor {offer.flavor}", lambda: self._look_up_flavor(offer.flavor))

    def network(self) -> str:
        """The id of the instances' network; raises as `image` does."""
        return self._remembered("network", lambda: self._look_up_network(external=False))

    def external_network(self) -> str:
        """The id of the floating IPs' network; raises as `image` does."""
        return self._remembered("external network", lambda: self._look_up_network(external=True))

    def problems(self) -> list[str]:
        """A sentence for each name that the cloud does not know."""
        looks: list[Callable[[], object]] = [
            self._look_up_image,
            *(lambda offer=offer: self._look_up_flavor(offer.flavor) for offer in self._options.offers),
            lambda: self._look_up_network(external=False),
            lambda: self._look_up_network(external=True),
            self._look_up_key_pair,
            self._look_up_zone,
        ]
        return [problem for look in looks if (problem := _problem(look))]

    def _remembered(self, name: str, look: Callable[[], str]) -> str:
        with self._lock:
            at, known = self._known.get(name, (0.0, ""))
        if known and time.monotonic() - at < _KEPT_SECONDS:
            return known
        found = look()
        with self._lock:
            self._known[name] = (time.monotonic(), found)
        return found

    def _look_up_image(self) -> str:
        wanted = self._options.image
        images = self._images(name=wanted) or self._image_by_id(wanted)
        if not images:
            raise _missing("image", wanted, (str(each.get("name")) for each in self._images()))
        return str(max(images, key=lambda each: str(each.get("created_at")))["id"])

    def _images(self, **params: str) -> list[Json]:
        return self._api.find("image", "/images", "images", "list the images", status="active", **params)

    def _image_by_id(self, wanted: str) -> list[Json]:
        return [each for each in self._images(id=wanted) if each["id"] == wanted]

    def _look_up_flavor(self, wanted: str) -> str:
        flavors = self._api.find("compute", "/flavors", "flavors", "list the flavors")
        return _choose("flavor", wanted, flavors)

    def _look_up_network(self, *, external: bool) -> str:
        wanted = self._options.external_network if external else self._options.network
        networks = self._api.find("network", "/networks", "networks", "list the networks")
        fitting = [each for each in networks if bool(each.get("router:external")) == external]
        return _choose("external network" if external else "network", wanted, fitting)

    def _look_up_key_pair(self) -> None:
        if self._options.key_pair is None:
            return
        answer = self._api.call("compute", "GET", "/os-keypairs", "list the key pairs")
        names = [str(each["keypair"]["name"]) for each in answer.get("keypairs", [])]
        _require("key pair", self._options.key_pair, names)

    def _look_up_zone(self) -> None:
        if self._options.availability_zone is None:
            return
        answer = self._api.call("compute", "GET", "/os-availability-zone", "list the availability zones")
        names = [str(each["zoneName"]) for each in answer.get("availabilityZoneInfo", [])]
        _require("availability zone", self._options.availability_zone, names)


def _choose(kind: str, wanted: str, things: Sequence[Json]) -> str:
    for attribute in ("name", "id"):
        for thing in things:
            if thing.get(attribute) == wanted:
                return str(thing["id"])
    raise _missing(kind, wanted, (str(thing.get("name")) for thing in things))


def _require(kind: str, wanted: str, names: Sequence[str]) -> None:
    if wanted not in names:
        raise _missing(kind, wanted, names)


def _missing(kind: str, wanted: str, existing: Iterable[str]) -> NotThere:
    names = sorted(set(existing))
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    shown = [*close, *(name for name in names if name not in close)][:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    there = f"There are: {', '.join(shown)}{more}." if shown else "There is none that these credentials see."
    return NotThere(f"The cloud has no {kind} `{wanted}`.", hint=there)


def _problem(look: Callable[[], object]) -> str:
    try:
        look()
    except CloudError as error:
        return f"{error.sentence} {error.hint}".strip()
    return ""
