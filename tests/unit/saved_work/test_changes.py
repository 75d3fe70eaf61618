"""What is saved of a binder: from a real server, from such that lie, and back onto the repository."""

import io
import json
import os
import resource
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import RepositoryUnreachable, ServerError
from bot.jupyter.client import JupyterServer
from bot.jupyter.contents import DirectoryListing, Entry, read_listing
from bot.jupyter.file_crawl import LeftOut, walk
from bot.repositories.resolve import Resolver
from bot.repositories.spec import Provider, RepoSpec
from bot.saved_work.archive import FILES, MANIFEST, PATCH, Archive, ArchivePaths, harmless
from bot.saved_work.baseline import checkout
from bot.saved_work.changes import About, SaveLimits, collect, count_changes, save_work
from storage.models import Binder
from tests.conftest import GitServer, HostedRepository
from tests.fakes.http import Script
from tests.integration.local.world import TOKEN, Bench, order
from workspace.git_host import GIT_ENVIRONMENT

BEFORE, START, AFTER = 1_000.0, 2_000.0, 3_000.0
ABOUT = About("demo", "https://example.org/team/repo", "0" * 40)


@dataclass
class Tree:
    """The files of a server, in memory; what is touched is touched after the start."""

    files: dict[str, bytes]
    touched: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    """Directories that were touched."""
    broken: set[str] = field(default_factory=set)
    read: list[str] = field(default_factory=list)

    def write(self, path: str, content: bytes) -> None:
        if path not in self.files:
            self._touch_folder(path)
        self.files[path] = content
        self.touched.add(path)

    def remove(self, path: str) -> None:
        del self.files[path]
        self._touch_folder(path)

    def _touch_folder(self, path: str) -> None:
        while path:
            path = path.rpartition("/")[0]
            self.folders.add(path)

    def listing(self, path: str) -> DirectoryListing:
        if path in self.broken:
            raise ServerError("It is broken.")
        start = f"{path}/" if path else ""
        below = {each[len(start) :] for each in self.files if each.startswith(start)}
        entries = tuple(
            Entry(
                name, is_folder, self._at(start + name, self.touched), len(self.files.get(start + name, b""))
            )
            for name, is_folder in sorted({(each.partition("/")[0], "/" in each) for each in below})
        )
        return DirectoryListing(self._at(path, self.folders), entries, 0)

    def content(self, path: str, *, most: int, seconds: float) -> bytes:
        self.read.append(path)
        if path in self.broken or len(self.files[path]) > most:
            raise ServerError("It is broken.")
        return self.files[path]

    def close(self) -> None:
        pass

    def _at(self, path: str, touched: set[str]) -> float:
        return AFTER if path in touched else BEFORE


def unpack(archive: Archive | None) -> dict[str, bytes]:
    assert archive is not None
    with zipfile.ZipFile(io.BytesIO(archive.data)) as packed:
        assert packed.testzip() is None
        assert len(set(packed.namelist())) == len(packed.namelist())
        return {name: packed.read(name) for name in packed.namelist()}


def collected(tree: Tree, **limits: Any) -> Archive | None:
    return collect(tree, None, since=START, about=ABOUT, limits=SaveLimits(**limits))


def binder(repository: HostedRepository, commit: str | None, **changes: Any) -> Binder:
    values = {
        "name": "demo",
        "provider": "git",
        "url": repository.url,
        "ref": "main",
        "commit": commit,
        "path": None,
        "server_url": "http://server",
        "token": TOKEN,
        "ready_at": START,
    }
    return Binder(**(values | changes))


def saved(tree: Tree, repository: HostedRepository, commit: str | None, **changes: Any) -> Archive | None:
    return save_work(
        binder(repository, commit, **changes), lambda *_: tree, Resolver(allow_private=True, timeout=30)
    )


@pytest.fixture
def repository(git_server: GitServer) -> HostedRepository:
    return git_server.repository("team/repo")


