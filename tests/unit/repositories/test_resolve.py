import hashlib
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.errors import ForbiddenAddress, RefNotFound, RepositoryNotFound, RepositoryUnreachable, ResolveError
from bot.repositories.addresses import AddressGuard
from bot.repositories.launch_text import parse_repo
from bot.repositories.refs import nearest
from bot.repositories.resolve import Resolver
from bot.repositories.spec import Provider, RepoSpec, Resolved

if TYPE_CHECKING:
    from tests.conftest import GitServer, HostedRepository

EMPTY_TREE = b"4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def repository(git_server: "GitServer") -> "HostedRepository":
    repository = git_server.repository("team/repo")
    repository.commit({"README.md": "hello", "index.ipynb": "{}"})
    return repository


@pytest.fixture
def resolver() -> Resolver:
    return Resolver(allow_private=True)


def spec_of(repository: "HostedRepository", ref: str | None = None, path: str | None = None) -> RepoSpec:
    return RepoSpec(Provider.GIT, repository.url, ref, path)


# --- which commit ---------------------------------------------------------------------------------------


def test_no_ref_is_the_default_branch(resolver: Resolver, repository: "HostedRepository") -> None:
    repository.commit({"a": "1"}, branch="feature/main")
    commit = repository.commit({"b": "1"}, branch="dev")
    repository.head("refs/heads/dev")
    assert resolver.resolve(spec_of(repository)) == Resolved(
        spec_of(repository), commit, "refs/heads/dev", is_tip=True
    )


def test_a_branch_is_not_taken_for_one_that_ends_alike(
    resolver: Resolver, repository: "HostedRepository"
) -> None:
    feature = repository.commit({"a": "1"}, branch="feature/main")
    main = repository.commit({"b": "1"})
    assert resolver.resolve(spec_of(repository, "main")).commit == main
    found = resolver.resolve(spec_of(repository, "feature/main"))
    assert (found.commit, found.ref_name, found.is_tip) == (feature, "refs/heads/feature/main", False)


def test_a_branch_goes_before_a_tag_of_its_name(resolver: Resolver, repository: "HostedRepository") -> None:
    repository.tag("both")
    branch = repository.commit({"a": "1"}, branch="side")
    repository.ref("refs/heads/both", branch)
    assert resolver.resolve(spec_of(repository, "both")).commit == branch
    assert resolver.resolve(spec_of(repository, "refs/tags/both")).commit != branch
    assert resolver.resolve(spec_of(repository, "tags/both")).ref_name == "refs/tags/both"


@pytest.mark.parametrize("annotated", [False, True])
def test_a_tag_is_peeled_to_its_commit(
    resolver: Resolver, repository: "HostedRepository", *, annotated: bool
) -> None:
    tagged = repository.commit({"a": "1"})
    repository.tag("v1.0", annotated=annotated)
    repository.commit({"a": "2"})
    for ref in ("v1.0", "refs/tags/v1.0"):
        found = resolver.resolve(spec_of(repository, ref))
        assert (found.commit, found.ref_name, found.is_tip) == (tagged, "refs/tags/v1.0", False)


def test_a_pull_request_is_a_ref(resolver: Resolver, repository: "HostedRepository") -> None:
    commit = repository.commit({"a": "1"}, branch="side")
    repository.ref("refs/pull/7/head", commit)
    found = resolver.resolve(spec_of(repository, "refs/pull/7/head"))
    assert (found.commit, found.ref_name) == (commit, "refs/pull/7/head")


def test_a_full_commit_is_taken_as_it_is(resolver: Resolver, repository: "HostedRepository") -> None:
    old = repository.commit({"a": "1"})
    tip = repository.commit({"a": "2"})
    assert resolver.resolve(spec_of(repository, old)).is_tip is False
    assert resolver.resolve(spec_of(repository, old)).ref_name is None
    assert resolver.resolve(spec_of(repository, tip.upper())) == Resolved(
        spec_of(repository, tip.upper()), tip, "refs/heads/main", is_tip=True
    )


