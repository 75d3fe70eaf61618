"""The key of a build: equal where the same is built, and only there."""

import json
import platform
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.provisioning.agent.build_key import build_key, canonical_source
from bot.provisioning.agent.job import start_job
from bot.provisioning.agent.known_directories import KnownDirectories
from bot.provisioning.agent.repo2docker import repo2docker_version
from bot.provisioning.agent.settings import AgentSettings
from bot.provisioning.agent.stored_images import ImageAccess
from bot.provisioning.agent.task import Task
from tests.unit.provisioning.agent.jobs import a_task

COMMIT = "a" * 40
TEXT = st.text(max_size=20)


def a_key(task: Task | None = None, directory: str = ".", version: str = "2026.4.0", base: str = "") -> str:
    return build_key(task or a_task(commit=COMMIT), directory, version, base)


@pytest.mark.parametrize(
    "other",
    [
        a_key(a_task(commit="b" * 40)),
        a_key(a_task("https://example.org/other.git", commit=COMMIT)),
        a_key(a_task(commit=COMMIT, extra="voila")),
        a_key(directory="sub"),
        a_key(version="2026.5.0"),
        a_key(base="ubuntu:24.04"),
        a_key(a_task(ref="main")),
        a_key(a_task(ref="dev")),
        a_key(a_task(ref="main", binder_id="other")),
    ],
)
def test_whatever_decides_a_build_is_in_its_key(other: str) -> None:
    assert other != a_key()


@pytest.mark.parametrize(
    "same",
    [
        a_task(commit=COMMIT, ref="main", binder_id="other", is_tip=True),
        a_task(commit=COMMIT, path="one.ipynb"),
        a_task(commit=COMMIT, path="two.ipynb"),
        a_task(commit=COMMIT, rebuild=True, token="another"),
        a_task("https://Example.org/team/repo", commit=COMMIT),
        a_task("https://example.org/team/repo/", commit=COMMIT),
        a_task("https://example.org/team/repo.git", "gh", commit=COMMIT),
    ],
)
def test_what_decides_no_build_is_not(same: Task) -> None:
    assert a_key(same) == a_key()


def test_another_architecture_has_other_images(monkeypatch: pytest.MonkeyPatch) -> None:
    before = a_key()
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert a_key() != before


def test_an_archive_is_one_image_whatever_it_is_called_and_opened_at() -> None:
    assert a_key(a_task("10.5281/zenodo.3242074", "zenodo")) == a_key(
        a_task("https://doi.org/10.5281/zenodo.3242074", "doi", path="a.ipynb")
    )


@given(one=st.tuples(TEXT, TEXT, TEXT, TEXT), other=st.tuples(TEXT, TEXT, TEXT, TEXT))
def test_two_builds_share_a_key_only_if_they_are_the_same(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    keys = [
        a_key(a_task(commit=COMMIT, extra=extra), directory, version, base)
        for extra, directory, version, base in (one, other)
    ]

    assert (keys[0] == keys[1]) == (one == other)
    assert all(re.fullmatch("[0-9a-f]{40}", key) for key in keys)


@given(path=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), query=TEXT)
def test_a_source_is_canonical_after_one_step(path: str, query: str) -> None:
    assume(not re.search(r"[\s#]", query))
    once = canonical_source(a_task(f"https://Example.ORG/{path}.git/?{query}"))
    assert canonical_source(a_task(once)) == once


def test_the_installed_version_counts_else_the_one_that_will_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    job = start_job(a_task(), AgentSettings(), tmp_path)
    assert repo2docker_version(job) == "2026.4.0"
    venv = tmp_path / "opt/repo2docker"
    for folder in ("bin", "lib/python3.12/site-packages/jupyter_repo2docker-2026.9.1.dist-info"):
        (venv / folder).mkdir(parents=True)
    command = venv / "bin/jupyter-repo2docker"
    command.write_text("#!/bin/sh\necho 7.7\n")
    command.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/jupyter-repo2docker").symlink_to(command)
    assert repo2docker_version(job) == "2026.9.1"
    (venv / "lib/python3.12/site-packages/jupyter_repo2docker-2026.9.1.dist-info").rmdir()
    assert repo2docker_version(job) == "7.7", "where its files do not say it, it does itself"


@pytest.mark.parametrize("path", [None, "", "/", "./"])
def test_the_whole_repository_is_built_where_no_path_was_asked_for(tmp_path: Path, path: str | None) -> None:
    assert KnownDirectories(tmp_path).of(a_task(commit=COMMIT, path=path)) == "."


@pytest.mark.parametrize("path", ["..", "...", ".binder", "a"])
def test_what_may_be_no_path_is_looked_for(tmp_path: Path, path: str) -> None:
    assert KnownDirectories(tmp_path).of(a_task(commit=COMMIT, path=path)) is None


def test_a_directory_is_known_once_it_was_found(tmp_path: Path) -> None:
    known = KnownDirectories(tmp_path / "known")
    task = a_task(commit=COMMIT, path="sub/one.ipynb")
    assert known.of(task) is None
    known.remember(task, "sub")
    assert KnownDirectories(tmp_path / "known").of(task) == "sub"
    assert known.of(a_task(commit="b" * 40, path="sub/one.ipynb")) is None
    assert known.of(a_task(commit=COMMIT, path="sub/two.ipynb")) is None


def test_what_moves_is_not_remembered_and_what_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    known = KnownDirectories(tmp_path)
    known.remember(a_task(ref="main", path="sub"), "sub")
    assert known.of(a_task(ref="main", path="sub")) is None
    (tmp_path / "file").touch()
    KnownDirectories(tmp_path / "file").remember(a_task(commit=COMMIT, path="sub"), "sub")


def test_what_the_bot_knows_is_taken(tmp_path: Path) -> None:
    access = ImageAccess("registry.example.org/x", directory="told")
    task = a_task(commit=COMMIT, path="sub", images=access)
    assert KnownDirectories(tmp_path).of(task) == "told"
    assert json.dumps(access.directory) == '"told"'
