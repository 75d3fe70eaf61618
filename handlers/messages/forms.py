"""The form of `/binder launch`, and what it says of a repository while it is open. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    ContextBlock,
    ExternalDataSelectElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    StaticSelectElement,
)
from slack_sdk.models.blocks.basic_components import DispatchActionConfig

from bot.errors import BinderBotError, RefNotFound
from bot.interfaces.catalogue import INTERFACES
from bot.provisioning.instances import Size
from bot.repositories.preview import Preview
from bot.sentences import Sentence
from bot.text import shorten, visible
from handlers import ids
from handlers.messages.blocks import Json, context
from handlers.messages.buttons import LAUNCH
from handlers.messages.language import translated, translated_count
from handlers.messages.modals import modal
from handlers.messages.mrkdwn import code, inline
from handlers.messages.notices import amount
from handlers.messages.share_fields import (
    CHANNELS,
    GROUPS,
    USERS,
    GroupNames,
    channels_field,
    groups_field,
    people_field,
)

REPOSITORY = "repo"
REF = "ref"
SIZE = "size"
DURATION = "duration"
REBUILD = "rebuild"
MANAGE = "manage"
FOUND = "found"
"""The block that says what was found in the repository."""
VALUE = "value"
"""The action_id of all inputs that send nothing before the form is sent."""
TYPED_OPTIONS: Mapping[str, str] = {
    REF: "--ref",
    "path": "--path",
    "interface": "--open",
    SIZE: "--size",
    DURATION: "--for",
    "name": "--name",
}
"""The fields after the repository, and the option that each stands for in a command."""
OTHER_OPTIONS: Mapping[str, str] = {
    REBUILD: "--rebuild",
    USERS: "--share",
    CHANNELS: "--share",
    GROUPS: "--share",
    MANAGE: "--manage",
}
"""The other fields, likewise."""
_YES = ":white_check_mark: "
_MAX_REPOSITORY = 1_000
_MAX_OPTION = 75
_MAX_OPTION_VALUE = 150
_MOST_OPTIONS = 100
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
        channel: Slack's id of it; a person's id stands for their direct message.
        response_url: Slack's URL for answers, if any; a secret.
        is_private: Whether only some people can read that channel; None where nobody told.
        repository: What was typed as the repository when it was last looked at.
    """

    channel: str
    response_url: str | None = None
    is_private: bool | None = None
    repository: str = ""

    def as_metadata(self) -> str:
        """As the `private_metadata` of a view."""
        whole = {
            "channel": self.channel,
            "is_private": self.is_private,
            "response_url": self.response_url,
            "repository": self.repository,
        }
        forms = (whole, whole | {"repository": ""}, whole | {"repository": "", "response_url": None})
        return next(text for each in forms if len(text := json.dumps(each)) <= _MAX_METADATA)

    @classmethod
    def of(cls, metadata: str) -> "Origin":
        """Read a view's `private_metadata`."""
        read = json.loads(metadata)
        return cls(
            str(read["channel"]),
            read.get("response_url"),
            read.get("is_private"),
            str(read.get("repository") or ""),
        )

    def looked_at(self, repository: str) -> "Origin":
        """The same, with what was typed as the repository."""
        return replace(self, repository=repository[:_MAX_REPOSITORY])


@dataclass(frozen=True, slots=True)
class FormFacts:
    """What the form shows beside its fields.

    Attributes:
        sizes: What its reader may choose; the first is the default.
        unit: The unit of all prices; may be empty.
        free: How many more instances of a size the cloud has room for now, where that is known.
        groups: See `GroupNames`.
        found: What is said of the repository; empty where nothing is.
    """

    sizes: Sequence[Size]
    unit: str = ""
    free: Mapping[str, int | None] = field(default_factory=dict)
    groups: GroupNames = field(default_factory=dict)
    found: str = ""


def launch_form(facts: FormFacts, origin: Origin, *, repository: str = "") -> Json:
    """The form as a view, with `repository` filled in."""
    blocks: list[Block] = [
        _repository(repository),
        *([_found(facts.found)] if facts.found else []),
        _ref(),
        _text("path", Sentence("File or folder to open"), "notebooks/start.ipynb"),
        _choice(
            "interface",
            Sentence("Open with"),
            Sentence("all that it serves"),
            [_option(each.key, each.label) for each in INTERFACES],
        ),
        *_size_choice(facts),
        _text(DURATION, Sentence("For how long"), Sentence("6h, 90m, until 18:00, until friday")),
        _text("name", Sentence("Name"), Sentence("the repository's name")),
        people_field(USERS, Sentence("Who else can open it: people")),
        channels_field(Sentence("Who else can open it: everybody in these channels")),
        groups_field(Sentence("Who else can open it: everybody in these groups"), (), facts.groups),
        _tick(
            MANAGE,
            Sentence("What else these people can do"),
            Sentence("They can also extend, save, shelve, resume and tear it down"),
        ),
        _tick(REBUILD, Sentence("Build"), Sentence("Build it anew, also if it was built before")),
        context(_what_happens(origin.channel)),
    ]
    return modal(ids.LAUNCH_FORM, LAUNCH, Sentence("Launch"), blocks, origin.as_metadata())