def test_a_short_commit_is_found_wherever_it_is(resolver: Resolver, repository: "HostedRepository") -> None:
    old = repository.commit({"a": "1"})
    side = repository.commit({"b": "1"}, branch="side")
    repository.commit({"b": "2"}, branch="side")
    tip = repository.commit({"a": "2"})
    assert resolver.resolve(spec_of(repository, tip[:4])).commit == tip
    assert resolver.resolve(spec_of(repository, old[:7])) == Resolved(spec_of(repository, old[:7]), old)
    assert resolver.resolve(spec_of(repository, side[:10].upper())).commit == side
    with pytest.raises(RefNotFound, match="no branch, tag or commit “deadbeef”"):
        resolver.resolve(spec_of(repository, "deadbeef"))


def test_a_beginning_of_several_commits_is_refused_with_more_digits(
    resolver: Resolver, repository: "HostedRepository"
) -> None:
    _written("tree", b"", repository.directory)
    commits = [_written("commit", text, repository.directory) for text in _two_commits_that_begin_alike()]
    for commit in commits:
        repository.ref(f"refs/heads/{commit[-5:]}", commit)
    with pytest.raises(RefNotFound, match=rf"Several commits of .* begin with “{commits[0][:7]}”") as caught:
        resolver.resolve(spec_of(repository, commits[0][:7]))
    assert {commit[:12] for commit in commits} == set(re.findall("[0-9a-f]{12}", caught.value.hint))


def _written(kind: str, content: bytes, directory: Path) -> str:
    command = ["git", "hash-object", "-t", kind, "-w", "--stdin"]
    written = subprocess.run(command, cwd=directory, input=content, stdout=subprocess.PIPE, check=True)
    return written.stdout.decode().strip()


def _two_commits_that_begin_alike() -> tuple[bytes, bytes]:
    """Contents of commits whose ids share seven digits; some 20,000 have to be tried."""
    seen: dict[str, bytes] = {}
    for number in count():
        who = b"Ada <ada@example.org> 0 +0000"
        text = b"tree %b\nauthor %b\ncommitter %b\n\n%d\n" % (EMPTY_TREE, who, who, number)
        beginning = hashlib.sha1(b"commit %d\0%b" % (len(text), text)).hexdigest()[:7]
        if beginning in seen:
            return seen[beginning], text
        seen[beginning] = text
    raise AssertionError


def test_a_full_commit_that_never_was_is_refused(resolver: Resolver, repository: "HostedRepository") -> None:
    with pytest.raises(RefNotFound, match="has no commit “0123456789ab”") as caught:
        resolver.resolve(spec_of(repository, SHA))
    assert "fork" in caught.value.hint


def test_a_full_commit_passes_where_the_host_does_not_say(repository: "HostedRepository") -> None:
    assert Resolver(allow_private=True, history_timeout=0.0).resolve(spec_of(repository, SHA)).commit == SHA


def test_a_short_commit_is_looked_up_where_its_forge_names_it(
    git_server: "GitServer", repository: "HostedRepository"
) -> None:
    resolver = Resolver(
        allow_private=True, forge_apis={Provider.GIT: f"{git_server.url}/api{{name}}/{{quoted}}/{{commit}}"}
    )
    for body, found in (
        (b'{"sha": "%b", "node_id": "x"}' % SHA.encode(), SHA),
        (b'{"id":"%b","short_id":"0123456"}' % SHA.encode(), SHA),
        (b'{"sha": "%b"}' % (b"f" * 40), None),
        (b"<html>", None),
    ):
        git_server.answers["/api"] = (200, "application/json", body)
        try:
            assert resolver.resolve(spec_of(repository, SHA[:7])).commit == found
        except RefNotFound:
            assert found is None
    assert "/apiteam/repo.git/team%2Frepo.git/0123456" in git_server.requests


