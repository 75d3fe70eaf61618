"""Paths within a checkout: which directory is built, and whether a path exists."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from bot.provisioning.agent.failures import Failure, FailureCode

CONFIGURATION = (
    *("Dockerfile", "Project.toml", "JuliaProject.toml", "REQUIRE", "default.nix", "DESCRIPTION"),
    *("install.R", "environment.yml", "environment.yaml", "Pipfile", "Pipfile.lock", "requirements.txt"),
    *("setup.py", "pyproject.toml", "runtime.txt", "apt.txt", "postBuild", "start"),
)
"""Files that say how a repository is built."""
CONFIGURATION_FOLDERS = ("binder", ".binder")
_NAMES_READ = 5_000
_NAMES_OFFERED = 3


def build_root(checkout: Path, path: str | None) -> str:
    """Where a repository is built and its server starts: `path` where it holds configuration, else `.`.

    Raises:
        Failure: There is no such path.
    """
    if path is None or is_everything(path):
        return "."
    place = require_path(checkout, path)
    is_configured = place.is_dir() and any(
        (place / name).exists() for name in (*CONFIGURATION_FOLDERS, *CONFIGURATION)
    )
    return str(place.relative_to(checkout)) if is_configured else "."


def is_everything(path: str) -> bool:
    """Whether a path that was asked for is the whole repository."""
    return path.strip("/") in {"", "."}


def require_path(checkout: Path, name: str) -> Path:
    """The path that was asked for.

    Raises:
        Failure: There is no such file or directory; the hint names the nearest ones.
    """
    leads_out = name.startswith("/") or ".." in Path(name).parts
    place = None if leads_out else inside(checkout, name)
    if place is not None:
        return place
    near = difflib.get_close_matches(name, _names(checkout), n=_NAMES_OFFERED, cutoff=0.5)
    hint = f"The nearest names are {', '.join(f'`{each}`' for each in near)}." if near else ""
    raise Failure(
        f"The repository has no file or directory `{name}` at this commit.", FailureCode.NO_PATH, hint
    )


def inside(checkout: Path, name: str) -> Path | None:
    """The path of a name within a checkout; None where it is absent or, by a link, lies elsewhere."""
    place = checkout / name
    try:
        real = place.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # absent, too long, a circle of links, or a NUL in it
        return None
    return place if real.is_relative_to(checkout.resolve()) else None


def _names(checkout: Path) -> list[str]:
    names: list[str] = []
    for folder, folders, files in os.walk(checkout):
        folders[:] = sorted(each for each in folders if each != ".git")
        here = Path(folder).relative_to(checkout)
        names += [str(here / each) for each in (*folders, *sorted(files))]
        if len(names) > _NAMES_READ:
            break
    return names
