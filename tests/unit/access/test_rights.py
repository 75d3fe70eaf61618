"""Who may read what: everybody who may not hears the same, whatever the reason."""

import json
from collections.abc import Callable

import pytest

from bot.access.deploy_tokens import matching, read_people
from bot.access.github import GitHubApi
from bot.access.github_rights import name_of
from bot.access.reading import ReaderResolver, RepositoryReader
from bot.access.rights import NoRights, Reader, SiteRights, is_confidential
from bot.errors import ConfigError, RepositoryNotFound, RepositoryUnreachable
from bot.provisioning.agent.git_right import read_right
from bot.repositories.preview import preview
from bot.repositories.resolve import Resolver
from bot.repositories.spec import Provider, RepoSpec
from storage import deploy_tokens, shares
from storage.access_models import ConnectionState, DeployToken
from storage.share_models import AudienceMember
from tests.conftest import GitServer
from tests.fakes.github import CLIENT_ID, app_key_as_pem
from tests.unit.access.conftest import ADA, GRACE, Desk

RESOLVER = Resolver(allow_private=True)


def said(look: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(RepositoryNotFound) as refused:
        look()
    return refused.value.sentence, refused.value.hint


def a_token(pattern: str, people: str = "UADA", **more: str) -> DeployToken:
    whole = {"id": "t1", "user": "deploy", "token": "gldt-s3cret", "created_at": 0.0}
    return DeployToken(pattern=pattern, people=people, **(whole | more))


def store_token(desk: Desk, token: DeployToken) -> None:
    with desk.store.write() as session:
        deploy_tokens.add(session, token, by="operator")


# --- GitHub ----------------------------------------------------------------------------------------------


def test_a_person_who_may_read_it_gets_a_right_to_this_one_repository(desk: Desk) -> None:
    url = desk.private()
    desk.connect()
    right = desk.rights.require(url, ADA)
    assert desk.github.state.given[right.password][0] == "lab/secret"
    assert right.user == "x-access-token"
    assert right.password not in repr(right)
    assert read_right(right.as_text(), url) == right
    assert read_right(right.as_text(), f"{url}x") is None
    assert read_right(json.dumps(json.loads(right.as_text()) | {"until": 1}), url) is None
    assert read_right("nonsense", url) is None


def test_all_refusals_are_the_same(desk: Desk) -> None:
    """Not connected, not one's own, not installed, not there, no address of a repository at all."""
    desk.private("lab/secret", "grace")
    desk.private("lab/apart", "ada")
    desk.github.state.installed.discard("lab/apart")
    desk.connect()
    reads = RepositoryReader(RESOLVER, desk.rights, ADA)
    nobody = RepositoryReader(RESOLVER, desk.rights, GRACE)
    heard = set()
    for reader, name in (
        (reads, "secret"),
        (reads, "apart"),
        (reads, "gone"),
        (nobody, "apart"),
        (nobody, "x"),
    ):
        spec = RepoSpec(Provider.GIT, f"{desk.github.url}/lab/{name}")
        for look in (reader.resolve, reader.refs):
            sentence, hint = said(lambda look=look, spec=spec: look(spec))  # type: ignore[misc] # bound early
            heard.add((sentence.replace(name, "NAME"), hint))
    assert len(heard) == 1
    assert "/binder connect github" in heard.pop()[1]


def test_what_everybody_can_read_asks_for_no_right(desk: Desk) -> None:
    repository = desk.github.repository("lab/open")
    commit = repository.commit({"a": "b"})
    found = ReaderResolver(RESOLVER, desk.rights, GRACE).resolve(RepoSpec(Provider.GIT, repository.url))
    assert (found.commit, found.needs_right) == (commit, False)
    assert not any(each.startswith("/api") for each in desk.github.requests)


def test_what_one_has_a_right_to_is_found(desk: Desk) -> None:
    repository = desk.github.repository("lab/secret")
    commit = repository.commit({"a": "b"})
    desk.github.state.readers["lab/secret"] = {"ada"}
    desk.github.state.installed.add("lab/secret")
    desk.connect()
    spec = RepoSpec(Provider.GIT, repository.url)
    reads = RepositoryReader(RESOLVER, desk.rights, ADA)
    found = reads.resolve(spec)
    assert (found.commit, found.needs_right) == (commit, True)
    seen = preview(reads, spec)
    assert seen is not None
    assert (seen.problem, seen.default) == (None, "main")
    short = ReaderResolver(RESOLVER, desk.rights, ADA).resolve(
        RepoSpec(Provider.GIT, repository.url, commit[:9])
    )
    assert short.commit == commit


def test_git_is_told_the_right_in_its_environment_alone(desk: Desk) -> None:
    desk.private()
    desk.connect()
    reads = RepositoryReader(RESOLVER, desk.rights, ADA, needs_right=True)
    git = reads.git_for(RepoSpec(Provider.GIT, f"{desk.github.url}/lab/secret"), 1e9)
    shown = f"{git!r} {git.command} {git.url}"
    assert not any(each in shown for each in desk.github.state.secrets().values())
    assert any("Authorization: Basic" in each for each in git.environment.values())


def test_a_revoked_right_says_how_to_connect_again(desk: Desk) -> None:
    url = desk.private()
    desk.connect()
    desk.github.revoke("ada")
    first, second = (said(lambda: desk.rights.require(url, ADA)) for _ in range(2))
    assert first == second
    assert "has ended" in first[1]
    assert desk.state() == ConnectionState.LOST


def test_a_right_that_is_just_being_renewed_is_asked_for_again(desk: Desk) -> None:
    url = desk.private()
    desk.connect()
    desk.clock[0] += 30_000.0
    with pytest.raises(RepositoryUnreachable, match="renewed"):
        desk.rights.require(url, ADA)


@pytest.mark.parametrize("trouble", ["busy", "is_down"])
def test_a_host_in_trouble_refuses_nobody(desk: Desk, trouble: str) -> None:
    url = desk.private()
    desk.connect()
    setattr(desk.github.state, trouble, 1)
    with pytest.raises(RepositoryUnreachable):
        desk.rights.require(url, ADA)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/lab/secret", ("lab", "secret")),
        ("https://github.com/lab/secret.git", ("lab", "secret")),
        ("https://github.com/lab/.github", ("lab", ".github")),
        ("https://github.com/lab", None),
        ("https://github.com/lab/..", None),
        ("https://github.com/lab/a%2fb", None),
        ("https://github.com/lab/secret/installation", None),
    ],
)
def test_names_of_repositories(url: str, name: tuple[str, str] | None) -> None:
    assert name_of(url) == name


