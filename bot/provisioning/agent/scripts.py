"""Running a repository's scripts, as a shell would run them, also those that were written on Windows."""

from __future__ import annotations

import codecs
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_EXECUTABLE = {b"#!", b"\x7fE"}


def runnable(script: Path, folder: Path) -> list[str]:
    """The command that runs a script: by sh where it names no interpreter.

    Args:
        script: The script. It is left as it is, but may be run.
        folder: Where a copy is put if the script has Windows line ends or a byte order mark, which no kernel
            understands.
    """
    content = script.read_bytes()
    plain = content.removeprefix(codecs.BOM_UTF8)
    is_text = b"\0" not in plain
    plain = plain.replace(b"\r\n", b"\n") if is_text else plain
    if plain != content:
        script = folder / script.name
        script.write_bytes(plain)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return [str(script)] if plain[:2] in _EXECUTABLE else ["/bin/sh", str(script)]
