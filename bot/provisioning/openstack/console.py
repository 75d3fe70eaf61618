"""Finding the agent's reports in a console log.

A kernel, an init system and a stranger's programs write to the same console, and its beginning is cut. What
leaves here is what the agent may have written; `bot.provisioning.reports` cleans and folds it.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from bot.provisioning.agent import reports as agent
from bot.provisioning.agent.text import sentence
from bot.provisioning.base import Report
from bot.provisioning.reports import fold

MARKER = f"{agent.MARKER} ".encode()
"""What the agent writes before each JSON object."""
MAX_LINE = 2_048
"""Bytes of a line of the agent's; longer ones are somebody else's."""
MAX_CONSOLE = 128 * 1024
"""Characters of the end that is read; clouds keep 100 KiB."""

_KEYS = ("phase", "fraction", "message", "reason", "hint", "code", "log", "part", "parts", "note")


def report_of_console(console: str) -> Report | None:
    """The newest state that the agent told; None where it told none."""
    return fold(lines_of_console(console))


def contents_of_console(console: str) -> dict[str, str] | None:
    """What the agent told last of the inside of a machine that is baked; None where it told nothing."""
    found = None
    for event in _json_lines(console):
        contents = event.get("contents")
        if isinstance(contents, dict):
            found = {sentence(str(key), 40): sentence(str(value), 200) for key, value in contents.items()}
    return found


def lines_of_console(console: str) -> bytes:
    """The agent's JSON lines in a console log, oldest first; the pieces of a log are joined to one."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in _joined(_events(console)))


def _events(console: str) -> Iterator[dict[str, Any]]:
    yield from map(_known, _json_lines(console))


def _json_lines(console: str) -> Iterator[dict[str, Any]]:
    for line in console[-MAX_CONSOLE:].encode(errors="replace").splitlines():
        # The kernel may have left a line of its own unfinished before it.
        text = line.partition(MARKER)[2]
        if not text or len(text) > MAX_LINE:
            continue
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):  # cut, mixed with others', or nested beyond reason
            continue
        if isinstance(event, dict):
            yield event


def _known(event: dict[str, Any]) -> dict[str, Any]:
    """What the agent may have written of an event."""
    known = {key: event[key] for key in _KEYS if isinstance(event.get(key), str | int | float)}
    image = event.get("image")
    return known | ({"image": image} if isinstance(image, dict) else {})


def _joined(events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    pieces: list[dict[str, Any]] = []
    for event in events:
        is_piece = isinstance(event.get("log"), str) and "part" in event
        if pieces and not (is_piece and event["part"] != 1):
            yield _join(pieces)
            pieces = []
        if is_piece:
            pieces.append(event)
        else:
            yield event
    if pieces:
        yield _join(pieces)


def _join(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    # The reader keeps the end of a log; so much is enough of any.
    newest = pieces[-16:]
    return {"phase": newest[-1].get("phase"), "log": "".join(piece["log"] for piece in newest)}
