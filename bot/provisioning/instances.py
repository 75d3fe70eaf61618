"""What a cloud is asked for, and what it and its instances tell. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bot.provisioning.agent.phases import Phase as Phase  # noqa: PLC0414 - a word of these reports, too
from bot.provisioning.agent.stored_images import ImageAccess


class InstanceState(StrEnum):
    """What the cloud says of an instance, in the few words that matter here."""

    PENDING = "pending"
    """Being made; waiting helps."""
    ACTIVE = "active"
    """Made and switched on."""
    STOPPED = "stopped"
    """Switched off, by whomever."""
    SHELVED = "shelved"
    """Shelved: it can be resumed."""
    ERROR = "error"
    """Broken; waiting does not help."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance as a listing of the cloud shows it.

    Attributes:
        ref: The cloud's own id of the instance.
        binder_id: The binder that it was made for.
        state: See `InstanceState`.
        created_at: Unix seconds, UTC; decides which of two twins is kept (the oldest).
        url: The base URL of its server, without a trailing slash, as people reach it;
            None while it has no address.
        fault: The cloud's own words where the state is ERROR, else an empty string.
        ends_at: When its binder ends, as noted in the cloud; Unix seconds, UTC; None where it is not noted.
    """

    ref: str
    binder_id: str
    state: InstanceState
    created_at: float
    url: str | None = None
    fault: str = ""
    ends_at: float | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that this deployment has in the cloud, listed at one moment.

    Attributes:
        instances: By binder id; the oldest first.
        strays: Ids of binders that have no instance but something else: an address, a port, a directory.
    """

    instances: Mapping[str, tuple[Instance, ...]]
    strays: frozenset[str] = frozenset()

    def of(self, binder_id: str) -> tuple[Instance, ...]:
        """The instances of one binder, the oldest first."""
        return self.instances.get(binder_id, ())

    def leaves(self, binder_id: str) -> bool:
        """Whether the cloud still has anything of that binder."""
        return binder_id in self.instances or binder_id in self.strays


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """All that a cloud needs to know to make an instance for a binder.

    Attributes:
        binder_id: Names everything that is made: `binder-<id>`.
        provider: How the source is fetched: `gh`, `gl`, `gist`, `git`, `zenodo`, `figshare`, `hydroshare`,
            `dataverse`, `ckan`, `swh` or `doi`.
        url: The repository, or the DOI or archive link; empty for an instance that waits for its order.
        ref: What the person asked for, or None for the default.
        commit: The full commit, or None where the provider has none (archives).
        is_tip: Whether the commit is the tip of the default branch (a shallow fetch of HEAD is enough).
        path: File or directory within the repository, or None.
        interface: The interface asked for, or None.
        extra: The Python package that brings this interface, where one has to be added; else empty.
        size: The key of a size that the cloud offers.
        token: The server's token; secret.
        owner: The Slack user's id, for the cloud's own records.
        channel: The Slack channel's id, for the cloud's own records.
        ends_at: When the binder ends at the latest, Unix seconds UTC.
        team: The Slack workspace's id, for the cloud's own records.
        name: What people call the binder, for the cloud's own records.
        without_conda: Whether conda packages are taken from PyPI where there is no container engine.
        secret: What only the user data of this instance holds, to seal what it is told later; see `sealing`.
        rebuild: Whether it is built anew although there is an image of it.
        images: What it may take from the registry; None where no images are stored.
        needs_right: Whether its repository can be read only with a right, which it is given when it fetches.
    """

    binder_id: str
    provider: str
    url: str
    ref: str | None
    commit: str | None
    is_tip: bool
    path: str | None
    interface: str | None
    size: str
    token: str = field(repr=False)
    owner: str
    channel: str
    ends_at: float
    team: str = ""
    name: str = ""
    extra: str = ""
    without_conda: bool = False
    secret: str = field(default="", repr=False)
    rebuild: bool = False
    images: ImageAccess | None = None
    needs_right: bool = False


@dataclass(frozen=True, slots=True)
class ReportedImage:
    """The image that an instance is about to start, reported before it runs. Hostile input, bounded.

    Attributes:
        key: What decides what was built; see `bot.provisioning.agent.build_key`.
        id: `sha256:…` of its configuration, or an empty string where there are no images (uv).
        directory: The directory of the repository that was built; `.` for all of it.
        kind: What it was built with: `Dockerfile`, `conda`, `Python`, `R`, …; empty where that is unknown.
        how: `built` now, `pulled` from the registry, or `kept` on the machine since an earlier build.
    """

    key: str
    id: str = ""
    directory: str = "."
    kind: str = ""
    how: str = "built"


@dataclass(frozen=True, slots=True)
class Report:
    """The newest state that an instance reported, folded from its JSON lines. Hostile input, already bounded.

    Attributes:
        phase: The newest phase.
        fraction: Of the build, 0 to 1, or None where unknown.
        line: The last line of the build's log, at most 200 characters, no control characters.
        reason: One sentence where the phase is FAILED, else an empty string.
        code: What the agent calls the failure, such as `no-egress`; an empty string where it has no name.
        hint: What the owner can try where the phase is FAILED, else an empty string.
        log: The end of the build's log, at most 4,000 characters, no control characters but newlines.
        notes: What the owner should know although the launch goes on, one sentence each, the oldest first.
        kind: What it is built with (see `ReportedImage`), once the build tells; else an empty string.
        image: What it is about to start, or has started; None while that is not decided.
    """

    phase: Phase
    fraction: float | None = None
    line: str = ""
    reason: str = ""
    hint: str = ""
    log: str = ""
    code: str = ""
    notes: tuple[str, ...] = ()
    kind: str = ""
    image: ReportedImage | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """A size that people may choose.

    Attributes:
        key: What is typed after `--size`.
        label: What people read.
        price_per_hour: In the site's unit; 0 where nothing is charged.
        people: Slack ids of those who may use it beside the admins; None for everybody.
    """

    key: str
    label: str
    price_per_hour: float = 0.0
    people: frozenset[str] | None = None

    def is_for(self, person: str, admins: frozenset[str]) -> bool:
        """Whether that person may use it; admins may use all."""
        return self.people is None or person in self.people or person in admins


ResourceIds = Mapping[str, str]
"""Ids of everything that was made for a binder so far (`server`, `port`, `floating_ip`, …). They are saved in
its row the moment they exist, so that teardown finds everything whatever happened."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the cloud alone knows of one instance.

    Attributes:
        instance: As a survey shows it.
        resources: What was made for it, as `Cloud.create` and `Cloud.expose` return it.
        metadata: What was noted when it was made: `owner`, `team`, `channel`, `name`, `deadline` (ISO 8601),
            `size`, `provider`, `url`, …; any may be missing. `token` is the token's fingerprint.
    """

    instance: Instance
    resources: ResourceIds
    metadata: Mapping[str, str]
