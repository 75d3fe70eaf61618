"""What admins decide at run time, in effect on all replicas at once. Within the caller's transaction."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage import audit
from storage.engine import insert_into, unix_now
from storage.policy_models import PersonLimits, RepositoryRule

# --- repositories ----------------------------------------------------------------------------------------


def ban(session: Session, pattern: str, by: str, reason: str = "") -> None:
    """Let nobody launch what a pattern names; in place of what was decided of the same pattern before.

    Args:
        session: An open write transaction.
        pattern: As `bot.policy.repositories.read_pattern` returns it.
        by: Slack's id of the admin.
        reason: Why, as people who are refused read it.
    """
    _decide(session, pattern, by, reason, is_allowed=False)


def allow(session: Session, pattern: str, by: str, reason: str = "") -> None:
    """Let people launch what a pattern names; the arguments are those of `ban`."""
    _decide(session, pattern, by, reason, is_allowed=True)


def _decide(session: Session, pattern: str, by: str, reason: str, *, is_allowed: bool) -> None:
    decided = {"is_allowed": is_allowed, "set_by": by, "set_at": unix_now(), "reason": reason}
    row = insert_into(session, RepositoryRule).values(pattern=pattern, **decided)
    session.execute(row.on_conflict_do_update(index_elements=["pattern"], set_=decided))
    audit.record(session, by, "allow" if is_allowed else "ban", None, pattern=pattern, reason=reason)


def forget(session: Session, pattern: str, by: str) -> bool:
    """Take a ban or an allowance back; False where there is none of that pattern."""
    gone = delete(RepositoryRule).where(RepositoryRule.pattern == pattern)
    was_there = session.scalar(gone.returning(RepositoryRule.pattern)) is not None
    if was_there:
        audit.record(session, by, "forget", None, pattern=pattern)
    return was_there


def rules(session: Session) -> Sequence[RepositoryRule]:
    """All that admins decided of repositories, by their patterns."""
    return session.scalars(select(RepositoryRule).order_by(RepositoryRule.pattern)).all()


# --- people ----------------------------------------------------------------------------------------------


def set_limits(session: Session, team_id: str, user: str, limits: Mapping[str, float], by: str) -> None:
    """Give one person limits of their own; without any, what holds for everybody holds for them again.

    Args:
        session: An open write transaction.
        team_id: The person's workspace.
        user: Slack's id of the person.
        limits: As `bot.policy.quotas.read_limits` returns them.
        by: Slack's id of the admin.
    """
    audit.record(session, by, "limits", None, user=user, limits=dict(limits))
    if not limits:
        session.execute(
            delete(PersonLimits).where(PersonLimits.team_id == team_id, PersonLimits.user == user)
        )
        return
    given = {"limits": dict(limits), "set_by": by, "set_at": unix_now()}
    row = insert_into(session, PersonLimits).values(team_id=team_id, person=user, **given)
    session.execute(row.on_conflict_do_update(index_elements=["team_id", "person"], set_=given))


def limits_of(session: Session, team_id: str, user: str) -> Mapping[str, float]:
    """The limits of a person's own; empty where they have none."""
    found = session.get(PersonLimits, (team_id, user))
    return found.limits if found is not None else {}


def limits_anybody(session: Session, name: str) -> bool:
    """Whether anybody has a limit of that name of their own."""
    return any(name in each for each in session.scalars(select(PersonLimits.limits)))


def all_limits(session: Session, team_id: str) -> Sequence[PersonLimits]:
    """Everybody in a workspace who has limits of their own."""
    query = select(PersonLimits).where(PersonLimits.team_id == team_id)
    return session.scalars(query.order_by(PersonLimits.user)).all()