def test_an_operator_is_shown_where_the_app_is_installed(desk: Desk) -> None:
    assert desk.api.app_page() == f"{desk.github.url}/apps/binders/installations/new"
    stranger = GitHubApi(
        desk.github.url, f"{desk.github.url}/api", app_id="1", client_id=CLIENT_ID, key=app_key_as_pem()
    )
    with pytest.raises(RepositoryUnreachable, match="does not know this site's App"):
        stranger.app_page()


def test_a_key_that_is_none_stops_the_start_and_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="GITHUB_APP_KEY") as wrong:
        GitHubApi("https://x.test", "https://x.test", app_id="1", client_id="1", key="s3cret")
    assert "s3cret" not in str(wrong.value)


# --- deploy tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "url", "is_for_it"),
    [
        ("gitlab.test/lab/*", "https://gitlab.test/lab/secret", True),
        ("gitlab.test/lab/*", "https://gitlab.test/Lab/secret.git", True),
        ("gitlab.test/lab/*", "https://gitlab.test/other/secret", False),
        ("gitlab.test/lab/*", "https://gitlab.test/lab/../other/secret", False),
        ("gitlab.test/lab/*", "https://gitlab.test:8443/lab/secret", False),
        ("gitlab.test:8443/lab", "https://gitlab.test:8443/lab/secret", True),
        ("gitlab.test/lab/*", "https://gitlab.test.evil.test/lab/secret", False),
    ],
)
def test_a_token_is_for_the_repositories_of_its_pattern(pattern: str, url: str, is_for_it: object) -> None:
    assert bool(matching(url, [a_token(pattern)])) is is_for_it


