"""Gists, by the addresses of their pages and of their files. Pure."""

import re
from collections.abc import Sequence

from bot.errors import SpecError
from bot.repositories.links.link import Link
from bot.repositories.parts import REF, clean_path, clean_ref, decode_segments, echo, only_one
from bot.repositories.spec import Provider, RepoSpec
from bot.sentences import Sentence

_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_ID = re.compile(r"[0-9a-f]{20,40}|[0-9]{1,20}", re.IGNORECASE)
_EXAMPLE = Sentence(
    "Its link looks like {link}", link="https://gist.github.com/owner/0123456789abcdef0123456789abcdef"
)
_SHA = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)


def read_gist(link: Link) -> RepoSpec:
    """`gist.github.com/owner/id`, with a revision, or with `/raw/revision/file`.

    Raises:
        SpecError: It names no gist.
    """
    repository, at, marked = "/".join(link.segments).partition("@")
    owner, gist, rest = _split(decode_segments(repository.split("/")))
    ref, path = _place(rest)
    if at and clean_ref(marked) is None:
        raise SpecError(Sentence("The link ends in “@”, with no branch, tag or commit after it."))
    asked = clean_ref("/".join(decode_segments(marked.split("/"))))
    return RepoSpec(
        Provider.GIST, f"https://gist.github.com/{owner}{gist}", only_one(REF, ref, asked), clean_path(path)
    )


def _place(rest: Sequence[str]) -> tuple[str | None, str | None]:
    """Revision and file: `<revision>`, `raw/<revision>/<file>` or `archive/<revision>.zip`."""
    kind, names = (rest[0], list(rest[1:])) if rest[:1] in (["raw"], ["archive"]) else ("", list(rest))
    revision = names[0].removesuffix(".zip").removesuffix(".tar.gz") if names else ""
    ref = revision if _SHA.fullmatch(revision) else None
    return ref, "/".join(names[1:] if ref else names) if kind == "raw" else None


def _split(segments: Sequence[str]) -> tuple[str, str, list[str]]:
    """Owner (with its slash, or nothing), id, and what follows."""
    for index, segment in enumerate(segments[:2]):
        gist = segment.removesuffix(".git")
        # An owner may look like an id: then the id is what follows it.
        last = index == 1 or not _ID.fullmatch((*segments, "", "")[1].removesuffix(".git"))
        if _ID.fullmatch(gist) and (last or _SHA.fullmatch(segments[1])):
            owner = f"{segments[0]}/" if index else ""
            if not owner or _OWNER.fullmatch(owner[:-1]):
                return owner, gist, list(segments[index + 1 :])
    raise SpecError(
        Sentence("{link} names no gist: its id is missing.", link=echo("/".join(segments))), hint=_EXAMPLE
    )
