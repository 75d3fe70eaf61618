"""How a git host's links are read: each forge is one table of its pages.

    https://github.com/owner/name  /tree/feature/main/dir
    └─ Forge.repository ─────────┘ └─ Page: what follows ─┘

A page is written as people see it in their browser, with names in braces for what changes:

    {ref}   one part of the path, which is the ref        {refs}    all the rest is the ref
    {tree}  a ref, then perhaps a path                    {commit}  a commit's digits
    {path}  all the rest is a path                        {number}  digits
    {file}  one part of the path, which says nothing      {base}    the rest, which says nothing
    {head}  the later side of a comparison                {*}       whatever follows, or nothing

A link with a tree in it (`/tree/feature/main/dir`) does not tell where its ref ends. The first part is taken
for the ref here, the rest for the path; `bot.repositories.refs` knows the real refs and moves the border.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.errors import SpecError
from bot.repositories import opened
from bot.repositories.links.link import DOUBLE_SLASHES, Link, quoted
from bot.repositories.parts import PATH, REF, clean_path, clean_ref, decode, decode_segments, echo, only_one
from bot.repositories.spec import Provider, RepoSpec
from bot.sentences import Sentence

_REST = "{*}"
_PARTS: Mapping[str, str] = {
    "{tree}": r"(?P<ref>refs/[^/]+/[^/]+|[^/]+)(?:/(?P<path>.+))?",
    "{ref}": r"(?P<ref>[^/]+)",
    "{refs}": r"(?P<ref>.+?)",
    "{commit}": r"(?P<ref>[0-9a-fA-F]{4,64})",
    "{path}": r"(?P<path>.+)",
    "{number}": r"(?P<number>[0-9]{1,9})",
    "{file}": r"[^/]+",
    "{base}": r".+",
    "{head}": r"(?:.+?(?:\.{2,3}|%2[eE]%2[eE](?:%2[eE])?))?(?P<ref>[^:]+)",
    _REST: r"(?:/.*)?",
}
_NAME_IN_BRACES = re.compile(r"(/?\{[a-z*]+\})")
_HYPHEN = re.compile(r"^-(?:/|$)")
"""GitLab sets it between a repository and its pages."""
_HOW = Sentence("Open the repository in a browser, and copy the address of that page.")
_OWNER_AND_NAME = Sentence("an owner and a name are needed")
_DEFAULT_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True)
class Page:
    """A page of a repository, and what of the repository it shows.

    Args:
        form: What follows the repository in the link; see the module's docstring.
        ref: What the ref is called, with what the form found: `refs/pull/{number}/head`.
        refusal: Why such a page cannot be launched: a whole sentence.
    """

    form: str
    ref: str = "{ref}"
    refusal: str = ""

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Made when it is needed first: of hundreds of pages, a link is compared with few."""
        return re.compile("".join(_pattern(part) for part in _NAME_IN_BRACES.split(self.form)))

    def read(self, page: str) -> tuple[str | None, str | None] | None:
        """Ref and path as they were written, percent signs and all; None if it is another page."""
        match = self._pattern.fullmatch(page)
        if match is None:
            return None
        found = match.groupdict()
        named = found.get("ref") or found.get("number")
        return self.ref.format(**found) if named else None, found.get("path")


def _pattern(part: str) -> str:
    if part == f"/{_REST}":
        return _PARTS[_REST]
    slash, name = part[: part.startswith("/")], part[part.startswith("/") :]
    return slash + _PARTS[name] if name in _PARTS else re.escape(part)


def pages(*forms: str) -> tuple[Page, ...]:
    """Pages that need nothing said but their form."""
    return tuple(Page(form) for form in forms)


def listing(form: str, what: Sentence) -> Page:
    """A page that lists many things, and so names none of them."""
    return Page(
        form,
        refusal=Sentence("The link leads to the list of {what}: give the link of one of them.", what=what),
    )


COMPARISONS = (
    listing("compare", Sentence("comparisons")),
    *pages("compare/{head}.diff", "compare/{head}.patch", "compare/{head}"),
    Page(
        "compare/{*}",
        refusal=Sentence(
            "The link compares with another repository: give the link of that one, and its branch."
        ),
    ),
)
"""Two sides, of which the later one is wanted; it can lie in a fork, which the link does not name in full."""

Place = tuple[str | None, str | None]
"""Ref and path, as they stand in a query; each may be missing."""


