"""Words that say what another word is -> options: `git clone -b dev URL`, `ref=dev`, `on branch dev`. Pure.

What is not understood stays as it is, and is refused later: a ref is never guessed out of prose.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import dropwhile

from bot.errors import SpecError
from bot.interfaces.catalogue import BY_NAME
from bot.repositories.parts import echo
from bot.repositories.prose import is_prose
from bot.sentences import Sentence
from bot.times import phrases as times

_REF_NAMES = ("ref", "branch", "tag", "commit", "revision", "rev", "sha", "version", "release")
_PATH_NAMES = ("path", "file", "notebook", "directory", "dir", "folder", "subdir", "subfolder")
_MEANS: Mapping[str, str] = {
    **dict.fromkeys(_REF_NAMES, "--ref"),
    **dict.fromkeys(_PATH_NAMES, "--path"),
    **dict.fromkeys(("open", "interface"), "--open"),
    "urlpath": "--urlpath",
    "size": "--size",
    "name": "--name",
    **dict.fromkeys(times.OPTIONS, ""),  # their words are read where times are
    "time": "--for",
}
_MARKED = re.compile(r"@([\w./-]+)")
_NAMED = re.compile(r"([a-z]+)[=:](.*)", re.IGNORECASE | re.DOTALL)
_REPOSITORY_NAMES = frozenset({"repo", "repository", "url", "link", "git"})
_AT = frozenset({"on", "at", "from"})
_FLAG = re.compile("[-\u2010-\u2015\u2212]+\\w")
_OPTION = re.compile("(?:--|[\u2010-\u2015\u2212])\\w")
_URLPATH = re.compile("[-\u2010-\u2015\u2212]+urlpath", re.IGNORECASE)
_KNOWN_FLAGS = re.compile("[-\u2010-\u2015\u2212]+(?:ref|path|open|size|name)$", re.IGNORECASE)
_UNTIL = frozenset({"until", "till", "til"})
_TIMES = _UNTIL | {"for"}
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
    ("git", "lfs", "clone"): "{}",
    ("git", "remote", "add", "origin"): "{}",
    ("docker", "build"): "{}",
    ("cookiecutter",): "{}",
    ("copier", "copy"): "{}",
    ("degit",): "{}",
    ("npx", "degit"): "{}",
    ("pip3", "install"): "{}",
    ("pipx", "install"): "{}",
    ("python", "-m", "pip", "install"): "{}",
    ("python3", "-m", "pip", "install"): "{}",
    ("uv", "pip", "install"): "{}",
    ("uv", "add"): "{}",
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
    | {"--", "@", "-e", "--editable", "-U", "--upgrade", "--web", "--user", "--no-checkout"}
    | {"-L", "-O", "-LO", "-OL", "-f", "-s", "-S", "-sL", "-sSL", "-fsSL", "--location", "--remote-name"}
)
"""How something is cloned or installed, which is not wanted here."""
_ATTACHED = re.compile(r"(-[bj])([^-=].*)")
_PROMPT = re.compile(r"[$%#>!]|sudo|ps|\S+[$%#>]", re.IGNORECASE)
_NEXT_COMMAND = frozenset({"&&", "||"})
_LIST = re.compile(rf"[,;](?=(?:{'|'.join(_MEANS)})=)", re.IGNORECASE)
"""Between the values of `branch=dev,path=nb`."""
_REQUESTS: Mapping[str, str] = {
    **dict.fromkeys(("pr", "pull"), "refs/pull/{}/head"),
    "mr": "refs/merge-requests/{}/head",
}
_REQUEST = re.compile(r"(pr#|pulls?/|#|mr!|merge_requests/|!)(\d{1,9})(?:/head)?", re.IGNORECASE)
_NUMBER = re.compile(r"[#!]?(\d{1,9})")
_WITH = frozenset({"with", "in", "using"})
_ALSO_DIRECTORIES = frozenset({"nb", "notebook", "notebooks", "tree", "app", "apps", "shiny"})
_REPOSITORY_OPTION = re.compile(r"^--(?:repo|repository|url)(?:=(.*))?$", re.IGNORECASE)
_SEPARATOR = re.compile("[-=]*>|[!?\u2026]+|\\.{3}|/|[-\u2013\u2014:|,;+&\u2192=]")
_LABEL = re.compile(r"\[?([A-Za-z]+)\]?:")
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
        "see",
        "check",
        "out",
        "try",
        "start",
        "launch",
        "repository",
        "repo",
    }
)
_POLITE = frozenset({"please", "pls", "thanks", "thx", "thank", "you", "now"})
"""Words at the beginning and the end of a request that ask for nothing."""


def rewrite(words: Sequence[str]) -> list[str]:
    """The same words, with options where people write it in another way."""
    words = [word for each in _first_command(words) if (word := _REPOSITORY_OPTION.sub(r"\1", each))]
    words = [*words[:1], *(word for word in words[1:] if not _SEPARATOR.fullmatch(word))]
    words = [*dropwhile(_is_leading, words)] if any("/" in word for word in words) else [*words]
    while words and words[-1].lower().rstrip("!.,") in _POLITE and not _is_value(words, len(words) - 1):
        del words[-1]
    return _phrases(_addresses(_named_values(_command(words))))


def behind_time(words: Sequence[str]) -> list[str]:
    """The words that follow a time, with options where people write them in another way."""
    return _phrases(["", *words])[1:]


def _is_leading(word: str) -> bool:
    label = _LABEL.fullmatch(word)
    is_label = label is not None and label[1].lower() not in _MEANS.keys() | _REPOSITORY_NAMES
    return is_label or word.lower().rstrip(",!") in _LEADING


def _first_command(words: Sequence[str]) -> list[str]:
    """Without the commands that are run in the copy of a repository afterwards; options stay."""
    for index, word in enumerate(words):
        if word in _NEXT_COMMAND or (word == "cd" and "clone" in words[:index]):
            return [*words[:index], *dropwhile(lambda each: not _OPTION.match(each), words[index:])]
    return [*words]


def _command(words: list[str]) -> list[str]:
    """Without a command that somebody copied from a page."""
    typed = [*dropwhile(_PROMPT.fullmatch, words)]
    lowered = tuple(word.lower().lstrip("$`!%") for word in typed)
    for command, repository in _COMMANDS.items():
        if lowered[: len(command)] == command:
            rest = typed[len(command) :]
            return _operands(rest, repository) if repository else rest
    return typed if words[:1] == ["$"] else words


def _operands(words: list[str], repository: str) -> list[str]:
    """What a command clones, and at which branch; not where to, and not how. Our own options stay."""
    queue, operands, branch = _spread(words), list[str](), ""
    while queue and queue[0].lower() not in _TIMES:
        name, equals, value = queue[0].partition("=")
        if name not in _HOW and not name.startswith("-"):
            operands.append(queue[0])
        elif name not in _HOW and name not in _WITH_VALUE:
            break
        elif name in _WITH_VALUE:
            if not equals and len(queue) > 1:
                del queue[0]
                value = queue[0]
            branch = value if name in _BRANCH_OPTIONS else branch
        del queue[0]
    _refuse_more(operands)
    operands.sort(key=lambda operand: "://" not in operand)
    found = [each if "://" in each or "@" in each else repository.format(each) for each in operands[:1]]
    return [*found, *(("--ref", branch) if branch else ()), *queue]


def _spread(words: Sequence[str]) -> list[str]:
    """`-bdev` as two words, and `name @ link` as the link."""
    spread: list[str] = []
    for word in words:
        attached = _ATTACHED.fullmatch(word)
        spread += attached.groups() if attached else [word.rpartition(" @ ")[2]]
    return spread


def _refuse_more(operands: Sequence[str]) -> None:
    # Git takes no third one: it may be of the command on the next line.
    if len(operands) > _REPOSITORY_AND_FOLDER:
        raise SpecError(
            Sentence(
                "{word} is one word too many for a pasted command.",
                word=echo(operands[_REPOSITORY_AND_FOLDER]),
            ),
            hint=Sentence("Give the repository alone, and --ref or --path where you want a part of it."),
        )


def _named_values(words: list[str]) -> list[str]:
    """`ref=dev` and `branch: dev` as options; `repo=owner/name` as the repository alone."""
    rewritten: list[str] = []
    words = [part for index in range(len(words)) for part in _listed(words, index)]
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


def _listed(words: Sequence[str], index: int) -> list[str]:
    """The parts of a list such as `branch=dev,path=nb`. An option's value is no list, and no link is one."""
    is_whole = "://" in words[index] or _FLAG.match(words[index]) or _is_value(words, index)
    return [words[index]] if is_whole else _LIST.split(words[index])


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
    begins = ["until" if word.lower() in _UNTIL else word for word in words[end : end + 1]]
    return [*rewritten, *begins, *words[end + 1 :]]


