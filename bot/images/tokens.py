"""Rights in the registry as signed tokens: to one repository, for some minutes.

The registry knows a certificate, and trusts what its key signed. Nothing else has to run. The form is that of
https://distribution.github.io/distribution/spec/auth/jwt/; `x5c` is in RFC 7515.
"""

import base64
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from bot.errors import ConfigError

MOST_SECONDS = 3600.0
"""How long a right may last at most."""
SKEW_SECONDS = 60
"""How far the registry's clock may be behind."""

_SETUP = "`binder-bot images --setup FOLDER` makes a key and its certificate."
_ACTIONS = frozenset({"pull", "push", "delete"})
_NAME = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a right is for: one repository, and what may be done there.

    Attributes:
        name: The repository, without the registry's host.
        actions: Of `pull`, `push` and `delete`.
    """

    name: str
    actions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not self.actions or not _ACTIONS.issuperset(self.actions):
            raise ValueError("That is no right to one repository of a registry.")

    def __str__(self) -> str:
        return f"repository:{self.name}:{','.join(self.actions)}"


class TokenMinter:
    """Signs rights.

    Args:
        key: The private key; a secret.
        certificate: What the registry knows of it.
        service: What the registry calls itself.
        issuer: What it expects to be called who signs.
        clock: Unix seconds, UTC.
    """

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        certificate: x509.Certificate,
        *,
        service: str,
        issuer: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = key
        self._headers = {"x5c": [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]}
        self._service, self._issuer, self._clock = service, issuer, clock

    def mint(self, scope: Scope | None, seconds: float) -> str:
        """Sign a right; a secret.

        Args:
            scope: What it is for; None only shows who asks.
            seconds: For how long.

        Raises:
            ValueError: It would last longer than `MOST_SECONDS`, or be over at once.
        """
        if not 1 <= seconds <= MOST_SECONDS:
            raise ValueError("A right lasts between a second and an hour.")
        now = self._clock()
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": self._issuer,
            "aud": self._service,
            "iat": int(now),
            "nbf": int(now) - SKEW_SECONDS,
            "exp": int(now + seconds),
            "jti": secrets.token_hex(16),
            "access": [] if scope is None else [_access(scope)],
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers=self._headers)


def _access(scope: Scope) -> dict[str, Any]:
    return {"type": "repository", "name": scope.name, "actions": list(scope.actions)}


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read IMAGE_REGISTRY_KEY.

    Raises:
        ConfigError: It is no such key. The sentence names the variable, and shows nothing of the key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError("IMAGE_REGISTRY_KEY names a file without a private key in PEM.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError("IMAGE_REGISTRY_KEY is no key on the curve P-256.", hint=_SETUP)
    return key


def read_certificate(path: Path, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Read IMAGE_REGISTRY_CERTIFICATE.

    Raises:
        ConfigError: It is no certificate, that of another key, or over.
    """
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError("IMAGE_REGISTRY_CERTIFICATE names a file without a certificate in PEM.") from error
    if certificate.public_key() != key.public_key():
        raise ConfigError("IMAGE_REGISTRY_CERTIFICATE is not the certificate of IMAGE_REGISTRY_KEY.")
    if certificate.not_valid_after_utc.timestamp() <= time.time():
        raise ConfigError("IMAGE_REGISTRY_CERTIFICATE has expired.", hint=_SETUP)
    return certificate