def test_a_short_commit_is_refused_where_nobody_can_search_for_it(
    resolver: Resolver, repository: "HostedRepository"
) -> None:
    old = repository.commit({"a": "1"})
    repository.commit({"a": "2"})
    slow = Resolver(allow_private=True, history_timeout=0.0)
    with pytest.raises(RefNotFound, match="its commits cannot be searched") as caught:
        slow.resolve(spec_of(repository, old[:8]))
    assert "40 digits" in caught.value.hint
    assert resolver.resolve(spec_of(repository, old[:8])).commit == old


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("index.ipynb", "index.ipynb"),
        ("nb/a.ipynb", "nb/a.ipynb"),
        ("Makefile", "Makefile"),
        ("\u00fcbung/a.ipynb", "u\u0308bung/a.ipynb"),
        ("u\u0308bung/b.ipynb", "\u00fcbung/b.ipynb"),
    ],
)
def test_a_file_in_the_place_of_a_ref_is_opened(
    resolver: Resolver, repository: "HostedRepository", name: str, path: str
) -> None:
    files = {"nb/a.ipynb": "{}", "Makefile": "", "u\u0308bung/a.ipynb": "{}", "\u00fcbung/b.ipynb": "{}"}
    tip = repository.commit(files)
    found = resolver.resolve(spec_of(repository, name))
    assert (found.spec.ref, found.spec.path, found.commit, found.is_tip) == (None, path, tip, True)


def test_a_branch_goes_before_a_file_of_its_name(resolver: Resolver, repository: "HostedRepository") -> None:
    repository.commit({"docs.md": ""})
    branch = repository.commit({"x": "1"}, branch="docs.md")
    found = resolver.resolve(spec_of(repository, "docs.md"))
    assert (found.commit, found.spec.path) == (branch, None)


@pytest.mark.parametrize(
    ("ref", "sentence", "hint"),
    [
        ("nb/b.ipynb", "no branch, tag, commit or file “nb/b.ipynb”", "“main”"),
        ("other/a.ipynb", "or file “other/a.ipynb”", "Its nearest file is “nb/a.ipynb”."),
        ("nb", "no branch, tag or commit “nb”", "write --path nb"),
    ],
)
def test_neither_a_ref_nor_a_file_says_what_there_is(
    resolver: Resolver, repository: "HostedRepository", ref: str, sentence: str, hint: str
) -> None:
    repository.commit({"nb/a.ipynb": "{}"})
    with pytest.raises(RefNotFound, match=sentence) as caught:
        resolver.resolve(spec_of(repository, ref))
    assert hint in caught.value.hint


def test_where_files_cannot_be_seen_the_option_for_them_is_named(repository: "HostedRepository") -> None:
    with pytest.raises(RefNotFound, match=r"no branch, tag or commit “nb/a\.ipynb”") as caught:
        Resolver(allow_private=True, history_timeout=0.0).resolve(spec_of(repository, "nb/a.ipynb"))
    assert caught.value.hint.endswith("Is it a file? Write --path nb/a.ipynb")


def test_a_ref_with_a_path_is_never_taken_for_a_file(
    resolver: Resolver, repository: "HostedRepository"
) -> None:
    with pytest.raises(RefNotFound):
        resolver.resolve(spec_of(repository, "README.md", "x"))


def test_letters_that_can_be_written_in_two_ways_are_the_same_ref(
    resolver: Resolver, repository: "HostedRepository"
) -> None:
    commit = repository.commit({"a": "1"}, branch="\u00fcbung")
    assert resolver.resolve(spec_of(repository, "u\u0308bung")).commit == commit


