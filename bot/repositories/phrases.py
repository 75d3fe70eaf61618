"""Words that say what another word is -> options: `git clone -b dev URL`, `ref=dev`, `on branch dev`. Pure.

What is not understood stays as it is, and is refused later: a ref is never guessed out of prose.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import dropwhile

from bot.errors import SpecError
from bot.repositories.parts import echo

_REF_NAMES = ("ref", "branch", "tag", "commit", "revision", "sha", "version", "release")
_PATH_NAMES = ("path", "file", "notebook", "directory", "dir", "folder", "subdir", "subfolder")
_MEANS: Mapping[str, str] = {
    **dict.fromkeys(_REF_NAMES, "--ref"),
    **dict.fromkeys(_PATH_NAMES, "--path"),
    **dict.fromkeys(("open", "interface"), "--open"),
    "urlpath": "--urlpath",
    "size": "--size",
    "name": "--name",
    "for": "",  # its words are read where times are
    "until": "",
}
_MARKED = re.compile(r"@([\w./-]+)")
_NAMED = re.compile(r"([a-z]+)[=:](.*)", re.IGNORECASE | re.DOTALL)
_REPOSITORY_NAMES = frozenset({"repo", "repository", "url", "link", "git"})
_AT = frozenset({"on", "at", "from"})
_FLAG = re.compile("[-\u2010-\u2015\u2212]+\\w")
_URLPATH = re.compile("[-\u2010-\u2015\u2212]+urlpath", re.IGNORECASE)
_KNOWN_FLAGS = re.compile("[-\u2010-\u2015\u2212]+(?:ref|path|open|size|name)$", re.IGNORECASE)
_TIMES = frozenset({"for", "until", "till", "til"})
_COMMANDS: Mapping[tuple[str, ...], str] = {
    ("git", "clone"): "{}",
    ("gh", "repo", "clone"): "{}",
    ("gh", "repo", "fork"): "{}",
    ("gh", "repo", "view"): "{}",
    ("gh", "browse"): "{}",
    ("hub", "clone"): "{}",
    ("git", "pull"): "{}",
    ("git", "fetch"): "{}",
    ("git", "submodule", "add"): "{}",
    ("git", "ls-remote"): "{}",
    ("wget",): "{}",
    ("curl",): "{}",
    ("glab", "repo", "clone"): "https://gitlab.com/{}",
    ("svn", "checkout"): "{}",
    ("pip", "install"): "{}",
    ("jupyter-repo2docker",): "{}",
    ("repo2docker",): "{}",
    ("binder", "launch"): "",
    ("/binder", "launch"): "",
    ("/binder",): "",
    ("launch",): "",
}
"""Commands that people paste -> what their repository is called here; nothing where the command is ours."""
_BRANCH_OPTIONS = frozenset({"-b", "--branch", "--ref"})
_WITH_VALUE = _BRANCH_OPTIONS | {"-o", "--origin", "--depth", "-j", "--jobs", "-c", "--config", "--filter"}
_REPOSITORY_AND_FOLDER = 2
_HOW = frozenset(
    {"--recursive", "--recurse-submodules", "--single-branch", "--no-single-branch", "--no-tags", "--mirror"}
    | {"--bare", "--sparse", "--shallow-submodules", "-q", "--quiet", "-v", "--verbose", "--progress", "-n"}
    | {"-e", "--editable", "-U", "--upgrade", "--web", "--user", "--no-checkout"}
    | {"-L", "-O", "-LO", "-OL", "-f", "-s", "-S", "-sL", "-sSL", "-fsSL", "--location", "--remote-name"}
)
"""How something is cloned or installed, which is not wanted here."""
_PROSE = frozenset(
    {
        "again",
        "called",
        "half",
        "have",
        "i",
        "launch",
        "mr",
        "one",
        "open",
        "pr",
        "quickly",
        "release",
        "version",
    }
    | {"an", "and", "as", "at", "branch", "by", "can", "commit", "could", "day", "days", "directory"}
    | {"file", "folder", "for", "friday", "from", "hello", "hey", "hi", "hour", "hours", "if", "in"}
    | {"into", "is", "it", "just", "let", "like", "me", "midnight", "minute", "minutes", "monday", "my"}
    | {"name", "need", "next", "no", "noon", "not", "now", "of", "on", "or", "our", "path", "please"}
    | {"pls", "ref", "revision", "run", "saturday", "size", "so", "some", "sunday", "tag", "thank"}
    | {"thanks", "that", "the", "then", "there", "this", "thursday", "thx", "till", "to", "today"}
    | {"tomorrow", "tonight", "tuesday", "until", "us", "using", "want", "we", "wednesday", "week"}
    | {"weeks", "which", "while", "with", "without", "would", "you", "your"}
)
"""Words of sentences and of times: somebody who means a branch of that name says so with `--ref`."""
_SEPARATOR = re.compile("[-=]*>|[-\u2013\u2014:|,;+&\u2192=]")
_LABEL = re.compile(r"([A-Za-z]+):")
_LEADING = frozenset(
    {
        "please",
        "pls",
        "hi",
        "hello",
        "hey",
        "can",
        "could",
        "you",
        "the",
        "a",
        "this",
        "my",
        "our",
        "me",
        "us",
        "i",
    }
    | {
        "want",
        "would",
        "like",
        "to",
        "let",
        "need",
        "just",
        "now",
        "open",
        "start",
        "launch",
        "repository",
        "repo",
    }
)
_POLITE = frozenset({"please", "pls", "thanks", "thx", "thank", "you", "now"})
"""Words at the beginning and the end of a request that ask for nothing."""
_TIME = re.compile(
    r"\d+(?:[.,]\d+)?(?:h|hrs?|hours?|mins?|minutes?|days?|weeks?)|\d{1,2}:\d{2}\S*|\d{1,2}(?:am|pm)",
    re.IGNORECASE,
)


def rewrite(words: Sequence[str]) -> list[str]:
    """The same words, with options where people write it in another way."""
    words = [*words[:1], *(word for word in words[1:] if not _SEPARATOR.fullmatch(word))]
    words = [*dropwhile(_is_leading, words)] if any("/" in word for word in words) else [*words]
    while words and words[-1].lower() in _POLITE and not _is_value(words, len(words) - 1):
        del words[-1]
    return _phrases(_addresses(_named_values(_command(words))))


def refuse_prose(word: str | None, option: str) -> None:
    """Refuse a word that stands where a ref or a path is expected, and that is part of a sentence.

    Args:
        word: The word, if there is one.
        option: `ref` or `path`: what it would be.

    Raises:
        SpecError: With the way to write it if it is meant.
    """
    if word is None:
        return
    if _TIME.fullmatch(word):
        raise SpecError(
            f"{echo(word)} looks like a time, not like a {option}.",
            hint=f"Write --for {word} if you mean how long, and --{option} {word} if it is the {option}.",
        )
    if word.lower() in _PROSE or (option == "ref" and word.lower() == "a"):
        raise SpecError(
            f"{echo(word)} is not understood here: a repository, a ref and a path are expected.",
            hint=f"Leave it out, or write --{option} {word} if it is the {option}.",
        )


def _is_leading(word: str) -> bool:
    label = _LABEL.fullmatch(word)
    is_label = label is not None and label[1].lower() not in _MEANS.keys() | _REPOSITORY_NAMES
    return is_label or word.lower().rstrip(",!") in _LEADING


def _command(words: list[str]) -> list[str]:
    """Without a command that somebody copied from a page."""
    lowered = tuple(word.lower().lstrip("$`") for word in words if word != "$")
    words = [word for word in words if word != "$"]
    for command, repository in _COMMANDS.items():
        if lowered[: len(command)] == command:
            rest = words[len(command) :]
            return _operands(rest, repository) if repository else rest
    return words


def _operands(words: list[str], repository: str) -> list[str]:
    """What a command clones, and at which branch; not where to, and not how. Our own options stay."""
    queue, operands, branch = list(words), list[str](), ""
    while queue and queue[0] != "--":
        name, equals, value = queue[0].partition("=")
        if not name.startswith("-") and len(operands) < _REPOSITORY_AND_FOLDER:
            operands.append(queue[0])
        elif name not in _HOW and name not in _WITH_VALUE:
            break
        elif name in _WITH_VALUE:
            if not equals and len(queue) > 1:
                del queue[0]
                value = queue[0]
            branch = value if name in _BRANCH_OPTIONS else branch
        del queue[0]
    found = [each if "://" in each or "@" in each else repository.format(each) for each in operands[:1]]
    return [*found, *(("--ref", branch) if branch else ()), *(queue if queue[:1] != ["--"] else ())]


def _named_values(words: list[str]) -> list[str]:
    """`ref=dev` and `branch: dev` as options; `repo=owner/name` as the repository alone."""
    rewritten: list[str] = []
    for index, word in enumerate(words):
        match = _NAMED.fullmatch(word)
        at = _MARKED.fullmatch(word) if index and not _is_value(words, index) else None
        if word == "-b" or at:
            rewritten += ["--ref", *([at[1]] if at else [])]
        elif match is None or match[2].startswith("//") or _is_value(words, index):
            rewritten.append(word)
        else:
            rewritten += _named_value(match[1].lower(), match[2], word)
    return rewritten


def _named_value(name: str, value: str, word: str) -> list[str]:
    if name in _REPOSITORY_NAMES:
        return [value] if value else []
    if name not in _MEANS:
        return [word]
    option = _MEANS[name] or f"--{name}"
    return [option, value] if value else [option]


def _addresses(words: list[str]) -> list[str]:
    """`--urlpath lab/tree/a.ipynb` as `--open`, with the slash that makes an address of it."""
    rewritten: list[str] = []
    for word in words:
        name, equals, value = word.partition("=")
        if rewritten and _URLPATH.fullmatch(rewritten[-1]):
            rewritten[-1:] = ["--open", _with_slash(word)]
        else:
            rewritten += ["--open", _with_slash(value)] if equals and _URLPATH.fullmatch(name) else [word]
    return rewritten


def _with_slash(address: str) -> str:
    return address if address.startswith("/") or "://" in address else f"/{address}"


def _is_value(words: Sequence[str], index: int) -> bool:
    """Whether a word belongs to the option before it."""
    return index > 0 and _FLAG.match(words[index - 1]) is not None and "=" not in words[index - 1]


def _phrases(words: list[str]) -> list[str]:
    """`on dev`, `on the dev branch`, `branch dev` and `file a.ipynb`, behind the repository, as options."""
    end = next((i for i, word in enumerate(words) if _begins_time(word)), len(words))
    rewritten, queue = words[: min(1, end)], words[1:end]
    while queue:
        is_value = _KNOWN_FLAGS.match(rewritten[-1]) is not None
        taken = None if is_value else _phrase(queue)
        if taken is None:
            rewritten.append(queue.pop(0))
        else:
            option, value, length = taken
            rewritten += [option, value]
            del queue[:length]
    return rewritten + words[end:]


def _begins_time(word: str) -> bool:
    """Whether times may follow, in which such words mean something else."""
    return word.lower() in _TIMES or (
        _FLAG.match(word) is not None and not _KNOWN_FLAGS.match(word.partition("=")[0])
    )


def _phrase(words: Sequence[str]) -> tuple[str, str, int] | None:
    """Option, value and how many words they took."""
    at = 1 if words[0].lower() in _AT else 0
    begin = at + (1 if [word.lower() for word in words[at : at + 1]] == ["the"] else 0)
    first, second = (*words[begin : begin + 2], "", "")[:2]
    option = _MEANS.get(first.lower())
    if option and _is_name(second):
        return option, second, begin + 2
    if second.lower() in _REF_NAMES and _is_name(first):
        return "--ref", first, begin + 2
    return ("--ref", first, begin + 1) if at and _is_name(first) else None


def _is_name(word: str) -> bool:
    """Whether a word can be the name of a branch or a file, and is no option and no part of a sentence."""
    return bool(word) and not _FLAG.match(word) and word.lower() not in _PROSE and not _TIME.fullmatch(word)
