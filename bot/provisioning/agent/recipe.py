"""What a repository asks for: its configuration files, read as repo2docker reads them, for building with uv.

Only reading happens here. What uv cannot build is refused before anything is built, by the name of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent import recipe_conda, recipe_pipfile
from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.recipe_files import ConfigurationFiles
from bot.provisioning.agent.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NEEDS_ENGINE = "It needs a container engine (docker or podman with buildx), or the OpenStack cloud."

_UNSUPPORTED = {
    "Dockerfile": "a container image",
    "Project.toml": "Julia",
    "JuliaProject.toml": "Julia",
    "REQUIRE": "Julia",
    "default.nix": "Nix",
    "DESCRIPTION": "R",
    "install.R": "R",
    "apt.txt": "system packages",
}
_TEXTS = ("environment.yml", "Pipfile", "Pipfile.lock", "requirements.txt", "setup.py", "pyproject.toml")


@dataclass(frozen=True)
class Wanted:
    """What the first matching configuration file asks for.

    Attributes:
        cwd: Where the installation runs: relative paths in its files start there.
        python: The version of Python that is asked for, as uv understands it; empty for any.
        requirements: Operands and options of `uv pip install`.
        stdin: What `-r -` among them reads.
        origin: The file that decided, or an empty string for none.
    """

    cwd: Path
    python: str = ""
    requirements: tuple[str, ...] = ()
    stdin: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Recipe:
    """All that building an environment with uv takes.

    Attributes:
        root: Where the build runs and where the server starts.
        wanted: What is installed.
        text: All that its files say.
        post_build: The script to run after the installation.
        start: The script that wraps the server's command.
    """

    root: Path
    wanted: Wanted
    text: str = field(default="", repr=False)
    post_build: Path | None = None
    start: Path | None = None


def read(checkout: Path, root: str, read_yaml: Callable[[str], Any]) -> Recipe:
    """Read the configuration files of one directory of a checkout.

    Args:
        checkout: The checkout.
        root: The directory, relative to it.
        read_yaml: Reads YAML; raises ValueError.

    Raises:
        Failure: uv cannot build it, or a file is wrong; names the file.
    """
    files = ConfigurationFiles(checkout, checkout / root, read_yaml)
    _refuse_unsupported(files)
    return Recipe(
        root=files.root,
        wanted=_wanted(files),
        text="\n".join(files.text(name) for name in _TEXTS),
        post_build=files.find("postBuild"),
        start=files.find("start"),
    )


def _refuse_unsupported(files: ConfigurationFiles) -> None:
    """Refuse what needs more than uv, naming every such file."""
    found = {name: what for name, what in _UNSUPPORTED.items() if _asks_for(files, name)}
    if files.text("runtime.txt").strip().startswith("r-"):
        found["runtime.txt"] = "R"
    if found:
        asked = " and ".join(f"`{files.shown(name)}` asks for {what}" for name, what in found.items())
        raise Failure(f"{asked}, which this machine cannot provide.", FailureCode.NEEDS_ENGINE, NEEDS_ENGINE)


def _asks_for(files: ConfigurationFiles, name: str) -> bool:
    if files.find(name) is None:
        return False
    # An empty list of system packages asks for nothing.
    return name != "apt.txt" or any(line.split("#", 1)[0].strip() for line in files.text(name).splitlines())


def _wanted(files: ConfigurationFiles) -> Wanted:
    """What the first matching file asks for."""
    if files.find("environment.yml"):
        return _from_environment(files)
    if files.find("Pipfile") or files.find("Pipfile.lock"):
        return _from_pipfile(files)
    return _from_python_files(files)


def _from_python_files(files: ConfigurationFiles) -> Wanted:
    """requirements.txt, setup.py, pyproject.toml and runtime.txt; any of them, or none."""
    asked: list[str] = []
    origins = [name for name in ("requirements.txt", "setup.py", "pyproject.toml") if files.find(name)]
    if "requirements.txt" in origins:
        asked += ["-r", str((files.folder / "requirements.txt").relative_to(files.root))]
    if files.find("setup.py") or "build-system" in files.toml("pyproject.toml"):
        asked.append(".")
    return Wanted(
        cwd=files.root,
        python=_runtime(files),
        requirements=tuple(asked),
        origin=files.shown(origins[0]) if origins else "",
    )


def _runtime(files: ConfigurationFiles) -> str:
    asked = files.text("runtime.txt").strip()
    if not asked:
        return ""
    match = re.fullmatch(r"python-(\d+(?:\.\d+){0,2})", asked)
    if match is None:
        raise files.invalid(
            "runtime.txt", f"says `{sentence(asked, 60)}`; this machine can only provide `python-3.x`"
        )
    return match[1]


def _from_environment(files: ConfigurationFiles) -> Wanted:
    """environment.yml: its pip part, and the version of Python."""
    python, pip = recipe_conda.read(files, "environment.yml", NEEDS_ENGINE)
    return Wanted(
        cwd=files.folder,
        python=python,
        requirements=("-r", "-") if pip else (),
        stdin="\n".join(pip) + "\n",
        origin=files.shown("environment.yml"),
    )


def _from_pipfile(files: ConfigurationFiles) -> Wanted:
    name, python, lines = recipe_pipfile.read(files)
    return Wanted(
        cwd=files.folder,
        python=python,
        requirements=("-r", "-") if lines else (),
        stdin="\n".join(lines) + "\n",
        origin=files.shown(name),
    )
