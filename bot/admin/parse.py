"""`binder-bot parse`: how the bot understands what follows `/binder launch`. It needs no settings."""

import time
from datetime import UTC, datetime

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch
from bot.times import end_times

Fields = dict[str, str | int | None]


def parsed(text: str) -> Fields:
    """The fields of a launch by name; `error`, and where there is one `hint`, for a text that is none."""
    try:
        request = parse_launch(text)
        rebuild = {"rebuild": True} if request.rebuild else {}
        return {**request.spec.to_json(), **_lifetime(request.duration), **rebuild}
    except SpecError as error:
        return {"error": error.sentence, **({"hint": error.hint} if error.hint else {})}


def as_table(found: Fields) -> str:
    """One line for each field that is known."""
    return "\n".join(f"{name:>11}  {value}" for name, value in found.items() if value is not None)


def _lifetime(typed: str | None) -> Fields:
    """How long it is wanted: as typed, in seconds from now; until when, in UTC, where a moment was named."""
    if typed is None:
        return {}
    now = time.time()
    found = end_times.parse(typed, now, UTC)
    until = None if found.until is None else datetime.fromtimestamp(found.until, UTC).isoformat()
    return {"for": typed, "for_seconds": round(found.from_(now) - now), "for_until": until}
