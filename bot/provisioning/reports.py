"""Folding the JSON lines that the inside of an instance writes into one `Report`.

A line is `{"phase": "building", "fraction": 0.4, "message": "…", "reason": "…", "hint": "…", "log": "…"}`,
every key optional. Whoever writes it runs a stranger's code: whatever arrives here, a bounded and clean
`Report` leaves, or None.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.provisioning.base import Phase, Report

MAX_LINE = 200
"""Characters of the last line of a log."""
MAX_REASON = 500
"""Characters of a reason and of a hint."""
MAX_LOG = 4_000
"""Characters of the end of a log."""
MAX_JSON = 64 * 1024
"""Bytes of one JSON line; a longer one is skipped."""

_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_]?")
_CODE = re.compile(r"[a-z][a-z-]{0,39}")
_GIVING_UP = "Error during build:"
_COMMAND_ENDED = re.compile(r"Command '?\[.*\]'? returned non-zero exit status \d+\.?\s*\Z", re.DOTALL)
# C0 and C1 controls but the newline, text direction overrides, surrogates, the byte order mark.
_UNPRINTABLE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def fold(lines: bytes, log: bytes = b"") -> Report | None:
    """Fold report lines into the newest state that they tell; None where they tell none.

    Args:
        lines: The end of the report, oldest line first; its first line may be cut.
        log: The end of a build log that is kept beside it, preferred to what the lines carry.
    """
    report: Report | None = None
    for event in _events(lines):
        report = _advance(report, event)
    if report is not None and log:
        said = (spoken(line) for line in log.decode(errors="replace").split("\n"))
        report = replace(report, log=tail("\n".join(said)))
    if report is not None and report.phase == Phase.BUILDING and report.log and log:
        report = replace(report, line=last_line(report.log) or report.line)
    return report


def spoken(line: str) -> str:
    """What a line of a build's log says, for people; not yet cleaned.

    repo2docker writes one JSON object a line, with exceptions to that. Its `failed` lines repeat the command
    that ended; what is left without that, if anything, is the reason.
    """
    try:
        event = json.loads(line) if line.startswith("{") else None
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not isinstance(event.get("message"), str):
        return line
    message: str = event["message"].rstrip("\n")
    if not message.startswith(_GIVING_UP):
        return message
    return _COMMAND_ENDED.sub("", message.removeprefix(_GIVING_UP)).strip(" :")


def clean(text: str) -> str:
    """Remove terminal escapes and control characters; of a line drawn over itself keep what shows last."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\t", "    ")
    shown = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _UNPRINTABLE.sub("", "\n".join(shown))


def sentence(text: str, limit: int = MAX_REASON) -> str:
    """Clean a text, put it on one line and bound it."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def tail(text: str, limit: int = MAX_LOG) -> str:
    """Clean a log and keep its end, in whole lines where that is possible."""
    text = clean(text[-4 * limit :]).strip("\n")
    if len(text) <= limit:
        return text
    end = text[-limit:]
    _, newline, whole_lines = end.partition("\n")
    return whole_lines if newline else end


def last_line(log: str) -> str:
    """The last line of a log that says anything, bounded."""
    said = (line for line in reversed(log.splitlines()) if line.strip())
    return sentence(next(said, ""), MAX_LINE)


def _events(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.splitlines():
        if len(line) > MAX_JSON:
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested beyond reason
            continue
        if isinstance(event, dict):
            yield event


def _advance(report: Report | None, event: dict[str, Any]) -> Report | None:
    phase = _phase(event.get("phase")) or (report.phase if report else None)
    if phase is None:
        return None
    same = report if report is not None and report.phase == phase else Report(phase)
    failed = phase == Phase.FAILED
    return Report(
        phase=phase,
        fraction=same.fraction if (new := _fraction(event.get("fraction"))) is None else new,
        line=_text(event, "message", MAX_LINE) or (report.line if report else ""),
        reason=(_text(event, "reason", MAX_REASON) or same.reason) if failed else "",
        hint=(_text(event, "hint", MAX_REASON) or same.hint) if failed else "",
        log=_log(event.get("log")) or (report.log if report else ""),
        code=(_code(event.get("code")) or same.code) if failed else "",
    )


def _phase(value: Any) -> Phase | None:
    return Phase(value) if isinstance(value, str) and value in Phase.__members__.values() else None


def _code(value: Any) -> str:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def _fraction(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Comparing first: an int too big for a float is out of range, not an error.
    return float(value) if 0 <= value <= 1 and math.isfinite(value) else None


def _text(event: dict[str, Any], key: str, limit: int) -> str:
    value = event.get(key)
    return sentence(value, limit) if isinstance(value, str) else ""


def _log(value: Any) -> str:
    return tail(value) if isinstance(value, str) else ""
