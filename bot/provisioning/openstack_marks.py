"""How everything of a binder is marked in an OpenStack cloud, and what a listing of it all means. Pure.

A server carries two tags, `binder-bot-<deployment>` and `binder-<id>`, and metadata for people and for
`recover`. A port and a floating IP carry both as their description, since Neutron cannot tag what it is about
to make.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.errors import ConfigError
from bot.provisioning.agent.text import sentence
from bot.provisioning.base import Instance, InstanceState, Order, Survey
from bot.provisioning.openstack_errors import NO_VALID_HOST
from bot.tokens import fingerprint

Json = Mapping[str, Any]

METADATA_LIMIT = 255
"""Characters of a metadata value that Nova accepts."""

_DEPLOYMENT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_BINDER = re.compile(r"[A-Za-z0-9_-]{1,50}")
_GONE = frozenset({"DELETED", "SOFT_DELETED"})
_STATES = {
    "ACTIVE": InstanceState.ACTIVE,
    "ERROR": InstanceState.ERROR,
    "SHUTOFF": InstanceState.STOPPED,
    "PAUSED": InstanceState.STOPPED,
    "SUSPENDED": InstanceState.STOPPED,
    "SHELVED": InstanceState.SHELVED,
    "SHELVED_OFFLOADED": InstanceState.SHELVED,
}
"""All others are on their way to one of these, or unknown; and unknown means alive."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one deployment of the bot.

    Attributes:
        deployment: Its id: small letters, digits and dashes, at most 40 characters.
        prefix: What the keys of its servers' metadata begin with.

    Raises:
        ConfigError: It is no such id.
    """

    deployment: str
    prefix: str = "binder-"

    def __post_init__(self) -> None:
        if not _DEPLOYMENT.fullmatch(self.deployment):
            raise ConfigError("A deployment's id is made of at most 40 small letters, digits and dashes.")

    @property
    def tag(self) -> str:
        """What every server of the deployment is tagged with; also the name of its security group."""
        return f"binder-bot-{self.deployment}"

    def tags(self, binder_id: str) -> list[str]:
        """The tags of a binder's server."""
        return [self.tag, name_of(binder_id)]

    def description(self, binder_id: str) -> str:
        """The description of a binder's port and floating IP."""
        return " ".join(self.tags(binder_id))

    def binder_of_server(self, server: Json) -> str | None:
        """The binder that a server belongs to; None where it is not ours, or gone already."""
        tags = server.get("tags") or []
        if self.tag not in tags or server.get("status") in _GONE:
            return None
        others = (tag for tag in tags if tag != self.tag)
        return next((binder for tag in others if (binder := _binder(tag))), None)

    def binder_of_part(self, part: Json) -> str | None:
        """The binder that a port or a floating IP belongs to; None where it is not ours."""
        mark, _, name = str(part.get("description")).partition(" ")
        return _binder(name) if mark == self.tag else None

    def is_of(self, binder_id: str, part: Json) -> bool:
        """Whether a port or a floating IP belongs to that binder."""
        return self.binder_of_part(part) == binder_id

    def metadata(self, order: Order) -> dict[str, str]:
        """The metadata of a binder's server: all that the bot's row can be rebuilt from, and no secret.

        A value that Nova would not take is left out whole: half a URL is a wrong URL.
        """
        values = {
            "deployment": self.deployment,
            "id": order.binder_id,
            "owner": order.owner,
            "team": order.team or None,
            "channel": order.channel,
            "name": order.name or None,
            "token": fingerprint(order.token),
            "deadline": _moment(order.ends_at),
            "size": order.size,
            "provider": order.provider,
            "url": order.url,
            "ref": order.ref,
            "commit": order.commit,
            "path": order.path,
            "interface": order.interface,
        }
        return {
            f"{self.prefix}{key}": value
            for key, value in values.items()
            if value is not None and len(value) <= METADATA_LIMIT
        }

    def metadata_of_end(self, ends_at: float) -> dict[str, str]:
        """The part of the metadata that tells when a binder ends."""
        return {f"{self.prefix}deadline": _moment(ends_at)}

    def read(self, server: Json) -> dict[str, str]:
        """A server's metadata, without the prefix."""
        metadata, prefix = server.get("metadata") or {}, self.prefix
        return {key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)}


@dataclass(frozen=True, slots=True)
class Listing:
    """All that one look at the cloud shows, as the cloud's own JSON."""

    servers: Sequence[Json]
    ports: Sequence[Json]
    floating_ips: Sequence[Json]


@dataclass(frozen=True, slots=True)
class Placed:
    """A server of ours, with the port and the floating IP that it is reached by."""

    binder_id: str
    server: Json
    port: Json | None
    floating_ip: Json | None


