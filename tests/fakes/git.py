"""A repository worth launching, over real git and HTTP on loopback. `python -m tests.fakes.git` serves it."""

import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import GitServer

NOTEBOOK = json.dumps(
    {
        "cells": [
            {
                "cell_type": "code",
                "id": "a",
                "source": "import humanize",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
)
GOOD = {"requirements.txt": "humanize\n", "index.ipynb": NOTEBOOK, "README.md": "# A small repository\n"}
BAD = {"requirements.txt": "humanize==99999\n", "index.ipynb": NOTEBOOK}


@contextmanager
def git_repository_server(files: Mapping[str, str] = GOOD, name: str = "team/small") -> Iterator[str]:
    """Serve one repository of these files; gives the URL that is cloned."""
    with TemporaryDirectory() as folder, GitServer(Path(folder)) as server:
        repository = server.repository(name)
        repository.commit(files)
        yield repository.url


def main() -> None:
    """Serve a good and a bad repository until standard input ends."""
    with TemporaryDirectory() as folder, GitServer(Path(folder)) as server:
        for name, files in {"team/small": GOOD, "team/broken": BAD}.items():
            repository = server.repository(name)
            repository.commit(files)
            sys.stdout.write(repository.url + "\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
