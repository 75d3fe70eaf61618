"""Removing from a machine what no copy of it may have: keys, names, logs, and what the agent was told."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.provisioning.agent.commands import capture, succeeds
from bot.provisioning.agent.failures import CommandFailed, Failure, FailureCode

if TYPE_CHECKING:
    from pathlib import Path

    from bot.provisioning.agent.job import Job

_REMOVED = (
    *("etc/ssh/ssh_host_*", "root/.ssh", "home/*/.ssh"),
    *("root/.*_history", "home/*/.*_history", "root/.cache", "home/*/.cache"),
    # Copies must not begin with the same random numbers, nor ask for the same address.
    *("var/lib/systemd/random-seed", "var/lib/systemd/credential.secret", "var/lib/dhcp/*.leases"),
    *("var/lib/dbus/machine-id", "var/lib/apt/lists/*", "var/log/journal/*"),
    *("etc/systemd/system/*/binder-bot-agent.service", "etc/systemd/system/binder-bot-agent.service"),
    *("etc/binder-bot", "opt/binder-bot/agent.pyz"),
)
"""Below `/`; whole directories, too."""


def clean(job: Job) -> None:
    """Make the machine one that nobody has used.

    Nothing can be logged or installed afterwards.

    Raises:
        Failure: Something is left.
    """
    root = job.places.root
    # It may still write about the boot that started this agent.
    succeeds("cloud-init", "status", "--wait")
    try:
        capture("cloud-init", "clean", "--logs")
        capture("apt-get", "clean")
        for pattern in _REMOVED:
            _remove(root, pattern)
        _remove_logs(root / "var/log")
        shutil.rmtree(job.places.directory)
        # Empty, not absent: systemd then makes a new one at the next boot.
        (root / "etc/machine-id").write_text("", encoding="ascii")
    except (CommandFailed, OSError) as error:
        what = error.last_line if isinstance(error, CommandFailed) else str(error)
        raise Failure(f"The machine could not be cleaned: {what}.", FailureCode.AGENT_ERROR) from error


def _remove(root: Path, pattern: str) -> None:
    for path in root.glob(pattern):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove_logs(folder: Path) -> None:
    """Remove the files, and keep the directories: services expect theirs."""
    for path in folder.rglob("*"):
        if path.is_file() or path.is_symlink():
            with suppress(FileNotFoundError):  # rotated meanwhile
                path.unlink()
