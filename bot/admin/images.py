"""`binder-bot images`: list the images in the registry, and remove those that nobody needs any more."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

from bot.config import Settings
from bot.errors import ConfigError
from bot.images.factory import image_store_of
from bot.images.plans import size_of
from bot.provisioning.registry import build_cloud
from bot.text import visible
from bot.wiring import image_keeper, open_store
from storage import images
from storage.engine import Store
from storage.models import BuiltImage
from storage.vocabulary import ImageState

_MB = 10**6
_KEY_LETTERS = 12
_HEADING = ("key", "commit", "MB", "last used", "state", "repository")


def list_images(settings: Settings) -> Iterator[str]:
    """List all images, a line each, the last used first. Asks nothing of the registry."""
    with closing(open_store(settings)) as store:
        store.migrate()
        with store.read() as session:
            found = images.listing(session)
    yield _row(*_HEADING)
    for each in found:
        yield _line(each)
    kept = [each for each in found if each.state == ImageState.KEPT]
    yield f"Kept: {len(kept)}; their layers have {size_of(kept) // _MB} MB of {settings.image_store_gb:g} GB."


def prune(settings: Settings) -> Iterator[str]:
    """Remove what retention says now, beside a running bot or without one.

    Raises:
        ConfigError: The site has no image store.
        CloudError: The cloud does not answer.
    """
    kept = image_store_of(settings)
    if kept is None:
        raise ConfigError("IMAGE_REGISTRY is not set, so no image is kept.")
    with (
        closing(open_store(settings)) as store,
        closing(build_cloud(settings)) as cloud,
        closing(kept.registry()) as registry,
    ):
        store.migrate()
        keeper = image_keeper(kept, registry, store, cloud)
        keeper.begin_removals()
        before = _being_removed(store)
        while keeper.tick():
            pass
        left = _being_removed(store)
    yield f"Images removed: {before - left}."
    if left:
        yield f"Images that the registry has not deleted yet: {left}. The bot tries again by itself."


def _being_removed(store: Store) -> int:
    with store.read() as session:
        return sum(each.state == ImageState.REMOVING for each in images.listing(session))


def _line(image: BuiltImage) -> str:
    used = datetime.fromtimestamp(image.used_at, UTC).strftime("%Y-%m-%d %H:%M")
    state = f"{image.state} ({visible(image.reason)})" if image.reason else str(image.state)
    source = visible(image.url) + (" (private)" if image.is_private else "")
    size = str(image.size_bytes // _MB) if image.size_bytes else "-"
    return _row(image.key[:_KEY_LETTERS], (image.commit or "-")[:_KEY_LETTERS], size, used, state, source)


def _row(*cells: str) -> str:
    widths = (_KEY_LETTERS, _KEY_LETTERS, 6, 16, 9, 0)
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
