"""What repositories are built with, in the field's words."""

from __future__ import annotations

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
"""By the classes of repo2docker."""


def kind_of(builder: str) -> str:
    """What a class of repo2docker builds; empty where that is not known."""
    return _KINDS.get(builder, "")
