"""`binder-bot bake`: make a machine image on which launches need to install nothing, and prove it.

The machines of a bake are no binders. A lease, named as they are, keeps the sweep of a running bot from
removing them. When this process dies, the lease ends, and the sweep removes what is left.
"""

import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from bot.config import Settings
from bot.errors import CloudError, LostLease
from bot.provisioning.baking import BakedImage, Bakery, bake_id_of
from bot.provisioning.registry import build_bakery
from bot.wiring import open_store
from storage import leases
from storage.engine import Store

LEASE_SECONDS = 300.0
"""How long after a crash the sweep of a running bot leaves the machines alone."""
_RENEW_SECONDS = 30.0
_CLEAR_SECONDS = 300.0
"""How long the removal of everything may take, before it is left to the sweep."""
_CLEAR_POLL_SECONDS = 2.0

Tell = Callable[[str], None]


def bake(settings: Settings, source: str | None, size: str | None, tell: Tell) -> None:
    """Make an image, and remove all that was made on the way, also after SIGINT or SIGTERM.

    Args:
        settings: Name the cloud.
        source: Name or id of a plain image; None for the usual one.
        size: The key of the size that it is made with; None for the usual one.
        tell: Is given a line for each thing that happens.

    Raises:
        BinderBotError: There is no image, and why.
        KeyboardInterrupt: Somebody stopped it.
    """
    with closing(open_store(settings)) as store, closing(build_bakery(settings)) as bakery:
        store.migrate()
        baked = bake_with(bakery, store, source, size, tell)
    tell(f"The image {baked.name} is proven. OPENSTACK_IMAGE=baked uses the newest such image.")
    for name, value in sorted(baked.contents.items()):
        tell(f"  {name}: {value}")
    for name in baked.removed:
        tell(f"The older image {name} was deleted.")


def bake_with(bakery: Bakery, store: Store, source: str | None, size: str | None, tell: Tell) -> BakedImage:
    """The same with parts that exist already; see `bake`."""
    bake_id = bake_id_of(secrets.token_hex(4))
    journal = BakeJournal(store, bake_id, tell)
    journal.hold()
    with _stopped_by_signals():
        try:
            return bakery.bake(bake_id, source, size, journal)
        finally:
            journal.begin("Removing the machines")
            _clear(bakery, bake_id, tell)
            journal.end()


class BakeJournal:
    """Tells the operator how far a bake is, and holds its lease.

    Args:
        store: Keeps the lease.
        bake_id: Names the lease.
        tell: Is given each line.
    """

    def __init__(self, store: Store, bake_id: str, tell: Tell) -> None:
        self._store = store
        self._bake_id = bake_id
        self._owner = secrets.token_hex(8)
        self._tell = tell
        self._began_at = time.monotonic()
        self._held_at: float | None = None
        self._stages: list[tuple[str, float]] = []

    def begin(self, stage: str) -> None:
        """See `BakeProgress.begin`."""
        self._stages.append((stage, time.monotonic()))
        self.say(stage)

    def say(self, line: str) -> None:
        """See `BakeProgress.say`."""
        self._tell(f"{time.monotonic() - self._began_at:5.0f} s  {line}")

    def hold(self) -> None:
        """See `BakeProgress.hold`."""
        now = time.monotonic()
        if self._held_at is not None and now - self._held_at < _RENEW_SECONDS:
            return
        with self._store.write() as session:
            has_ended = self._held_at is not None and not leases.held(session, {self._bake_id})
            if has_ended or not leases.take(session, self._bake_id, self._owner, LEASE_SECONDS):
                raise LostLease(
                    "This process was paused for too long: the bot may have removed the machines."
                )
        self._held_at = now

    def end(self) -> None:
        """Hand the lease back, and tell how long each stage took."""
        now = time.monotonic()
        ends = [*(began_at for _, began_at in self._stages[1:]), now]
        for (stage, began_at), ended_at in zip(self._stages, ends, strict=True):
            self._tell(f"{ended_at - began_at:8.0f} s  {stage}")
        self._tell(f"{now - self._began_at:8.0f} s  in all")
        with self._store.write() as session:
            leases.release(session, self._bake_id, self._owner)


def _clear(bakery: Bakery, bake_id: str, tell: Tell) -> None:
    """Remove what a bake made; what cannot be removed is told, and left to the sweep."""
    deadline, why = time.monotonic() + _CLEAR_SECONDS, ""
    while time.monotonic() < deadline:
        try:
            if bakery.clear(bake_id):
                return
        except CloudError as error:
            why = error.sentence
        time.sleep(_CLEAR_POLL_SECONDS)
    tell(f"Not everything could be removed. A running bot removes what is left of {bake_id}. {why}".strip())


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM do what SIGINT does, so that what was made is removed. The second one ends at once."""

    def stop(number: int, _frame: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
