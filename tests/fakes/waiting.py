"""Waits for what happens in another thread or process, and finds a port for it to listen on."""

import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    look: Callable[[], T | None], seconds: float = 60.0, why: Callable[[], str] = lambda: "it never happened"
) -> T:
    """Look again and again until what is found is true, and return it.

    Args:
        look: What is waited for.
        seconds: For how long.
        why: Asked for the words of the failure, such as a log.

    Raises:
        AssertionError: It does not become true in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, why()
        time.sleep(0.02)
    return found


def free_port(address: str = "127.0.0.1") -> int:
    """A port of an address of this machine on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
