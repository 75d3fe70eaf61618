"""environment.yml, as far as it can be built without conda: the version of Python, and the part for pip."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.text import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bot.provisioning.agent.recipe_files import ConfigurationFiles

_WITH_EVERY_ENVIRONMENT = frozenset({"python", "pip", "setuptools", "wheel"})
_ALWAYS_ADDED = frozenset({"jupyterlab", "notebook", "jupyter", "ipykernel"})
_PACKAGE = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>.*)", re.DOTALL)
_VERSION = re.compile(r"[0-9.<>=!~*, ]{1,60}")
_NAMED = 8


def read(files: ConfigurationFiles, name: str, hint: str) -> tuple[str, list[str]]:
    """The version of Python that is asked for (as uv understands it, or empty), and pip's requirements.

    Raises:
        Failure: The file is not valid, or asks for conda packages; then with that hint.
    """
    conda, pip = _dependencies(files, name)
    python = ""
    refused: list[str] = []
    for package in conda:
        match = _PACKAGE.match(package.strip())
        package_name, version = (match["name"].lower(), match["version"].strip()) if match else (package, "?")
        if package_name == "python":
            python = _python_version(version)
        elif not _is_there_anyway(package_name, version):
            refused.append(package_name)
    if refused:
        raise _refusal(files.shown(name), refused, hint)
    return python, pip


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
            pip += [str(line) for line in each.get("pip") or []]
        else:
            conda.append(str(each))
    return conda, pip


def _is_there_anyway(package: str, version: str) -> bool:
    return package in _WITH_EVERY_ENVIRONMENT or (package in _ALWAYS_ADDED and not version)


def _refusal(shown: str, refused: Iterable[str], hint: str) -> Failure:
    names = [f"`{sentence(name, 40)}`" for name in refused]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return Failure(
        f"`{shown}` asks for conda packages, which this machine cannot provide: "
        f"{', '.join(names[:_NAMED])}{more}.",
        FailureCode.NEEDS_ENGINE,
        f"{hint} Packages under `pip:` are installed here.",
    )


def _python_version(version: str) -> str:
    """Turn conda's `=3.11.*` into what uv understands."""
    plain = re.sub(r"^={1,2}\s*(?=\d)", "", version.split(" ", 1)[0])
    plain = plain.removesuffix(".*").removesuffix("*")
    return plain if _VERSION.fullmatch(plain) else ""
