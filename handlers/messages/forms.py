"""The form of `/binder launch`, and how it is read. Pure."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slack_sdk.models.blocks import (
    CheckboxesElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)

from bot.errors import BinderBotError, SpecError
from bot.interfaces.catalogue import INTERFACES
from bot.provisioning.instances import Size
from bot.repositories.launch_text import parse_launch
from bot.repositories.site_links import expanded, quoted
from bot.repositories.spec import LaunchRequest
from bot.text import shorten
from handlers import ids
from handlers.messages.blocks import Json, context
from handlers.messages.modals import modal

REPOSITORY = "repo"
DURATION = "duration"
REBUILD = "rebuild"
_VALUE = "value"
_FLAGS = {
    "ref": "--ref",
    "path": "--path",
    "interface": "--open",
    "size": "--size",
    DURATION: "--for",
    "name": "--name",
}
"""The fields after the repository, and the option that each stands for in a command."""
_TYPED_COMMAND = re.compile(rf"^(?:{ids.COMMAND}\s+)?launch\s+", re.IGNORECASE)
"""What people paste into the first field along with the repository."""
_MAX_REPOSITORY = 1_000
_MAX_OPTION = 75
_MAX_METADATA = 3_000


class FormError(Exception):
    """Errors in a form, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(str(errors))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a form was opened: its launch is posted there.

    Attributes:
        channel: Slack's id of it.
        response_url: Slack's URL for answers, if any; a secret.
        is_private: Whether only some people can read that channel; None where nobody told.
    """

    channel: str
    response_url: str | None = None
    is_private: bool | None = None

    def as_metadata(self) -> str:
        """As the `private_metadata` of a view."""
        whole = {"channel": self.channel, "is_private": self.is_private, "response_url": self.response_url}
        text = json.dumps(whole)
        return text if len(text) <= _MAX_METADATA else json.dumps(whole | {"response_url": None})

    @classmethod
    def of(cls, metadata: str) -> "Origin":
        """Read a view's `private_metadata`."""
        read = json.loads(metadata)
        return cls(str(read["channel"]), read.get("response_url"), read.get("is_private"))


def launch_form(sizes: Sequence[Size], origin: Origin, *, repository: str = "") -> Json:
    """The form as a view, with `repository` filled in."""
    blocks = [
        _text(REPOSITORY, "Repository", "owner/repo, a link, or a DOI", repository),
        _text("ref", "Branch, tag or commit", "the default branch", optional=True),
        _text("path", "File or folder to open", "notebooks/start.ipynb", optional=True),
        _choice("interface", "Open with", [(each.key, each.label) for each in INTERFACES]),
        *_size_choice(sizes),
        _text(DURATION, "For how long", "6h, 90m, until 18:00, until friday", optional=True),
        _text("name", "Name", "the repository's name", optional=True),
        _tick(REBUILD, "Build", "Build it anew, also if it was built before"),
        context("Its files are deleted when it ends."),
    ]
    return modal(ids.LAUNCH_FORM, "Launch a repository", "Launch", blocks, origin.as_metadata())


def read(values: Mapping[str, Mapping[str, Any]], *, link_host: str = "") -> LaunchRequest:
    """Read a filled-in form.

    Args:
        values: `view.state.values`, as Slack hands it over.
        link_host: The address of the site's launch links; empty where it has none.

    Raises:
        FormError: A field has an error.
    """
    text = expanded(link_host, _TYPED_COMMAND.sub("", _entered(values, REPOSITORY)))
    request = _checked(REPOSITORY, lambda: parse_launch(text))
    # One field after the other, so that each error is shown at its field.
    for field, flag in _FLAGS.items():
        if value := _entered(values, field):
            text = f"{text} {flag} {_quoted(field, value)}"
            request = _checked(field, lambda text=text: parse_launch(text))  # type: ignore[misc] # bound early
    return replace(request, rebuild=request.rebuild or _is_ticked(values, REBUILD))


def _checked(field: str, parse: Callable[[], LaunchRequest]) -> LaunchRequest:
    try:
        return parse()
    except SpecError as error:
        raise FormError({field: without_markup(error)}) from error


def without_markup(error: BinderBotError) -> str:
    """An error as a form shows it: as it is, without markup."""
    return f"{error.sentence} {error.hint}".replace("`", "").strip()


def _quoted(field: str, value: str) -> str:
    typed = quoted(value)
    if typed is None:
        raise FormError({field: "This value contains both \" and '. Use only one of them."})
    return typed


def _entered(values: Mapping[str, Mapping[str, Any]], field: str) -> str:
    element = values.get(field, {}).get(_VALUE, {})
    chosen = (element.get("selected_option") or {}).get("value")
    return str(chosen or element.get("value") or "").strip()


def _is_ticked(values: Mapping[str, Mapping[str, Any]], field: str) -> bool:
    return bool(values.get(field, {}).get(_VALUE, {}).get("selected_options"))


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
    return [_choice("size", "Size", options)] if options else []  # Slack refuses a menu without options


def _tick(field: str, label: str, text: str) -> InputBlock:
    element = CheckboxesElement(
        action_id=_VALUE, options=[Option(value=field, text=PlainTextObject(text=text))]
    )
    return InputBlock(block_id=field, label=label, element=element, optional=True)


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
