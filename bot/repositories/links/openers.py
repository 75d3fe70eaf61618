"""Pages that open a repository elsewhere: nbgitpuller, nbviewer, Colab, editors in the browser. Pure."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from bot.errors import SpecError
from bot.repositories import opened
from bot.repositories.links.link import Link
from bot.repositories.links.wrapped import Wrapped, nested
from bot.repositories.parts import clean_path, clean_ref, decode, echo
from bot.sentences import Sentence

_GIT_PULL = re.compile(r".*/(?:git-(?:pull|sync)/?|link\.html)")
_HTTP = re.compile(r"https?:/", re.IGNORECASE)
_PARAMETERS = ("src", "url", "repo", "repository", "uri", "template", "repo_url", "q", "u", "git_repo")
_CLOUD_SHELL = ("cloudshell_git_repo", "download_url")
_HOST_AND_PATH = re.compile(r"[\w-]+(?:\.[\w-]+)+/[^/]")
_IMPORTS = frozenset({"import", "launch", "open", "clone", "new", "welcome", "create", "deploy", "start"})
_NOT_HERE = Sentence("Give the link of the repository itself, for example https://github.com/owner/repo")


def read_on_github(link: Link) -> Wrapped:
    """A host whose paths are GitHub's: `github.dev/owner/repo/blob/main/a.ipynb`."""
    return Wrapped(f"https://github.com{link.path}")


def read_viewer(link: Link) -> Wrapped:
    """A page that shows a notebook: `/github/owner/repo/blob/main/a.ipynb`, `/gist/id`, `/url/host/path`.

    Raises:
        SpecError: The notebook is in no repository.
    """
    segments = link.segments[2:] if link.segments[:1] == ["format"] else link.segments
    kind, rest = (segments or [""])[0], "/".join(segments[1:])
    shown = _VIEWED.get(kind)
    if shown is None or not rest:
        raise SpecError(Sentence("{shown} names no repository on GitHub.", shown=link.shown), hint=_NOT_HERE)
    return Wrapped(nested(shown.format(rest)))


_VIEWED: Mapping[str, str] = {
    "github": "https://github.com/{}",
    "gist": "https://gist.github.com/{}",
    "url": "http://{}",
    "urls": "https://{}",
}


def read_colab(link: Link) -> Wrapped:
    """A notebook in Colab, named by its path or behind `#fileId=`."""
    if link.fragment.startswith("fileId=http"):
        return _inner(decode(link.fragment.removeprefix("fileId=")), link)
    return read_viewer(link)


def read_vscode(link: Link) -> Wrapped:
    """VS Code in the browser: `vscode.dev/github/owner/repo`, `/azurerepos/organization/project/name`."""
    kind, rest = (link.segments or [""])[0], link.segments[1:]
    if kind == "azurerepos" and len(rest) > 2:  # noqa: PLR2004 - organization, project and name
        organization, project, name, *_ = rest
        return Wrapped(f"https://dev.azure.com/{organization}/{project}/_git/{name}")
    if kind != "github" or not rest:
        raise SpecError(
            Sentence("{shown} names no repository that VS Code has open.", shown=link.shown), hint=_NOT_HERE
        )
    return Wrapped(f"https://github.com/{'/'.join(rest)}")


def read_studio_lab(link: Link) -> Wrapped:
    """SageMaker Studio Lab: `/import/github/owner/repo/blob/main/a.ipynb`."""
    if link.segments[:2] != ["import", "github"]:
        raise SpecError(
            Sentence("{shown} is a page of Studio Lab, and names no repository.", shown=link.shown),
            hint=_NOT_HERE,
        )
    return Wrapped(f"https://github.com/{'/'.join(link.segments[2:])}")


def read_in_fragment(link: Link) -> Wrapped:
    """Gitpod: the link of the repository stands behind `#`, perhaps after variables."""
    found = _HTTP.search(decode(link.fragment))
    if not found and _HOST_AND_PATH.match(link.fragment):
        return Wrapped(nested(decode(link.fragment)))
    return _inner(decode(link.fragment)[found.start() :] if found else "", link)


def read_in_query(link: Link) -> Wrapped:
    """Kaggle, Deepnote and others: the link of the notebook is a parameter."""
    if "/github/" in link.path:
        return read_github_within(link)
    values = (link.parameters.get(name, "") for name in (*_PARAMETERS, *_CLOUD_SHELL))
    return _inner(next((value for value in values if _HTTP.match(value)), ""), link)


def _inner(location: str, link: Link) -> Wrapped:
    if not _HTTP.match(location):
        raise SpecError(
            Sentence("{shown} names no repository that can be launched.", shown=link.shown), hint=_NOT_HERE
        )
    return Wrapped(nested(location))


def read_pages_site(link: Link) -> Wrapped:
    """A site on GitHub's or GitLab's Pages.

    Raises:
        SpecError: Always: which repository a site is made from, its address does not tell for sure.
    """
    owner, _, _ = link.host.partition(".")
    host = "gitlab.com" if link.host.endswith("gitlab.io") else "github.com"
    name = link.segments[0] if link.segments else link.host
    raise SpecError(
        Sentence("{shown} is a web site, not a repository.", shown=link.shown),
        hint=Sentence(
            "Perhaps it is made from https://{host}/{owner}/{name}", host=host, owner=owner, name=name
        ),
    )


def read_github_within(link: Link) -> Wrapped:
    """`/github/owner/repo/main` behind other words, as sandboxes and editors write it."""
    _, found, rest = link.path.partition("/github/")
    if not found or "/" not in rest:
        raise SpecError(Sentence("{shown} names no repository on GitHub.", shown=link.shown), hint=_NOT_HERE)
    return Wrapped(rest)


