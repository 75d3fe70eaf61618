"""What the agent is told: the repository to serve, and how; one JSON file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent.sealing import token_of
from bot.provisioning.agent.settings import (
    AgentSettings,
    ContainerSettings,
    HttpsSettings,
    MachineSettings,
    ReportSettings,
    UvSettings,
)
from bot.provisioning.agent.stored_images import ImageAccess, access_of

if TYPE_CHECKING:
    from pathlib import Path

GIT_PROVIDERS = frozenset({"gh", "gl", "gist", "git"})
"""Providers whose source is a git repository; all others are archives."""


@dataclass(frozen=True)
class Task:
    """One repository to serve.

    Attributes:
        binder_id: Names the container.
        provider: How the source is fetched: `gh`, `git`, `zenodo`, …
        url: The repository, or the DOI or link of an archive; empty while this instance waits for its order.
        ref: The branch or tag that was asked for, or None for the default branch.
        commit: The full commit, or None where the provider has none.
        is_tip: Whether the commit was the tip of the default branch.
        path: The file or directory that was asked for, or None.
        extra: A package to add for the interface that was asked for, or None.
        token: The server's token; secret.
        secret: What only this instance knows beside the bot; see `sealing`.
        without_conda: Whether conda packages are taken from PyPI where there is no container engine.
        rebuild: Whether it is built anew although there is an image of it.
        images: The images that were built before; None where none are stored.
        needs_right: Whether the repository can be read only with a right, which the bot gives later.
    """

    binder_id: str
    provider: str
    url: str
    ref: str | None
    commit: str | None
    is_tip: bool
    path: str | None
    extra: str | None
    token: str = field(repr=False)
    secret: str = field(default="", repr=False)
    without_conda: bool = False
    rebuild: bool = False
    images: ImageAccess | None = None
    needs_right: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is not said yet what to serve: this is a warm instance."""
        return not self.url

    @property
    def is_git(self) -> bool:
        """Whether the source is a git repository."""
        return self.provider in GIT_PROVIDERS


def order_of(task: Task) -> dict[str, Any]:
    """What an instance that waits is told: all but its own secret, and the token, which it derives."""
    return {name: value for name, value in asdict(task).items() if name not in {"token", "secret"}}


def ordered(order: str, secret: str) -> Task:
    """The task that an order makes of a waiting instance.

    Args:
        order: JSON; see `order_of`.
        secret: What only this instance knows beside the bot.

    Raises:
        ValueError, TypeError, KeyError: It is no order.
    """
    content = json.loads(order)
    return task_of_json({**content, "secret": secret, "token": token_of(secret, content["binder_id"])})


def write(path: Path, task: Task, settings: AgentSettings) -> None:
    """Write the file at once and for root alone, so that a later start finds the old one or the new one."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content_of(task, settings), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def content_of(task: Task, settings: AgentSettings) -> dict[str, Any]:
    """The file's content, as JSON has it."""
    return {"task": asdict(task), "settings": asdict(settings)}


def read(path: Path) -> tuple[Task, AgentSettings]:
    """Read the file.

    Raises:
        OSError: It cannot be read.
        ValueError, TypeError, KeyError: It is no such file.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    return task_of_json(content["task"]), settings_of(content["settings"])


def task_of_json(content: dict[str, Any]) -> Task:
    """The task that JSON holds.

    Raises:
        TypeError, KeyError: It holds something else.
    """
    images = content["images"]
    return Task(**{**content, "images": None if images is None else access_of(images)})


def settings_of(content: dict[str, Any]) -> AgentSettings:
    """The settings that JSON holds."""
    uv, https = content["uv"], content.get("https")
    return AgentSettings(
        **{
            **content,
            "reports": ReportSettings(**content["reports"]),
            "machine": MachineSettings(**content["machine"]),
            "container": ContainerSettings(**content["container"]),
            "uv": None if uv is None else UvSettings(**uv),
            "https": None if https is None else HttpsSettings(**https),
        }
    )
