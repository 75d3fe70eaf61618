"""How the process ends: it waits for a signal, and then for work in progress, but not for ever."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from time import monotonic


@contextmanager
def caught(*signals: signal.Signals) -> Iterator[Callable[[], object]]:
    """Catch signals in a block.

    Yields:
        What waits for one of them; it returns at once for a signal that came earlier in the block.
    """
    # Not an Event that a handler sets: where the signal comes while the main thread is about to wait, that
    # thread holds the event's lock, and waits for itself for ever.
    reader, writer = socket.socketpair()
    writer.settimeout(0)
    with reader, writer:
        wakeup = signal.set_wakeup_fd(writer.fileno())
        handlers = {number: signal.signal(number, lambda *_: None) for number in signals}
        try:
            yield lambda: reader.recv(1)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)


def finished_within(seconds: float, *works: Callable[[], None]) -> bool:
    """Run functions at the same time, for so many seconds at most; whether all of them have returned."""
    deadline = monotonic() + seconds
    threads = [Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline - monotonic(), 0.0))
    return not any(thread.is_alive() for thread in threads)
