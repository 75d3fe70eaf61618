"""Confining a repository's own code with bubblewrap, where that is installed and works.

Confined code sees a read-only system without the operator's home and without the bot's state (other binders,
their tokens, the database), its own processes only, and writes only where it is told to. It shares the
network: it is a fence between binders, not the isolation that a container engine gives. It sees
/sys/fs/cgroup read-only, where the limits are that the host may have set.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent.failures import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMESPACES = ["--unshare-pid", "--unshare-ipc", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
_SYSTEM = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
_PROBE_SECONDS = 10


class Sandbox:
    """Turns a command into one that runs confined.

    Args:
        hidden: Directories to hide; those that do not exist do not matter.
        visible: Paths below hidden ones that are needed all the same, read-only.
        scratch: The directory that becomes its /tmp.
    """

    def __init__(self, hidden: Iterable[Path], visible: Iterable[Path], scratch: Path) -> None:
        self._hidden = [path for path in sorted({path.resolve() for path in hidden}) if path.is_dir()]
        self._visible = [path for path in visible if path.exists()]
        self._scratch = scratch

    def wrap(
        self, command: Iterable[str], *, cwd: Path, writable: Iterable[Path], readable: Iterable[Path] = ()
    ) -> list[str]:
        """The confined form of a command, which may write to `writable` and also read `readable`."""
        mounts = [*_SYSTEM, *_hidden_run(), "--bind", str(self._scratch), "/tmp"]  # noqa: S108 - its own
        for path in self._hidden:
            if path != Path("/"):
                mounts += ["--tmpfs", str(path)]
        for path in sorted({*self._visible, *readable}):
            mounts += ["--ro-bind", str(path), str(path)]
        for path in sorted(writable):
            mounts += ["--bind", str(path), str(path)]
        return ["bwrap", *_NAMESPACES, *mounts, "--chdir", str(cwd), "--", *command]


def works(isolation: str) -> bool:
    """Whether bubblewrap shall be used, and does what it must on this machine.

    Raises:
        Failure: The operator requires it, and it does not work.
    """
    if isolation == "none":
        return False
    if shutil.which("bwrap") is not None and _probe():
        return True
    if isolation == "bwrap":
        raise Failure(
            "This machine requires bubblewrap for every binder, but bubblewrap does not work here.",
            FailureCode.NO_TOOLS,
        )
    return False


def _probe() -> bool:
    try:
        probe = subprocess.run(  # noqa: S603 - constant arguments
            ["bwrap", *_NAMESPACES, *_SYSTEM, *_hidden_run(), "--", "true"],  # noqa: S607 - found on PATH just now
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


def _hidden_run() -> list[str]:
    """Hide /run, where container engines and other services listen, but not how names are resolved."""
    resolver = "/run/systemd/resolve"
    return ["--tmpfs", "/run", "--ro-bind-try", resolver, resolver] if Path("/run").is_dir() else []
