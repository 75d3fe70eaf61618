"""The tables of the project.

All times are Unix seconds in UTC by the database's clock; None where something has not happened.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Enum,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storage.secret_columns import SecretColumn, keep_secrets
from storage.vocabulary import (
    Activity,
    Ending,
    ImageState,
    MessageKind,
    OutboxState,
    Outcome,
    Reason,
    Status,
    Target,
    WaitsFor,
)

NAME_LENGTH = 64
"""How long a binder's name may be, its number included."""


_SEALED = String(64).with_variant(Text(), "postgresql")
"""A sealed text is longer than its secret. SQLite does not look at the length, and can change no column."""


def words(known: type[StrEnum]) -> Enum:
    """A column of one of these words, plain text in the database: a new word needs no migration."""
    return Enum(known, native_enum=False, length=16, values_callable=list, create_constraint=False)


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
    """What people call it. No other live binder that its owner can see has it at the launch."""
    request_key: Mapped[str] = mapped_column(String(255), unique=True)
    """Slack's id of the request that made it: a repeated delivery finds the row instead of making another."""

    # Who asked, and where they are told
    enterprise_id: Mapped[str | None] = mapped_column(String(32))
    team_id: Mapped[str] = mapped_column(String(32))
    owner: Mapped[str] = mapped_column(String(32))
    owner_zone: Mapped[str | None] = mapped_column(String(64))
    """The name of the owner's time zone, as `Europe/Berlin`; None where nobody asked, or nobody knows."""
    channel: Mapped[str] = mapped_column(String(32))
    """Where it was asked for."""
    is_private: Mapped[bool | None] = mapped_column()
    """Whether only some people can read that channel. None: not known yet, which counts as private."""
    stored_response_url: Mapped[str | None] = mapped_column("response_url", Text)
    response_url = SecretColumn[str | None]("stored_response_url")
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
    without_conda: Mapped[bool] = mapped_column(default=False)
    """Whether conda packages are taken from PyPI where there is no conda."""
    rebuild: Mapped[bool] = mapped_column(default=False)
    """Whether it is built anew although there is an image of it."""
    commit: Mapped[str | None] = mapped_column(String(64))
    is_tip: Mapped[bool] = mapped_column(default=False)
    resolved_at: Mapped[float | None] = mapped_column(Float)
    needs_right: Mapped[bool] = mapped_column(default=False)
    """Whether its repository can be read only with somebody's right."""
    read_as: Mapped[str | None] = mapped_column(String(32))
    """Whose right that is; None for its owner's."""
    right_at: Mapped[float | None] = mapped_column(Float)
    """When its instance was given a right to fetch that was not taken back yet."""

    # Target and status
    target: Mapped[Target] = mapped_column(words(Target), default=Target.READY)
    status: Mapped[Status] = mapped_column(words(Status), default=Status.REQUESTED)
    created_at: Mapped[float] = mapped_column(Float)
    status_since: Mapped[float] = mapped_column(Float)
    ready_at: Mapped[float | None] = mapped_column(Float)
    ends_at: Mapped[float] = mapped_column(Float)
    """When it ends unless somebody keeps it: by its lifetime."""
    maximum_at: Mapped[float] = mapped_column(Float, default=0.0)
    """The latest possible end, which nobody can move; 0 if nothing limits it."""
    idle_seconds: Mapped[int | None] = mapped_column(Integer)
    """For how long it may be idle; None for any time."""
    budget: Mapped[float | None] = mapped_column(Float)
    """What it may cost, in the site's unit; None for any price."""
    price_per_hour: Mapped[float] = mapped_column(Float, default=0.0)
    ended_at: Mapped[float | None] = mapped_column(Float)
    """When its target became `gone`."""
    gone_at: Mapped[float | None] = mapped_column(Float)
    ending: Mapped[Ending | None] = mapped_column(words(Ending))
    ended_for: Mapped[Reason | None] = mapped_column(words(Reason))
    """Which deadline came; only with `ending` expired."""
    ended_by: Mapped[str | None] = mapped_column(String(32))
    failure: Mapped[str | None] = mapped_column(Text)
    """One sentence; only with `ending` failed or lost."""
    failure_code: Mapped[str | None] = mapped_column(String(40))
    """What the agent calls the failure, such as `needs-conda`; None where it has no name."""
    hint: Mapped[str | None] = mapped_column(Text)
    waiting_for: Mapped[str | None] = mapped_column(Text)
    """Why it is not being made yet (no room): one sentence."""

    # Use
    used_at: Mapped[float | None] = mapped_column(Float)
    """The newest sign of use that its server showed."""
    awake_until: Mapped[float] = mapped_column(Float, default=0.0)
    """Somebody keeps it: it does not count as idle before."""
    activity: Mapped[Activity] = mapped_column(words(Activity), default=Activity.UNKNOWN)
    looked_at: Mapped[float] = mapped_column(Float, default=0.0)
    """When its server was last asked about its use."""
    changed_files: Mapped[int] = mapped_column(Integer, default=0)
    """How many files differ from what was launched, as of `counted_at`, and are not saved."""
    counted_at: Mapped[float] = mapped_column(Float, default=0.0)
    saved_at: Mapped[float | None] = mapped_column(Float)
    """When its changes were last saved to the thread."""

    # Shelving
    resumes: Mapped[int] = mapped_column(Integer, default=0)
    """How often it was resumed."""
    remaining_seconds: Mapped[int | None] = mapped_column(Integer)
    """How much of its lifetime was left when it was shelved."""
    shelved_seconds: Mapped[float] = mapped_column(Float, default=0.0)
    """For how long it was shelved in all, which costs nothing."""
    kept_until: Mapped[float] = mapped_column(Float, default=0.0)
    """Until when what is left of a failed launch is kept, for somebody to look at it."""

    # Progress, as the instance reports it
    stages: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """When each stage began: {stage: Unix seconds}."""
    expected: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """How long it should take, from earlier launches: see `bot.binders.expectations.Expectation`."""
    kind: Mapped[str] = mapped_column(String(40), default="")
    """What it is built with, as its instance reported while it built; empty before."""
    has_image: Mapped[bool] = mapped_column(default=False)
    """Whether its instance was told of an image of its commit, which it can fetch instead of building it."""
    fraction: Mapped[float | None] = mapped_column(Float)
    line: Mapped[str] = mapped_column(Text, default="")
    log: Mapped[str] = mapped_column(Text, default="")

    # Warm instances
    is_warm: Mapped[bool] = mapped_column(default=False)
    """Whether this is an instance that was made before anybody asked. It has no repository, no owner and no
    channel. Its row is deleted when a launch takes it."""
    instance_id: Mapped[str | None] = mapped_column(String(32))
    """The id of the warm instance that this launch took; None where its instance was made for it."""
    ordered_at: Mapped[float | None] = mapped_column(Float)
    """When the warm instance was told what to serve."""
    warm_failed: Mapped[bool] = mapped_column(default=False)
    """Whether a warm instance did not serve this launch: it gets no second one."""

    # What was made for it
    attempt_at: Mapped[float | None] = mapped_column(Float)
    """When a `create` whose outcome is unknown was begun."""
    retries: Mapped[int] = mapped_column(Integer, default=0)
    """Failed tries of the present step, for the backoff."""
    replaced: Mapped[int] = mapped_column(Integer, default=0)
    """How many of its instances were thrown away because they came up broken."""
    resource_ids: Mapped[dict[str, str]] = mapped_column("parts", JSON, default=dict)
    """Ids of all that was made for it in the cloud, by kind; see `bot.provisioning.base`."""
    missing_since: Mapped[float | None] = mapped_column(Float)
    """When a survey first did not show its instance: believed at the second sighting."""
    server_url: Mapped[str | None] = mapped_column(Text)
    stored_token: Mapped[str] = mapped_column("token", _SEALED)
    token = SecretColumn[str]("stored_token")
    """What opens its server; empty where it is lost. A secret."""
    stored_secret: Mapped[str] = mapped_column("secret", _SEALED, default="")
    secret = SecretColumn[str]("stored_secret")
    """What only its instance's user data holds, to seal what the instance is told later; empty if it was
    launched before there was one."""
    image: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    """What its instance started, as it reported before: see `bot.provisioning.instances.ReportedImage`."""
    interfaces: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """What answered: [{kind, label, path}], the path relative to `server_url`, without token."""
    collaborates: Mapped[bool | None] = mapped_column()
    """Whether two people in one notebook of it see each other's changes; None where nothing told."""
    notes: Mapped[list[str]] = mapped_column(JSON, default=list)
    """What the owner should know of the build although it went on, such as what was left out."""

    class_id: Mapped[str | None] = mapped_column(String(32))
    """The class in which it is a seat; None where it is none. A seat that nobody has yet has no owner."""

    # Before it begins
    vcpus: Mapped[int | None] = mapped_column(Integer)
    """How many vCPUs its instance has; None where nobody knows it yet."""
    waits_for: Mapped[WaitsFor | None] = mapped_column(words(WaitsFor))
    """What it waits for; None since it began. Before, nothing is made for it."""
    waits_since: Mapped[float | None] = mapped_column(Float)
    queue: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Where it stands in the queue, and which quota is full: see `bot.binders.admission.facts_of`."""

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
        Index(
            "ix_binders_warm",
            "size",
            sqlite_where=text("is_warm = 1"),
            postgresql_where=text("is_warm"),
        ),
        Index(
            "ix_binders_waiting",
            "waits_for",
            sqlite_where=text("waits_for IS NOT NULL"),
            postgresql_where=text("waits_for IS NOT NULL"),
        ),
        Index("ix_binders_gone", "gone_at"),
        Index("ix_binders_instance", "instance_id", unique=True),
        Index("ix_binders_owner", "team_id", "owner"),
        Index("ix_binders_class", "class_id"),
        Index("ix_binders_thread", "thread_channel", "thread_ts"),
    )

    @hybrid_property
    def is_live(self) -> bool:
        """Whether it should exist: false as soon as somebody or something ends it, before it is gone."""
        return self.target != Target.GONE

    @property
    def cloud_id(self) -> str:
        """The id by which the cloud knows its instance."""
        return self.instance_id or self.id

    def __repr__(self) -> str:
        """Name it without its secrets."""
        return f"<Binder {self.id} {self.status}/{self.target}>"


keep_secrets(Binder)


class OutboxMessage(Base):
    """Something that Slack is owed, written in the transaction of the change that it tells of."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(String(255), unique=True)
    """Unique per thing to be said; also the key in the message's metadata by which a probe finds it."""
    binder_id: Mapped[str | None] = mapped_column(ForeignKey("binders.id", ondelete="CASCADE"))
    kind: Mapped[MessageKind] = mapped_column(words(MessageKind))
    urgent: Mapped[bool] = mapped_column(default=True)
    """False for the slow heartbeat of a card, which yields to stage changes."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the words need beyond the binder's row; no secrets."""
    created_at: Mapped[float] = mapped_column(Float)
    not_before: Mapped[float] = mapped_column(Float, default=0.0)
    state: Mapped[OutboxState] = mapped_column(words(OutboxState), default=OutboxState.PENDING)
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


