"""What the refs of a repository say: which commit a ref means, and where the ref of a link ends. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final
from unicodedata import normalize

from bot.errors import RefNotFound, RepositoryNotFound
from bot.repositories.complaints import named
from bot.repositories.spec import RepoSpec, Resolved
from bot.sentences import Sentence, joined

_FULL_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{4,64}", re.IGNORECASE)
_LIKE_FILE = re.compile(r"/|\.\w+$")
_MOST_COMPARED: Final = 5_000
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"


@dataclass(frozen=True, slots=True)
class Refs:
    """The refs of a repository: full names -> commits, tags peeled; and the name of the default branch."""

    commits: Mapping[str, str]
    default: str | None

    @classmethod
    def parse(cls, output: bytes, wanted: str | None) -> "Refs":
        """Read what `git ls-remote --symref` printed; of refs that are no branch or tag, only `wanted`."""
        commits: dict[str, str] = {}
        default = None
        for line in output.decode(errors="replace").splitlines():
            value, _, name = line.partition("\t")
            if name == "HEAD" and value.startswith("ref: "):
                default = value.removeprefix("ref: ")
            elif name.startswith((_HEADS, _TAGS)) or name in {"HEAD", wanted, f"refs/{wanted}"}:
                # The peeled line of an annotated tag follows its own, and replaces it.
                commits[name.removesuffix("^{}")] = value
        return cls(commits, default)

    @property
    def tip(self) -> str | None:
        """The commit of the default branch."""
        return self.commits.get("HEAD")

    def full_name(self, ref: str) -> str | None:
        """The full name of a ref as people shorten it: a branch goes before a tag."""
        candidates = (_HEADS + ref, _TAGS + ref, ref, f"refs/{ref}")
        known = (name for name in candidates if name in self.commits and name != "HEAD")
        return next(known, None) or (None if ref.isascii() else self._same_letters(candidates))

    def _same_letters(self, candidates: Sequence[str]) -> str | None:
        """A name that looks the same: “ü” can be written as one character or as two."""
        normal = {normalize("NFC", name): name for name in self.commits}
        found = (normal.get(normalize("NFC", name)) for name in candidates)
        return next((name for name in found if name), None)

    def short_names(self) -> list[str]:
        """Branches and tags as people write them, the default branch first."""
        default = [self.default] if self.default else []
        return [short_name(name) for name in [*default, *self.commits] if name != "HEAD"]

    def at(self, commit: str) -> str | None:
        """The name of a ref that is at this commit, preferably the default branch."""
        if self.default and self.commits.get(self.default) == commit:
            return self.default
        return next((name for name, at in self.commits.items() if at == commit and name != "HEAD"), None)


def short_name(name: str) -> str:
    """A branch or a tag as people write it."""
    return name.removeprefix(_HEADS).removeprefix(_TAGS)


def choose(spec: RepoSpec, refs: Refs) -> Resolved | None:
    """The commit that a specification means, as far as the refs tell; None where they do not.

    Raises:
        RepositoryNotFound: There are none.
        RefNotFound: A default branch is needed, and there is none.
    """
    if not refs.commits:
        raise RepositoryNotFound(
            Sentence("{repository} is empty, or no git repository.", repository=named(spec.url))
        )
    if spec.ref is None:
        return _default(spec, refs)
    for candidate in _borders(spec):
        name = refs.full_name(candidate.ref or "")
        if name:
            return resolved(candidate, refs, refs.commits[name], name)
    at_tips = {commit for commit in refs.commits.values() if commit.startswith(spec.ref.lower())}
    if at_tips and len(at_tips) == 1 and is_commit(spec.ref):
        return resolved(spec, refs, *at_tips)
    return None


def is_commit(ref: str) -> bool:
    """Whether a ref has the form of a commit's id, or of its beginning."""
    return _COMMIT.fullmatch(ref) is not None


def is_full_commit(ref: str) -> bool:
    """Whether a ref has the form of a whole id."""
    return _FULL_COMMIT.fullmatch(ref) is not None


def _default(spec: RepoSpec, refs: Refs) -> Resolved:
    if refs.tip is None:
        raise RefNotFound(
            Sentence("{repository} has no default branch: name one.", repository=named(spec.url)),
            hint=_suggestion(refs.short_names()[:3]),
        )
    return resolved(spec, refs, refs.tip, refs.default)


def resolved(spec: RepoSpec, refs: Refs, commit: str, name: str | None = None) -> Resolved:
    """A commit of a repository, and the name of the ref that is at it, where there is one."""
    return Resolved(spec, commit, name or refs.at(commit), is_tip=commit == refs.tip)


def _borders(spec: RepoSpec) -> Iterator[RepoSpec]:
    """The specification as it is, then with more and more of its path in the ref's place, longest first.

    git allows no branch `a` beside a branch `a/b`: where the shorter one exists, it was meant.
    """
    yield spec
    parts = spec.path.split("/") if spec.path else []
    for length in range(len(parts), 0, -1):
        ref = "/".join([spec.ref or "", *parts[:length]])
        yield replace(spec, ref=ref, path="/".join(parts[length:]) or None)


def no_ref(spec: RepoSpec, refs: Refs, files: Iterable[str] | None = None) -> RefNotFound:
    """That a repository has no such ref, and which names it has that are near.

    Args:
        spec: What was asked for.
        refs: What there is.
        files: The paths of its default branch, where they are known, for a ref that may be a file's name.
    """
    ref = spec.ref or ""
    near = nearest(ref, refs.short_names())
    if not near and refs.default:
        near = [short_name(refs.default)]
    was_searched = files is not None and _LIKE_FILE.search(ref)
    nothing = Sentence("branch, tag, commit or file") if was_searched else Sentence("branch, tag or commit")
    return RefNotFound(
        Sentence(
            "{repository} has no {nothing} {ref}.",
            repository=named(spec.url),
            nothing=nothing,
            ref=shown(ref),
        ),
        hint=joined(_suggestion(near), _path_hint(spec, files)),
    )


def _path_hint(spec: RepoSpec, files: Iterable[str] | None) -> str:
    """What to write if a file or a directory was meant; nothing where that leads nowhere."""
    ref = spec.ref or ""
    if files is None:
        hint = Sentence("Is it a file? Write --path {path}", path=shown(ref)[1:-1])
        return hint if _LIKE_FILE.search(ref) else ""
    last = ref.rsplit("/", 1)[-1].casefold()
    for path in files:
        if path.startswith(f"{ref}/"):
            return Sentence("To launch its directory, write --path {path}", path=shown(ref)[1:-1])
        if path.rsplit("/", 1)[-1].casefold() == last:
            return Sentence("Its nearest file is {path}.", path=shown(path))
    return ""


def _suggestion(names: Sequence[str]) -> str:
    return Sentence("There is {names}.", names=", ".join(shown(name) for name in names)) if names else ""


def shown(name: str) -> str:
    """A name out of a hostile repository, fit to be repeated."""
    printable = "".join(char if char.isprintable() else "." for char in name)
    return f"“{printable[:80]}”"


def nearest(wanted: str, names: Iterable[str], *, count: int = 3) -> list[str]:
    """The names that somebody may have meant, best first."""
    known = list(dict.fromkeys(names))
    last = wanted.casefold().rsplit("/", 1)[-1]
    same = [name for name in known if name.casefold().rsplit("/", 1)[-1] == last]
    folded = {name.casefold(): name for name in known[:_MOST_COMPARED]}
    close = [folded[name] for name in get_close_matches(wanted.casefold(), folded, count, 0.6)]
    return list(dict.fromkeys([*same, *close]))[:count]
