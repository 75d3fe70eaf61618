"""Which configuration files decide, what they ask for, and what is refused before building."""

import dataclasses
import json
from pathlib import Path

import pytest

from bot.errors import CannotBuild
from bot.provisioning.runner.recipe import Recipe, build_root, read
from bot.provisioning.runner.uv_way import find_python

LOCK = json.dumps(
    {
        "_meta": {"requires": {"python_version": "3.11"}},
        "default": {
            "numpy": {"version": "==2.0.0", "markers": "python_version >= '3.9'"},
            "tool": {"git": "https://example.org/tool.git", "ref": "abc"},
        },
        "develop": {"pytest": {"version": "==8.0.0", "extras": ["dev"]}},
    }
)
LOCKED = """numpy==2.0.0 ; python_version >= '3.9'
tool @ git+https://example.org/tool.git@abc
pytest[dev]==8.0.0
"""
CONDA = """
channels: [conda-forge]
dependencies:
  - python=3.11.*
  - pip
  - jupyterlab
  - pip:
    - six==1.16
    - -r more.txt
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize(
    ("files", "python", "requirements", "stdin"),
    [
        ({}, "", (), ""),
        ({"README.md": "x"}, "", (), ""),
        ({"requirements.txt": "six"}, "", ("-r", "requirements.txt"), ""),
        ({"binder/requirements.txt": "six", "setup.py": ""}, "", ("-r", "binder/requirements.txt"), ""),
        ({".binder/runtime.txt": "python-3.10\n"}, "3.10", (), ""),
        ({"requirements.txt": "six", "setup.py": ""}, "", ("-r", "requirements.txt", "."), ""),
        ({"pyproject.toml": "[build-system]\nrequires=[]"}, "", (".",), ""),
        ({"pyproject.toml": "[tool.ruff]\nline-length=90"}, "", (), ""),
        ({"apt.txt": "# nothing\n\n", "requirements.txt": ""}, "", ("-r", "requirements.txt"), ""),
        (
            {"environment.yml": CONDA, "requirements.txt": "x"},
            "3.11",
            ("-r", "-"),
            "six==1.16\n-r more.txt\n",
        ),
        ({"environment.yml": "dependencies: [python>=3.9]"}, ">=3.9", (), "\n"),
        ({"environment.yml": ""}, "", (), "\n"),
        (
            {"Pipfile.lock": LOCK, "Pipfile": "x", "requirements.txt": "y"},
            "3.11",
            ("-r", "-"),
            LOCKED,
        ),
        ({"Pipfile": '[packages]\nsix = "*"\nattrs = ">=20"'}, "", ("-r", "-"), "six\nattrs>=20\n"),
    ],
)
def test_what_the_first_matching_file_asks_for(
    tmp_path: Path, files: dict[str, str], python: str, requirements: tuple[str, ...], stdin: str
) -> None:
    recipe = read(write(tmp_path, files))
    assert (recipe.python, recipe.requirements, recipe.stdin) == (python, requirements, stdin)


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"Dockerfile": "FROM x", "requirements.txt": ""}, "`Dockerfile` asks for a container image"),
        ({"Project.toml": ""}, "`Project.toml` asks for Julia"),
        ({"REQUIRE": ""}, "`REQUIRE` asks for Julia"),
        ({"default.nix": ""}, "`default.nix` asks for Nix"),
        ({"DESCRIPTION": ""}, "`DESCRIPTION` asks for R"),
        ({"binder/install.R": ""}, "`binder/install.R` asks for R"),
        ({"runtime.txt": "r-4.3-2024-01-01"}, "`runtime.txt` asks for R"),
        ({"runtime.txt": "4.3"}, "`runtime.txt` says `4.3`"),
        ({"binder/apt.txt": "gdal-bin"}, "`binder/apt.txt` asks for system packages"),
        ({"apt.txt": "x", "install.R": ""}, "`install.R` asks for R and `apt.txt` asks for system packages"),
        ({"environment.yml": "dependencies: [python, numpy=1, gdal]"}, "conda packages, which this machine"),
        ({"environment.yml": "dependencies: [conda-forge::gdal]"}, "`gdal`"),
        ({"environment.yml": "dependencies: ["}, "`environment.yml` is no valid YAML"),
        ({"environment.yml": "dependencies: all"}, "`environment.yml` has no list"),
        ({"Pipfile": "["}, "`Pipfile` is no valid TOML"),
        ({"Pipfile.lock": "["}, "`Pipfile.lock` is no valid JSON"),
        ({"binder/x": "", ".binder/x": ""}, "both `binder/` and `.binder/`"),
        ({"requirements.txt": "x" * 600_000}, "`requirements.txt` is larger"),
    ],
)
def test_what_uv_cannot_build_is_refused_by_name(tmp_path: Path, files: dict[str, str], named: str) -> None:
    with pytest.raises(CannotBuild) as refused:
        read(write(tmp_path, files))
    assert named in refused.value.sentence


def test_files_that_lead_out_of_the_checkout_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret.txt": "python-9.9", "secret/requirements.txt": "x"})
    checkout = write(tmp_path / "checkout", {"README.md": ""})
    (checkout / "runtime.txt").symlink_to(tmp_path / "secret.txt")
    (checkout / "binder").symlink_to(tmp_path / "secret")
    (checkout / "requirements.txt").symlink_to("requirements.txt")
    recipe = read(checkout)
    assert (recipe.python, recipe.requirements) == ("", ())


@pytest.mark.parametrize(
    ("path", "root"),
    [(None, "."), ("", "."), ("./", "."), ("a/index.ipynb", "."), ("plain", "."), ("a", "a"), ("b/", "b")],
)
def test_a_configured_directory_is_the_build_root(tmp_path: Path, path: str | None, root: str) -> None:
    files = {"a/requirements.txt": "", "a/index.ipynb": "", "plain/x.txt": "", "b/.binder/postBuild": ""}
    assert build_root(write(tmp_path, files), path) == root


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "notebooks/indx.ipynb", "out", "a\0b", "a" * 5000]
)
def test_a_path_that_is_not_there_is_named_with_its_neighbours(tmp_path: Path, path: str) -> None:
    checkout = write(tmp_path, {"notebooks/index.ipynb": ""})
    (checkout / "out").symlink_to("/etc")
    with pytest.raises(CannotBuild, match="has no file or directory") as refused:
        build_root(checkout, path)
    if path.startswith("notebooks"):
        assert "`notebooks/index.ipynb`" in refused.value.hint


def test_a_python_that_is_not_here_has_a_stand_in_but_python_2_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.provisioning.runner.uv_way._ask_uv", lambda *_: "")
    recipe = Recipe(Path("/x"), Path("/x"), python="3.2")
    assert find_python(recipe, {}) is None
    with pytest.raises(CannotBuild, match=r"Python 2\.7"):
        find_python(dataclasses.replace(recipe, python="2.7"), {})
