"""How patient the bot is with a cloud, and how a site ends what nobody needs. Pure."""

from dataclasses import dataclass, field

from bot.binders.deadlines import WarningPolicy


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How patient the bot is with one cloud, and how it ends binders. All times are in seconds.

    Attributes:
        poll: Between two looks at an instance that is being made or built.
        ready_poll: Between two looks at a ready binder.
        attempt: How long a `create` whose answer was lost may still produce an instance.
        missing: An instance counts as missing when it was absent twice, this far apart.
        order: Until a warm instance begins with its order. Nova keeps what it shows to instances for up to
            15 seconds, and the console lags.
        boot: Until an instance has an address and reports for the first time.
        build: From the first report until the server answers.
        capacity: How long a launch waits for room in the cloud.
        look: Between two questions to a ready server about its use.
        count: Between two counts of the files that were changed in it.
        policy: When people are warned.
        shelves_idle: Whether an idle binder is shelved instead of torn down.
        shelved: How long a shelved binder is kept.
        saves_expired: Whether the changes in a binder whose time is over are saved to its thread.
        failed: How long a failed launch is kept for somebody to look at it; 0 for not at all.
        replacements: How many broken instances of one binder are replaced.
    """

    poll: float
    ready_poll: float
    attempt: float
    missing: float
    boot: float
    build: float
    capacity: float
    look: float = 120.0
    count: float = 120.0
    policy: WarningPolicy = field(default_factory=WarningPolicy)
    shelves_idle: bool = False
    shelved: float = 7 * 86_400.0
    saves_expired: bool = True
    failed: float = 0.0
    replacements: int = 1
    order: float = 60.0

    def until_next_round(self, now: float) -> float:
        """Seconds until the next round, in which all ready binders are looked at with one listing."""
        return self.ready_poll - now % self.ready_poll
