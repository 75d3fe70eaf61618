"""Names in the registry: where it is, and in which of its repositories an image is. Pure."""

import hashlib
import re
from dataclasses import dataclass
from ipaddress import ip_address

from storage.models import Binder

_HOST = r"(?P<host>localhost|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+)"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PLACE = re.compile(rf"{_HOST}(?P<port>:[0-9]{{1,5}})?/(?P<prefix>{_PART}(?:/{_PART})*)")
_NAME_LETTERS = 32
"""Of the hash that names a repository: 128 bits."""


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """Where images are kept.

    Attributes:
        host: The registry, as Docker names it: `registry.example.org` or `127.0.0.1:5000`.
        prefix: What the names of its repositories begin with.
        is_http: Whether it is spoken to without TLS.
    """

    host: str
    prefix: str
    is_http: bool = False

    @property
    def url(self) -> str:
        """The root of its API."""
        return f"{'http' if self.is_http else 'https'}://{self.host}"

    @property
    def root(self) -> str:
        """What the full names of its repositories begin with."""
        return f"{self.host}/{self.prefix}/"

    def repository(self, name: str) -> str:
        """The full name of a repository, as Docker takes it."""
        return f"{self.root}{name}"

    def path(self, repository: str) -> str:
        """The name of a repository within the registry."""
        return repository.removeprefix(f"{self.host}/")


def parse_place(text: str, *, is_http: bool = False) -> RegistryPlace:
    """Read `host[:port]/prefix`. A registry on loopback is spoken to without TLS, as Docker does.

    Raises:
        ValueError: It is something else.
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(
            "must be `host[:port]/prefix` in small letters, such as `registry.example.org/binders`"
        )
    host = found["host"]
    return RegistryPlace(
        f"{host}{found['port'] or ''}", found["prefix"], is_http=is_http or is_on_loopback(host)
    )


def is_on_loopback(host: str) -> bool:
    """Whether a host, without its port, is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def public_name(binder: Binder) -> str:
    """The repository for images of its source that everybody may use who may read the source.

    If a right is needed for that, its images lie apart: nobody is told of them who was not found to have it.
    """
    return _name(_kind(binder, "public"), binder.provider, binder.url)


def private_name(binder: Binder, owner: str | None = None) -> str:
    """The repository for images of its source that only one person may use, in private: its owner."""
    return _name(_kind(binder, "private"), binder.provider, binder.url, binder.team_id, owner or binder.owner)


def _kind(binder: Binder, kind: str) -> str:
    return f"{kind} by right" if binder.needs_right else kind


def _name(*parts: str) -> str:
    # No part can hold a NUL: two different lists of parts are two different texts.
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_NAME_LETTERS]
