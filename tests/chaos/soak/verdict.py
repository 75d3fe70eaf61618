"""What has to be so once the storm is over and everything has settled."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from storage.binders import TWIN_SECONDS
from storage.models import Binder
from storage.vocabulary import MessageKind, OutboxState, Status, Target
from tests.chaos.soak import approvals, images
from tests.chaos.soak.people import Life
from tests.chaos.soak.world import World
from workspace.hands import plain
from workspace.state import PostedMessage

SETTLE_SECONDS = 120.0
_ENDS = (MessageKind.FAILED, MessageKind.GONE)

_MOMENT_SECONDS = 1.0
"""The time in a row is read a moment before it is written: a teardown may be written in between."""


def settle(world: World, seconds: float = SETTLE_SECONDS) -> None:
    """Wait until there is nothing left to do.

    Raises:
        Violation: There still is.
    """
    world.wait(lambda: not unfinished(world), seconds, "everything has settled")


def unfinished(world: World) -> list[str]:
    """What is still on its way."""
    rows = [str(each) for each in world.binders() if not _is_settled(each)]
    owed = [each.key for each in world.owed() if each.state in {OutboxState.PENDING, OutboxState.SENDING}]
    unproven = [f"the unproven image {each}" for each in world.cloud.unproven()]
    moving = images.unsettled(world.images())
    return rows + owed + _strays(world) + _leases_of_the_dead(world) + unproven + moving


def _strays(world: World) -> list[str]:
    """What the cloud holds beyond one server, port and address for each live binder."""
    live = {each.cloud_id for each in world.binders() if each.status != Status.GONE}
    named = {f"binder-{each}" for each in live}
    kinds = {
        "server": Counter(each["name"] for each in world.cloud.servers.values()),
        "port": Counter(each["name"] for each in world.cloud.ports.values()),
    }
    found = [
        f"{count - (name in named)} {kind}s too many of {name}"
        for kind, counted in kinds.items()
        for name, count in counted.items()
        if count > (name in named)
    ]
    bound = Counter(each["port_id"] for each in world.cloud.floating_ips.values())
    unbound = [f"address of port {port}" for port, count in bound.items() if port not in world.cloud.ports]
    doubled = [f"{count} addresses of port {port}" for port, count in bound.items() if count > 1]
    return found + unbound + doubled


def _leases_of_the_dead(world: World) -> list[str]:
    now = world.store.now()
    living = [f":{each.pid}:" for each in world.replicas if each.is_up]
    held = [(each.lease_owner, each.lease_until) for each in world.binders()]
    held += [(each.owner, each.until) for each in world.leases()]
    return [
        f"a lease of {owner}, which is dead, for {until - now:.0f} s more"
        for owner, until in held
        if owner and until > now and not any(pid in owner for pid in living)
    ]


def _is_settled(binder: Binder) -> bool:
    if binder.target == Target.GONE:
        return binder.status == Status.GONE
    return binder.status == (Status.WAITING if binder.is_warm else Status.READY)


def violations(world: World, lives: Sequence[Life]) -> list[str]:
    """Everything that is not as it has to be, a sentence each."""
    return [
        *_of_the_cloud(world),
        *_of_the_orders(world),
        *_of_the_rows(world, lives),
        *_of_the_threads(world),
        *_of_the_images(world),
        *(approvals.wrong(world) if world.asks_for_approval else ()),
    ]


def _of_the_cloud(world: World) -> Iterator[str]:
    live = sorted(f"binder-{each.cloud_id}" for each in world.binders() if each.status != Status.GONE)
    servers = sorted(each["name"] for each in world.cloud.servers.values())
    if servers != live:
        yield f"the cloud has the servers {servers}, but {live} are live"
    if len(world.cloud.ports) != len(live) or len(world.cloud.floating_ips) != len(live):
        yield f"{len(live)} are live, but the cloud has {world.cloud.ports} and {world.cloud.floating_ips}"
    if len(world.cloud.groups) > 1:
        yield f"there are {len(world.cloud.groups)} security groups"


def _of_the_orders(world: World) -> Iterator[str]:
    """Each instance of the pool serves one launch, and each launch takes one at most."""
    for which in (0, 1):
        for name, times in Counter(each[which] for each in world.cloud.orders).items():
            if times > 1:
                yield f"{name} is in {times} orders: {sorted(world.cloud.orders)}"


def _of_the_rows(world: World, lives: Sequence[Life]) -> Iterator[str]:
    rows = world.launched()
    for life in lives:
        made = [row for row in rows if life.asked_for(row.name)]
        if not made:
            yield f"the launch {life.name} was acknowledged, and is lost"
        yield from _made_again(made, life)
    for row in rows:
        if life_of(row, lives) == "good" and row.failure and not approvals.was_denied(row):
            yield f"{row.name} failed: {row.failure}"
        if row.status == Status.GONE and (row.resource_ids or row.lease_owner):
            yield f"{row.name} is gone, but has {row.resource_ids} and is {row.lease_owner}'s"
    for message in world.owed():
        if message.state == OutboxState.DEAD:
            yield f"{message.key} was given up: {message.error}"


def _of_the_images(world: World) -> Iterator[str]:
    if world.cloud.agents is not None:
        yield from images.wrong(world.cloud.agents, world.images())


def _made_again(made: Sequence[Binder], life: Life) -> Iterator[str]:
    """A launch that a frozen replica held up may be made again: late, and only if somebody typed it again."""
    if len(made) > life.typed:
        yield f"the launch {life.name} was typed {life.typed} times, and made {len(made)} times"
    for first, second in pairwise(sorted(made, key=lambda each: each.created_at)):
        is_late = second.created_at - first.created_at >= TWIN_SECONDS
        if not is_late and (first.ended_at is None or first.ended_at > second.created_at + _MOMENT_SECONDS):
            yield f"the launch {life.name} was made twice while the first one was live"


def life_of(row: Binder, lives: Sequence[Life]) -> str:
    """What is to become of a binder."""
    return next((life.fate for life in lives if life.asked_for(row.name)), "")


def _of_the_threads(world: World) -> Iterator[str]:
    posted = _posted(world)
    for key, messages in posted.items():
        if len(messages) > 1:
            yield f"{key} was posted {len(messages)} times"
    for row in world.launched():
        cards = posted[f"card:{row.id}"]
        card = next((each for each in cards if each.ts == row.thread_ts), None)
        if card is None or card.channel != row.thread_channel:
            yield f"the row of {row.name} does not know its card"
            continue
        replies = [each for each in world.workspace.state.replies(card) if each.by_app]
        yield from _of_the_thread(row, card, list(dict.fromkeys(_kind(each) for each in replies)))


def _posted(world: World) -> defaultdict[str, list[PostedMessage]]:
    """What everybody can see, by its key."""
    posted: defaultdict[str, list[PostedMessage]] = defaultdict(list)
    for channel in world.workspace.state.messages.values():
        for message in channel.values():
            if message.by_app and message.metadata and not message.ephemeral_to:
                posted[message.metadata["event_payload"]["key"]].append(message)
    return posted


def _of_the_thread(row: Binder, card: PostedMessage, kinds: list[str]) -> Iterator[str]:
    ends = [kind for kind in kinds if kind in _ENDS]
    if row.status == Status.GONE and (len(ends) != 1 or kinds[-1] not in _ENDS):
        yield f"{row.name} is gone, but its thread is {kinds}"
    if row.status == Status.READY and (ends or kinds.count(MessageKind.READY) != 1):
        yield f"{row.name} is ready, but its thread is {kinds}"
    shown = plain({"blocks": card.blocks, "text": card.text})
    if ("[Tear down]" in shown) == (row.status == Status.GONE):
        yield f"{row.name} is {row.status}, but its card says: {shown}"


def _kind(message: PostedMessage) -> str:
    return str((message.metadata or {})["event_payload"]["key"]).partition(":")[0]