def found_in(preview: Preview) -> str:
    """What is said of a repository in the form, as markup."""
    if preview.problem is not None:
        return f":warning: {inline(without_markup(preview.problem), 600)}"
    if not preview.refs:
        return _YES + translated("This can be launched.")
    refs = translated_count("{count} branch or tag", "{count} branches and tags", len(preview.refs))
    if not preview.default:
        return _YES + translated("This can be launched: {refs}.", refs=refs)
    return _YES + translated(
        "This can be launched: {refs}, default branch {branch}.",
        refs=refs,
        branch=code(preview.default, 100),
    )


def not_a_repository(why: str) -> str:
    """The same where what was typed is no repository."""
    return f":warning: {inline(why, 600)}"


def at_its_field(problem: BinderBotError) -> dict[str, str]:
    """What is wrong with a repository, at the field that has to change."""
    return {REF if isinstance(problem, RefNotFound) else REPOSITORY: without_markup(problem)}


def ref_options(typed: str, refs: Sequence[str]) -> list[Json]:
    """The branches and tags that somebody may mean by what they typed, as options; and what they typed."""
    wanted = typed.strip()
    folded = wanted.casefold()
    beginning = [each for each in refs if each.casefold().startswith(folded)]
    within = [each for each in refs if folded in each.casefold()]
    exact = [wanted] if wanted in refs else []
    other = [wanted] if wanted and not exact else []
    names = dict.fromkeys([*exact, *beginning[:_MOST_OPTIONS], *within[:_MOST_OPTIONS]])
    fitting = [each for each in names if len(each) <= _MAX_OPTION_VALUE and visible(each)]
    shown = [*fitting[: _MOST_OPTIONS - 1], *(each for each in other if len(each) <= _MAX_OPTION_VALUE)]
    return [_option(each, each).to_dict() for each in shown]


def without_markup(error: BinderBotError) -> str:
    """An error as a form shows it: as it is, without markup."""
    return f"{translated(error.sentence)} {translated(error.hint)}".replace("`", "").strip()


def _what_happens(channel: str) -> str:
    end = translated("Its files are deleted when it ends.")
    return f"{_place(channel)} {end}"


def _place(channel: str) -> str:
    if channel.startswith(("C", "G")):
        return translated("Its progress is shown in this channel.")
    return translated("Its progress is shown in your direct messages with me.")


def _repository(value: str) -> InputBlock:
    element = PlainTextInputElement(
        action_id=ids.REPOSITORY,
        placeholder=PlainTextObject(text=translated("owner/repo, a link, or a DOI")),
        initial_value=value[:_MAX_REPOSITORY] or None,
        max_length=_MAX_REPOSITORY,
        dispatch_action_config=DispatchActionConfig(
            trigger_actions_on=["on_enter_pressed", "on_character_entered"]
        ),
    )
    return InputBlock(
        block_id=REPOSITORY, label=translated("Repository"), element=element, dispatch_action=True
    )


def _found(text: str) -> ContextBlock:
    block = context(text)
    block.block_id = FOUND
    return block


def _ref() -> InputBlock:
    element = ExternalDataSelectElement(
        action_id=ids.REFS,
        placeholder=PlainTextObject(text=translated("the default branch")),
        min_query_length=0,
    )
    return InputBlock(
        block_id=REF,
        label=translated("Branch, tag or commit"),
        element=element,
        optional=True,
        dispatch_action=True,
    )


def _text(block: str, label: str, placeholder: str) -> InputBlock:
    element = PlainTextInputElement(
        action_id=VALUE, placeholder=PlainTextObject(text=translated(placeholder)), max_length=_MAX_REPOSITORY
    )
    return InputBlock(block_id=block, label=translated(label), element=element, optional=True)


def _size_choice(facts: FormFacts) -> list[InputBlock]:
    options = [
        _option(size.key, f"{size.key}: {size.label}", _size_facts(size, facts)) for size in facts.sizes
    ]
    return (
        [_choice(SIZE, Sentence("Size"), facts.sizes[0].key, options)] if options else []
    )  # Slack refuses a menu without options


def _size_facts(size: Size, facts: FormFacts) -> str:
    """The price of a size, and what is free of it now."""
    price = translated("{amount} per hour", amount=amount(size.price_per_hour, facts.unit))
    free = facts.free.get(size.key)
    room = translated("room for {count} more now", count=free)
    known = [price] if size.price_per_hour else []
    if free is not None:
        known.append(room if free else translated("no room now: a launch waits"))
    return " · ".join(known)


def _option(value: str, text: str, description: str = "") -> Option:
    said = PlainTextObject(text=shorten(description, _MAX_OPTION)) if description else None
    return Option(
        value=value, text=PlainTextObject(text=shorten(visible(text), _MAX_OPTION)), description=said
    )


def _tick(block: str, label: str, text: str) -> InputBlock:
    element = CheckboxesElement(action_id=VALUE, options=[_option(block, translated(text))])
    return InputBlock(block_id=block, label=translated(label), element=element, optional=True)


def _choice(block: str, label: str, default: str, options: Iterable[Option]) -> InputBlock:
    hint = PlainTextObject(text=shorten(visible(translated(default)) or "?", _MAX_OPTION))
    element = StaticSelectElement(action_id=VALUE, placeholder=hint, options=[*options])
    return InputBlock(block_id=block, label=translated(label), element=element, optional=True)
