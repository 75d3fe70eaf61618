"""Fetching with real git over real HTTP: what it checks out, and what it says where that is not possible."""

import base64
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.provisioning.agent import git_right
from bot.provisioning.agent.failures import Failure
from bot.provisioning.agent.fetch import fetch
from bot.provisioning.agent.git_right import INSTRUCTION, GitRight
from bot.provisioning.agent.job import Job
from bot.provisioning.agent.sealing import seal
from bot.provisioning.agent.submodules import over_https
from tests.conftest import GitServer, HostedRepository
from tests.unit.provisioning.agent.jobs import a_job, a_task


def a_fetch(root: Path, url: str, **changes: Any) -> Job:
    job = a_job(root, a_task(url, **changes))
    fetch(job)
    return job


def with_submodule(repo: HostedRepository, url: str, commit: str) -> str:
    """Commit a submodule at `libs/sub`."""
    repo.commit({".gitmodules": f'[submodule "sub"]\n\tpath = libs/sub\n\turl = {url}\n'})
    repo._run("update-index", "--add", "--cacheinfo", f"160000,{commit},libs/sub")
    repo._run("commit", "--quiet", "--message", "A submodule")
    repo._run("push", "--quiet", "origin", "main")
    return repo._run("rev-parse", "HEAD")


def test_submodules_are_checked_out_also_by_relative_addresses(tmp_path: Path, git_server: GitServer) -> None:
    lib, repo = git_server.repository("team/lib"), git_server.repository("team/repo")
    commit = lib.commit({"lib.py": "x = 1"})
    repo.commit({"a": "b"})
    commit = with_submodule(repo, "../lib.git", commit)

    job = a_fetch(tmp_path, repo.url, commit=commit, ref="main")

    assert (job.places.repo / "libs/sub/lib.py").read_text() == "x = 1"


@pytest.mark.parametrize(
    ("url", "named", "hint"),
    [
        (
            "{server}/team/gone.git",
            "Its submodule `libs/sub` ({server}/team/gone.git) could not be fetched",
            "everybody",
        ),
        (
            "git@127.0.0.1:team/lib.git",
            "`libs/sub` (git@127.0.0.1:team/lib.git) could not be fetched",
            "no key",
        ),
        ("ext::sh -c 'touch pwned'", "`libs/sub`", ""),
    ],
)
def test_a_submodule_that_cannot_be_fetched_is_named(
    tmp_path: Path, git_server: GitServer, url: str, named: str, hint: str
) -> None:
    repo = git_server.repository("team/repo")
    repo.commit({"a": "b"})
    commit = with_submodule(repo, url.format(server=git_server.url), "1" * 40)

    with pytest.raises(Failure) as failure:
        a_fetch(tmp_path, repo.url, commit=commit, ref="main")

    assert named.format(server=git_server.url) in failure.value.reason
    assert hint in failure.value.hint
    assert str(tmp_path) not in failure.value.reason
    assert "second time" not in failure.value.reason
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("git@github.com:owner/lib.git", "https://github.com/owner/lib.git"),
        ("ssh://git@gitlab.com/group/lib.git", "https://gitlab.com/group/lib.git"),
        ("git://example.org/lib.git", "https://example.org/lib.git"),
        ("git@git.example.org:group/lib.git", "https://git.example.org/group/lib.git"),
        ("https://example.org/lib.git", "https://example.org/lib.git"),
    ],
)
def test_addresses_for_ssh_are_asked_over_https(tmp_path: Path, address: str, asked: str) -> None:
    (tmp_path / ".gitmodules").write_text(f'[submodule "x"]\n\turl = {address}\n')

    told = subprocess.check_output(
        ["git", *over_https(tmp_path), "ls-remote", "--get-url", address], text=True
    )

    assert told.strip() == asked


def test_a_fallback_leaves_no_word_in_the_log_and_in_the_reports(
    tmp_path: Path, git_server: GitServer
) -> None:
    repo = git_server.repository("team/repo")
    old = repo.commit({"a": "1"})
    repo.commit({"a": "2"})
    # Neither may be fetched alone: a host may refuse that, as `dumb` ones do for another reason.
    repo._run("config", "uploadpack.allowAnySHA1InWant", "false", cwd=repo.directory)

    job = a_fetch(tmp_path, repo.url, commit=old, ref="main")

    assert (job.places.repo / "a").read_text() == "1"
    assert not job.places.log.exists()
    assert (tmp_path / "console").read_text().count("BINDER-BOT") == 1


def test_a_repository_that_asks_for_a_password_is_private_or_not_there(
    tmp_path: Path, git_server: GitServer
) -> None:
    git_server.answers["/team/secret.git"] = (401, "text/plain", b"who are you?")

    with pytest.raises(Failure, match="could not be fetched: it does not exist, or is private"):
        a_fetch(tmp_path, f"{git_server.url}/team/secret.git", ref="main")


