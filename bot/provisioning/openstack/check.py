"""Tries each setting on the cloud, to find what would keep the first launch from working."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from math import ceil
from typing import TypeVar

from bot.errors import CloudError
from bot.provisioning.baking import BAKED
from bot.provisioning.openstack.api import Api, Json
from bot.provisioning.openstack.errors import NotThere
from bot.provisioning.openstack.images import advice_on
from bot.provisioning.openstack.name_resolver import NameResolver, missing
from bot.provisioning.openstack.network import Network
from bot.provisioning.openstack.options import Flavor, OpenStackOptions
from bot.provisioning.openstack.quota import Quota, Quotas, of_compute, of_network, of_volumes, places

_Found = TypeVar("_Found")

_GB = 2**30
_INTERFACES = frozenset(
    {
        "network:router_interface",
        "network:router_interface_distributed",
        "network:ha_router_replicated_interface",
    }
)
"""The owners of a port by which a router is attached to a network."""
_AUTO_ALLOCATED = "auto_allocated_network"
_ALLOCATE = "Make it with `openstack network auto allocated topology create`."


class Check:
    """Tries what the operator chose on the cloud, and changes nothing there.

    What the credentials may not see cannot be checked, and counts as right.

    Args:
        api: The cloud.
        names: Finds the ids of the operator's names.
        network: What binders have in Neutron.
        options: What the operator chose.
    """

    def __init__(self, api: Api, names: NameResolver, network: Network, options: OpenStackOptions) -> None:
        self._api = api
        self._names = names
        self._network = network
        self._options = options

    def problems(self) -> list[str]:
        """A sentence for each thing that the operator has to change, with what there is instead."""
        return [
            *_findings(self._image),
            *(found for flavor in self._options.flavors for found in _findings(partial(self._size, flavor))),
            *_findings(self._volumes),
            *_findings(self._instances_network),
            *_findings(self._external_network),
            *_findings(self._group),
            *_findings(self._key_pair),
            *_findings(self._zone),
            *_findings(self._room),
        ]

    def advice(self) -> list[str]:
        """A sentence for each thing that the operator should do soon."""
        if self._options.image != BAKED:
            return []
        return list(advice_on(self._names.newest_image(), self._options.pins, datetime.now(UTC)))

    def quota(self) -> str:
        """How much of the project's quota is used: `instances 3 of 10, cores 12 of 80, …`."""
        shown = ", ".join(str(quota) for quota in self._quotas().values())
        return shown or "these credentials may not read it"

    def free_places(self, offered: Flavor | None) -> int | None:
        """How many more instances of a size the quotas allow; None where none of them is known, or limits it.

        Args:
            offered: The size; None where the site has none of that name.

        Raises:
            CloudError: There is no such flavor.
        """
        if offered is None:
            return 0
        needs = {"instances": 1, "port": 1, **self._names.needs_of(offered)}
        if _or_none(self._network.has_ipv4) is not False:
            needs["floatingip"] = 1
        if volume := self._options.boot_volume_gb:
            needs |= {"volumes": 1, "gigabytes": volume}
        return places(self._quotas(), needs)

    def vcpus(self, offered: Flavor | None) -> int:
        """How many vCPUs a flavor has, 1 at least.

        Raises:
            CloudError: There is no such flavor.
        """
        if offered is None:
            raise CloudError("This cloud has no such size.")
        return max(self._names.needs_of(offered)["cores"], 1)

    # Image and flavors -----------------------------------------------------------------------------------

    def _image(self) -> Iterator[str]:
        image = self._names.newest_image()
        volume, needed = self._options.boot_volume_gb, _disk_of(image)
        if volume is not None and volume < needed:
            yield f"OPENSTACK_BOOT_VOLUME_GB is {volume}, and {_called(image)} needs {needed} GB."

    def _size(self, offered: Flavor) -> Iterator[str]:
        flavor = self._names.flavor_of(offered)
        if flavor.get("OS-FLV-DISABLED:disabled"):
            yield f"The flavor `{offered.flavor}` is disabled."
        image = _or_none(self._names.newest_image)
        if image is None:
            return
        memory, least = int(flavor.get("ram") or 0), int(image.get("min_ram") or 0)
        if memory < least:
            has = f"The flavor `{offered.flavor}` has {memory} MB of memory"
            yield f"{has}, and {_called(image)} needs {least} MB."
        if self._options.boot_volume_gb is None:
            yield from _disk_problem(offered.flavor, int(flavor.get("disk") or 0), image)

    def _volumes(self) -> Iterator[str]:
        if self._options.boot_volume_gb is not None and not self._api.offers("block-storage"):
            yield "OPENSTACK_BOOT_VOLUME_GB is set, but the cloud has no volumes (Cinder)."

    # Network ---------------------------------------------------------------------------------------------

    def _instances_network(self) -> Iterator[str]:
        try:
            network = self._names.network_named(external=False)
        except NotThere as error:
            hint = f"{error.hint} {_ALLOCATE}" if self._options.network == _AUTO_ALLOCATED else error.hint
            raise NotThere(error.sentence, hint=hint) from error
        if not self._network.versions():
            yield f"The network `{self._options.network}` has no subnet, so instances would have no address."
        elif self._network.has_ipv4() and self._has_no_way_out(network):
            yield (
                f"The network `{self._options.network}` has no router to "
                f"`{self._options.external_network}`, so floating IPs cannot reach it."
            )

    def _has_no_way_out(self, network: Json) -> bool:
        external = _or_none(lambda: self._names.network_named(external=True))
        if external is None or network.get("project_id") != self._api.project_id():
            return False  # the router of a shared network belongs to others, and may not be visible
        routers = _or_none(lambda: self._api.find("network", "/routers", "routers", "list the routers"))
        if routers is None:
            return False
        leading = {
            each["id"]
            for each in routers
            if (each.get("external_gateway_info") or {}).get("network_id") == external["id"]
        }
        ports = self._api.find("network", "/ports", "ports", "list the ports", network_id=network["id"])
        joined = {each.get("device_id") for each in ports if each.get("device_owner") in _INTERFACES}
        return not leading & joined

    def _external_network(self) -> tuple[str, ...]:
        self._names.network_named(external=True)
        return ()

    def _group(self) -> Iterator[str]:
        wanted = self._options.security_group
        if wanted is not None:
            yield from _unless_named("security group", wanted, self._network.group_names())

    # Key pair and zone -----------------------------------------------------------------------------------

    def _key_pair(self) -> Iterator[str]:
        wanted = self._options.key_pair
        if wanted is not None:
            answer = self._api.call("compute", "GET", "/os-keypairs", "list the key pairs")
            names = [str(each["keypair"]["name"]) for each in answer.get("keypairs", [])]
            yield from _unless_named("key pair", wanted, names)

    def _zone(self) -> Iterator[str]:
        wanted = self._options.availability_zone
        if wanted is not None:
            answer = self._api.call("compute", "GET", "/os-availability-zone", "list the availability zones")
            zones = answer.get("availabilityZoneInfo", [])
            on = [each for each in zones if (each.get("zoneState") or {}).get("available", True)]
            yield from _unless_named("availability zone", wanted, [str(each["zoneName"]) for each in on])

    # Quota -----------------------------------------------------------------------------------------------

    def _quotas(self) -> Quotas:
        looks: list[Callable[[], Quotas]] = [lambda: of_compute(self._api), lambda: of_network(self._api)]
        if self._options.boot_volume_gb is not None and self._api.offers("block-storage"):
            looks.append(lambda: of_volumes(self._api))
        return {name: quota for look in looks for name, quota in (_or_none(look) or {}).items()}

    def _room(self) -> Iterator[str]:
        quotas = self._quotas()
        one_each = ["instances", "volumes", "port"]
        if _or_none(self._network.has_ipv4) is not False:
            one_each.append("floatingip")
        full = [str(quotas[name]) for name in one_each if name in quotas and not quotas[name].has_room()]
        if full:
            yield f"The project's quota is used up: {', '.join(full)}."
        volume = self._options.boot_volume_gb or 0
        if tight := _tight(quotas, {"gigabytes": volume}):
            yield f"The project's quota has no room for a boot volume: {tight}."
        for offered in self._options.flavors:
            flavor = _or_none(partial(self._names.flavor_of, offered)) or {}
            wanted = {"cores": int(flavor.get("vcpus") or 0), "ram": int(flavor.get("ram") or 0)}
            if tight := _tight(quotas, wanted):
                yield f"The project's quota has no room for the size `{offered.key}`: {tight}."


