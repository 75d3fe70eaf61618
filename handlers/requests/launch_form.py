"""What somebody filled into the form of a launch: the same as a command says. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.errors import BinderBotError
from bot.repositories.launch_text import parse_launch
from bot.repositories.site_links import expanded, quoted
from bot.repositories.spec import LaunchRequest
from handlers.messages import forms
from handlers.messages.forms import FormError
from handlers.messages.language import translated
from handlers.messages.share_fields import CHANNELS, GROUPS, USERS, read_shares
from handlers.requests.command_text import command_words
from handlers.requests.subjects import Sharing
from storage.share_models import ShareKind
from storage.shares import Subject

Values = Mapping[str, Mapping[str, Any]]
"""`view.state.values`, as Slack hands it over: what was filled in, by block_id and action_id."""

_KINDS = {USERS: ShareKind.USER, CHANNELS: ShareKind.CHANNEL, GROUPS: ShareKind.GROUP}


@dataclass(frozen=True, slots=True)
class FilledIn:
    """What is to be launched, and with whom it is to be shared."""

    request: LaunchRequest
    sharing: Sharing


def read(values: Values, *, link_host: str = "") -> FilledIn:
    """Read a form that was sent.

    Args:
        values: See there.
        link_host: The address of the site's launch links; empty where it has none.

    Raises:
        FormError: A field has an error.
    """
    request = read_fields(values, forms.TYPED_OPTIONS, link_host=link_host)
    request = replace(request, rebuild=request.rebuild or _is_ticked(values, forms.REBUILD))
    chosen = read_shares(values)
    subjects = tuple(Subject(kind, each) for field, kind in _KINDS.items() for each in chosen[field])
    return FilledIn(request, Sharing("", subjects, _is_ticked(values, forms.MANAGE)))


def read_repository(values: Values, *, link_host: str = "") -> LaunchRequest:
    """Read what a form that is still open says of the repository; raises as `read` does."""
    return read_fields(values, {forms.REF: forms.TYPED_OPTIONS[forms.REF]}, link_host=link_host)


def read_fields(values: Values, options: Mapping[str, str], *, link_host: str) -> LaunchRequest:
    """Read the repository and more fields, each as the option that it stands for; raises as `read` does."""
    text = expanded(link_host, _without_command(entered(values, forms.REPOSITORY)))
    request = _checked(forms.REPOSITORY, lambda: parse_launch(text))
    # One field after the other, so that each error is shown at its field.
    for field, flag in options.items():
        if value := entered(values, field):
            text = f"{text} {flag} {_quoted(field, value)}"
            request = _checked(field, lambda text=text: parse_launch(text))  # type: ignore[misc] # bound early
    return request


def entered(values: Values, field: str) -> str:
    """What was typed or chosen in a field."""
    for element in values.get(field, {}).values():
        chosen = (element.get("selected_option") or {}).get("value")
        return str(chosen or element.get("value") or "").strip()
    return ""


def _without_command(text: str) -> str:
    """What people paste along with the repository is taken off: `/binder launch`, quotes around all of it."""
    word, rest = command_words(text, {"launch"})
    return rest if word == "launch" and rest else text


def _checked(field: str, parse: Callable[[], LaunchRequest]) -> LaunchRequest:
    try:
        return parse()
    except BinderBotError as error:
        raise FormError({field: forms.without_markup(error)}) from error


def _quoted(field: str, value: str) -> str:
    typed = quoted(value)
    if typed is None:
        raise FormError({field: translated("This value contains both \" and '. Use only one of them.")})
    return typed


def _is_ticked(values: Values, field: str) -> bool:
    return any(element.get("selected_options") for element in values.get(field, {}).values())
