"""Patterns of repositories: what they mean, which one decides, and what does not get around them."""

import pytest

from bot.policy.repositories import Rule, judge, places_of, read_pattern, read_patterns
from bot.repositories.launch_text import parse_repo

BANNED = "github.com/evil"


@pytest.mark.parametrize(
    ("typed", "pattern"),
    [
        ("github.com/evil/*", "github.com/evil/*"),
        ("evil/repo", "github.com/evil/repo"),
        ("https://www.GitHub.com/Evil/Repo.git", "github.com/evil/repo"),
        ("<https://github.com/evil/repo|evil>", "github.com/evil/repo"),
        ("*.example.org", "*.example.org"),
        ("git.example.org:8443/team/", "git.example.org:8443/team"),
        ("doi.org/10.5281/zenodo.*", "doi.org/10.5281/zenodo.*"),
        ("*", "*"),
    ],
)
def test_patterns_are_read_as_people_type_them(typed: str, pattern: str) -> None:
    assert read_pattern(typed) == pattern
    assert read_pattern(pattern) == pattern


@pytest.mark.parametrize("typed", ["", "evil", "a b/c", "http://", "github.com/" + "x" * 300])
def test_what_is_no_pattern_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="each must be"):
        read_pattern(typed)


@pytest.mark.parametrize(
    "text",
    [
        "evil/repo",
        "EVIL/Repo",
        "https://github.com/evil/repo",
        "https://www.github.com/evil/repo.git",
        "http://github.com/Evil/repo/tree/main/a",
        "git@github.com:evil/repo.git",
        "https://raw.githubusercontent.com/evil/repo/main/a.ipynb",
        "https://gist.github.com/evil/0123456789abcdef0123456789abcdef",
        "https://mybinder.org/v2/gh/evil/repo/main",
        "https://nbviewer.org/github/evil/repo/blob/main/a.ipynb",
    ],
)
def test_no_way_to_write_a_repository_gets_around_a_ban(text: str) -> None:
    assert not judge(parse_repo(text).url, [Rule(BANNED, is_allowed=False)]).is_allowed


@pytest.mark.parametrize(
    "url",
    [
        "https://user@github.com:443//evil//repo",
        "https://github.com./evil/repo",
        "https://github.com/other/../evil/repo",
        "https://github.com/%65vil/repo",
        "https://github.com/%2565vil/repo",
        "http://github.com:80/evil/repo",
        "https://github.com/\uff45vil/repo",
    ],
)
def test_no_way_to_write_an_address_gets_around_a_ban(url: str) -> None:
    assert not judge(url, [Rule(BANNED, is_allowed=False)]).is_allowed


@pytest.mark.parametrize(
    ("url", "pattern", "is_meant"),
    [
        ("https://github.com/evil/repo", "github.com", True),
        ("https://github.com/evil/repo", "github.com/e*", True),
        ("https://github.com/evil/repo", "github.com/*/repo", True),
        ("https://github.com/evil/repo", "github.com/evil/rep", False),
        ("https://github.com/evil/repo", "hub.com/evil", False),
        ("https://github.com/evil2/repo", "github.com/evil", False),
        ("https://a.example.org/x/y", "*.example.org", True),
        ("https://example.org/x/y", "*.example.org", False),
        ("https://git.example.org:8443/x/y", "git.example.org", True),
        ("https://git.example.org:8443/x/y", "git.example.org:8443", True),
        ("https://git.example.org:9443/x/y", "git.example.org:8443", False),
        ("https://gitlab.com/group/sub/repo", "gitlab.com/group", True),
        ("10.5281/zenodo.12", "doi.org/10.5281", True),
        ("swh:1:rev:" + 40 * "a", "archive.softwareheritage.org", True),
        ("https://b\u00fccher.example/x", "b\u00fccher.example", True),
        ("https://xn--bcher-kva.example/x", "b\u00fccher.example", True),
    ],
)
def test_a_pattern_means_what_it_names_and_all_below_it(url: str, pattern: str, is_meant: bool) -> None:  # noqa: FBT001 - a column of the table
    assert Rule(read_pattern(pattern), is_allowed=False).matches(places_of(url)) == is_meant


def test_the_longest_pattern_decides_and_a_ban_wins_over_its_like() -> None:
    url, ban, allow = "https://github.com/evil/good", "github.com/evil", "github.com/evil/good"
    rules = [Rule(ban, is_allowed=False, reason="miners"), Rule(allow, is_allowed=True)]
    assert judge(url, rules).is_allowed
    assert judge("https://github.com/evil/x", rules).reason == "miners"
    assert not judge(url, [Rule(allow, is_allowed=True), Rule(allow, is_allowed=False)]).is_allowed
    assert not judge(url, [Rule("*", is_allowed=True), Rule("github.com", is_allowed=False)]).is_allowed


def test_where_the_site_names_repositories_no_other_may_be_launched() -> None:
    rules = [Rule(each, is_allowed=True) for each in read_patterns("github.com/us/*, gitlab.example.org")]
    assert judge("https://github.com/us/x", rules, only_named=True).is_allowed
    assert not judge("https://github.com/them/x", rules, only_named=True).is_allowed
    assert judge("https://github.com/them/x", rules).is_allowed
