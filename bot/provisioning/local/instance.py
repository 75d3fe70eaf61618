"""The directory of one instance of the local cloud: what the cloud and its agent tell each other.

<root>/instances/<binder id>/
    task.json      what the agent is told, with the server's token (mode 0600); absent while ending
    agent.json     the agent's process, and the port of its server
    agent.lock     held by the agent for as long as it lives: there is never a second one
    agent.log      what the agent itself prints, which is nothing unless it breaks
    report.jsonl   what the agent reports, a JSON object a line
    build.log      everything that fetching, building and serving printed
    work/          all that the repository's own code may write: repo/, home/, tmp/
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.provisioning.agent import task
from bot.provisioning.agent.job import Places
from bot.provisioning.agent.settings import AgentSettings

_BINDER_ID = re.compile(r"[a-z0-9]{4,32}\Z")


@dataclass(frozen=True, slots=True)
class AgentProcess:
    """What `agent.json` says.

    Attributes:
        pid: The process.
        port: The port of loopback that its server has, for good.
    """

    pid: int
    port: int


class InstanceDirectory:
    """One instance's directory, and the files in it.

    Args:
        path: The directory; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.binder_id = path.name
        self.task = path / "task.json"
        self.lock = path / "agent.lock"
        self.output = path / "agent.log"
        self.places = Places(str(path))

    @property
    def root(self) -> Path:
        """The local cloud's root."""
        return self.path.parent.parent

    def write_task(self, what: task.Task, settings: AgentSettings, created_at: float) -> None:
        """Save what the agent is told, whole or not at all, and when that was (Unix seconds)."""
        write_json(self.task, {**task.content_of(what, settings), "created_at": created_at})

    def created_at(self) -> float | None:
        """When the instance was asked for; None where it was not, or only a part of that is there."""
        saved = read_json(self.task)
        try:
            task.settings_of(saved["settings"])
            return float(saved["created_at"])
        except (KeyError, TypeError, ValueError):
            return None

    def withdraw_task(self) -> None:
        """Forget what the agent is told, so that nothing starts this instance again."""
        self.task.unlink(missing_ok=True)

    def write_agent(self, agent: AgentProcess) -> None:
        """Save who serves this instance."""
        write_json(self.path / "agent.json", asdict(agent))

    def read_agent(self) -> AgentProcess | None:
        """Who serves this instance, or served it; None before it was ever started."""
        try:
            return AgentProcess(**read_json(self.path / "agent.json"))
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
