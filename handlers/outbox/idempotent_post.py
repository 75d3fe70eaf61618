"""Posts with a key in their metadata, by which they can be found again: Slack has no idempotency keys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from handlers import ids
from handlers.messages.message import Message
from handlers.slack.calls import Rejected
from handlers.slack.clients import Clients
from handlers.slack.history import Call, messages_since
from storage.outbox import Owed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """A message on its way to a place.

    Attributes:
        message: What is said.
        channel: Where.
        key: By which it is found again.
        owed_at: Since when it is owed: nothing older can be it. Unix seconds, UTC.
        team_id: In which workspace, or `HOME`.
        thread_ts: Of the root of its thread, if any.
    """

    message: Message
    channel: str
    key: str
    owed_at: float
    team_id: str
    thread_ts: str | None = None

    @classmethod
    def of(
        cls,
        owed: Owed,
        message: Message,
        channel: str,
        thread_ts: str | None = None,
        *,
        team_id: str | None = None,
    ) -> "Post":
        """What is sent for a message of the outbox: in the workspace of its row, unless another is named."""
        where = owed.team_id if team_id is None else team_id
        return cls(message, channel, owed.message.key, owed.message.created_at, where, thread_ts)


class Posts:
    """Posts, and looks for what was posted.

    Args:
        clients: Slack's Web API, for each workspace.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def send(self, call: Call, post: Post) -> tuple[str, str]:
        """Post it; its channel and ts."""
        response = call(
            self._clients.of(post.team_id).chat_postMessage,
            post.channel,
            channel=post.channel,
            thread_ts=post.thread_ts,
            # A crawler's visit to a running server would count as activity.
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": ids.METADATA_EVENT, "event_payload": {"key": post.key}},
            **post.message.as_arguments(),
        )
        return str(response["channel"]), str(response["ts"])

    def delete(self, call: Call, post: Post, ts: str) -> None:
        """Delete it."""
        call(self._clients.of(post.team_id).chat_delete, post.channel, channel=post.channel, ts=ts)

    def find(self, call: Call, post: Post) -> str | None:
        """Look for it by its key; its ts, or None where it is not there, or where we may not look."""
        return next(self.found(call, post), None)

    def found(self, call: Call, post: Post) -> Iterator[str]:
        """The ts of each post of its key; none where we may not look."""
        try:
            yield from self._look_through(call, post)
        except Rejected as error:
            if error.code != "not_in_channel":
                log.warning("probe_refused", key=post.key, error=error.code)
                return
            yield from self._found_as_member(call, post)

    def _found_as_member(self, call: Call, post: Post) -> Iterator[str]:
        """Join, then look: in a public channel an app may post without being a member, but not read."""
        try:
            call(self._clients.of(post.team_id).conversations_join, post.channel, channel=post.channel)
            yield from self._look_through(call, post)
        except Rejected as error:
            log.warning("probe_refused", key=post.key, error=error.code)

    def _look_through(self, call: Call, post: Post) -> Iterator[str]:
        client = self._clients.of(post.team_id)
        recent = messages_since(client, call, post.channel, post.thread_ts, post.owed_at)
        return (str(each["ts"]) for each in recent if _key_of(each) == post.key)


def _key_of(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != ids.METADATA_EVENT:
        return None
    key = (metadata.get("event_payload") or {}).get("key")
    return str(key) if key else None
