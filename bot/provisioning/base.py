"""The `Cloud` protocol: what the bot needs of a place where instances live.

Each cloud is a folder beside this file, and is listed in `registry`. Whatever runs inside an instance reports
in one line of JSON per event, the same on every cloud (see `Report`).
"""

from typing import Protocol

from bot.errors import CloudError
from bot.provisioning.instances import Instance, InstanceSpec, Recovered, Report, ResourceIds, Size, Survey

MAX_LOG_BYTES = 1024 * 1024
"""Of a whole log, its end counts."""


class MinimalCloud:
    """A cloud without the optional abilities (shelving, recovery, waiting instances, …) inherits this."""

    can_shelve = False
    can_recover = False
    can_log_in = False
    keeps_images = False
    can_wait = False
    example_url = ""
    roots: str | None = None

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

    def read_log(self, _binder_id: str) -> bytes:
        """See `Cloud.read_log`."""
        return b""

    def free_places(self, _size: str) -> int | None:
        """See `Cloud.free_places`."""
        return None

    def vcpus(self, _size: str) -> int:
        """See `Cloud.vcpus`."""
        return 1

    def quota(self) -> str:
        """See `Cloud.quota`."""
        return ""

    def advice(self) -> list[str]:
        """See `Cloud.advice`."""
        return []

    def host_advice(self) -> list[str]:
        """See `Cloud.host_advice`."""
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
    example_url: str
    """What the links to its servers look like; empty where that cannot be said."""
    roots: str | None
    """The file with the certificates that vouch for its servers, as PEM; None for well-known ones."""

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

    def host_advice(self) -> list[str]:
        """Say what the operator should know of the bot's own host, a sentence each. No network is used."""

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

    def read_log(self, binder_id: str, /) -> bytes:
        """The end of everything that fetching, building and serving printed, also after the instance is gone.

        At most `MAX_LOG_BYTES`. Empty where the cloud has no more than what it reports. Raises CloudError.
        """
        ...

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

    def withdraw(self, binder_id: str, resources: ResourceIds, name: str, /) -> None:
        """Take back what was told under a name: nobody can read it afterwards. A repetition changes nothing.

        Args:
            binder_id: Names the instance.
            resources: What was made for it.
            name: See `instruct`.

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

    def vcpus(self, size: str, /) -> int:
        """How many vCPUs an instance of a size has; 1 where the cloud does not count them.

        Raises:
            CloudError: See `check`, or there is no such size.
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
