"""What a repository asks for: its configuration files, read as repo2docker reads them, for building with uv.

Only reading happens here. What uv cannot build is refused before anything is built, by the name of the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bot.provisioning.agent import recipe_conda, recipe_pipfile
from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.recipe_files import ConfigurationFiles, table
from bot.provisioning.agent.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bot.provisioning.agent.recipe_conda import CondaEnvironment

_ENGINE = "a container engine (docker or podman with buildx), or the OpenStack cloud."
NEEDS_ENGINE = f"It needs {_ENGINE}"

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
_PRERELEASES = re.compile(r"^\s*--pre\b", re.MULTILINE)
_VERSIONS = re.compile(r"[0-9.<>=!~*, ]{1,60}")
_TEXTS = (
    "environment.yml",
    "environment.yaml",
    "Pipfile",
    "Pipfile.lock",
    "requirements.txt",
    "setup.py",
    "pyproject.toml",
)


@dataclass(frozen=True)
class Wanted:
    """What the first matching configuration file asks for.

    Attributes:
        cwd: Where the installation runs: relative paths in its files start there.
        python: The version of Python that is asked for, as uv understands it; empty for any.
        requirements: Operands and options of `uv pip install`.
        stdin: What `-r -` among them reads.
        origin: The file that decided, or an empty string for none.
        takes_prereleases: Whether versions may be installed that are not released yet.
        notes: What of the files is left out or replaced, one sentence each.
        hint: What helps if it cannot be installed; empty for nothing.
    """

    cwd: Path
    python: str = ""
    requirements: tuple[str, ...] = ()
    stdin: str = ""
    origin: str = ""
    takes_prereleases: bool = False
    notes: tuple[str, ...] = ()
    hint: str = ""


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

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the repository's files is left out or replaced, one sentence each."""
        return self.wanted.notes


def read(
    checkout: Path, root: str, read_yaml: Callable[[str], Any], *, without_conda: bool = False
) -> Recipe:
    """Read the configuration files of one directory of a checkout.

    Args:
        checkout: The checkout.
        root: The directory, relative to it.
        read_yaml: Reads YAML; raises ValueError.
        without_conda: Whether conda packages are taken from PyPI, under the same names.

    Raises:
        Failure: uv cannot build it, or a file is wrong; names every file that is to blame.
    """
    files = ConfigurationFiles(checkout, checkout / root, read_yaml)
    unsupported = _unsupported(files)
    environment = recipe_conda.read(files)
    lacking = None if without_conda or environment is None or not environment.conda else environment
    if unsupported or (lacking and not _can_stand_in(files)):
        raise _refusal(files, unsupported, lacking)
    return Recipe(
        root=files.root,
        wanted=_wanted(files, environment),
        text="\n".join(files.text(name) for name in _TEXTS),
        post_build=files.find("postBuild"),
        start=files.find("start"),
    )


def _unsupported(files: ConfigurationFiles) -> dict[str, str]:
    """The files that ask for more than uv can build, and what for."""
    found = {name: what for name, what in _UNSUPPORTED.items() if _asks_for(files, name)}
    if files.text("runtime.txt").strip().startswith("r-"):
        found["runtime.txt"] = "R"
    return found


def _asks_for(files: ConfigurationFiles, name: str) -> bool:
    if files.find(name) is None:
        return False
    # An empty list of system packages asks for nothing.
    return name != "apt.txt" or any(line.split("#", 1)[0].strip() for line in files.text(name).splitlines())


def _can_stand_in(files: ConfigurationFiles) -> bool:
    """Whether pip's requirements lie beside the conda packages, for those who use pip."""
    return files.find("requirements.txt") is not None


def _refusal(
    files: ConfigurationFiles, unsupported: Mapping[str, str], lacking: CondaEnvironment | None
) -> Failure:
    """Name all that is asked for and not here; `lacking` is the environment with conda packages, if any."""
    asked = [f"`{files.shown(name)}` asks for {what}" for name, what in unsupported.items()]
    hint = NEEDS_ENGINE
    if lacking is not None:
        asked.append(f"`{files.shown(lacking.name)}` asks for conda packages ({lacking.named()})")
        hint = f"{NEEDS_ENGINE} Packages under `pip:` are installed here."
    code = FailureCode.NEEDS_ENGINE if unsupported else FailureCode.NEEDS_CONDA
    return Failure(f"{' and '.join(asked)}, which this machine cannot provide.", code, hint)