@dataclass(frozen=True)
class Forge:
    """A kind of git host.

    Args:
        repository: How a path names a repository: a regular expression with a name for each part.
        address: Where that repository is, with `{origin}` and the parts of the path.
        pages: The pages that lead to files; the first whose form fits is read.
        provider: What such repositories are called.
        page_begins: What a page begins with (a regular expression), where the repository's own length varies.
        names: What each part of the repository's name keeps to.
        needed: What a link without a repository lacks.
        query: Reads what stands in the query of a link.
        check: Looks at the parts of the name more closely, and raises SpecError.
    """

    repository: str
    address: str
    pages: tuple[Page, ...]
    provider: Provider = Provider.GIT
    page_begins: str = ""
    names: re.Pattern[str] = _DEFAULT_NAME
    needed: Sentence = _OWNER_AND_NAME
    query: Callable[[Mapping[str, str]], Place] | None = None
    check: Callable[[Mapping[str, str]], None] | None = None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """How the whole path of a link reads."""
        page = f"(?P<page>(?:{self.page_begins}).*)" if self.page_begins else "(?P<page>.*)"
        whole = rf"/?{self.repository}(?:\.git)?(?:(?P<at>@)(?P<marked>.*)|/{page})?/?"
        return re.compile(whole)

    def reads(self, link: Link) -> bool:
        """Whether the path of a link has the form that this forge gives it."""
        return self._pattern.fullmatch(link.path) is not None

    def read(self, link: Link) -> RepoSpec:
        """The repository of a link to it, or to one of its pages.

        Raises:
            SpecError: It is none, or a page that shows no files.
        """
        match = self._pattern.fullmatch(link.path)
        if match is None:
            raise SpecError(
                Sentence("{shown} names no repository: {needed}.", shown=link.shown, needed=self.needed),
                hint=_HOW,
            )
        found = match.groupdict()
        page, marked = found.pop("page"), found.pop("marked")
        at = found.pop("at")
        url = self._url(link, found)
        if at:
            return RepoSpec(self.provider, url, _marked_ref((marked or "").rstrip("/")))
        ref, path = self._place(_HYPHEN.sub("", (page or "").strip("/")), url)
        asked_ref, asked_path = self.query(link.parameters) if self.query else _behind_dot_git(link)
        interface, opened_path = opened.in_query(link.parameters)
        return RepoSpec(
            self.provider,
            url,
            only_one(REF, ref, clean_ref(asked_ref)),
            only_one(PATH, path, clean_path(asked_path), opened_path),
            interface,
        )

    def _url(self, link: Link, found: Mapping[str, str | None]) -> str:
        parts = {name: decode_segments((part or "").split("/")) for name, part in found.items()}
        named = {name: "/".join(part) for name, part in parts.items()}
        if self.check:
            self.check(named)
        if not all(self.names.fullmatch(each) for part in parts.values() for each in part if each):
            raise SpecError(
                Sentence("{name} cannot be the name of a repository.", name=echo("/".join(named.values()))),
                hint=_HOW,
            )
        written = {name: quoted(part) for name, part in parts.items()}
        return DOUBLE_SLASHES.sub("/", self.address.format(origin=link.origin, **written))

    def _place(self, page: str, url: str) -> Place:
        if not page:
            return None, None
        for each in self.pages:
            found = each.read(page)
            if found is None:
                continue
            if each.refusal:
                raise SpecError(each.refusal, hint=Sentence("The repository itself is {url}", url=url))
            ref, path = ("/".join(decode_segments(text.split("/"))) if text else None for text in found)
            return clean_ref(ref), clean_path(path)
        kind, *_ = decode_segments(page.split("/"))
        raise SpecError(
            Sentence("The link leads to the page {kind} of a repository, not to its files.", kind=echo(kind)),
            hint=Sentence(
                "Give the link of a directory, of a file, or of the repository itself: {url}", url=url
            ),
        )


def _behind_dot_git(link: Link) -> Place:
    """`owner/repo.git#ref:path`, as docker writes it; pip's `#egg=name` is something else."""
    if not link.path.endswith(".git") or "=" in link.fragment:
        return None, None
    ref, _, path = link.fragment.partition(":")
    return decode(ref) or None, decode(path) or None


def _marked_ref(written: str) -> str:
    """The ref behind the `@` of `owner/repo@ref`."""
    ref = clean_ref("/".join(decode_segments(written.split("/"))))
    if ref is None:
        raise SpecError(Sentence("The link ends in “@”, with no branch, tag or commit after it."))
    return ref


def read_first(forges: Sequence[Forge], link: Link) -> RepoSpec:
    """The repository by the first forge whose form the link has; the last one says what is wrong."""
    return next((forge for forge in forges if forge.reads(link)), forges[-1]).read(link)
