"""One conda package of environment.yml, and the same package as a requirement of pip."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPEC = re.compile(
    r"(?:\S+::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)(?P<version>(?:[\s=<>!~\[].*)?)", re.DOTALL
)
"""The channel, the name, and all that is said of the version."""
_SPACED_OPERATOR = re.compile(r"\s*([=<>!~,|]+)\s*")
_VERSION_AND_BUILD = re.compile(r"(?P<version>\S*?)(?:(?<=[\w.*])[= ](?P<build>[\w.*]+))?")
_CONDITION = re.compile(
    r"(?P<operator>[=!~<>]=|[=<>]|)"
    r"(?P<number>\d+(?:\.\d+)*)"
    r"(?:(?P<suffix>(?:a|b|rc|\.post|\.dev)\d+)|(?P<star>\.?\*))?"
)


@dataclass(frozen=True)
class CondaPackage:
    """One conda package.

    Attributes:
        name: Its name in lower case; the whole text where that is no name of a package.
        version: What is said of its version and its build, as conda has it; empty for any.
    """

    name: str
    version: str = ""

    @property
    def versions_of_pip(self) -> str | None:
        """Its versions as pip writes them, without the build; empty for any, None where pip has no form."""
        match = _VERSION_AND_BUILD.fullmatch(_SPACED_OPERATOR.sub(r"\1", self.version))
        if match is None:
            return None
        if match["version"] in {"", "*", "=*", "==*"}:
            return ""
        has_build = match["build"] is not None
        conditions = [_condition_of_pip(each, has_build=has_build) for each in match["version"].split(",")]
        return None if None in conditions else ",".join(filter(None, conditions))

    @property
    def requirement(self) -> str:
        """The requirement of pip: the package of the same name."""
        return f"{self.name}{self.versions_of_pip or ''}"


def parse(text: str) -> CondaPackage:
    """Read a package as environment.yml has it: `conda-forge::numpy=1.26=py311_0`."""
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        return CondaPackage(text.strip())
    return CondaPackage(match["name"].lower(), match["version"].strip())


def _condition_of_pip(text: str, *, has_build: bool) -> str | None:
    """One condition, as `=1.26` or `>=1.2.*`; None where pip has no form for it."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        return None
    operator, number = match["operator"], match["number"] + (match["suffix"] or "")
    if operator in {"<", ">", "<=", ">="}:
        return f"{operator}{number}"  # conda ignores a star here, and pip refuses it
    if operator == "~=":
        return f"~={number}" if "." in number else None
    # conda's single equals sign means "begins with", unless a build follows.
    is_prefix = match["star"] or (operator == "=" and not has_build and not match["suffix"])
    return f"{'!=' if operator == '!=' else '=='}{number}{'.*' if is_prefix else ''}"
