"""Installing Docker with buildx, git and repo2docker where the machine's image lacks them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from typing import TYPE_CHECKING

from bot.provisioning.agent.commands import run, wait_until
from bot.provisioning.agent.error_lines import true_line
from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode
from bot.provisioning.agent.phases import Phase
from bot.provisioning.agent.repo2docker import repo2docker_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.provisioning.agent.engine import Engine
    from bot.provisioning.agent.job import Job

_HINT = "An admin can choose an image that has Docker, buildx, git and repo2docker."


def require_tools(job: Job, engine: Engine) -> None:
    """Install what is missing, where that is allowed.

    Raises:
        Failure: Something is missing for good.
    """
    try:
        packages = _missing_packages(job, engine)
        if packages:
            _install_packages(job, packages)
        if not is_up(job, engine):
            raise Failure(f"`{engine.name}` does not run on this machine.", FailureCode.NO_TOOLS, _HINT)
        if packages and not engine.has_buildx():
            raise Failure(f"`{engine.name}` has no buildx on this machine.", FailureCode.NO_TOOLS, _HINT)
        if repo2docker_command(job) is None:
            _install_repo2docker(job)
    except CommandFailed as error:
        raise Failure(
            f"The machine could not be prepared: {true_line(error.output) or error}.",
            FailureCode.NO_TOOLS,
            _HINT,
        ) from error


def is_up(job: Job, engine: Engine) -> bool:
    """Whether the engine answers; waits for it as long as for a server: a machine that boots starts both."""
    return shutil.which(engine.name) is not None and wait_until(
        engine.answers, job.settings.start_seconds, job.settings.poll_seconds
    )


def has_https(job: Job) -> bool:
    """Whether the machine has what https needs, where it is wanted."""
    return job.settings.https is None or shutil.which("caddy") is not None


def _missing_packages(job: Job, engine: Engine) -> list[str]:
    """What the distribution's package manager must bring."""
    has_docker = shutil.which(engine.name) is not None
    needs_venv = repo2docker_command(job) is None and importlib.util.find_spec("ensurepip") is None
    lacks = {
        "docker.io": not has_docker,
        # Debian's kernel has AppArmor; where its parser is missing, Docker starts no container.
        "apparmor": not has_docker and _has_apparmor(job) and shutil.which("apparmor_parser") is None,
        "docker-buildx": not (has_docker and engine.has_buildx()),
        "git": shutil.which("git") is None,
        "python3-venv": needs_venv,
        "caddy": not has_https(job),
    }
    return [package for package, is_missing in lacks.items() if is_missing]


def _has_apparmor(job: Job) -> bool:
    """Whether the kernel confines programs by AppArmor."""
    try:
        return job.places.apparmor.read_text(encoding="ascii").strip() == "Y"
    except OSError:
        return False


def _install_packages(job: Job, packages: Sequence[str]) -> None:
    """Install packages of Debian or Ubuntu."""
    if not job.settings.machine.install or shutil.which("apt-get") is None:
        raise Failure(f"This machine lacks {', '.join(packages)}.", FailureCode.NO_TOOLS, _HINT)
    job.reporter.begin(Phase.BOOTING, f"Installing {', '.join(packages)}")
    # cloud-init and unattended upgrades may hold the lock for a while.
    options = ("--yes", "-o", "DPkg::Lock::Timeout=300")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(job, ["apt-get", "update", *options], environment=environment)
    install = ["apt-get", "install", *options, "--no-install-recommends", "--", *packages]
    run(job, install, environment=environment)


def _install_repo2docker(job: Job) -> None:
    """Install the pinned repo2docker into an environment of its own."""
    if not job.settings.machine.install:
        raise Failure("This machine lacks repo2docker.", FailureCode.NO_TOOLS, _HINT)
    job.reporter.begin(Phase.BOOTING, "Installing repo2docker")
    run(job, [sys.executable, "-m", "venv", "--clear", str(job.places.tools)])
    pip = [str(job.places.tools / "bin/python"), "-m", "pip", "install", "--disable-pip-version-check"]
    run(job, [*pip, "--", job.settings.container.repo2docker])
