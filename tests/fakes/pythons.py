"""The oldest Pythons that the agent is for, where this machine has some."""

import subprocess
from functools import cache
from pathlib import Path


@cache
def old_pythons() -> list[str]:
    """Pythons 3.9 and 3.10 of this machine, on PATH or of pyenv."""
    of_pyenv = sorted(Path.home().glob(".pyenv/versions/3.[91][.0]*/bin/python"))
    found = []
    for python in ("python3.9", "python3.10", *map(str, of_pyenv)):
        # The name may be a script that finds another program, or none.
        ask = ["sh", "-c", f"{python} -c 'import sys; print(sys.executable)'"]
        answer = subprocess.run(ask, capture_output=True, check=False, text=True)
        found += [answer.stdout.strip()] if answer.returncode == 0 else []
    return found
