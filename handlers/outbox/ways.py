"""How Slack is reached, for those who send a message of the outbox."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from handlers.outbox.idempotent_post import Post


@dataclass(frozen=True, slots=True)
class Ways:
    """How Slack is reached for one message of the outbox.

    Attributes:
        call: Calls a method of the client at Slack's pace; takes the method, its scope, and its arguments.
        post: Posts, unless it is there already; its channel and ts.
        find: Looks for what may have been posted; its ts.
        direct: The direct message of a person, by their workspace and id.
        edits_are_scarce: Whether the workspace has used most of the edits that it may make now.
        done: Marks the message as delivered, with its ts.
    """

    call: Callable[..., Any]
    post: Callable[[Post], tuple[str, str]]
    find: Callable[[Post], str | None]
    direct: Callable[[str, str], str]
    edits_are_scarce: Callable[[str], bool]
    done: Callable[[str | None], None]