def name_of(binder_id: str) -> str:
    """The name of everything that is made for a binder."""
    return f"binder-{binder_id}"


def own_address(port: Json) -> str | None:
    """A port's IPv6 address; None where it has IPv4, and is reached by a floating IP alone."""
    own = [str(each.get("ip_address")) for each in port.get("fixed_ips") or []]
    return own[0] if own and all(":" in address for address in own) else None


def oldest_first(things: Iterable[Json], created: str) -> list[Json]:
    """Things in the order in which they were made; `created` is what their cloud calls that moment."""
    return sorted(things, key=lambda thing: (str(thing.get(created)), thing["id"]))


def placed(listing: Listing, marks: Marks) -> Iterator[Placed]:
    """Every server of ours, the oldest first, with what it is reached by."""
    by_port = {each["port_id"]: each for each in listing.floating_ips if each.get("port_id")}
    ports = _ports_of_servers(listing.ports, marks)
    for server in oldest_first(listing.servers, "created"):
        binder_id = marks.binder_of_server(server)
        if binder_id is None:
            continue
        own = ports(server["id"], binder_id)
        port = next((each for each in own if each["id"] in by_port), own[0] if own else None)
        yield Placed(binder_id, server, port, by_port.get(port["id"]) if port else None)


def survey_of(
    listing: Listing, marks: Marks, url_of: Callable[[str], str], no_room: Callable[[Json], str]
) -> Survey:
    """What a look at the cloud means.

    Args:
        listing: The look.
        marks: What is ours.
        url_of: The URL at which people reach an address.
        no_room: Says of a server that no host has room for it.
    """
    instances: defaultdict[str, tuple[Instance, ...]] = defaultdict(tuple)
    for each in placed(listing, marks):
        instances[each.binder_id] += (instance_of(each, marks, url_of, no_room),)
    owners = {marks.binder_of_part(part) for part in (*listing.ports, *listing.floating_ips)} - {None}
    strays = frozenset(owner for owner in owners if owner is not None and owner not in instances)
    return Survey(dict(instances), strays)


def state_of(server: Json) -> InstanceState:
    """A server's state. While a task works on it, it is on its way, whatever its status."""
    state = _STATES.get(str(server.get("status")), InstanceState.PENDING)
    busy = server.get("OS-EXT-STS:task_state") is not None
    return InstanceState.PENDING if busy and state != InstanceState.ERROR else state


def unix(moment: Any) -> float:
    """Unix seconds of a moment as Nova writes it; 0 where it is none."""
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return 0.0


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="seconds")


def _binder(name: str) -> str | None:
    binder_id = name.removeprefix("binder-")
    return binder_id if binder_id != name and _BINDER.fullmatch(binder_id) else None


def _ports_of_servers(ports: Sequence[Json], marks: Marks) -> Callable[[str, str], list[Json]]:
    """Find a server's ports: the ones bound to it; until it is scheduled, its binder's own unbound one."""
    bound: defaultdict[str, list[Json]] = defaultdict(list)
    waiting: defaultdict[str | None, list[Json]] = defaultdict(list)
    for port in ports:
        if port.get("device_id"):
            bound[port["device_id"]].append(port)
        else:
            waiting[marks.binder_of_part(port)].append(port)
    return lambda server_id, binder_id: bound[server_id] or waiting[binder_id]


def instance_of(
    each: Placed, marks: Marks, url_of: Callable[[str], str], no_room: Callable[[Json], str]
) -> Instance:
    """What a server of ours means; the arguments are those of `survey_of`."""
    state = state_of(each.server)
    address = _address(each, state)
    return Instance(
        ref=each.server["id"],
        binder_id=each.binder_id,
        state=state,
        created_at=unix(each.server.get("created")),
        url=url_of(address) if address else None,
        fault=_fault(each.server, no_room) if state == InstanceState.ERROR else "",
        ends_at=unix(marks.read(each.server).get("deadline")) or None,
    )


def _address(each: Placed, state: InstanceState) -> str | None:
    if each.floating_ip and each.floating_ip.get("floating_ip_address"):
        return str(each.floating_ip["floating_ip_address"])
    # What is put away keeps its port, but nobody reaches it there.
    return own_address(each.port) if each.port and state != InstanceState.SHELVED else None


def _fault(server: Json, no_room: Callable[[Json], str]) -> str:
    """Nova's own words, without a full stop; where no host has room, `no_room` and Nova's words."""
    words = sentence(str((server.get("fault") or {}).get("message") or "")).rstrip(". ")
    never_placed = not server.get("hostId") and not server.get("OS-EXT-SRV-ATTR:host")
    if NO_VALID_HOST in words.lower() or (never_placed and not words):
        return f"{no_room(server)} ({words or 'it was never placed'})"
    return words or "Nova gives no reason"
