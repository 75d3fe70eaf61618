"""The agent travels alone: one file that an old Python runs."""

import ast
import importlib.util
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import bot.provisioning.agent
from bot.provisioning.agent_archive import BAKE_ONLY, HOST_ONLY, archive, archive_that_bakes
from tests.fakes.pythons import old_pythons

OLD_PYTHONS = old_pythons()
FOLDER = Path(bot.provisioning.agent.__file__).parent
OWN = "bot.provisioning.agent"


def modules() -> list[Path]:
    return sorted(FOLDER.glob("*.py"))


def imports(source: str) -> set[str]:
    """Everything that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_a_module_imports_the_standard_library_and_its_own_package_alone(path: Path) -> None:
    for name in imports(path.read_text()):
        is_own = name == OWN or name.startswith(f"{OWN}.") or OWN.startswith(name)
        assert is_own or name.partition(".")[0] in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_a_module_is_small_and_speaks_the_language_of_old_pythons(path: Path) -> None:
    source = path.read_text()

    ast.parse(source, feature_version=(3, 9))
    assert source.count("\n") < 300


def test_what_bakes_is_needed_by_nothing_that_travels_to_a_binder() -> None:
    travelling = [path for path in modules() if path.name not in HOST_ONLY | BAKE_ONLY]
    baking = {f"{OWN}.{name.removesuffix('.py')}" for name in BAKE_ONLY}

    assert {path.name for path in modules()} >= BAKE_ONLY
    assert not {name for path in travelling for name in imports(path.read_text())} & baking


def test_what_stays_on_the_host_is_needed_by_nothing_that_travels() -> None:
    travelling = [path for path in modules() if path.name not in HOST_ONLY]
    staying = {f"{OWN}.{name.removesuffix('.py')}" for name in HOST_ONLY}

    assert {path.name for path in modules()} >= HOST_ONLY
    needed = {name for path in travelling for name in imports(path.read_text())} & staying
    assert needed == {f"{OWN}.uv_build"}, "the start imports it only where the settings say so"


@pytest.mark.parametrize(
    ("made", "without"), [(archive, HOST_ONLY | BAKE_ONLY), (archive_that_bakes, HOST_ONLY)]
)
def test_the_archive_is_always_the_same_and_holds_the_same_code(
    made: Callable[[], bytes], without: frozenset[str]
) -> None:
    made.cache_clear()  # type: ignore[attr-defined]
    before = made()
    made.cache_clear()  # type: ignore[attr-defined]
    assert made() == before

    with zipfile.ZipFile(io.BytesIO(made())) as file:
        assert {Path(name).name for name in file.namelist()} & without == set()
        for path in modules():
            if path.name not in without:
                packed = file.read(f"bot/provisioning/agent/{path.name}").decode()
                assert packed.count("\n") == path.read_text().count("\n"), "tracebacks name the right lines"
                assert code_of(packed) == code_of(path.read_text())


def code_of(source: str) -> str:
    """A module's syntax tree without the strings that are only there to be read by people."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.dump(tree)


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python 3.9 or 3.10 on this machine")
@pytest.mark.parametrize("python", OLD_PYTHONS)
def test_an_old_python_loads_every_module_that_travels(tmp_path: Path, python: str) -> None:
    (tmp_path / "agent.pyz").write_bytes(archive())
    names = [f"{OWN}.{path.stem}" for path in modules() if path.name not in HOST_ONLY]
    script = f"import importlib\nfor name in {names!r}: importlib.import_module(name)"

    subprocess.run(
        [python, "-c", script],
        check=True,
        env={"PYTHONPATH": str(tmp_path / "agent.pyz"), "PATH": os.defpath},
    )


def test_it_needs_nothing_of_what_is_installed_here(tmp_path: Path) -> None:
    (tmp_path / "agent.pyz").write_bytes(archive())

    told = subprocess.run(
        [sys.executable, "-I", "-S", tmp_path / "agent.pyz", "--help"],
        capture_output=True,
        check=True,
        text=True,
    )

    assert "Serves one repository" in told.stdout
    assert importlib.util.find_spec("bot") is not None, "it would not be seen if it were used"
