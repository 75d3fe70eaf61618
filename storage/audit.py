"""Who did what, in order, and what became of it. Every function works inside the caller's transaction.

A change is recorded in its own transaction (`record`). Who asked for it, and how, is known where the request
comes in: that is the `Act` of a thread. What was refused or failed wrote nothing, so whoever answers the
request records the act then (`settle`).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import CursorResult, Select, delete, exists, not_, or_, select
from sqlalchemy.orm import Session

from storage.audit_models import Audit, AuditHorizon
from storage.engine import insert_into, unix_now
from storage.models import Binder
from storage.vocabulary import Result, Status

_AT_ONCE = 500
"""How many rows are read at a time."""
_HORIZON = 1


@dataclass(slots=True)
class Act:
    """What somebody does at one moment, as far as it is known.

    Attributes:
        actor: A Slack user's id, or `operator`.
        team_id: The workspace, if any.
        channel: Where it is asked for, if in a channel.
        way: How: `command`, `button`, …
        event: What it is; empty while it is nothing that counts.
        binder_id: With which binder.
        class_id: With which class.
        is_owed: Whether it counts although it changes nothing.
        is_recorded: Whether it stands in the audit already.
        refusal: Why it was refused.
        failure: Why it failed.
    """

    actor: str
    team_id: str | None = None
    channel: str | None = None
    way: str = ""
    event: str = ""
    binder_id: str | None = None
    class_id: str | None = None
    is_owed: bool = False
    is_recorded: bool = False
    refusal: str = ""
    failure: str = ""

    @property
    def is_to_be_settled(self) -> bool:
        """Whether something is missing in the audit."""
        is_missing = self.is_owed and not self.is_recorded
        return bool(self.event and (self.refusal or self.failure or is_missing))


def by_operator() -> Act:
    """What an operator does on the command line."""
    return Act("operator", way="command line")


_current: ContextVar[Act | None] = ContextVar("act", default=None)


@contextmanager
def acting(act: Act) -> Iterator[Act]:
    """Do all that follows as this act."""
    token = _current.set(act)
    try:
        yield act
    finally:
        _current.reset(token)


def current() -> Act:
    """The act of this thread; an act of the bot itself where nobody asked."""
    return _current.get() or Act("bot")


def record(
    session: Session,
    actor: str,
    event: str,
    binder_id: str | None,
    *,
    class_id: str | None = None,
    setting: str | None = None,
    **detail: Any,
) -> None:
    """Note one act that is done; `detail` holds no secrets."""
    act = current()
    team_id: Any = act.team_id or select(Binder.team_id).where(Binder.id == binder_id).scalar_subquery()
    session.add(
        Audit(
            at=unix_now(),
            team_id=team_id,
            actor=actor,
            event=event,
            binder_id=binder_id,
            class_id=class_id,
            setting=setting,
            way=act.way,
            channel=act.channel,
            detail=detail,
        )
    )
    session.flush()
    act.is_recorded = True


def settle(session: Session, act: Act) -> None:
    """Note what was refused, what failed, and what counts although it changed nothing."""
    result = Result.FAILED if act.failure else Result.REFUSED if act.refusal else Result.DONE
    session.add(
        Audit(
            at=unix_now(),
            team_id=act.team_id,
            actor=act.actor,
            event=act.event,
            binder_id=act.binder_id,
            class_id=act.class_id,
            way=act.way,
            channel=act.channel,
            result=result,
            sentence=act.failure or act.refusal or None,
        )
    )
    session.flush()


# --- reading ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows are meant; None for all.

    Attributes:
        team_id: Of this workspace.
        actor: Who did it.
        binder_id: With which binder.
        since: From this moment on (Unix seconds, UTC).
    """

    team_id: str | None = None
    actor: str | None = None
    binder_id: str | None = None
    since: float = 0.0


def stream(session: Session, wanted: AuditFilter) -> Iterator[Audit]:
    """Read rows in their order, some hundreds at a time."""
    rows = _query(wanted).order_by(Audit.id).execution_options(yield_per=_AT_ONCE)
    yield from session.scalars(rows)


def newest(session: Session, wanted: AuditFilter, *, limit: int) -> list[Audit]:
    """Read the last rows, the newest first."""
    return list(session.scalars(_query(wanted).order_by(Audit.id.desc()).limit(limit)))


def _query(wanted: AuditFilter) -> Select[Audit]:
    query = select(Audit).where(Audit.at >= wanted.since)
    for column, value in (
        (Audit.team_id, wanted.team_id),
        (Audit.actor, wanted.actor),
        (Audit.binder_id, wanted.binder_id),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


def as_json(row: Audit) -> str:
    """One row as one line of JSON; what is not known is left out."""
    said = {
        "at": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds"),
        "actor": row.actor,
        "event": row.event,
        "result": str(row.result),
        "sentence": row.sentence,
        "binder": row.binder_id,
        "class": row.class_id,
        "setting": row.setting,
        "way": row.way,
        "channel": row.channel,
        "team": row.team_id,
        "detail": row.detail,
    }
    return json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False)


# --- retention -------------------------------------------------------------------------------------------


def forget(session: Session, *, before: float) -> int:
    """Delete rows from before a moment (Unix seconds, UTC), but none of a binder that is still there.

    Returns:
        How many rows went.
    """
    horizon = insert_into(session, AuditHorizon).values(id=_HORIZON, deletable_before=before)
    moved = {"deletable_before": before}
    session.execute(horizon.on_conflict_do_update(index_elements=["id"], set_=moved))
    is_there = exists().where(Binder.id == Audit.binder_id, Binder.status != Status.GONE)
    old = delete(Audit).where(Audit.at < before, or_(Audit.binder_id.is_(None), not_(is_there)))
    result = session.execute(old.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
