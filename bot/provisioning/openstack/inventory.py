"""What the cloud lists of this deployment, and what that means in the bot's words. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.provisioning.agent.text import sentence
from bot.provisioning.instances import Instance, InstanceState, Survey
from bot.provisioning.openstack.errors import NO_VALID_HOST
from bot.provisioning.openstack.tags import Json, Tags

_STATES = {
    "ACTIVE": InstanceState.ACTIVE,
    "ERROR": InstanceState.ERROR,
    "SHUTOFF": InstanceState.STOPPED,
    "PAUSED": InstanceState.STOPPED,
    "SUSPENDED": InstanceState.STOPPED,
    "SHELVED": InstanceState.SHELVED,
    "SHELVED_OFFLOADED": InstanceState.SHELVED,
}
"""All other statuses lead to one of these or are unknown, and unknown means alive."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that the cloud lists at one moment, as its own JSON; other people's things are among it."""

    servers: Sequence[Json]
    ports: Sequence[Json]
    floating_ips: Sequence[Json]


@dataclass(frozen=True, slots=True)
class ServerWithAddress:
    """A server of ours, with the port and the floating IP that people reach it by."""

    binder_id: str
    server: Json
    port: Json | None
    floating_ip: Json | None


def own_address(port: Json) -> str | None:
    """A port's IPv6 address; None where it has IPv4, which people reach only by a floating IP."""
    own = [str(each.get("ip_address")) for each in port.get("fixed_ips") or []]
    return own[0] if own and all(":" in address for address in own) else None


def oldest_first(things: Iterable[Json], created: str) -> list[Json]:
    """Things in the order in which they were made; `created` is what their cloud calls that moment."""
    return sorted(things, key=lambda thing: (str(thing.get(created)), thing["id"]))


def servers_of(inventory: Inventory, tags: Tags) -> Iterator[ServerWithAddress]:
    """Every server of ours, the oldest first, with its address."""
    by_port = {each["port_id"]: each for each in inventory.floating_ips if each.get("port_id")}
    ports = _ports_of_servers(inventory.ports, tags)
    for server in oldest_first(inventory.servers, "created"):
        binder_id = tags.binder_of_server(server)
        if binder_id is None:
            continue
        own = ports(server["id"], binder_id)
        port = next((each for each in own if each["id"] in by_port), own[0] if own else None)
        yield ServerWithAddress(binder_id, server, port, by_port.get(port["id"]) if port else None)


def survey_of(
    inventory: Inventory, tags: Tags, url_of: Callable[[str], str], no_room: Callable[[Json], str]
) -> Survey:
    """What an inventory means.

    Args:
        inventory: What the cloud lists.
        tags: Tell what is ours.
        url_of: The URL at which people reach an address.
        no_room: Says of a server that no host has room for it.
    """
    instances: defaultdict[str, tuple[Instance, ...]] = defaultdict(tuple)
    for each in servers_of(inventory, tags):
        instances[each.binder_id] += (instance_of(each, tags, url_of, no_room),)
    owners = {tags.binder_of_address(each) for each in (*inventory.ports, *inventory.floating_ips)} - {None}
    strays = frozenset(owner for owner in owners if owner is not None and owner not in instances)
    return Survey(dict(instances), strays)


def instance_of(
    each: ServerWithAddress, tags: Tags, url_of: Callable[[str], str], no_room: Callable[[Json], str]
) -> Instance:
    """What a server of ours means in the bot's words; for the arguments see `survey_of`."""
    state = state_of(each.server)
    address = _address(each, state)
    return Instance(
        ref=each.server["id"],
        binder_id=each.binder_id,
        state=state,
        created_at=_unix(each.server.get("created")),
        url=url_of(address) if address else None,
        fault=_fault(each.server, no_room) if state == InstanceState.ERROR else "",
        ends_at=_unix(tags.read(each.server).get("deadline")) or None,
    )


def state_of(server: Json) -> InstanceState:
    """A server's state. While a task works on it, it is on its way, whatever its status."""
    state = _STATES.get(str(server.get("status")), InstanceState.PENDING)
    busy = server.get("OS-EXT-STS:task_state") is not None
    return InstanceState.PENDING if busy and state != InstanceState.ERROR else state


def _unix(moment: Any) -> float:
    """Unix seconds of a moment as Nova writes it; 0 where it cannot be read."""
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return 0.0


def _ports_of_servers(ports: Sequence[Json], tags: Tags) -> Callable[[str, str], list[Json]]:
    """Find a server's ports: the ones bound to it; until it is scheduled, its binder's own unbound one."""
    bound: defaultdict[str, list[Json]] = defaultdict(list)
    waiting: defaultdict[str | None, list[Json]] = defaultdict(list)
    for port in ports:
        if port.get("device_id"):
            bound[port["device_id"]].append(port)
        else:
            waiting[tags.binder_of_address(port)].append(port)
    return lambda server_id, binder_id: bound[server_id] or waiting[binder_id]


def _address(each: ServerWithAddress, state: InstanceState) -> str | None:
    if each.floating_ip and each.floating_ip.get("floating_ip_address"):
        return str(each.floating_ip["floating_ip_address"])
    # A shelved server keeps its port, but nobody reaches it there.
    return own_address(each.port) if each.port and state != InstanceState.SHELVED else None


def _fault(server: Json, no_room: Callable[[Json], str]) -> str:
    """Nova's own words, without a full stop; where no host has room, `no_room` and Nova's words."""
    words = sentence(str((server.get("fault") or {}).get("message") or "")).rstrip(". ")
    never_placed = not server.get("hostId") and not server.get("OS-EXT-SRV-ATTR:host")
    if NO_VALID_HOST in words.lower() or (never_placed and not words):
        return f"{no_room(server)} ({words or 'it was never placed'})"
    return words or "Nova gives no reason"
