"""What a repository asks for: its configuration files, read as repo2docker reads them, for building with uv.

Only reading happens here. What uv cannot build is refused before anything is built, by the name of the file.
"""

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.errors import CannotBuild
from bot.provisioning.reports import sentence
from bot.provisioning.runner.source import inside, require_path

CONFIGURATION = (
    "Dockerfile",
    "Project.toml",
    "JuliaProject.toml",
    "REQUIRE",
    "default.nix",
    "DESCRIPTION",
    "install.R",
    "environment.yml",
    "Pipfile",
    "Pipfile.lock",
    "requirements.txt",
    "setup.py",
    "pyproject.toml",
    "runtime.txt",
    "apt.txt",
    "postBuild",
    "start",
)
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
_ONLY_AT_ROOT = frozenset({"DESCRIPTION", "setup.py", "pyproject.toml"})
_WITH_EVERY_ENVIRONMENT = frozenset({"python", "pip", "setuptools", "wheel"})
_ALWAYS_ADDED = frozenset({"jupyterlab", "notebook", "jupyter", "ipykernel"})
_CONDA = re.compile(r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>.*)", re.DOTALL)
_VERSION = re.compile(r"[0-9.<>=!~*, ]{1,60}")
_MAX_BYTES = 512 * 1024
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that building an environment with uv takes.

    Attributes:
        root: Where the build runs and where the server starts.
        cwd: Where the installation runs: relative paths in its files start there.
        python: The version of Python that is asked for, as uv understands it; empty for any.
        requirements: Operands and options of `uv pip install`.
        stdin: What `-r -` among them reads.
        origin: The file that decided, or an empty string for none.
        text: All that its files say.
        post_build: The script to run after the installation.
        start: The script that wraps the server's command.
    """

    root: Path
    cwd: Path
    python: str = ""
    requirements: tuple[str, ...] = ()
    stdin: str = ""
    origin: str = ""
    text: str = field(default="", repr=False)
    post_build: Path | None = None
    start: Path | None = None


def build_root(checkout: Path, path: str | None) -> str:
    """Where a repository is built and its server starts: `path` where it holds configuration, else `.`.

    Raises:
        CannotBuild: There is no such path.
    """
    if path is None or path.strip("/") in {"", "."}:
        return "."
    place = require_path(checkout, path)
    if not place.is_dir() or not _is_configured(place):
        return "."
    return str(place.relative_to(checkout))


def read(checkout: Path, root: str = ".") -> Recipe:
    """Read a checkout's configuration files.

    Raises:
        CannotBuild: uv cannot build it, or a file is wrong; names the file.
    """
    files = _Files(checkout, checkout / root)
    files.refuse_unsupported()
    recipe = _READERS[files.first_match()](files)
    return Recipe(
        root=files.root,
        cwd=recipe.cwd,
        python=recipe.python,
        requirements=recipe.requirements,
        stdin=recipe.stdin,
        origin=recipe.origin,
        text="\n".join(files.text(name) for name in _TEXTS),
        post_build=files.find("postBuild"),
        start=files.find("start"),
    )


def _is_configured(place: Path) -> bool:
    return any((place / name).exists() for name in ("binder", ".binder", *CONFIGURATION))


class _Files:
    """The configuration files of one build root."""

    def __init__(self, checkout: Path, root: Path) -> None:
        self.checkout = checkout
        self.root = root
        special = [
            name for name in ("binder", ".binder") if inside(checkout, str(self._relative(root / name)))
        ]
        if len(special) == 2:  # noqa: PLR2004 - both of them
            raise CannotBuild(
                "The repository has both `binder/` and `.binder/`; only one may hold configuration."
            )
        self.has_own_folder = bool(special)
        self.folder = root / special[0] if special else root

    def find(self, name: str) -> Path | None:
        """A configuration file by its name; None where it is absent, no file, or leads out."""
        if name in _ONLY_AT_ROOT and self.has_own_folder:
            return None
        path = inside(self.checkout, str(self._relative(self.folder / name)))
        return path if path is not None and path.is_file() else None

    def text(self, name: str) -> str:
        """The content of a file; empty where it is absent."""
        path = self.find(name)
        if path is None:
            return ""
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise CannotBuild(f"`{self.shown(name)}` is larger than {_MAX_BYTES // 1024} KiB.")
        return content.decode(errors="replace")

    def shown(self, name: str) -> str:
        """A file's name as people know it: from the repository's root."""
        return str(self._relative(self.folder / name))

    def refuse_unsupported(self) -> None:
        """Refuse what needs more than uv, naming every such file."""
        found = {name: what for name, what in _UNSUPPORTED.items() if self._asks_for(name)}
        if self.text("runtime.txt").strip().startswith("r-"):
            found["runtime.txt"] = "R"
        if found:
            asked = " and ".join(f"`{self.shown(name)}` asks for {what}" for name, what in found.items())
            raise CannotBuild(f"{asked}, which this machine cannot provide.", hint=NEEDS_ENGINE)

    def first_match(self) -> str:
        """Which of the readers reads this root: the first whose file exists."""
        if self.find("environment.yml"):
            return "environment.yml"
        return "Pipfile" if self.find("Pipfile") or self.find("Pipfile.lock") else "requirements.txt"

    def _asks_for(self, name: str) -> bool:
        if self.find(name) is None:
            return False
        # An empty list of system packages asks for nothing.
        return name != "apt.txt" or any(_is_said(line) for line in self.text(name).splitlines())

    def _relative(self, path: Path) -> Path:
        return path.relative_to(self.checkout)


def _read_python(files: _Files) -> Recipe:
    """requirements.txt, setup.py, pyproject.toml and runtime.txt; any of them, or none."""
    asked: list[str] = []
    origins = [name for name in ("requirements.txt", "setup.py", "pyproject.toml") if files.find(name)]
    if "requirements.txt" in origins:
        asked += ["-r", str((files.folder / "requirements.txt").relative_to(files.root))]
    if files.find("setup.py") or "build-system" in _toml(files, "pyproject.toml"):
        asked.append(".")
    return Recipe(
        root=files.root,
        cwd=files.root,
        python=_runtime(files),
        requirements=tuple(asked),
        origin=files.shown(origins[0]) if origins else "",
    )


def _read_environment(files: _Files) -> Recipe:
    """environment.yml: its pip part, and the version of Python."""
    shown = files.shown("environment.yml")
    try:
        content = yaml.safe_load(files.text("environment.yml"))
    except (yaml.YAMLError, RecursionError) as error:
        raise CannotBuild(f"`{shown}` is no valid YAML.") from error
    dependencies = content.get("dependencies") if isinstance(content, dict) else None
    if not isinstance(dependencies or [], list):
        raise CannotBuild(f"`{shown}` has no list of dependencies.")
    pip: list[str] = []
    conda: list[str] = []
    for each in dependencies or []:
        if isinstance(each, dict):
            pip += [str(line) for line in each.get("pip") or []]
        else:
            conda.append(str(each))
    return Recipe(
        root=files.root,
        cwd=files.folder,
        python=_conda_python(shown, conda),
        requirements=("-r", "-") if pip else (),
        stdin="\n".join(pip) + "\n",
        origin=shown,
    )


def _conda_python(shown: str, packages: Iterable[str]) -> str:
    python = ""
    refused: list[str] = []
    for package in packages:
        match = _CONDA.match(package.strip())
        name, version = (match["name"].lower(), match["version"].strip()) if match else (package, "?")
        if name == "python":
            python = _conda_version(version)
        elif name not in _WITH_EVERY_ENVIRONMENT and (name not in _ALWAYS_ADDED or version):
            refused.append(f"`{sentence(name, 40)}`")
    if refused:
        named = ", ".join(refused[:_NAMED]) + (f" and {len(refused) - _NAMED} more" * (len(refused) > _NAMED))
        raise CannotBuild(
            f"`{shown}` asks for conda packages, which this machine cannot provide: {named}.",
            hint=f"{NEEDS_ENGINE} Packages under `pip:` are installed here.",
        )
    return python


def _conda_version(version: str) -> str:
    """Turn conda's `=3.11.*` into what uv understands."""
    plain = re.sub(r"^={1,2}\s*(?=\d)", "", version.split(" ", 1)[0]).removesuffix(".*").removesuffix("*")
    return plain if _VERSION.fullmatch(plain) else ""


