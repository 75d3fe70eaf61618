"""How this host limits instances where there is no container engine: by systemd, or by cgroups directly."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.provisioning.local import cgroups
from bot.provisioning.local.cgroups import CONTROLLERS, MOUNT, Groups, Limits

_TRIAL_SECONDS = 20
# Prints where the scope is, and what can be limited in it.
_TRIAL = (
    'group=$(sed -n "s/^0:://p" /proc/self/cgroup); '
    'echo "$group"; cat "/sys/fs/cgroup$group/cgroup.controllers"'
)
_SYSTEMD_VARIABLES = ("PATH", "XDG_RUNTIME_DIR")
"""What systemd-run gets of the environment; `local.processes` leaves an agent the same."""
_NAMES = {"memory": "memory", "cpu": "processors", "pids": "processes"}


class Limiter(Protocol):
    """A way to limit instances."""

    @property
    def groups(self) -> Groups:
        """Where the groups of instances are."""

    @property
    def controllers(self) -> tuple[str, ...]:
        """What it limits: some of `cgroups.CONTROLLERS`."""

    def limited(self, binder_id: str, command: list[str]) -> list[str]:
        """The command that starts a binder's launcher within its limits. Raises OSError."""


@dataclass(frozen=True, slots=True)
class DirectLimiter:
    """Makes groups within the bot's own one: where that was delegated to the bot, or the bot is root."""

    groups: Groups
    controllers: tuple[str, ...]
    limits: Limits

    def limited(self, binder_id: str, command: list[str]) -> list[str]:
        """See `Limiter.limited`. The launcher enters the group by itself."""
        group = self.groups.path_of(binder_id)
        cgroups.make(group, self.limits, self.controllers)
        return [*command, str(group)]


@dataclass(frozen=True, slots=True)
class SystemdLimiter:
    """Has systemd make a scope for each instance: by its system manager for root, else by the user's own.

    Attributes:
        systemd_run: The command up to the name of the scope.
    """

    groups: Groups
    controllers: tuple[str, ...]
    limits: Limits
    systemd_run: tuple[str, ...]

    def limited(self, binder_id: str, command: list[str]) -> list[str]:
        """See `Limiter.limited`."""
        properties = {
            "MemoryMax": str(self.limits.memory),
            "MemorySwapMax": "0",
            "CPUQuota": f"{self.limits.cpus:.0%}",
            "TasksMax": str(self.limits.pids),
            # A program without memory ends alone: systemd does not end the others in a delegated scope.
            "Delegate": "yes",
        }
        options = [f"--property={name}={value}" for name, value in properties.items()]
        return [*self.systemd_run, f"--unit={self.groups.path_of(binder_id).name}", *options, "--", *command]


def find_limiter(limits: Limits, deployment: str) -> tuple[Limiter | None, str]:
    """The way in which this host can limit instances, and a sentence of what it cannot do; empty for nothing.

    Args:
        limits: Of each instance.
        deployment: Whose instances they are.
    """
    try:
        limiter = _systemd(limits, deployment) or _direct(limits, deployment)
    except OSError as error:
        why = error.strerror or str(error)
        return None, (
            "Without a container engine, nothing limits the memory, processors and processes of binders on "
            f"this host. Systemd gives the bot no scopes, and no control group can be made: {why}. See "
            "docs/local.md."
        )
    missing = [_NAMES[each] for each in CONTROLLERS if each not in limiter.controllers]
    if not missing:
        return limiter, ""
    return limiter, f"This host does not limit the {' and '.join(missing)} of binders. See docs/local.md."


def _systemd(limits: Limits, deployment: str) -> SystemdLimiter | None:
    """By systemd, if a scope can be made and something is limited in it."""
    program = shutil.which("systemd-run")
    if program is None or not Path("/run/systemd/system").is_dir():
        return None
    manager = () if os.geteuid() == 0 else ("--user",)
    systemd_run = (program, *manager, "--scope", "--quiet", "--collect")
    try:
        printed = subprocess.run(  # noqa: S603 - constant arguments
            [*systemd_run, "--property=Delegate=yes", "--", "sh", "-c", _TRIAL],
            check=True,
            capture_output=True,
            text=True,
            env={name: os.environ[name] for name in _SYSTEMD_VARIABLES if name in os.environ},
            stdin=subprocess.DEVNULL,
            timeout=_TRIAL_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    path, _, known = printed.partition("\n")
    controllers = tuple(each for each in CONTROLLERS if each in known.split())
    groups = Groups((MOUNT / path.lstrip("/")).parent, deployment, ".scope")
    return SystemdLimiter(groups, controllers, limits, systemd_run) if controllers else None


def _direct(limits: Limits, deployment: str) -> DirectLimiter:
    group = cgroups.delegated_group()
    return DirectLimiter(Groups(group, deployment), cgroups.controllers_in(group), limits)
