"""Walks through blocks: those in containers, their interactive elements, and the ids that Slack fills in."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workspace.state import Json

_ROWS = {"actions": "elements", "card": "actions"}
"""The field that holds the interactive elements of a block."""


def nested(blocks: Iterable[Json]) -> Iterator[Json]:
    """Every block, a container before what it holds."""
    for block in blocks:
        yield block
        yield from nested(block.get("child_blocks") or [])


def interactive(block: Json) -> list[Json]:
    """The interactive elements of one block."""
    row = block.get(_ROWS.get(block["type"], ""), [])
    inside = [block.get("accessory"), block.get("element"), *(row or [])]
    return [one for one in inside if one and "action_id" in one]


def elements(blocks: Iterable[Json]) -> Iterator[tuple[Json, Json]]:
    """Every interactive element with its block."""
    for block in nested(blocks):
        yield from ((block, one) for one in interactive(block))


def with_ids(blocks: list[Json]) -> list[Json]:
    """The same blocks with the block_ids and action_ids that Slack fills in."""
    return [_with_ids({"block_id": secrets.token_urlsafe(4), **block}) for block in blocks]


def _with_ids(block: Json) -> Json:
    filled = dict(block)
    for key in ("accessory", "element"):
        if key in block:
            filled[key] = _with_action_id(block[key])
    row = _ROWS.get(block["type"])
    if row in block:
        filled[row] = [_with_action_id(one) for one in block[row]]
    if "child_blocks" in block:
        filled["child_blocks"] = with_ids(block["child_blocks"])
    return filled


def _with_action_id(element: Json) -> Json:
    return element if element["type"] == "image" else {"action_id": secrets.token_urlsafe(4), **element}
