"""The interfaces that a running server really offers, and where each opens what was asked for.

Each was probed: a link that answers 404 is never posted. Interfaces behind jupyter-server-proxy are taken
from its list, since asking for their pages would start them.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from bot.errors import ServerError
from bot.interfaces.catalogue import INTERFACES, Interface, Opened


class PageProbe(Protocol):
    """What has to be asked of a running server; `bot.jupyter.client.JupyterServer` can be asked it."""

    def answers(self, path: str) -> bool:
        """Whether a page is there."""

    def kind_of(self, path: str) -> str | None:
        """What lies at a path of its files."""

    def proxied(self) -> frozenset[str]:
        """The names that are registered with jupyter-server-proxy."""

    def collaborates(self) -> bool | None:
        """Whether two people in one notebook see each other's changes; None if it does not tell."""


@dataclass(frozen=True, slots=True)
class InterfaceLink:
    """An interface that answered, and where.

    Attributes:
        kind: The interface's key, or `custom` for a page that was asked for by its path.
        label: What people call it.
        path: Relative to the server's base URL; holds no token.
    """

    kind: str
    label: str
    path: str

    def as_row(self) -> dict[str, Any]:
        """Its form in a binder's row."""
        return asdict(self)


def discover(server: PageProbe, *, path: str | None, wanted: str | None) -> list[InterfaceLink]:
    """Find what answers, the interface that was asked for first.

    Args:
        server: A server whose `/api` answered.
        path: What was asked to be opened; where the server has no such file (the environment was built from
            that very folder, so it became the root), its root is opened.
        wanted: The key of an interface, or a path that begins with `/`, or None.
    """
    opened = _opened(server, path)
    registered = server.proxied()
    pages = [(each, _page(server, each, registered)) for each in INTERFACES]
    found = [InterfaceLink(each.key, each.label, each.opens(page, opened)) for each, page in pages if page]
    return _wanted_first(found + _custom(server, wanted), wanted)


def _page(server: PageProbe, interface: Interface, registered: Collection[str]) -> str:
    """Where the interface's page is; empty where it is not installed."""
    if interface.page:
        return interface.page if _answers(server, interface.page) else ""
    return next((page for name, page in interface.proxies.items() if name in registered), "")


def _opened(server: PageProbe, path: str | None) -> Opened:
    if not path:
        return Opened()
    try:
        kind = server.kind_of(path)
    except ServerError:
        return Opened()
    return Opened(path, kind) if kind else Opened()


def _answers(server: PageProbe, path: str) -> bool:
    try:
        return server.answers(path)
    except ServerError:
        return False


def _custom(server: PageProbe, wanted: str | None) -> list[InterfaceLink]:
    if not wanted or not wanted.startswith("/"):
        return []
    path = wanted.lstrip("/")
    return [InterfaceLink("custom", path.split("?")[0].rstrip("/"), path)] if _answers(server, path) else []


def _wanted_first(found: Iterable[InterfaceLink], wanted: str | None) -> list[InterfaceLink]:
    kind = "custom" if wanted and wanted.startswith("/") else wanted
    return sorted(found, key=lambda each: each.kind != kind)
