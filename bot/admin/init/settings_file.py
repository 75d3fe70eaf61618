"""The settings file. The bot, systemd, Docker Compose and shells read it, and agree about few characters."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from bot.errors import ConfigError

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
"""What all readers take without quotes."""
_READ_DIFFERENTLY = re.compile(r"['\\]|\$\{|[^\x20-\U0010ffff]|\x7f")
"""What they do not read alike even in quotes: quotes, backslashes, `${…}` (replaced by some), line breaks."""


def read(file: Path) -> dict[str, str]:
    """The settings in a file; none where there is no file.

    Raises:
        ConfigError: It cannot be read.
    """
    text = _text_of(file)
    return {
        name: value
        for name, value in dotenv_values(stream=StringIO(text), interpolate=False).items()
        if value
    }


def write(file: Path, settings: Mapping[str, str]) -> None:
    """Write settings into a file that its owner alone can read; its other lines stay.

    Args:
        file: Made where it is not there. It is replaced in one step.
        settings: An empty value removes a setting.

    Raises:
        ConfigError: It cannot be written.
    """
    text = rewritten(_text_of(file), settings)
    try:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")  # with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as new:
                new.write(text)
            Path(name).replace(file)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}.") from error


def rewritten(text: str, settings: Mapping[str, str]) -> str:
    """The text of a settings file with other settings in it."""
    lines = list(_kept(text, settings))
    if lines and not lines[-1].endswith("\n"):
        lines.append("\n")
    before = read_names(text)
    lines += [line_of(name, value) for name, value in settings.items() if value and name not in before]
    return "".join(lines)


def read_names(text: str) -> set[str]:
    """The names of the settings in a text."""
    return {each.key for each in parse_stream(StringIO(text)) if each.key}


def _kept(text: str, settings: Mapping[str, str]) -> Iterator[str]:
    done: set[str] = set()
    for each in parse_stream(StringIO(text)):
        name = each.key or ""
        if name not in settings:
            yield each.original.string
        elif name not in done and settings[name]:
            yield line_of(name, settings[name])
        done.add(name)


def line_of(name: str, value: str) -> str:
    """One setting, in quotes where a reader needs them."""
    return f"{name}={value}\n" if _PLAIN.fullmatch(value) else f"{name}='{value}'\n"


def require_writable(value: str) -> None:
    """Make sure that all readers of the file understand a value alike.

    Raises:
        ConfigError: They would not.
    """
    if _READ_DIFFERENTLY.search(value):
        raise ConfigError("An answer cannot have quotes ('), backslashes, line breaks or `${` in it.")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read.") from error
