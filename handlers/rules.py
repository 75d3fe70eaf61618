"""What can be done with a binder, and with a class: by whom, and in which state. Pure.

`RULES` and `CLASS_RULES` are the two tables. `handlers.requests.permissions` and `class_permissions` check
requests against them; messages show the buttons that they allow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.sentences import Sentence
from storage.class_models import ClassPhase, SchoolClass
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target, WaitsFor


class Role(StrEnum):
    """What somebody is to a binder."""

    OWNER = "owner"
    ADMIN = "admin"
    MANAGER = "manager"
    """It is shared with them, and they may manage it."""
    SHARED = "shared"
    """It is shared with them."""
    MEMBER = "member"
    """Somebody else of its workspace, where it was launched in public."""
    GUEST = "guest"
    """A guest of the workspace, or somebody of another organisation, with whom nobody shared it."""
    DECIDER = "decider"
    """An admin of the workspace of those who run the bot, where it is of another workspace."""
    OUTSIDER = "outsider"
    """Everybody else: it is private, or of another workspace."""


class State(StrEnum):
    """What can be done with a binder depends on these, and on no finer difference of status and target."""

    ASKED = "asked"
    """It waits for the approval of an admin."""
    STARTING = "starting"
    """On its way to ready, for the first time or again."""
    READY = "ready"
    SHELVED = "shelved"
    """Shelved, or on its way there."""
    FAILED = "failed"
    """Its launch failed, and what is left of it is kept for debugging."""
    ENDING = "ending"
    GONE = "gone"


class Action(StrEnum):
    """What can be asked of a binder. The words end the sentence “Only its owner or an admin can …”."""

    SEE = Sentence("see it")
    """That it exists, and its status."""
    READ_LOG = Sentence("read its log")
    LAUNCH_AGAIN = Sentence("launch it again")
    OPEN = Sentence("open it with these links")
    EXTEND = Sentence("extend it")
    SAVE = Sentence("save it")
    SHELVE = Sentence("shelve it")
    RESUME = Sentence("resume it")
    STOP = Sentence("tear it down")
    HOLD = Sentence("keep its failed instance")
    SHARE = Sentence("share it")
    LINK = Sentence("make a launch link of it")
    APPROVE = Sentence("approve it")
    DENY = Sentence("deny it")
    ASK_FOR_HELP = Sentence("ask others for help with it")
    """Its log and what is known of its failure are posted in the site's help channel."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may do something, and when.

    Attributes:
        roles: Who may.
        states: When it is possible.
        otherwise: What a person reads in other states, after “demo is being built; ”.
        also: Who else may, where the site opens it to everybody.
    """

    roles: frozenset[Role]
    states: frozenset[State]
    otherwise: str = ""
    also: frozenset[Role] = frozenset()

    @property
    def can_be_given(self) -> bool:
        """Whether the owner can give others the right to do it, by sharing."""
        return Role.MANAGER in self.roles

    @property
    def is_for_admins(self) -> bool:
        """Whether admins alone may do it."""
        return self.roles == _DECIDES


_DECIDES = frozenset({Role.ADMIN, Role.DECIDER})
_OWNS = frozenset({Role.OWNER, Role.ADMIN})
_MANAGES = _OWNS | {Role.MANAGER}
_USES = _MANAGES | {Role.SHARED}
_SEES = _USES | {Role.MEMBER}

_ALWAYS = frozenset(State)
_ASKED = frozenset({State.ASKED})
_BEGUN = frozenset({State.STARTING, State.READY, State.SHELVED})
_LIVE = _ASKED | _BEGUN
_READY = frozenset({State.READY})
_SHELVED = frozenset({State.SHELVED})
_FAILED = frozenset({State.FAILED})
_OVER = frozenset({State.FAILED, State.ENDING, State.GONE})

RULES: Mapping[Action, Rule] = {
    Action.SEE: Rule(_SEES, _ALWAYS),
    Action.READ_LOG: Rule(_USES, _ALWAYS, also=frozenset({Role.MEMBER})),
    Action.LAUNCH_AGAIN: Rule(_SEES, _ALWAYS),
    Action.LINK: Rule(_SEES, _ALWAYS),
    Action.OPEN: Rule(_USES, _READY, Sentence("it can be opened only while it is ready")),
    Action.EXTEND: Rule(_MANAGES, _BEGUN, Sentence("it cannot be extended now")),
    Action.SAVE: Rule(_MANAGES, _READY, Sentence("it can be saved only while it is ready")),
    Action.SHELVE: Rule(_MANAGES, _READY, Sentence("it can be shelved only while it is ready")),
    Action.RESUME: Rule(_MANAGES, _SHELVED, Sentence("there is nothing to resume")),
    Action.STOP: Rule(_MANAGES, _LIVE | _FAILED, Sentence("it need not be torn down again")),
    Action.SHARE: Rule(_OWNS, _LIVE, Sentence("it can no longer be shared")),
    Action.APPROVE: Rule(_DECIDES, _ASKED, Sentence("it does not wait for approval")),
    Action.DENY: Rule(_DECIDES, _ASKED, Sentence("it does not wait for approval")),
    Action.HOLD: Rule(_MANAGES, _FAILED, Sentence("its instance is not kept. Launch it again to look at it")),
    Action.ASK_FOR_HELP: Rule(_MANAGES, _OVER, Sentence("you can ask for help once its launch has failed")),
}
"""For guests and outsiders the binder is not there. Deciders reach it by the question that they are asked."""


def state_of(binder: Binder) -> State:
    """The state of a binder, for every pair of status and target."""
    if binder.status == Status.GONE:
        return State.GONE
    if binder.target == Target.GONE:
        return State.FAILED if _is_kept(binder) else State.ENDING
    if binder.target == Target.SHELVED:
        return State.SHELVED
    if binder.waits_for == WaitsFor.APPROVAL:
        return State.ASKED
    return State.READY if binder.status == Status.READY else State.STARTING


def actions_of(role: Role) -> frozenset[Action]:
    """What somebody of that role may do."""
    return frozenset(action for action, rule in RULES.items() if role in rule.roles)


def is_possible(binder: Binder, action: Action) -> bool:
    """Whether that can be done with a binder as it is now, by whoever may."""
    return state_of(binder) in RULES[action].states


def has_failed(binder: Binder) -> bool:
    """Whether it never became ready, whatever is left of it."""
    return binder.ending == Ending.FAILED


def _is_kept(binder: Binder) -> bool:
    failed = has_failed(binder) and binder.status != Status.DELETING
    return failed and (binder.kept_until or 0) > 0  # None until it is written


# --- the site --------------------------------------------------------------------------------------------


class SiteRole(StrEnum):
    """What somebody is to the site."""

    ADMIN = "admin"
    """An admin of the workspace of those who run the bot."""
    WORKSPACE_ADMIN = "workspace admin"
    """An admin of another workspace that installed it."""
    ANYBODY = "anybody"


class AdminAction(StrEnum):
    """What can be asked after `admin`."""

    LIST = "list"
    STOP = "stop"
    EXTEND = "extend"
    ANNOUNCE = "announce"
    DRAIN = "drain"
    AUDIT = "audit"
    COSTS = "costs"
    LIMITS = "limits"
    BAN = "ban"
    ALLOW = "allow"
    FORGET = "forget"


_RUNS_THE_SITE = frozenset({SiteRole.ADMIN})
_RUNS_A_WORKSPACE = _RUNS_THE_SITE | {SiteRole.WORKSPACE_ADMIN}
_OF_ALL = (AdminAction.DRAIN, AdminAction.BAN, AdminAction.ALLOW, AdminAction.FORGET)
"""What holds in all workspaces. Everything else reaches one's own workspace only."""

