"""What is typed after `admin`: one record for each word, from which its help is made, too."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.sentences import Sentence
from handlers.messages import admin_text
from handlers.messages.message import Message
from handlers.requests import admin, admin_policies
from handlers.requests.admin import AdminOperation
from handlers.requests.context import Context
from handlers.requests.requester import Requester


@dataclass(frozen=True, slots=True)
class AdminCommand:
    """One word after `admin`, and what is known of it.

    Attributes:
        usage: What follows it; brackets stand around what may be left out.
        help: What it does, in half a sentence.
        run: Does it.
    """

    usage: str
    help: str
    run: AdminOperation[[str], Message]

    @property
    def name(self) -> str:
        """The word."""
        return str(self.run.action)

    @property
    def whole_usage(self) -> str:
        """The word, and what follows it."""
        return f"{self.name} {self.usage}".strip()


ADMIN_COMMANDS = (
    AdminCommand("[page]", Sentence("show all binders, and what they cost"), admin.listing),
    AdminCommand("<name> <reason>", Sentence("tear one down; its owner reads the reason"), admin.stop),
    AdminCommand("<name> <span>", Sentence("let one run longer"), admin.extend),
    AdminCommand("<text>", Sentence("tell everybody who has a binder; you confirm it first"), admin.announce),
    AdminCommand("[until]", Sentence("launch nothing new; `drain off` ends this"), admin.drain),
    AdminCommand("[@user|name]", Sentence("show who did what, and get it as a file"), admin.acts),
    AdminCommand("[month]", Sentence("show what a month cost, and get it as a file"), admin.costs),
    AdminCommand(
        "[@user] [binders:5 …]",
        Sentence("give one person limits of their own; `off` takes them back"),
        admin_policies.limits,
    ),
    AdminCommand(
        "[pattern] [reason]",
        Sentence("let nobody launch these repositories; alone, show what is decided"),
        admin_policies.ban,
    ),
    AdminCommand("<pattern>", Sentence("let people launch these repositories"), admin_policies.allow),
    AdminCommand("<pattern>", Sentence("take a ban or an allowance back"), admin_policies.forget),
)
BY_NAME: Mapping[str, AdminCommand] = {each.name: each for each in ADMIN_COMMANDS}
USAGE = tuple((each.whole_usage, each.help) for each in ADMIN_COMMANDS)


def answer(context: Context, requester: Requester, rest: str) -> Message:
    """Do what was typed after `admin`; without a word that is known, show what there is.

    Raises:
        Refused: This person is no admin; that is all that they learn.
        RequestError: It cannot be done, with the sentence that says why.
    """
    word, _, after = rest.strip().partition(" ")
    found = BY_NAME.get(word.lower())
    if found is not None:
        return found.run(context, requester, after.strip())
    admin.require(context, requester)
    return admin_text.usage(USAGE)
