"""What admins decide of people and repositories, in effect on all replicas at once."""

from collections.abc import Mapping, Sequence

from bot.errors import RequestError
from bot.policy.quotas import What, read_limits
from bot.policy.repositories import read_pattern
from bot.sentences import Sentence
from bot.text import readable
from handlers.messages import policy_text
from handlers.messages.message import Message
from handlers.requests.admin import administers, usage_hint
from handlers.requests.context import Context
from handlers.requests.requester import Requester
from handlers.requests.subjects import take_subjects
from handlers.rules import AdminAction
from storage import policies
from storage.share_models import ShareKind


@administers(AdminAction.LIMITS)
def limits(context: Context, requester: Requester, typed: str) -> Message:
    """Give one person limits of their own; `off` takes them back. Without limits, show what there is.

    Raises:
        RequestError: It names nobody, several people, or nothing that is counted.
    """
    subjects, rest = take_subjects(typed)
    words = rest.replace(",", " ").split()
    if not subjects and not words:
        with context.store.read() as session:
            return policy_text.everybodys_limits(policies.all_limits(session, requester.team_id))
    if len(subjects) != 1 or subjects[0].kind != ShareKind.USER:
        raise RequestError(Sentence("Whose limits?"), hint=_for_example("limits @ada binders:10 cost:50"))
    [user] = [each.id for each in subjects]
    with context.store.write() as session:
        if words:
            wanted = {} if words == ["off"] else _limits(words)
            policies.set_limits(session, requester.team_id, user, wanted, requester.user)
        of_them = policies.limits_of(session, requester.team_id, user)
    context.nudge()  # somebody may be waiting for just that
    return policy_text.limits_of(user, of_them)


def _limits(words: Sequence[str]) -> Mapping[str, float]:
    """Read limits.

    Raises:
        RequestError: They are none.
    """
    try:
        return {str(what): most for what, most in read_limits(words).items()}
    except ValueError:
        raise RequestError(
            Sentence(
                "“{typed}” is no limit. These are counted: {what}.",
                typed=readable(" ".join(words)),
                what=", ".join(What),
            ),
            hint=_for_example("limits @ada binders:10 cost:50"),
        ) from None


def _for_example(words: str) -> Sentence:
    return Sentence("For example: {example}", example=usage_hint(words))


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
            hint=_for_example(f"ban {pattern} it mines coins"),
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
