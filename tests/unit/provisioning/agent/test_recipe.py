"""Which configuration files decide, what they ask for, and what is refused before building."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.provisioning.agent import recipe
from bot.provisioning.agent.failures import Failure, FailureCode
from bot.provisioning.agent.recipe import Recipe
from bot.provisioning.agent.recipe_files import decoded

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


PACKAGE = '[project]\nname = "x"\n[build-system]\nrequires = []\n'
POETRY = """\
[tool.poetry]
package-mode = false
[tool.poetry.dependencies]
six = "*"
[build-system]
requires = ["poetry-core"]
"""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def read(checkout: Path, *, without_conda: bool = False) -> Recipe:
    return recipe.read(checkout, ".", read_yaml, without_conda=without_conda)


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
        ({"pyproject.toml": PACKAGE}, "", (".",), ""),
        ({"pyproject.toml": f"\ufeff{PACKAGE}"}, "", (".",), ""),
        ({"pyproject.toml": "[build-system]\nrequires=[]"}, "", (), ""),
        ({"pyproject.toml": POETRY}, "", (), ""),
        ({"pyproject.toml": '[project]\nname="x"\nrequires-python=">=3.12"\n'}, ">=3.12", (), ""),
        ({"runtime.txt": "\ufeffpython-3.11"}, "3.11", (), ""),
        ({"runtime.txt": "python-3.11\r\n"}, "3.11", (), ""),
        ({"environment.yaml": "dependencies: [{pip: [humanize]}]"}, "", ("-r", "-"), "humanize\n"),
        ({"environment.yml": "", "environment.yaml": "dependencies: [gdal]"}, "", (), "\n"),
        ({"environment.yml": "dependencies: [ipywidgets]"}, "", (), "\n"),
        ({"pyproject.toml": "[tool.ruff]\nline-length=90"}, "", (), ""),
        ({"apt.txt": "# nothing\n\n", "requirements.txt": ""}, "", ("-r", "requirements.txt"), ""),
        (
            {"environment.yml": CONDA, "requirements.txt": "x"},
            "3.11",
            ("-r", "-"),
            "six==1.16\n-r more.txt\n",
        ),
        ({"environment.yml": "dependencies: [python>=3.9]"}, ">=3.9", (), "\n"),
        ({"environment.yml": "dependencies: [python=3.10.*=*_cpython]"}, "3.10", (), "\n"),
        ({"environment.yml": "dependencies: [python 3.9.*]"}, "3.9", (), "\n"),
        ({"environment.yml": "dependencies: [python=3*]"}, "3", (), "\n"),
        ({"environment.yml": "dependencies: [{pip: six}]"}, "", ("-r", "-"), "six\n"),
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
        (
            {"environment.yml": "dependencies: [python, numpy=1, gdal]"},
            "conda packages (`numpy`, `gdal`), which this machine",
        ),
        ({"environment.yml": "dependencies: [conda-forge::gdal]"}, "`gdal`"),
        (
            {"apt.txt": "x", "environment.yml": "dependencies: [gdal]", "requirements.txt": ""},
            "`apt.txt` asks for system packages and `environment.yml` asks for conda packages (`gdal`)",
        ),
        (
            {"binder/environment.yaml": "dependencies: [a, b, c, d, e, f, g, h, i, j]"},
            "conda packages (`a`, `b`, `c`, `d`, `e`, `f`, `g`, `h` and 2 more), which",
        ),
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


@pytest.mark.parametrize(
    ("files", "requirements", "noted"),
    [
        (
            {"environment.yml": "dependencies: [python=3.11, numpy]", "requirements.txt": "numpy"},
            ("-r", "requirements.txt"),
            (
                "`environment.yml` asks for conda packages (`numpy`), which this machine cannot provide: "
                "`requirements.txt` beside it is installed instead."
            ),
        ),
        (
            {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["six"]\n'},
            (),
            (
                "The dependencies in `pyproject.toml` are not installed: it has no `[build-system]`. "
                "Name them in `requirements.txt`."
            ),
        ),
        (
            {"pyproject.toml": POETRY},
            (),
            (
                "The dependencies in `pyproject.toml` are not installed: it has no `[project]`. "
                "Name them in `requirements.txt`."
            ),
        ),
        ({"pyproject.toml": PACKAGE}, (".",), ""),
        ({"pyproject.toml": "[tool.ruff]\nline-length=90"}, (), ""),
        ({"environment.yml": "dependencies: [python=3.11]", "requirements.txt": "x"}, (), ""),
    ],
)
def test_what_is_left_out_is_noted(
    tmp_path: Path, files: dict[str, str], requirements: tuple[str, ...], noted: str
) -> None:
    found = read(write(tmp_path, files))
    assert found.wanted.requirements == requirements
    assert found.notes == ((noted,) if noted else ())


FROM_PYPI = "The conda packages of `environment.yml` were taken from PyPI under the same names."
MIXED = """
dependencies:
  - python=3.11
  - jupyterlab
  - conda-forge::numpy=1.26=py311_0
  - gdal
  - pip:
    - six==1.16