class Notice(Base):
    """A warning that a binder will end: one for each deadline and lead, however often that is found due."""

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    binder_id: Mapped[str] = mapped_column(ForeignKey("binders.id", ondelete="CASCADE"))
    reason: Mapped[Reason] = mapped_column(words(Reason))
    deadline: Mapped[float] = mapped_column(Float)
    lead_seconds: Mapped[int] = mapped_column(Integer)
    """How long before its deadline it was due."""
    created_at: Mapped[float] = mapped_column(Float)
    told_at: Mapped[float | None] = mapped_column(Float)
    """When Slack took it, or refused it for good: from then on the binder may end."""
    outcome: Mapped[Outcome | None] = mapped_column(words(Outcome))
    outcome_by: Mapped[str | None] = mapped_column(String(32))

    __table_args__ = (UniqueConstraint("binder_id", "reason", "deadline", "lead_seconds"),)


class BuiltImage(Base):
    """The image that a binder was built as, on its way into the registry and there."""

    __tablename__ = "images"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    repository: Mapped[str] = mapped_column(String(255))
    """The one repository of the registry for its source and for who may use it: `host[:port]/name`."""
    key: Mapped[str] = mapped_column(String(64))
    """The build key: all that decides what is built. It is the tag of the image."""
    image_id: Mapped[str] = mapped_column(String(80))
    """`sha256:…` of its configuration, as it was reported before the image was started."""

    # What it was built from
    provider: Mapped[str] = mapped_column(String(16))
    url: Mapped[str] = mapped_column(Text)
    commit: Mapped[str | None] = mapped_column(String(64))
    directory: Mapped[str] = mapped_column(Text, default=".")
    extra: Mapped[str] = mapped_column(Text, default="")
    """The package that was added for the interface that was asked for."""
    kind: Mapped[str] = mapped_column(String(40), default="")
    notes: Mapped[list[str]] = mapped_column(JSON, default=list)
    """What its users should know of the build."""
    binder_id: Mapped[str] = mapped_column(String(32))
    """The binder that built it. The row of that binder may be deleted by now."""
    is_private: Mapped[bool] = mapped_column(default=False)
    """Whether only its owner may use it, in private."""
    built_at: Mapped[float] = mapped_column(Float)
    used_at: Mapped[float] = mapped_column(Float)

    # How far it is
    state: Mapped[ImageState] = mapped_column(words(ImageState), default=ImageState.BUILT)
    reason: Mapped[str] = mapped_column(Text, default="")
    """Why it was dropped, or is being removed."""
    digest: Mapped[str] = mapped_column(String(80), default="")
    """`sha256:…` of its manifest in the registry. With `dropped`: of what is to be deleted there."""
    layers: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """The bytes of each of its layers in the registry, by digest."""
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    """How often its instance was given the right to push it."""
    right_until: Mapped[float | None] = mapped_column(Float)
    """When the right to push it ends."""
    before: Mapped[str] = mapped_column(String(80), default="")
    """The digest that its tag had when the right was given; empty where there was no such tag."""
    next_at: Mapped[float] = mapped_column(Float, default=0.0)
    """When it is due for its next look; while somebody works on it, when their claim ends."""
    fence: Mapped[int] = mapped_column(Integer, default=0)
    """Raised by each claim: whoever claimed it before writes nothing any more."""

    __table_args__ = (
        Index("ix_images_key", "repository", "key"),
        Index("ix_images_due", "next_at"),
    )
