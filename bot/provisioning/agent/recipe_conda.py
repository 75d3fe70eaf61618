"""environment.yml, as far as it can be built without conda: the version of Python, and the part for pip."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.provisioning.agent import recipe_conda_package
from bot.provisioning.agent.text import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.provisioning.agent.recipe_conda_package import CondaPackage
    from bot.provisioning.agent.recipe_files import ConfigurationFiles

_NAMES = ("environment.yml", "environment.yaml")
"""repo2docker reads the first of them that is there."""
_WITH_EVERY_ENVIRONMENT = frozenset({"python", "pip", "setuptools", "wheel"})
_ALWAYS_ADDED = frozenset({"jupyterlab", "notebook", "jupyter", "ipykernel", "ipywidgets"})
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
    conda: tuple[CondaPackage, ...]
    pip: tuple[str, ...]

    def named(self) -> str:
        """The conda packages, the first of them by name."""
        return _named(self.conda)

    def named_without_version(self) -> str:
        """Those of which pip cannot be asked for the version; empty for none."""
        return _named(package for package in self.conda if package.versions_of_pip is None)


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
    conda: list[CondaPackage] = []
    for package in map(recipe_conda_package.parse, packages):
        if package.name == "python":
            python = _python_version(package.version)
        elif not _is_there_anyway(package):
            conda.append(package)
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


def _is_there_anyway(package: CondaPackage) -> bool:
    return package.name in _WITH_EVERY_ENVIRONMENT or (package.name in _ALWAYS_ADDED and not package.version)


def _named(packages: Iterable[CondaPackage]) -> str:
    """The names of packages, for people; the first of them if there are many."""
    names = [f"`{sentence(package.name, 40)}`" for package in packages]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _python_version(version: str) -> str:
    """Turn conda's `=3.11.*` into what uv understands."""
    exact = _EXACT_VERSION.fullmatch(version)
    plain = exact["number"] if exact else version
    return plain if _VERSION.fullmatch(plain) else ""