def test_the_most_exact_pattern_comes_first() -> None:
    tokens = [a_token("gitlab.test", id="all"), a_token("gitlab.test/lab/secret", id="one")]
    assert [each.id for each in matching("https://gitlab.test/lab/secret", tokens)] == ["one", "all"]


@pytest.mark.parametrize(
    ("people", "reader", "may"),
    [
        ("UADA", ADA, True),
        ("UADA", GRACE, False),
        ("T1", GRACE, True),
        ("T1", Reader("T2", "UADA"), False),
        ("S1,UADA", GRACE, True),
        ("S2", GRACE, False),
    ],
)
def test_a_token_is_for_those_who_are_named(desk: Desk, people: str, reader: Reader, may: object) -> None:
    store_token(desk, a_token("gitlab.test/lab/*", people))
    with desk.store.write() as session:
        shares.name_more_groups(session, ["S1", "S2"])
        session.flush()
        session.add(AudienceMember(subject="S1", user="UGRACE"))
    if may:
        assert desk.rights.require("https://gitlab.test/lab/secret", reader).password == "gldt-s3cret"
    else:
        assert (
            "that you can read"
            in said(lambda: desk.rights.require("https://gitlab.test/lab/secret", reader))[0]
        )


def test_a_token_is_never_sent_in_the_clear(desk: Desk) -> None:
    store_token(desk, a_token("gitlab.test/lab/*"))
    said(lambda: desk.rights.require("http://gitlab.test/lab/secret", ADA))


@pytest.mark.parametrize(
    ("url", "is_so"),
    [
        ("https://x.test/a", True),
        ("http://127.0.0.1:80/a", True),
        ("http://x.test/a", False),
        ("http://1.2.3.4/", False),
    ],
)
def test_where_a_secret_is_not_overheard(url: str, is_so: object) -> None:
    assert is_confidential(url) is is_so


def test_a_git_host_that_demands_the_token_is_read_with_it(desk: Desk, git_server: GitServer) -> None:
    repository = git_server.repository("lab/secret")
    commit = repository.commit({"a": "b"})
    git_server.passwords["/lab/"] = "deploy:gldt-s3cret"
    place = git_server.url.removeprefix("http://")
    store_token(desk, a_token(f"{place}/lab/*"))
    rights = SiteRights(desk.store)
    spec = RepoSpec(Provider.GIT, repository.url)
    assert ReaderResolver(RESOLVER, rights, ADA).resolve(spec).commit == commit
    refused = said(lambda: ReaderResolver(RESOLVER, rights, GRACE).resolve(spec))
    gone = RepoSpec(Provider.GIT, f"{git_server.url}/lab/gone.git")
    for reader in (ADA, GRACE):
        other = said(lambda reader=reader: ReaderResolver(RESOLVER, rights, reader).resolve(gone))  # type: ignore[misc] # bound early
        assert (other[0].replace("gone", "secret"), other[1]) == refused


def test_where_nobody_has_a_right_the_bot_says_what_it_said_before(git_server: GitServer) -> None:
    spec = RepoSpec(Provider.GIT, f"{git_server.url}/lab/gone.git")
    sentence, _ = said(lambda: ReaderResolver(RESOLVER, NoRights(), ADA).resolve(spec))
    assert "There is no public repository" in sentence


@pytest.mark.parametrize("text", ["", "C123", "ada", "everybody"])
def test_for_whom_a_token_is_must_be_said(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        read_people(text)


def test_people_are_read_in_one_order() -> None:
    assert read_people("U2 S1,T3") == "S1,T3,U2"
