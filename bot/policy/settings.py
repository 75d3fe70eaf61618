"""The settings of who may launch, what, and how much."""

from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bot.policy.people import LaunchPolicy, read_ids
from bot.policy.repositories import Rule, read_patterns
from bot.sentences import Sentence

_Ids = Annotated[frozenset[str], NoDecode]
_Patterns = Annotated[tuple[str, ...], NoDecode]


class PolicySettings(BaseSettings):
    """What an operator can set of people, repositories and quotas."""

    launch_for: _Ids = Field(
        default=frozenset(),
        description="Who may launch, beside the admins: Slack ids of people, user groups and channels "
        "(whoever asks there), separated by commas. If it names workspaces, nobody may launch elsewhere. "
        "Empty for all members.",
    )
    guests_for: _Ids = Field(
        default=frozenset(),
        description="Which guests, and people of other organisations (Slack Connect), may launch: Slack ids "
        "of people, user groups, channels and their own workspaces. Empty for none.",
    )
    allowed_repositories: _Patterns = Field(
        default=(),
        description="The repositories that may be launched, as patterns: "
        "`github.com/owner/*,gitlab.example.org`. Empty for all.",
    )
    banned_repositories: _Patterns = Field(
        default=(),
        description="The repositories that may not be launched, as such patterns. The longest pattern that "
        "matches decides.",
    )
    ask_for_permission: str = Field(
        default="",
        max_length=200,
        description="Whom people ask who may not do something, such as `#binder-help`. Empty for *the people "
        "who run this bot*.",
    )

    @field_validator("launch_for", "guests_for", mode="before")
    @classmethod
    def _read_ids(cls, value: Any) -> Any:
        return read_ids(value) if isinstance(value, str) else value

    @field_validator("allowed_repositories", "banned_repositories", mode="before")
    @classmethod
    def _read_patterns(cls, value: Any) -> Any:
        return read_patterns(value) if isinstance(value, str) else value

    @property
    def whom_to_ask(self) -> Sentence:
        """What is said to somebody who may not do something."""
        return Sentence(
            "Ask {contact}.", contact=self.ask_for_permission or Sentence("the people who run this bot")
        )

    @cached_property
    def launch_policy(self) -> LaunchPolicy:
        """Who may launch."""
        return LaunchPolicy(self.launch_for, self.guests_for)

    @cached_property
    def repository_rules(self) -> tuple[Rule, ...]:
        """The patterns of the settings; admins add theirs."""
        allowed = (Rule(each, is_allowed=True) for each in self.allowed_repositories)
        return (*allowed, *(Rule(each, is_allowed=False) for each in self.banned_repositories))
