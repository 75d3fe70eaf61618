"""Pages for a monitor: is the process alive, does it do its work, and what does it measure?"""

import json
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from bot.metrics import CONTENT_TYPE

Problems = Callable[[], dict[str, Any]]
"""Says what is wrong, by name; empty where nothing is."""


class HealthServer:
    """Serves `/healthz` (it answers), `/readyz` (503 and what is wrong, if anything is) and `/metrics`.

    Args:
        address: The address of this machine on which it listens.
        port: The port; 0 takes a free one.
        problems: Called at each request of `/readyz`.
        metrics: Makes the text of `/metrics`, at each request.
    """

    def __init__(self, address: str, port: int, problems: Problems, metrics: Callable[[], bytes]) -> None:
        self._server = ThreadingHTTPServer((address, port), _handler(problems, metrics))
        self._thread = Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self._server.server_port

    def start(self) -> None:
        """Start answering."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(problems: Problems, metrics: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(HTTPStatus.OK, {"alive": True})
            elif self.path == "/readyz":
                found = problems()
                status = HTTPStatus.SERVICE_UNAVAILABLE if found else HTTPStatus.OK
                self._answer(status, {"ready": not found, "problems": found})
            elif self.path == "/metrics":
                self._send(HTTPStatus.OK, CONTENT_TYPE, metrics())
            else:
                self._answer(HTTPStatus.NOT_FOUND, {})

        def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
            self._send(status, "application/json", json.dumps(body).encode())

        def _send(self, status: HTTPStatus, content_type: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing: a monitor asks every few seconds."""

    return Handler
