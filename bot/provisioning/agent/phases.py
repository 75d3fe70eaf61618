"""How far the inside of an instance says it is."""

from enum import Enum


class Phase(str, Enum):
    """A phase of a launch, as it stands in a report."""

    WAITING = "waiting"
    """A warm instance is ready for its order."""
    BOOTING = "booting"
    """The agent prepares the machine: network, tools."""
    FETCHING = "fetching"
    """The repository is being cloned."""
    PULLING = "pulling"
    """A stored image is being fetched, instead of building it."""
    BUILDING = "building"
    """The environment is being built."""
    STARTING = "starting"
    """The server is being started."""
    SERVING = "serving"
    """The agent saw the server answer."""
    FAILED = "failed"
    """It will not get further; `reason` says why."""

    def __str__(self) -> str:
        return str(self.value)
