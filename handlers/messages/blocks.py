"""Block Kit: builders that keep within Slack's limits, and a check of all these limits. Pure.

`slack_sdk` checks only some limits of its models, and none of plain dicts.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContainerBlock,
    ContextBlock,
    HeaderBlock,
    InteractiveElement,
    MarkdownTextObject,
    Option,
    OverflowMenuElement,
    PlainTextObject,
    PlanBlock,
    RichTextBlock,
    RichTextElementParts,
    RichTextSectionElement,
    SectionBlock,
    TaskCardBlock,
)

from bot.text import shorten, visible
from handlers.messages.mrkdwn import MAX_URL

Json = dict[str, Any]

MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_SECTION = 3_000
MAX_HEADER = 150
MAX_TITLE = 150
"""Characters of the title, and of the subtitle, of a container."""
MAX_BUTTON = 75
MAX_TEXT = 4_000
"""Characters of a message's fallback text that `chat.update` takes; a post takes ten times as many."""
MAX_ALL_TEXT = 13_000
"""Characters of all texts in the blocks of one message; above it Slack answers `msg_blocks_too_long`."""
MAX_VALUE = 2_000
MAX_VIEW = 250_000
"""Bytes of a view; above it Slack answers `view_too_large`."""
_MAX_ID = 255

_CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
_MOST_ELEMENTS = {"actions": 25, "context": 10}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The question before a button does something that cannot be undone."""

    title: str
    text: str
    yes: str
    no: str


def section(markup: str, beside: ButtonElement | None = None) -> SectionBlock:
    """A paragraph; its markup is already escaped and short enough. A button may stand beside it."""
    return SectionBlock(text=_markdown(markup), accessory=beside)


def context(markup: str) -> ContextBlock:
    """A line in small print."""
    return ContextBlock(elements=[_markdown(markup)])


def header(text: str) -> HeaderBlock:
    """A heading, in plain text."""
    return HeaderBlock(text=PlainTextObject(text=shorten(visible(text), MAX_HEADER), emoji=False))


def actions(buttons: Iterable[InteractiveElement]) -> list[ActionsBlock]:
    """Rows of buttons; no row if there are no buttons."""
    elements, most = list(buttons), _MOST_ELEMENTS["actions"]
    return [
        ActionsBlock(elements=[*elements[start : start + most]]) for start in range(0, len(elements), most)
    ]


def button(
    text: str,
    action_id: str,
    value: str | None = None,
    *,
    style: str | None = None,
    confirmation: Confirmation | None = None,
) -> ButtonElement:
    """A button that sends an action to the bot."""
    confirm = _confirm(confirmation) if confirmation else None
    return ButtonElement(text=_label(text), action_id=action_id, value=value, style=style, confirm=confirm)


def link_button(text: str, action_id: str, url: str) -> ButtonElement:
    """A button that opens a web page."""
    return ButtonElement(text=_label(text), action_id=action_id[:_MAX_ID], url=url)


def menu(action_id: str, entries: Iterable[tuple[str, str]]) -> OverflowMenuElement:
    """A menu behind three dots: at most five entries, each a label and its value."""
    return OverflowMenuElement(
        action_id=action_id, options=[Option(text=_label(label), value=value) for label, value in entries]
    )


def container(title: str, subtitle: str, inside: Sequence[Block], *, key: str) -> ContainerBlock:
    """A frame around other blocks, for messages alone. Older servers refuse it: `invalid_blocks`.

    Args:
        title: In plain text.
        subtitle: Markup, already escaped and short enough.
        inside: At most ten blocks.
        key: Its block_id, which has to be another one whenever the message is edited.
    """
    heading = PlainTextObject(text=shorten(visible(title) or "?", MAX_TITLE), emoji=True)
    return ContainerBlock(title=heading, subtitle=_markdown(subtitle), child_blocks=inside, block_id=key)


@dataclass(frozen=True, slots=True)
class Task:
    """One step of a plan: its label, its status in Slack's words, and a line of its output."""

    key: str
    title: str
    status: str
    output: str = ""


def plan(title: str, tasks: Iterable[Task], *, key: str) -> PlanBlock:
    """Steps with their status, for messages alone; `key` as for `container`. Older servers refuse it."""
    return PlanBlock(title=shorten(title, MAX_TITLE), tasks=[_task(each) for each in tasks], block_id=key)


def _task(task: Task) -> TaskCardBlock:
    text = RichTextElementParts.Text(text=task.output)
    said = RichTextBlock(elements=[RichTextSectionElement(elements=[text])]) if task.output else None
    return TaskCardBlock(task_id=task.key, title=task.title, status=task.status, output=said)


def _validate(self: JsonObject) -> None:
    for name in _validators(type(self)):
        getattr(self, name)()


@cache
def _validators(kind: type[JsonObject]) -> tuple[str, ...]:
    """The names of the methods that check an object of a kind."""
    return tuple(name for name in dir(kind) if hasattr(getattr(kind, name), "validator"))


# slack_sdk 3.47 looks through all names of every object for these, which takes half of the time of a message.
JsonObject.validate_json = _validate  # type: ignore[method-assign]


def as_json(blocks: Iterable[Block]) -> list[Json]:
    """Blocks in the form in which they are sent."""
    return [block.to_dict() for block in blocks]


def _confirm(asked: Confirmation) -> ConfirmObject:
    return ConfirmObject(
        title=shorten(visible(asked.title), _CONFIRM["title"]),
        text=PlainTextObject(text=shorten(visible(asked.text), _CONFIRM["text"])),
        confirm=asked.yes,
        deny=asked.no,
        style="danger",
    )


