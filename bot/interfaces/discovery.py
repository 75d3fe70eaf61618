"""The interfaces that a running server really offers, and where each opens what was asked for.

What is listed here was probed: a link that answers 404 is never posted. Interfaces behind
jupyter-server-proxy are taken from its list, since asking for their pages would start them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import quote

from bot.errors import ServerError


class Server(Protocol):
    """What has to be asked of a running server; `bot.jupyter.client.JupyterServer` is one."""

    def answers(self, path: str) -> bool:
        """Whether a page is there."""

    def kind_of(self, path: str) -> str | None:
        """What lies at a path of its files."""

    def proxied(self) -> frozenset[str]:
        """The names behind jupyter-server-proxy."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the interfaces should open: a path of the server's files and its kind; None for its root."""

    path: str | None = None
    kind: str | None = None

    @property
    def quoted(self) -> str:
        """The path as it goes into a URL."""
        return quote(self.path or "")


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface that answered.

    Attributes:
        kind: `lab`, `notebook`, `rstudio`, …, or `custom` for a page that was asked for by its path.
        label: What people call it.
        path: Relative to the server's base URL; holds no token.
    """

    kind: str
    label: str
    path: str

    def as_row(self) -> dict[str, Any]:
        """Its form in a binder's row."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Page:
    """How one interface is found (a page that answers, or a name in the proxy's list), and where it opens."""

    label: str
    opens: Callable[[Opened], str]
    probe: str | None = None


def _lab(opened: Opened) -> str:
    return f"lab/tree/{opened.quoted}" if opened.path else "lab"


def _notebook(opened: Opened) -> str:
    views = {"directory": "tree", "notebook": "notebooks", "file": "edit"}
    return f"{views[opened.kind]}/{opened.quoted}" if opened.path and opened.kind else "tree"


def _classic(opened: Opened) -> str:
    return f"nbclassic/{_notebook(opened)}"


def _shiny(opened: Opened) -> str:
    # A Shiny app is a folder, and its page needs the trailing slash.
    return f"shiny/{opened.quoted}/" if opened.kind == "directory" else "shiny/"


def _voila(opened: Opened) -> str:
    return f"voila/render/{opened.quoted}" if opened.kind == "notebook" else "voila"


def _nteract(opened: Opened) -> str:
    return f"nteract/edit/{opened.quoted}" if opened.kind == "notebook" else "nteract"


PAGES: Mapping[str, _Page] = {
    "lab": _Page("JupyterLab", _lab, probe="lab"),
    "notebook": _Page("Notebook", _notebook, probe="tree"),
    "rstudio": _Page("RStudio", lambda _: "rstudio/"),
    "shiny": _Page("Shiny", _shiny),
    "nteract": _Page("nteract", _nteract, probe="nteract"),
    "voila": _Page("Voilà", _voila, probe="voila"),
    "nbclassic": _Page("Classic Notebook", _classic, probe="nbclassic/tree"),
    "desktop": _Page("Desktop", lambda _: "desktop/"),
    "vscode": _Page("VS Code", lambda _: "vscode/"),
}
"""In the order in which they are offered. Without a `probe`, one is looked for in the proxy's list."""


def label(interface: str) -> str:
    """What people call an interface that was asked for."""
    return PAGES[interface].label if interface in PAGES else f"“{interface}”"


def discover(server: Server, *, path: str | None, wanted: str | None) -> list[Interface]:
    """Find what answers, the interface that was asked for first.

    Args:
        server: A server whose `/api` answered.
        path: What was asked to be opened; where the server has no such file (the environment was built from
            that very folder, so it became the root), its root is opened.
        wanted: A key of `PAGES`, or a path that begins with `/`, or None.
    """
    opened = _opened(server, path)
    proxied = server.proxied()
    found = [
        Interface(kind, page.label, page.opens(opened))
        for kind, page in PAGES.items()
        if (kind in proxied if page.probe is None else _answers(server, page.probe))
    ]
    return _wanted_first(found + _custom(server, wanted), wanted)


def _opened(server: Server, path: str | None) -> Opened:
    if not path:
        return Opened()
    try:
        kind = server.kind_of(path)
    except ServerError:
        return Opened()
    return Opened(path, kind) if kind else Opened()


def _answers(server: Server, path: str) -> bool:
    try:
        return server.answers(path)
    except ServerError:
        return False


def _custom(server: Server, wanted: str | None) -> list[Interface]:
    if not wanted or not wanted.startswith("/"):
        return []
    path = wanted.lstrip("/")
    return [Interface("custom", path.split("?")[0].rstrip("/"), path)] if _answers(server, path) else []


def _wanted_first(found: Iterable[Interface], wanted: str | None) -> list[Interface]:
    kind = "custom" if wanted and wanted.startswith("/") else wanted
    return sorted(found, key=lambda each: each.kind != kind)
