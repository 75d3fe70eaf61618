"""The arguments of a call of Slack's Web API, from a form or from JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from workspace.state import Json, SlackError

_PAGE = 100


@dataclass
class Args:
    """A call's arguments, from a form or from JSON."""

    given: Json

    def text(self, name: str, default: str = "") -> str:
        """A string argument."""
        value = self.given.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        """A string that must be there; SlackError `invalid_arguments` otherwise."""
        if not self.text(name):
            raise SlackError(
                "invalid_arguments", response_metadata={"messages": [f"[ERROR] missing: {name}"]}
            )
        return self.text(name)

    def flag(self, name: str) -> bool:
        """A boolean argument, however it is written."""
        return self.text(name).lower() in ("1", "true")

    def number(self, name: str, default: int) -> int:
        """A whole number; SlackError `invalid_arguments` if it is none."""
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise SlackError("invalid_arguments") from None

    def structure(self, name: str) -> Any:
        """An argument that is JSON (in a form: as a string); None where absent."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError("invalid_blocks_format" if name == "blocks" else "invalid_json") from None


def between(oldest: str, ts: str, latest: str, *, inclusive: bool) -> bool:
    """Whether a timestamp lies between two others; SlackError `invalid_arguments` where one is none."""
    try:
        low, here, high = float(oldest), float(ts), float(latest)
    except ValueError:
        raise SlackError("invalid_arguments") from None
    return low <= here <= high if inclusive else low < here < high


def paged(name: str, items: list[Any], args: Args) -> Json:
    """The page of a list that a call asks for, and where the next one begins."""
    start = args.number("cursor", 0)
    end = start + max(1, args.number("limit", _PAGE))
    return {
        name: items[start:end],
        "response_metadata": {"next_cursor": str(end) if end < len(items) else ""},
    }
