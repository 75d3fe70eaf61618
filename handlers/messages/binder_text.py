"""The name and the repository of a binder, as several messages show them. Pure."""

from urllib.parse import quote

from bot.text import shorten, visible
from handlers.messages.language import translated
from handlers.messages.mrkdwn import escape, inline, link
from storage.models import Binder

_MAX_URL_SHOWN = 500
_MOST_NOTES = 8
_MAX_NOTE = 300
"""Characters. So many notes and their signs fit into one section."""


def notes_of(binder: Binder) -> str:
    """What the owner should know of the build, a line each; empty if there is nothing."""
    return "\n".join(
        f":information_source: {inline(each, _MAX_NOTE)}" for each in (binder.notes or [])[:_MOST_NOTES]
    )


def collaboration_of(binder: Binder) -> str:
    """Whether two people in one notebook see each other; empty where nothing told."""
    if binder.collaborates is None:
        return ""
    if binder.collaborates:
        return translated("Two people in one notebook see each other's changes as they type.")
    return translated(
        "Two people in one notebook do not see each other's changes: the last one to save wins."
    )


def name_of(binder: Binder) -> str:
    """A binder's name, as escaped markup."""
    return inline(binder.name, 64)


def repository_of(binder: Binder) -> str:
    """The repository as short plain text: `github.com/owner/repo`."""
    return short_url(binder.url)


def short_url(url: str) -> str:
    """The URL of a repository as short plain text."""
    return shorten(visible(url).removeprefix("https://").removeprefix("http://"), 80)


def repository_text(binder: Binder) -> str:
    """The repository as escaped markup."""
    return escape(repository_of(binder))


def repository_link(binder: Binder) -> str:
    """The repository as a link to its page."""
    page = _page(binder)
    # A link of thousands of characters would fill the message; the text is enough.
    return link(page, repository_of(binder)) if len(page) <= _MAX_URL_SHOWN else repository_text(binder)


def _page(binder: Binder) -> str:
    """The web page of the repository or archive."""
    if binder.url.startswith("10."):
        return f"https://doi.org/{quote(binder.url, safe='/')}"
    if binder.url.startswith("swh:"):
        return f"https://archive.softwareheritage.org/{quote(binder.url, safe=':;=/')}"
    return binder.url
