"""environment.yml, as far as it can be built without conda: the version of Python, and the part for pip."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.provisioning.agent.text import sentence

if TYPE_CHECKING:
    from bot.provisioning.agent.recipe_files import ConfigurationFiles

_NAMES = ("environment.yml", "environment.yaml")
"""repo2docker reads the first of them that is there."""
_WITH_EVERY_ENVIRONMENT = frozenset({"python", "pip", "setuptools", "wheel"})
_ALWAYS_ADDED = frozenset({"jupyterlab", "notebook", "jupyter", "ipykernel", "ipywidgets"})
_PACKAGE = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>.*)", re.DOTALL)
_EXACT_VERSION = re.compile(r"=*\s*(?P<number>\d+(?:\.\d+){0,2})(?:\.?\*)?(?:[= ].*)?")
"""As conda has it: `3.11`, `=3.11.*`, `==3.11.7`, and with the name of a build at its end."""
_VERSION = re.compile(r"[0-9.<>=!~*, ]{1,60}")
_NAMED = 8


@dataclass(frozen=True)
class CondaEnvironment:
    """What environment.yml asks for.

    Attributes:
        name: The file's name.
        python: The version of Python, as uv understands it; empty for any.
        conda: The conda packages beside those that are there anyway.
        pip: The requirements of pip.
    """

    name: str
    python: str
    conda: tuple[str, ...]
    pip: tuple[str, ...]

    def named(self) -> str:
        """The conda packages, the first of them by name."""
        names = [f"`{sentence(name, 40)}`" for name in self.conda]
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        return ", ".join(names[:_NAMED]) + more


def read(files: ConfigurationFiles) -> CondaEnvironment | None:
    """What environment.yml (or environment.yaml) asks for; None where there is none.

    Raises:
        Failure: The file is not valid.
    """
    name = next((each for each in _NAMES if files.find(each)), None)
    if name is None:
        return None
    packages, pip = _dependencies(files, name)
    python = ""
    conda: list[str] = []
    for package in packages:
        match = _PACKAGE.match(package.strip())
        known, version = (match["name"].lower(), match["version"].strip()) if match else (package, "?")
        if known == "python":
            python = _python_version(version)
        elif not _is_there_anyway(known, version):
            conda.append(known)
    return CondaEnvironment(name, python, tuple(conda), tuple(pip))


def _dependencies(files: ConfigurationFiles, name: str) -> tuple[list[str], list[str]]:
    """The conda packages and pip's requirements of a file."""
    content = files.yaml(name)
    dependencies = content.get("dependencies") if isinstance(content, dict) else None
    if not isinstance(dependencies or [], list):
        raise files.invalid(name, "has no list of dependencies")
    conda: list[str] = []
    pip: list[str] = []
    for each in dependencies or []:
        if isinstance(each, dict):
            lines = each.get("pip") or []
            pip += [str(line) for line in (lines if isinstance(lines, list) else [lines])]
        else:
            conda.append(str(each))
    return conda, pip


def _is_there_anyway(package: str, version: str) -> bool:
    return package in _WITH_EVERY_ENVIRONMENT or (package in _ALWAYS_ADDED and not version)


def _python_version(version: str) -> str:
    """Turn conda's `=3.11.*` into what uv understands."""
    exact = _EXACT_VERSION.fullmatch(version)
    plain = exact["number"] if exact else version
    return plain if _VERSION.fullmatch(plain) else ""
