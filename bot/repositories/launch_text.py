"""The text of a request -> LaunchRequest: what a person typed. Pure: no network, no clock.

    <repo> [ref] [path] [--ref X] [--path X] [--open X] [--size X] [--name X] [--for X | --until X]
    [--rebuild]

`bot.repositories.links` reads `<repo>` itself, `bot.repositories.typed_text` undoes what chat programs do to
the words, and `bot.repositories.phrases` knows other ways to write an option.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import takewhile

from bot.errors import SpecError
from bot.interfaces.catalogue import BY_KEY, BY_NAME
from bot.repositories import opened
from bot.repositories.links.table import parse_location
from bot.repositories.parts import PATH, REF, clean_path, clean_ref, echo, only_one
from bot.repositories.phrases import behind_time, rewrite
from bot.repositories.prose import refuse_prose
from bot.repositories.spec import LaunchRequest, RepoSpec
from bot.repositories.typed_text import split, undecorated
from bot.sentences import Sentence, joined
from bot.times import phrases as times

_MAX_LABEL = 80


def parse_launch(text: str) -> LaunchRequest:
    """Understand everything that stands behind `/binder launch`.

    Raises:
        SpecError: Its sentence names what was wrong, and never repeats a secret.
    """
    words, flags = _sort(rewrite(split(text)))
    return LaunchRequest(
        spec=_assemble(words, flags),
        size=_label("size", flags),
        name=_label("name", flags),
        duration=_label("for", flags),
        rebuild=_REBUILD in flags,
    )


def parse_repo(text: str) -> RepoSpec:
    """Understand the repository of a request; see `parse_launch`.

    Raises:
        SpecError: Its sentence names what was wrong, and never repeats a secret.
    """
    return parse_launch(text).spec


# --- from words to flags --------------------------------------------------------------------------------

_REBUILD = "rebuild"
"""The one option that takes no value."""
OPTIONS = ("ref", "path", "open", "size", "name", "for", _REBUILD)
"""All options of a launch text."""
_ALL_FLAGS = (*OPTIONS, *(option for option in times.OPTIONS if option != "for"))
"""Those that are named in advice, and their other forms."""
_OTHER_WORDS = {
    **dict.fromkeys(("branch", "tag", "commit", "revision", "version"), "ref"),
    **dict.fromkeys(("file", "directory", "dir", "subdir", "folder", "filepath", "labpath"), "path"),
    **dict.fromkeys(("interface", "ui", "app", "urlpath"), "open"),
    **dict.fromkeys(("flavor", "flavour", "machine"), "size"),
    **dict.fromkeys(("no-cache", "force-rebuild"), _REBUILD),
    "time": "for",
    "title": "name",
}
_MOST_WORDS = 3
_WORD = re.compile(r"[\w'-]+")
_FILE = re.compile(r"\.[A-Za-z]\w*$")
_DASHES = re.compile("^[-\u2010-\u2015\u2212]+(?=\\w)")


def _sort(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Words by position, and the values of flags."""
    positional: list[str] = []
    flags: dict[str, str] = {}
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if times.is_told(word, queue):
            _set(flags, "for", _take_time(word.lower(), [], queue))
            continue
        if not _is_flag(word):
            positional.append(word)
            continue
        name, equals, value = word.partition("=")
        flag = _flag(name)
        if flag in times.OPTIONS:
            _set(flags, "for", _take_time(flag, [value] if equals else [], queue))
            continue
        if flag == _REBUILD:
            flags[flag] = _without_value(word, value)
            continue
        if not equals and queue and not _is_flag(queue[0]):
            value = queue.pop(0)
        _set(flags, flag, value)
    return _join_doi(positional), flags


def _without_value(word: str, value: str) -> str:
    if value:
        raise SpecError(
            Sentence("{word} has a value, and --{rebuild} takes none.", word=echo(word), rebuild=_REBUILD)
        )
    return _REBUILD


def _take_time(flag: str, begun: list[str], queue: list[str]) -> str:
    """Take the words of a time off the queue: the longest run of them."""
    words = [*begun, *_until_flag(queue)]
    if not words:
        raise SpecError(Sentence("--{flag} needs a value after it.", flag=flag))
    told, count = times.take_option(flag, words)
    queue[:] = behind_time(queue[count - len(begun) :])
    return told


def _until_flag(queue: Sequence[str]) -> list[str]:
    return list(takewhile(lambda word: not _is_flag(word), queue))


def _is_flag(word: str) -> bool:
    # What phones make of two hyphens counts as well; a lone hyphen may begin a value, to be refused as such.
    return _DASHES.match(word) is not None


def _flag(word: str) -> str:
    name = _DASHES.sub("", word).lower()
    dashes = len(word) - len(_DASHES.sub("", word))
    if name in _ALL_FLAGS and (dashes > 1 or word[0] != "-"):
        return name
    if _OTHER_WORDS.get(name, "for") != "for" and word[:2] != f"-{name[:1]}":
        return _OTHER_WORDS[name]
    near = [_OTHER_WORDS[name]] if name in _OTHER_WORDS else get_close_matches(name, _ALL_FLAGS, 1, 0.5)
    known = ", ".join(f"--{each}" for each in OPTIONS)
    advice = (
        Sentence("Did you mean --{option}?", option=near[0])
        if near
        else Sentence("There are {options}.", options=known)
    )
    raise SpecError(joined(Sentence("There is no option {word}.", word=echo(word)), advice))


