"""Manifests: what a registry says of one image. Pure.

https://github.com/opencontainers/image-spec/blob/v1.1.0/manifest.md
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import RegistryError

MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""What is understood: images, and indexes that list several."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOST_BYTES = 2**50


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image in the registry, or an index of several.

    Attributes:
        digest: Of what the registry answered.
        image_ids: The ids that an engine may give it: the digest of its configuration, or its own.
        layers: The bytes of each layer, by digest.
        members: The digests of the manifests that an index lists.
    """

    digest: str
    image_ids: frozenset[str]
    layers: Mapping[str, int] = field(default_factory=dict)
    members: tuple[str, ...] = ()


def read_manifest(body: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        RegistryError: It is none.
    """
    digest, content = digest_of(body), read_object(body)
    if members := [each["digest"] for each in _listed(content, "manifests")]:
        return Manifest(digest, frozenset({digest}), members=tuple(members))
    config = content.get("config")
    named = config.get("digest") if isinstance(config, dict) else None
    if not is_digest(named):
        raise RegistryError("The registry answered something other than a manifest.")
    sizes = [(each["digest"], each.get("size")) for each in _listed(content, "layers")]
    layers = {layer: size for layer, size in sizes if type(size) is int and 0 <= size < _MOST_BYTES}
    return Manifest(digest, frozenset({digest, str(named)}), layers)


def digest_of(body: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def is_digest(value: object) -> bool:
    """Whether it has the form of a digest."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        RegistryError: It is none.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RegistryError("The registry answered something other than JSON.") from error
    if not isinstance(content, dict):
        raise RegistryError("The registry answered something other than an object.")
    return content


def _listed(content: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What a manifest lists by digest; what has none is left out."""
    listed = content.get(name)
    entries = listed if isinstance(listed, list) else []
    return [each for each in entries if isinstance(each, dict) and is_digest(each.get("digest"))]
