"""Pipfile.lock with its exact versions, else Pipfile."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent.recipe_files import table

if TYPE_CHECKING:
    from bot.provisioning.agent.recipe_files import ConfigurationFiles

_VERSION = re.compile(r"\d+(\.\d+){0,2}")


def read(files: ConfigurationFiles) -> tuple[str, str, list[str]]:
    """The file that was read, the version of Python that it asks for (or nothing), and pip's requirements.

    Raises:
        Failure: The file is not valid.
    """
    is_locked = files.find("Pipfile.lock") is not None
    name = "Pipfile.lock" if is_locked else "Pipfile"
    content = files.json(name) if is_locked else files.toml(name)
    sections = ("default", "develop") if is_locked else ("packages", "dev-packages")
    lines = [
        requirement(package, wanted)
        for section in sections
        for package, wanted in table(content, section).items()
    ]
    requires = table(table(content, "_meta") if is_locked else content, "requires")
    python = str(requires.get("python_full_version") or requires.get("python_version") or "")
    return name, python if _VERSION.fullmatch(python) else "", lines


def requirement(package: str, wanted: Any) -> str:
    """One package of a Pipfile as a requirement of pip."""
    if not isinstance(wanted, dict):
        return package if wanted == "*" else f"{package}{wanted}"
    extras = f"[{','.join(map(str, wanted['extras']))}]" if wanted.get("extras") else ""
    marker = f" ; {wanted['markers']}" if wanted.get("markers") else ""
    if wanted.get("path"):
        return f"{wanted['path']}{extras}"
    if wanted.get("git"):
        return f"{package}{extras} @ git+{wanted['git']}@{wanted.get('ref', 'HEAD')}{marker}"
    if wanted.get("file"):
        return f"{package}{extras} @ {wanted['file']}{marker}"
    version = str(wanted.get("version", "*"))
    return f"{package}{extras}{'' if version == '*' else version}{marker}"