@pytest.mark.parametrize(
    ("ref", "path", "found"),
    [
        ("feature", "main/dir/a.ipynb", ("feature/main", "dir/a.ipynb")),
        ("feature", "main", ("feature/main", None)),
        ("main", "feature/main", ("main", "feature/main")),
        ("deep", "a/b/c", ("deep/a/b", "c")),
        ("refs/heads/feature", "main/dir", ("refs/heads/feature/main", "dir")),
    ],
)
def test_the_border_between_ref_and_path_is_where_the_refs_say(
    resolver: Resolver,
    repository: "HostedRepository",
    ref: str,
    path: str,
    found: tuple[str, str | None],
) -> None:
    repository.commit({"a": "1"}, branch="feature/main")
    repository.commit({"a": "1"}, branch="deep/a/b")
    spec = resolver.resolve(spec_of(repository, ref, path)).spec
    assert (spec.ref, spec.path) == found


def test_a_missing_ref_names_the_nearest(resolver: Resolver, repository: "HostedRepository") -> None:
    repository.commit({"a": "1"}, branch="feature/binder")
    repository.tag("v1.0")
    with pytest.raises(RefNotFound, match="no branch, tag or commit “v1”") as caught:
        resolver.resolve(spec_of(repository, "v1"))
    assert "“v1.0”" in caught.value.hint
    with pytest.raises(RefNotFound) as caught:
        resolver.resolve(spec_of(repository, "binder"))
    assert "“feature/binder”" in caught.value.hint
    with pytest.raises(RefNotFound) as caught:
        resolver.resolve(spec_of(repository, "quite-different"))
    assert caught.value.hint == "There is “main”."


def test_nearest_prefers_the_same_last_name() -> None:
    assert nearest("Main", ["mein", "feature/main", "other", "mein"]) == ["feature/main", "mein"]


def test_a_repository_without_commits_or_default_branch(resolver: Resolver, git_server: "GitServer") -> None:
    empty = git_server.repository("empty")
    with pytest.raises(RepositoryNotFound, match="is empty"):
        resolver.resolve(spec_of(empty))
    empty.commit({"a": "1"})
    empty.head("refs/heads/gone")
    with pytest.raises(RefNotFound, match="no default branch") as caught:
        resolver.resolve(spec_of(empty))
    assert "“main”" in caught.value.hint


# --- hosts that do not help -----------------------------------------------------------------------------


def test_a_missing_repository_is_named(resolver: Resolver, git_server: "GitServer") -> None:
    with pytest.raises(RepositoryNotFound, match=f"team/missing on 127.0.0.1:{git_server.port}"):
        resolver.resolve(RepoSpec(Provider.GIT, f"{git_server.url}/team/missing.git"))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, RepositoryNotFound),
        (403, RepositoryNotFound),
        (410, RepositoryNotFound),
        (429, RepositoryUnreachable),
        (500, RepositoryUnreachable),
        (503, RepositoryUnreachable),
    ],
)
def test_what_a_host_answers_is_said_in_our_words(
    resolver: Resolver, git_server: "GitServer", status: int, error: type[ResolveError]
) -> None:
    git_server.answers["/r"] = (status, "text/plain", b"<script>its own words</script>")
    with pytest.raises(error) as caught:
        resolver.resolve(RepoSpec(Provider.GIT, f"{git_server.url}/r"))
    assert "its own words" not in caught.value.sentence
    assert "fatal" not in caught.value.sentence


def test_a_web_page_is_no_repository(resolver: Resolver, git_server: "GitServer") -> None:
    git_server.answers["/r"] = (200, "text/html", b"<html>")
    with pytest.raises(RepositoryNotFound):
        resolver.resolve(RepoSpec(Provider.GIT, f"{git_server.url}/r"))


