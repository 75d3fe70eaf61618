"""Reading the consoles of servers, which hosts are asked for."""

import threading

from bot.errors import CloudUnreachable
from bot.provisioning.openstack.api import Api

_LIMIT = 100 * 1024
"""How many characters of a console are read: as many as Nova keeps."""
_AT_ONCE = 3
"""How many consoles are read at the same time: each is a costly call, because Nova asks the host."""
_SECONDS = 10.0
"""How long a host may take to answer. Hosts that hang must not keep all of the bot's workers waiting."""
_WAIT_SECONDS = 2.0
"""How long to wait while other consoles are read; after that, the next look at the instance tries again."""


class Consoles:
    """Reads consoles, few at a time.

    Args:
        api: The cloud.
        lines: How many lines of each are read at most.
    """

    def __init__(self, api: Api, lines: int) -> None:
        self._api = api
        self._lines = lines
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def read(self, server: str) -> str:
        """The end of a server's console.

        Raises:
            CloudUnreachable: It could not be read this time.
            CloudError: There is no such console, yet or any more.
        """
        if not self._places.acquire(timeout=_WAIT_SECONDS):
            raise CloudUnreachable("Too many consoles are being read at the moment. This one is read later.")
        try:
            return self._read(server)
        finally:
            self._places.release()

    def _read(self, server: str) -> str:
        path, body = f"/servers/{server}/action", {"os-getConsoleOutput": {"length": self._lines}}
        answer = self._api.call("compute", "POST", path, "read the console", body=body, seconds=_SECONDS)
        return str(answer.get("output") or "")[-_LIMIT:]
