"""Finding the Python that a repository asks for, or one that stands in for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent.environment import uv_variables
from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.recipe import NEEDS_ENGINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.settings import UvSettings

OWN_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
_CONDITION = re.compile(r"(?P<operator>[=!<>~]=|[<>]|)\s*(?P<number>\d+(?:\.\d+){0,2})(?:\.\*)?")
_SECONDS = 300
"""Of one question, which may be a download."""


@dataclass(frozen=True)
class Interpreter:
    """A Python to build with.

    Attributes:
        path: The program.
        stands_in_for: The version that was asked for and is not here; empty where this is that version.
    """

    path: Path
    stands_in_for: str = ""

    @property
    def apology(self) -> str:
        """What people should know where another Python stands in; empty where none does."""
        if not self.stands_in_for:
            return ""
        return (
            f"The repository asks for Python {self.stands_in_for}, which is not installed on this machine; "
            f"Python {OWN_VERSION} is used instead."
        )


def find_python(job: Job, uv: UvSettings, asked: str) -> Interpreter:
    """The interpreter that is asked for, or the agent's own as a stand-in: that mostly works.

    Args:
        job: Whose owner is told where another one stands in.
        uv: How uv is asked.
        asked: The version, as uv understands it; empty for any.

    Raises:
        Failure: Python 2 is asked for, for which nothing here could stand in.
    """
    own = Path(os.path.realpath(sys.executable))
    if not asked or satisfies(sys.version_info[:3], asked):
        return Interpreter(own)
    if found := _find(uv, asked):
        return Interpreter(found)
    if asked.startswith("2"):
        raise Failure(
            f"The repository asks for Python {asked}, which is not installed on this machine.",
            FailureCode.NEEDS_ENGINE,
            installed_hint(uv),
        )
    interpreter = Interpreter(own, asked)
    job.reporter.note(interpreter.apology)
    return interpreter


def satisfies(version: tuple[int, ...], asked: str) -> bool:
    """Whether a version is one of those that are asked for, as `3.11`, `>=3.9,<4` or `==3.11.*`."""
    return all(_satisfies_one(version, one.strip()) for one in asked.split(",") if one.strip())


def _satisfies_one(version: tuple[int, ...], asked: str) -> bool:
    match = _CONDITION.fullmatch(asked)
    if match is None:
        return False
    wanted = tuple(int(part) for part in match["number"].split("."))
    same = version[: len(wanted)]
    padded = (*wanted, 0, 0)[: len(version)]
    return {
        "": same == wanted,
        "==": same == wanted,
        "!=": same != wanted,
        ">=": version >= padded,
        "<=": version <= padded or same == wanted,
        ">": version > padded and same != wanted,
        "<": version < padded,
        "~=": version >= padded and version[: len(wanted) - 1] == wanted[:-1],
    }[match["operator"]]


def installed_hint(uv: UvSettings) -> str:
    """Which Pythons are here, and what to do about another one."""
    installed = ", ".join(_installed(uv) or [OWN_VERSION])
    return f"Installed here: Python {installed}. {NEEDS_ENGINE}"


def _find(uv: UvSettings, asked: str) -> Path | None:
    """The program of that version, downloaded where that is allowed."""
    find = ["python", "find", "--no-project", "--system", asked]
    found = _ask_uv(uv, find)
    if not found and uv.python_downloads:
        _ask_uv(uv, ["python", "install", asked])
        found = _ask_uv(uv, find)
    return Path(os.path.realpath(found.strip())) if found else None


def _installed(uv: UvSettings) -> list[str]:
    listing = _ask_uv(uv, ["python", "list", "--only-installed", "--output-format", "json"])
    parts = (str(each["version"]).split(".")[:2] for each in json.loads(listing or "[]"))
    versions = {(int(major), int(minor)) for major, minor in parts if minor.isdigit()}
    return [f"{major}.{minor}" for major, minor in sorted(versions)]


def _ask_uv(uv: UvSettings, arguments: Sequence[str]) -> str:
    """What uv answers; nothing where it fails."""
    answer = subprocess.run(  # noqa: S603 - an argument list; the version was checked against a pattern
        [uv.uv, *arguments],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=uv_variables(uv),
        timeout=_SECONDS,
        text=True,
    )
    return answer.stdout if answer.returncode == 0 else ""
