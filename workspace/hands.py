"""One person's hands and eyes in a workspace, for tests and for the terminal."""

from __future__ import annotations

import html
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self, TypeVar

import urllib3

from workspace.block_tree import interactive, nested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workspace.state import Json

_Found = TypeVar("_Found")
_TASK = {"pending": "○", "in_progress": "⏳", "complete": "✓", "error": "✗"}
_MARKUP = re.compile(r"<(?P<target>[^<>|\s][^<>|]*)(?:\|(?P<label>[^<>]*))?>")


class Snapshot:
    """Everything one person saw at one moment."""

    def __init__(self, state: Json) -> None:
        self.state = state

    @property
    def version(self) -> int:
        """Grows with every change in the workspace."""
        return int(self.state["version"])

    @property
    def me(self) -> str:
        """This person's user id."""
        return str(self.state["me"]["id"])

    @property
    def modal(self) -> Json | None:
        """The modal on top, if one is open."""
        modals: list[Json] = self.state["modals"]
        return modals[-1] if modals else None

    @property
    def home(self) -> Json | None:
        """The app's home tab, if it published one."""
        home: Json | None = self.state["home"]
        return home

    def channel(self, channel: str) -> Json:
        """A channel by id or name, or the direct message with the app as `dm`; KeyError if it is not seen."""
        wanted = self.state["dm"] if channel == "dm" else channel.removeprefix("#")
        for known in self.state["channels"]:
            if wanted in (known["id"], known.get("name")):
                found: Json = known
                return found
        raise KeyError(channel)

    def everything(self) -> list[Json]:
        """All messages in all channels, the newest last."""
        return sorted((one for channel in self.state["channels"] for one in channel["messages"]), key=_ts)

    def messages(self, channel: str = "general") -> list[Json]:
        """What stands in a channel (threads apart), oldest first, with what only this person sees."""
        return [
            one for one in self.channel(channel)["messages"] if one.get("thread_ts", one["ts"]) == one["ts"]
        ]

    def thread(self, channel: str, ts: str) -> list[Json]:
        """The replies under a message, oldest first."""
        found = self.channel(channel)["messages"]
        return [one for one in found if one.get("thread_ts") == ts and one["ts"] != ts]

    def ephemerals(self, channel: str = "general") -> list[Json]:
        """What only this person sees in a channel and its threads."""
        return [one for one in self.channel(channel)["messages"] if one["is_ephemeral"]]


