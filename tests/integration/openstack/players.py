"""Plays the guests of tests/openstack/cloud while you try the bot by hand; no hypervisor runs there.

    tests/openstack/cloud/with python -m tests.integration.openstack.players

Every server that is told to launch something reports that it builds and serves, and answers at its floating
IP as Jupyter does: with pages that are empty. Ctrl-C ends it.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

from bot.provisioning.openstack.api import Api, region_of_environment
from tests.integration.openstack.baking import told
from tests.integration.openstack.plane import ADMIN, Guest, plays_guests

PORT = 8888
LOOK_SECONDS = 1.0


def main() -> int:
    """Play until it is interrupted."""
    if not plays_guests():
        sys.stderr.write("This needs tests/openstack/cloud without a hypervisor: run it by its `with`.\n")
        return 1
    api, played = Api(lambda: region_of_environment(ADMIN)), set[str]()
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        while True:
            for server in _with_address(api, played):
                played.add(server["id"])
                stack.enter_context(_play(server))
                sys.stdout.write(f"{server['name']} serves at {_address(server)}:{PORT}\n")
                sys.stdout.flush()
            time.sleep(LOOK_SECONDS)
    return 0


def _with_address(api: Api, played: set[str]) -> Iterator[Any]:
    """The servers that have an address, and that nobody plays yet."""
    answer = api.call("compute", "GET", "/servers/detail?all_tenants=1", "list the servers")
    for server in answer["servers"]:
        if server["id"] not in played and server["status"] == "ACTIVE" and _address(server):
            yield server


def _address(server: Any) -> str:
    given = [each for network in server["addresses"].values() for each in network]
    return next((str(each["addr"]) for each in given if each["OS-EXT-IPS:type"] == "floating"), "")


def _play(server: Any) -> Any:
    task = told(server["OS-EXT-SRV-ATTR:user_data"])
    guest = Guest(server["id"], f"http://{_address(server)}:{PORT}", task["task"]["token"])
    for phase in ("building", "serving"):
        guest.says(phase=phase)
    return guest.serves()


if __name__ == "__main__":
    sys.exit(main())
