"""The vocabulary of the project: what a binder, a message or an image can be. Imports nothing of ours."""

from enum import StrEnum


class Status(StrEnum):
    """What a binder is."""

    REQUESTED = "requested"
    CREATING = "creating"
    BOOTING = "booting"
    BUILDING = "building"
    READY = "ready"
    SHELVING = "shelving"
    SHELVED = "shelved"
    UNSHELVING = "unshelving"
    WAITING = "waiting"
    """A warm instance that is ready for a launch; see `Binder.is_warm`."""
    DELETING = "deleting"
    GONE = "gone"


class WaitsFor(StrEnum):
    """What a launch waits for before it begins."""

    APPROVAL = "approval"
    """An admin has to approve it first."""
    PLACE = "place"
    """A quota is full."""


class Target(StrEnum):
    """What a binder should be."""

    READY = "ready"
    SHELVED = "shelved"
    """Its disk is kept, its address is not, and it costs little or nothing."""
    GONE = "gone"


class Ending(StrEnum):
    """Why a binder's target became `gone`."""

    STOPPED = "stopped"
    """A person pressed *Tear down*, or typed `stop`; `ended_by` says who."""
    FAILED = "failed"
    """It never became ready; `failure` says why."""
    LOST = "lost"
    """Its instance was removed outside the bot, or its server died."""
    EXPIRED = "expired"
    """Its time was over; `ended_for` says which."""


class Reason(StrEnum):
    """Why a binder ends by itself at a certain time."""

    IDLE = "idle"
    """Nobody uses it."""
    LIFETIME = "lifetime"
    """The time for which it was asked for is over; it may be kept longer."""
    MAXIMUM = "maximum"
    """The longest time that the site allows; nobody can move it."""
    BUDGET = "budget"
    """It has reached the cost limit; nobody can move it."""


class Outcome(StrEnum):
    """What became of a notice."""

    KEPT = "kept"
    """A person moved the deadline; `outcome_by` says who."""
    WITHDRAWN = "withdrawn"
    """The deadline moved by itself: it is in use again."""
    OVER = "over"
    """The deadline came, or the binder ended otherwise."""


class Activity(StrEnum):
    """What goes on in a ready binder, as far as its server tells."""

    BUSY = "busy"
    """A kernel is busy."""
    TAB = "tab"
    """Somebody uses it, or a tab is open: the server cannot tell these apart."""
    IDLE = "idle"
    UNKNOWN = "unknown"
    """Its server does not answer; that does not mean idle."""


class MessageKind(StrEnum):
    """What an outbox row says. The words are chosen when it is delivered."""

    CARD = "card"
    """The binder's one status message: posted once, then edited in place; the root of its thread."""
    WAITING = "waiting"
    """In the thread, once: there is no room yet."""
    READY = "ready"
    """In the thread: the interfaces that answered."""
    LINKS = "links"
    """To the owner alone: one-click links with the server's token."""
    FAILED = "failed"
    """In the thread: why it did not work."""
    GONE = "gone"
    """In the thread: who or what ended it."""
    SHELVED = "shelved"
    """In the thread: it was shelved, or could not be resumed."""
    NOTICE = "notice"
    """In the thread: it will end soon. Edited when that changes."""
    ARCHIVE = "archive"
    """In the thread: what was changed in it, as one file. Collected when it is delivered."""
    LOG = "log"
    """To one person: the whole log of a binder, as a file. Read when it is delivered."""
    HELP = "help"
    """In the help channel, once: what failed, and why."""
    NOTE = "note"
    """In the thread: a sentence, in `facts`."""
    SHARED = "shared"
    """To those with whom it is shared: they can open it."""
    ACTED = "acted"
    """In the thread: what somebody else than the owner did with it."""
    UNFURL = "unfurl"
    """Under launch links that somebody posted: a button for each."""
    DIGEST = "digest"
    """In a channel, once a week: its live binders."""
    CLASS = "class"
    """The one message of a class: posted once, then edited in place."""
    CLASS_NOTE = "class note"
    """In its thread: what its teacher should know."""
    APPROVAL = "approval"
    """To the admins' channel, edited in place: whether a launch may begin."""
    ANNOUNCEMENT = "announcement"
    """In the thread: what an admin tells everybody who has a binder."""
    DRAIN = "drain"
    """In the thread: nothing new is launched."""
    DRAINED = "drained"
    """To the admin who stopped new launches: nothing runs any more."""
    REPORT = "report"
    """To one admin: the audit or the costs, as a file. Read when it is delivered."""
    CONNECTION = "connection"
    """To one person: how far their connection with GitHub is. The words are chosen when it is delivered."""
    ALERT = "alert"
    """To the operators' channel: something that they must know."""


class OutboxState(StrEnum):
    """How far an outbox row is on its way."""

    PENDING = "pending"
    SENDING = "sending"
    """Handed to Slack; if found so after its lease, nobody knows whether it arrived: probe first."""
    DONE = "done"
    DEAD = "dead"
    """Given up, with the error in `error`."""


class Result(StrEnum):
    """What became of an act."""

    DONE = "done"
    REFUSED = "refused"
    """With the sentence that its actor read."""
    FAILED = "failed"
    """Something broke on our side."""


class ImageState(StrEnum):
    """How far the image of a binder is on its way into the registry."""

    BUILT = "built"
    """Its instance has it; no instance was told to push it yet."""
    PUSHING = "pushing"
    """Its instance has the right to push it, until `right_until`."""
    KEPT = "kept"
    """It is in the registry, and it is the image that was reported: launches use it."""
    REMOVING = "removing"
    """No launch uses it any more. It is deleted from the registry, and then its row."""
    DROPPED = "dropped"
    """It was not kept; `reason` says why."""