def _wanted(files: ConfigurationFiles, environment: CondaEnvironment | None) -> Wanted:
    """What the first matching file asks for."""
    if environment is not None and not (environment.conda and _can_stand_in(files)):
        return _from_environment(files, environment)
    if environment is None and (files.find("Pipfile") or files.find("Pipfile.lock")):
        return _from_pipfile(files)
    wanted = _from_python_files(files)
    if environment is None:
        return wanted
    note = (
        f"`{files.shown(environment.name)}` asks for conda packages ({environment.named()}), which this "
        "machine cannot provide: `requirements.txt` beside it is installed instead."
    )
    return replace(wanted, python=environment.python or wanted.python, notes=(note, *wanted.notes))


def _from_python_files(files: ConfigurationFiles) -> Wanted:
    """requirements.txt, setup.py, pyproject.toml and runtime.txt; any of them, or none."""
    asked: list[str] = []
    origins = [name for name in ("requirements.txt", "setup.py", "pyproject.toml") if files.find(name)]
    if "requirements.txt" in origins:
        asked += ["-r", str((files.folder / "requirements.txt").relative_to(files.root))]
    project = files.toml("pyproject.toml")
    is_package = files.find("setup.py") is not None or {"project", "build-system"} <= project.keys()
    if is_package:
        asked.append(".")
    return Wanted(
        cwd=files.root,
        python=_runtime(files) or _requires_python(project),
        requirements=tuple(asked),
        origin=files.shown(origins[0]) if origins else "",
        takes_prereleases=_PRERELEASES.search(files.text("requirements.txt")) is not None,
        notes=() if is_package else _notes_of_project(files, project),
    )


def _requires_python(project: dict[str, Any]) -> str:
    """The versions of Python that a package says it works with, as uv understands them."""
    asked = str(table(project, "project").get("requires-python") or "")
    return asked if _VERSIONS.fullmatch(asked) else ""


def _notes_of_project(files: ConfigurationFiles, project: dict[str, Any]) -> tuple[str, ...]:
    """What is left out of a pyproject.toml that is no package, as repo2docker leaves it out."""
    poetry = table(table(project, "tool"), "poetry")
    if not (table(project, "project").get("dependencies") or table(poetry, "dependencies")):
        return ()
    missing = [f"`[{name}]`" for name in ("project", "build-system") if name not in project]
    note = (
        f"The dependencies in `{files.shown('pyproject.toml')}` are not installed: it has no "
        f"{' and no '.join(missing)}. Name them in `requirements.txt`."
    )
    return (note,)


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


def _from_environment(files: ConfigurationFiles, environment: CondaEnvironment) -> Wanted:
    """environment.yml: its pip part, the version of Python, and its conda packages as PyPI has them."""
    lines = [*(package.requirement for package in environment.conda), *environment.pip]
    wanted = Wanted(
        cwd=files.folder,
        python=environment.python,
        requirements=("-r", "-") if lines else (),
        stdin="\n".join(lines) + "\n",
        origin=files.shown(environment.name),
    )
    return _told_of_pypi(wanted, environment) if environment.conda else wanted


def _told_of_pypi(wanted: Wanted, environment: CondaEnvironment) -> Wanted:
    """What people should know where PyPI stands in for conda, whether that works or not."""
    packages = f"The conda packages of `{wanted.origin}`"
    notes = [f"{packages} were taken from PyPI under the same names."]
    if names := environment.named_without_version():
        notes.append(
            f"Any version of {names} was taken: pip cannot be asked for the one in `{wanted.origin}`."
        )
    hint = f"{packages} were tried from PyPI under the same names. Conda itself needs {_ENGINE}"
    return replace(wanted, notes=tuple(notes), hint=hint)


def _from_pipfile(files: ConfigurationFiles) -> Wanted:
    name, python, lines = recipe_pipfile.read(files)
    return Wanted(
        cwd=files.folder,
        python=python,
        requirements=("-r", "-") if lines else (),
        stdin="\n".join(lines) + "\n",
        origin=files.shown(name),
    )
