"""The buttons of a binder's messages. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from slack_sdk.models.blocks import ButtonElement, InteractiveElement

from bot.sentences import Sentence
from bot.text import shorten, visible
from handlers import ids
from handlers.messages.blocks import Confirmation, button, link_button, menu
from handlers.messages.language import translated
from handlers.messages.mrkdwn import is_web
from handlers.messages.queue_text import waits
from handlers.rules import Action, State, has_failed, is_possible, state_of
from storage.models import Binder
from storage.vocabulary import Ending

LAUNCH = Sentence("Launch a repository")
LAUNCH_AGAIN = Sentence("Launch again")
TRY_AGAIN = Sentence("Try again")
WITHOUT_CONDA = Sentence("Try without conda")
_TEAR_DOWN_TEXT = Sentence("Tear down")


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


def shelve_button(binder: Binder) -> ButtonElement:
    """Stop the instance and keep its files."""
    return button(translated("Shelve"), ids.SHELVE, binder.id)


def resume_button(binder: Binder) -> ButtonElement:
    """Start a shelved binder again."""
    return button(translated("Resume"), ids.RESUME, binder.id, style="primary")


def stop_button(binder: Binder, text: str = _TEAR_DOWN_TEXT) -> ButtonElement:
    """Tear the binder down, after asking for confirmation; of a launch that waits, nothing would be lost."""
    if waits(binder):
        return button(translated("Cancel"), ids.STOP, binder.id, style="danger")
    confirmation = Confirmation(
        translated("Tear down {name}?", name=shorten(visible(binder.name), 60)),
        translated("Its server is stopped and all its files are deleted."),
        translated(_TEAR_DOWN_TEXT),
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


@dataclass(frozen=True, slots=True)
class Offers:
    """What this site can do with binders beside what is always possible.

    Attributes:
        can_shelve: Whether its cloud can shelve.
        can_ask: Whether it has a channel in which people help.
    """

    can_shelve: bool = True
    can_ask: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be done with a binder, in a menu."""

    action: Action
    action_id: str
    label: Sentence

    def value(self, binder: Binder) -> str:
        """What Slack hands back when it is chosen: see `chosen`."""
        return f"{self.action_id}:{binder.id}"


MORE = Sentence("More…")
_IN_MENU = 5
"""Slack's limit of a menu."""
_CHOICES = (
    Choice(Action.SHARE, ids.SHARE, Sentence("Share")),
    Choice(Action.EXTEND, ids.KEEP, Sentence("Keep 2 h")),
    Choice(Action.SAVE, ids.SAVE, Sentence("Save my work")),
    Choice(Action.SHELVE, ids.SHELVE, Sentence("Shelve")),
    Choice(Action.READ_LOG, ids.LOG, Sentence("Show log")),
    Choice(Action.HOLD, ids.HOLD, Sentence("Keep for debugging")),
    Choice(Action.STOP, ids.STOP, Sentence("Remove now")),
    Choice(Action.LINK, ids.LAUNCH_LINK, Sentence("Launch link")),
    Choice(Action.LAUNCH_AGAIN, ids.RETRY, LAUNCH_AGAIN),
    Choice(Action.EXTEND, ids.KEEP_TONIGHT, Sentence("Keep until tonight")),
)
"""What menus hold, the most wanted first."""


def controls(
    binder: Binder, offers: Offers, *, allowed: Collection[Action] | None = None
) -> list[InteractiveElement]:
    """All that can be done with a binder now: the main buttons, and one menu for the rest.

    Args:
        binder: As it is.
        offers: What the site can do.
        allowed: What the reader may do; None where several people read the message.
    """
    main = main_buttons(binder, offers, allowed=allowed)
    return [*main, *_menu(binder, choices(binder, offers, allowed=allowed))]


def menu_beside(binder: Binder, offers: Offers, shown: Collection[str]) -> list[InteractiveElement]:
    """The menu of a message with buttons of its own, for what is not among these names of buttons."""
    return _menu(binder, [each for each in choices(binder, offers) if each.action_id not in shown])


