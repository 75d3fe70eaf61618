"""When the weekly digest is due. Pure but for `owe`, which writes that down."""

from datetime import datetime, time, timedelta, tzinfo

from sqlalchemy.orm import Session

from storage import digest

LATE_SECONDS = 12 * 3600.0
"""If the bot was down for longer than this after its time, the digest of that week is left out."""


def due(now: float, when: tuple[int, time], zone: tzinfo) -> str | None:
    """The week whose digest is due, as `2026-W48`; None where none is.

    Args:
        now: Unix seconds, UTC.
        when: The weekday (Monday is 0) and the time.
        zone: Of which place.
    """
    here = datetime.fromtimestamp(now, zone)
    weekday, clock = when
    day = here.date() - timedelta(days=(here.weekday() - weekday) % 7)
    late = now - datetime.combine(day, clock, zone).timestamp()
    if not 0 <= late <= LATE_SECONDS:
        return None
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def owe(session: Session, now: float, when: tuple[int, time], zone: tzinfo) -> int:
    """Owe the digest to every channel, where it is due and was not owed before.

    Returns:
        To how many channels.
    """
    week = due(now, when, zone)
    return digest.owe(session, week) if week else 0
