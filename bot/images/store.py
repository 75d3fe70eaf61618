"""What a launch is told of the images that were built before, and how a new one is written down."""

from itertools import accumulate

from sqlalchemy.orm import Session

from bot.images import names
from bot.images.names import RegistryPlace
from bot.images.rights import RegistryRights
from bot.interfaces import catalogue
from bot.provisioning.agent.stored_images import ImageAccess, StoredImage
from storage import classes, images
from storage.engine import Store
from storage.models import Binder, BuiltImage

MOST_IMAGES = 3
"""How many images a launch is told of: they travel with the user data, which has little room."""
MOST_NOTES = 300
"""How many characters of notes travel with one image, for the same reason."""


class RegistryImages:
    """The images of one registry, as the reconciler needs them. It asks nothing of the registry itself.

    Args:
        store: The database.
        place: The registry.
        rights: Gives instances their rights in it.
        pull_seconds: How long an instance may pull: until it has booted, and a while longer.
    """

    def __init__(
        self, store: Store, place: RegistryPlace, rights: RegistryRights, pull_seconds: float
    ) -> None:
        self._store, self._place, self._rights = store, place, rights
        self._pull_seconds = pull_seconds

    def access(self, binder: Binder) -> ImageAccess:
        """What the instance of a binder may pull. It gets no right where there is nothing to pull.

        It is told where its image will be kept all the same: only then does it build the image so that the
        next commit can start from its layers, and waits for the right to push it.
        """
        with self._store.read() as session:
            name, kept = self._kept(session, binder)
            # An archive has no commit: what its address means today is found out by fetching it.
            directory = _directory(session, binder) if binder.commit else None
        repository = self._place.repository(name)
        if binder.rebuild or not kept:
            return ImageAccess(repository, directory=directory)
        return ImageAccess(
            repository=repository,
            auth=self._rights.to_pull(self._place.path(repository), self._pull_seconds),
            images=_by_key(kept, binder, directory),
            directory=directory,
            cache_from=kept[0].digest,
        )

    def note_ready(self, session: Session, binder: Binder) -> None:
        """Write down what a binder is ready with, in the transaction in which it becomes ready."""
        found = binder.image or {}
        if not found.get("id"):
            return
        if found.get("how") != "built":
            images.touch(session, found["key"], found["id"])
            return
        is_public, owner = classes.image_owner(session, binder)
        is_for_all = is_public and not binder.needs_right
        if self._rights.can_push and binder.secret and (self._rights.keeps_private or is_for_all):
            image = self._new(binder, is_public=is_public, owner=owner)
            images.add(session, image, launched_at=binder.created_at, is_rebuilt=binder.rebuild)

    def _kept(self, session: Session, binder: Binder) -> tuple[str, list[BuiltImage]]:
        """The images that it may use, the newest first, and the name of their repository: they are in one."""
        found = [
            (name, list(images.kept(session, self._place.repository(name))))
            for name in _names(session, binder)
        ]
        exact = (each for each in found if _by_key(each[1], binder))
        return next(exact, None) or next((each for each in found if each[1]), found[0])

    def _new(self, binder: Binder, *, is_public: bool, owner: str) -> BuiltImage:
        found = binder.image
        name = names.public_name(binder) if is_public else names.private_name(binder, owner)
        return BuiltImage(
            repository=self._place.repository(name),
            key=found["key"],
            image_id=found["id"],
            provider=binder.provider,
            url=binder.url,
            commit=binder.commit,
            directory=found.get("directory") or ".",
            extra=catalogue.package(binder.interface),
            kind=found.get("kind") or "",
            notes=list(binder.notes),
            binder_id=binder.id,
            is_private=not is_public,
        )


def _names(session: Session, binder: Binder) -> list[str]:
    """The repositories whose images it may use. In public, none that was made in private."""
    is_public, owner = classes.image_owner(session, binder)
    public = names.public_name(binder)
    return [public] if is_public else [names.private_name(binder, owner), public]


def _directory(session: Session, binder: Binder) -> str | None:
    """The directory that is built for the path that was asked for, where that is known."""
    return "." if binder.path is None else images.directory_of(session, binder)


def _by_key(kept: list[BuiltImage], binder: Binder, directory: str | None = None) -> dict[str, StoredImage]:
    """The images of its commit, with the package that it needs added; the newest of each key."""
    asked = (binder.commit, catalogue.package(binder.interface))
    newest: dict[str, StoredImage] = {}
    for each in kept:
        is_asked = (each.commit, each.extra) == asked and directory in {None, each.directory}
        if is_asked and len(newest) < MOST_IMAGES:
            newest.setdefault(each.key, _stored(each))
    return newest


def _stored(image: BuiltImage) -> StoredImage:
    lengths = accumulate(len(note) for note in image.notes)
    notes = [note for note, length in zip(image.notes, lengths, strict=True) if length <= MOST_NOTES]
    return StoredImage(image.digest, image.image_id, image.kind, tuple(notes))
