"""The vocabulary of the project, and its tables. Imports nothing of ours.

All times are Unix seconds in UTC by the database's clock; None where something has not happened.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Enum, Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAME_LENGTH = 64
"""How long a binder's name may be, its number included."""


class Status(StrEnum):
    """What a binder is."""

    REQUESTED = "requested"
    CREATING = "creating"
    BOOTING = "booting"
    BUILDING = "building"
    READY = "ready"
    DELETING = "deleting"
    GONE = "gone"


class Target(StrEnum):
    """What a binder should be."""

    READY = "ready"
    GONE = "gone"


class Ending(StrEnum):
    """Why a binder's target became `gone`."""

    STOPPED = "stopped"
    """A person pressed *Tear down*, or typed `stop`; `ended_by` says who."""
    FAILED = "failed"
    """It never became ready; `failure` says why."""
    LOST = "lost"
    """Its instance was removed outside the bot, or its server died."""
    EXPIRED = "expired"
    """Its time was over."""


class MessageKind(StrEnum):
    """What an outbox row says. The words are chosen when it is delivered."""

    CARD = "card"
    """The binder's one status message: posted once, then edited in place; the root of its thread."""
    WAITING = "waiting"
    """In the thread, once: there is no room yet."""
    READY = "ready"
    """In the thread: the interfaces that answered."""
    LINKS = "links"
    """To the owner alone: one-click links with the server's token."""
    FAILED = "failed"
    """In the thread: why it did not work."""
    GONE = "gone"
    """In the thread: who or what ended it."""
    ALERT = "alert"
    """To the operators' channel: something that they must know."""


class OutboxState(StrEnum):
    """How far an outbox row is on its way."""

    PENDING = "pending"
    SENDING = "sending"
    """Handed to Slack; if found so after its lease, nobody knows whether it arrived: probe first."""
    DONE = "done"
    DEAD = "dead"
    """Given up, with the error in `error`."""


def _words(words: type[StrEnum]) -> Enum:
    """A column of one of these words, plain text in the database: a new word needs no migration."""
    return Enum(words, native_enum=False, length=16, values_callable=list, create_constraint=False)


class Base(DeclarativeBase):
    """All tables of the project."""

    type_annotation_map = {dict[str, Any]: JSON, list[dict[str, Any]]: JSON, dict[str, str]: JSON}  # noqa: RUF012 - SQLAlchemy's own form