@pytest.mark.parametrize(
    ("ref", "reason", "hint"),
    [
        ("0" * 39 + "1", "has no commit 000000000000.", "fork"),
        ("main", "The commit 000000000000 is no longer in", "Launch it again"),
    ],
)
def test_a_commit_that_never_was_there_is_told_from_one_that_went(
    tmp_path: Path, git_server: GitServer, ref: str, reason: str, hint: str
) -> None:
    repo = git_server.repository("team/repo")
    repo.commit({"a": "b"})

    with pytest.raises(Failure) as failure:
        a_fetch(tmp_path, repo.url, commit="0" * 39 + "1", ref=ref)

    assert reason in failure.value.reason
    assert hint in failure.value.hint


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("count", "noted"),
    [
        (1, "1 file is in Git LFS and not fetched, only the pointer: `data/0.csv`."),
        (
            5,
            (
                "5 files are in Git LFS and not fetched, only the pointer: "
                "`data/0.csv`, `data/1.csv`, `data/2.csv` "
                "and 2 more."
            ),
        ),
    ],
)
def test_files_in_lfs_are_noted(tmp_path: Path, git_server: GitServer, count: int, noted: str) -> None:
    repo = git_server.repository("team/repo")
    pointers = {f"data/{number}.csv": POINTER for number in range(count)}
    repo.commit(
        {"data/.gitattributes": "*.csv filter=lfs diff=lfs merge=lfs -text\n", "small.csv": "1,2", **pointers}
    )

    assert a_fetch(tmp_path, repo.url, ref="main").reporter.notes == (noted,)


def test_a_repository_without_lfs_has_no_note(tmp_path: Path, git_server: GitServer) -> None:
    repo = git_server.repository("team/repo")
    repo.commit({"about-lfs.txt": POINTER})

    assert a_fetch(tmp_path, repo.url, ref="main").reporter.notes == ()


@pytest.mark.parametrize(
    ("configuration", "described"),
    [('[build-system]\nrequires = ["setuptools-scm"]\n', "v2.0.0-1-"), ("[build-system]\n", None)],
)
def test_a_version_that_is_made_of_tags_finds_them(
    tmp_path: Path, git_server: GitServer, configuration: str, described: str | None
) -> None:
    repo = git_server.repository("team/repo")
    repo.commit({"pyproject.toml": configuration})
    repo.tag("v2.0.0", annotated=True)
    commit = repo.commit({"a": "b"})

    job = a_fetch(tmp_path, repo.url, commit=commit, ref="main")

    describe = ["git", "-C", str(job.places.repo), "describe", "--tags", "--long"]
    told = subprocess.run(describe, capture_output=True, check=False, text=True)
    assert told.stdout.startswith(described) if described else told.returncode != 0


# --- with a right ----------------------------------------------------------------------------------------

SECRET = "the secret of this instance alone"
TOKEN = "ghs_s3cret"


def a_private_job(root: Path, url: str, *, password: str = TOKEN, **changes: Any) -> Job:
    """A launch of a repository that needs a right, which lies ready."""
    job = a_job(root, a_task(url, needs_right=True, secret=SECRET, **changes))
    machine = replace(job.settings.machine, metadata="")
    job = replace(job, settings=replace(job.settings, machine=machine))
    job.places.instructions.mkdir()
    right = GitRight(url, "x-access-token", password)
    (job.places.instructions / INSTRUCTION).write_text(seal(right.as_text(), SECRET, INSTRUCTION))
    return job


@pytest.fixture
def private(git_server: GitServer) -> HostedRepository:
    git_server.passwords["/lab/"] = f"x-access-token:{TOKEN}"
    return git_server.repository("lab/secret")


@pytest.mark.parametrize("ending", [".git", ""])
def test_a_private_repository_is_fetched_and_nothing_of_the_right_stays(
    tmp_path: Path, private: HostedRepository, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = private.commit({"a": "b"})
    job = a_private_job(tmp_path, private.url.removesuffix(".git") + ending, commit=commit, is_tip=True)
    started: list[str] = []
    popen = subprocess.Popen

    def seen(command: list[str], **how: Any) -> Any:
        started.append(" ".join(command))
        return popen(command, **how)

    monkeypatch.setattr(subprocess, "Popen", seen)
    fetch(job)

    assert (job.places.repo / "a").read_text() == "b"
    remotes = subprocess.check_output(["git", "remote", "-v"], cwd=job.places.repo, text=True)
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    shutil.rmtree(job.places.instructions)  # which the bot takes back
    kept = "".join(
        each.read_bytes().decode("latin-1") for each in tmp_path.rglob("agent/**/*") if each.is_file()
    )
    for where in (kept, remotes, "\n".join(started), (tmp_path / "console").read_text()):
        assert TOKEN not in where
        assert encoded not in where
    assert "checkout" in "".join(started)


def test_a_right_that_is_refused_names_the_repository_alone(
    tmp_path: Path, private: HostedRepository
) -> None:
    private.commit({"a": "b"})
    job = a_private_job(tmp_path, private.url, password="over")
    with pytest.raises(Failure) as failure:
        fetch(job)
    assert failure.value.reason == f"{private.url} could not be fetched: it does not exist, or is private."


def test_the_right_is_for_no_submodule_of_the_same_host(
    tmp_path: Path, private: HostedRepository, git_server: GitServer
) -> None:
    lib = git_server.repository("lab/lib")
    commit = with_submodule(private, "../lib.git", lib.commit({"lib.py": "x = 1"}))
    job = a_private_job(tmp_path, private.url, commit=commit)
    with pytest.raises(Failure, match="Its submodule `libs/sub`") as failure:
        fetch(job)
    assert "for no other one" in failure.value.hint


def test_whoever_gets_no_right_says_so(
    tmp_path: Path, private: HostedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_right, "_WAIT_SECONDS", 0.0)
    job = a_private_job(tmp_path, private.url)
    with pytest.raises(Failure, match="did not arrive"):
        fetch(job)
