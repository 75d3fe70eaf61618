"""Reading and writing the images in the registry. Every function works inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from storage.engine import serialize, unix_now
from storage.errors import LostLease
from storage.models import Binder, BuiltImage
from storage.vocabulary import ImageState, Status

_ON_ITS_WAY = (ImageState.BUILT, ImageState.PUSHING)
_LAUNCHING = (Status.REQUESTED, Status.CREATING, Status.BOOTING, Status.BUILDING)


def add(session: Session, image: BuiltImage, *, launched_at: float, is_rebuilt: bool) -> bool:
    """Write down an image that was built, unless another one of its key is on its way already.

    Args:
        session: An open write transaction.
        image: Its times are set here, by the database's clock.
        launched_at: When its binder was launched. An image that was built since then is as good: the binder
            could not know of it.
        is_rebuilt: Whether somebody asked for a new one: then others that are on their way are dropped.

    Returns:
        Whether it was written down.
    """
    serialize(session, f"image {image.repository}:{image.key}")
    if is_rebuilt:
        _drop_rivals(session, image)
    elif _has_equal(session, image, launched_at):
        return False
    now = float(session.execute(unix_now().select()).scalar_one())
    image.built_at = image.used_at = image.next_at = now
    session.add(image)
    session.flush()
    return True


def _has_equal(session: Session, image: BuiltImage, launched_at: float) -> bool:
    is_newer = and_(BuiltImage.state == ImageState.KEPT, BuiltImage.built_at > launched_at)
    equals = or_(BuiltImage.state.in_(_ON_ITS_WAY), is_newer)
    return session.scalar(select(BuiltImage.id).where(*_of_key(image), equals).limit(1)) is not None


def _drop_rivals(session: Session, image: BuiltImage) -> None:
    rivals = update(BuiltImage).where(*_of_key(image), BuiltImage.state.in_(_ON_ITS_WAY))
    dropped = {"state": ImageState.DROPPED, "reason": "It was built anew.", "fence": BuiltImage.fence + 1}
    _affected(session, rivals.values(**dropped))


def touch(session: Session, key: str, image_id: str) -> None:
    """Note that an image was used by a launch."""
    used = update(BuiltImage).where(
        BuiltImage.key == key, BuiltImage.image_id == image_id, BuiltImage.state == ImageState.KEPT
    )
    _affected(session, used.values(used_at=unix_now()))


def kept(session: Session, repository: str) -> Sequence[BuiltImage]:
    """List the images of a repository that launches may use; the newest first."""
    query = select(BuiltImage).where(BuiltImage.repository == repository, BuiltImage.state == ImageState.KEPT)
    return session.scalars(query.order_by(BuiltImage.built_at.desc(), BuiltImage.id.desc())).all()


def state_of(session: Session, binder_id: str) -> ImageState | None:
    """How far the image that a binder built is on its way; None where none of it was written down."""
    query = select(BuiltImage.state).where(BuiltImage.binder_id == binder_id)
    return session.scalar(query.order_by(BuiltImage.id.desc()).limit(1))


def listing(session: Session) -> Sequence[BuiltImage]:
    """List all images, the last used first."""
    return session.scalars(select(BuiltImage).order_by(BuiltImage.used_at.desc(), BuiltImage.id)).all()


def in_use(session: Session) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Find out what binders that are not gone use, or may be about to use.

    Returns:
        The ids of the images that they run, and the provider and URL of those that are not ready yet.
    """
    columns = select(Binder.status, Binder.provider, Binder.url, Binder.image)
    rows = session.execute(columns.where(Binder.status != Status.GONE)).all()
    ids = {str(row.image.get("id")) for row in rows if row.image}
    return frozenset(ids), frozenset((row.provider, row.url) for row in rows if row.status in _LAUNCHING)


