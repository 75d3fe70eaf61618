"""Who may do what in the registry, and how that is shown: signed tokens, or fixed accounts.

What instances are given is an entry of `auths` in Docker's `config.json`.
"""

import base64
from collections.abc import Mapping
from typing import Protocol

from bot.images.tokens import Scope, TokenMinter

_OWN_SECONDS = 300.0
"""How long a right of the bot's own lasts; it is asked for anew with each request."""


class RegistryRights(Protocol):
    """Gives rights in the registry."""

    can_push: bool
    """Whether instances may be given the right to push."""
    keeps_private: bool
    """Whether an instance can be kept from reading what others built in private, or with a right."""

    def to_pull(self, name: str, seconds: float, /) -> Mapping[str, str]:
        """Give an instance the right to pull from one repository; a secret."""

    def to_push(self, name: str, seconds: float, /) -> Mapping[str, str]:
        """Give an instance the right to push to one repository; a secret."""

    def header(self, scope: Scope | None, /) -> str:
        """The Authorization of a request of the bot's own; a secret."""


class TokenRights:
    """Each right is a token: for one repository, for some minutes.

    Args:
        minter: Signs them.
    """

    can_push = True
    keeps_private = True

    def __init__(self, minter: TokenMinter) -> None:
        self._minter = minter

    def to_pull(self, name: str, seconds: float) -> Mapping[str, str]:
        """See `RegistryRights.to_pull`."""
        return {"registrytoken": self._minter.mint(Scope(name, ("pull",)), seconds)}

    def to_push(self, name: str, seconds: float) -> Mapping[str, str]:
        """See `RegistryRights.to_push`. A push looks for layers that are there already, so it pulls, too."""
        return {"registrytoken": self._minter.mint(Scope(name, ("pull", "push")), seconds)}

    def header(self, scope: Scope | None) -> str:
        """See `RegistryRights.header`."""
        return f"Bearer {self._minter.mint(scope, _OWN_SECONDS)}"


class AccountRights:
    """The registry has accounts: all instances are given the same.

    Args:
        pull: `user:password` of the account that may read.
        push: `user:password` of the account that may write; empty where nothing is pushed.
    """

    keeps_private = False

    def __init__(self, pull: str, push: str = "") -> None:
        self._pull = _encoded(pull)
        self._push = _encoded(push) if push else ""
        self.can_push = bool(push)

    def to_pull(self, _name: str, _seconds: float) -> Mapping[str, str]:
        """See `RegistryRights.to_pull`: the account that may read, whatever is asked."""
        return {"auth": self._pull}

    def to_push(self, _name: str, _seconds: float) -> Mapping[str, str]:
        """See `RegistryRights.to_push`: the account that may write, whatever is asked."""
        return {"auth": self._push}

    def header(self, _scope: Scope | None) -> str:
        """See `RegistryRights.header`."""
        return f"Basic {self._push or self._pull}"


def _encoded(account: str) -> str:
    return base64.b64encode(account.encode()).decode()
