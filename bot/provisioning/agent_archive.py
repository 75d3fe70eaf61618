"""The agent as one file that Python runs as it is, to travel to an instance."""

import ast
import hashlib
import io
import tokenize
import zipfile
from functools import cache
from pathlib import Path

import bot.provisioning.agent

HOST_ONLY = frozenset(
    {
        "environment.py",
        "environments.py",
        "jupyter_process.py",
        "memory_events.py",
        "pythons.py",
        "recipe.py",
        "recipe_conda.py",
        "recipe_conda_package.py",
        "recipe_files.py",
        "recipe_pipfile.py",
        "sandbox.py",
        "scripts.py",
        "uv_build.py",
        "uv_install.py",
    }
)
"""Modules of the build without containers, which instances never use. User data has no room for them."""

BAKE_ONLY = frozenset({"bake.py", "cleaning.py"})
"""Modules for machines whose image is kept, which other instances never use."""

_PACKAGES = ("bot", "bot/provisioning")
_START = "import sys\n\nfrom bot.provisioning.agent.{module} import main\n\nsys.exit(main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@cache
def archive() -> bytes:
    """The agent as a zip archive; always the same bytes for the same agent."""
    return _zipped("__main__", HOST_ONLY | BAKE_ONLY)


@cache
def archive_that_bakes() -> bytes:
    """The same for a machine whose image is kept: see `bot.provisioning.agent.bake`."""
    return _zipped("bake", HOST_ONLY)


def _zipped(start: str, without: frozenset[str]) -> bytes:
    """The agent as a zip archive.

    It is not compressed in itself: the whole is compressed better than its files one by one. Comments and
    docstrings are left out, since user data has little room; tracebacks still name the right lines.

    Args:
        start: The module whose `main` is run.
        without: The files that are left out.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        for name, source in _sources(start, without).items():
            file.writestr(zipfile.ZipInfo(name, _EPOCH), source)
    return content.getvalue()


@cache
def fingerprint() -> str:
    """Something by which this version of the agent is known: another one for each change of it."""
    return hashlib.sha256(archive()).hexdigest()[:16]


def _sources(start: str, without: frozenset[str]) -> dict[str, bytes]:
    folder = Path(bot.provisioning.agent.__file__).parent
    modules = {
        f"bot/provisioning/agent/{path.name}": _without_prose(path.read_text(encoding="utf-8")).encode()
        for path in sorted(folder.glob("*.py"))
        if path.name not in without
    }
    packages = {f"{package}/__init__.py": b"" for package in _PACKAGES}
    return {"__main__.py": _START.format(module=start).encode(), **packages, **modules}


def _without_prose(source: str) -> str:
    """A module without its comments and docstrings, each line where it was."""
    lines = source.splitlines()
    for begin, end in _docstrings(source):
        indent = lines[begin][: len(lines[begin]) - len(lines[begin].lstrip())]
        lines[begin : end + 1] = [f'{indent}""', *[""] * (end - begin)]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and lines[token.start[0] - 1].endswith(token.string):
            lines[token.start[0] - 1] = lines[token.start[0] - 1][: token.start[1]].rstrip()
    return "\n".join(lines) + "\n"


def _docstrings(source: str) -> list[tuple[int, int]]:
    """The first and last line of every string that is a statement."""
    return [
        (node.lineno - 1, (node.end_lineno or node.lineno) - 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
