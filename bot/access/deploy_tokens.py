"""Which deploy tokens are for a repository. Pure."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from bot.policy.people import read_ids
from bot.policy.repositories import Rule, places_of
from storage.access_models import DeployToken

_DEFAULT_PORTS = frozenset({None, 443})
_KINDS = ("U", "W", "S", "T", "E")


def matching(url: str, tokens: Sequence[DeployToken]) -> list[DeployToken]:
    """Those of the tokens whose pattern means a repository, the most exact one first.

    A token goes to no other port than that which its pattern names: another service may listen there.
    """
    places = places_of(url)
    found = [(Rule(each.pattern, is_allowed=True), each) for each in tokens if _has_port(url, each.pattern)]
    hits = [(rule.weight, each) for rule, each in found if rule.matches(places)]
    return [each for _, each in sorted(hits, key=lambda hit: hit[0], reverse=True)]


def read_people(text: str) -> str:
    """Read for whom a token is: ids of people, user groups and workspaces, separated by commas or spaces.

    Raises:
        ValueError: Its message says what is wrong.
    """
    ids = sorted(read_ids(text))
    if not ids or any(each[0] not in _KINDS for each in ids):
        raise ValueError(
            "must name people (U…), user groups (S…) or a whole workspace (T…) by their Slack ids"
        )
    return ",".join(ids)


def _has_port(url: str, pattern: str) -> bool:
    return ":" in pattern.partition("/")[0] or urlsplit(url).port in _DEFAULT_PORTS