def run(*command: str, cwd: Path, stdin: bytes | None = None) -> None:
    done = subprocess.run(
        ["git", *command], cwd=cwd, env=GIT_ENVIRONMENT, input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    paths = (each for each in folder.rglob("*") if each.is_file())
    found = {str(each.relative_to(folder)): each.read_bytes() for each in paths}
    return {path: content for path, content in found.items() if not path.startswith(".git/")}


def reproduced(repository: HostedRepository, commit: str, archive: Archive, folder: Path) -> dict[str, bytes]:
    """The repository with the patch applied, and the archive's new files laid over it."""
    run("clone", "--quiet", "--no-checkout", str(repository.directory), str(folder), cwd=folder.parent)
    run("checkout", "--quiet", commit, cwd=folder)
    packed = unpack(archive)
    if archive.has_patch:
        run("apply", "--whitespace=nowarn", cwd=folder, stdin=packed[PATCH])
    for path in archive.new:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(packed[FILES + path])
    return contents(folder)


# --- there and back ---------------------------------------------------------------------------------------

PARTS = st.text("abz -_\u00e9\u4e2d'", min_size=1, max_size=5).filter(
    lambda part: harmless(part) == part and not part.startswith("-") and part.strip() == part
)
TEXTS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
    | st.sampled_from(["", "\n", "same\n", "x\r\n", "diff --git a/x b/x\n", "Binary files a and b differ\n"]),
    max_size=12,
).map("".join)
EDITS = st.sampled_from(["keep", "delete", "touch"]) | TEXTS
numbers = count()


def prefix_free(paths: set[str]) -> bool:
    lowered = {path.casefold() for path in paths}
    return len(lowered) == len(paths) and not any(
        other.startswith(f"{path}/") for path in lowered for other in lowered
    )


