"""Tells in the terminal what appears in the workspace while a repository is launched."""

import re
import time
from collections.abc import Iterator
from typing import Any

from workspace.hands import Person, Snapshot, links, plain

LAUNCH_SECONDS = 3600.0
LOOK_SECONDS = 20.0
"""How long one look waits for something new."""
_PERSON = re.compile(r"@([UW][A-Z0-9]+)")
_MARKUP = re.compile(r":[a-z_]+: |[*`]")
_PASSING = re.compile(r"\s*[○⏳]|.* so far$")
"""Lines that are worth reading on a page, which replaces them; in a terminal they would pile up."""


class Narrator:
    """Follows what one person sees from now on, until their launch is ready or has failed."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._version = person.look().version
        self._began = time.monotonic()
        self._told: dict[str, set[str]] = {}

    def follow(self) -> bool:
        """Return whether links arrived; False where the launch failed, or was refused."""
        deadline = self._began + LAUNCH_SECONDS
        while time.monotonic() < deadline:
            seen = self._person.look(self._version, seconds=LOOK_SECONDS)
            self._version = seen.version
            found = list(own_links(seen))
            if found:
                _print_links(found)
                return True
            self._tell(seen)
            if is_over(seen):
                print("\nThe launch did not succeed.\n", flush=True)
                return False
        return False

    def _tell(self, seen: Snapshot) -> None:
        """Print the lines that are new: the status message is edited in place, line by line."""
        for message in seen.everything():
            told = self._told.setdefault(message["ts"], set())
            fresh = [line for line in terminal_lines(message, seen) if line not in told]
            told.update(fresh)
            for line in fresh:
                print(f"  {clock(time.monotonic() - self._began)}  {line}", flush=True)


def clock(seconds: float) -> str:
    """Minutes and seconds, right-aligned: ` 1:05`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:2}:{rest:02}"


def terminal_lines(message: dict[str, Any], seen: Snapshot) -> Iterator[str]:
    """The lines of a message as a terminal shows them: no markup, no buttons, people by their names."""
    names = {user["id"]: user["real_name"] for user in seen.state["users"].values()}
    for line in plain(message).splitlines():
        named = _PERSON.sub(lambda found: names.get(found[1], found[0]), line)
        shown = _MARKUP.sub("", named).rstrip()
        if shown and not shown.startswith("[") and not _PASSING.match(shown):
            yield shown


def own_links(seen: Snapshot) -> Iterator[tuple[str, str]]:
    """The one-click links, (label, URL) each, which only their owner is shown."""
    for message in seen.ephemerals():
        yield from (link for link in links(message) if "token=" in link[1])


def is_over(seen: Snapshot) -> bool:
    """Whether the launch was refused, or failed."""
    return bool(seen.ephemerals()) or any("[Try again]" in plain(each) for each in seen.everything())


def _print_links(found: list[tuple[str, str]]) -> None:
    width = max(len(label) for label, _ in found)
    print("\nReady. Open one of these links in your browser:\n")
    for label, url in found:
        print(f"  {label:<{width}}  {url}")
    print(flush=True)
