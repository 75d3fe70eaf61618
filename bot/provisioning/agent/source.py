"""What git or repo2docker is given as the source."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.provisioning.agent.failures import Failure, FailureCode

if TYPE_CHECKING:
    from bot.provisioning.agent.task import Task

_ZENODO = re.compile(
    r"(?:doi:|https?://(?:dx\.)?doi\.org/|https?://(?:sandbox\.)?zenodo\.org/(?:doi|badge/doi)/)?"
    r"10\.(5281|5072)/zenodo\.(\d{1,12})(?:\.svg)?/?",
    re.IGNORECASE,
)
_ARCHIVE = re.compile(
    r"https?://\S+|(?:doi:)?10\.\d{4,9}/\S+|swh:1:(?:rev|dir):[0-9a-f]{40}\S*", re.IGNORECASE
)


def source_of(task: Task) -> str:
    """The address of a repository, or the name of an archive as repo2docker reads it.

    Zenodo's DOIs become links of records, since repo2docker 2026.4 does not read links of the form /doi/.

    Raises:
        Failure: It is nothing that either understands.
    """
    zenodo = _ZENODO.fullmatch(task.url)
    if zenodo and not task.is_git:
        return f"https://{'' if zenodo[1] == '5281' else 'sandbox.'}zenodo.org/records/{zenodo[2]}"
    if not (re.fullmatch(r"https?://\S+", task.url) if task.is_git else _ARCHIVE.fullmatch(task.url)):
        raise Failure(
            f"{task.url} cannot be fetched: it is no address on the web and no DOI.", FailureCode.BAD_SOURCE
        )
    return task.url


def host_of(source: str) -> str:
    """The scheme and host that a source is fetched from, as `https://host/`."""
    parts = urlsplit(source)
    if parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/"
    return "https://archive.softwareheritage.org/" if source.startswith("swh:") else "https://doi.org/"


def archive_refused(task: Task) -> Failure:
    """Why an archive is not built without containers."""
    return Failure(
        f"{task.url} is an archive, not a git repository, and needs a container engine here.",
        FailureCode.NEEDS_ENGINE,
        "Install docker or podman with buildx, or use the OpenStack cloud.",
    )
