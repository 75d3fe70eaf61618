"""What the executor can do for a binder, and what it reports afterwards. Pure.

An action names one call to the outside. Its result says how the call went, and nothing about the binder's
status: `bot.binders.transitions` decides what follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import CloudError, ResolveError
from bot.interfaces.discovery import InterfaceLink


@dataclass(frozen=True, slots=True)
class Resolve:
    """Look the repository up. Gives `RepositoryFound`."""


@dataclass(frozen=True, slots=True)
class Create:
    """Take a warm instance; or record the attempt, then have one made.

    Gives `WarmTaken`, `StepTaken`, or `Superseded`.
    """


@dataclass(frozen=True, slots=True)
class Order:
    """Tell a warm instance that was taken what to serve. Gives `Done`."""


@dataclass(frozen=True, slots=True)
class GiveRight:
    """Leave the right to read its repository for an instance that waits for it. Gives `Done`."""


@dataclass(frozen=True, slots=True)
class WithdrawRight:
    """Take back what `GiveRight` left. Gives `Done`."""


@dataclass(frozen=True, slots=True)
class Expose:
    """Take a step towards an address. Gives `StepTaken`."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Find the interfaces that answer at this URL. Gives `InterfacesFound`."""

    url: str


@dataclass(frozen=True, slots=True)
class Shelve:
    """Take a step of shelving the instance. Gives `StepTaken`."""


@dataclass(frozen=True, slots=True)
class Unshelve:
    """Ask for the instance back, or find out what became of asking. Gives `UnshelveAsked`."""


@dataclass(frozen=True, slots=True)
class MarkEnd:
    """Mark the instance with its binder's end; look again in `next_in` seconds. Gives `Done`."""

    next_in: float


@dataclass(frozen=True, slots=True)
class Prune:
    """Delete every instance but this one: a lost reply may have left a twin. Gives `Done`."""

    keep: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a step of teardown. Gives `Removed`."""


Action = (
    Resolve
    | Create
    | Order
    | GiveRight
    | WithdrawRight
    | Expose
    | Announce
    | Shelve
    | Unshelve
    | MarkEnd
    | Prune
    | Remove
)


@dataclass(frozen=True, slots=True)
class RepositoryFound:
    """What the repository means at this moment: see `bot.repositories.resolve.Resolved`."""

    commit: str | None
    is_tip: bool
    ref: str | None
    path: str | None
    needs_right: bool = False


@dataclass(frozen=True, slots=True)
class StepTaken:
    """The cloud took a step; these are the ids of everything that exists for the binder now."""

    resource_ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class WarmTaken:
    """A warm instance is this binder's now, and its row says so already."""


@dataclass(frozen=True, slots=True)
class InterfacesFound:
    """These interfaces answered, the one that was asked for first; may be none.

    Attributes:
        links: The interfaces.
        collaborates: Whether two people in one notebook see each other's changes; None if nothing told.
    """

    links: tuple[InterfaceLink, ...]
    collaborates: bool | None = None


@dataclass(frozen=True, slots=True)
class UnshelveAsked:
    """The instance was asked for; `is_lost` where the cloud tried already, and could not give it back."""

    is_lost: bool


@dataclass(frozen=True, slots=True)
class Removed:
    """A step of teardown was taken."""

    nothing_left: bool


@dataclass(frozen=True, slots=True)
class Done:
    """It was done, and there is nothing to say about it."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """Nothing was done: a person changed the row in the meantime."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not work, for this reason."""

    error: CloudError | ResolveError


Result = (
    RepositoryFound
    | StepTaken
    | WarmTaken
    | InterfacesFound
    | UnshelveAsked
    | Removed
    | Done
    | Superseded
    | Failed
)
