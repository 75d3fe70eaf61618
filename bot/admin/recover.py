"""`binder-bot recover`: write the rows of a lost database again, from what the cloud knows of its instances.

What cannot be known is said, a line for each binder: a token that was random is lost, the status message is
posted again, and a deadline that was moved too late to be noted is the old one again, or an hour from now.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config import Settings
from bot.errors import ConfigError
from bot.provisioning.agent.sealing import token_of
from bot.provisioning.baking import is_bake
from bot.provisioning.base import Cloud
from bot.provisioning.instances import InstanceState, Recovered
from bot.provisioning.registry import build_cloud
from bot.text import counted
from bot.tokens import fingerprint, new_secret, new_token
from bot.wiring import open_store
from storage import audit, binders
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Status, Target

GRACE_SECONDS = 3600.0
"""How long a recovered binder lives at least: its deadline may have been moved since it was noted."""

_KEY = "recover:"
"""How the request keys of recovered rows begin."""
_NEEDED = ("team", "channel")
"""Metadata that only an instance of the warm pool lacks."""
_NEXT = {
    Status.CREATING: "the bot continues to create it, and then posts its links",
    Status.BOOTING: "its links are posted when its server answers",
    Status.SHELVED: "it stays shelved until somebody resumes it",
}


def recover(settings: Settings) -> list[str]:
    """Write the rows of a lost database again; says what it found, a line each.

    Raises:
        ConfigError: The database is not lost, or the cloud knows too little.
        CloudError: The cloud does not answer.
    """
    with closing(open_store(settings)) as store, closing(build_cloud(settings)) as cloud:
        if not cloud.can_recover:
            raise ConfigError(f"CLOUD={cloud.name} does not keep enough about its instances to recover from.")
        store.migrate()
        with audit.acting(audit.by_operator()):
            return write_rows(store, cloud, settings)


def write_rows(store: Store, cloud: Cloud, settings: Settings) -> list[str]:
    """Write a row for every instance of this deployment that has none. Doing it again changes nothing.

    Args:
        store: A database without live binders, except recovered ones.
        cloud: What is left.
        settings: How long binders live, what they cost, and the key to their tokens.

    Returns:
        What was found, a line for each binder.

    Raises:
        ConfigError: The database has other live binders.
        CloudError: The cloud does not answer.
    """
    found, survey, now = cloud.recover(), cloud.survey(), store.now()
    with store.write() as session:
        _require_no_others(session)
        lines = list(_Rows(session, cloud, settings, now).write(found))
    lines += [
        f"{each}  only some of its resources are left: `serve` removes them" for each in sorted(survey.strays)
    ]
    return lines or ["The cloud has no instance of this deployment."]


def refuse_lost_database(store: Store, cloud: Cloud) -> None:
    """Refuse to work with a database that never had a binder while the cloud has instances.

    The bot would take them for leftovers, and remove them with everything that is in them.

    Raises:
        ConfigError: It is so; the hint says what to do.
        CloudError: The cloud does not answer.
    """
    with store.read() as session:
        if session.scalar(select(Binder.id).limit(1)) is not None:
            return
    if count := sum(not is_bake(owner) for owner in cloud.survey().instances):
        raise ConfigError(
            f"The database is empty, but the cloud has {counted(count, 'instance')} of this deployment.",
            hint="`binder-bot recover` writes their rows again; `binder-bot drain` can then remove them.",
        )


def _require_no_others(session: Session) -> None:
    rows = [binders.get(session, binder_id) for binder_id in binders.existing_ids(session)]
    others = [row for row in rows if row is not None and not row.request_key.startswith(_KEY)]
    if others:
        raise ConfigError(
            f"The database has {counted(len(others), 'live binder')}, so it is not lost.",
            hint="Set DATABASE_URL to an empty database, and run `binder-bot recover` again.",
        )


class _Rows:
    """Writes the rows of one recovery, in one transaction."""

    def __init__(self, session: Session, cloud: Cloud, settings: Settings, now: float) -> None:
        self._session = session
        self._settings = settings
        self._now = now
        self._prices = {size.key: size.price_per_hour for size in cloud.sizes}

    def write(self, found: Sequence[Recovered]) -> Iterator[str]:
        """Write a row for each instance that has none; what became of each, a line each."""
        seen: set[str] = set()
        for each in found:
            instance_id, binder_id = each.instance.binder_id, _id_of(each)
            if instance_id in seen:
                yield f"{binder_id}  has a second instance, which is removed with it: {each.instance.ref}"
            else:
                seen.add(instance_id)
                yield f"{binder_id}  {self._write_one(each)}"

    def _write_one(self, found: Recovered) -> str:
        known = binders.get(self._session, _id_of(found))
        if known is not None:
            gone = known.status == Status.GONE
            return "has ended before: `serve` removes what is left" if gone else "is in the database already"
        missing = [name for name in _NEEDED if not found.metadata.get(name)]
        if missing == list(_NEEDED) and not found.metadata.get("owner"):
            return "waits for a launch: `serve` removes it, and fills the pool anew"
        if missing:
            return f"cannot be recovered, and `serve` removes it: its metadata lacks {', '.join(missing)}"
        row = self._row(found)
        binders.add(self._session, row, wanted_name=found.metadata.get("name") or row.id)
        audit.record(self._session, "operator", "recover", row.id)
        owner = row.owner or "nobody (a seat of a class: an admin can share it)"
        return f"{row.status}  {row.name} of {owner}: {_next(row, found.instance.state)}"

    def _row(self, found: Recovered) -> Binder:
        metadata, instance = found.metadata, found.instance
        begun, binder_id = instance.created_at or self._now, _id_of(found)
        was_warm = instance.binder_id != binder_id
        return Binder(
            id=binder_id,
            instance_id=instance.binder_id if was_warm else None,
            ordered_at=begun if was_warm else None,
            request_key=f"{_KEY}{binder_id}",
            team_id=metadata["team"],
            # The cloud knows of none for a seat of a class. Admins see it, and can share it.
            owner=metadata.get("owner", ""),
            channel=metadata["channel"],
            provider=metadata.get("provider", "git"),
            url=metadata.get("url", ""),
            ref=metadata.get("ref"),
            path=metadata.get("path"),
            interface=metadata.get("interface"),
            size=metadata.get("size", ""),
            commit=metadata.get("commit"),
            resolved_at=begun,
            created_at=begun,
            status_since=self._now,
            stages={"instance": begun},
            resource_ids=dict(found.resources),
            token=self._token(found),
            secret=new_secret(instance.binder_id, self._settings.key_to_tokens) if self._token(found) else "",
            **self._limits(found, begun),
            **self._state(found),
        )

    def _limits(self, found: Recovered, begun: float) -> dict[str, Any]:
        size = found.metadata.get("size", "")
        limits = self._settings.limits_of(size)
        return {
            "maximum_at": max(begun + limits.maximum, self._now + GRACE_SECONDS),
            "idle_seconds": limits.idle_seconds,
            "budget": limits.cost,
            "price_per_hour": self._prices.get(size, 0.0),
        }

    def _token(self, found: Recovered) -> str:
        """The token, where it can be made again; empty where it is lost."""
        key = self._settings.key_to_tokens
        token = _token_of(found, key) if key else ""
        return token if token and fingerprint(token) == found.metadata.get("token") else ""

    def _state(self, found: Recovered) -> dict[str, Any]:
        """Where the bot goes on with it."""
        now, instance, ends_at = self._now, found.instance, self._ends_at(found)
        if instance.state == InstanceState.SHELVED:
            until = now + 86_400 * self._settings.shelved_days
            shelved = {"ends_at": until, "remaining_seconds": int(ends_at - now)}
            return {"status": Status.SHELVED, "target": Target.SHELVED, **shelved}
        if instance.state == InstanceState.STOPPED or not self._token(found):
            # Nothing can be found out about its server: it is listed, and ends at its deadline.
            ready = {"ready_at": instance.created_at or now, "server_url": instance.url}
            return {"status": Status.READY, "ends_at": ends_at, **ready}
        if instance.state == InstanceState.ACTIVE and instance.url is not None:
            return {"status": Status.BOOTING, "ends_at": ends_at, "server_url": instance.url}
        return {"status": Status.CREATING, "ends_at": ends_at}

    def _ends_at(self, found: Recovered) -> float:
        lifetime = self._settings.limits_of(found.metadata.get("size", "")).lifetime
        return max(_deadline(found, self._now + lifetime), self._now + GRACE_SECONDS)


def _next(row: Binder, state: InstanceState) -> str:
    stopped = state == InstanceState.STOPPED
    then = "it is switched off, and `serve` tears it down unless it is switched on before" if stopped else ""
    lost = "" if row.token else "its token is lost, so nobody gets new links to it"
    return "; ".join(part for part in (then or _NEXT.get(row.status, ""), lost) if part)


def _id_of(found: Recovered) -> str:
    """The binder that an instance belongs to: an instance of the warm pool has an id of its own."""
    return found.metadata.get("id") or found.instance.binder_id


def _token_of(found: Recovered, key: str) -> str:
    """The token of an instance's server, where it was made from this key."""
    binder_id, instance_id = _id_of(found), found.instance.binder_id
    if binder_id == instance_id:
        return new_token(binder_id, key)
    return token_of(new_secret(instance_id, key), binder_id)


def _deadline(found: Recovered, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(found.metadata.get("deadline", "")).timestamp()
    except ValueError:
        return otherwise
