"""What people read who may not launch. Pure."""

from collections.abc import Mapping

from bot.policy.people import Denial
from bot.sentences import Sentence

DENIALS: Mapping[Denial, Sentence] = {
    Denial.UNKNOWN: Sentence("I don't know yet who you are, because Slack has not told me."),
    Denial.GUEST: Sentence("Guests and people of other organisations aren't allowed to launch here."),
    Denial.NOT_NAMED: Sentence("You aren't allowed to launch here."),
    Denial.ELSEWHERE: Sentence("Nobody is allowed to launch in this workspace."),
}
TRY_AGAIN = Sentence("Try again in a minute.")
"""What helps where Slack has not told yet."""
