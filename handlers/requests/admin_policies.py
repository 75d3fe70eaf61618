"""What admins decide of repositories, in effect on all replicas at once."""

from bot.errors import RequestError
from bot.policy.repositories import read_pattern
from bot.sentences import Sentence
from bot.text import readable
from handlers.messages import policy_text
from handlers.messages.message import Message
from handlers.requests.admin import administers, usage_hint
from handlers.requests.context import Context
from handlers.requests.requester import Requester
from handlers.rules import AdminAction
from storage import policies


@administers(AdminAction.BAN)
def ban(context: Context, requester: Requester, typed: str) -> Message:
    """Let nobody launch what a pattern names. Without one, show what is decided.

    Raises:
        RequestError: It is no pattern, or the reason is missing, which people who are refused read.
    """
    if not typed:
        return listing(context, requester)
    text, _, reason = typed.partition(" ")
    pattern, reason = _pattern(text), readable(reason.strip())
    if not reason:
        raise RequestError(
            Sentence("Why? People who are refused read the reason."),
            hint=Sentence("For example: {example}", example=usage_hint(f"ban {pattern} it mines coins")),
        )
    with context.store.write() as session:
        policies.ban(session, pattern, requester.user, reason)
    return policy_text.banned(pattern, reason)


@administers(AdminAction.ALLOW)
def allow(context: Context, requester: Requester, typed: str) -> Message:
    """Let people launch what a pattern names. Without one, show what is decided.

    Raises:
        RequestError: It is no pattern.
    """
    if not typed:
        return listing(context, requester)
    pattern = _pattern(typed)
    with context.store.write() as session:
        policies.allow(session, pattern, requester.user)
    return policy_text.allowed(pattern)


@administers(AdminAction.FORGET)
def forget(context: Context, requester: Requester, typed: str) -> Message:
    """Take a ban or an allowance back.

    Raises:
        RequestError: There is none of that pattern.
    """
    pattern = _pattern(typed)
    with context.store.write() as session:
        if not policies.forget(session, pattern, requester.user):
            raise RequestError(
                Sentence("Nothing was decided of {pattern}.", pattern=pattern),
                hint=Sentence("{command} shows what was.", command=usage_hint("ban")),
            )
    return policy_text.forgotten(pattern)


def listing(context: Context, _requester: Requester) -> Message:
    """All that admins decided of repositories."""
    with context.store.read() as session:
        return policy_text.decided(policies.rules(session))


def _pattern(text: str) -> str:
    """Read a pattern.

    Raises:
        RequestError: It is none.
    """
    try:
        return read_pattern(text)
    except ValueError:
        raise RequestError(
            Sentence("“{typed}” is no pattern of repositories.", typed=readable(text)),
            hint=Sentence("For example: {example}", example="`github.com/owner/*`"),
        ) from None
