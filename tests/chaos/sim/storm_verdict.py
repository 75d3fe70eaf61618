"""What has to be so after a storm, whatever happened in it."""

from collections import Counter
from collections.abc import Iterator
from sqlite3 import Row

from tests.chaos.sim.storm import POLICY, Storm
from tests.chaos.sim.storm_bake import left_of_bakes
from tests.chaos.sim.storm_registry import FORGED
from tests.chaos.sim.storm_slack import Posted

_RESTS = {("ready", "ready"), ("shelved", "shelved"), ("gone", "gone"), ("waiting", "ready")}
_ENDS = ("failed", "gone")


def is_at_rest(storm: Storm) -> list[str]:
    """What is still on its way: binders, messages, and twins, which the next round of looks finds."""
    rows = storm.ask(
        "SELECT id, status, target, coalesce(instance_id, id) AS instance FROM binders"
        " WHERE waits_for IS NULL OR target = 'gone'"
    )
    moving = [
        f"{row['id']} is {row['status']}/{row['target']}"
        for row in rows
        if (row["status"], row["target"]) not in _RESTS
    ]
    bare = [
        f"{row['id']} is {row['status']} without an instance"
        for row in rows
        if row["status"] != "gone" and not storm.cloud.machines.get(row["instance"])
    ]
    owed = storm.ask("SELECT key, state, error FROM outbox WHERE state IN ('pending', 'sending')")
    unsaid = [f"{row['key']} is {row['state']} ({row['error']})" for row in owed]
    images = storm.ask("SELECT id, state FROM images WHERE state IN ('built', 'pushing', 'removing')")
    pushed = [f"image {row['id']} is {row['state']}" for row in images]
    left = left_of_bakes(storm) + _doubles(storm)
    waiting = _waits_in_vain(storm)
    return moving + bare + unsaid + pushed + left + _marked_wrongly(storm) + _of_the_pool(storm) + waiting


def _waits_in_vain(storm: Storm) -> list[str]:
    """Launches that wait although there is a place."""
    waiting = storm.ask("SELECT id FROM binders WHERE waits_for IS NOT NULL AND target = 'ready'")
    [(taken,)] = storm.ask(
        "SELECT count(*) FROM binders WHERE status != 'gone' AND NOT is_warm AND waits_for IS NULL"
    )
    is_full = storm.places is not None and taken >= storm.places
    return [] if is_full else [f"{row['id']} waits, and there is a place" for row in waiting]


def _of_the_pool(storm: Storm) -> list[str]:
    [(waiting,)] = storm.ask("SELECT count(*) FROM binders WHERE status = 'waiting'")
    wanted = storm.warm.get("small", 0)
    return [] if waiting == wanted else [f"the pool has {waiting} of {wanted}"]


def _marked_wrongly(storm: Storm) -> list[str]:
    ready = storm.ask(
        "SELECT id, ends_at, coalesce(instance_id, id) AS instance FROM binders"
        " WHERE status = 'ready' AND target = 'ready'"
    )
    marked = [
        (row["id"], row["ends_at"], each.instance.ends_at)
        for row in ready
        for each in storm.cloud.machines.get(row["instance"], [])
    ]
    return [
        f"{name} ends at {at}, and the cloud says {said}" for name, at, said in marked if abs(at - said) >= 1
    ]


def is_over(storm: Storm) -> list[str]:
    """What is left."""
    rows = storm.ask("SELECT id, status, target FROM binders WHERE status != 'gone'")
    return is_at_rest(storm) + [f"{row['id']} is {row['status']}/{row['target']}" for row in rows]


def of_the_living(storm: Storm) -> Iterator[str]:
    """One binder for each instance, and nothing of a dead one."""
    rows = storm.ask("SELECT coalesce(instance_id, id) AS id FROM binders WHERE status != 'gone'")
    live = {row["id"] for row in rows}
    if len(live) < len(rows):
        yield "two binders have the same instance"
    yield from _of_the_orders(storm)
    yield from _of_the_images(storm)
    for binder_id in sorted({*storm.cloud.machines, *storm.cloud.addresses} - live):
        yield f"{binder_id} is gone, and the cloud still has something of it"


def _of_the_orders(storm: Storm) -> Iterator[str]:
    """Each instance gets one order ever, and no order is given to two."""
    orders = set(storm.cloud.orders)
    for which, name in ((0, "instance"), (1, "binder")):
        for key, times in Counter(each[which] for each in orders).items():
            if times > 1:
                yield f"the {name} {key} is in {times} orders: {sorted(orders)}"


