"""What a checkout lacks that people may miss: files in Git LFS, and the tags that versions are made of."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bot.provisioning.agent.failures import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_POINTER = b"version https://git-lfs.github.com/spec/v1"
_POINTER_BYTES = 1_024
_FILES_READ = 20_000
_NAMED = 3
_VERSIONED_BY_TAGS = re.compile(
    r"setuptools[-_]scm|hatch[-_]vcs|versioneer|versioningit|poetry-dynamic-versioning|\bpbr\b|dunamai"
)
_SAYS_ITS_VERSION = ("pyproject.toml", "setup.py", "setup.cfg")
_MAX_BYTES = 512 * 1024


def fetch_tags(checkout: Path, git: Callable[..., str]) -> None:
    """Fetch the tags and the history without its files where the repository's version is made of them."""
    if not any(_VERSIONED_BY_TAGS.search(_text(checkout / name)) for name in _SAYS_ITS_VERSION):
        return
    history = ("--unshallow",) if (checkout / ".git/shallow").exists() else ()
    # Without them it is built all the same, under another version.
    with suppress(CommandFailed):
        git("fetch", "--quiet", "--tags", "--filter=tree:0", *history, "origin", "HEAD")


def note_of_lfs(checkout: Path, git: Callable[..., str]) -> str:
    """One sentence that names the files of which only the pointer is here; empty where there are none."""
    attributes = git("ls-files", "-z", "--", ".gitattributes", "**/.gitattributes").split("\0")
    has_lfs = any("filter=lfs" in _text(checkout / name) for name in attributes if name)
    names = list(_pointers(checkout)) if has_lfs else []
    if not names:
        return ""
    named = ", ".join(f"`{name}`" for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    are = "1 file is" if len(names) == 1 else f"{len(names)} files are"
    return f"{are} in Git LFS and not fetched, only the pointer: {named}{more}."


def _pointers(checkout: Path) -> Iterator[str]:
    """The files that are pointers to Git LFS."""
    read = 0
    for folder, folders, files in os.walk(checkout):
        folders[:] = sorted(each for each in folders if each != ".git")
        for name in sorted(files):
            path = Path(folder, name)
            read += 1
            if read > _FILES_READ:
                return
            if _is_pointer(path):
                yield str(path.relative_to(checkout))


def _is_pointer(path: Path) -> bool:
    with suppress(OSError):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= _POINTER_BYTES:
            return path.read_bytes().startswith(_POINTER)
    return False


def _text(path: Path) -> str:
    with suppress(OSError):
        if path.is_file() and path.stat().st_size <= _MAX_BYTES:
            return path.read_text(encoding="utf-8", errors="replace")
    return ""