class Binder(Base):
    """One launched environment: what should be, what is, and all that was made for it.

    Handlers change `target` (and bump `generation`); the reconciler changes the rest, under a lease.
    """

    __tablename__ = "binders"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    """What people call it: unique among the live binders of a workspace."""
    request_key: Mapped[str] = mapped_column(String(255), unique=True)
    """Slack's id of the request that made it: a repeated delivery finds the row instead of making another."""

    # Who asked, and where they are told
    enterprise_id: Mapped[str | None] = mapped_column(String(32))
    team_id: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(32))
    """Where it was asked for."""
    response_url: Mapped[str | None] = mapped_column(Text)
    """Slack's URL for answers to the command, good for 30 minutes; a secret."""
    thread_channel: Mapped[str | None] = mapped_column(String(32))
    """Where the status message really is (a direct message where the channel refuses it)."""
    thread_ts: Mapped[str | None] = mapped_column(String(32))

    # What was asked for
    provider: Mapped[str] = mapped_column(String(16))
    url: Mapped[str] = mapped_column(Text)
    ref: Mapped[str | None] = mapped_column(String(255))
    path: Mapped[str | None] = mapped_column(Text)
    interface: Mapped[str | None] = mapped_column(Text)
    size: Mapped[str] = mapped_column(String(64))
    commit: Mapped[str | None] = mapped_column(String(64))
    is_tip: Mapped[bool] = mapped_column(default=False)
    resolved_at: Mapped[float | None] = mapped_column(Float)

    # Target and status
    target: Mapped[Target] = mapped_column(_words(Target), default=Target.READY)
    status: Mapped[Status] = mapped_column(_words(Status), default=Status.REQUESTED)
    created_at: Mapped[float] = mapped_column(Float)
    status_since: Mapped[float] = mapped_column(Float)
    ready_at: Mapped[float | None] = mapped_column(Float)
    ends_at: Mapped[float] = mapped_column(Float)
    """When it is torn down at the latest."""
    ended_at: Mapped[float | None] = mapped_column(Float)
    """When its target became `gone`."""
    gone_at: Mapped[float | None] = mapped_column(Float)
    ending: Mapped[Ending | None] = mapped_column(_words(Ending))
    ended_by: Mapped[str | None] = mapped_column(String(32))
    failure: Mapped[str | None] = mapped_column(Text)
    """One sentence; only with `ending` failed or lost."""
    hint: Mapped[str | None] = mapped_column(Text)
    waiting_for: Mapped[str | None] = mapped_column(Text)
    """Why it is not being made yet (no room): one sentence."""

    # Progress, as the instance reports it
    stages: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """When each stage began: {stage: Unix seconds}."""
    fraction: Mapped[float | None] = mapped_column(Float)
    line: Mapped[str] = mapped_column(Text, default="")
    log: Mapped[str] = mapped_column(Text, default="")

    # What was made for it
    attempt_at: Mapped[float | None] = mapped_column(Float)
    """When a `create` whose outcome is unknown was begun."""
    retries: Mapped[int] = mapped_column(Integer, default=0)
    """Failed tries of the present step, for the backoff."""
    parts: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    missing_since: Mapped[float | None] = mapped_column(Float)
    """When a survey first did not show its instance: believed at the second sighting."""
    server_url: Mapped[str | None] = mapped_column(Text)
    token: Mapped[str] = mapped_column(String(64))
    interfaces: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """What answered: [{kind, label, path}], the path relative to `server_url`, without token."""

    # Who works on it
    next_at: Mapped[float] = mapped_column(Float, default=0.0)
    """When it is due for its next look."""
    generation: Mapped[int] = mapped_column(Integer, default=1)
    """Raised by each change that a person makes."""
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[float] = mapped_column(Float, default=0.0)
    fence: Mapped[int] = mapped_column(Integer, default=0)

    __table_args__ = (
        Index(
            "ix_binders_due",
            "next_at",
            sqlite_where=text("status != 'gone'"),
            postgresql_where=text("status != 'gone'"),
        ),
        Index("ix_binders_owner", "team_id", "owner"),
        Index("ix_binders_thread", "thread_channel", "thread_ts"),
    )

    def __repr__(self) -> str:
        """Name it without its secrets."""
        return f"<Binder {self.id} {self.status}/{self.target}>"


class OutboxMessage(Base):
    """Something that Slack is owed, written in the transaction of the change that it tells of."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    """Unique per thing to be said; also the key in the message's metadata by which a probe finds it."""
    binder_id: Mapped[str | None] = mapped_column(ForeignKey("binders.id", ondelete="CASCADE"))
    kind: Mapped[MessageKind] = mapped_column(_words(MessageKind))
    urgent: Mapped[bool] = mapped_column(default=True)
    """False for the slow heartbeat of a card, which yields to stage changes."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the words need beyond the binder's row; no secrets."""
    created_at: Mapped[float] = mapped_column(Float)
    not_before: Mapped[float] = mapped_column(Float, default=0.0)
    state: Mapped[OutboxState] = mapped_column(_words(OutboxState), default=OutboxState.PENDING)
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Raised when a card changes again: a delivery finishes only the version that it has shown."""
    unsure: Mapped[bool] = mapped_column(default=False)
    """An earlier try may have arrived: look before sending again."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lease_until: Mapped[float] = mapped_column(Float, default=0.0)
    fence: Mapped[int] = mapped_column(Integer, default=0)
    sent_ts: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(
            "ix_outbox_open",
            "id",
            sqlite_where=text("state IN ('pending', 'sending')"),
            postgresql_where=text("state IN ('pending', 'sending')"),
        ),
        Index("ix_outbox_binder", "binder_id", "id"),
    )


class Audit(Base):
    """Who did what to which binder, in order; never changed."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[float] = mapped_column(Float)
    binder_id: Mapped[str | None] = mapped_column(String(32), index=True)
    actor: Mapped[str] = mapped_column(String(64))
    """A Slack user's id, or `bot`."""
    event: Mapped[str] = mapped_column(String(64))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class Lease(Base):
    """Work of which one replica at a time does its share: sweeps, for instance."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(64))
    until: Mapped[float] = mapped_column(Float, default=0.0)


class Sighting(Base):
    """Something in the cloud that belongs to no live binder; deleted only once seen twice."""

    __tablename__ = "sightings"

    binder_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    first_seen: Mapped[float] = mapped_column(Float)