def _disk_of(image: Json) -> int:
    """GB of disk that an image needs."""
    content = max(int(image.get("virtual_size") or 0), int(image.get("size") or 0))
    return max(int(image.get("min_disk") or 0), ceil(content / _GB))


def _disk_problem(flavor: str, disk: int, image: Json) -> Iterator[str]:
    needed = _disk_of(image)
    if disk == 0:
        yield f"The flavor `{flavor}` has no disk of its own: set OPENSTACK_BOOT_VOLUME_GB."
    elif disk < needed:
        yield f"The flavor `{flavor}` has {disk} GB of disk, and {_called(image)} needs {needed} GB."


def _called(image: Json) -> str:
    return f"the image `{image.get('name')}`"


def _tight(quotas: Quotas, wanted: dict[str, int]) -> str:
    """The quotas that have no room for so much more, with how much that is; empty where all have it."""
    tight: list[tuple[Quota, int]] = [
        (quotas[name], more)
        for name, more in wanted.items()
        if name in quotas and not quotas[name].has_room(more)
    ]
    return ", ".join(f"{quota}, {more} more wanted" for quota, more in tight)


def _unless_named(kind: str, wanted: str, names: list[str]) -> Iterator[str]:
    if wanted not in names:
        yield _sentence(missing(kind, wanted, names))


def _findings(look: Callable[[], Iterable[str]]) -> list[str]:
    """What a look finds wrong; where it fails, the reason."""
    found: list[str] = []
    try:
        found.extend(look())
    except CloudError as error:
        return [*found, _sentence(error)]
    return found


def _or_none(look: Callable[[], _Found]) -> _Found | None:
    """What a look finds; None for what is not there or not visible."""
    try:
        return look()
    except CloudError:
        return None


def _sentence(error: CloudError) -> str:
    return f"{error.sentence} {error.hint}".strip()
