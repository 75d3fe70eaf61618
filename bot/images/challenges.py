"""What a registry with accounts asks for: a token of its token server. Pure.

https://distribution.github.io/distribution/spec/auth/token/
"""

import re
from dataclasses import dataclass

_PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Challenge:
    """Where a token is to be had.

    Attributes:
        realm: The URL of the token server.
        service: What the registry is called there.
    """

    realm: str
    service: str


def bearer_challenge(header: str) -> Challenge | None:
    """Read `WWW-Authenticate: Bearer realm="…",service="…"`; None where it asks for no such token."""
    scheme, _, rest = header.partition(" ")
    found = dict(_PARAMETER.findall(rest)) if scheme.lower() == "bearer" else {}
    return Challenge(found["realm"], found.get("service", "")) if found.get("realm") else None