def _menu(binder: Binder, rest: Sequence[Choice]) -> list[InteractiveElement]:
    entries = [(translated(each.label), each.value(binder)) for each in rest]
    if len(entries) > _IN_MENU:
        entries = [*entries[: _IN_MENU - 1], (translated(MORE), f"{ids.MORE}:{binder.id}")]
    return [menu(ids.MENU, entries)] if entries else []


def main_buttons(
    binder: Binder, offers: Offers, *, allowed: Collection[Action] | None = None
) -> list[ButtonElement]:
    """What people mostly want of a binder in its state: see `controls`."""
    return [
        made(binder)
        for action, made in _MAIN[state_of(binder)]
        if (allowed is None or action in allowed) and _is_offered(binder, action, offers)
    ]


def choices(binder: Binder, offers: Offers, *, allowed: Collection[Action] | None = None) -> list[Choice]:
    """What else can be done with it now, the most wanted first: see `controls`."""
    main = {action for action, _ in _MAIN[state_of(binder)]}
    return [
        each
        for each in _CHOICES
        if each.action not in main
        and (allowed is None or each.action in allowed)
        and _is_offered(binder, each.action, offers)
        and (
            each.action != Action.EXTEND or state_of(binder) == State.READY
        )  # before, it would change nothing
    ]


def more_buttons(
    binder: Binder, offers: Offers, *, allowed: Collection[Action]
) -> Iterator[InteractiveElement]:
    """All that can be done with it now, as buttons: see `controls`."""
    yield from main_buttons(binder, offers, allowed=allowed)
    for each in choices(binder, offers, allowed=allowed):
        yield button(translated(each.label), each.action_id, binder.id)


def chosen(value: str) -> tuple[str, str]:
    """The button that a value of a menu stands for, and the binder's id; it may be forged."""
    action_id, _, binder_id = value.partition(":")
    return action_id, binder_id


def _is_offered(binder: Binder, action: Action, offers: Offers) -> bool:
    if action == Action.ASK_FOR_HELP:
        return offers.can_ask and has_failed(binder) and is_possible(binder, action)
    return is_possible(binder, action) and (offers.can_shelve or action != Action.SHELVE)


def ask_for_help_button(binder: Binder) -> ButtonElement:
    """Show what would be posted where others help."""
    return button(translated("Ask for help"), ids.ASK_FOR_HELP, binder.id)


def retry_button(binder: Binder, text: str) -> ButtonElement:
    """Launch the same repository once more."""
    style = "primary" if binder.ending == Ending.FAILED else None
    return button(translated(text), ids.RETRY, binder.id, style=style)


def without_conda_button(binder: Binder) -> ButtonElement:
    """Launch the same repository once more, with its conda packages from PyPI."""
    return button(translated(WITHOUT_CONDA), ids.RETRY_WITHOUT_CONDA, binder.id)


def _again_button(binder: Binder) -> ButtonElement:
    return retry_button(binder, TRY_AGAIN if has_failed(binder) else LAUNCH_AGAIN)


_TEAR_DOWN = (Action.STOP, stop_button)
_ENDED = ((Action.LAUNCH_AGAIN, _again_button), (Action.ASK_FOR_HELP, ask_for_help_button))
_MAIN: Mapping[State, tuple[tuple[Action, Callable[[Binder], ButtonElement]], ...]] = {
    State.ASKED: (_TEAR_DOWN,),
    State.STARTING: (_TEAR_DOWN,),
    State.READY: ((Action.OPEN, open_button), _TEAR_DOWN),
    State.SHELVED: ((Action.RESUME, resume_button), _TEAR_DOWN),
    State.FAILED: _ENDED,
    State.ENDING: _ENDED,
    State.GONE: _ENDED,
}
"""What stands as a button of its own. *Tear down* does, because a menu cannot ask back for one entry."""


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
