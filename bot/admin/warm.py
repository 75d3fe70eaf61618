"""`binder-bot warm`: say what waits in the warm pool, and ask for more until a certain time."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime

from bot.binders.warm_pool import wanted
from bot.config import Settings
from bot.errors import ConfigError, RequestError
from bot.provisioning.base import Cloud
from bot.provisioning.instances import Size
from bot.provisioning.registry import build_cloud
from bot.times import end_times
from bot.wiring import open_store, warm_policy
from storage import warm
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Status

MOST_HOURS = 24
"""So far ahead at most: what is forgotten costs no more than that."""


def announce(settings: Settings, count: int, size: str, until: str) -> Iterator[str]:
    """Ask for so many more warm instances of a size, until a time by the site's clock; what there is then.

    Raises:
        ConfigError: This cloud or this size has no warm instances, or the time is not one.
    """
    with closing(open_store(settings)) as store, closing(_cloud(settings)) as cloud:
        store.migrate()
        key = _size(cloud.sizes, size)
        ends_at = _moment(settings, until, store.now())
        with store.write() as session:
            warm.announce(session, key, _count(count), ends_at)
        yield from _lines(settings, store, cloud)


def listing(settings: Settings, *, stop: bool = False) -> Iterator[str]:
    """Say what waits, what is on its way, and what it costs, a line for each size.

    Args:
        settings: Where to look.
        stop: Whether to forget what was asked for; the pool of `WARM_POOL` stays.

    Raises:
        ConfigError: This cloud has no warm instances.
    """
    with closing(open_store(settings)) as store, closing(_cloud(settings)) as cloud:
        store.migrate()
        if stop:
            with store.write() as session:
                yield f"{warm.forget_announced(session)} requests are forgotten."
        yield from _lines(settings, store, cloud)


def _cloud(settings: Settings) -> Cloud:
    cloud = build_cloud(settings)
    if not cloud.can_wait:
        raise ConfigError(f"CLOUD={cloud.name} has no warm instances.")
    return cloud


def _size(sizes: Sequence[Size], typed: str) -> str:
    keys = {each.key.lower(): each.key for each in sizes}
    if typed.lower() not in keys:
        raise ConfigError(f"There is no size `{typed}`.", hint=f"The sizes are: {', '.join(keys.values())}.")
    return keys[typed.lower()]


def _count(count: int) -> int:
    if count < 1:
        raise ConfigError("The number of instances must be 1 or more.")
    return count


def _moment(settings: Settings, typed: str, now: float) -> float:
    """Read the time behind `--until`: a moment, or a duration from now."""
    moment = f"until {typed}"
    try:
        at = end_times.parse(moment if end_times.meanings(moment) else typed, now, settings.zone).from_(now)
    except RequestError as error:
        raise ConfigError(error.sentence, hint=error.hint) from error
    if not now < at <= now + 3600 * MOST_HOURS:
        raise ConfigError(f"The time must be within the next {MOST_HOURS} hours.")
    return at


def _lines(settings: Settings, store: Store, cloud: Cloud) -> Iterator[str]:
    with store.read() as session:
        rows, requests = warm.existing(session), warm.announced(session)
    counts = wanted(warm_policy(settings), requests, store.now())
    sizes = [size for size in cloud.sizes if counts[size.key] or any(each.size == size.key for each in rows)]
    for size in sizes:
        yield _line(size, counts[size.key], [each for each in rows if each.size == size.key], settings)
    for each in requests:
        until = datetime.fromtimestamp(each.until_at, settings.zone).strftime("%Y-%m-%d %H:%M %Z")
        yield f"asked for: {each.left} of {each.size} until {until}"
    if not sizes:
        yield "The warm pool is empty."


def _line(size: Size, count: int, rows: Sequence[Binder], settings: Settings) -> str:
    live = [each for each in rows if each.is_live]
    waiting = sum(each.status == Status.WAITING for each in live)
    parts = [f"{count} wanted", f"{waiting} waiting", f"{len(live) - waiting} on the way"]
    if len(rows) > len(live):
        parts.append(f"{len(rows) - len(live)} ending")
    if size.price_per_hour:
        parts.append(f"{len(rows) * size.price_per_hour:g} {settings.cost_unit}".strip() + " per hour")
    return f"{size.key}: {', '.join(parts)}"
