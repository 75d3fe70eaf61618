"""Reading and writing people's connections with GitHub. All of it works inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from storage import audit, outbox
from storage.access_models import ConnectionState, GitHubConnection
from storage.engine import serialize, unix_now
from storage.errors import LostLease
from storage.secret_columns import sealed
from storage.vocabulary import MessageKind

_OPEN = (ConnectionState.REQUESTED, ConnectionState.WAITING, ConnectionState.CONNECTED)


def id_of(team_id: str, user: str) -> str:
    """The id of a person's connection."""
    return f"{team_id}:{user}"


def get(session: Session, team_id: str, user: str) -> GitHubConnection | None:
    """Find a person's connection, whatever its state."""
    return session.get(GitHubConnection, id_of(team_id, user))


def request(session: Session, team_id: str, user: str) -> GitHubConnection:
    """Begin to connect a person, unless they are connected, or have a code. Returns the connection."""
    serialize(session, f"github {team_id}:{user}")
    found = get(session, team_id, user)
    if found is not None and found.state in _OPEN:
        return found
    if found is not None:
        session.delete(found)
        session.flush()
    now = float(session.execute(unix_now().select()).scalar_one())
    fence = found.fence + 1 if found is not None else 0
    new = GitHubConnection(
        id=id_of(team_id, user),
        team_id=team_id,
        user=user,
        state=ConnectionState.REQUESTED,
        asked_at=now,
        next_at=now,
        fence=fence,
    )
    session.add(new)
    audit.record(session, user, "connect", None)
    return new


def forget(session: Session, team_id: str, user: str) -> bool:
    """Forget a person's connection with its tokens; False where they have none."""
    mine = delete(GitHubConnection).where(GitHubConnection.id == id_of(team_id, user))
    gone = session.scalar(mine.returning(GitHubConnection.id)) is not None
    if gone:
        audit.record(session, user, "disconnect", None)
    return gone


def claim(session: Session, *, limit: int, seconds: float) -> Sequence[GitHubConnection]:
    """Claim the connections that are due, for some seconds; the longest waiting first."""
    due = (
        select(GitHubConnection.id)
        .where(GitHubConnection.next_at <= unix_now())
        .order_by(GitHubConnection.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = session.scalars(
        update(GitHubConnection)
        .where(GitHubConnection.id.in_(select(due.c.id)))
        .values(next_at=unix_now() + seconds, fence=GitHubConnection.fence + 1)
        .returning(GitHubConnection)
        .execution_options(synchronize_session=False)
    ).all()
    session.expunge_all()
    return claimed


def save(
    session: Session, connection: GitHubConnection, changes: Mapping[str, Any], *, next_in: float | None
) -> None:
    """Write what GitHub said of a claimed connection, and tell the person where its state changes.

    Args:
        session: An open write transaction.
        connection: As claimed.
        changes: Column values.
        next_in: Seconds until GitHub is asked again; None for never.

    Raises:
        LostLease: Somebody else claimed it since, or the person began anew.
    """
    next_at = None if next_in is None else unix_now() + next_in
    values = sealed(session, GitHubConnection, connection.id, changes) | {"next_at": next_at}
    mine = (GitHubConnection.id == connection.id, GitHubConnection.fence == connection.fence)
    statement = update(GitHubConnection).where(*mine).values(**values)
    result = session.execute(statement.execution_options(synchronize_session=False))
    if not cast("CursorResult[Any]", result).rowcount:
        raise LostLease(f"The connection {connection.id} was claimed by another worker meanwhile.")
    if "state" in changes:
        _tell(session, connection, changes["state"])


def lose(session: Session, connection: GitHubConnection) -> None:
    """Note that GitHub takes a token no more, unless there is a newer one; the person is told once."""
    lost = {"state": ConnectionState.LOST, "access_token": None, "refresh_token": None, "next_at": None}
    values = {**lost, "fence": GitHubConnection.fence + 1}
    same = (
        GitHubConnection.id == connection.id,
        GitHubConnection.state == ConnectionState.CONNECTED,
        GitHubConnection.stored_access_token == connection.stored_access_token,
    )
    changed = session.scalar(
        update(GitHubConnection)
        .where(*same)
        .values(**values)
        .returning(GitHubConnection.id)
        .execution_options(synchronize_session=False)
    )
    if changed is not None:
        _tell(session, connection, ConnectionState.LOST)


def _tell(session: Session, connection: GitHubConnection, state: ConnectionState) -> None:
    """Owe the person a direct message, whose words come from the row when it is delivered."""
    begun = f"{connection.asked_at:.3f}"  # somebody may forget a connection, and begin anew
    key = f"{MessageKind.CONNECTION}:{connection.id}:{begun}:{state}:{connection.fence}"
    outbox.say(session, MessageKind.CONNECTION, key, None, team=connection.team_id, to=connection.user)
