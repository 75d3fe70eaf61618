"""Every interface that the bot knows, as one record each: to add one, add its record to `INTERFACES`. Pure.

The record says what people type, which launch links mean it, how it is found on a running server, where it
opens a file, and which package brings it. Nothing else in the bot names an interface.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Opened:
    """What the interfaces should open: a path of the server's files and its kind; None for its root."""

    path: str | None = None
    kind: str | None = None

    @property
    def quoted(self) -> str:
        """The path as it goes into a URL."""
        return quote(self.path or "")


def _front_page(page: str, _: Opened) -> str:
    return page


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface.

    Attributes:
        key: Its name in commands, rows and instances.
        label: What people call it.
        aliases: What people type instead of the key, in lower case.
        link: Matches the `urlpath` of launch links that mean it, without query; the first group is the path
            that the link opens, if any.
        page: The page that answers where it is installed; empty for one behind jupyter-server-proxy.
        proxies: Where its page is, by each name under which it is registered with jupyter-server-proxy.
        opens: Its page, and what should be opened -> the path of the link, relative to the server's base URL.
        package: The Python package that is added to the environment when the interface is asked for; empty
            where Jupyter brings it, or where only the repository can.
    """

    key: str
    label: str
    link: re.Pattern[str]
    aliases: tuple[str, ...] = ()
    page: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict)
    opens: Callable[[str, Opened], str] = _front_page
    package: str = ""


def _opens_in_lab(page: str, opened: Opened) -> str:
    return f"{page}/tree/{opened.quoted}" if opened.path else page


def _opens_in_notebook(page: str, opened: Opened) -> str:
    views = {"directory": "tree", "notebook": "notebooks", "file": "edit"}
    if not opened.path or opened.kind not in views:
        return page
    return f"{page.removesuffix('tree')}{views[opened.kind]}/{opened.quoted}"


def _opens_in_shiny(page: str, opened: Opened) -> str:
    # A Shiny app is a folder, and its page needs the trailing slash.
    return f"{page}{opened.quoted}/" if opened.kind == "directory" else page


def _opens_in_voila(page: str, opened: Opened) -> str:
    return f"{page}/render/{opened.quoted}" if opened.kind == "notebook" else page


def _opens_in_nteract(page: str, opened: Opened) -> str:
    return f"{page}/edit/{opened.quoted}" if opened.kind == "notebook" else page


INTERFACES = (
    Interface(
        key="lab",
        label="JupyterLab",
        aliases=("jupyterlab", "jupyter-lab", "jlab"),
        link=re.compile(r"(?:lab|doc)(?:/workspaces/[^/]+)?(?:/tree(?:/(.*))?)?/?"),
        page="lab",
        opens=_opens_in_lab,
    ),
    Interface(
        key="notebook",
        label="Notebook",
        aliases=("tree", "jupyter", "notebooks", "jupyter-notebook", "nb", "retro", "retrolab"),
        link=re.compile(r"(?:tree|notebooks|edit|retro/tree|retro/notebooks)(?:/(.*))?"),
        page="tree",
        opens=_opens_in_notebook,
    ),
    Interface(
        key="rstudio",
        label="RStudio",
        aliases=("r-studio", "rstudio-server"),
        link=re.compile(r"rstudio()/?"),
        proxies={"rstudio": "rstudio/"},
    ),
    Interface(
        key="shiny",
        label="Shiny",
        aliases=("shiny-server",),
        link=re.compile(r"shiny(?:/(.*))?"),
        proxies={"shiny": "shiny/"},
        opens=_opens_in_shiny,
    ),
    Interface(
        key="nteract",
        label="nteract",
        link=re.compile(r"nteract(?:/(?:tree|edit)(?:/(.*))?)?/?"),
        page="nteract",
        opens=_opens_in_nteract,
        package="nteract_on_jupyter",
    ),
    Interface(
        key="voila",
        label="Voilà",
        aliases=("voil\u00e0",),
        link=re.compile(r"voila(?:/(?:render|tree)(?:/(.*))?)?/?"),
        page="voila",
        opens=_opens_in_voila,
        package="voila",
    ),
    Interface(
        key="nbclassic",
        label="Classic Notebook",
        aliases=("classic", "nb-classic", "classic-notebook"),
        link=re.compile(r"nbclassic(?:/(?:tree|notebooks|edit)(?:/(.*))?)?/?"),
        page="nbclassic/tree",
        opens=_opens_in_notebook,
        package="nbclassic",
    ),
    Interface(
        key="desktop",
        label="Desktop",
        aliases=("vnc", "novnc", "remote-desktop"),
        link=re.compile(r"desktop()/?"),
        # Since its version 2, jupyter-remote-desktop-proxy registers only its websocket; the page is its own.
        proxies={"desktop": "desktop/", "desktop-websockify": "desktop/"},
    ),
    Interface(
        key="vscode",
        label="VS Code",
        aliases=("vs-code", "code", "codeserver", "code-server", "openvscode"),
        link=re.compile(r"(?:vscode|code-server|codeserver2?|openvscode)()/?"),
        # jupyter-vscode-proxy and jupyter-code-server register `vscode`, jupyter-codeserver-proxy
        # `codeserver`, jupyter-codeserver2-proxy `codeserver2`; the others are what images configure by hand.
        # The `openvscodeserver` of jupyter-openvscodeserver-proxy is left out: its page asks for a secret
        # that only JupyterLab's launcher knows.
        proxies={
            name: f"{name}/" for name in ("vscode", "codeserver", "codeserver2", "code-server", "openvscode")
        },
    ),
)
"""In the order in which they are offered."""

BY_KEY: Mapping[str, Interface] = {each.key: each for each in INTERFACES}
BY_NAME: Mapping[str, Interface] = {name: each for each in INTERFACES for name in (each.key, *each.aliases)}
"""By everything that people type."""


def label(asked_for: str) -> str:
    """What people call an interface that was asked for, by its key or by the path of its page."""
    return BY_KEY[asked_for].label if asked_for in BY_KEY else f"“{asked_for}”"


def package(asked_for: str | None) -> str:
    """The package to add for an interface that was asked for; empty where none is needed."""
    return BY_KEY[asked_for].package if asked_for and asked_for in BY_KEY else ""


def of_link(urlpath: str) -> tuple[Interface, str | None] | None:
    """The interface that the `urlpath` of a launch link means, and the path that it opens, still encoded.

    Args:
        urlpath: Without its query and its leading slash.
    """
    for each in INTERFACES:
        if match := each.link.fullmatch(urlpath):
            return each, match[1] or None
    return None