def is_import(link: Link) -> bool:
    """Whether a page of any host imports what a parameter has the link of."""
    names_link = any(_HTTP.match(link.parameters.get(name, "")) for name in _PARAMETERS)
    return names_link and bool(_IMPORTS & set(link.segments[-1:]))


def is_git_pull(link: Link) -> bool:
    """Whether it is a link of nbgitpuller, on whatever hub, perhaps behind its page to log in."""
    return bool(_GIT_PULL.fullmatch(_page_behind(link).path)) and "repo" in _page_behind(link).parameters


def _page_behind(link: Link) -> Link:
    """The page that a hub leads to after logging in."""
    following = link.parameters.get("next", "")
    if not following or not link.path.endswith(("/login", "_login", "/spawn")):
        return link
    parts = urlsplit(following if following.startswith("/") else "/")
    return Link(link.scheme, link.host, link.port, parts.path, parts.query)


def read_git_pull(link: Link) -> Wrapped:
    """nbgitpuller: `/hub/user-redirect/git-pull?repo=…&branch=…&urlpath=lab/tree/<name>/a.ipynb`."""
    asked = _page_behind(link).parameters
    repository = nested(asked["repo"])
    interface, path = opened.in_query({"urlpath": asked.get("urlPath", "")} | asked)
    path = path or clean_path(asked.get("subPath"))
    folder = asked.get("targetPath") or asked.get("targetpath") or _last_name(repository)
    return Wrapped(repository, clean_ref(asked.get("branch")), _within(folder, path), interface)


def _last_name(repository: str) -> str:
    return repository.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")


def _within(folder: str, path: str | None) -> str | None:
    """A path on the hub, where the repository lies in a folder, as a path in the repository."""
    if path is None or f"{path}/" == f"{folder.strip('/')}/":
        return None
    return path.removeprefix(f"{folder.strip('/')}/")


def is_codespaces(link: Link) -> bool:
    """Whether a page of GitHub starts a codespace."""
    return link.segments[:2] == ["codespaces", "new"]


def read_codespaces(link: Link) -> Wrapped:
    """`github.com/codespaces/new/owner/repo`, or `?repo=owner/repo&ref=dev`.

    Raises:
        SpecError: It names the repository by a number.
    """
    name = "/".join(link.segments[2:]) or link.parameters.get("repo", "")
    if "/" not in name:
        raise SpecError(
            Sentence("{shown} names no repository that can be launched.", shown=link.shown), hint=_NOT_HERE
        )
    return Wrapped(f"https://github.com/{name}", clean_ref(link.parameters.get("ref")))


def refuse_app(link: Link) -> Wrapped:
    """An editor that somebody runs at this moment.

    Raises:
        SpecError: Always.
    """
    raise SpecError(
        Sentence("{host} is somebody's own running session, not a repository.", host=echo(link.host)),
        hint=Sentence("Give the link of the repository that it was started from."),
    )


def refuse_short(link: Link) -> Wrapped:
    """A shortened link.

    Raises:
        SpecError: Always: only its host knows where it leads.
    """
    raise SpecError(
        Sentence("{shown} is a shortened link, which does not tell where it leads.", shown=link.shown),
        hint=Sentence("Open it in a browser, and give the address that it leads to."),
    )


def refuse_space(link: Link) -> Wrapped:
    """A Space of Hugging Face that runs.

    Raises:
        SpecError: Always: its host's name does not tell where its owner's name ends.
    """
    raise SpecError(
        Sentence("{host} is a running Space, not a repository.", host=echo(link.host)),
        hint=Sentence("Give the link of its page: https://huggingface.co/spaces/owner/name"),
    )


ByHost = Mapping[str, Callable[[Link], Wrapped]]
OPENERS: ByHost = {
    **dict.fromkeys(("github.dev", "githubtocolab.com", "github1s.com", "codespaces.new"), read_on_github),
    "open.vscode.dev": read_on_github,
    **dict.fromkeys(("stackblitz.com", "codesandbox.io", "replit.com"), read_github_within),
    **dict.fromkeys(("nbviewer.org", "nbviewer.jupyter.org", "nbviewer.ipython.org"), read_viewer),
    **dict.fromkeys(("colab.research.google.com", "colab.google.com"), read_colab),
    "console.paperspace.com": read_viewer,
    **dict.fromkeys(("vscode.dev", "insiders.vscode.dev"), read_vscode),
    **dict.fromkeys(("gitpod.io", "app.gitpod.io", "app.ona.com", "ona.com"), read_in_fragment),
    **dict.fromkeys(("kaggle.com", "deepnote.com"), read_in_query),
    "studiolab.sagemaker.aws": read_studio_lab,
    "cocalc.com": read_viewer,
    "nbsanity.com": read_on_github,
    "notebook.link": read_github_within,
    **dict.fromkeys(
        ("shell.cloud.google.com", "ssh.cloud.google.com", "console.cloud.google.com"), read_in_query
    ),
    **dict.fromkeys(("google.com", "slack-redir.net", "l.facebook.com", "lm.facebook.com"), read_in_query),
    **dict.fromkeys(("bit.ly", "tinyurl.com", "t.co", "git.io", "goo.gl", "t.ly", "is.gd"), refuse_short),
}
"""Hosts that open what lies elsewhere."""
ENDINGS: ByHost = {
    ".github.io": read_pages_site,
    ".gitlab.io": read_pages_site,
    ".hf.space": refuse_space,
    ".safelinks.protection.outlook.com": read_in_query,
    **dict.fromkeys((".app.github.dev", ".github.dev", ".gitpod.io", ".gitpod.dev"), refuse_app),
    ".streamlit.app": refuse_app,
}
"""The same, where the host's name differs from link to link."""
