"""Refuses what would begin something new while an admin drains the bot."""

from sqlalchemy.orm import Session

from bot.errors import Refused
from handlers.messages import drain_text
from storage import draining


def refuse_new(session: Session, *, at: float | None = None) -> None:
    """Let nothing new begin while the bot is being drained.

    Args:
        session: An open transaction; in that of the launch, nothing slips past.
        at: When it begins (Unix seconds, UTC); None for now.

    Raises:
        Refused: It is being drained then, with until when.
    """
    drain = draining.in_force(session)
    if drain is not None and (at is None or drain.until is None or at < drain.until):
        raise Refused(drain_text.refusal(drain.until), hint=drain_text.what_runs_goes_on())
