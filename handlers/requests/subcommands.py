"""The subcommands: one record for each, from which help, hints and advice are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.errors import RequestError
from bot.repositories.launch_text import parse_launch
from bot.repositories.site_links import expanded
from bot.sentences import Sentence
from bot.text import readable
from bot.times import phrases
from handlers import ids, messages
from handlers.messages import candidates, class_text
from handlers.messages.message import Message
from handlers.requests import (
    admin_command,
    audited,
    class_command,
    connections,
    launches,
    links,
    logs,
    operations,
    sharing,
)
from handlers.requests.classes import AmbiguousClass
from handlers.requests.command_text import bare_command, command_words
from handlers.requests.context import Context
from handlers.requests.lookup import Ambiguous, by_name
from handlers.requests.names import nearest
from handlers.requests.permissions import Operation
from handlers.requests.repository_links import is_launch_text, launch_text_in
from handlers.requests.requester import Requester
from handlers.requests.subjects import parse_sharing, shares, take_sharing
from handlers.rules import Action

Run = Callable[[Context, Requester, str], Message | None]
"""Does what a subcommand says; the text is what was typed after it. None where its outcome is posted soon."""


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One word after `/binder`, and all that is known of it.

    Attributes:
        name: The word.
        usage: What follows it; brackets stand around what may be left out.
        help: What it does, in half a sentence.
        run: Does it.
        action: What it does to one binder, by which `RULES` says who may; None where everybody may.
        synonyms: Other words for it. They are advised, not obeyed.
        examples: What help shows, where one example made of `usage` is not enough: words after the name,
            and what they do.
    """

    name: str
    usage: str
    help: str
    run: Run
    action: Action | None = None
    synonyms: tuple[str, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def whole_usage(self) -> str:
        """The name, and what follows it."""
        return f"{self.name} {self.usage}".strip()

    def shown_examples(self) -> list[tuple[str, str]]:
        """Whole commands without `/binder`, and what each does."""
        examples = self.examples or ((self.usage.replace("[name]", "demo"), self.help),)
        return [(f"{self.name} {words}".strip(), what) for words, what in examples]


def _launch(context: Context, requester: Requester, rest: str) -> Message | None:
    if not rest:
        raise RequestError(
            Sentence("Which repository?"),
            hint=Sentence("For example: `{command} launch owner/repo`", command=ids.COMMAND),
        )
    audited.begin(Action.LAUNCH_AGAIN)
    text, asked = take_sharing(rest)
    request = parse_launch(expanded(context.settings.link_host, text))
    return launches.launch(context, requester, request, asked)


def _list(context: Context, requester: Requester, _rest: str) -> Message:
    return operations.listing(context, requester)


def _status(context: Context, requester: Requester, rest: str) -> Message:
    """Without a name, in a channel: what is there."""
    if not rest and not requester.chosen and (here := operations.status_of_channel(context, requester)):
        return here
    return operations.status(context, requester, by_name(context, requester, rest, "status"))


def _extend(context: Context, requester: Requester, rest: str) -> Message:
    name, span = phrases.split(rest)
    lookup = by_name(context, requester, name, "extend", after=span, action=Action.EXTEND)
    return operations.extend(context, requester, lookup, span)


def _share(context: Context, requester: Requester, rest: str) -> Message:
    asked = parse_sharing(rest)
    lookup = by_name(context, requester, asked.name, "share", after="@name", action=Action.SHARE)
    return sharing.share(context, requester, lookup, asked.subjects, manages=asked.manages)


def _unshare(context: Context, requester: Requester, rest: str) -> Message:
    asked = parse_sharing(rest)
    lookup = by_name(context, requester, asked.name, "unshare", after="@name", action=Action.SHARE)
    return sharing.unshare(context, requester, lookup, asked.subjects)


def _help(_context: Context, _requester: Requester, _rest: str) -> Message:
    return messages.help_text(EXAMPLES)


def _about_one(
    name: str, help_: str, operation: Operation[[], Message], synonyms: tuple[str, ...] = ()
) -> Subcommand:
    """A subcommand that takes the name of a binder and nothing else."""

    def run(context: Context, requester: Requester, rest: str) -> Message:
        return operation(context, requester, by_name(context, requester, rest, name, action=operation.action))

    return Subcommand(name, "[name]", help_, run, operation.action, synonyms)


SUBCOMMANDS = (
    Subcommand(
        "launch",
        "<repo> [ref] [path]",
        Sentence("start a repository"),
        _launch,
        synonyms=("start", "run", "create", "new", "up", "build", "begin", "boot"),
        examples=(
            ("owner/repo", Sentence("start a repository from GitHub")),
            (
                "https://… main notebooks/a.ipynb",
                Sentence("start any link or DOI, with a branch and a file to open"),
            ),
            ("owner/repo --open rstudio --size large --for 6h --name demo", Sentence("start with options")),
            ("owner/repo --share @ada #lab", Sentence("start it, and let others open it, too")),
            ("owner/repo --rebuild", Sentence("build it anew, also if it was built before")),
            ("", Sentence("open a form")),
        ),
    ),
    Subcommand(
        "list", "", Sentence("show what is running"), _list, Action.SEE, ("ls", "ps", "all", "binders")
    ),
    Subcommand(
        "status",
        "[name]",
        Sentence("show the progress; without a name, of this channel's binders"),
        _status,
        Action.SEE,
        ("info", "show", "state", "progress"),
    ),
    _about_one(
        "logs",
        Sentence("show the end of the log, and get all of it as a file"),
        logs.logs,
        ("log", "output", "tail"),
    ),
    _about_one(
        "open",
        Sentence("get your links again"),
        operations.open_links,
        ("links", "url", "token", "go"),
    ),
    Subcommand(
        "share",
        "[name] @user",
        Sentence("let others open it: people, a `#channel` or a `@group`"),
        _share,
        sharing.share.action,
        ("invite", "give", "allow", "grant", "add"),
        examples=(
            ("demo @ada #lab", Sentence("let others open it: people, a channel or a group")),
            ("demo @ada --manage", Sentence("let them also extend, save, shelve and stop it")),
        ),
    ),
    Subcommand(
        "unshare",
        "[name] @user",
        Sentence("share it with them no longer"),
        _unshare,
        sharing.unshare.action,
        ("revoke", "uninvite", "disallow"),
    ),
    _about_one(
        "link", Sentence("get a link and a badge that launch it again"), links.launch_link, ("badge",)
    ),
    Subcommand(
        "extend",
        "[name] 2h",
        Sentence("let it run longer; `until friday 18:00` works, too"),
        _extend,
        operations.extend.action,
        ("keep", "prolong", "renew", "postpone", "longer"),
    ),
    _about_one(
        "save",
        Sentence("get your changed files as an archive in the thread"),
        operations.save,
        ("download", "export", "backup", "archive"),
    ),
    _about_one(
        "shelve",
        Sentence("stop it and keep its files, if the cloud can"),
        operations.shelve,
        ("pause", "suspend", "park", "freeze"),
    ),
    _about_one(
        "resume",
        Sentence("start it again after `shelve`"),
        operations.resume,
        ("unshelve", "continue", "wake", "unpause"),
    ),
    _about_one(
        "stop",
        Sentence("tear it down and delete its files"),
        operations.stop,
        ("kill", "delete", "rm", "remove", "down", "end", "terminate", "destroy", "teardown"),
    ),
    Subcommand(
        "class",
        "<repo> --seats 30",
        Sentence("give everybody a binder of their own"),
        class_command.answer,
        synonyms=("course", "lesson", "workshop", "classroom"),
        examples=(
            ("owner/repo --seats 30 --for 3h", Sentence("give 30 people a binder of their own")),
            (
                "owner/repo @team --at 9:55",
                Sentence("make them before they come, for a `@group`"),
            ),
            ("", Sentence("show the classes that you can see")),
        ),
    ),
    Subcommand(
        "connect",
        "github",
        Sentence("let me read your private repositories at GitHub"),
        connections.connect,
        synonyms=("login", "authorize", "auth"),
    ),
    Subcommand(
        "disconnect",
        "github",
        Sentence("forget that you connected me with GitHub"),
        connections.disconnect,
        synonyms=("logout", "unauthorize"),
    ),
    Subcommand(
        "admin",
        "[command]",
        Sentence("for admins: show all binders, their costs and the audit, stop new launches, and more"),
        admin_command.answer,
        examples=(("", Sentence("for admins: show what they can do")),),
    ),
    Subcommand(
        "help",
        "",
        Sentence("show these commands"),
        _help,
        synonyms=("--help", "-h", "?", "-help", "—help", "usage"),
    ),
)

BY_NAME: Mapping[str, Subcommand] = {each.name: each for each in SUBCOMMANDS}
SYNONYMS: Mapping[str, str] = {word: each.name for each in SUBCOMMANDS for word in each.synonyms}
EXAMPLES = tuple(example for each in SUBCOMMANDS for example in each.shown_examples())
USAGE_HINT = " | ".join(each.whole_usage for each in SUBCOMMANDS)
"""What Slack shows while somebody types `/binder`; it stands in the manifest."""

_KNOWN = {*BY_NAME, *SYNONYMS}
_HELP = {"help", *BY_NAME["help"].synonyms}


def answer(context: Context, requester: Requester, text: str) -> Message | None:
    """Do what somebody typed after `/binder` or after a mention.

    Returns:
        The answer for the requester; None where something will be posted soon that is answer enough.

    Raises:
        RequestError: It cannot be done, with the sentence that says why.
    """
    word, rest = command_words(text, _KNOWN)
    if not word or word in _HELP or rest.lower() in _HELP:
        return _help(context, requester, rest)
    if word in BY_NAME:
        return _run(context, requester, BY_NAME[word], rest, text)
    if word not in SYNONYMS and (
        asked := launch_text_in(expanded(context.settings.link_host, bare_command(text)))
    ):
        return messages.launch_offer(asked, f"launch {readable(asked)}")
    return messages.not_understood(readable(bare_command(text)), correction(text), EXAMPLES)


def _run(
    context: Context, requester: Requester, subcommand: Subcommand, rest: str, text: str
) -> Message | None:
    audited.begin(subcommand.action)
    try:
        return subcommand.run(context, requester, rest)
    except Ambiguous as error:
        return candidates.which(error.candidates, text, context.store.now(), requester.user)
    except AmbiguousClass as error:
        return class_text.which(error.candidates, text)


def names_people(text: str) -> bool:
    """Whether the people who are mentioned in a text belong to what it asks for."""
    word, rest = command_words(text, _KNOWN)
    return word in {"share", "unshare", "class", "admin"} or (word == "launch" and shares(rest))


def asks_for_form(text: str) -> bool:
    """Whether somebody typed `launch` and nothing else."""
    return command_words(text, _KNOWN) == ("launch", "")


def asks_to_share(text: str) -> str | None:
    """The name behind `share` (may be empty), where nobody is named with whom; None for all else."""
    word, rest = command_words(text, _KNOWN)
    if word != "share" or rest.lower() in _HELP:
        return None
    asked = parse_sharing(rest)
    return None if asked.subjects else asked.name


def correction(text: str) -> str | None:
    """The right form of what was typed, filled in with it; None where nothing is near."""
    word, rest = command_words(text, _KNOWN)
    if word in SYNONYMS:
        return f"{SYNONYMS[word]} {readable(rest)}".strip()
    whole = bare_command(text)
    if is_launch_text(whole):
        return f"launch {readable(whole)}"
    near = nearest(word, BY_NAME)
    return f"{near} {readable(rest)}".strip() if near else None
