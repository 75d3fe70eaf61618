"""Which addresses may be spoken to: only public ones, unless the operator allows the others.

A host may move into our own network between two look-ups. It is therefore looked up once, all of its
addresses are checked, and whoever speaks to it is pinned to them.
"""

import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from bot.errors import ForbiddenAddress, RepositoryUnreachable
from bot.sentences import Sentence

Lookup = Callable[[str, int], Sequence[str]]
"""Host and port -> all its addresses. May block; raises OSError if there is no such host."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")
_PLAIN_NETLOC = re.compile(r"(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.IGNORECASE)
_NUMERIC_HOST = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*", re.IGNORECASE)
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class Pin:
    """A host, and the addresses it was seen at. As text: what curl takes to look no further."""

    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def is_literal(self) -> bool:
        """Whether the host is an address itself, which nobody looks up."""
        return ":" in self.host or self.addresses == (self.host,)

    def __str__(self) -> str:
        addresses = (f"[{each}]" if ":" in each else each for each in self.addresses)
        return f"{self.host}:{self.port}:{','.join(addresses)}"


def system_lookup(host: str, port: int) -> list[str]:
    """All addresses of a host, by this machine's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Looks hosts up, and refuses those that nobody may speak to.

    Args:
        allow_private: Let hosts lie on private, loopback or link-local addresses.
        lookup: How hosts are looked up.
    """

    allow_private: bool = False
    lookup: Lookup = system_lookup

    def pin(self, url: str, deadline: float) -> Pin:
        """The addresses that the host of a URL may be reached at.

        Args:
            url: An http(s) address.
            deadline: On the monotonic clock, in seconds.

        Raises:
            ForbiddenAddress: One of them is private.
            RepositoryUnreachable: There is no such host.
        """
        parts = urlsplit(url)
        if not _PLAIN_NETLOC.fullmatch(parts.netloc):
            # curl might read another host out of it than we do.
            raise ForbiddenAddress(Sentence("The link has a host that cannot be read."))
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
        addresses = _within(deadline, host, lambda: self.lookup(host, port))
        if not self.allow_private:
            _refuse_private(host, addresses)
        return Pin(host, port, tuple(addresses))


def _within(deadline: float, host: str, lookup: Callable[[], Sequence[str]]) -> Sequence[str]:
    """Look a host up, in a thread that may be left behind: getaddrinfo knows no timeout."""
    answers: queue.SimpleQueue[Sequence[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(lookup())
        except (OSError, UnicodeError):
            answers.put(())

    threading.Thread(target=ask, name="host-lookup", daemon=True).start()
    try:
        addresses = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise RepositoryUnreachable(
            Sentence("The address of {host} could not be looked up in time.", host=host)
        ) from None
    if not addresses:
        raise RepositoryUnreachable(
            Sentence("There is no host {host}.", host=host), hint=Sentence("Is its name spelled right?")
        )
    return addresses


def _refuse_private(host: str, addresses: Sequence[str]) -> None:
    # Of numbers in odd notations (2130706433, 0177.1), curl may make another address than we do.
    is_odd = _NUMERIC_HOST.fullmatch(host) and host not in addresses
    if is_odd or not all(_is_public(address) for address in addresses):
        raise ForbiddenAddress(
            Sentence("{host} is not on the public internet.", host=host),
            hint=Sentence("The bot's operator can allow private hosts: ALLOW_PRIVATE_REPOSITORIES."),
        )


def _is_public(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return _is_public_v6(address)
    return address.is_global and not address.is_multicast


def _is_public_v6(address: IPv6Address) -> bool:
    """Whether the address is public, and so is the one of version 4 that may be inside of it."""
    if address in _COMPATIBLE or address in _LOCAL_NAT64 or address.teredo or address.is_site_local:
        return False
    inner = address.ipv4_mapped or address.sixtofour
    if address in _NAT64:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    if inner is not None:
        return _is_public(str(inner))
    return address.is_global and not address.is_multicast


def may_follow(origin: SplitResult, target: SplitResult) -> bool:
    """Whether a redirect stays on the web, keeps its encryption, and carries no password."""
    try:
        legible = target.port is None or target.port > 0
    except ValueError:
        return False
    downgrade = origin.scheme == "https" and target.scheme == "http"
    return bool(
        legible
        and target.scheme in _DEFAULT_PORTS
        and target.hostname
        and not downgrade
        and _PLAIN_NETLOC.fullmatch(target.netloc)
        and not re.search(r"[\s\\]", target.geturl())
    )
