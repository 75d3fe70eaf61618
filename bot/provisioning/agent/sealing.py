"""Sealing what an instance is told after it was made.

The way there is public: whoever may look at the project reads the metadata of its servers. So a text is
encrypted and authenticated with the secret that only this instance's user data holds. The standard library
has no cipher. The key stream is HMAC-SHA-256 in counter mode, a pseudorandom function as in NIST SP 800-108,
and the text is authenticated after it was encrypted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os

_NONCE_BYTES = 16
_TAG_BYTES = 32


class SealBroken(ValueError):
    """It was not sealed with this secret for this purpose, or was changed on its way."""


def derive(secret: str, purpose: str) -> bytes:
    """A key for one purpose; 32 bytes, from which neither the secret nor other keys can be found out."""
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()


def token_of(secret: str, binder_id: str) -> str:
    """The token of the server that a warm instance starts for a binder: 32 characters that a URL may hold.

    The bot and the instance both make it, so that it never travels.
    """
    return base64.urlsafe_b64encode(derive(secret, f"token of {binder_id}")[:24]).decode()


def seal(text: str, secret: str, purpose: str) -> str:
    """Seal a text.

    Args:
        text: What is to be read by the instance alone.
        secret: What only this instance's user data holds.
        purpose: What it is for; what was sealed for one purpose cannot be used for another.

    Returns:
        Letters, digits, `-`, `_` and `=`.
    """
    nonce = os.urandom(_NONCE_BYTES)
    hidden = _crypt(text.encode(), derive(secret, f"encrypt {purpose}"), nonce)
    return base64.urlsafe_b64encode(nonce + hidden + _tag(nonce + hidden, secret, purpose)).decode()


def unseal(sealed: str, secret: str, purpose: str) -> str:
    """Give the text back.

    Raises:
        SealBroken: See there.
    """
    try:
        content = base64.b64decode(sealed, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise SealBroken("It is not sealed.") from error
    body, tag = content[:-_TAG_BYTES], content[-_TAG_BYTES:]
    if len(body) < _NONCE_BYTES or not hmac.compare_digest(tag, _tag(body, secret, purpose)):
        raise SealBroken("It was sealed with another secret, or changed.")
    return _crypt(body[_NONCE_BYTES:], derive(secret, f"encrypt {purpose}"), body[:_NONCE_BYTES]).decode()


def _tag(body: bytes, secret: str, purpose: str) -> bytes:
    return hmac.new(derive(secret, f"authenticate {purpose}"), body, hashlib.sha256).digest()


def _crypt(content: bytes, key: bytes, nonce: bytes) -> bytes:
    """Encrypt, or decrypt: both are the same."""
    blocks = range(-(-len(content) // hashlib.sha256().digest_size))
    stream = b"".join(
        hmac.new(key, nonce + block.to_bytes(8, "big"), hashlib.sha256).digest() for block in blocks
    )
    return bytes(one ^ other for one, other in zip(content, stream))
