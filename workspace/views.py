"""Modals (a stack of up to three for each person) and home tabs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from workspace.block_tree import elements, with_ids
from workspace.blocks import check_view
from workspace.state import Json, SlackError, State, new_id

_STACK = 3
_FIELD_OF = {
    "plain_text_input": "value",
    "static_select": "selected_option",
    "radio_buttons": "selected_option",
    "checkboxes": "selected_options",
    "external_select": "selected_option",
    "multi_external_select": "selected_options",
    "multi_users_select": "selected_users",
    "multi_conversations_select": "selected_conversations",
}
EXTERNAL = {"external_select", "multi_external_select"}
"""Menus whose options the app suggests while somebody types."""
_LISTS = {"selected_options", "selected_users", "selected_conversations"}
_INITIAL = {
    "value": "initial_value",
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_users": "initial_users",
    "selected_conversations": "initial_conversations",
}


@dataclass
class View:
    """A modal or a home tab as one person has it before them."""

    id: str
    user: str
    payload: Json
    root: str
    previous: str | None = None
    hash: str = field(default_factory=lambda: secrets.token_hex(8))
    values: Json = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    offered: dict[str, list[Json]] = field(default_factory=dict)
    """The options that the app suggested, by action_id."""

    def replace(self, payload: Json) -> None:
        """Show other content; what was typed into inputs that stay is kept."""
        self.payload = {**payload, "blocks": with_ids(payload["blocks"])}
        self.hash, self.errors = secrets.token_hex(8), {}
        typed = self.values
        self.values = {}
        for block, element in elements(self.payload["blocks"]):
            kept = typed.get(block["block_id"], {}).get(element["action_id"])
            self._put(block, element, kept or _initial(element))

    def _put(self, block: Json, element: Json, value: Json | None) -> None:
        if value is not None:
            self.values.setdefault(block["block_id"], {})[element["action_id"]] = value

    def fill(self, values: dict[str, Any]) -> dict[str, str]:
        """Type `values` (by block_id or action_id) into the inputs; returns what is wrong, by block_id."""
        wrong: dict[str, str] = {}
        for block, element in elements(self.payload["blocks"]):
            key = block["block_id"] if block["block_id"] in values else element["action_id"]
            if key in values and element["type"] in _FIELD_OF:
                self._put(block, element, entered(self.with_offers(element), values[key]))
            if block["type"] == "input":
                wrong |= self._complaint(block, element)
        self.errors = wrong
        return wrong

    def with_offers(self, element: Json) -> Json:
        """An element with the options that can be chosen: those of the app, where it is asked for them."""
        if element["type"] not in EXTERNAL:
            return element
        chosen = element.get("initial_options") or [element.get("initial_option")]
        offered = self.offered.get(element["action_id"], [])
        return {**element, "options": [*offered, *(one for one in chosen if one)]}

    def _complaint(self, block: Json, element: Json) -> dict[str, str]:
        given = self.values[block["block_id"]][element["action_id"]].get(_FIELD_OF[element["type"]])
        if not given:
            return (
                {} if block.get("optional") else {block["block_id"]: "Please complete this required field."}
            )
        if isinstance(given, str) and len(given) > element.get("max_length", 3000):
            return {block["block_id"]: f"Use at most {element.get('max_length', 3000)} characters."}
        if isinstance(given, str) and len(given) < element.get("min_length", 0):
            return {block["block_id"]: f"Use at least {element['min_length']} characters."}
        return {}


def _initial(element: Json) -> Json | None:
    name = _FIELD_OF.get(element["type"])
    if name is None:
        return None
    nothing: Any = [] if name in _LISTS else None
    return {"type": element["type"], name: element.get(_INITIAL[name], nothing)}


def entered(element: Json, value: Any) -> Json:
    """The state of an element once somebody typed `value` or chose the option(s) of that value."""
    name = _FIELD_OF.get(element["type"], "selected_option")
    options = list(element.get("options") or [])
    options += [option for group in element.get("option_groups") or [] for option in group["options"]]
    chosen: Any = value or None
    if name == "selected_options":
        chosen = [option for option in options if option["value"] in value]
    elif name == "selected_option":
        chosen = next((option for option in options if option["value"] == value), None)
    return {"type": element["type"], name: chosen}


class Views:
    """All that is open: each person's stack of modals and home tab."""

    def __init__(self, state: State, *, new_blocks: bool) -> None:
        self._state = state
        self._new_blocks = new_blocks
        self._modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def modals(self, user: str) -> list[View]:
        """What is open before this person, the top one last."""
        return self._modals.setdefault(user, [])

    def top(self, user: str, view_id: str) -> View:
        """The open modal of that id; SlackError `view_not_found` if it is not the top one."""
        stack = self.modals(user)
        if not stack or stack[-1].id != view_id:
            raise SlackError("view_not_found")
        return stack[-1]

    def find(self, view_id: str, version: str | None = None) -> View:
        """An open view; SlackError `not_found`, or `hash_conflict` if it changed since that version."""
        everything = [view for stack in self._modals.values() for view in stack] + list(self.homes.values())
        for view in everything:
            if view.id == view_id:
                if version and version != view.hash:
                    raise SlackError("hash_conflict")
                return view
        raise SlackError("not_found")

    def open(self, user: str, payload: Json) -> View:
        """Open a modal; it takes the place of whatever was open."""
        self._check(payload, "modal")
        self._modals[user] = []
        return self.push(user, payload)

    def push(self, user: str, payload: Json) -> View:
        """Put a modal on top of the stack; SlackError `push_limit_reached` over three."""
        self._check(payload, "modal")
        stack = self.modals(user)
        if len(stack) >= _STACK:
            raise SlackError("push_limit_reached")
        view_id = new_id("V")
        view = View(view_id, user, {}, stack[0].id if stack else view_id, stack[-1].id if stack else None)
        view.replace(payload)
        stack.append(view)
        self._state.touch()
        return view

    def update(self, view: View, payload: Json) -> View:
        """Show other content in an open view."""
        self._check(payload, view.payload["type"])
        view.replace(payload)
        self._state.touch()
        return view

    def publish(self, user: str, payload: Json) -> View:
        """Set a person's home tab."""
        self._check(payload, "home")
        view_id = new_id("V")
        view = self.homes.setdefault(user, View(view_id, user, {}, view_id))
        view.replace(payload)
        self._state.touch()
        return view

    def pop(self, user: str, *, everything: bool = False) -> None:
        """Close the top modal, or all of them."""
        del self.modals(user)[0 if everything else -1 :]
        self._state.touch()

    def as_slack(self, view: View) -> Json:
        """The view object of answers and payloads."""
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "title": None,
            "close": None,
            "submit": None,
            **view.payload,
            "id": view.id,
            "team_id": self._state.team_id,
            "app_id": self._state.app_id,
            "bot_id": self._state.bot_id,
            "state": {"values": view.values},
            "hash": view.hash,
            "root_view_id": view.root,
            "previous_view_id": view.previous,
            "app_installed_team_id": self._state.team_id,
        }

    def seen_by(self, user: str) -> Json:
        """What a person has before them: open modals (with the errors shown in them) and the home tab."""
        home = self.homes.get(user)
        return {
            "modals": [{**self.as_slack(view), "errors": view.errors} for view in self.modals(user)],
            "home": self.as_slack(home) if home else None,
        }

    def _check(self, payload: Any, kind: str) -> None:
        check_view(payload, kind, new_blocks=self._new_blocks)
