"""In which language a person is answered.

Slack has to be asked once for it, which takes no more than half of the three seconds in which it wants an
acknowledgement. That comes last: people can rely on what is acknowledged, whatever breaks then.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from slack_bolt import Args

from handlers.listeners.replies import requester_of
from handlers.messages.language import language_of, reading
from handlers.requests.context import Context
from handlers.requests.requester import Requester

CONTEXT = "binder_bot_context"
"""Where the middleware leaves our `Context` for listeners."""
_IN_A_HURRY = frozenset({"view_submission", "block_suggestion"})
"""Payloads at which a person looks while they wait for the acknowledgement."""
_UNANSWERED_EVENTS = frozenset({"link_shared", "app_home_opened"})


@contextmanager
def answering(args: Args) -> Iterator[None]:
    """Make messages in the language of the person from whom a request comes."""
    reader = requester_of(args.context, args.body, "")
    if not reader.user or (args.body.get("event") or {}).get("type") in _UNANSWERED_EVENTS:
        yield
        return
    with reading(_language(args.context[CONTEXT], args, reader)):
        yield
    args.context[CONTEXT].refresh_profile(reader.team_id, reader.user)  # nobody waits for it any more


def _language(context: Context, args: Args, reader: Requester) -> str:
    person = reader.team_id, reader.user
    if context.known_locale(*person) is None and args.body.get("type") not in _IN_A_HURRY:
        context.refresh_profile(*person)
    return language_of(context.known_locale(*person))
