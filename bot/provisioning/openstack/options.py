"""What the OpenStack cloud is built from, apart from the environment: tests and benchmarks build it too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from bot.errors import ConfigError
from bot.provisioning.instances import Size

_URL_FIELDS = frozenset({"address", "dashed", "port"})
_PREFIX = re.compile(r"[A-Za-z0-9_:.-]{0,64}")


@dataclass(frozen=True, slots=True)
class Flavor:
    """A size that people may choose, and the flavor that it stands for.

    Attributes:
        key: What is typed after `--size`.
        flavor: The flavor's name or id in the cloud.
        label: What people read.
        price_per_hour: In the site's unit; 0 where nothing is charged.
        people: See `Size`.
    """

    key: str
    flavor: str
    label: str
    price_per_hour: float = 0.0
    people: frozenset[str] | None = None

    @property
    def size(self) -> Size:
        """What the rest of the bot knows of it."""
        return Size(self.key, self.label, self.price_per_hour, self.people)


@dataclass(frozen=True, slots=True)
class OpenStackOptions:
    """Where instances are made, and of what. The defaults are Jetstream2's names.

    Attributes:
        image: Name or id of the image that instances boot from; of several with one name the newest. `baked`
            for the newest that was baked.
        flavors: The sizes that people may choose; the first is the default.
        network: Name or id of the network that instances are attached to; it needs a router to
            `external_network`.
        external_network: Name or id of the network that floating IPs come from.
        security_group: Name of the security group of all instances. None for one named after the deployment,
            which is made where it does not exist.
        allowed_ports: The TCP ports that the security group opens to the world; people reach the first.
        key_pair: Name of a key pair whose owner may log in to instances, or None for nobody.
        boot_volume_gb: Size in GB of a volume to boot from, deleted with its instance; None for the flavor's
            own disk.
        availability_zone: Where instances are made, or None for the cloud's choice.
        public_url: The URL at which people reach a port of an address. `{address}`, `{dashed}` (dots and
            colons become dashes) and `{port}` are replaced. Jetstream2's proxy with certificates is
            `https://http-{dashed}-{port}.proxy-js2-iu.exosphere.app`.
        roots: The file with the certificates that vouch for instances, as PEM; None for those well known.
        metadata_prefix: What the keys of an instance's metadata begin with.
        poll_seconds: How often an instance that is being made or built should be looked at.
        attempt_seconds: How long after a lost reply an instance may still turn up in a listing.
        pins: What a baked image should have inside, by name.
        console_lines: How many lines of an instance's console are read at most.

    Raises:
        ConfigError: One of them is wrong, whatever the cloud.
    """

    image: str
    flavors: tuple[Flavor, ...]
    network: str = "auto_allocated_network"
    external_network: str = "public"
    security_group: str | None = None
    allowed_ports: tuple[int, ...] = (8888,)
    key_pair: str | None = None
    boot_volume_gb: int | None = None
    availability_zone: str | None = None
    public_url: str = "http://{address}:{port}"
    roots: str | None = None
    metadata_prefix: str = "binder-"
    poll_seconds: float = 5.0
    attempt_seconds: float = 120.0
    pins: Mapping[str, str] = field(default_factory=dict)
    console_lines: int = 400

    def __post_init__(self) -> None:
        _check_flavors(self.flavors)
        _check_url(self.public_url)
        if not self.allowed_ports or not all(0 < port <= 65535 for port in self.allowed_ports):  # noqa: PLR2004 - the last port
            raise ConfigError("The allowed ports must name at least one port between 1 and 65535.")
        if not _PREFIX.fullmatch(self.metadata_prefix):
            raise ConfigError(
                "OPENSTACK_METADATA_PREFIX may contain only letters, digits, `_`, `-`, `:` and `.`."
            )

    def flavor_of(self, key: str) -> Flavor | None:
        """The flavor of a size; None where there is no size of that key."""
        return next((each for each in self.flavors if each.key == key), None)

    def boot_source(self, image: str) -> Mapping[str, Any]:
        """What an instance boots from, as Nova is asked for it: an image, or a volume that is made of it."""
        if self.boot_volume_gb is None:
            return {"imageRef": image}
        volume = {
            "boot_index": 0,
            "uuid": image,
            "source_type": "image",
            "destination_type": "volume",
            "volume_size": self.boot_volume_gb,
            "delete_on_termination": True,
        }
        return {"block_device_mapping_v2": [volume]}

    def url_of(self, address: str) -> str:
        """The base URL at which people reach a server at an address, without a trailing slash."""
        dashed = re.sub(r"[.:]", "-", address)
        host = f"[{address}]" if ":" in address else address
        return self.public_url.format(address=host, dashed=dashed, port=self.allowed_ports[0]).rstrip("/")


def _check_flavors(flavors: tuple[Flavor, ...]) -> None:
    keys = [each.key for each in flavors]
    if not keys:
        raise ConfigError("OPENSTACK_SIZES must name at least one flavor.")
    if len(set(keys)) != len(keys):
        raise ConfigError("OPENSTACK_SIZES names a flavor twice.")


def _check_url(form: str) -> None:
    try:
        fields = {name for _, name, _, _ in Formatter().parse(form) if name is not None}
    except ValueError as error:
        raise ConfigError(f"OPENSTACK_PUBLIC_URL cannot be read: {error}.") from error
    if not form.startswith(("http://", "https://")):
        raise ConfigError("OPENSTACK_PUBLIC_URL must begin with http:// or https://.")
    if fields - _URL_FIELDS:
        raise ConfigError("OPENSTACK_PUBLIC_URL may contain only {address}, {dashed} and {port}.")
    if not fields & {"address", "dashed"}:
        raise ConfigError("OPENSTACK_PUBLIC_URL must contain {address} or {dashed}.")
