"""The fields in which people, channels and groups are chosen, and the form of *Share*. Pure."""

import re
from collections.abc import Mapping, Sequence

from slack_sdk.models.blocks import (
    Block,
    ConversationFilter,
    ConversationMultiSelectElement,
    ExternalDataMultiSelectElement,
    InputBlock,
    Option,
    PlainTextObject,
    UserMultiSelectElement,
)

from bot.sentences import Sentence
from bot.text import shorten, visible
from handlers import ids
from handlers.messages.binder_text import name_of
from handlers.messages.blocks import Json, context, section
from handlers.messages.language import translated
from handlers.messages.modals import modal
from handlers.messages.sharing import KEEPS
from storage.models import Binder
from storage.share_models import Share, ShareKind

USERS, MANAGERS, CHANNELS, GROUPS = "share_users", "share_managers", "share_channels", "share_groups"
"""The fields."""
_CHOSEN = "chosen"
_SUBJECT = re.compile(r"[CGSUW][A-Z0-9]{1,30}")
_MOST_CHOSEN = 100
_MAX_OPTION = 75
_WHO_KEEPS = Sentence("Whoever has opened it keeps their links until it ends.")

GroupNames = Mapping[str, str]
"""The handles of user groups, without `@`, by their ids."""


def share_form(binder: Binder, shared: Sequence[Share], groups: GroupNames) -> Json:
    """The form of *Share*, with everybody chosen with whom a binder is shared now."""
    known = [each for each in shared if _SUBJECT.fullmatch(each.subject)]

    def chosen(kind: ShareKind, *, manages: bool | None = None) -> list[str]:
        right = [each for each in known if each.kind == kind and manages in {None, each.manages}]
        return [each.subject for each in right]

    blocks: list[Block] = [
        section(translated("Who can open *{name}*?", name=name_of(binder))),
        people_field(USERS, Sentence("People who can open it"), chosen(ShareKind.USER, manages=False)),
        people_field(
            MANAGERS,
            Sentence("People who can also extend, save, shelve, resume and tear it down"),
            chosen(ShareKind.USER, manages=True),
        ),
        channels_field(Sentence("Channels whose members can open it"), chosen(ShareKind.CHANNEL)),
        groups_field(Sentence("Groups whose members can open it"), chosen(ShareKind.GROUP), groups),
        context(f"{translated(_WHO_KEEPS)} {translated(KEEPS)}"),
    ]
    return modal(ids.SHARE_FORM, Sentence("Share a binder"), Sentence("Save"), blocks, binder.id)


def people_field(field: str, label: str, chosen: Sequence[str] = ()) -> InputBlock:
    """A picker of people."""
    element = UserMultiSelectElement(action_id=_CHOSEN, initial_users=list(chosen[:_MOST_CHOSEN]) or None)
    return InputBlock(block_id=field, label=translated(label), element=element, optional=True)


def channels_field(label: str, chosen: Sequence[str] = ()) -> InputBlock:
    """A picker of channels."""
    element = ConversationMultiSelectElement(
        action_id=_CHOSEN,
        initial_conversations=list(chosen[:_MOST_CHOSEN]) or None,
        filter=ConversationFilter(include=["public", "private"]),
    )
    return InputBlock(block_id=CHANNELS, label=translated(label), element=element, optional=True)


def groups_field(label: str, chosen: Sequence[str], groups: GroupNames) -> InputBlock:
    """A picker of user groups. Slack has none, so it asks the bot while somebody types."""
    element = ExternalDataMultiSelectElement(
        action_id=ids.GROUPS,
        initial_options=[_group_option(each, groups) for each in chosen[:_MOST_CHOSEN]] or None,
        min_query_length=0,
    )
    return InputBlock(block_id=GROUPS, label=translated(label), element=element, optional=True)


def group_options(typed: str, groups: GroupNames) -> list[Json]:
    """The groups that somebody may mean by what they typed, as options."""
    wanted = typed.strip().removeprefix("@").casefold()
    found = [each for each, handle in groups.items() if wanted in handle.casefold()]
    ordered = sorted(found, key=lambda each: groups[each].casefold())[:_MOST_CHOSEN]
    return [_group_option(each, groups).to_dict() for each in ordered]


def _group_option(group: str, groups: GroupNames) -> Option:
    handle = visible(groups.get(group, group)) or group
    return Option(value=group, text=PlainTextObject(text=shorten(f"@{handle}", _MAX_OPTION)))


def read_shares(values: Mapping[str, Mapping[str, Json]]) -> dict[str, list[str]]:
    """The ids that were chosen, by field; what does not look like an id is left out."""
    return {field: _read(values.get(field, {})) for field in (USERS, MANAGERS, CHANNELS, GROUPS)}


def _read(elements: Mapping[str, Json]) -> list[str]:
    element = elements.get(_CHOSEN) or elements.get(ids.GROUPS) or {}
    options = [each.get("value") for each in element.get("selected_options") or []]
    chosen = element.get("selected_users") or element.get("selected_conversations") or options
    return [each for each in chosen if isinstance(each, str) and _SUBJECT.fullmatch(each)]
