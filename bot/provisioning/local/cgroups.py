"""Control groups of the kernel (cgroup v2), which hold all processes of an instance within limits.

The files and their rules: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import errno
import os
import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "cpu", "pids")
_OWN_LEAF = "bot"
"""Where the bot itself goes: a group whose children are limited can have no processes of its own."""
_CPU_PERIOD = 100_000
_UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the processes of one instance may use together.

    Attributes:
        memory: Bytes. There is no swap beside it.
        cpus: Processors.
        pids: Processes and threads.
    """

    memory: int
    cpus: float
    pids: int

    def files(self, controller: str) -> dict[str, str]:
        """The files of a controller, and what is written into them."""
        return {
            "memory": {"memory.max": str(self.memory), "memory.swap.max": "0"},
            "cpu": {"cpu.max": f"{int(self.cpus * _CPU_PERIOD)} {_CPU_PERIOD}"},
            "pids": {"pids.max": str(self.pids)},
        }[controller]


class Groups:
    """The groups of one deployment's instances.

    Args:
        parent: The directory in which they are.
        deployment: A part of their names; others are never touched.
        suffix: What their names end with.
    """

    def __init__(self, parent: Path, deployment: str, suffix: str = "") -> None:
        self._parent = parent
        self._prefix = f"binder-{deployment}-"
        self._suffix = suffix

    def path_of(self, binder_id: str) -> Path:
        """The directory of a binder's group."""
        return self._parent / f"{self._prefix}{binder_id}{self._suffix}"

    def list(self) -> set[str]:
        """The binders that have a group. Raises OSError."""
        pattern = re.compile(f"{re.escape(self._prefix)}([a-z0-9]+){re.escape(self._suffix)}")
        try:
            found = [pattern.fullmatch(path.name) for path in self._parent.iterdir()]
        except FileNotFoundError:  # systemd removes a slice in which nothing is left
            return set()
        return {match[1] for match in found if match}

    def remove(self, binder_id: str) -> bool:
        """End what is left in a binder's group and remove it; True when it is gone. Raises OSError."""
        group = self.path_of(binder_id)
        _end_all_in(group)
        for directory, _, _ in os.walk(group, topdown=False):
            with suppress(FileNotFoundError):
                try:
                    Path(directory).rmdir()
                except OSError as error:
                    if error.errno != errno.EBUSY:  # what was ended is still ending
                        raise
                    return False
        return True


def _end_all_in(group: Path) -> None:
    with suppress(FileNotFoundError):  # the group is gone
        if (group / "cgroup.kill").exists():  # since Linux 5.14
            (group / "cgroup.kill").write_text("1")
            return
        for pid in (group / "cgroup.procs").read_text("ascii").split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def memory_bytes(text: str) -> int:
    """How many bytes an engine means by `4g` or `512m`.

    Raises:
        ValueError: It means none.
    """
    match = re.fullmatch(r"(\d+)([bkmg]?)", text.lower())
    if match is None:
        raise ValueError(f"{text!r} is no amount of memory.")
    return int(match[1]) * _UNITS[match[2]]


def make(group: Path, limits: Limits, controllers: tuple[str, ...]) -> None:
    """Make a group with these limits, or give them to the one that is there. Raises OSError."""
    group.mkdir(exist_ok=True)
    for controller in controllers:
        for name, value in limits.files(controller).items():
            if (group / name).exists():  # swap is not counted everywhere
                (group / name).write_text(value)


def enter(group: Path) -> None:
    """Move this process into a group. Raises OSError."""
    (group / "cgroup.procs").write_text(str(os.getpid()))


def own_group() -> Path:
    """The group of this process. Raises OSError where there is none of version 2."""
    lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::/")), None)
    if path is None or not (MOUNT / "cgroup.controllers").exists():
        raise FileNotFoundError(errno.ENOENT, "the kernel's cgroup v2 is not used here")
    return MOUNT / path.lstrip("/")


def controllers_in(group: Path) -> tuple[str, ...]:
    """The controllers that limit what is in a group. Raises OSError."""
    known = (group / "cgroup.controllers").read_text("ascii").split()
    return tuple(each for each in CONTROLLERS if each in known)


def delegated_group() -> Path:
    """The bot's own group, made ready for groups with limits in it.

    Raises:
        OSError: It may not be written to, or is not the bot's alone.
    """
    own = own_group()
    group = own.parent if own.name == _OWN_LEAF else own
    wanted = " ".join(f"+{each}" for each in controllers_in(group))
    try:
        (group / "cgroup.subtree_control").write_text(wanted)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        _move_down(group)
        (group / "cgroup.subtree_control").write_text(wanted)
    return group


def _move_down(group: Path) -> None:
    """Leave a group that is this process's alone for a leaf of it."""
    if (group / "cgroup.procs").read_text("ascii").split() != [str(os.getpid())]:
        raise OSError(errno.EBUSY, "other programs share the bot's control group")
    leaf = group / _OWN_LEAF
    leaf.mkdir(exist_ok=True)
    enter(leaf)