@pytest.mark.process
@settings(max_examples=20)
@given(data=st.data())
def test_the_patch_and_the_new_files_make_the_same_files_again(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    paths = data.draw(
        st.sets(st.lists(PARTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=6).filter(
            prefix_free
        )
    )
    before = {path: data.draw(TEXTS) for path in paths} | {"README.md": "kept"}
    folder = tmp_path_factory.mktemp("same")
    with GitServer(folder / "git") as server:
        repository = server.repository(f"team/{next(numbers)}")
        commit = repository.commit(before)
        tree = Tree(contents(repository._work))
        for path in sorted(paths):
            edit = data.draw(EDITS)
            if edit == "delete":
                tree.remove(path)
            elif edit == "touch":
                tree.touched.add(path)
            elif edit != "keep":
                tree.write(path, edit.encode())
        for name in data.draw(st.sets(PARTS.map("new-{}".format), max_size=3)):
            tree.write(f"a new folder/{name}", data.draw(st.binary(max_size=50)))
        archive = saved(tree, repository, commit)
        after = tree.files
        if archive is None:
            assert after == {path: text.encode() for path, text in before.items()}
        else:
            assert archive.note == ""
            assert reproduced(repository, commit, archive, folder / "copy") == after


def test_what_was_only_touched_is_no_change(repository: HostedRepository) -> None:
    commit = repository.commit({"a.txt": "1\n", "b.txt": "2\n"})
    tree = Tree(contents(repository._work))
    tree.write("a.txt", b"1\n")
    assert saved(tree, repository, commit) is None
    assert tree.read == ["a.txt"]


def test_changed_new_and_deleted_are_told_apart(repository: HostedRepository) -> None:
    commit = repository.commit({"a.txt": "1\n", "b.txt": "2\n", "deep/c.txt": "3\n", ".hidden": "4\n"})
    tree = Tree({path: each for path, each in contents(repository._work).items() if path != ".hidden"})
    tree.write("a.txt", b"one\n")
    tree.write("new.bin", b"\0\1")
    tree.remove("deep/c.txt")
    archive = saved(tree, repository, commit)
    assert archive
    assert (archive.changed, archive.new, archive.deleted) == (("a.txt",), ("new.bin",), ("deep/c.txt",))
    packed = unpack(archive)
    assert packed.keys() == {MANIFEST, PATCH, "files/a.txt", "files/new.bin"}
    assert b"-1\n+one\n" in packed[PATCH]
    manifest = packed[MANIFEST].decode()
    assert repository.url in manifest
    assert commit in manifest
    assert "Deleted:\n  deep/c.txt\n" in manifest


def test_a_binary_file_of_the_repository_is_whole_and_leaves_the_patch_appliable(
    repository: HostedRepository, tmp_path: Path
) -> None:
    commit = repository.commit({"a.txt": "1\n", "b.bin": "\0 2", "c.bin": "\0 3", "d.bin": "was \0"})
    tree = Tree(contents(repository._work))
    tree.write("a.txt", b"one\n")
    tree.write("b.bin", b"\0 two")
    tree.write("d.bin", b"is text now\n")
    tree.remove("c.bin")
    archive = saved(tree, repository, commit)
    assert archive
    assert archive.changed == ("a.txt", "b.bin", "d.bin")
    assert unpack(archive)["files/b.bin"] == b"\0 two"
    made = reproduced(repository, commit, archive, tmp_path / "copy")
    assert made == {"a.txt": b"one\n", "b.bin": b"\0 2", "d.bin": b"was \0"}


def test_an_executable_file_stays_one(repository: HostedRepository) -> None:
    (repository._work / "run").write_text("1")
    (repository._work / "run").chmod(0o755)
    commit = repository.commit({"a": "1"})
    tree = Tree(contents(repository._work))
    tree.write("run", b"2")
    archive = saved(tree, repository, commit)
    assert archive
    with zipfile.ZipFile(io.BytesIO(archive.data)) as packed:
        assert packed.getinfo("files/run").external_attr >> 16 == 0o100755
    assert b"100755" in unpack(archive)[PATCH]


def test_the_server_may_show_a_folder_of_the_repository(repository: HostedRepository, tmp_path: Path) -> None:
    commit = repository.commit({"sub/a.txt": "1\n", "sub/b.txt": "1\n", "other.txt": "1\n"})
    tree = Tree({"a.txt": b"1\n", "b.txt": b"1\n"})
    tree.write("a.txt", b"2\n")
    tree.write("new.txt", b"new")
    tree.remove("b.txt")
    archive = saved(tree, repository, commit, path="sub")
    assert archive
    assert (archive.changed, archive.new, archive.deleted) == (
        ("sub/a.txt",),
        ("sub/new.txt",),
        ("sub/b.txt",),
    )
    assert reproduced(repository, commit, archive, tmp_path / "copy") == {
        "sub/a.txt": b"2\n",
        "sub/new.txt": b"new",
        "other.txt": b"1\n",
    }


def test_a_server_that_shows_something_else_has_deleted_nothing(repository: HostedRepository) -> None:
    commit = repository.commit({"src/a.txt": "1\n"})
    tree = Tree({"app.py": b"1"})
    tree.write("result.csv", b"2")
    archive = saved(tree, repository, commit)
    assert archive
    assert (archive.changed, archive.new, archive.deleted) == ((), ("result.csv",), ())
    assert "does not show the repository's files" in archive.note


def test_what_was_never_there_was_not_deleted(repository: HostedRepository) -> None:
    commit = repository.commit({"a.txt": "1\n", "docs/left-out-of-the-image.txt": "1\n"})
    tree = Tree({"a.txt": b"1\n", "docs/x": b""})
    tree.write("a.txt", b"2")
    archive = saved(tree, repository, commit)
    assert archive
    assert archive.deleted == ()


def test_an_archive_of_a_doi_has_no_patch(repository: HostedRepository) -> None:
    tree = Tree({"a.txt": b"1", "b.txt": b"1"})
    tree.write("a.txt", b"2")
    archive = saved(tree, repository, None, provider="zenodo", url="10.5281/zenodo.3242074")
    assert archive
    assert (archive.new, archive.has_patch, archive.note) == (("a.txt",), False, "")


def test_nothing_touched_asks_nobody(git_server: GitServer, repository: HostedRepository) -> None:
    commit = repository.commit({"a.txt": "1\n"})
    assert saved(Tree({"a.txt": b"1\n"}), repository, commit) is None
    assert git_server.requests == []


def test_without_a_server_nothing_can_be_said(repository: HostedRepository) -> None:
    with pytest.raises(ServerError):
        saved(Tree({}), repository, "0" * 40, server_url=None)
    with pytest.raises(ServerError):
        saved(Tree({}, broken={""}), repository, "0" * 40)


# --- the repository's host ----------------------------------------------------------------------------------


def test_only_what_differs_is_fetched_where_the_host_can(git_server: GitServer, tmp_path: Path) -> None:
    repository = git_server.repository("team/large")
    run("config", "uploadpack.allowFilter", "true", cwd=repository.directory)
    noise = os.urandom(300_000).hex()
    commit = repository.commit({"a.txt": "1\n", "large.txt": noise})
    spec = RepoSpec(Provider.GIT, repository.url)
    with checkout(Resolver(allow_private=True), spec, commit) as baseline:
        tree = baseline.tree()
        assert set(tree) == {"a.txt", "large.txt"}
        patch = baseline.patch({"a.txt": b"2\n"}, [])
        fetched = sum(each.stat().st_size for each in baseline._folder.rglob("*") if each.is_file())
    assert b"-1\n+2\n" in patch
    assert fetched < 100_000
    assert not baseline._folder.exists()


def test_a_commit_that_is_no_longer_there_costs_only_the_patch(repository: HostedRepository) -> None:
    repository.commit({"a.txt": "1\n"})
    tree = Tree({"a.txt": b"1\n"})
    tree.write("a.txt", b"2\n")
    archive = saved(tree, repository, "1" * 40)
    assert archive
    assert archive.new == ("a.txt",)
    assert archive.note == "There is no patch. The repository could not be read at its commit."


def test_a_host_that_floods_us_costs_only_the_patch(
    repository: HostedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository.commit({"a.txt": "1\n", "large.txt": os.urandom(300_000).hex()})
    monkeypatch.setattr("bot.saved_work.baseline._CEILINGS", {resource.RLIMIT_FSIZE: 100_000})
    with (
        checkout(Resolver(allow_private=True), RepoSpec(Provider.GIT, repository.url), commit) as baseline,
        pytest.raises(RepositoryUnreachable),
    ):
        baseline.tree()


def test_a_host_that_takes_for_ever_is_given_up(repository: HostedRepository) -> None:
    commit = repository.commit({"a.txt": "1\n"})
    spec = RepoSpec(Provider.GIT, repository.url)
    with (
        checkout(Resolver(allow_private=True), spec, commit, seconds=0.0) as baseline,
        pytest.raises(RepositoryUnreachable, match="in time"),
    ):
        baseline.tree()


class Pinned(Resolver):
    """Takes loopback for public, so that pins and redirects can be watched on it."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__(lookup=lambda host, _: [names[host]], timeout=10)


def test_git_goes_to_the_address_that_was_checked_and_follows_only_checked_redirects(
    git_server: GitServer, repository: HostedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.repositories.addresses._is_public", lambda address: address == "127.0.0.1")
    run("config", "uploadpack.allowFilter", "true", cwd=repository.directory)
    commit = repository.commit({"a.txt": "1\n"})
    port = git_server.port
    git_server.redirects["/old/"] = f"http://git.example.org:{port}/team/"
    # No name server knows these hosts: only the pin leads anywhere, at the fetch as for each file later.
    resolver = Pinned({"old.example.org": "127.0.0.1", "git.example.org": "127.0.0.1"})
    spec = RepoSpec(Provider.GIT, f"http://old.example.org:{port}/old/repo.git")
    with checkout(resolver, spec, commit) as baseline:
        assert b"+2" in baseline.patch({"a.txt": b"2\n"}, [])
    inside = Pinned({"old.example.org": "127.0.0.1", "git.example.org": "10.0.0.1"})
    tree = Tree({"a.txt": b"1\n"})
    tree.write("a.txt", b"2\n")
    row = binder(repository, commit, url=spec.url)
    archive = save_work(row, lambda *_: tree, inside)
    assert archive
    assert "is not on the public internet" in archive.note


# --- servers that lie ---------------------------------------------------------------------------------------


def listing(*content: Any, kind: str = "directory") -> dict[str, Any]:
    return {"type": kind, "content": list(content), "last_modified": "1970-01-01T00:30:00Z"}


def entry(name: Any, **changes: Any) -> dict[str, Any]:
    return {"name": name, "type": "file", "last_modified": "1970-01-01T00:00:01Z", "size": 1} | changes


def a_file(name: str, touched_at: float, size: int = 1) -> Entry:
    return Entry(name, is_folder=False, touched_at=touched_at, size=size)


def a_folder(name: str) -> Entry:
    return Entry(name, is_folder=True, touched_at=BEFORE, size=0)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "/etc", "\0", "\udcff", "x" * 256, 7, None])
def test_names_that_are_none_are_not_used(name: Any) -> None:
    found = read_listing(listing(entry("good"), entry(name), "no entry"), skew=0.0)
    assert [each.name for each in found.entries] == ["good"]
    assert found.unusable == 2


def test_a_listing_is_read_by_our_clock_with_the_later_of_two_times() -> None:
    late = entry("a", created="1970-01-01T01:00:00+00:00")
    odd = entry("b", last_modified=["x"], size=-5, type=[])
    found = read_listing(listing(late, late, odd), skew=60.0)
    assert found.entries == (a_file("a", 3660.0), a_file("b", 60.0, size=0))
    assert found.touched_at == 1860.0


@pytest.mark.parametrize("model", [{}, listing(kind="file"), {"type": "directory", "content": {}}])
def test_what_is_no_directory_is_refused(model: dict[str, Any]) -> None:
    with pytest.raises(ServerError):
        read_listing(model, skew=0.0)


@dataclass
class Strange:
    """A server whose directories are what a function says."""

    of: Callable[[str], list[Entry]]
    asked: int = 0

    def listing(self, path: str) -> DirectoryListing:
        self.asked += 1
        return DirectoryListing(BEFORE, tuple(self.of(path)), 0)

    def content(self, path: str, *, most: int, seconds: float) -> bytes:
        return b""


def test_directories_without_end_end() -> None:
    deep = Strange(lambda path: [a_folder(f"d{len(path)}")])
    seen = walk(deep, entries=1000, depth=20, seconds=60)
    assert deep.asked == 21
    assert [each.why for each in seen.left_out] == ["it is nested too deeply"]
    wide = Strange(lambda path: [a_folder(f"{path[-3:]}{number}") for number in range(10)])
    seen = walk(wide, entries=1000, depth=20, seconds=60)
    assert wide.asked <= 1001
    assert seen.left_out[-1] == LeftOut("", "there are more than 1,000 files")


def test_a_link_back_is_walked_once() -> None:
    loop = Strange(lambda _: [a_folder("loop"), a_file("a", AFTER)])
    seen = walk(loop, entries=1000, depth=20, seconds=60)
    assert loop.asked == 2
    assert list(seen.files) == ["a"]
    assert seen.left_out == []


def test_a_walk_has_its_time() -> None:
    seen = walk(Strange(lambda _: []), entries=10, depth=2, seconds=-1.0)
    assert seen.left_out == [LeftOut("", "there was not enough time")]


def test_caches_are_not_looked_into() -> None:
    tree = Tree({"node_modules/x/y.js": b"", "__pycache__/a": b"", "a": b""})
    assert list(walk(tree, entries=10, depth=9, seconds=9).files) == ["a"]


def test_what_is_too_much_is_named_and_the_rest_saved() -> None:
    tree = Tree({"large": b"x" * 101, "small": b"x" * 60, "small2": b"x" * 61, "tiny": b"x"}, broken={"tiny"})
    tree.touched |= set(tree.files)
    archive = collected(tree, file_bytes=100, total_bytes=100)
    assert archive
    assert archive.new == ("small",)
    assert {each.path for each in archive.left_out} == {"large", "small2", "tiny"}
    manifest = unpack(archive)[MANIFEST].decode()
    assert "large: at most 100 bytes of a file are saved, 100 in all" in manifest
    assert "tiny: it could not be read" in manifest
    assert "x" * 60 not in repr(archive)


def test_a_folder_that_cannot_be_read_is_named() -> None:
    archive = collected(Tree({"bad/a": b"", "good": b""}, broken={"bad"}))
    assert archive
    assert archive.left_out == (LeftOut("bad", "it could not be read"),)
    assert unpack(archive).keys() == {MANIFEST}


HOSTILE = [
    "con",
    "aux.tar.gz",
    "a\\..\\..\\b",
    "C:evil",
    "line\nbreak",
    "bell\x07",
    "right\u202eto-left",
    "dot.",
    "space ",
    "Case",
    "case",
    "CASE-2",
    "e\u0301",
    "\u00e9",
    "quote\"'",
    "y" * 250,
    "y" * 251,
    "y" * 200 + ".ipynb",
]


def test_hostile_names_are_saved_under_harmless_ones() -> None:
    tree = Tree({name: name.encode() for name in HOSTILE} | {"Folder/a": b"1", "folder/b": b"2"})
    tree.touched |= set(tree.files)
    archive = collected(tree)
    packed = unpack(archive)
    names = [name.removeprefix(FILES) for name in packed if name.startswith(FILES)]
    assert len({name.casefold() for name in names}) == len(HOSTILE) + 2
    for name in names:
        assert name.isprintable()
        assert not set(name) & set('\\:*?"<>|')
        assert not name.endswith((".", " "))
    assert sorted(packed[FILES + name] for name in names) == sorted(tree.files.values())
    manifest = packed[MANIFEST].decode()
    assert "con is files/_con\n" in manifest
    assert "line\\nbreak is files/line_break\n" in manifest
    assert "\u202e" not in manifest


@given(st.lists(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=3).map("/".join), unique=True))
def test_places_are_harmless_and_no_two_alike(paths: list[str]) -> None:
    good = [path for path in paths if not {"", ".", ".."} & set(path.split("/"))]
    places = ArchivePaths()
    given_out = [places.of(path) for path in good]
    assert len({place.casefold() for place in given_out}) == len(good)
    assert given_out == [places.of(path) for path in good]
    assert all(part == harmless(part) for place in given_out for part in place.split("/"))
    assert not any(part in {"", ".", ".."} for place in given_out for part in place.split("/"))


@pytest.mark.parametrize(
    "answer", [{}, {"content": None}, {"content": ["x"]}, {"content": "QQ"}, {"content": "QUJD" * 50}]
)
def test_a_file_that_is_none_is_refused(
    script: Script, server: JupyterServer, answer: dict[str, Any]
) -> None:
    script.json("/api/contents/a?type=file&format=base64&content=1&no_track_activity=1", answer)
    with pytest.raises(ServerError):
        server.content("a", most=100, seconds=9)


def test_a_file_without_end_is_cut(script: Script, server: JupyterServer) -> None:
    path = "/api/contents/a?type=file&format=base64&content=1&no_track_activity=1"
    script.pages[path] = (200, {}, json.dumps({"content": "QUJD" * 1_000_000}).encode())
    with pytest.raises(ServerError):
        server.content("a", most=1000, seconds=9)


# --- a real server ------------------------------------------------------------------------------------------


class Notebook:
    """A real server over a repository, and the hands of somebody who works in it."""

    def __init__(self, url: str, folder: Path, binder: Binder) -> None:
        self.url, self.folder, self.binder = url, folder, binder

    def put(self, path: str, text: str) -> None:
        body = {"type": "file", "format": "text", "content": text}
        headers = {"Authorization": f"token {TOKEN}"}
        url = f"{self.url}/api/contents/{path}"
        requests.put(url, json=body, headers=headers, timeout=30).raise_for_status()


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    with GitServer(tmp_path / "git") as git:
        bench = Bench(tmp_path / "local")
        repository = git.repository("team/repository")
        files = {
            "requirements.txt": "",
            "a.ipynb": "{}\n",
            "data/b.csv": "1,2\n",
            "data/c.csv": "3\n",
            "d": "4",
        }
        commit = repository.commit(files)
        bench.cloud.create(order(repository.url, commit, "saved"))
        try:
            bench.settle("saved")
            (folder,) = (each.parent for each in (tmp_path / "local" / "instances").rglob("a.ipynb"))
            url = bench.url("saved")
            row = binder(repository, commit, server_url=url, ready_at=time.time())
            yield Notebook(url, folder, row)
        finally:
            bench.close()


def test_work_in_a_real_server_is_counted_and_saved_and_that_is_no_use(notebook: Notebook) -> None:
    guard = Resolver(allow_private=True)
    with closing(JupyterServer(notebook.url, TOKEN)) as server:
        since = float(notebook.binder.ready_at or 0)
        assert count_changes(server, since) == 0
        assert save_work(notebook.binder, JupyterServer, guard) is None
        notebook.put("a.ipynb", '{"cells": []}\n')
        notebook.put("data/new file%23.txt", "caf\u00e9")
        (notebook.folder / "data" / "c.csv").unlink()
        (notebook.folder / "loop").symlink_to(notebook.folder)
        (notebook.folder / "data" / "up").symlink_to("..")
        (notebook.folder / "broken").symlink_to("nowhere")
        (notebook.folder / "bytes").write_bytes(bytes(range(256)))
        os.utime(notebook.folder / "bytes", (0, 0))  # as tar and unzip do it
        os.mkfifo(notebook.folder / "pipe")
        used_at = server.usage().used_at
        assert count_changes(server, since) == 4
        archive = save_work(notebook.binder, JupyterServer, guard)
        assert server.usage().used_at == used_at
    assert archive
    assert archive.changed == ("a.ipynb",)
    assert set(archive.new) == {"bytes", "data/new file#.txt"}
    assert archive.deleted == ("data/c.csv",)
    assert archive.left_out == (LeftOut("broken", "it could not be read"),)
    packed = unpack(archive)
    assert packed["files/bytes"] == bytes(range(256))
    assert packed["files/data/new file#.txt"] == "caf\u00e9".encode()
    assert b'-{}\n+{"cells": []}\n' in packed[PATCH]
    assert b"deleted file mode 100644" in packed[PATCH]
