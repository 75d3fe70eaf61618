"""Holds repositories against the patterns of the settings and of the admins.

A repository is looked at when a launch is asked for, when it is known where it really is, and before an
instance is made: what an admin bans has effect at once, on all replicas.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bot.errors import BannedRepository
from bot.policy.repositories import Rule, judge
from bot.policy.settings import PolicySettings
from bot.repositories.complaints import named
from bot.sentences import Sentence
from storage import policies
from storage.engine import Store


@dataclass(frozen=True, slots=True)
class RepositoryGate:
    """Refuses repositories that may not be launched.

    Attributes:
        store: Where the admins' patterns are.
        rules: Those of the settings.
        only_named: Whether the settings name the repositories that may be launched.
        whom_to_ask: A sentence for those who are refused.
    """

    store: Store
    rules: Sequence[Rule] = ()
    only_named: bool = False
    whom_to_ask: str = ""

    @classmethod
    def of(cls, settings: PolicySettings, store: Store) -> Self:
        """The gate that the settings describe."""
        return cls(
            store,
            settings.repository_rules,
            only_named=bool(settings.allowed_repositories),
            whom_to_ask=settings.whom_to_ask,
        )

    def check(self, url: str, *places: str) -> None:
        """Refuse a repository that may not be launched. Asks the database once, and no host.

        Args:
            url: See `bot.repositories.spec.RepoSpec.url`.
            *places: Other addresses of the same repository. It may be launched where none of them is banned.

        Raises:
            BannedRepository: It may not be launched.
        """
        with self.store.read() as session:
            decided = [Rule(each.pattern, each.is_allowed, each.reason) for each in policies.rules(session)]
        rules = [*self.rules, *decided]
        for each in (url, *places):
            # Who allows a DOI need not know on whose pages it is shown.
            is_page = url.startswith("10.") and each != url
            verdict = judge(each, rules, only_named=self.only_named and not is_page)
            if not verdict.is_allowed:
                raise BannedRepository(_refusal(url, verdict.reason), hint=self.whom_to_ask)


def _refusal(url: str, reason: str) -> str:
    if reason:
        return Sentence(
            "{repository} may not be launched here: {reason}", repository=named(url), reason=reason
        )
    return Sentence("{repository} may not be launched here.", repository=named(url))
