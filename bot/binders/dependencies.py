"""What the reconciler works with; put together by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from bot.access.rights import NoRights, Rights
from bot.binders.timeouts import Timeouts
from bot.interfaces import discovery
from bot.jupyter.activity import Usage
from bot.jupyter.client import JupyterServer
from bot.jupyter.file_crawl import FileTree
from bot.provisioning.agent.stored_images import ImageAccess
from bot.provisioning.base import Cloud
from bot.repositories.spec import RepoSpec, Resolved
from storage.engine import Store
from storage.history_models import LaunchTime
from storage.models import Binder


class BinderServer(discovery.PageProbe, FileTree, Protocol):
    """What is asked of a running server; `bot.jupyter.client.JupyterServer` is one."""

    def is_alive(self) -> bool:
        """Whether it answers at all."""

    def usage(self) -> Usage:
        """What goes on in it.

        Raises:
            ServerError: It did not answer as Jupyter does.
        """

    def close(self) -> None:
        """Close its connections."""


class RepositoryResolver(Protocol):
    """How a repository is looked up; `bot.repositories.resolve.Resolver` is one way."""

    def resolve(self, spec: RepoSpec, variables: Mapping[str, str] = ..., /) -> Resolved:
        """Find the exact commit; `variables` are added to git's environment."""


class BuiltImages(Protocol):
    """The images that were built before; `bot.images.store.RegistryImages` is one way."""

    def access(self, binder: Binder, /) -> ImageAccess | None:
        """What the instance of a binder may take from the registry; None for nothing. Uses no network."""

    def note_ready(self, session: Session, binder: Binder, /) -> None:
        """Note what a binder is ready with, in the transaction in which it becomes ready."""


class NoImages:
    """No image is kept."""

    def access(self, _binder: Binder) -> None:
        """See `BuiltImages.access`."""

    def note_ready(self, _session: Session, _binder: Binder) -> None:
        """See `BuiltImages.note_ready`."""


Submit = Callable[[Callable[[], None]], object]
"""Has a piece of work done, by a pool of threads or at once."""
Count = Callable[[BinderServer, float], int]
"""Counts the files of a server that changed since a time, in Unix seconds UTC."""


CheckRepository = Callable[..., None]
"""Takes the addresses of a repository; raises BannedRepository where it may not be launched."""


def allow_all(*_addresses: str) -> None:
    """Let everything be launched, where nobody says what may not."""


NoteLaunch = Callable[[LaunchTime, str | None], None]
"""Takes a launch that became ready or failed, and the name of its failure, if it has one."""


def note_nothing(_launch: LaunchTime, _failure_code: str | None) -> None:
    """Note nothing, where nobody measures."""


def count_nothing(_server: BinderServer, _since: float) -> int:
    """Count no changes, where nobody wants to know."""
    return 0


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the reconciler works with."""

    store: Store
    cloud: Cloud
    resolver: RepositoryResolver
    timeouts: Timeouts
    worker: str
    """This process's name on leases: unique among all that ever ran."""
    lease: float = 60.0
    """Seconds after which others take over what this process no longer renews."""
    unreachable_alert: float = 600.0
    """Seconds of silence of the cloud before the operators are told."""
    server: Callable[[str, str], BinderServer] = JupyterServer
    """Opens a running server by its URL and token."""
    count: Count = count_nothing
    check_repository: CheckRepository = allow_all
    images: BuiltImages = field(default_factory=NoImages)
    note_launch: NoteLaunch = note_nothing
    rights: Rights = field(default_factory=NoRights)
    """Who may read private repositories, and with what."""