def _read_pipfile(files: _Files) -> Recipe:
    """Pipfile.lock with its exact versions, else Pipfile."""
    locked = files.find("Pipfile.lock") is not None
    name = "Pipfile.lock" if locked else "Pipfile"
    content = _json(files, name) if locked else _toml(files, name)
    sections = ("default", "develop") if locked else ("packages", "dev-packages")
    lines = [
        _pipfile_line(package, wanted)
        for section in sections
        for package, wanted in _table(content, section).items()
    ]
    requires = _table(_table(content, "_meta"), "requires") if locked else _table(content, "requires")
    python = str(requires.get("python_full_version") or requires.get("python_version") or "")
    return Recipe(
        root=files.root,
        cwd=files.folder,
        python=python if _VERSION.fullmatch(python) else "",
        requirements=("-r", "-") if lines else (),
        stdin="\n".join(lines) + "\n",
        origin=files.shown(name),
    )


def _pipfile_line(package: str, wanted: Any) -> str:
    """One package of a Pipfile as pip's requirement line."""
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


def _runtime(files: _Files) -> str:
    asked = files.text("runtime.txt").strip()
    if not asked:
        return ""
    match = re.fullmatch(r"python-(\d+(?:\.\d+){0,2})", asked)
    if match is None:
        shown = files.shown("runtime.txt")
        raise CannotBuild(f"`{shown}` says `{sentence(asked, 60)}`; `python-3.x` is what can be had here.")
    return match[1]


def _toml(files: _Files, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(files.text(name))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotBuild(f"`{files.shown(name)}` is no valid TOML: {error}.") from error


def _json(files: _Files, name: str) -> dict[str, Any]:
    try:
        content = json.loads(files.text(name))
    except (ValueError, RecursionError) as error:
        raise CannotBuild(f"`{files.shown(name)}` is no valid JSON: {error}.") from error
    return content if isinstance(content, dict) else {}


def _table(content: dict[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def _is_said(line: str) -> bool:
    return bool(line.split("#", 1)[0].strip())


_READERS = {
    "environment.yml": _read_environment,
    "Pipfile": _read_pipfile,
    "requirements.txt": _read_python,
}
