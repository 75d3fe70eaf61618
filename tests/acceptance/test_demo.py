"""`make run` as a process: from its start to links that answer, and by Ctrl-C to nothing left."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.demo.session import EXAMPLE_NOTEBOOK, STATE
from tests.acceptance.test_real_server import PATIENCE, leftovers, uv_cache
from tests.fakes.browser import Page, chromium
from tests.fakes.git import BAD, git_repository_server

ROOT = Path(__file__).parents[2]


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo in a folder of its own, with the packages that were downloaded before on this machine."""
    (folder / STATE).mkdir(exist_ok=True)
    if not (packages := folder / STATE / "packages").exists():
        packages.symlink_to(uv_cache())
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "try", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "LOCAL_ENGINE": "none"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)


def told_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout
    told = ""
    for line in process.stdout:
        told += line
        if words in line:
            return told
    raise AssertionError(f"it ended without {words!r}:\n{told}")


def run_notebook(folder: Path) -> list[dict[str, Any]]:
    """Run the example's notebook as JupyterLab would; returns what its cells put out."""
    [environment] = (folder / STATE / "1" / "local" / "environments").glob("*/venv")
    [notebook] = (folder / STATE / "1" / "local" / "instances").rglob(EXAMPLE_NOTEBOOK)
    convert = [str(environment / "bin" / "jupyter"), "nbconvert", "--to", "notebook", "--execute", "--stdout"]
    command = [*convert, str(notebook)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    return [output for cell in json.loads(done.stdout)["cells"] for output in cell.get("outputs", [])]


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_example_is_launched_and_its_links_answer_and_nothing_is_left(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        told = told_until(process, "Press Ctrl-C")
        links = dict(re.findall(r"^  (JupyterLab|Notebook) +(http://\S+)$", told, re.MULTILINE))
        assert set(links) == {"JupyterLab", "Notebook"}
        assert all(requests.get(link, timeout=10).status_code == 200 for link in links.values())
        assert EXAMPLE_NOTEBOOK in links["JupyterLab"]
        [page] = re.findall(r"Workspace +(http://\S+)", told)
        [example] = re.findall(r"Ada types: (.*)", told)
        with chromium(tmp_path / "profile") as browser:
            browser.get(page)
            Page(browser).wait_for("#title", "general")
            Page(browser).press("#channels button", "lab")
            Page(browser).wait_for("#suggestion", example)
        assert any("image/png" in each.get("data", {}) for each in run_notebook(tmp_path)), "it plots"
    assert process.returncode == 0
    assert leftovers(tmp_path / STATE / "1") == []
    with demo(tmp_path) as process:
        assert re.search(r"Usually .*; built before", told_until(process, "Press Ctrl-C"))


@pytest.mark.timeout(240)
def test_a_launch_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        git_repository_server(BAD, "team/broken") as repository,
        demo(tmp_path, "--repo", repository) as process,
    ):
        told = told_until(process, "did not succeed")
        assert process.wait(PATIENCE) == 1
    assert "could not be launched" in told
    assert "there is no version of humanize==99999" in told
    assert leftovers(tmp_path / STATE / "1") == []
