"""Folding the JSON lines that the inside of an instance writes into one `Report`.

A line is `{"phase": "building", "fraction": 0.4, "message": "…", "reason": "…", "hint": "…", "log": "…"}`,
every key optional (`agent/reports.py` writes them). Whoever writes it runs a stranger's code: whatever
arrives here, a bounded and clean `Report` leaves, or None.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bot.provisioning.agent.reports import MAX_NOTES
from bot.provisioning.agent.text import MAX_LINE, MAX_REASON, sentence, tail
from bot.provisioning.instances import Phase, Report, ReportedImage

MAX_JSON = 64 * 1024
"""Bytes of one JSON line; a longer one is skipped."""

MAX_KIND = 40
"""Characters of what a repository is built with."""

_KEY = re.compile(r"[0-9a-f]{16,64}")
_IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
_CODE = re.compile(r"[a-z][a-z-]{0,39}")


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
        report = replace(report, log=tail(log.decode(errors="replace")))
    return report


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
        kind=(report.kind if report else "") or _text(event, "kind", MAX_KIND),
        image=(report.image if report else None) or _image(event.get("image")),
        notes=_notes(report.notes if report else (), _text(event, "note", MAX_REASON)),
    )


def _notes(known: tuple[str, ...], new: str) -> tuple[str, ...]:
    """The notes of a launch, each once."""
    return known if not new or new in known or len(known) >= MAX_NOTES else (*known, new)


def _image(value: Any) -> ReportedImage | None:
    """What is started. The first report of it counts: what comes later may come from what was started."""
    if not isinstance(value, dict) or not _KEY.fullmatch(str(value.get("key"))):
        return None
    number, how = str(value.get("id", "")), str(value.get("how"))
    return ReportedImage(
        key=str(value["key"]),
        id=number if _IMAGE_ID.fullmatch(number) else "",
        directory=_text(value, "directory", MAX_LINE) or ".",
        kind=_text(value, "kind", MAX_KIND),
        how=how if how in {"built", "pulled", "kept"} else "built",
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
