"""Built environments are built once, shared, and removed only while nobody uses them."""

import os
import threading
from pathlib import Path

import pytest

from bot.provisioning.agent.environments import Environment, Environments, copy_tree


def never() -> None:
    raise AssertionError("nobody else builds")


def make(environments: Environments, key: str) -> Environment:
    environment = environments.at(key)
    with environments.use(environment, environment.repo.mkdir, never) as found:
        assert found
    return environment


def test_two_that_need_the_same_build_it_once(tmp_path: Path) -> None:
    environments = Environments(tmp_path, keep=5)
    environment = environments.at("key")
    built: list[int] = []
    begun, waited = threading.Event(), threading.Event()

    def build() -> None:
        begun.set()
        assert waited.wait(20)
        built.append(1)

    def first() -> None:
        with environments.use(environment, build, never):
            pass

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(20)
    with environments.use(environment, build, waited.set) as found:
        assert found
    thread.join()
    assert built == [1]


def test_a_rebuild_is_used_by_those_who_come_later_and_by_nobody_before_it_is_done(tmp_path: Path) -> None:
    environments = Environments(tmp_path, keep=5)
    old = make(environments, "key")
    rebuilt = environments.at("key", rebuild="k3v9")
    assert rebuilt.path != old.path
    assert environments.at("key").path == old.path

    with environments.use(rebuilt, rebuilt.repo.mkdir, never):
        environments.prefer("key", rebuild="k3v9")

    assert Environments(tmp_path, keep=5).at("key").path == rebuilt.path
    assert environments.at("other").path not in {old.path, rebuilt.path}
    assert old.is_complete, "who uses it goes on"


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    environments = Environments(tmp_path, keep=5)
    environment = environments.at("key")

    def build() -> None:
        environment.venv.mkdir()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), environments.use(environment, build, never):
        pass
    assert not list(tmp_path.glob("environments/*"))
    with environments.use(environment, None, never) as found:
        assert not found


def test_the_least_used_goes_first_and_nothing_in_use(tmp_path: Path) -> None:
    environments = Environments(tmp_path, keep=1)
    oldest = environments.at("oldest")
    with environments.use(oldest, oldest.repo.mkdir, never):
        older = make(environments, "older")
        os.utime(older.path / "complete", (1, 1))
        os.utime(oldest.path / "complete", (0, 0))
        newest = make(environments, "newest")
        assert not older.path.exists()
        assert oldest.is_complete
        assert newest.is_complete
    environments.prune()
    assert not oldest.path.exists()
    assert newest.is_complete


def test_pruning_sweeps_what_an_interrupted_build_left(tmp_path: Path) -> None:
    environments = Environments(tmp_path, keep=5)
    (environments.at("key").path / "venv").mkdir(parents=True)
    (tmp_path / "environments" / ".removed-half").mkdir()
    environments.prune()
    assert not list(tmp_path.glob("environments/*"))


def test_a_copy_keeps_links_and_modes_and_leaves_pipes_out(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "run").touch(mode=0o755)
    (source / "link").symlink_to("/etc/passwd")
    os.mkfifo(source / "pipe")
    copy_tree(source, tmp_path / "target")
    assert (tmp_path / "target" / "link").is_symlink()
    assert os.access(tmp_path / "target" / "run", os.X_OK)
    assert not (tmp_path / "target" / "pipe").exists()