def _begins_time(word: str) -> bool:
    """Whether times may follow, in which such words mean something else."""
    return word.lower() in _TIMES or (
        _FLAG.match(word) is not None and not _KNOWN_FLAGS.match(word.partition("=")[0])
    )


def _phrase(words: Sequence[str]) -> tuple[str, str, int] | None:
    """Option, value and how many words they took."""
    if request := _request(words):
        return request
    if words[0].lower() in _WITH and " ".join(words[1:2]).lower() in BY_NAME.keys() - _ALSO_DIRECTORIES:
        return "--open", words[1], 2
    at = 1 if words[0].lower() in _AT else 0
    begin = at + (1 if [word.lower() for word in words[at : at + 1]] == ["the"] else 0)
    first, second = (*words[begin : begin + 2], "", "")[:2]
    option = _MEANS.get(first.lower())
    if option and (_is_ref(second) if option == "--ref" else _is_name(second)):
        return option, second, begin + 2
    if second.lower() in _REF_NAMES and _is_ref(first):
        return "--ref", first, begin + 2
    return ("--ref", first, begin + 1) if at and _is_ref(first) else None


def _request(words: Sequence[str]) -> tuple[str, str, int] | None:
    """`PR 7`, `pull request #7`, `#7` and `!7`, as a ref of that pull or merge request."""
    kind = words[0].lower().rstrip(":")
    if request := _REQUEST.fullmatch(kind):
        return "--ref", _REQUESTS["pr" if request[1][0] in "p#" else "mr"].format(request[2]), 1
    length = 2 if [word.lower() for word in words[1:2]] == ["request"] else 1
    number = _NUMBER.fullmatch(words[length]) if kind in _REQUESTS and len(words) > length else None
    return ("--ref", _REQUESTS[kind].format(number[1]), length + 1) if number else None


def _is_ref(word: str) -> bool:
    """Whether a word can be the name of a branch: an article is part of a sentence."""
    return _is_name(word) and word.lower() != "a"


def _is_name(word: str) -> bool:
    """Whether a word can be the name of a branch or a file, and is no option and no part of a sentence."""
    return bool(word) and not _FLAG.match(word) and not is_prose(word)
