"""Deletes posts that were made too late.

Slack accepts no idempotency key with a post. A sender that is frozen right before it posts, for longer than
its lease, posts what another sender has posted in the meantime, or what is not wanted any more. It learns so
when it wants to write down its success; then its own post is the duplicate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import structlog

from handlers.outbox.idempotent_post import Post, Posts
from handlers.slack.calls import Rejected, SlackCalls, TooEarly, Uncertain, WorkspaceLost
from handlers.slack.history import Call
from storage import outbox
from storage.engine import Store
from storage.models import OutboxMessage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LatePost:
    """A post whose sender could not note it; `ts` is None where Slack's answer was lost too."""

    message: OutboxMessage
    post: Post
    ts: str | None


class DuplicatePosts:
    """The late posts of this process, until it is clear whether they stay.

    They are kept in memory only: if the process dies before that, they stay.
    """

    def __init__(self, store: Store, posts: Posts, calls: SlackCalls) -> None:
        self._store = store
        self._posts = posts
        self._calls = calls
        self._late: list[LatePost] = []

    def add(self, late: LatePost) -> None:
        """Remember a post that came late."""
        self._late.append(late)

    def settle(self) -> None:
        """Delete the duplicates; a post about which it is not clear yet waits."""
        self._late = [each for each in self._late if not self._is_settled(each)]

    def _is_settled(self, late: LatePost) -> bool:
        with self._store.read() as session:
            fate = outbox.fate(session, late.message)
        if fate is None:
            return False
        call = partial(self._calls.call, caller=late.message.id)
        try:
            self._delete(call, late.post, (ts for ts in self._copies(call, late) if not fate.counts(ts)))
        except (TooEarly, Uncertain):
            return False
        except (Rejected, WorkspaceLost) as error:
            log.warning("late_post_stays", key=late.post.key, error=str(error))
        return True

    def _copies(self, call: Call, late: LatePost) -> list[str]:
        return [late.ts] if late.ts else list(self._posts.found(call, late.post))

    def _delete(self, call: Call, post: Post, copies: Iterable[str]) -> None:
        for ts in copies:
            self._posts.delete(call, post, ts)
            log.info("late_post_deleted", key=post.key)