"""


def test_without_conda_its_packages_are_taken_from_pypi_beside_those_of_pip(tmp_path: Path) -> None:
    found = read(write(tmp_path, {"environment.yml": MIXED}), without_conda=True)
    assert (found.wanted.python, found.wanted.requirements) == ("3.11", ("-r", "-"))
    assert found.wanted.stdin == "numpy==1.26\ngdal\nsix==1.16\n"
    assert found.notes == (FROM_PYPI,)
    assert "were tried from PyPI under the same names" in found.wanted.hint


def test_without_conda_it_is_said_whose_versions_are_left_open(tmp_path: Path) -> None:
    files = {"environment.yml": "dependencies: ['gdal=3.8|3.9', six=1.16, 'proj[version=9]']"}
    found = read(write(tmp_path, files), without_conda=True)
    assert found.wanted.stdin == "gdal\nsix==1.16.*\nproj\n"
    assert found.notes == (
        FROM_PYPI,
        "Any version of `gdal`, `proj` was taken: pip cannot be asked for the one in `environment.yml`.",
    )


def test_without_conda_nothing_else_changes(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain", {"environment.yml": CONDA})
    assert read(plain, without_conda=True) == read(plain)
    beside = write(tmp_path / "beside", {"environment.yml": MIXED, "requirements.txt": "numpy"})
    assert read(beside, without_conda=True) == read(beside)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"environment.yml": "dependencies: [gdal]"}, FailureCode.NEEDS_CONDA),
        ({"environment.yml": "dependencies: [gdal]", "apt.txt": "x"}, FailureCode.NEEDS_ENGINE),
        ({"apt.txt": "x"}, FailureCode.NEEDS_ENGINE),
    ],
)
def test_only_where_nothing_but_conda_is_missing_the_code_says_so(
    tmp_path: Path, files: dict[str, str], code: FailureCode
) -> None:
    with pytest.raises(Failure) as refused:
        read(write(tmp_path, files))
    assert refused.value.code == code


def test_without_conda_system_packages_are_still_refused(tmp_path: Path) -> None:
    files = {"environment.yml": "dependencies: [gdal]", "apt.txt": "x"}
    with pytest.raises(Failure) as refused:
        read(write(tmp_path, files), without_conda=True)
    assert refused.value.code == FailureCode.NEEDS_ENGINE
    assert refused.value.reason == ("`apt.txt` asks for system packages, which this machine cannot provide.")


def test_versions_that_are_not_released_yet_are_taken_where_pip_would(tmp_path: Path) -> None:
    assert read(write(tmp_path, {"requirements.txt": "six\n--pre\n"})).wanted.takes_prereleases
    assert not read(write(tmp_path, {"requirements.txt": "six  # no --pre\n"})).wanted.takes_prereleases


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_read_in_the_encodings_that_editors_write(encoding: str) -> None:
    mark = "\ufeff" if encoding in {"utf-16-le", "utf-16-be"} else ""

    assert decoded(f"{mark}one\r\ntw\u00f6\r\n".encode(encoding)) == "one\ntw\u00f6\n"


def test_files_that_lead_out_of_the_checkout_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"secret.txt": "python-9.9", "secret/requirements.txt": "x"})
    checkout = write(tmp_path / "checkout", {"README.md": ""})
    (checkout / "runtime.txt").symlink_to(tmp_path / "secret.txt")
    (checkout / "binder").symlink_to(tmp_path / "secret")
    (checkout / "requirements.txt").symlink_to("requirements.txt")
    wanted = read(checkout).wanted
    assert (wanted.python, wanted.requirements) == ("", ())
