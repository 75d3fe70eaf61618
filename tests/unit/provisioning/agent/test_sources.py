"""What git and repo2docker are given, and which part of a checkout is built."""

from pathlib import Path

import pytest

from bot.provisioning.agent.container import files_directory, runs_as_root
from bot.provisioning.agent.failures import Failure
from bot.provisioning.agent.paths import build_root
from bot.provisioning.agent.source import host_of, source_of
from tests.unit.provisioning.agent.jobs import a_task


@pytest.mark.parametrize(
    ("url", "read_as"),
    [
        ("10.5281/zenodo.3242074", "https://zenodo.org/records/3242074"),
        ("doi:10.5281/ZENODO.3242074", "https://zenodo.org/records/3242074"),
        ("https://doi.org/10.5281/zenodo.3242074", "https://zenodo.org/records/3242074"),
        ("https://zenodo.org/doi/10.5281/zenodo.3242074", "https://zenodo.org/records/3242074"),
        ("10.5072/zenodo.77", "https://sandbox.zenodo.org/records/77"),
        ("10.7910/DVN/TJCLKP", "10.7910/DVN/TJCLKP"),
        ("swh:1:rev:" + "a" * 40, "swh:1:rev:" + "a" * 40),
        ("https://figshare.com/articles/x/1", "https://figshare.com/articles/x/1"),
    ],
)
def test_archives_are_named_as_repo2docker_reads_them(url: str, read_as: str) -> None:
    assert source_of(a_task(url, "doi")) == read_as


@pytest.mark.parametrize(
    "url", ["--config=/tmp/x", "/etc", ".", "", "10.1/x y", "swh:1:cnt:" + "a" * 40, "http://a b"]
)
def test_what_is_no_archive_never_reaches_repo2docker(url: str) -> None:
    with pytest.raises(Failure, match="cannot be fetched"):
        source_of(a_task(url, "doi"))


@pytest.mark.parametrize(
    ("source", "host"),
    [
        ("https://me@example.org:8443/a/b.git", "https://example.org:8443/"),
        ("10.7910/DVN/TJCLKP", "https://doi.org/"),
        ("swh:1:rev:" + "a" * 40, "https://archive.softwareheritage.org/"),
    ],
)
def test_the_host_that_a_source_comes_from(source: str, host: str) -> None:
    assert host_of(source) == host


@pytest.mark.parametrize(
    ("path", "root"),
    [
        (None, "."),
        ("", "."),
        ("/", "."),
        ("./", "."),
        ("one", "one"),
        ("one/", "one"),
        ("two", "."),
        ("one/apt.txt", "."),
        ("three", "three"),
    ],
)
def test_a_directory_with_configuration_is_built(tmp_path: Path, path: str | None, root: str) -> None:
    for name in ("one/apt.txt", "two/data.csv", "three/.binder/postBuild"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()

    assert build_root(tmp_path, path) == root


@pytest.mark.parametrize(
    "path", ["../other", "/etc", "link", "round", "a\0b", "x" * 5_000, "one/../one", "one/indx.ipynb"]
)
def test_a_path_that_leads_out_or_nowhere_is_no_path(tmp_path: Path, path: str) -> None:
    checkout = tmp_path / "checkout"
    for folder in (checkout / "one", tmp_path / "other"):
        folder.mkdir(parents=True)
    (checkout / "one/index.ipynb").touch()
    (checkout / "link").symlink_to("../other")
    (checkout / "round").symlink_to("round")

    with pytest.raises(Failure, match="has no file or directory") as failure:
        build_root(checkout, path)
    assert path != "one/indx.ipynb" or "`one/index.ipynb`" in failure.value.hint


@pytest.mark.parametrize(
    "place", ["/", "", "x", "/a:b", "/a,readonly", "/a/../..", "/./.", "/a\nb", '/a"', "/a b", None]
)
def test_a_directory_that_docker_would_read_as_more_gets_no_volume(place: str | None) -> None:
    assert files_directory({"WorkingDir": place}) is None


@pytest.mark.parametrize(
    ("user", "is_root"),
    [
        ("", True),
        (None, True),
        ("0", True),
        ("root", True),
        ("0:100", True),
        ("jovyan", False),
        ("1000:100", False),
    ],
)
def test_who_runs_as_root(user: str | None, is_root: bool) -> None:  # noqa: FBT001 - a parameter
    assert runs_as_root({"User": user}) == is_root