class Person:
    """Somebody (by handle or user id) in the workspace at `url`: what they do, and what they see."""

    def __init__(self, url: str, user: str = "ada") -> None:
        self.url, self.user = url.rstrip("/"), user
        # Tests look thousands of times: this takes half as long as requests, and asks for no proxy.
        self._connections = urllib3.connection_from_url(self.url, maxsize=2, retries=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the connections."""
        self._connections.close()

    def look(self, since: int = 0, seconds: float = 0) -> Snapshot:
        """See everything, at once or (up to so many seconds later) when it is newer than version `since`."""
        query = {"user": self.user, "since": str(since), "timeout": str(seconds)}
        return Snapshot(self._ask("GET", "state", seconds + 10, fields=query))

    def wait_for(
        self, predicate: Callable[[Snapshot], _Found | None], seconds: float = 10, since: int = -1
    ) -> _Found:
        """Look until `predicate` finds something true, and return that.

        Args:
            predicate: What is waited for.
            seconds: How long it may take.
            since: The version from which on something has to change first.

        Raises:
            TimeoutError: nothing was found in time; its text shows the last things seen.
        """
        deadline, seen = time.monotonic() + seconds, self.look(since, seconds)
        while True:
            found = predicate(seen)
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                last = "\n".join(plain(one) for one in seen.everything()[-5:])
                raise TimeoutError(f"{self.user} did not see it within {seconds} s; last seen:\n{last}")
            seen = self.look(seen.version, min(left, 30))

    def wait_for_text(self, text: str, seconds: float = 10) -> Json:
        """Wait for a message that shows `text`, and return the newest one."""
        return self.wait_for(lambda seen: _newest(seen, lambda one: text in plain(one)), seconds)

    def command(self, text: str, channel: str = "general", thread_ts: str = "") -> Json:
        """Type a slash command; the answer holds `ok` or `error`, and the `seconds` that the ack took."""
        return self._act("command", channel=self._id(channel), text=text, thread_ts=thread_ts)

    def say(self, text: str, channel: str = "general", thread_ts: str = "") -> Json:
        """Write a message; the answer holds its `ts`."""
        return self._act("message", channel=self._id(channel), text=text, thread_ts=thread_ts)

    def click(self, what: str, message: Json | None = None, value: Any = None) -> Json:
        """Press the button of that text or action_id: in `message` (or view), else in the newest with it.

        What stands in a menu is chosen from it by its text.
        """
        place = message or _newest(self.look(), lambda one: _pressable(one, what) is not None)
        found = _pressable(place, what) if place else None
        if place is None or found is None:
            raise LookupError(f"no button {what!r} is to be seen")
        block, element, chosen = found
        value = chosen if value is None else value
        at = {"channel": place["channel"], "ts": place["ts"]} if "ts" in place else {"view_id": place["id"]}
        return self._act(
            "click", at=at, action_id=element["action_id"], block_id=block["block_id"], value=value
        )

    def type(self, values: Json) -> Json:
        """Fill in fields of the top modal, as `submit` does, without sending it."""
        return self._act("type", view_id=self._modal()["id"], values=values)

    def suggest(self, action_id: str, typed: str = "") -> list[str]:
        """Type into a menu whose options the app suggests; the labels that are shown."""
        answer = self._act("suggest", view_id=self._modal()["id"], action_id=action_id, typed=typed)
        return [_text_of(one["text"]) for one in answer.get("options", [])]

    def submit(self, values: Json) -> Json:
        """Fill in the top modal (by block_id or action_id; options by their value) and send it."""
        return self._act("submit", view_id=self._modal()["id"], values=values)

    def close(self) -> Json:
        """Close the top modal."""
        return self._act("close", view_id=self._modal()["id"])

    def shortcut(self, callback_id: str, message: Json | None = None) -> Json:
        """Use a shortcut, of the workspace or on a message."""
        at = {"channel": message["channel"], "ts": message["ts"]} if message else None
        return self._act("shortcut", callback_id=callback_id, at=at)

    def open_home(self) -> Json:
        """Open the app's home tab."""
        return self._act("open_home")

    def delete(self, message: Json) -> Json:
        """Delete a message: one's own, or any as the workspace's owner (Ada)."""
        return self._act("delete", channel=message["channel"], ts=message["ts"])

    def _act(self, what: str, **given: Any) -> Json:
        return self._ask("POST", what, 30, json={"user": self.user, **given})

    def _ask(self, method: str, what: str, seconds: float, **given: Any) -> Json:
        answer = self._connections.request(method, f"/hands/{what}", timeout=seconds, **given)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise urllib3.exceptions.HTTPError(f"{answer.status} for {what}: {answer.data.decode()}")
        found: Json = answer.json()
        return found

    def _id(self, channel: str) -> str:
        return str(self.look().channel(channel)["id"]) if channel == "dm" else channel

    def _modal(self) -> Json:
        modal = self.look().modal
        if modal is None:
            raise LookupError("no modal is open")
        return modal


def _ts(message: Json) -> str:
    return str(message["ts"])


def _newest(seen: Snapshot, wanted: Callable[[Json], bool]) -> Json | None:
    return next((one for one in reversed(seen.everything()) if wanted(one)), None)


def _pressable(place: Json, what: str) -> tuple[Json, Json, str | None] | None:
    """The block and the element to press, and the value to choose where it is a menu."""
    below = [block for each in place.get("attachments", []) for block in each["blocks"]]
    for block in nested([*place.get("blocks", []), *below]):
        for element in interactive(block):
            if what in (element["action_id"], element.get("text", {}).get("text")):
                return block, element, None
            for option in element.get("options", []) if element["type"] == "overflow" else []:
                if what == option["text"]["text"]:
                    return block, element, option["value"]
    return None


def plain(message: Json) -> str:
    """All visible text of a message or view: blocks line by line (else its text), buttons in [brackets]."""
    blocks = message.get("blocks") or []
    lines = (
        [line for block in nested(blocks) for line in _lines(block)]
        if blocks
        else [_unmarked(message.get("text", ""))]
    )
    below = [
        line for one in message.get("attachments", []) for block in one["blocks"] for line in _lines(block)
    ]
    return "\n".join([*lines, *below, *(f"[file {one['title']}]" for one in message.get("files", []))])


def _lines(block: Json) -> Iterator[str]:
    for key in ("title", "subtitle", "body", "text", "label"):
        if key in block:
            yield _unmarked(_text_of(block[key]))
    yield from (_unmarked(_text_of(one)) for one in block.get("fields", []))
    inside = [block.get("accessory"), *(block.get("elements") or []), *(block.get("actions") or [])]
    shown = [_element_text(one) for one in inside if one]
    if shown:
        yield "".join(shown) if block["type"] == "rich_text" else "  ".join(shown)
    yield from (" | ".join(_element_text(cell) for cell in row) for row in block.get("rows", []))
    for task in block.get("tasks", []):
        yield f"{_TASK[task.get('status', 'pending')]} {_text_of(task['title'])}"
        yield from (line for key in ("details", "output") if key in task for line in _lines(task[key]))


def _element_text(element: Json) -> str:
    if element["type"] == "button":
        return f"[{_text_of(element['text'])}]"
    if element["type"] == "overflow":
        return f"[… {', '.join(_text_of(one['text']) for one in element['options'])}]"
    if "elements" in element:
        return "".join(_element_text(one) for one in element["elements"])
    if element["type"] in ("image", "emoji"):
        return str(element.get("alt_text") or f":{element.get('name')}:")
    return _unmarked(_text_of(element.get("text", element.get("url", ""))))


def _text_of(value: Any) -> str:
    return str(value.get("text", "")) if isinstance(value, dict) else str(value)


def _unmarked(text: str) -> str:
    return html.unescape(_MARKUP.sub(_label, text))


def _label(found: re.Match[str]) -> str:
    target, label = found["target"], found["label"]
    if target.startswith("@"):
        return "@" + (label or target[1:])
    return label or target


def links(message: Json) -> list[tuple[str, str]]:
    """Every (label, url) that a person can follow from a message or view: buttons and links in its text."""
    found = []
    for block in nested(message.get("blocks") or []):
        found += [(_text_of(one["text"]), one["url"]) for one in interactive(block) if one.get("url")]
        found += [link for text in _marked_texts(block) for link in _links_in(text)]
    return found or _links_in(message.get("text", ""))


def _marked_texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        yield from (text for inner in value.values() for text in _marked_texts(inner))
    elif isinstance(value, list):
        yield from (text for inner in value for text in _marked_texts(inner))


def _links_in(text: str) -> list[tuple[str, str]]:
    targets = [(found["label"] or found["target"], found["target"]) for found in _MARKUP.finditer(text)]
    return [(html.unescape(label), html.unescape(url)) for label, url in targets if url.startswith("http")]
