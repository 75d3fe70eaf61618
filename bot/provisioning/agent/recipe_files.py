"""The configuration files of one directory of a repository, as repo2docker finds them."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

import tomllib

from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.paths import CONFIGURATION_FOLDERS, inside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_ONLY_AT_ROOT = frozenset({"DESCRIPTION", "setup.py", "pyproject.toml"})
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MAX_BYTES = 512 * 1024


class ConfigurationFiles:
    """The configuration files of one directory.

    Args:
        checkout: The checkout.
        root: The directory within it that is built.
        read_yaml: Reads YAML; raises ValueError.

    Raises:
        Failure: It has two folders for them.
    """

    def __init__(self, checkout: Path, root: Path, read_yaml: Callable[[str], Any]) -> None:
        self._checkout = checkout
        self._read_yaml = read_yaml
        self.root = root
        special = [name for name in CONFIGURATION_FOLDERS if inside(checkout, self._relative(root / name))]
        if len(special) > 1:
            raise Failure(
                "The repository has both `binder/` and `.binder/`; only one may hold configuration.",
                FailureCode.BUILD_FAILED,
            )
        self._has_own_folder = bool(special)
        self.folder = root / special[0] if special else root

    def find(self, name: str) -> Path | None:
        """A file by its name; None where it is absent, no file, or leads out of the checkout."""
        if name in _ONLY_AT_ROOT and self._has_own_folder:
            return None
        path = inside(self._checkout, self._relative(self.folder / name))
        return path if path is not None and path.is_file() else None

    def shown(self, name: str) -> str:
        """A file's name as people know it: from the repository's root."""
        return self._relative(self.folder / name)

    def text(self, name: str) -> str:
        """The content of a file; empty where it is absent.

        Raises:
            Failure: It is too large.
        """
        path = self.find(name)
        if path is None:
            return ""
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise self.invalid(name, f"is larger than {_MAX_BYTES // 1024} KiB")
        return decoded(content)

    def yaml(self, name: str) -> Any:
        """The content of a YAML file.

        Raises:
            Failure: It is not valid.
        """
        try:
            return self._read_yaml(self.text(name))
        except (ValueError, RecursionError) as error:
            raise self.invalid(name, "is not valid YAML") from error

    def toml(self, name: str) -> dict[str, Any]:
        """The content of a TOML file; empty where it is absent.

        Raises:
            Failure: It is not valid.
        """
        try:
            return tomllib.loads(self.text(name))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise self.invalid(name, f"is not valid TOML: {error}") from error

    def json(self, name: str) -> dict[str, Any]:
        """The object in a JSON file.

        Raises:
            Failure: It is not valid.
        """
        try:
            content = json.loads(self.text(name))
        except (ValueError, RecursionError) as error:
            raise self.invalid(name, f"is not valid JSON: {error}") from error
        return content if isinstance(content, dict) else {}

    def invalid(self, name: str, what: str) -> Failure:
        """The failure that says what is wrong with a file."""
        return Failure(f"`{self.shown(name)}` {what}.", FailureCode.BUILD_FAILED)

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._checkout))


def decoded(content: bytes) -> str:
    """A text file's content, in whatever encoding editors leave it."""
    for mark, encoding in _BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding, errors="replace").replace("\r\n", "\n")
    return content.decode(errors="replace").replace("\r\n", "\n")


def table(content: dict[str, Any], key: str) -> dict[str, Any]:
    """A table within a table; empty where there is none."""
    value = content.get(key)
    return value if isinstance(value, dict) else {}
