"""Writes the rows of a lost database anew, from what the cloud alone knows of its instances.

What cannot be known is said: a token that was random is lost, the status message is posted anew, and a
deadline that was moved too late to be marked is the old one again, or an hour from now.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.config.limits import Limits
from bot.errors import ConfigError
from bot.provisioning.base import InstanceState, Recoverable, Recovered
from bot.tokens import fingerprint, new_token
from storage import audit, binders
from storage.engine import Store
from storage.models import Binder, Status, Target

GRACE_SECONDS = 3600.0
"""How long a recovered binder lives at least: its deadline may have been moved since it was noted."""

_KEY = "recover:"
"""How the request keys of recovered rows begin."""
_NEEDED = ("owner", "team", "channel")
"""Marks without which nobody can be told of a binder."""
_NEXT = {
    Status.CREATING: "it is made ready; its links are posted then",
    Status.BOOTING: "its links are posted when its server answers",
    Status.SHELVED: "it stays put away until somebody resumes it",
}


@dataclass(frozen=True, slots=True)
class RecoveryOptions:
    """What the cloud does not know of a binder.

    Attributes:
        token_key: The operator's key to the tokens, if any; secret.
        limits_of: What a binder of a size may have.
        prices: Of sizes by their keys, per hour.
        shelved: For how long one is kept that is put away, in seconds.
    """

    token_key: str | None = field(repr=False)
    limits_of: Callable[[str], Limits]
    prices: Mapping[str, float]
    shelved: float


def recover(store: Store, cloud: Recoverable, terms: RecoveryOptions) -> list[str]:
    """Write a row for every instance of this deployment that has none. Doing it twice is doing it once.

    Args:
        store: A database that knows of no live binder but recovered ones.
        cloud: What is left.
        terms: See `RecoveryOptions`.

    Returns:
        What was found, a line for each binder.

    Raises:
        ConfigError: The database knows of other live binders.
        CloudError: The cloud does not tell.
    """
    found, survey, now = cloud.recover(), cloud.survey(), store.now()
    with store.write() as session:
        _require_no_others(session)
        lines = list(_written(session, found, terms, now))
    lines += [f"{each}  only parts are left of it: `serve` removes them" for each in sorted(survey.strays)]
    return lines or ["The cloud holds no instance of this deployment."]


def require_memory(store: Store, cloud: Recoverable) -> None:
    """Refuse to work with a database that never knew a binder while the cloud holds some.

    They would be taken for leftovers, and removed with all that is in them.

    Raises:
        ConfigError: It is so; the hint says what to do.
        CloudError: The cloud does not tell.
    """
    with store.read() as session:
        if session.scalar(select(Binder.id).limit(1)) is not None:
            return
    if count := len(cloud.survey().instances):
        raise ConfigError(
            f"The database is empty, but the cloud holds {count} instances of this deployment.",
            hint="`binder-bot recover` writes their rows anew; `binder-bot drain` may then remove them.",
        )


def _require_no_others(session: Session) -> None:
    rows = [binders.get(session, binder_id) for binder_id in binders.existing_ids(session)]
    others = [row for row in rows if row is not None and not row.request_key.startswith(_KEY)]
    if others:
        raise ConfigError(
            f"The database knows of {len(others)} live binders, so it is not lost.",
            hint="Set DATABASE_URL to an empty database to recover into.",
        )


def _written(session: Session, found: list[Recovered], terms: RecoveryOptions, now: float) -> Iterator[str]:
    seen: set[str] = set()
    for each in found:
        binder_id = each.instance.binder_id
        if binder_id in seen:
            yield f"{binder_id}  has a younger twin, which goes when it does: {each.instance.ref}"
        else:
            seen.add(binder_id)
            yield f"{binder_id}  {_write(session, each, terms, now)}"


def _write(session: Session, found: Recovered, terms: RecoveryOptions, now: float) -> str:
    """Write one row; what became of it, in words."""
    known = binders.get(session, found.instance.binder_id)
    if known is not None:
        gone = known.status == Status.GONE
        return "has ended before: `serve` removes what is left" if gone else "is in the database already"
    missing = [name for name in _NEEDED if not found.marks.get(name)]
    if missing:
        return f"cannot be recovered, and `serve` removes it: its metadata lack {', '.join(missing)}"
    row = _row(found, terms, now)
    binders.add(session, row, wanted_name=found.marks.get("name") or row.id)
    audit.record(session, "operator", "recover", row.id)
    return f"{row.status}  {row.name} of {row.owner}: {_next(row, found.instance.state)}"


def _next(row: Binder, state: InstanceState) -> str:
    stopped = state == InstanceState.STOPPED
    then = "it is switched off, and `serve` tears it down unless it runs again by then" if stopped else ""
    lost = "" if row.token else "its token is lost, so nobody gets new links to it"
    return "; ".join(part for part in (then or _NEXT.get(row.status, ""), lost) if part)


def _row(found: Recovered, terms: RecoveryOptions, now: float) -> Binder:
    marks, instance = found.marks, found.instance
    begun = instance.created_at or now
    return Binder(
        id=instance.binder_id,
        request_key=f"{_KEY}{instance.binder_id}",
        team_id=marks["team"],
        owner=marks["owner"],
        channel=marks["channel"],
        provider=marks.get("provider", "git"),
        url=marks.get("url", ""),
        ref=marks.get("ref"),
        path=marks.get("path"),
        interface=marks.get("interface"),
        size=marks.get("size", ""),
        commit=marks.get("commit"),
        resolved_at=begun,
        created_at=begun,
        status_since=now,
        stages={"repository": begun, "instance": begun},
        resource_ids=dict(found.parts),
        token=_token(found, terms),
        **_limits(found, terms, begun, now),
        **_state(found, terms, now),
    )


def _limits(found: Recovered, terms: RecoveryOptions, begun: float, now: float) -> dict[str, Any]:
    size = found.marks.get("size", "")
    limits = terms.limits_of(size)
    return {
        "maximum_at": max(begun + limits.maximum, now + GRACE_SECONDS),
        "idle_seconds": limits.idle_seconds,
        "budget": limits.cost,
        "price_per_hour": terms.prices.get(size, 0.0),
    }


def _token(found: Recovered, terms: RecoveryOptions) -> str:
    """The token, where it can be made again; empty where it is lost."""
    token = new_token(found.instance.binder_id, terms.token_key) if terms.token_key else ""
    return token if token and fingerprint(token) == found.marks.get("token") else ""


def _state(found: Recovered, terms: RecoveryOptions, now: float) -> dict[str, Any]:
    """Where the bot goes on with it."""
    lifetime = terms.limits_of(found.marks.get("size", "")).lifetime
    ends_at = max(_deadline(found, now + lifetime), now + GRACE_SECONDS)
    instance = found.instance
    if instance.state == InstanceState.SHELVED:
        away = {"ends_at": now + terms.shelved, "remaining_seconds": int(ends_at - now)}
        return {"status": Status.SHELVED, "target": Target.SHELVED, **away}
    if instance.state == InstanceState.STOPPED or not _token(found, terms):
        # Nothing can be found out about its server: it is listed, and ends at its deadline.
        ready = {"ready_at": instance.created_at or now, "server_url": instance.url}
        return {"status": Status.READY, "ends_at": ends_at, **ready}
    if instance.state == InstanceState.ACTIVE and instance.url is not None:
        return {"status": Status.BOOTING, "ends_at": ends_at, "server_url": instance.url}
    return {"status": Status.CREATING, "ends_at": ends_at}


def _deadline(found: Recovered, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(found.marks.get("deadline", "")).timestamp()
    except ValueError:
        return otherwise
