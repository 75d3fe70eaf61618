"""Encrypts the secrets of the database, so that a copy of it opens nothing.

Each sealed text is bound to its place: its table, its column and the id of its row. It opens nowhere else.
"""

import base64
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from storage.errors import UnreadableSecret

ANY_MARK = "sealed:1:"
"""How each sealed text begins. No token begins so, and no URL."""
_NONCE_BYTES = 12


class Keyring:
    """The keys of one site: the first one encrypts, and all of them decrypt. AES-256-GCM.

    Args:
        keys: Secrets of at least 32 random characters each; at least one.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers = {_derived(key, "name", 4).hex(): AESGCM(_derived(key, "key", 32)) for key in keys}
        self._first = next(iter(self._ciphers))

    def __repr__(self) -> str:
        """Name the keys without showing them."""
        return f"Keyring({', '.join(self._ciphers)})"

    @property
    def mark(self) -> str:
        """How a text begins that is sealed with the first key."""
        return f"{ANY_MARK}{self._first}:"

    @property
    def marks(self) -> list[str]:
        """How a text begins that one of the keys opens."""
        return [f"{ANY_MARK}{name}:" for name in self._ciphers]

    def seal(self, text: str, place: str) -> str:
        """Encrypt a text so that it opens in one place only."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._ciphers[self._first].encrypt(nonce, text.encode(), place.encode())
        return self.mark + base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, place: str) -> str:
        """Decrypt what `seal` made for the same place.

        Raises:
            UnreadableSecret: None of the keys made it, or it was changed or moved since.
        """
        name, _, text = sealed.removeprefix(ANY_MARK).partition(":")
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise unknown_key()
        try:
            raw = base64.urlsafe_b64decode(text)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError):
            raise UnreadableSecret(
                "A secret of this binder was changed in the database, or copied from another row.",
                hint="The people who run the bot can stop the binder, and you can launch it again.",
            ) from None  # what led to it holds parts of what was decrypted


def _derived(key: str, purpose: str, length: int) -> bytes:
    info = f"binder-bot secrets at rest: {purpose}".encode()
    return HKDF(hashes.SHA256(), length, salt=None, info=info).derive(key.encode())


def is_sealed(text: str | None) -> bool:
    """Whether a stored text is encrypted."""
    return text is not None and text.startswith(ANY_MARK)


def place_of(table: str, column: str, row_id: str) -> str:
    """What a secret is bound to."""
    return f"{table}.{column}.{row_id}"


def unknown_key() -> UnreadableSecret:
    """Say that nothing here opens a secret."""
    return UnreadableSecret(
        "The bot lacks the key with which a secret of this binder was encrypted.",
        hint="The people who run the bot have to add that key to SECRET_KEY.",
    )
