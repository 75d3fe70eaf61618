"""What people read who may not launch, and what admins read who decide that. Pure."""

from collections.abc import Mapping, Sequence

from bot.policy.people import Denial
from bot.sentences import Sentence
from handlers.messages.blocks import section
from handlers.messages.language import translated
from handlers.messages.message import Message, shorten_lines
from handlers.messages.mrkdwn import code, date, inline, person
from storage.policy_models import PersonLimits, RepositoryRule

DENIALS: Mapping[Denial, Sentence] = {
    Denial.UNKNOWN: Sentence("I don't know yet who you are, because Slack has not told me."),
    Denial.GUEST: Sentence("Guests and people of other organisations aren't allowed to launch here."),
    Denial.NOT_NAMED: Sentence("You aren't allowed to launch here."),
    Denial.ELSEWHERE: Sentence("Nobody is allowed to launch in this workspace."),
}
TRY_AGAIN = Sentence("Try again in a minute.")
"""What helps where Slack has not told yet."""


def banned(pattern: str, reason: str) -> Message:
    """The answer to who banned repositories."""
    story = translated("Nobody can launch {pattern} from now on.", pattern=code(pattern, 300))
    why = translated("The reason: {reason}", reason=inline(reason, 1_000))
    return _sentence(f"{story} {why}")


def allowed(pattern: str) -> Message:
    """The answer to who allowed repositories."""
    return _sentence(translated("People can launch {pattern} from now on.", pattern=code(pattern, 300)))


def forgotten(pattern: str) -> Message:
    """The answer to who took a decision back."""
    settings = translated("For {pattern}, the settings of the site decide again.", pattern=code(pattern, 300))
    return _sentence(settings)


def decided(rules: Sequence[RepositoryRule]) -> Message:
    """All that admins decided of repositories: what, who, when, and why."""
    if not rules:
        return _sentence(translated("No admin has banned or allowed a repository."))
    return _sentence(shorten_lines([_line(each) for each in rules]))


def limits_of(user: str, limits: Mapping[str, float]) -> Message:
    """The limits of a person's own, or that they have none."""
    if not limits:
        return _sentence(translated("For {person}, the limits of everybody hold.", person=person(user)))
    story = translated(
        "{person} has limits of their own: {limits}", person=person(user), limits=_limits(limits)
    )
    return _sentence(story)


def everybodys_limits(rows: Sequence[PersonLimits]) -> Message:
    """Everybody who has limits of their own: which, by whom, and when."""
    if not rows:
        return _sentence(translated("Nobody has limits of their own."))
    lines = [
        f"{person(each.user)} {_limits(each.limits)} · {person(each.by)} · {date(each.at)}" for each in rows
    ]
    return _sentence(shorten_lines(lines))


def _limits(limits: Mapping[str, float]) -> str:
    return code(" ".join(f"{name}:{most:g}" for name, most in limits.items()))


def _line(rule: RepositoryRule) -> str:
    emoji = ":white_check_mark:" if rule.is_allowed else ":no_entry:"
    why = f": {inline(rule.reason, 300)}" if rule.reason else ""
    return f"{emoji} {code(rule.pattern, 300)} · {person(rule.by)} · {date(rule.at)}{why}"


def _sentence(shown: str) -> Message:
    return Message.of(shown, [section(shown)])
