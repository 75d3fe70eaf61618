"""In which language a person is answered.

Slack has to be asked once for it. Slack waits three seconds for an acknowledgement, so that comes first.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from slack_bolt import Args

from handlers.messages.language import language_of, reading
from handlers.requests.context import Context

CONTEXT = "binder_bot_context"
"""Where the middleware leaves our `Context` for listeners."""
_ACK_IS_ANSWER = frozenset({"view_submission", "block_suggestion"})
"""Payloads whose acknowledgement says more than that they arrived."""
_UNANSWERED_EVENTS = frozenset({"link_shared", "app_home_opened"})


@contextmanager
def answering(args: Args) -> Iterator[None]:
    """Make messages in the language of the person from whom a request comes."""
    user = args.context.user_id
    if user is None or (args.body.get("event") or {}).get("type") in _UNANSWERED_EVENTS:
        yield
        return
    with reading(_language(args.context[CONTEXT], args, user)):
        yield
    args.context[CONTEXT].refresh_profile(user)  # nobody waits for it any more


def _language(context: Context, args: Args, user: str) -> str:
    if context.known_locale(user) is None and args.body.get("type") not in _ACK_IS_ANSWER:
        args.ack()
        context.refresh_profile(user)
    return language_of(context.known_locale(user))
