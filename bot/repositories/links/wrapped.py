"""A repository inside of another link: a launch link, or a page that opens notebooks elsewhere. Pure."""

from dataclasses import dataclass

from bot.errors import SpecError
from bot.repositories.parts import echo, has_hidden
from bot.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What another link says of a repository; `bot.repositories.links.table` reads the location in it.

    Args:
        location: The repository, as it could have been pasted alone.
        ref: A branch, tag or commit, in addition to what the location says; likewise the others.
        path: A file or directory.
        interface: What it is opened with.
    """

    location: str
    ref: str | None = None
    path: str | None = None
    interface: str | None = None


def nested(text: str) -> str:
    """The location inside of a link.

    Raises:
        SpecError: It could be none.
    """
    if not text or has_hidden(text) or " " in text or "/v2/" in text:
        raise SpecError(Sentence("The link holds {text}, which is no repository.", text=echo(text)))
    return text
