"""The buttons of a binder's messages. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from urllib.parse import quote

from slack_sdk.models.blocks import ButtonElement

from bot.sentences import Sentence
from bot.text import shorten, visible
from handlers import ids
from handlers.messages.blocks import Confirmation, button, link_button
from handlers.messages.language import translated
from handlers.messages.mrkdwn import is_web
from handlers.rules import Action, is_possible
from storage.models import Binder
from storage.vocabulary import Ending

LAUNCH = Sentence("Launch a repository")
WITHOUT_CONDA = Sentence("Try without conda")
_TEAR_DOWN = Sentence("Tear down")


def launch_button(*, style: str | None = None) -> ButtonElement:
    """The form for a launch."""
    return button(translated(LAUNCH), ids.FORM, style=style)


def open_button(binder: Binder) -> ButtonElement:
    """Show links that include the token to the person who presses it."""
    return button(translated("Open"), ids.OPEN, binder.id, style="primary")


def log_button(binder: Binder) -> ButtonElement:
    """Show the last lines of the log."""
    return button(translated("Show log"), ids.LOG, binder.id)


def share_button(binder: Binder) -> ButtonElement:
    """The form in which its owner says who else can open it."""
    return button(translated("Share"), ids.SHARE, binder.id)


def launch_link_button(binder: Binder) -> ButtonElement:
    """A link and a badge that launch the same again."""
    return button(translated("Launch link"), ids.LAUNCH_LINK, binder.id)


def shelve_button(binder: Binder) -> ButtonElement:
    """Stop the instance and keep its files."""
    return button(translated("Shelve"), ids.SHELVE, binder.id)


def resume_button(binder: Binder) -> ButtonElement:
    """Start a shelved binder again."""
    return button(translated("Resume"), ids.RESUME, binder.id, style="primary")


def stop_button(binder: Binder, text: str = _TEAR_DOWN) -> ButtonElement:
    """Tear the binder down, after asking for confirmation."""
    confirmation = Confirmation(
        translated("Tear down {name}?", name=shorten(visible(binder.name), 60)),
        translated("Its server is stopped and all its files are deleted."),
        translated(_TEAR_DOWN),
        translated("Keep it"),
    )
    return button(translated(text), ids.STOP, binder.id, style="danger", confirmation=confirmation)


_BUTTON_OF: Mapping[Action, Callable[[Binder], ButtonElement]] = {
    Action.OPEN: open_button,
    Action.READ_LOG: log_button,
    Action.SHARE: share_button,
    Action.SHELVE: shelve_button,
    Action.RESUME: resume_button,
    Action.STOP: stop_button,
}


def possible_buttons(
    binder: Binder,
    wanted: Iterable[Action],
    *,
    can_shelve: bool = True,
    allowed: Collection[Action] | None = None,
) -> list[ButtonElement]:
    """The buttons of these actions, where they are possible now.

    Args:
        binder: What they are about.
        wanted: The actions, in the order of their buttons.
        can_shelve: Whether the cloud can shelve.
        allowed: What the reader may do; None where several people read the message.
    """
    return [
        _BUTTON_OF[each](binder)
        for each in wanted
        if (allowed is None or each in allowed)
        and is_possible(binder, each)
        and (can_shelve or each != Action.SHELVE)
    ]


def retry_button(binder: Binder, text: str) -> ButtonElement:
    """Launch the same repository once more."""
    style = "primary" if binder.ending == Ending.FAILED else None
    return button(translated(text), ids.RETRY, binder.id, style=style)


def without_conda_button(binder: Binder) -> ButtonElement:
    """Launch the same repository once more, with its conda packages from PyPI."""
    return button(translated(WITHOUT_CONDA), ids.RETRY_WITHOUT_CONDA, binder.id)


def interface_buttons(binder: Binder, *, token: str | None) -> list[ButtonElement]:
    """One button per interface; an interface that occurs twice is shown once."""
    by_kind = {each["kind"]: each for each in reversed(binder.interfaces or [])}
    pages = [(kind, each["label"], _address(binder, each["path"], token)) for kind, each in by_kind.items()]
    return [
        link_button(label, f"{ids.LINK_PREFIX}{kind}", url)
        for kind, label, url in reversed(pages)
        if is_web(url)
    ]


def _address(binder: Binder, path: str, token: str | None) -> str:
    base = (binder.server_url or "").rstrip("/")
    url = _with_token(f"{base}/{path.lstrip('/')}", token)
    # A path too long for a button: the server's own front page is better than nothing.
    return url if is_web(url) else _with_token(f"{base}/", token)


def _with_token(url: str, token: str | None) -> str:
    if token is None:
        return url
    return f"{url}{'&' if '?' in url else '?'}token={quote(token, safe='')}"
