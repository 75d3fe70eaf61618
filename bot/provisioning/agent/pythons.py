"""Finding the Python that a repository asks for, or one that stands in for it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.recipe import NEEDS_ENGINE
from bot.provisioning.agent.uv_install import uv_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.provisioning.agent.job import Job
    from bot.provisioning.agent.settings import UvSettings

_SECONDS = 30


def find_python(job: Job, uv: UvSettings, asked: str) -> Path:
    """The interpreter that is asked for, or the agent's own as a stand-in: that mostly works.

    Args:
        job: Whose log says that another one stands in.
        uv: How uv is asked.
        asked: The version, as uv understands it; empty for any.

    Raises:
        Failure: Python 2 is asked for, for which nothing here could stand in.
    """
    own = Path(os.path.realpath(sys.executable))
    version = ".".join(map(str, sys.version_info[:3]))
    if not asked or version == asked or version.startswith(f"{asked}."):
        return own
    found = _ask_uv(uv, ["python", "find", "--no-project", "--system", asked]).strip()
    if found:
        return Path(os.path.realpath(found))
    if asked.partition(".")[0] != version.partition(".")[0]:
        installed = ", ".join(_installed(uv) or [version])
        raise Failure(
            f"The repository asks for Python {asked}, which is not installed on this machine.",
            FailureCode.NEEDS_ENGINE,
            f"Installed here: {installed}. {NEEDS_ENGINE}",
        )
    stand_in = f"{sys.version_info.major}.{sys.version_info.minor}"
    notice = f"Python {asked} is asked for and not installed here: building with Python {stand_in}"
    job.reporter.begin(Phase.BUILDING, notice)
    job.reporter.log(notice)
    return own


def _installed(uv: UvSettings) -> list[str]:
    listing = _ask_uv(uv, ["python", "list", "--only-installed", "--output-format", "json"])
    versions = {str(each["version"]) for each in json.loads(listing or "[]")}
    return sorted(versions, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])


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
