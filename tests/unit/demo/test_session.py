"""Where the demo keeps its state, where it listens, and what it hands on to the bot."""

import json
import socket
import subprocess
from pathlib import Path

import pytest

from bot.demo import session
from workspace.git_host import GitHost
from workspace.options import Options
from workspace.server import Workspace


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_two_demos_at_once_have_a_folder_each_and_share_what_was_downloaded() -> None:
    with session._own_folder() as first, session._own_folder() as second:
        assert first != second
        (first / "local" / "cache" / "wheel").write_text("")
        assert (second / "local" / "cache" / "wheel").exists()
    with session._own_folder() as again:
        assert again == first


def test_a_port_that_is_taken_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with session._on_port_or_free(lambda port: GitHost(tmp_path, port=port), taken) as host:
            assert host.port != taken


def test_the_bot_gets_none_of_the_secrets_and_settings_of_a_real_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "DATABASE_URL", "OS_CLOUD", "ADMINS"):
        monkeypatch.setenv(name, "s3cret")
    with Workspace(Options()) as workspace:
        given = session._environment(workspace, tmp_path)
    assert "s3cret" not in given.values()
    assert given["SLACK_API_URL"] == workspace.api_url


@pytest.mark.process
def test_the_example_is_served_as_the_same_commit_each_time(tmp_path: Path) -> None:
    commits = set()
    for number in range(2):
        with session._published_example() as url:
            copy = tmp_path / str(number)
            subprocess.run(["git", "clone", "--quiet", url, copy], check=True)
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=copy, check=True, capture_output=True)
        commits.add(head.stdout)
        assert (copy / "requirements.txt").read_bytes() == (session.EXAMPLE / "requirements.txt").read_bytes()
    assert len(commits) == 1


def test_the_example_has_what_people_look_for_in_a_repository() -> None:
    notebook = json.loads((session.EXAMPLE / session.EXAMPLE_NOTEBOOK).read_text())
    code = "".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert "plt.show()" in code
    assert all(not cell.get("outputs") for cell in notebook["cells"]), "it is run by its reader"
    assert (session.EXAMPLE / "README.md").read_text().startswith("# ")
