"""What an instance is told after it was made: sealed texts, in its metadata or in a file.

Nova shows a server's metadata to the server itself, at an address that containers cannot reach. One value has
at most 255 characters, so a text is cut into pieces. Each names the whole that it belongs to: what was read
while it was being replaced is not put together from two texts.
"""

from __future__ import annotations

import hashlib
import json
import re
import urllib.request
from typing import TYPE_CHECKING

from bot.provisioning.agent.sealing import SealBroken, unseal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.provisioning.agent.job import Job

PREFIX = "binder-bot-"
"""What the keys of the metadata begin with."""
MAX_TEXT = 8_000
"""Characters of one text. Nova takes 128 values for a server, by default."""

_PIECE = 220
_METADATA_BYTES = 1024 * 1024
_METADATA_SECONDS = 5.0
_MARKED = re.compile(r"([0-9a-f]{8})/(\d+)/(.*)")


def pieces_of(name: str, text: str) -> dict[str, str]:
    """The metadata that carries a text.

    Args:
        name: What it is for, in small letters.
        text: At most `MAX_TEXT` characters.
    """
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return {f"{PREFIX}{name}-{at:02}": f"{mark}/{len(pieces)}/{piece}" for at, piece in enumerate(pieces)}


def keys_of(name: str, metadata: Mapping[str, object]) -> list[str]:
    """The keys of the metadata that carry a text of that name."""
    return sorted(each for each in metadata if re.fullmatch(rf"{PREFIX}{name}-\d+", each))


def text_of(name: str, metadata: Mapping[str, object]) -> str | None:
    """The text that metadata carries; None where there is none, or not all of it."""
    first = _MARKED.fullmatch(str(metadata.get(f"{PREFIX}{name}-00")))
    if first is None:
        return None
    mark, count = first[1], min(int(first[2]), MAX_TEXT)
    found = [_MARKED.fullmatch(str(metadata.get(f"{PREFIX}{name}-{at:02}"))) for at in range(count)]
    parts = [each[3] for each in found if each is not None and each[1] == mark]
    text = "".join(parts)
    return text if len(parts) == count and hashlib.sha256(text.encode()).hexdigest()[:8] == mark else None


def read(job: Job, name: str) -> str | None:
    """What this instance was told under that name; None where it was told nothing that it can trust."""
    sealed = _from_file(job, name) if not job.settings.machine.metadata else _from_service(job, name)
    if not sealed:
        return None
    try:
        return unseal(sealed, job.task.secret, name)
    except SealBroken:
        return None


def _from_file(job: Job, name: str) -> str | None:
    try:
        return (job.places.instructions / name).read_text(encoding="ascii")
    except (OSError, ValueError):
        return None


def service_answers(job: Job) -> bool:
    """Whether the metadata service says anything, so that this instance can be told things."""
    return _metadata(job) is not None


def _from_service(job: Job, name: str) -> str | None:
    metadata = (_metadata(job) or {}).get("meta")
    return text_of(name, metadata) if isinstance(metadata, dict) else None


def _metadata(job: Job) -> dict[str, object] | None:
    url = f"{job.settings.machine.metadata}/openstack/latest/meta_data.json"
    try:
        # Never through a proxy: no other machine has this address's answer.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=_METADATA_SECONDS) as answer:
            content = json.loads(answer.read(_METADATA_BYTES))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
