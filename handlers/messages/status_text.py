"""The state of a binder in words: one phrase, and how it ended. Pure.

Every pair of status and target has a phrase, including the impossible pairs: a row that should not exist must
still be shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.binders import stages as launch_stages
from bot.sentences import Sentence
from handlers.messages.language import translated
from handlers.messages.mrkdwn import inline
from storage.models import Binder
from storage.vocabulary import Ending, Reason, Status, Target, WaitsFor


@dataclass(frozen=True, slots=True)
class Phrase:
    """The state of a binder, as the end of a sentence that begins with its name."""

    emoji: str
    words: Sentence

    def after(self, name: str) -> str:
        """The whole sentence, without its end, in the language of its reader."""
        return translated("{name} {state}", name=name, state=self.words)

    def of_it(self) -> str:
        """A sentence about a binder that was named before."""
        return translated("It {state}.", state=self.words)


_LEAVING = Phrase(":broom:", Sentence("is being torn down"))
_SHELVING = Phrase(":package:", Sentence("is being shelved"))
_GONE = Phrase(":white_circle:", Sentence("is gone"))

PHRASES: Mapping[tuple[Status, Target], Phrase] = {
    (Status.REQUESTED, Target.READY): Phrase(":mag:", Sentence("is checking its repository")),
    (Status.CREATING, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is getting an instance")),
    (Status.BOOTING, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is starting up")),
    (Status.BUILDING, Target.READY): Phrase(":hammer_and_wrench:", Sentence("is being built")),
    (Status.READY, Target.READY): Phrase(":large_green_circle:", Sentence("is ready")),
    (Status.SHELVING, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is being resumed")),
    (Status.SHELVED, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is being resumed")),
    (Status.UNSHELVING, Target.READY): Phrase(":hourglass_flowing_sand:", Sentence("is being resumed")),
    (Status.WAITING, Target.READY): Phrase(":fire:", Sentence("is ready for a launch")),
    (Status.WAITING, Target.GONE): _LEAVING,
    (Status.DELETING, Target.READY): Phrase(
        ":hourglass_flowing_sand:", Sentence("is getting another instance")
    ),
    (Status.GONE, Target.READY): _GONE,
    **dict.fromkeys(((status, Target.SHELVED) for status in Status), _SHELVING),
    (Status.DELETING, Target.SHELVED): _LEAVING,
    (Status.GONE, Target.SHELVED): _GONE,
    (Status.SHELVED, Target.SHELVED): Phrase(":package:", Sentence("is shelved")),
    (Status.SHELVING, Target.GONE): _LEAVING,
    (Status.SHELVED, Target.GONE): _LEAVING,
    (Status.UNSHELVING, Target.GONE): _LEAVING,
    (Status.REQUESTED, Target.GONE): _LEAVING,
    (Status.CREATING, Target.GONE): _LEAVING,
    (Status.BOOTING, Target.GONE): _LEAVING,
    (Status.BUILDING, Target.GONE): _LEAVING,
    (Status.READY, Target.GONE): _LEAVING,
    (Status.DELETING, Target.GONE): _LEAVING,
    (Status.GONE, Target.GONE): _GONE,
}

_WAITING = Phrase(":vertical_traffic_light:", Sentence("is waiting for free capacity"))
_TURNLESS = Phrase(":vertical_traffic_light:", Sentence("is waiting for its turn"))
_ASKED = Phrase(":raised_hand:", Sentence("is waiting for approval"))
_PLACED = Phrase(":hourglass_flowing_sand:", Sentence("is getting an instance"))
_FAILED = Phrase(":x:", Sentence("could not be launched"))
_INSIDE: Mapping[str, Phrase] = {
    "fetch": Phrase(":inbox_tray:", Sentence("is fetching its files")),
    "pull": Phrase(":inbox_tray:", Sentence("is fetching its image")),
    "server": Phrase(":hourglass_flowing_sand:", Sentence("is starting its server")),
}
"""What goes on inside an instance, by its stage, where it is not being built."""


def phrase(binder: Binder) -> Phrase:
    """The phrase for a binder's current state."""
    if binder.ending == Ending.FAILED:
        return _FAILED
    if binder.waits_for is not None and binder.target == Target.READY:
        return _turn(binder)
    if binder.status == Status.REQUESTED and binder.target == Target.READY and binder.resolved_at is not None:
        return _WAITING if binder.waiting_for else _PLACED
    if binder.status == Status.BUILDING and binder.target == Target.READY:
        return _INSIDE.get(launch_stages.current(binder.stages) or "", PHRASES[binder.status, binder.target])
    return PHRASES[binder.status, binder.target]


