"""How everything that the bot makes in an OpenStack project is tagged, so that it is found again. Pure.

A server carries two tags, `binder-bot-<deployment>` and `binder-<id>`, and metadata for people and for
`recover`. A port and a floating IP carry both tags as their description, because Neutron can tag only what
already exists.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.errors import CloudError, ConfigError
from bot.provisioning.base import InstanceSpec
from bot.tokens import fingerprint

Json = Mapping[str, Any]

METADATA_LIMIT = 255
"""Characters of a metadata value that Nova accepts."""

_DEPLOYMENT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_BINDER = re.compile(r"[A-Za-z0-9_-]{1,50}")
_GONE = frozenset({"DELETED", "SOFT_DELETED"})


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of one deployment of the bot.

    Attributes:
        deployment: Its id: small letters, digits and dashes, at most 40 characters.
        prefix: What the keys of its servers' metadata begin with.

    Raises:
        ConfigError: The deployment is not such an id.
    """

    deployment: str
    prefix: str = "binder-"

    def __post_init__(self) -> None:
        if not _DEPLOYMENT.fullmatch(self.deployment):
            raise ConfigError(
                "DEPLOYMENT must have at most 40 characters: small letters, digits, and dashes in between."
            )

    @property
    def of_deployment(self) -> str:
        """The tag of every server of the deployment; also the name of its security group."""
        return f"binder-bot-{self.deployment}"

    def of(self, binder_id: str) -> list[str]:
        """The tags of a binder's server."""
        return [self.of_deployment, name_of(binder_id)]

    def description(self, binder_id: str) -> str:
        """The description of a binder's port and floating IP."""
        return " ".join(self.of(binder_id))

    def binder_of_server(self, server: Json) -> str | None:
        """The binder that a server belongs to; None where it is not ours, or gone already."""
        tags = server.get("tags") or []
        if self.of_deployment not in tags or server.get("status") in _GONE:
            return None
        others = (tag for tag in tags if tag != self.of_deployment)
        return next((binder for tag in others if (binder := _binder(tag))), None)

    def binder_of_address(self, thing: Json) -> str | None:
        """The binder that a port or a floating IP belongs to; None where it is not ours."""
        tag, _, name = str(thing.get("description")).partition(" ")
        return _binder(name) if tag == self.of_deployment else None

    def is_of(self, binder_id: str, thing: Json) -> bool:
        """Whether a port or a floating IP belongs to that binder."""
        return self.binder_of_address(thing) == binder_id

    def metadata(self, spec: InstanceSpec) -> dict[str, str]:
        """The metadata of a binder's server: all that the bot's row can be rebuilt from, and no secret.

        A value that Nova would not take is left out whole: half a URL is a wrong URL. An instance that waits
        for its order has nobody's name in it.
        """
        values = {
            "deployment": self.deployment,
            "id": spec.binder_id,
            "owner": spec.owner,
            "team": spec.team,
            "channel": spec.channel,
            "name": spec.name,
            "token": fingerprint(spec.token) if spec.token else "",
            "deadline": _moment(spec.ends_at),
            "size": spec.size,
            "provider": spec.provider,
            "url": spec.url,
            "ref": spec.ref,
            "commit": spec.commit,
            "path": spec.path,
            "interface": spec.interface,
        }
        return {
            f"{self.prefix}{key}": value
            for key, value in values.items()
            if value and len(value) <= METADATA_LIMIT
        }

    def metadata_of_end(self, ends_at: float) -> dict[str, str]:
        """The one entry of the metadata that says when a binder ends."""
        return {f"{self.prefix}deadline": _moment(ends_at)}

    def read(self, server: Json) -> dict[str, str]:
        """A server's metadata, without the prefix."""
        metadata, prefix = server.get("metadata") or {}, self.prefix
        return {key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)}


def name_of(binder_id: str) -> str:
    """The name of everything that is made for a binder.

    Raises:
        CloudError: It is not a binder's id, and would not be safe in a tag.
    """
    if not _BINDER.fullmatch(binder_id):
        raise CloudError("That is not the id of a binder.")
    return f"binder-{binder_id}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="seconds")


def _binder(name: str) -> str | None:
    binder_id = name.removeprefix("binder-")
    return binder_id if binder_id != name and _BINDER.fullmatch(binder_id) else None