def test_nothing_listens(resolver: Resolver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(RepositoryUnreachable, match="does not answer"):
            resolver.resolve(RepoSpec(Provider.GIT, f"http://127.0.0.1:{unused.getsockname()[1]}/r"))


def test_no_such_host() -> None:
    def lookup(host: str, port: int) -> list[str]:
        raise socket.gaierror(f"{host}:{port}")

    with pytest.raises(RepositoryUnreachable, match=r"no host git\.example\.org"):
        Resolver(lookup=lookup).resolve(parse_repo("https://git.example.org/o/r"))


def test_a_lookup_that_hangs_ends_at_the_deadline() -> None:
    release = threading.Event()

    def lookup(host: str, port: int) -> list[str]:
        release.wait(30)
        return [host, str(port)]

    begun = time.monotonic()
    try:
        with pytest.raises(RepositoryUnreachable, match="in time"):
            Resolver(lookup=lookup, timeout=0.2).resolve(parse_repo("o/r"))
    finally:
        release.set()
    assert time.monotonic() - begun < 5


@pytest.fixture
def hanging() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_host_that_hangs_ends_at_the_deadline_and_leaves_no_process(hanging: int) -> None:
    begun = time.monotonic()
    with pytest.raises(RepositoryUnreachable, match="did not answer in time"):
        Resolver(allow_private=True, timeout=0.5).resolve(
            RepoSpec(Provider.GIT, f"http://127.0.0.1:{hanging}/r")
        )
    assert time.monotonic() - begun < 5
    until = time.monotonic() + 10
    while _commands_with(f"127.0.0.1:{hanging}/r"):  # all are killed at once; each takes its moment to end
        assert time.monotonic() < until


def _commands_with(text: str) -> list[bytes]:
    commands = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in command:
            commands.append(command)
    return commands


def test_a_host_that_answers_without_end_is_cut(repository: "HostedRepository") -> None:
    with pytest.raises(RepositoryUnreachable, match="more than can be read"):
        Resolver(allow_private=True, max_bytes=20).resolve(spec_of(repository))


def test_git_sees_neither_secrets_nor_configuration(
    repository: "HostedRepository", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nenv > {tmp_path}/seen\nexec /usr/bin/env -S PATH=/usr/bin:/bin git "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    Resolver(allow_private=True).resolve(spec_of(repository))
    seen = (tmp_path / "seen").read_text()
    assert "xoxb-secret" not in seen
    assert "GIT_TERMINAL_PROMPT=0" in seen
    assert "https_proxy=" in seen
    with pytest.raises(ResolveError):
        Resolver(lookup=lambda *_: ["8.8.8.8"], timeout=0.3).resolve(
            RepoSpec(Provider.GIT, "http://x.example/r")
        )
    assert "https_proxy=" not in (tmp_path / "seen").read_text()


def test_without_a_git_that_pins_addresses_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "git"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho git version 2.34.1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ResolveError, match=r"older than 2\.37"):
        Resolver(lookup=lambda *_: ["8.8.8.8"]).resolve(parse_repo("o/r"))
    assert (tmp_path / "asked").read_text() == "--version\n"
    program.unlink()
    with pytest.raises(ResolveError, match="not installed"):
        Resolver(lookup=lambda *_: ["8.8.8.8"]).resolve(parse_repo("o/r"))


# --- hosts that are none of people's business -----------------------------------------------------------

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00::1",
    "fec0::1",
    "ff02::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "2001:0:808:808::1",
    "nonsense",
]


@pytest.mark.parametrize("address", PRIVATE)
@pytest.mark.parametrize("others", [[], ["8.8.8.8"]])
def test_private_addresses_are_refused_even_among_public_ones(address: str, others: list[str]) -> None:
    resolver = Resolver(lookup=lambda *_: [*others, address])
    with pytest.raises(ForbiddenAddress, match="not on the public internet"):
        resolver.resolve(RepoSpec(Provider.GIT, "https://git.example.org/o/r"))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_pass(address: str) -> None:
    spec = RepoSpec(Provider.CKAN, "https://data.example.org/dataset/x")
    assert Resolver(lookup=lambda *_: [address]).resolve(spec) == Resolved(spec, None)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "0", "[::1]"]
)
def test_a_private_host_is_never_connected_to(git_server: "GitServer", host: str) -> None:
    spec = RepoSpec(Provider.GIT, f"http://{host}:{git_server.port}/team/repo.git")
    with pytest.raises(ForbiddenAddress):
        Resolver().resolve(spec)
    assert git_server.requests == []


