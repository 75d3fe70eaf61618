"""The ids of binders, the tokens of their servers, and the secrets of their instances.

Tokens and secrets are random, or made from a key that the operator keeps, and so made again.
"""

import base64
import hashlib
import hmac
import secrets

_BYTES = 24
_ID_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that look alike: i, l, o, 0, 1."""
_ID_LENGTH = 8


def new_id() -> str:
    """A random id for a binder, which people can read to each other."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))


def new_token(binder_id: str, key: str | None = None) -> str:
    """The token for a binder's server; 32 characters that a URL may hold.

    Args:
        binder_id: Whose it is.
        key: The operator's secret: the same key makes the same token for the same binder, so that a lost
            database loses no links. Without one the token is random.
    """
    if key is None:
        return secrets.token_urlsafe(_BYTES)
    digest = hmac.new(key.encode(), f"token of {binder_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_BYTES]).decode()


def new_secret(binder_id: str, key: str | None = None) -> str:
    """What only the user data of a binder's instance holds: 32 characters. See `new_token`."""
    return new_token(binder_id, key and f"secrets beside {key}")


def new_identity(key: str | None = None) -> tuple[str, str]:
    """A random id, and the secret of that instance. See `new_token`."""
    binder_id = new_id()
    return binder_id, new_secret(binder_id, key)


def fingerprint(token: str) -> str:
    """Something by which a token is known again, and from which it cannot be found out."""
    return hashlib.sha256(f"fingerprint of {token}".encode()).hexdigest()[:16]
