"""A cloud whose instances build and serve: the stand-in, with guests in it."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from bot.provisioning.baking import is_bake
from bot.provisioning.openstack.console import MARKER
from tests.integration.openstack.baking import Machines
from tests.integration.openstack.standin import Json, StandIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.soak.images import GuestImages

DOOMED = "doomed"
"""A path that begins so is one that cannot be built."""
BUILDS: tuple[Json, ...] = (
    {"phase": "booting"},
    {"phase": "fetching"},
    {"phase": "building", "fraction": 0.5, "message": "half of it"},
)
WAITS: tuple[Json, ...] = ({"phase": "booting"}, {"phase": "waiting"})
SERVES = (*BUILDS, {"phase": "serving", "fraction": 1.0})
FAILS = (*BUILDS, {"phase": "failed", "reason": "It cannot be built.", "code": "build"})
ADDRESS_PORT = "8888"

Moment = Literal["before", "after"]


class GuestCloud(StandIn):
    """The stand-in, and an agent and a server in each of its instances.

    A console has one line more whenever it is read. `on_call` hears of each request, before and after.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on_call: Callable[[Moment, str], None] = lambda _moment, _method: None
        self.agents: GuestImages | None = None
        """What the guests do with images; None where no image is kept."""
        self.orders: set[tuple[str, str]] = set()
        """Which server was told to serve which binder."""
        self._reads: Counter[str] = Counter()
        self._waited: dict[str, int] = {}
        self._images: dict[str, Json] = {}
        handler = type("Guests", (_Guests,), {"cloud": self})
        Machines(self)
        self._guests = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._guests_thread = threading.Thread(target=self._guests.serve_forever, args=(0.02,))

    @property
    def public_url(self) -> str:
        """Where all guests are reached: the form of `OPENSTACK_PUBLIC_URL`."""
        return f"http://127.0.0.1:{self._guests.server_address[1]}/{{address}}/{{port}}"

    def start(self) -> None:
        super().start()
        self._guests_thread.start()

    def stop(self) -> None:
        super().stop()
        self._guests.shutdown()
        self._guests_thread.join()
        self._guests.server_close()

    def answer(self, method: str, target: str, token: str | None, body: Json) -> tuple[int, str | Json, Json]:
        self.on_call("before", method)
        if method == "POST" and "binder-bot-order-00" in (body or {}).get("metadata", {}):
            self.orders.add((target, body["metadata"]["binder-id"]))
        try:
            return super().answer(method, target, token, body)
        finally:
            self._show_metadata(target)
            self.on_call("after", method)

    def _show_metadata(self, target: str) -> None:
        """Let the agent of a server see what was written into its metadata."""
        server = self.servers.get(target.rpartition("/servers/")[2].partition("/")[0])
        if self.agents is not None and target.endswith("/metadata") and server is not None:
            self.agents.hear(server)

    def unproven(self) -> list[str]:
        """The names of the images that were baked, and are not proven."""
        return [each["name"] for each in self.images if each.get("binder-bot-state") == "baking"]

    def serves(self, address: str) -> bool:
        """Whether the guest at a floating IP is up."""
        with self._lock:
            ports = {each["floating_ip_address"]: each["port_id"] for each in self.floating_ips.values()}
            server = self.servers.get(self.ports.get(ports.get(address) or "", {}).get("device_id", ""))
            return (
                server is not None and server["status"] == "ACTIVE" and self._told(server)[-1] == SERVES[-1]
            )

    def _act(self, server: Json, body: Json) -> Json:
        is_guest = not is_bake(server["name"].removeprefix("binder-"))
        if is_guest and "os-getConsoleOutput" in body and server["status"] == "ACTIVE":
            self._reads[server["id"]] += 1
            self._start_image(server)
            lines = (MARKER.decode() + json.dumps(event) for event in self._told(server))
            self.consoles[server["id"]] = "\n".join(lines) + "\n"
        return super()._act(server, body)

    def _start_image(self, server: Json) -> None:
        """Say, once, which image a server that has something to serve starts."""
        is_built = self._told(server)[-1] == BUILDS[-1] and not _is_doomed(server)
        if self.agents is not None and is_built and server["id"] not in self._images:
            self._images[server["id"]] = {"phase": "building", "image": self.agents.starts(server)}

    def _told(self, server: Json) -> tuple[Json, ...]:
        """What its agent has said so far."""
        reads = self._reads[server["id"]]
        if "binder-url" not in server["metadata"]:
            self._waited[server["id"]] = reads
            return WAITS[: max(reads, 1)]
        said = (FAILS if _is_doomed(server) else SERVES)[: max(reads - self._waited.get(server["id"], 0), 1)]
        image = self._images.get(server["id"])
        return said if image is None else (*said[: len(BUILDS)], image, *said[len(BUILDS) :])


def _is_doomed(server: Json) -> bool:
    return str(server["metadata"].get("binder-path", "")).startswith(DOOMED)


class _Guests(BaseHTTPRequestHandler):
    """Jupyter, as far as the bot looks at it, at /ADDRESS/PORT/…"""

    cloud: ClassVar[GuestCloud]
    pages: ClassVar[dict[str, Any]] = {
        "api": {"version": "2.17.0"},
        "api/status": {"last_activity": "2026-01-01T00:00:00Z", "connections": 0, "kernels": 0},
        "api/kernels": [],
        "api/terminals": [],
        "lab": {},
        "tree": {},
    }

    def do_GET(self) -> None:
        _, address, port, path = self.path.partition("?")[0].split("/", 3)
        page = self.pages.get(path)
        if port != ADDRESS_PORT or not self.cloud.serves(address):
            self._answer(502, {})
        elif page is None:
            self._answer(404, {})
        else:
            self._answer(200, page)

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # who asked was killed
            return

    def log_message(self, *_: object) -> None:
        pass
