"""What was saved of a binder, as one zip archive that harms nobody who unpacks it.

SAVED.txt         what is in it, what was deleted, what is missing and why
changes.patch     what differs in the repository's text files, for `git apply`
files/…           every changed or new file, whole
"""

import io
import re
import time
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bot.jupyter.file_crawl import LeftOut

MANIFEST: Final = "SAVED.txt"
PATCH: Final = "changes.patch"
FILES: Final = "files/"
_MOST_LINES: Final = 2_000
_LONGEST_LINE: Final = 1_000
_LONGEST_PART: Final = 120
_LONGEST_ENDING: Final = 30
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
_RESERVED: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Archive:
    """What was saved, and what a person may want to know of it. All paths are hostile.

    Args:
        name: Of the archive: `demo-changes.zip`.
        data: The archive itself.
        changed: Paths of the repository's files that differ.
        new: Paths of files that are not the repository's; of all, where that cannot be told.
        deleted: Paths of the repository's files that are gone.
        left_out: What is not in it, and why.
        has_patch: Whether there is a patch in it.
        note: Why there is none, where there should be: a sentence.
    """

    name: str
    data: bytes
    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    has_patch: bool = False
    note: str = ""

    def __repr__(self) -> str:
        return f"Archive({len(self.data)} bytes)"  # people's own files are nobody's business in a log


class ArchivePaths:
    """The paths of files in an archive: valid on every system, and no two the same on any."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[tuple[str, str]] = set()
        self.renamed: dict[str, str] = {}
        """Path -> its path in the archive, where they differ."""

    def of(self, path: str) -> str:
        """The path in the archive for a path of the server; always the same one."""
        place = ""
        for part in path.split("/"):
            place = f"{place}/{self._name(place, part)}".lstrip("/")
        if place != path:
            self.renamed[path] = place
        return place

    def _name(self, folder: str, part: str) -> str:
        if (folder, part) not in self._given:
            self._given[folder, part] = name = self._free(folder, harmless(part))
            self._taken.add((folder, _alike(name)))
        return self._given[folder, part]

    def _free(self, folder: str, name: str) -> str:
        stem, dot, ending = name.rpartition(".")
        candidates = (
            f"{stem}-{number}.{ending}" if dot else f"{name}-{number}" for number in range(2, 1 << 30)
        )
        if (folder, _alike(name)) not in self._taken:
            return name
        return next(each for each in candidates if (folder, _alike(each)) not in self._taken)


def harmless(part: str) -> str:
    """A part of a path that is valid on Windows and macOS too, without invisible characters."""
    visible = "".join("_" if unicodedata.category(char)[0] == "C" else char for char in part)
    name = _FORBIDDEN.sub("_", visible)
    if len(name) > _LONGEST_PART:
        ending = name[name.rfind(".") :] if name.rfind(".") > len(name) - _LONGEST_ENDING else ""
        name = name[: _LONGEST_PART - len(ending)] + ending
    if name.endswith((".", " ")):
        name = name[:-1] + "_"
    if _RESERVED.fullmatch(name.partition(".")[0].strip()) or name.startswith(" "):
        name = "_" + name
    return name


def _alike(name: str) -> str:
    """A form that is the same for all names that some system treats as one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


class Packer:
    """Packs files into an archive, one after the other."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._zip = zipfile.ZipFile(self._buffer, "w", zipfile.ZIP_DEFLATED)
        self._paths = ArchivePaths()
        self._now = time.gmtime()[:6]

    def file(self, path: str, content: bytes, *, executable: bool = False) -> None:
        """Add a file."""
        self._write(FILES + self._paths.of(path), content, 0o755 if executable else 0o644)

    def patch(self, difference: bytes) -> None:
        """Add the patch."""
        self._write(PATCH, difference)

    def close(self, manifest: Iterable[str]) -> bytes:
        """The archive; with the lines of its manifest, to which is added what had to be renamed."""
        renamed = [f"{shown(path)} is {FILES}{place}" for path, place in self._paths.renamed.items()]
        lines = [*manifest, *section("Renamed, because some systems do not allow the name", renamed)]
        self._write(MANIFEST, "".join(f"{line}\n" for line in lines).encode())
        self._zip.close()
        return self._buffer.getvalue()

    def _write(self, name: str, content: bytes, mode: int = 0o644) -> None:
        info = zipfile.ZipInfo(name, self._now)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3  # where the next line means something
        info.external_attr = (0o100000 | mode) << 16
        self._zip.writestr(info, content)


def section(title: str, lines: Sequence[str]) -> Iterator[str]:
    """A part of the manifest; nothing where there are no lines."""
    if not lines:
        return
    yield from ("", f"{title}:")
    yield from (f"  {line}" for line in lines[:_MOST_LINES])
    if len(lines) > _MOST_LINES:
        yield f"  … and {len(lines) - _MOST_LINES:,} more"


def shown(path: str) -> str:
    """A hostile path on one line, with invisible characters written out."""
    visible = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)
    return "".join(visible)[:_LONGEST_LINE]
