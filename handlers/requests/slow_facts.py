"""What forms show and what takes long to find out. No request waits for it, but for a moment."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Any

from bot.access.rights import Reader
from bot.lookups import Lookups, Submit
from bot.repositories.preview import Preview
from bot.repositories.spec import RepoSpec
from handlers.messages.share_fields import GroupNames

WAIT_SECONDS = 1.5
"""How long a form that is sent waits for what is being looked up; Slack waits for three seconds."""
_MOST_WAITING = 2
"""Forms that wait at the same time: Bolt answers requests on five threads, and commands must not wait."""


@dataclass(frozen=True, slots=True)
class SlowFacts:
    """What is looked up in the background.

    Attributes:
        submit: Has something done by a thread of the background.
        repositories: What somebody finds in a repository.
        free: How many more instances of each size the cloud has room for; under an empty key.
        groups: The user groups of a workspace, by its id.
    """

    submit: Submit
    repositories: Lookups[tuple[RepoSpec, Reader], Preview | None]
    free: Lookups[str, dict[str, int | None]]
    groups: Lookups[str, GroupNames]
    _waiting: BoundedSemaphore = field(
        default_factory=lambda: BoundedSemaphore(_MOST_WAITING), init=False, repr=False
    )

    @classmethod
    def nothing(cls) -> "SlowFacts":
        """Nothing is found out."""

        def never(*_: object) -> "Future[Any]":
            done: Future[Any] = Future()
            done.set_result(None)
            return done

        def unknown(_key: object) -> Any:
            return None

        return cls(
            never,
            Lookups(unknown, never, fresh_seconds=1),
            Lookups(unknown, never, fresh_seconds=1),
            Lookups(unknown, never, fresh_seconds=1),
        )

    def preview(self, spec: RepoSpec, reader: Reader) -> Preview | None:
        """What is known of a repository when a form is sent; waits for a moment, unless too many do."""
        if not self._waiting.acquire(blocking=False):
            return self.repositories.known((spec, reader))
        try:
            return self.repositories.wait((spec, reader), WAIT_SECONDS)
        finally:
            self._waiting.release()
