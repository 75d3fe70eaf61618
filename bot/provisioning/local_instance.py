"""The directory of one instance of the local cloud: what the cloud and its runner tell each other.

<root>/instances/<binder id>/
    order.json     what was ordered, with the server's token: mode 0600; absent when never made, or ending
    runner.json    the runner: its process, its port, how it ended
    runner.lock    held by the runner for as long as it lives: there is never a second one
    report.jsonl   what the runner reports, a JSON object a line
    build.log      everything that fetching, building and serving printed
    work/          all that the repository's own code may write: repo/, home/, tmp/
"""

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bot.provisioning.base import Order

MARK = "BINDER_BOT_INSTANCE"
"""The environment variable that every process of an instance carries; its value is the directory."""
_BINDER_ID = re.compile(r"[a-z0-9]{4,32}\Z")


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """What the operator chose for the local cloud, as far as a runner needs it.

    Attributes:
        engine: `docker`, `podman`, or None for building with uv.
        isolation: `auto`, `bwrap` or `none`: whether the uv way is confined by bubblewrap.
        hidden: Directories that confined code cannot see (the operator's home, the bot's own state).
        build_seconds: How long fetching and building may take.
        start_seconds: How long a server may take until it answers.
        cache: Where uv keeps what it downloaded.
        keep_environments: How many built environments (or images) are kept.
        remote: Whether the server is reached under another name than this machine's loopback.
        memory: A container's limit, as the engine writes it.
        cpus: A container's limit.
        pids: A container's limit.
        deployment: Marks the containers of this root among those of others.
    """

    engine: str | None = None
    isolation: str = "auto"
    hidden: tuple[str, ...] = ()
    build_seconds: float = 1800.0
    start_seconds: float = 120.0
    cache: str = ""
    keep_environments: int = 5
    remote: bool = False
    memory: str = "4g"
    cpus: float = 2.0
    pids: int = 512
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class Runner:
    """What `runner.json` says.

    Attributes:
        pid: Its process.
        port: The port of loopback that its server has, for good.
        outcome: Empty while it works; `failed` when it reported why it could not; `ended` when its server
            stopped after it had answered.
        fault: One sentence where the outcome is `ended`.
    """

    pid: int
    port: int
    outcome: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Ordered:
    """What `order.json` says: the order, the settings of that day, and when it was made (Unix seconds)."""

    order: Order = field(repr=False)
    settings: RunnerSettings
    created_at: float


class InstanceDirectory:
    """One instance's directory, and the files in it.

    Args:
        path: The directory; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.binder_id = path.name
        self.report = path / "report.jsonl"
        self.log = path / "build.log"
        self.work = path / "work"
        self.repo = self.work / "repo"
        self.home = self.work / "home"
        self.scratch = self.work / "tmp"

    @property
    def root(self) -> Path:
        """The local cloud's root."""
        return self.path.parent.parent

    def write_order(self, ordered: Ordered) -> None:
        """Save the order, whole or not at all."""
        write_json(
            self.path / "order.json",
            {
                "order": asdict(ordered.order),
                "settings": asdict(ordered.settings),
                "created_at": ordered.created_at,
            },
        )

    def read_order(self) -> Ordered | None:
        """The order; None where there is none, or only a part of one."""
        saved = read_json(self.path / "order.json")
        try:
            settings = saved["settings"] | {"hidden": tuple(saved["settings"]["hidden"])}
            return Ordered(Order(**saved["order"]), RunnerSettings(**settings), float(saved["created_at"]))
        except (KeyError, TypeError, ValueError):
            return None

    def withdraw_order(self) -> None:
        """Forget the order, so that nothing starts this instance again."""
        (self.path / "order.json").unlink(missing_ok=True)

    def write_runner(self, runner: Runner) -> None:
        """Save who runs this instance."""
        write_json(self.path / "runner.json", asdict(runner))

    def read_runner(self) -> Runner | None:
        """Who runs this instance, or ran it; None before it was ever started."""
        try:
            return Runner(**read_json(self.path / "runner.json"))
        except TypeError:
            return None


def is_binder_id(name: str) -> bool:
    """Whether a name may become part of a path."""
    return _BINDER_ID.match(name) is not None


def instances_in(root: Path) -> Iterator[InstanceDirectory]:
    """Every directory under a root that belongs to a binder."""
    try:
        entries = sorted(os.scandir(root / "instances"), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if is_binder_id(entry.name) and entry.is_dir(follow_symlinks=False):
            yield InstanceDirectory(Path(entry.path))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a private file (mode 0600) that others see whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read an object; an empty one where the file is absent or broken."""
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def read_tail(path: Path, limit: int) -> bytes:
    """The last `limit` bytes of a file; nothing where it does not exist."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
            return file.read(limit)
    except FileNotFoundError:
        return b""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; waits for it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
