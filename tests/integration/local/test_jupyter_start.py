"""Jupyter's server starts without the import that it makes for nothing, and notices no difference."""

import os
import subprocess
import sys
from pathlib import Path

from bot.provisioning.agent.jupyter_start import RUN

SLOW = """
print("compiling grammars")

def is_valid_syntax(term, value):
    return (term, value) == ("iri", "https://ä.example/x")

def parse(term, value):
    return [term, value]
"""
SERVER = """
import jsonschema
print("started")
check = jsonschema.Draft7Validator.FORMAT_CHECKER
print([check.conforms(text, "iri") for text in ("https://ä.example/x", "no address")])
from rfc3987_syntax import parse
print(parse("iri", "x"))
"""


def printed_by(script: Path, text: str, *arguments: str, modules: Path) -> list[str]:
    """What a script prints that is run as a server is."""
    script.write_text(text)
    (script.parent / "elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(script), *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=script.parent / "elsewhere",
        env=os.environ | {"PYTHONPATH": str(modules)},
    )
    return done.stdout.splitlines()


def test_grammars_are_compiled_only_for_an_address_that_is_checked(tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/rfc3987_syntax.py").write_text(SLOW)
    said = printed_by(tmp_path / "server.py", SERVER, modules=tmp_path / "modules")
    assert said == ["started", "compiling grammars", "[True, False]", "['iri', 'x']"]


def test_nothing_stands_in_for_what_is_not_installed(tmp_path: Path) -> None:
    code = "try:\n    import rfc3987_syntax\nexcept ImportError as error:\n    print(error.name)\n"
    said = printed_by(tmp_path / "server.py", code, modules=tmp_path / "none")
    assert said == ["rfc3987_syntax"]


def test_a_script_runs_as_python_itself_runs_it(tmp_path: Path) -> None:
    script = tmp_path / "jupyter-server"
    code = "import sys\nprint(__name__, sys.argv, sys.path[0], '' in sys.path)\n"
    said = printed_by(script, code, "--port=1", modules=tmp_path / "none")
    assert said == [f"__main__ {[str(script), '--port=1']} {script.parent} False"]