def _markdown(markup: str) -> MarkdownTextObject:
    # Verbatim: text that looks like a URL or a channel does not become a link.
    return MarkdownTextObject(text=markup, verbatim=True)


def _label(text: str) -> PlainTextObject:
    return PlainTextObject(text=shorten(visible(text) or "?", MAX_BUTTON), emoji=False)


# --- the check -----------------------------------------------------------------------------------------

_MAX_VALUE = 2_000
_MOST_OPTIONS = {"static_select": 100, "overflow": 5}
_MOST_CHILDREN = 10
_STATUSES = {"pending", "in_progress", "complete", "error"}
_IN_CONTAINERS = {"actions", "context", "divider", "header", "image", "rich_text", "section", "table"}


def problems(blocks: Sequence[Mapping[str, Any]], *, most: int = MAX_MESSAGE_BLOCKS) -> list[str]:
    """List what Slack would refuse in these blocks; empty if it would take them."""
    found = [] if len(blocks) <= most else [f"{len(blocks)} blocks are more than {most}"]
    if most == MAX_MESSAGE_BLOCKS and sum(len(text) for text in _texts(list(blocks))) > MAX_ALL_TEXT:
        found.append(f"all texts together are longer than {MAX_ALL_TEXT}")
    if len(json.dumps(list(blocks))) > MAX_VIEW:
        found.append(f"all blocks together are larger than {MAX_VIEW}")
    block_ids = [block["block_id"] for block in blocks if "block_id" in block]
    found += ["a block_id is used twice"] if len(set(block_ids)) < len(block_ids) else []
    return found + [problem for block in blocks for problem in _of_block(block)]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        own = value.get("text")
        if isinstance(own, str):
            yield own
        yield from (text for inner in value.values() for text in _texts(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in _texts(inner))


def _of_block(block: Mapping[str, Any]) -> Iterator[str]:
    kind = block["type"]
    yield from _too_long(f"{kind}.block_id", block.get("block_id"), _MAX_ID)
    if kind == "section":
        yield from _text("section", block["text"], MAX_SECTION)
        yield from _of_elements([block["accessory"]] if "accessory" in block else [])
    elif kind == "header":
        yield from _text("header", block["text"], MAX_HEADER)
    elif kind == "input":
        yield from _text("label", block["label"], 2_000)
        yield from _of_elements([block["element"]])
    elif kind == "container":
        yield from _of_container(block)
    elif kind == "plan":
        yield from _of_plan(block)
    elif kind in _MOST_ELEMENTS:
        yield from _of_row(kind, block["elements"])
    else:
        yield f"unknown block {kind}"


def _of_container(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _text("container.title", block["title"], MAX_TITLE)
    yield from _text("container.subtitle", block["subtitle"], MAX_TITLE)
    inside = block["child_blocks"]
    if not 1 <= len(inside) <= _MOST_CHILDREN:
        yield f"a container holds {len(inside)} blocks"
    for each in inside:
        if each["type"] in _IN_CONTAINERS:
            yield from _of_block(each)
        else:
            yield f"a container holds a {each['type']}"


def _of_plan(block: Mapping[str, Any]) -> Iterator[str]:
    yield from _too_long("plan.title", block["title"], MAX_TITLE)
    for each in block["tasks"]:
        yield from _too_long("task.title", each["title"], MAX_TITLE)
        if each["status"] not in _STATUSES:
            yield f"a task is {each['status']}"


def _of_row(kind: str, elements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not 1 <= len(elements) <= _MOST_ELEMENTS[kind]:
        yield f"{kind} holds {len(elements)} elements"
    if kind == "context":
        for each in elements:
            yield from _text("context", each, MAX_SECTION)
    else:
        yield from _of_elements(elements)


def _of_elements(elements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    ids = [each["action_id"] for each in elements]
    if len(set(ids)) < len(ids):
        yield "an action_id is used twice"
    for each in elements:
        yield from _too_long("action_id", each["action_id"], _MAX_ID)
        if each["type"] == "button":
            yield from _of_button(each)
        if each["type"] in _MOST_OPTIONS:
            yield from _of_options(each["options"], _MOST_OPTIONS[each["type"]])


def _of_button(element: Mapping[str, Any]) -> Iterator[str]:
    yield from _text("button", element["text"], MAX_BUTTON)
    yield from _too_long("value", element.get("value"), MAX_VALUE)
    yield from _too_long("url", element.get("url"), MAX_URL)
    for name, limit in _CONFIRM.items() if "confirm" in element else ():
        yield from _text(f"confirm.{name}", element["confirm"][name], limit)


def _of_options(options: Sequence[Mapping[str, Any]], most: int) -> Iterator[str]:
    if not 1 <= len(options) <= most:
        yield f"a menu holds {len(options)} options"
    for option in options:
        yield from _text("option", option["text"], 75)
        yield from _too_long("option.value", option["value"], 150)
        if "description" in option:
            yield from _text("option.description", option["description"], 75)


def _text(where: str, text: Mapping[str, Any], limit: int) -> Iterator[str]:
    if not text["text"].strip():
        yield f"{where} is empty"
    yield from _too_long(where, text["text"], limit)


def _too_long(where: str, text: str | None, limit: int) -> Iterator[str]:
    if text is not None and len(text) > limit:
        yield f"{where} is longer than {limit}"