def directory_of(session: Session, binder: Binder) -> str | None:
    """Which directory of its repository was built for the same path of the same commit before, if it was."""
    same = [
        getattr(Binder, name).is_not_distinct_from(getattr(binder, name))
        for name in ("provider", "url", "commit", "path")
    ]
    query = select(Binder.image).where(*same, Binder.ready_at.is_not(None), Binder.id != binder.id)
    found = session.scalar(query.order_by(Binder.created_at.desc()).limit(1))
    return found.get("directory") if found else None


def rival_ids(session: Session, image: BuiltImage) -> frozenset[str]:
    """The ids of other images that were built for the same key, whatever became of them."""
    others = select(BuiltImage.image_id).where(*_of_key(image), BuiltImage.id != image.id)
    return frozenset(session.scalars(others))


def is_shared(session: Session, image: BuiltImage) -> bool:
    """Whether another row keeps the same manifest."""
    same = select(BuiltImage.id).where(
        BuiltImage.repository == image.repository,
        BuiltImage.digest == image.digest,
        BuiltImage.state == ImageState.KEPT,
        BuiltImage.id != image.id,
    )
    return session.scalar(same.limit(1)) is not None


def claim(session: Session, root: str, *, limit: int, seconds: float) -> Sequence[BuiltImage]:
    """Claim the images that are due, for some seconds; the longest waiting first.

    Args:
        session: An open write transaction.
        root: What the names of repositories in the registry begin with.
        limit: How many at most.
        seconds: When others may claim them, if they are not saved before.
    """
    is_moving = BuiltImage.state.in_(_ON_ITS_WAY)
    is_left = BuiltImage.state.in_([ImageState.REMOVING, ImageState.DROPPED]) & (BuiltImage.digest != "")
    due = (
        select(BuiltImage.id)
        .where(
            or_(is_moving, is_left),
            BuiltImage.next_at <= unix_now(),
            BuiltImage.repository.startswith(root, autoescape=True),
        )
        .order_by(BuiltImage.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = session.scalars(
        update(BuiltImage)
        .where(BuiltImage.id.in_(select(due.c.id)))
        .values(next_at=unix_now() + seconds, fence=BuiltImage.fence + 1)
        .returning(BuiltImage)
        .execution_options(synchronize_session=False)
    ).all()
    session.expunge_all()
    return sorted(claimed, key=lambda each: each.id)


def save(session: Session, image: BuiltImage, changes: Mapping[str, Any], *, next_in: float) -> None:
    """Write what was found out about a claimed image, and when it is due again.

    Raises:
        LostLease: Somebody else claimed it since.
    """
    values = {**changes, "next_at": unix_now() + next_in}
    if not _affected(session, update(BuiltImage).where(*_mine(image)).values(**values)):
        raise LostLease(f"Image {image.id} was claimed by another worker meanwhile.")


def forget(session: Session, image: BuiltImage) -> None:
    """Delete the row of a claimed image; nothing happens where somebody else claimed it since."""
    _affected(session, delete(BuiltImage).where(*_mine(image)))


def begin_removal(session: Session, reasons: Mapping[int, str]) -> None:
    """Let no launch use these images any more; their removal is due at once.

    Args:
        session: An open write transaction.
        reasons: Why, by the id of each image.
    """
    for image_id, reason in reasons.items():
        mine = update(BuiltImage).where(BuiltImage.id == image_id, BuiltImage.state == ImageState.KEPT)
        _affected(session, mine.values(state=ImageState.REMOVING, reason=reason, next_at=unix_now()))


def forget_dropped(session: Session, *, older_than: float) -> None:
    """Delete the rows of images that were dropped, and were built more than so many seconds ago."""
    old = and_(
        BuiltImage.state == ImageState.DROPPED,
        BuiltImage.digest == "",
        BuiltImage.built_at < unix_now() - older_than,
    )
    _affected(session, delete(BuiltImage).where(old))


def _of_key(image: BuiltImage) -> tuple[Any, ...]:
    return BuiltImage.repository == image.repository, BuiltImage.key == image.key


def _mine(image: BuiltImage) -> tuple[Any, ...]:
    return BuiltImage.id == image.id, BuiltImage.fence == image.fence


def _affected(session: Session, statement: Any) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount
