"""Reading and writing deploy tokens. Every function works inside the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage import audit
from storage.access_models import DeployToken


def add(session: Session, token: DeployToken, *, by: str) -> None:
    """Store one; who may use it is in the audit, and the token is not."""
    session.add(token)
    session.flush()
    audit.record(session, by, "deploy token", None, pattern=token.pattern, people=token.people, id=token.id)


def groups(session: Session) -> frozenset[str]:
    """The user groups that they name."""
    named = (each.people.split(",") for each in listing(session))
    return frozenset(each for people in named for each in people if each.startswith("S"))


def remove(session: Session, token_id: str, *, by: str) -> bool:
    """Delete one; False where there is none of that id."""
    gone = session.scalar(delete(DeployToken).where(DeployToken.id == token_id).returning(DeployToken.id))
    if gone is not None:
        audit.record(session, by, "forget token", None, id=token_id)
    return gone is not None


def listing(session: Session) -> Sequence[DeployToken]:
    """All of them, by their patterns."""
    return session.scalars(select(DeployToken).order_by(DeployToken.pattern, DeployToken.id)).all()
