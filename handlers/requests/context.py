"""What the listeners work with; put together by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.binders.admission import Admission
from bot.binders.repository_gate import RepositoryGate
from bot.config import Settings
from bot.provisioning.instances import Size
from handlers.messages.buttons import Offers
from handlers.requests.slow_facts import SlowFacts
from handlers.slack.profiles import Membership, ask_nobody, english, member
from handlers.slack.rate_limit import RateLimit
from handlers.slack.user_timezones import UserTimezone, utc
from storage.engine import Store


def one_vcpu(_size: str) -> int:
    """Count one for each instance, where nobody counts them."""
    return 1


def doubt_nothing(_installation_id: str, _why: str) -> None:
    """Believe that the bot is still there, if nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every listener may use: the rows and the settings, and no cloud.

    What tells something of a person takes their workspace and their id.

    Attributes:
        store: The database.
        settings: What the operator chose.
        sizes: What people may choose; the first is the default.
        can_shelve: Whether the cloud can shelve instances and resume them.
        slow: What takes long to find out; see there.
        form_pace: How fast forms that are open may be changed.
        zone_of: Tells in which time zone a person is; may ask Slack, for a moment.
        known_locale: Tells a person's locale (`de-DE`), if it is known; None where Slack has to be asked.
        refresh_profile: Asks Slack for a person's locale and zone, for a moment, unless that was done lately.
        membership_of: Tells what a person is in a workspace, as far as it is known; asks nobody.
        vcpus_of: Tells how many vCPUs an instance of a size has, as far as it is known; asks nobody.
        doubt_installation: Looks whether a workspace (or organisation) removed the bot; takes its id, and
            Slack's word for it.
        nudge: Wakes whoever drives binders and delivers messages; a hint.
    """

    store: Store
    settings: Settings
    sizes: tuple[Size, ...]
    nudge: Callable[[], None]
    can_shelve: bool = False
    zone_of: Callable[[str, str], UserTimezone] = utc
    slow: SlowFacts = field(default_factory=SlowFacts.nothing)
    form_pace: RateLimit = field(default_factory=lambda: RateLimit(1.5, 10))
    known_locale: Callable[[str, str], str | None] = english
    refresh_profile: Callable[[str, str], None] = ask_nobody
    membership_of: Callable[[str, str, frozenset[str]], Membership] = member
    vcpus_of: Callable[[str], int | None] = one_vcpu
    doubt_installation: Callable[[str, str], None] = doubt_nothing

    def is_admin(self, team_id: str, user: str) -> bool:
        """Whether somebody is an admin of a workspace."""
        return self.settings.is_admin(team_id, user)

    @property
    def gate(self) -> RepositoryGate:
        """Refuses repositories that may not be launched."""
        return RepositoryGate.of(self.settings, self.store)

    @property
    def admission(self) -> Admission:
        """Decides which launches begin."""
        return Admission.of(self.settings, self.settings.zone)


def offers_of(context: Context) -> Offers:
    """What buttons depend on."""
    return Offers(context.can_shelve, context.settings.help_channel is not None)
