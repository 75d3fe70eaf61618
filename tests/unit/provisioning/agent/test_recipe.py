"""Which configuration files decide, what they ask for, and what is refused before building."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.provisioning.agent import recipe
from bot.provisioning.agent.failures import Failure
from bot.provisioning.agent.pythons import find_python
from bot.provisioning.agent.recipe import Recipe
from bot.provisioning.agent.settings import UvSettings
from tests.unit.provisioning.agent.jobs import a_job

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


def read(checkout: Path) -> Recipe:
    return recipe.read(checkout, ".", read_yaml)


def read_yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


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
    wanted = read(write(tmp_path, files)).wanted
    assert (wanted.python, wanted.requirements, wanted.stdin) == (python, requirements, stdin)


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
        ({"environment.yml": "dependencies: ["}, "`environment.yml` is not valid YAML"),
        ({"environment.yml": "dependencies: all"}, "`environment.yml` has no list"),
        ({"Pipfile": "["}, "`Pipfile` is not valid TOML"),
        ({"Pipfile.lock": "["}, "`Pipfile.lock` is not valid JSON"),
        ({"binder/x": "", ".binder/x": ""}, "both `binder/` and `.binder/`"),
        ({"requirements.txt": "x" * 600_000}, "`requirements.txt` is larger"),
    ],
)
def test_what_uv_cannot_build_is_refused_by_name(tmp_path: Path, files: dict[str, str], named: str) -> None:
    with pytest.raises(Failure) as refused:
        read(write(tmp_path, files))
    assert named in refused.value.reason


def test_files_that_lead_out_of_the_checkout_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret.txt": "python-9.9", "secret/requirements.txt": "x"})
    checkout = write(tmp_path / "checkout", {"README.md": ""})
    (checkout / "runtime.txt").symlink_to(tmp_path / "secret.txt")
    (checkout / "binder").symlink_to(tmp_path / "secret")
    (checkout / "requirements.txt").symlink_to("requirements.txt")
    wanted = read(checkout).wanted
    assert (wanted.python, wanted.requirements) == ("", ())


UV = UvSettings(uv="false", root="/nonexistent", cache="/nonexistent")


def test_a_python_that_is_not_here_has_a_stand_in_but_python_2_has_none(tmp_path: Path) -> None:
    job = a_job(tmp_path)

    assert find_python(job, UV, "3.2") == Path(os.path.realpath(sys.executable))
    with pytest.raises(Failure, match=r"Python 2\.7"):
        find_python(job, UV, "2.7")
