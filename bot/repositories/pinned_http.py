"""One GET request of our own, to pinned addresses, with an end.

Not by `requests`: its timeouts begin anew with each byte that arrives, so a host that drips would be heard
out for ever. Here the socket itself is cut at the deadline.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from bot.errors import RepositoryUnreachable
from bot.repositories.addresses import Pin
from bot.sentences import Sentence

_MAX_ANSWER: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered: the status, where a redirect leads, and the beginning of the body."""

    status: int
    location: str
    body: bytes


def get(url: str, pin: Pin, deadline: float) -> Answer:
    """GET a URL at the pinned addresses. Follows nothing, and reads no more than 64 kB.

    Raises:
        RepositoryUnreachable: There was no answer in time.
    """
    parts = urlsplit(url)
    headers = {"Host": parts.netloc, "User-Agent": "git/binder-bot"}
    try:
        with _connected(parts, pin, deadline) as connection:
            connection.request("GET", parts._replace(scheme="", netloc="").geturl(), headers=headers)
            response = connection.getresponse()
            body = response.read(_MAX_ANSWER)
            return Answer(response.status, response.headers.get("Location", ""), body)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RepositoryUnreachable(Sentence("{host} did not answer.", host=pin.host)) from error


@contextmanager
def _connected(parts: SplitResult, pin: Pin, deadline: float) -> Iterator[http.client.HTTPConnection]:
    """A connection that is cut at the deadline, however slowly the other side drips."""
    remaining = max(0.1, deadline - time.monotonic())
    raw = _connect(pin, remaining)
    cut = threading.Timer(remaining, _shut, [raw])
    cut.daemon = True
    cut.start()
    connection = http.client.HTTPConnection(pin.host, pin.port, timeout=remaining)
    try:
        secure = parts.scheme == "https"
        context = ssl.create_default_context() if secure else None
        connection.sock = context.wrap_socket(raw, server_hostname=pin.host) if context else raw
        yield connection
    finally:
        cut.cancel()
        connection.close()
        raw.close()


def _connect(pin: Pin, timeout: float) -> socket.socket:
    for address in pin.addresses[:-1]:
        try:
            return socket.create_connection((address, pin.port), timeout=timeout / len(pin.addresses))
        except OSError:
            continue
    return socket.create_connection((pin.addresses[-1], pin.port), timeout=timeout / len(pin.addresses))


def _shut(raw: socket.socket) -> None:
    try:
        raw.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already