@pytest.mark.parametrize("host", ["2130706433", "010.8.8.8"])
def test_odd_numbers_are_refused_wherever_they_lead(host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        Resolver(lookup=lambda *_: ["8.8.8.8"]).resolve(RepoSpec(Provider.GIT, f"http://{host}/r"))


@pytest.mark.parametrize(
    "netloc", ["a%2eexample", "b\u00fccher.example", "a.example\\b", "a@b.example", "a b"]
)
def test_a_host_that_curl_may_read_otherwise_is_refused(netloc: str) -> None:
    with pytest.raises(ForbiddenAddress, match="cannot be read"):
        AddressGuard(lookup=lambda *_: ["8.8.8.8"]).pin(f"http://{netloc}/r", time.monotonic() + 1)


class Pinned(Resolver):
    """Takes loopback for public, so that pins and redirects can be watched on it."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__(lookup=lambda host, _: [names[host]], timeout=10)


@pytest.fixture
def loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.repositories.addresses._is_public", lambda address: address == "127.0.0.1")


@pytest.mark.usefixtures("loopback_is_public", "repository")
def test_the_connection_goes_to_the_address_that_was_checked(git_server: "GitServer") -> None:
    # No name server knows this host: only the pin leads anywhere.
    spec = RepoSpec(Provider.GIT, f"http://git.example.org:{git_server.port}/team/repo.git")
    found = Pinned({"git.example.org": "127.0.0.1"}).resolve(spec)
    assert found.ref_name == "refs/heads/main"


@pytest.mark.usefixtures("loopback_is_public", "repository")
def test_a_redirect_is_followed_by_hand(git_server: "GitServer") -> None:
    git_server.redirects["/old/repo"] = f"http://new.example.org:{git_server.port}/team/repo.git"
    spec = RepoSpec(Provider.GIT, f"http://old.example.org:{git_server.port}/old/repo")
    found = Pinned({"old.example.org": "127.0.0.1", "new.example.org": "127.0.0.1"}).resolve(spec)
    assert found.ref_name == "refs/heads/main"
    assert found.spec == spec
    assert found.places == (f"http://new.example.org:{git_server.port}/team/repo.git",)


@pytest.mark.usefixtures("loopback_is_public", "repository")
def test_a_redirect_to_a_private_address_is_not_followed(git_server: "GitServer") -> None:
    inner = f"http://inner.example.org:{git_server.port}/team/repo.git"
    git_server.redirects["/old/repo"] = inner
    spec = RepoSpec(Provider.GIT, f"http://old.example.org:{git_server.port}/old/repo")
    with pytest.raises(ForbiddenAddress, match=r"inner\.example\.org"):
        Pinned({"old.example.org": "127.0.0.1", "inner.example.org": "127.0.0.2"}).resolve(spec)
    assert not [path for path in git_server.requests if path.startswith("/team")]


@pytest.mark.usefixtures("loopback_is_public")
@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("{url}/loop", RepositoryUnreachable),
        ("file:///etc/passwd?", RepositoryUnreachable),
        ("ftp://old.example.org", RepositoryUnreachable),
        ("http://user:secret@old.example.org", RepositoryUnreachable),
        ("http://old.example.org:99999", RepositoryUnreachable),
        ("http://old%2eexample.org", RepositoryUnreachable),
        ("http://old.example.org\\@x", RepositoryUnreachable),
        ("{url}/login?then=", RepositoryNotFound),
    ],
)
def test_a_redirect_to_nonsense_is_not_followed(
    git_server: "GitServer", target: str, error: type[ResolveError]
) -> None:
    url = f"http://old.example.org:{git_server.port}"
    git_server.redirects["/loop"] = target.format(url=url)
    with pytest.raises(error) as caught:
        Pinned({"old.example.org": "127.0.0.1"}).resolve(RepoSpec(Provider.GIT, f"{url}/loop"))
    assert "secret" not in caught.value.sentence
    assert all(path.startswith("/loop") for path in git_server.requests)


def test_a_private_host_may_redirect_where_private_hosts_are_allowed(
    resolver: Resolver, git_server: "GitServer", repository: "HostedRepository"
) -> None:
    git_server.redirects["/old"] = repository.url
    found = resolver.resolve(RepoSpec(Provider.GIT, f"{git_server.url}/old"))
    assert found.ref_name == "refs/heads/main"
    assert found.places == (repository.url,)


def test_a_drip_is_cut_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()
        thread = threading.Thread(target=_drip, args=(server, stop))
        thread.start()
        resolver = Resolver(
            allow_private=True, timeout=0.5, doi_url=f"http://127.0.0.1:{server.getsockname()[1]}"
        )
        begun = time.monotonic()
        try:
            # Nobody can say whether the DOI exists, so it passes; but soon.
            assert resolver.resolve(parse_repo("10.5281/zenodo.1")).commit is None
            assert time.monotonic() - begun < 5
        finally:
            stop.set()
            thread.join()


def _drip(server: socket.socket, stop: threading.Event) -> None:
    client, _ = server.accept()
    with client:
        client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not stop.wait(0.05):
            try:
                client.sendall(b"x")
            except OSError:
                return


# --- archives -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "exists"),
    [
        (200, {"responseCode": 1}, True),
        (404, {"responseCode": 100}, False),
        (404, {"responseCode": 2}, True),
        (404, None, True),
        (404, ["x"], True),
        (500, {}, True),
    ],
)
def test_a_doi_is_refused_only_if_the_registry_says_so(
    git_server: "GitServer", status: int, body: object, *, exists: bool
) -> None:
    git_server.answers["/api/handles/10.5281/zenodo.1"] = (
        status,
        "application/json",
        json.dumps(body).encode(),
    )
    resolver = Resolver(allow_private=True, doi_url=git_server.url)
    spec = parse_repo("10.5281/zenodo.1")
    if exists:
        assert resolver.resolve(spec) == Resolved(spec, None)
    else:
        with pytest.raises(RepositoryNotFound, match=r"no DOI 10\.5281/zenodo\.1"):
            resolver.resolve(spec)
    assert git_server.requests == ["/api/handles/10.5281/zenodo.1"]


def test_where_a_doi_leads_is_told(git_server: "GitServer") -> None:
    page = "https://github.com/evil/repo"
    values = [{"type": "HS_ADMIN", "data": {"value": {}}}, {"type": "URL", "data": {"value": page}}]
    body = json.dumps({"responseCode": 1, "values": values}).encode()
    git_server.answers["/api/handles/10.5281/zenodo.1"] = (200, "application/json", body)
    resolver = Resolver(allow_private=True, doi_url=git_server.url)
    assert resolver.resolve(parse_repo("10.5281/zenodo.1")).places == (page,)


def test_a_doi_passes_when_the_registry_does_not_answer(hanging: int) -> None:
    resolver = Resolver(allow_private=True, doi_url=f"http://127.0.0.1:{hanging}", timeout=0.3)
    assert resolver.resolve(parse_repo("10.5281/zenodo.1")).commit is None


def test_an_archive_on_a_private_host_is_refused() -> None:
    with pytest.raises(ForbiddenAddress):
        Resolver().resolve(parse_repo("http://127.0.0.1/dataset/x"))


@pytest.mark.parametrize(("kind", "commit"), [("rev", SHA), ("dir", None)])
def test_a_software_heritage_id_is_its_own_commit(kind: str, commit: str | None) -> None:
    spec = parse_repo(f"swh:1:{kind}:{SHA}")
    assert Resolver().resolve(spec) == Resolved(spec, commit)


def test_the_server_of_these_tests_can_be_cloned(repository: "HostedRepository", tmp_path: Path) -> None:
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", "--", repository.url, str(tmp_path / "clone")], check=True
    )
    assert (tmp_path / "clone" / "README.md").read_text() == "hello"
