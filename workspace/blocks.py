"""What Slack refuses of blocks and views: a list of problems, each with the JSON pointer to its place.

The newer types (`card`, `container`, `plan`, `table`, `task_card`) are refused where the workspace says so,
as old servers do. All others that are not listed here are always refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from workspace.state import Json, SlackError

if TYPE_CHECKING:
    from collections.abc import Iterator

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_CHARACTERS = 13_200
_PLAIN = ("plain_text",)
_ANY = ("plain_text", "mrkdwn")
_NEW_BLOCKS = {"card", "container", "plan", "table", "task_card"}
_ONLY_IN_MESSAGES = {"container", "plan", "table", "task_card"}
_IN_CONTAINERS = {"actions", "context", "divider", "header", "image", "rich_text", "section", "table"}

# type -> (fields that must be there, further fields that may be there)
_BLOCKS: dict[str, tuple[set[str], set[str]]] = {
    "header": ({"text"}, {"level"}),
    "section": (set(), {"text", "fields", "accessory", "expand"}),
    "context": ({"elements"}, set()),
    "actions": ({"elements"}, set()),
    "divider": (set(), set()),
    "image": ({"alt_text"}, {"image_url", "slack_file", "title"}),
    "input": ({"label", "element"}, {"hint", "optional", "dispatch_action"}),
    "rich_text": ({"elements"}, set()),
    "markdown": ({"text"}, set()),
    "card": (set(), {"hero_image", "icon", "title", "subtitle", "body", "actions"}),
    "container": (
        {"title", "child_blocks"},
        {"subtitle", "width", "icon", "is_collapsible", "default_collapsed", "has_header_divider"},
    ),
    "plan": ({"title"}, {"tasks"}),
    "table": ({"rows"}, {"column_settings"}),
    "task_card": ({"task_id", "title"}, {"details", "output", "sources", "status"}),
}
_ONLY_OPTIONS = {"initial_option", "confirm", "focus_on_load", "placeholder"}
_PICKS = {"max_selected_items", "confirm", "focus_on_load", "placeholder"}
_ELEMENTS: dict[str, tuple[set[str], set[str]]] = {
    "button": ({"text"}, {"url", "value", "style", "confirm", "accessibility_label"}),
    "static_select": (set(), _ONLY_OPTIONS | {"options", "option_groups"}),
    "overflow": ({"options"}, {"confirm"}),
    "radio_buttons": ({"options"}, _ONLY_OPTIONS - {"placeholder"}),
    "checkboxes": ({"options"}, {"initial_options", "confirm", "focus_on_load"}),
    "plain_text_input": (
        set(),
        {"initial_value", "multiline", "min_length", "max_length", "placeholder", "focus_on_load"}
        | {"dispatch_action_config"},
    ),
    "multi_users_select": (set(), _PICKS | {"initial_users"}),
    "multi_conversations_select": (
        set(),
        _PICKS | {"initial_conversations", "default_to_current_conversation", "filter"},
    ),
    "external_select": (set(), _ONLY_OPTIONS | {"min_query_length"}),
    "multi_external_select": (set(), _PICKS | {"initial_options", "min_query_length"}),
    "image": ({"alt_text"}, {"image_url", "slack_file"}),
}
_PICKERS = {"multi_users_select", "multi_conversations_select", "external_select", "multi_external_select"}
_ALLOWED_IN = {
    "section": {"button", "static_select", "overflow", "radio_buttons", "checkboxes", "image"} | _PICKERS,
    "actions": {"button", "static_select", "overflow", "radio_buttons", "checkboxes"},
    "card": {"button"},
    "input": {"plain_text_input", "static_select", "radio_buttons", "checkboxes"} | _PICKERS,
}
_MOST_OPTIONS = {"static_select": 100, "overflow": 5, "radio_buttons": 10, "checkboxes": 10}
_RICH = {"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"}


def check_message(blocks: Any, *, new_blocks: bool) -> None:
    """Refuse what chat.postMessage refuses.

    Raises:
        SlackError: `invalid_blocks_format`, `msg_blocks_too_long`, or `invalid_blocks` with its messages.
    """
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if sum(len(text) for text in _strings(blocks)) > MESSAGE_CHARACTERS:
        raise SlackError("msg_blocks_too_long")
    refused = set() if new_blocks else _NEW_BLOCKS
    problems = _Check(refused=refused).blocks(blocks, MESSAGE_BLOCKS)
    if problems:
        raise SlackError("invalid_blocks", errors=problems, response_metadata={"messages": problems})


def check_view(view: Any, kind: str, *, new_blocks: bool) -> None:
    """Refuse what views.open (`kind` modal) or views.publish (`kind` home) refuses: `invalid_arguments`."""
    check = _Check(refused=_ONLY_IN_MESSAGES if new_blocks else _NEW_BLOCKS)
    if not isinstance(view, dict) or view.get("type") != kind or not isinstance(view.get("blocks"), list):
        raise SlackError(
            "invalid_arguments", response_metadata={"messages": [f"a view of type {kind} is needed"]}
        )
    check.frame(view, kind)
    problems = check.blocks(view["blocks"], VIEW_BLOCKS)
    if problems:
        raise SlackError("invalid_arguments", response_metadata={"messages": problems})


def check_options(options: Any) -> None:
    """Refuse what Slack does not show of the options that an app suggests: `invalid_options`."""
    check = _Check(refused=set())
    problems = check.options(options) if options else []
    if problems:
        raise SlackError("invalid_options", response_metadata={"messages": problems})


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _type_of(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else ""


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


class _Check:
    """Walks through blocks and remembers what is wrong with them."""

    def __init__(self, *, refused: set[str]) -> None:
        self.problems: list[str] = []
        self._refused = refused
        self._block_ids: set[str] = set()

    def blocks(self, blocks: list[Any], most: int) -> list[str]:
        if len(blocks) > most:
            self._no("/blocks", f"no more than {most} items allowed [input:{len(blocks)}]")
        for index, block in enumerate(blocks):
            self._block(block, f"/blocks/{index}")
        return self.problems

    def frame(self, view: Json, kind: str) -> None:
        fields = {"type", "blocks", "private_metadata", "callback_id", "external_id"}
        if kind == "modal":
            fields |= {"title", "submit", "close", "clear_on_close", "notify_on_close", "submit_disabled"}
            self._text(view.get("title"), "/view/title", 24, _PLAIN)
        self._unknown_fields(view, "/view", fields)
        for key in ("submit", "close"):
            if key in view:
                self._text(view[key], f"/view/{key}", 24, _PLAIN)
        self._string(view, "private_metadata", "/view", 3000, least=0)
        self._string(view, "callback_id", "/view", 255)
        asks = any(isinstance(block, dict) and block.get("type") == "input" for block in view["blocks"])
        if kind == "modal" and asks and "submit" not in view:
            self._no("/view", "missing required field: submit")

    def options(self, options: Any) -> list[str]:
        self._choices({"options": options}, "", "static_select")
        return self.problems

    def _no(self, at: str, why: str) -> None:
        self.problems.append(f"[ERROR] {why} [json-pointer:{at}]")

    def _unknown_fields(self, value: Json, at: str, known: set[str]) -> None:
        for name in sorted(value.keys() - known):
            self._no(f"{at}/{name}", "invalid additional property")

    def _fields(self, value: Json, at: str, shape: tuple[set[str], set[str]], always: set[str]) -> bool:
        required, optional = shape
        self._unknown_fields(value, at, required | optional | always)
        missing = sorted(required - value.keys())
        for name in missing:
            self._no(at, f"missing required field: {name}")
        return not missing

    def _string(self, value: Json, key: str, at: str, most: int, *, least: int = 1) -> None:
        text = value.get(key)
        if text is None:
            return
        if not isinstance(text, str):
            self._no(f"{at}/{key}", "must be a string")
        elif not least <= len(text) <= most:
            self._no(
                f"{at}/{key}",
                "must be more than 0 characters"
                if len(text) < least
                else f"must be less than {most + 1} characters",
            )

    def _text(self, value: Any, at: str, most: int, kinds: tuple[str, ...]) -> None:
        if not isinstance(value, dict) or value.get("type") not in kinds:
            self._no(at, f"must be a text object of type {' or '.join(kinds)}")
            return
        self._unknown_fields(
            value, at, {"type", "text", "emoji"} | ({"verbatim"} if "mrkdwn" in kinds else set())
        )
        if "text" not in value:
            self._no(at, "missing required field: text")
        self._string(value, "text", at, most)

    def _items(self, value: Any, at: str, most: int) -> Iterator[tuple[Any, str]]:
        if not isinstance(value, list) or not value:
            self._no(at, "must be a list of at least 1 item")
            return
        if len(value) > most:
            self._no(at, f"no more than {most} items allowed [input:{len(value)}]")
        yield from ((one, f"{at}/{index}") for index, one in enumerate(value))

    def _block(self, block: Any, at: str) -> None:
        kind = _type_of(block)
        if kind not in _BLOCKS or kind in self._refused:
            self._no(at, f"unsupported type: {kind}")
            return
        self._block_id(block, at)
        if self._fields(block, at, _BLOCKS[kind], {"type", "block_id"}):
            getattr(self, f"_{kind}")(block, at)

    def _block_id(self, block: Json, at: str) -> None:
        self._string(block, "block_id", at, 255)
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in self._block_ids:
                self._no(f"{at}/block_id", f"block_id already exists: {block_id}")
            self._block_ids.add(block_id)

    def _header(self, block: Json, at: str) -> None:
        self._text(block["text"], f"{at}/text", 150, _PLAIN)

    def _section(self, block: Json, at: str) -> None:
        if "text" not in block and "fields" not in block:
            self._no(at, "missing required field: text or fields")
        if "text" in block:
            self._text(block["text"], f"{at}/text", 3000, _ANY)
        if "fields" in block:
            for one, place in self._items(block["fields"], f"{at}/fields", 10):
                self._text(one, place, 2000, _ANY)
        if "accessory" in block:
            self._element(block["accessory"], f"{at}/accessory", "section")

    def _context(self, block: Json, at: str) -> None:
        for one, place in self._items(block["elements"], f"{at}/elements", 10):
            if isinstance(one, dict) and one.get("type") == "image":
                self._image(one, place)
            else:
                self._text(one, place, 3000, _ANY)

    def _actions(self, block: Json, at: str) -> None:
        seen: set[str] = set()
        for one, place in self._items(block["elements"], f"{at}/elements", 25):
            self._element(one, place, "actions")
            action_id = one.get("action_id") if isinstance(one, dict) else None
            if isinstance(action_id, str):
                if action_id in seen:
                    self._no(f"{place}/action_id", f"action_id already exists: {action_id}")
                seen.add(action_id)

    def _divider(self, block: Json, at: str) -> None:
        """Nothing but a type: the fields were looked at."""

    def _image(self, image: Json, at: str) -> None:
        self._string(image, "alt_text", at, 2000)
        if "image_url" not in image and "slack_file" not in image:
            self._no(at, "missing required field: image_url")
        self._url(image, "image_url", at)

    def _input(self, block: Json, at: str) -> None:
        self._text(block["label"], f"{at}/label", 2000, _PLAIN)
        if "hint" in block:
            self._text(block["hint"], f"{at}/hint", 2000, _PLAIN)
        self._element(block["element"], f"{at}/element", "input")

    def _rich_text(self, block: Json, at: str) -> None:
        for one, place in self._items(block["elements"], f"{at}/elements", 100):
            if _type_of(one) not in _RICH:
                self._no(place, "unsupported type in rich_text")

    def _markdown(self, block: Json, at: str) -> None:
        self._string(block, "text", at, 12_000)

    def _card(self, block: Json, at: str) -> None:
        if not {"hero_image", "title", "actions", "body"} & block.keys():
            self._no(at, "missing required field: hero_image, title, actions or body")
        for key, most in {"title": 150, "subtitle": 150, "body": 200}.items():
            if key in block:
                self._text(block[key], f"{at}/{key}", most, _ANY)
        if "actions" in block:
            for one, place in self._items(block["actions"], f"{at}/actions", 3):
                self._element(one, place, "card")

    def _container(self, block: Json, at: str) -> None:
        self._text(block["title"], f"{at}/title", 150, _PLAIN)
        if "subtitle" in block:
            self._text(block["subtitle"], f"{at}/subtitle", 150, _ANY)
        for one, place in self._items(block["child_blocks"], f"{at}/child_blocks", 10):
            if _type_of(one) in _IN_CONTAINERS:
                self._block(one, place)
            else:
                self._no(place, f"unsupported type: {_type_of(one)}")

    def _table(self, block: Json, at: str) -> None:
        for row, place in self._items(block["rows"], f"{at}/rows", 100):
            for cell, here in self._items(row, place, 20):
                if _type_of(cell) not in {"raw_text", "raw_number", "rich_text"}:
                    self._no(here, "unsupported type in table")

    def _plan(self, block: Json, at: str) -> None:
        self._string(block, "title", at, 256)
        tasks = block.get("tasks") or []
        for index, task in enumerate(tasks if isinstance(tasks, list) else []):
            typed = {"type": "task_card", **task} if isinstance(task, dict) else task
            self._block(typed, f"{at}/tasks/{index}")

    def _task_card(self, block: Json, at: str) -> None:
        self._string(block, "title", at, 256)
        if block.get("status", "pending") not in ("pending", "in_progress", "complete", "error"):
            self._no(f"{at}/status", "must be one of: pending, in_progress, complete, error")
        for key in ("details", "output"):
            if key in block and _type_of(block[key]) != "rich_text":
                self._no(f"{at}/{key}", "must be rich_text")

    def _element(self, element: Any, at: str, inside: str) -> None:
        kind = _type_of(element)
        if kind not in _ALLOWED_IN[inside]:
            self._no(at, f"unsupported type: {kind}")
        elif self._fields(element, at, _ELEMENTS[kind], {"type", "action_id"}):
            self._string(element, "action_id", at, 255)
            self._element_parts(element, at, kind)

    def _element_parts(self, element: Json, at: str, kind: str) -> None:
        if kind == "image":
            self._image(element, at)
        if kind == "button":
            self._button(element, at)
        if kind in _MOST_OPTIONS:
            self._choices(element, at, kind)
        if "placeholder" in element:
            self._text(element["placeholder"], f"{at}/placeholder", 150, _PLAIN)
        if "confirm" in element:
            self._confirm(element["confirm"], f"{at}/confirm")

    def _button(self, button: Json, at: str) -> None:
        self._text(button["text"], f"{at}/text", 75, _PLAIN)
        self._string(button, "value", at, 2000)
        self._url(button, "url", at)
        if button.get("style", "primary") not in ("primary", "danger"):
            self._no(f"{at}/style", "must be one of: primary, danger")

    def _url(self, value: Json, key: str, at: str) -> None:
        self._string(value, key, at, 3000)
        url = value.get(key)
        if isinstance(url, str) and not _is_web_address(url):
            self._no(f"{at}/{key}", "must be a valid URL")

    def _choices(self, element: Json, at: str, kind: str) -> None:
        groups = element.get("option_groups")
        lists = [(element.get("options"), f"{at}/options")]
        if groups:
            lists = [
                (one.get("options"), place) for one, place in self._items(groups, f"{at}/option_groups", 100)
            ]
        for options, place in lists:
            for option, here in self._items(options, place, _MOST_OPTIONS[kind]):
                self._option(option, here, kind)

    def _option(self, option: Any, at: str, kind: str) -> None:
        if not isinstance(option, dict):
            self._no(at, "must be an object")
            return
        kinds = _ANY if kind in ("radio_buttons", "checkboxes") else _PLAIN
        optional = {"description"} | ({"url"} if kind == "overflow" else set())
        if self._fields(option, at, ({"text", "value"}, optional), set()):
            self._text(option["text"], f"{at}/text", 75, kinds)
            self._string(option, "value", at, 150)
            if "description" in option:
                self._text(option["description"], f"{at}/description", 75, kinds)

    def _confirm(self, confirm: Any, at: str) -> None:
        if not isinstance(confirm, dict):
            self._no(at, "must be an object")
            return
        limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
        if self._fields(confirm, at, (set(limits), {"style"}), set()):
            for key, most in limits.items():
                self._text(confirm[key], f"{at}/{key}", most, _ANY if key == "text" else _PLAIN)