ADMIN_RULES: Mapping[AdminAction, frozenset[SiteRole]] = {
    each: _RUNS_THE_SITE if each in _OF_ALL else _RUNS_A_WORKSPACE for each in AdminAction
}
"""Who may do what with the site. Everybody else hears one sentence, whatever they ask for."""


# --- classes ---------------------------------------------------------------------------------------------


class ClassRole(StrEnum):
    """What somebody is to a class."""

    TEACHER = "teacher"
    """They started it."""
    ADMIN = "admin"
    STUDENT = "student"
    """It is for them: they are named, or it is for all who see its message."""
    MEMBER = "member"
    """Somebody else who sees its message."""
    OUTSIDER = "outsider"
    """Everybody else: it is private, or of another workspace."""


class ClassState(StrEnum):
    """What can be done with a class depends on these."""

    OPEN = "open"
    """It goes on, or begins later."""
    CLOSING = "closing"
    """Its teacher ended it, and people still have a moment to save their work."""
    OVER = "over"


class ClassAction(StrEnum):
    """What can be asked of a class. The words end the sentence “Only its teacher or an admin can …”."""

    SEE = Sentence("see it")
    """That it exists, and how far it is."""
    JOIN = Sentence("get a seat in it")
    INSPECT = Sentence("see who has a seat, and what it costs")
    EXTEND = Sentence("extend it")
    END = Sentence("end it")


_TEACHES = frozenset({ClassRole.TEACHER, ClassRole.ADMIN})
_LEARNS = _TEACHES | {ClassRole.STUDENT}

CLASS_RULES: Mapping[ClassAction, tuple[frozenset[ClassRole], frozenset[ClassState]]] = {
    ClassAction.SEE: (_LEARNS | {ClassRole.MEMBER}, frozenset(ClassState)),
    ClassAction.JOIN: (_LEARNS, frozenset({ClassState.OPEN})),
    ClassAction.INSPECT: (_TEACHES, frozenset(ClassState)),
    ClassAction.EXTEND: (_TEACHES, frozenset({ClassState.OPEN, ClassState.CLOSING})),
    ClassAction.END: (_TEACHES, frozenset({ClassState.OPEN})),
}
"""Who may do what with a class, and when. To open a seat of somebody else is a matter of `RULES`: its teacher
has no right to it but what its owner gives."""


def class_state(found: SchoolClass) -> ClassState:
    """The state of a class."""
    if found.phase in {ClassPhase.ENDING, ClassPhase.OVER}:
        return ClassState.OVER
    return ClassState.OPEN if found.ended_by is None else ClassState.CLOSING


def is_class_possible(found: SchoolClass, action: ClassAction) -> bool:
    """Whether that can be done with a class as it is now, by whoever may."""
    return class_state(found) in CLASS_RULES[action][1]
