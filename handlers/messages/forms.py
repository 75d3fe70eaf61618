"""The form of `/binder launch`: how it looks, and how it is read. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.models.blocks import (
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)

from bot.errors import SpecError
from bot.interfaces import discovery
from bot.provisioning.base import Size
from bot.repositories.launch_text import parse_launch
from bot.repositories.opened import INTERFACES
from bot.repositories.spec import LaunchRequest
from bot.text import shorten
from handlers import ids
from handlers.messages.blocks import Json, as_json, context

REPOSITORY = "repo"
DURATION = "duration"
_VALUE = "value"
_FLAGS = {
    "ref": "--ref",
    "path": "--path",
    "interface": "--open",
    "size": "--size",
    DURATION: "--for",
    "name": "--name",
}
"""The fields after the repository, and how each is said in a command."""
_MAX_REPOSITORY = 1_000
_MAX_OPTION = 75
_MAX_METADATA = 3_000


class FormError(Exception):
    """What is wrong with a form, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(str(errors))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a form was opened: there its launch goes."""

    channel: str
    response_url: str | None = None

    def as_metadata(self) -> str:
        """Its form in a view's `private_metadata`."""
        whole = json.dumps({"channel": self.channel, "response_url": self.response_url})
        return whole if len(whole) <= _MAX_METADATA else json.dumps({"channel": self.channel})

    @classmethod
    def of(cls, metadata: str) -> "Origin":
        """Read it back."""
        read = json.loads(metadata)
        return cls(channel=str(read["channel"]), response_url=read.get("response_url"))


def launch_form(sizes: Sequence[Size], origin: Origin, *, repository: str = "") -> Json:
    """The form as a view; `repository` is filled in already."""
    blocks = [
        _text(REPOSITORY, "Repository", "owner/repo, a link, or a DOI", repository),
        _text("ref", "Branch, tag or commit", "the default branch", optional=True),
        _text("path", "File or folder to open", "notebooks/start.ipynb", optional=True),
        _choice("interface", "Open with", [(key, discovery.label(key)) for key in INTERFACES]),
        *_size_choice(sizes),
        _text(DURATION, "For how long", "6h, 90m, until 18:00, until friday", optional=True),
        _text("name", "Name", "made from the repository", optional=True),
        context("Files in it are gone when it ends."),
    ]
    return {
        "type": "modal",
        "callback_id": ids.LAUNCH_FORM,
        "title": {"type": "plain_text", "text": "Launch a repository"},
        "submit": {"type": "plain_text", "text": "Launch"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "private_metadata": origin.as_metadata(),
        "blocks": as_json(blocks),
    }


def read(values: Mapping[str, Mapping[str, Any]]) -> LaunchRequest:
    """Read a filled-in form.

    Args:
        values: `view.state.values`, as Slack hands it over.

    Raises:
        FormError: What is wrong, at the field where it was written.
    """
    text = _entered(values, REPOSITORY)
    request = _checked(REPOSITORY, lambda: parse_launch(text))
    # One field after the other, so that what is wrong is said at the field that made it wrong.
    for field, flag in _FLAGS.items():
        if value := _entered(values, field):
            text = f"{text} {flag} {_quoted(field, value)}"
            request = _checked(field, lambda text=text: parse_launch(text))  # type: ignore[misc] # bound early
    return request


def _checked(field: str, parse: Callable[[], LaunchRequest]) -> LaunchRequest:
    try:
        return parse()
    except SpecError as error:
        raise FormError({field: f"{error.sentence} {error.hint}".strip()}) from error


def _quoted(field: str, value: str) -> str:
    quote = next((each for each in "\"'" if each not in value), None)
    if quote is None:
        raise FormError({field: "Both kinds of quotes in one value are too many."})
    return f"{quote}{value}{quote}"


def _entered(values: Mapping[str, Mapping[str, Any]], field: str) -> str:
    element = values.get(field, {}).get(_VALUE, {})
    chosen = (element.get("selected_option") or {}).get("value")
    return str(chosen or element.get("value") or "").strip()


def _text(field: str, label: str, placeholder: str, value: str = "", *, optional: bool = False) -> InputBlock:
    element = PlainTextInputElement(
        action_id=_VALUE,
        placeholder=PlainTextObject(text=placeholder),
        initial_value=value[:_MAX_REPOSITORY] or None,
        max_length=_MAX_REPOSITORY,
    )
    return InputBlock(block_id=field, label=label, element=element, optional=optional)


def _size_choice(sizes: Sequence[Size]) -> list[InputBlock]:
    options = [(size.key, f"{size.key}: {size.label}") for size in sizes]
    return [_choice("size", "Size", options)] if options else []  # Slack refuses a choice of nothing


def _choice(field: str, label: str, options: Sequence[tuple[str, str]]) -> InputBlock:
    shown = [
        Option(value=key, text=PlainTextObject(text=shorten(text, _MAX_OPTION))) for key, text in options
    ]
    return InputBlock(
        block_id=field,
        label=label,
        element=StaticSelectElement(action_id=_VALUE, options=[*shown]),
        optional=True,
    )