def _turn(binder: Binder) -> Phrase:
    """Where a launch stands that has not begun."""
    if binder.waits_for == WaitsFor.APPROVAL:
        return _ASKED
    if not binder.queue:
        return _TURNLESS
    place = Sentence("is number {number} in the queue", number=int(binder.queue["number"]))
    return Phrase(_TURNLESS.emoji, place)


def is_live(binder: Binder) -> bool:
    """Whether a binder is running, shelved, or on its way there: see `Binder.is_live`."""
    return binder.is_live


def is_shelved(binder: Binder) -> bool:
    """Whether a binder is shelved, or about to be."""
    return binder.target == Target.SHELVED and binder.status != Status.GONE


def is_ready(binder: Binder) -> bool:
    """Whether a binder's interfaces can be opened."""
    return binder.target == Target.READY and binder.status == Status.READY


def elapsed(binder: Binder, now: float) -> float:
    """Seconds from the request until the binder was ready, or ended, or `now`."""
    return max((binder.ready_at or binder.ended_at or now) - binder.created_at, 0.0)


def ran(binder: Binder, now: float) -> float | None:
    """Seconds that its server ran; None if it never became ready."""
    return None if binder.ready_at is None else max((binder.ended_at or now) - binder.ready_at, 0.0)


_EXPIRED = {
    Reason.IDLE: Sentence("nobody used it"),
    Reason.LIFETIME: Sentence("its lifetime was over"),
    Reason.MAXIMUM: Sentence("it reached the longest lifetime that this site allows"),
    Reason.BUDGET: Sentence("it reached the cost limit for one binder"),
}
"""The deadline that ended a binder, as the end of a sentence."""
_ENDED = {
    Ending.FAILED: Sentence("could not be launched"),
    Ending.LOST: Sentence("was lost"),
    None: Sentence("is gone"),
}
_ENDED_IN_SHORT = {
    Ending.FAILED: Sentence("Failed"),
    Ending.LOST: Sentence("Lost"),
    None: Sentence("Gone"),
}


def capital(words: str) -> str:
    """Words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def ending(binder: Binder, person: str) -> str:
    """What or who ended a binder, as the end of a sentence; `person` is who, as markup."""
    if binder.ending == Ending.STOPPED:
        return translated("was torn down by {person}", person=person)
    if binder.ending == Ending.EXPIRED:
        return translated("ended because {reason}", reason=_expired(binder))
    return translated(_ENDED[binder.ending])


def _expired(binder: Binder) -> Sentence:
    if binder.class_id is not None and binder.ended_for == Reason.MAXIMUM:
        return Sentence("its class was over")
    return _EXPIRED[binder.ended_for or Reason.LIFETIME]


def short_ending(binder: Binder, person: str) -> str:
    """The same as `ending`, as a sentence of its own."""
    if binder.ending == Ending.STOPPED:
        return translated("Torn down by {person}", person=person)
    if binder.ending == Ending.EXPIRED:
        return capital(translated(_expired(binder)))
    return translated(_ENDED_IN_SHORT[binder.ending])


def reason(binder: Binder) -> str:
    """Why a binder failed or was lost, as escaped markup; empty if there is no reason."""
    return inline(binder.failure or "", 1_500)