def _set(flags: dict[str, str], flag: str, value: str) -> None:
    if not value.strip():
        raise SpecError(Sentence("--{flag} needs a value after it.", flag=flag))
    if flags.setdefault(flag, value) != value:
        raise SpecError(
            Sentence(
                "--{flag} is given twice: {first} and {second}.",
                flag=flag,
                first=echo(flags[flag]),
                second=echo(value),
            )
        )


def _join_doi(words: list[str]) -> list[str]:
    """`DOI 10.5281/...` is one word."""
    if len(words) > 1 and words[0].lower() in {"doi", "doi:"} and words[1].startswith("10."):
        return [f"doi:{words[1]}", *words[2:]]
    return words


def _label(flag: str, flags: Mapping[str, str]) -> str | None:
    value = flags.get(flag)
    if value and len(value) > _MAX_LABEL:
        raise SpecError(Sentence("--{flag} is longer than {most} characters.", flag=flag, most=_MAX_LABEL))
    return value.strip() if value else None


# --- from parts to the whole ----------------------------------------------------------------------------


def _assemble(words: Sequence[str], flags: Mapping[str, str]) -> RepoSpec:
    words = [undecorated(word) for word in words]
    if not words:
        raise SpecError(
            Sentence("No repository was named."), hint=Sentence("For example: owner/repo, a link, or a DOI.")
        )
    _refuse_late_repository(words)
    if len(words) > _MOST_WORDS:
        raise SpecError(
            Sentence(
                "{word} is one word too many: a repository, a ref and a path are expected.",
                word=echo(words[_MOST_WORDS]),
            ),
            hint=Sentence("Put quotes around names with spaces in them."),
        )
    location, ref, path = (*words, None, None)[:_MOST_WORDS]
    refuse_prose(ref, "ref")
    refuse_prose(path, "path")
    spec = parse_location(location or "")
    _refuse_second_link(words[1:])
    _refuse_cut_link(spec, words)
    if (spec.ref or "ref" in flags) and path is None and ref and _FILE.search(ref) and not spec.path:
        ref, path = None, ref
    spec = _with_ref(spec, only_one(REF, clean_ref(ref), clean_ref(_bare("ref", flags))))
    spec = _with_path(spec, only_one(PATH, clean_path(path), clean_path(_bare("path", flags))))
    spec = _with_interface(spec, _bare("open", flags))
    return replace(spec, ref=None) if spec.ref == "HEAD" else spec


def _refuse_late_repository(words: Sequence[str]) -> None:
    """Refuse other words before the repository, with the one that probably is it."""
    later = sorted((word for word in words[1:] if "/" in word), key=lambda word: "://" not in word)
    if later and _WORD.fullmatch(words[0]):
        raise SpecError(
            Sentence("{word} is not a repository that can be understood.", word=echo(words[0])),
            hint=Sentence("Begin with the repository: {url}", url=parse_location(later[0]).url),
        )


def _bare(flag: str, flags: Mapping[str, str]) -> str | None:
    return undecorated(flags[flag]) if flag in flags else None


def _refuse_second_link(words: Sequence[str]) -> None:
    if second := next((word for word in words if "://" in word), None):
        raise SpecError(
            Sentence("{second} is a second link.", second=echo(second)),
            hint=Sentence("Launch one repository at a time: leave one of them out."),
        )


def _refuse_cut_link(spec: RepoSpec, words: Sequence[str]) -> None:
    """Refuse the link of a file whose name has spaces, which ends at the first of them."""
    in_link = f"{spec.ref}/{spec.path}/"
    if spec.path and "/" in words[0] and len(words) > 1 and not in_link.startswith(f"{words[1]}/"):
        raise SpecError(
            Sentence("{word} stands behind a link that holds a path already.", word=echo(words[1])),
            hint=Sentence("If the path has spaces in it, put quotes around the whole link."),
        )


def _with_ref(spec: RepoSpec, ref: str | None) -> RepoSpec:
    if ref is None:
        return spec
    if not spec.provider.is_git:
        if ref == "HEAD":
            return spec
        raise SpecError(
            Sentence(
                "{url} is an archive, which has no branches or tags such as {ref}.",
                url=echo(spec.url),
                ref=echo(ref),
            ),
            hint=Sentence("Name a file or directory of it with --path."),
        )
    if spec.ref and spec.path and f"{spec.ref}/{spec.path}/".startswith(f"{ref}/"):
        # The link holds a ref with slashes in it, and now we know where that ends.
        return replace(spec, ref=ref, path=f"{spec.ref}/{spec.path}"[len(ref) + 1 :] or None)
    return replace(spec, ref=only_one(REF, spec.ref, ref))


def _with_path(spec: RepoSpec, path: str | None) -> RepoSpec:
    return replace(spec, path=only_one(PATH, spec.path, path))


def _with_interface(spec: RepoSpec, asked: str | None) -> RepoSpec:
    """What `--open` asks for wins over the interface that the author of a badge preferred."""
    if asked is None:
        return spec
    interface = BY_NAME.get(asked.strip().lower())
    if interface:
        return replace(spec, interface=interface.key)
    if opened.is_known(asked) or asked.startswith("//") or "://" in asked:
        key, path = opened.urlpath(asked)
        return _with_path(replace(spec, interface=key), path)
    if "." in asked or "/" in asked:
        return _with_path(spec, clean_path(asked))
    near = get_close_matches(asked.lower(), BY_NAME, 1, 0.5)
    advice = (
        Sentence("Did you mean {interface}?", interface=BY_NAME[near[0]].key)
        if near
        else Sentence("There are {interfaces}, or a file.", interfaces=", ".join(BY_KEY))
    )
    raise SpecError(joined(Sentence("There is no interface {asked}.", asked=echo(asked)), advice))
