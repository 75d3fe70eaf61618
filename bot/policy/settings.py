"""The settings of who may launch, what, and how much."""

from functools import cached_property
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from bot.policy.approval import Line, read_line
from bot.policy.people import LaunchPolicy, read_ids
from bot.policy.quotas import Quotas, ScopeKind, What, read_quotas
from bot.policy.repositories import Rule, read_patterns
from bot.sentences import Sentence

_Ids = Annotated[frozenset[str], NoDecode]
_Patterns = Annotated[tuple[str, ...], NoDecode]


class PolicySettings(BaseSettings):
    """What an operator can set of people, repositories and quotas."""

    home_workspace: str = Field(
        default="",
        pattern=r"^(T[A-Z0-9]+)?$",
        description="The id of your own workspace (`T…`), where several install the bot. The ids of people, "
        "channels and groups in all settings are meant there; those of another workspace are written "
        "`T…/U…`. Another workspace can install the bot only if LAUNCH_FOR names it.",
    )
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

    max_binders_per_person: int = Field(
        default=5,
        ge=1,
        description="How many binders one person may have at the same time. Further launches wait.",
    )
    quotas: str = Field(
        default="",
        description="What else may be used: `binders` and `vcpus` at the same time, `hours` within 24 hours, "
        "`cost` in a month; by `person`, `channel`, `workspace`, `site`, or the id of one channel or user "
        "group: `person=vcpus:16+hours:40,S0123=binders:20,site=vcpus:200`. What does not fit waits.",
    )

    approval_channel: str | None = Field(
        default=None,
        pattern=r"^[CG][A-Z0-9]+$",
        description="The id of the channel in which admins approve launches that are above APPROVAL_ABOVE.",
    )
    approval_above: str = Field(
        default="",
        description="Above which line a launch needs approval: more `vcpus`, a longer lifetime in `hours`, a "
        "higher `cost` until its end, or a certain `size`: `vcpus:8+hours:24+cost:50+size:g3.large`. Without "
        "approval, no binder can be extended beyond these hours. Admins need none.",
    )
    approval_hours: float = Field(
        default=24.0, gt=0, le=24 * 31, description="How long a launch waits for approval before it fails."
    )

    @field_validator("quotas")
    @classmethod
    def _can_read_quotas(cls, value: str) -> str:
        read_quotas(value)
        return value

    @field_validator("approval_above")
    @classmethod
    def _can_read_line(cls, value: str) -> str:
        read_line(value)
        return value

    @model_validator(mode="after")
    def _somebody_is_asked(self) -> "PolicySettings":
        if bool(self.approval_above) != bool(self.approval_channel):
            raise ValueError("APPROVAL_ABOVE and APPROVAL_CHANNEL need each other")
        return self

    @field_validator("launch_for", "guests_for", mode="before")
    @classmethod
    def _read_ids(cls, value: Any) -> Any:
        return read_ids(value) if isinstance(value, str) else value

    @field_validator("allowed_repositories", "banned_repositories", mode="before")
    @classmethod
    def _read_patterns(cls, value: Any) -> Any:
        return read_patterns(value) if isinstance(value, str) else value

    def named(self, team_id: str, slack_id: str) -> str:
        """How the settings name a person, channel or group of a workspace: `U…`, or `T…/U…` elsewhere."""
        return slack_id if self.is_home(team_id) else f"{team_id}/{slack_id}"

    def is_home(self, team_id: str) -> bool:
        """Whether that is the workspace of those who run the bot; the only one always is."""
        return not self.home_workspace or team_id == self.home_workspace

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
    def approval_line(self) -> Line:
        """What a launch may take without approval."""
        return read_line(self.approval_above)

    @property
    def named_groups(self) -> frozenset[str]:
        """The user groups that any of these settings names."""
        return self.launch_policy.groups | self.all_quotas.groups

    @cached_property
    def all_quotas(self) -> Quotas:
        """How much may be used, MAX_BINDERS_PER_PERSON included."""
        read = read_quotas(self.quotas)
        person = {**read.limits.get(ScopeKind.PERSON, {}), What.BINDERS: float(self.max_binders_per_person)}
        return Quotas({**read.limits, ScopeKind.PERSON: person})

    @cached_property
    def repository_rules(self) -> tuple[Rule, ...]:
        """The patterns of the settings; admins add theirs."""
        allowed = (Rule(each, is_allowed=True) for each in self.allowed_repositories)
        return (*allowed, *(Rule(each, is_allowed=False) for each in self.banned_repositories))