def _of_the_images(storm: Storm) -> Iterator[str]:
    """Nothing is kept that was not built for its key, and what was pushed in its place is deleted."""
    for row in storm.ask("SELECT * FROM images WHERE state = 'kept'"):
        if storm.registry.built.get(row["image_id"]) != row["key"]:
            yield f"image {row['id']} is kept, and was not built for its key"
        found = storm.registry.manifests.get((row["repository"], row["digest"]))
        if found is None or row["image_id"] not in found.image_ids:
            yield f"image {row['id']} is kept, and the registry does not have it"
    forged = [each for each in storm.registry.manifests.values() if FORGED in each.image_ids]
    for row in storm.ask("SELECT * FROM images WHERE digest != ''"):
        if row["digest"] in {each.digest for each in forged}:
            yield f"image {row['id']} was forged, and is still in the registry"


def _doubles(storm: Storm) -> list[str]:
    return [
        f"{binder_id} has {len(machines)} instances"
        for binder_id, machines in storm.cloud.machines.items()
        if len(machines) > 1
    ]


def of_the_dead(storm: Storm) -> Iterator[str]:
    """Nothing is left in the cloud; everybody was told everything, once, in order."""
    for binder_id in sorted({*storm.cloud.machines, *storm.cloud.addresses}):
        yield f"everything is over, and the cloud still has something of {binder_id}"
    lost = {row["key"]: row for row in storm.ask("SELECT * FROM outbox WHERE state = 'dead'")}
    for key, row in lost.items():
        if row["attempts"] < 29 and row["error"] != "not_in_channel":
            yield f"{key} was given up: {row['error']}"
    yield from _of_the_orders(storm)
    told = "SELECT key FROM outbox WHERE binder_id IN (SELECT id FROM binders WHERE is_warm)"
    yield from (f"{row['key']} tells of an instance that waited" for row in storm.ask(told))
    for binder in storm.ask("SELECT * FROM binders WHERE NOT is_warm"):
        yield from _of_the_thread(storm, binder, lost)
        yield from _of_the_warning(storm, binder, lost)


def _of_the_thread(storm: Storm, binder: Row, lost: dict[str, Row]) -> Iterator[str]:
    binder_id = binder["id"]
    stays = (each for each in storm.slack.posted if not each.withdrawn)
    mine = [each for each in stays if _is_of(storm, each, binder_id)]
    roots = [each for each in mine if each.key.startswith("card:")]
    deleted = sum(each.deleted for each in roots)
    if len(roots) - deleted > 1:
        yield f"{binder_id} has {len(roots) - deleted} cards"
    visible = Counter(each.key for each in mine if storm.slack.is_visible(each))
    for key, count in Counter(each.key for each in mine).items():
        if visible[key] > 1 or count > 1 + deleted:
            yield f"{key} was posted {count} times, of which {visible[key]} are there"
    yield from _of_the_end(binder_id, mine, lost)


def _of_the_end(binder_id: str, mine: list[Posted], lost: dict[str, Row]) -> Iterator[str]:
    replies = [each for each in mine if not each.key.startswith("card:")]
    ends = {each.key for each in replies if each.key.split(":")[0] in _ENDS}
    if len(ends) != 1 and not any(f"{kind}:{binder_id}" in lost for kind in _ENDS):
        yield f"{binder_id} ended {len(ends)} times: {sorted(ends)}"
    if ends and replies[-1].key not in ends:
        yield f"{replies[-1].key} was posted after the end of {binder_id}"


def _is_of(storm: Storm, message: Posted, binder_id: str) -> bool:
    kind, _, of = message.key.partition(":")
    if kind == "notice":
        row = storm.ask("SELECT binder_id FROM notices WHERE id = ?", int(of))
        return bool(row) and row[0]["binder_id"] == binder_id
    return of.split(":")[0] == binder_id


def _of_the_warning(storm: Storm, binder: Row, lost: dict[str, Row]) -> Iterator[str]:
    """Who ended by itself was told before, long enough."""
    told = storm.ask("SELECT * FROM notices WHERE binder_id = ?", binder["id"])
    for row in told:
        posts = [each for each in storm.slack.posted if each.key == f"notice:{row['id']}"]
        if row["told_at"] is not None and not posts and f"notice:{row['id']}" not in lost:
            yield f"notice {row['id']} of {binder['id']} is noted as told, and nobody heard it"
        if row["outcome"] is None:
            yield f"notice {row['id']} of {binder['id']} is still open"
    if binder["ending"] != "expired" or binder["ready_at"] is None:
        return
    by = binder["ended_at"] - POLICY.warning
    in_time = [
        row
        for row in told
        if row["reason"] == binder["ended_for"]
        and row["outcome"] == "over"
        and (row["told_at"] or by + 1) <= by
    ]
    if not in_time:
        yield f"{binder['id']} ended for {binder['ended_for']} without a warning in time"
