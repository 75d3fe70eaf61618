"""What repositories are built with, in the field's words."""

from __future__ import annotations

import re

PYTHON = "Python"
_KINDS = {
    "DockerBuildPack": "Dockerfile",
    "CondaBuildPack": "conda",
    "PythonBuildPack": PYTHON,
    "PipfileBuildPack": "Pipfile",
    "RBuildPack": "R",
    "JuliaProjectTomlBuildPack": "Julia",
    "JuliaRequireBuildPack": "Julia",
    "NixBuildPack": "Nix",
}
"""By the classes of repo2docker, which says `Using RBuildPack builder` before it builds."""
_BUILDER = re.compile(r"Using (\w{1,80}) builder")


def kind_in(message: str) -> str:
    """What is built with, where a message of repo2docker tells it; else empty."""
    used = _BUILDER.match(message)
    return _KINDS.get(used[1], "") if used else ""
