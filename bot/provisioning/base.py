"""The `Cloud` protocol: what the bot needs of a place where instances live.

Each cloud is a folder beside this file, and is listed in `registry`. Whatever runs inside an instance reports
in one line of JSON per event, the same on every cloud (see `Report`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from bot.errors import CloudError
from bot.provisioning.agent.phases import Phase as Phase  # noqa: PLC0414 - a word of this protocol, too
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


class MinimalCloud:
    """A cloud without the optional abilities (shelving, recovery, waiting instances, …) inherits this."""

    can_shelve = False
    can_recover = False
    can_log_in = False
    keeps_images = False
    can_wait = False

    def shelve(self, _binder_id: str, _resources: ResourceIds) -> ResourceIds:
        """See `Cloud.shelve`."""
        raise CloudError("This cloud cannot shelve instances.")

    def unshelve(self, _resources: ResourceIds) -> None:
        """See `Cloud.unshelve`."""
        raise CloudError("This cloud cannot shelve instances, so there is none to resume.")

    def unshelve_failed(self, _resources: ResourceIds) -> bool:
        """See `Cloud.unshelve_failed`."""
        return False

    def recover(self) -> list[Recovered]:
        """See `Cloud.recover`."""
        raise CloudError("This cloud does not keep enough about its instances to recover a lost database.")

    def order(self, _resources: ResourceIds, _spec: InstanceSpec, _text: str) -> None:
        """See `Cloud.order`."""
        raise CloudError("Instances of this cloud cannot wait for an order.")

    def free_places(self, _size: str) -> int | None:
        """See `Cloud.free_places`."""
        return None

    def quota(self) -> str:
        """See `Cloud.quota`."""
        return ""

    def advice(self) -> list[str]:
        """See `Cloud.advice`."""
        return []

    def unproven_images(self) -> frozenset[str]:
        """See `Cloud.unproven_images`."""
        return frozenset()

    def close(self) -> None:
        """See `Cloud.close`."""


class Cloud(Protocol):
    """Where instances live. Every method may block for seconds and may be called from several threads.

    Every error that leaves an implementation is a `bot.errors.CloudError`; nothing else does. What every
    implementation has to do is tested by `tests/contract/cloud`.
    """

    name: str
    """What the operator wrote into CLOUD."""
    poll_seconds: float
    """How often an instance that is being made or built should be looked at."""
    attempt_seconds: float
    """How long after a `create` whose answer was lost its instance may still turn up in a survey."""
    sizes: tuple[Size, ...]
    """What people may choose; the first is the default."""
    can_shelve: bool
    """Whether instances can be shelved and resumed."""
    can_recover: bool
    """Whether `recover` knows enough to write the rows of a lost database again."""
    can_log_in: bool
    """Whether somebody can log in to an instance, and so find out why a build failed."""
    keeps_images: bool
    """Whether the next launch of a build runs on the machine that built it, and finds its image there."""
    can_wait: bool
    """Whether an instance can be made without a repository, wait, and be told later what to serve."""

    def check(self) -> list[str]:
        """Say what the operator has to change before this cloud can work, a sentence each.

        Raises:
            CloudError: It does not answer, or refuses the credentials.
        """

    def quota(self) -> str:
        """How much of the project's quota is used, in words; an empty string where the cloud has no quota.

        Raises:
            CloudError: See `check`.
        """

    def advice(self) -> list[str]:
        """Say what the operator should do soon, although this cloud works, a sentence each.

        Raises:
            CloudError: See `check`.
        """

    def close(self) -> None:
        """Close the connections to the cloud."""

    def survey(self) -> Survey:
        """List everything of this deployment. The number of calls does not depend on the number of binders.

        Raises:
            CloudUnreachable: Nothing may be concluded about any binder.
        """

    def create(self, spec: InstanceSpec, /) -> ResourceIds:
        """Start making the instance named `binder-<id>`; returns at once with the ids that exist so far.

        Called at most once for each recorded attempt. Where the cloud shows an instance of that name already,
        it is adopted. Two may be made where it does not show yet: `prune` then leaves one.

        Raises:
            CannotBuild: It will never work.
            NoCapacity: There is no room for this size now.
            QuotaExceeded: The project's limit is reached.
            CloudError: The cloud refused for another reason, or the binder's id is not one.
            CloudUnreachable: It may or may not have been made.
        """

    def expose(self, binder_id: str, resources: ResourceIds, /) -> ResourceIds:
        """Take one step towards an address that people reach; returns all ids, to be saved.

        Unchanged ids mean that no step is due.

        Raises:
            CloudError: See `create`.
        """

    def shelve(self, binder_id: str, resources: ResourceIds, /) -> ResourceIds:
        """Take one idempotent step of shelving an instance and releasing its address; returns all ids.

        Only where `can_shelve`.

        Raises:
            CloudError: See `create`.
        """

    def unshelve(self, resources: ResourceIds, /) -> None:
        """Ask for a shelved instance to be resumed; an instance that is not shelved is left as it is.

        Raises:
            NoCapacity: No host has room for it now.
            CloudError: See `create`.
        """

    def unshelve_failed(self, resources: ResourceIds, /) -> bool:
        """Whether the last thing that was done to an instance was an attempt to resume it, which failed.

        Raises:
            CloudError: See `create`.
        """

    def report(self, instance: Instance, /) -> Report | None:
        """Read what the inside of the instance reported last.

        Returns:
            None while it has reported nothing, and where there is no such instance.

        Raises:
            CloudUnreachable: It could not be read this time.
        """

    def mark_end(self, resources: ResourceIds, ends_at: float, /) -> None:
        """Note at the instance when its binder ends, in Unix seconds UTC; surveys show it from then on.

        Does nothing on a cloud whose surveys do not show it.

        Raises:
            CloudError: See `create`.
        """

    def instruct(self, binder_id: str, resources: ResourceIds, name: str, text: str, /) -> None:
        """Leave a text for the agent in an instance, which finds it by its name. A later one replaces it.

        Others can read it, so it is sealed (see `bot.provisioning.agent.sealing`). It has at most 8,000
        characters of ASCII, without white space.

        Args:
            binder_id: Names the instance.
            resources: What was made for it.
            name: Small letters; what it is for.
            text: What to tell it.

        Raises:
            CloudError: See `create`.
        """

    def order(self, resources: ResourceIds, spec: InstanceSpec, text: str, /) -> None:
        """Give an instance that waits its order, and note whose it is now. A repetition changes nothing.

        Only where `can_wait`.

        Args:
            resources: What was made for the instance.
            spec: The binder that took it; `binder_id` is the binder's own, not that of the instance.
            text: The sealed order, which the agent finds by the name `order`; see `instruct`.

        Raises:
            CloudError: See `create`.
        """

    def free_places(self, size: str, /) -> int | None:
        """How many more instances of a size the quota allows; None where that is not known, or unlimited.

        The number of calls does not depend on the number of instances.

        Raises:
            CloudError: See `check`.
        """

    def prune(self, binder_id: str, keep: str, /) -> None:
        """Delete every instance of a binder but the one of this ref.

        Raises:
            CloudError: Some may be left; call again later.
        """

    def remove(self, binder_id: str, resources: ResourceIds, /) -> bool:
        """Take one idempotent step of tearing down everything of that binder.

        The ids help to find what a survey does not show yet; everything else is found by the binder's id.

        Returns:
            Whether nothing is left.

        Raises:
            CloudError: The step failed; call again later.
        """

    def unproven_images(self) -> frozenset[str]:
        """The ids of bakes that have an image which is not proven (see `baking`); may be minutes old.

        `remove` deletes such images with everything else of that id.

        Raises:
            CloudError: See `create`.
        """

    def recover(self) -> list[Recovered]:
        """Tell all that is known of every instance of this deployment, the oldest first.

        Only where `can_recover`.

        Raises:
            CloudError: See `survey`.
        """
