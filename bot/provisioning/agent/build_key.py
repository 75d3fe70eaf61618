"""One key for everything that decides a build. Whoever has an image with this key need not build."""

from __future__ import annotations

import hashlib
import json
import platform
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.provisioning.agent.source import source_of

if TYPE_CHECKING:
    from bot.provisioning.agent.task import Task

_FORMAT = 1
"""To be raised when the agent builds in another way: older images are no longer the right ones then."""
_LENGTH = 40


def build_key(task: Task, directory: str, version: str, base_image: str) -> str:
    """The key of a build with repo2docker: 40 hexadecimal digits.

    Args:
        task: What is built.
        directory: The directory of the repository that is built; two notebooks of it share an image.
        version: Of repo2docker.
        base_image: The image that it builds on; empty for its own one, which its version decides.
    """
    parts: list[str | None] = [canonical_source(task), task.commit, task.extra, version, base_image]
    if task.is_git:
        parts.append(directory)
        if task.commit is None:
            # A branch moves: only this binder's own image is the right one.
            parts += [task.ref, task.binder_id]
    return key_of(*parts)


def key_of(*parts: str | None) -> str:
    """The key of these parts on a machine of this architecture."""
    content = json.dumps([_FORMAT, platform.machine(), *parts])
    return hashlib.sha256(content.encode()).hexdigest()[:_LENGTH]


def canonical_source(task: Task) -> str:
    """One name for all usual ways to write the address of a repository, or the name of an archive."""
    source = source_of(task)
    if not task.is_git:
        return source
    parts = urlsplit(source)
    path = parts.path.rstrip("/")
    path = path.removesuffix(".git")
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc.lower()}{path}{query}"
