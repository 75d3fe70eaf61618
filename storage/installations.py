"""In which workspaces the bot is installed. Every function works inside the caller's transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, delete, exists, not_, or_, select, update
from sqlalchemy.orm import Session, aliased

from storage import binders
from storage.access_models import GitHubConnection
from storage.class_models import ClassPhase, SchoolClass
from storage.engine import insert_into, serialize, unix_now
from storage.installation_models import Installation, InstallState, Workspace
from storage.models import Binder
from storage.vocabulary import Ending

_PLAIN = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class Tokens:
    """What speaks for an installation.

    Attributes:
        bot: The bot's token; a secret.
        refresh: What the next one is asked for with; None where the token does not end. A secret.
        expires_in: After how many seconds it ends; None where it does not.
    """

    bot: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    expires_in: float | None = None


@dataclass(frozen=True, slots=True)
class Installed:
    """What Slack tells of an installation: see `Installation`."""

    id: str
    tokens: Tokens
    name: str
    bot_id: str
    bot_user_id: str
    installed_by: str
    scopes: str = ""
    enterprise_id: str | None = None


def save(session: Session, installed: Installed) -> None:
    """Write down an installation. One that was there is there again, with the new tokens."""
    serialize(session, f"installation {installed.id}")
    now, row = _now(session), session.get(Installation, installed.id)
    if row is None:
        row = Installation(id=installed.id, version=0, refresh_until=0.0)
        session.add(row)
    row.enterprise_id, row.name, row.scopes = installed.enterprise_id, installed.name[:255], installed.scopes
    row.bot_id, row.bot_user_id = installed.bot_id, installed.bot_user_id
    row.installed_by, row.installed_at = installed.installed_by, now
    row.lost_at, row.lost_for, row.ended_at = None, "", None
    _set_tokens(session, row, installed.tokens, now)


def _set_tokens(session: Session, row: Installation, tokens: Tokens, now: float) -> None:
    row.bot_token, row.refresh_token = tokens.bot, tokens.refresh
    row.expires_at = None if tokens.expires_in is None else now + tokens.expires_in
    row.version += 1
    row.refresh_until = 0.0
    session.flush()


def _now(session: Session) -> float:
    return float(session.execute(unix_now().select()).scalar_one())


def get(session: Session, installation_id: str) -> Installation | None:
    """An installation, lost or not."""
    return session.get(Installation, installation_id)


def everywhere(session: Session) -> Sequence[Installation]:
    """All installations, those that are lost too, in the order of their ids."""
    return session.scalars(select(Installation).order_by(Installation.id)).all()


def speaking_for(session: Session, team_id: str) -> Installation | None:
    """The installation that speaks for a workspace: its own, or that of its organisation.

    Args:
        session: An open transaction.
        team_id: The workspace's id, or an organisation's.

    Returns:
        One that is lost only where no other is there.
    """
    organisation = select(Workspace.enterprise_id).where(Workspace.team_id == team_id).scalar_subquery()
    query = select(Installation).where(or_(Installation.id == team_id, Installation.id == organisation))
    order = (Installation.lost_at.is_not(None), Installation.id != team_id)
    return session.scalars(query.order_by(*order).limit(1)).first()


def note_workspace(session: Session, team_id: str, enterprise_id: str) -> None:
    """Note of which organisation a workspace is whose installation speaks for it."""
    row = insert_into(session, Workspace).values(team_id=team_id, enterprise_id=enterprise_id)
    belongs = row.on_conflict_do_update(index_elements=["team_id"], set_={"enterprise_id": enterprise_id})
    session.execute(belongs)


# --- tokens that end -------------------------------------------------------------------------------------


def ending(session: Session, *, within: float) -> Sequence[str]:
    """The installations whose token ends so soon, unless somebody refreshes it. Reads only."""
    soon = and_(Installation.lost_at.is_(None), Installation.expires_at <= unix_now() + within)
    query = select(Installation.id).where(soon, Installation.refresh_until <= unix_now())
    return session.scalars(query.order_by(Installation.expires_at)).all()


def begin_refresh(
    session: Session, installation_id: str, *, within: float, seconds: float
) -> Installation | None:
    """Let the caller alone refresh a token for so many seconds; None where another does so, or has."""
    due = and_(
        Installation.id == installation_id,
        Installation.lost_at.is_(None),
        Installation.expires_at <= unix_now() + within,
        Installation.refresh_until <= unix_now(),
    )
    taken = update(Installation).where(due).values(refresh_until=unix_now() + seconds)
    if session.scalar(taken.returning(Installation.id), execution_options=_PLAIN) is None:
        return None
    return session.get(Installation, installation_id, populate_existing=True)


def end_refresh(session: Session, installation: Installation, tokens: Tokens) -> bool:
    """Write the new tokens in the place of those that were refreshed. False where others came meanwhile."""
    row = session.get(Installation, installation.id, with_for_update=True, populate_existing=True)
    if row is None or row.version != installation.version:
        return False
    _set_tokens(session, row, tokens, _now(session))
    return True


def pause_refresh(session: Session, installation: Installation, seconds: float) -> None:
    """Let nobody refresh a token for so many seconds, because Slack did not answer."""
    same = and_(Installation.id == installation.id, Installation.version == installation.version)
    later = update(Installation).where(same).values(refresh_until=unix_now() + seconds)
    session.execute(later, execution_options=_PLAIN)


# --- lost workspaces -------------------------------------------------------------------------------------


def lose(session: Session, installation_id: str, why: str, *, version: int | None = None) -> bool:
    """Note that Slack let the bot in no more, and forget the tokens.

    Args:
        session: An open write transaction.
        installation_id: Which installation.
        why: Slack's word for it.
        version: Of the token that Slack refused; None where all are meant.

    Returns:
        Whether that is new.
    """
    here = and_(Installation.id == installation_id, Installation.lost_at.is_(None))
    if version is not None:
        here = and_(here, Installation.version == version)
    lost = (
        update(Installation)
        .where(here)
        .values(
            lost_at=unix_now(),
            lost_for=why[:64],
            stored_bot_token="",
            stored_refresh_token=None,
            expires_at=None,
            version=Installation.version + 1,
        )
    )
    return session.scalar(lost.returning(Installation.id), execution_options=_PLAIN) is not None


def count_binders(session: Session, installation_id: str) -> int:
    """How many live binders are in the workspaces for which an installation alone speaks."""
    return len(_live_binders(session, installation_id))


def given_up(session: Session, *, after: float) -> Sequence[str]:
    """The installations that were lost for so many seconds, and whose binders are still there. Reads only."""
    over = and_(Installation.lost_at <= unix_now() - after, Installation.ended_at.is_(None))
    return session.scalars(select(Installation.id).where(over).order_by(Installation.id)).all()


def tear_down(session: Session, installation_id: str, *, after: float) -> int | None:
    """Tear down what is in the workspaces of a lost installation: binders, classes, people's connections.

    Args:
        session: An open write transaction.
        installation_id: Which installation.
        after: For how many seconds it must have been lost.

    Returns:
        How many binders; None where it came back, or another replica did it.
    """
    over = and_(Installation.id == installation_id, Installation.lost_at <= unix_now() - after)
    ended = update(Installation).where(over, Installation.ended_at.is_(None)).values(ended_at=unix_now())
    if session.scalar(ended.returning(Installation.id), execution_options=_PLAIN) is None:
        return None
    live = _live_binders(session, installation_id)
    _end_classes(session, installation_id)
    its_people = _speaks_for(GitHubConnection.team_id, installation_id)
    session.execute(delete(GitHubConnection).where(its_people), execution_options=_PLAIN)
    for each in live:
        binders.end(session, each, ending=Ending.LOST, by="bot", reason="workspace lost")
    return len(live)


def _live_binders(session: Session, installation_id: str) -> Sequence[str]:
    query = select(Binder.id).where(_speaks_for(Binder.team_id, installation_id), Binder.is_live)
    return session.scalars(query.order_by(Binder.id)).all()


def _end_classes(session: Session, installation_id: str) -> None:
    going = and_(_speaks_for(SchoolClass.team_id, installation_id), SchoolClass.phase != ClassPhase.OVER)
    session.execute(update(SchoolClass).where(going).values(ends_at=unix_now()), execution_options=_PLAIN)


def _speaks_for(team_id: SQLColumnExpression[str], installation_id: str) -> ColumnElement[bool]:
    """Whether an installation alone speaks for a workspace."""
    other = aliased(Installation)
    of_it = exists().where(Workspace.team_id == team_id, Workspace.enterprise_id == installation_id)
    its_own = exists().where(other.id == team_id, other.id != installation_id, other.lost_at.is_(None))
    organisation = exists().where(
        Workspace.team_id == team_id,
        other.id == Workspace.enterprise_id,
        other.id != installation_id,
        other.lost_at.is_(None),
    )
    return and_(or_(team_id == installation_id, of_it), not_(its_own), not_(organisation))


# --- states ----------------------------------------------------------------------------------------------


def begin_install(session: Session, state: str, *, seconds: float) -> None:
    """Note that somebody began to install; Slack's answer is taken within so many seconds."""
    session.execute(
        delete(InstallState).where(InstallState.expires_at <= unix_now()), execution_options=_PLAIN
    )
    row = insert_into(session, InstallState).values(digest=_digest(state), expires_at=unix_now() + seconds)
    session.execute(row)


def finish_install(session: Session, state: str) -> bool:
    """Take Slack's answer to that. False where it was taken already, comes too late, or nobody began."""
    begun = and_(InstallState.digest == _digest(state), InstallState.expires_at > unix_now())
    taken = delete(InstallState).where(begun).returning(InstallState.digest)
    return session.scalar(taken, execution_options=_PLAIN) is not None


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
