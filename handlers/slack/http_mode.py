"""HTTP mode: Slack sends its requests to this server, through a reverse proxy.

waitress reads a whole request before a thread has to do with it. So slow clients take no thread, only a
connection, and that for a bounded time.
"""

import logging
import socket
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, cast
from wsgiref.types import WSGIApplication

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, create_server

MOST_BODY_BYTES = 1024 * 1024
"""Slack's largest: a click on a message of 50 blocks, or a form with that much in it."""
MOST_HEADER_BYTES = 16 * 1024
REQUEST_SECONDS = 10.0
"""So long may a request take to arrive, from the beginning of its connection or of its first line."""
IDLE_SECONDS = 75.0
"""So long a proxy may keep a connection for its next request: a little longer than the minute of most."""
MOST_CONNECTIONS = 1_000
_THREADS = 8
_PARTIAL_SECONDS = 1.0
"""So long the rest of a request is waited for at the end; Slack's arrive in one piece."""


class _BoundedChannel(HTTPChannel):
    """A connection whose requests must arrive in time, also if they come letter by letter.

    waitress closes a connection whose `last_activity` is `IDLE_SECONDS` ago, and each letter counts as
    activity. So this sets it to what makes it end `REQUEST_SECONDS` after the request began.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._begun: float | None = time.time()
        self._bound(self._begun)

    def handle_read(self) -> None:
        super().handle_read()
        if self.request is None:  # a whole one has arrived
            self._begun = None
            return
        self._begun = self._begun or time.time()
        self._bound(self._begun)

    def _bound(self, begun: float) -> None:
        self.last_activity = begun - IDLE_SECONDS + REQUEST_SECONDS


class HttpServer:
    """Serves a WSGI application in threads of its own.

    Args:
        application: What answers.
        address: The address of this machine on which it listens.
        port: The port; 0 takes a free one.
    """

    def __init__(self, application: WSGIApplication, address: str, port: int) -> None:
        self._application = application
        self._address = address
        self._port = port
        self._sockets: dict[int, Any] = {}
        self._server: TcpWSGIServer | None = None
        self._stop_asked = Event()
        self._stopped_at = 0.0
        self._thread = Thread(target=self._serve, name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port on which it listens, or will."""
        return int(self._server.getsockname()[1]) if self._server else self._port

    @property
    def problem(self) -> str:
        """Why commands do not arrive; empty where they do, as far as is known here."""
        return "" if self._thread.is_alive() else f"the bot does not listen on port {self._port}"

    def connect(self) -> None:
        """Listen and answer; OSError where the port is taken."""
        # A full queue is no news: each request that waits for a thread would be logged.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        # Bound here: waitress starts its threads first, and leaves them where the port is taken.
        listening = socket.create_server(
            (self._address, self._port), family=socket.AF_INET6 if ":" in self._address else socket.AF_INET
        )
        self._server = cast(
            "TcpWSGIServer",
            create_server(
                self._application,
                map=self._sockets,
                sockets=[listening],
                threads=_THREADS,
                ident=None,
                max_request_body_size=MOST_BODY_BYTES,
                inbuf_overflow=2 * MOST_BODY_BYTES,  # no body is written to a disk
                max_request_header_size=MOST_HEADER_BYTES,
                channel_timeout=IDLE_SECONDS,
                cleanup_interval=1,
                connection_limit=MOST_CONNECTIONS,
                asyncore_use_poll=True,  # `select` takes 1024 files at most
                clear_untrusted_proxy_headers=True,
            ),
        )
        self._server.channel_class = _BoundedChannel
        self._thread.start()

    def finish(self) -> None:
        """Take no more requests, and wait until those that have arrived are answered."""
        self._stopped_at = self._stopped_at or time.monotonic()
        self._stop_asked.set()
        if self._server and self._thread.is_alive():
            self._server.pull_trigger()
            self._thread.join()

    def close(self) -> None:
        """End in the same way: nothing is cut off."""
        self.finish()

    def _serve(self) -> None:
        assert self._server  # noqa: S101 - `connect` starts this
        self._poll_until(self._stop_asked.is_set)
        wasyncore.dispatcher.close(self._server)  # the listening socket alone
        self._poll_until(lambda: not any(self._is_busy(each) for each in self._channels()))
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._sockets)

    def _poll_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            wasyncore.loop(timeout=0.2, use_poll=True, map=self._sockets, count=1)

    def _channels(self) -> list[HTTPChannel]:
        return [each for each in self._sockets.values() if isinstance(each, HTTPChannel)]

    def _is_busy(self, channel: HTTPChannel) -> bool:
        if channel.requests or channel.total_outbufs_len:
            return True
        return channel.request is not None and time.monotonic() < self._stopped_at + _PARTIAL_SECONDS
