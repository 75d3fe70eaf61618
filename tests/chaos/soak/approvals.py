"""An admin who decides about large launches, and what has to be so about them."""

import random
import threading
from collections.abc import Iterator, Mapping

import requests

from storage.models import Binder
from storage.policy_models import ApprovalState
from tests.chaos.soak.world import ADMIN, ADMINS_CHANNEL, LARGE, Violation, World, has_begun
from workspace.hands import Person, plain
from workspace.state import Json

REASON = "take a smaller one"
APPROVES = 0.7
LOOK_SECONDS = 0.3


def settings_of_approval(world: World) -> dict[str, str]:
    """What has a replica ask before it launches a large one."""
    state = world.workspace.state
    channel = next(each.id for each in state.channels.values() if each.name == ADMINS_CHANNEL)
    return {
        "admins": state.person(ADMIN).id,
        "approval_channel": channel,
        "approval_above": f"size:{LARGE}",
    }


class Admin:
    """Decides about every question, until it is told to stop."""

    def __init__(self, world: World, seed: int) -> None:
        self._chance = random.Random(f"{seed} {ADMIN}")
        self._person = Person(world.workspace.url, ADMIN)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._decide_all, name=ADMIN, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._enough.set()
        self._thread.join()
        self._person.leave()

    def _decide_all(self) -> None:
        while not self._enough.wait(LOOK_SECONDS):
            asked = self._person.look().messages(ADMINS_CHANNEL)
            questions = [each for each in asked if "[Approve]" in plain(each)]
            if questions:
                self._decide(self._chance.choice(questions))

    def _decide(self, question: Json) -> None:
        """Press a button; what nobody heard is pressed again at the next look."""
        try:
            if self._chance.random() < APPROVES:
                self._person.click("Approve", question)
            else:
                self._person.click("Deny…", question)
                self._person.submit({"reason": REASON})
        except (LookupError, requests.ConnectionError):
            pass  # no form opened, or the app's socket broke


def approvals_of(world: World) -> Mapping[str, ApprovalState]:
    """What was decided, by the binder's id."""
    return {each.binder_id: each.state for each in world.approvals()}


def begun_without_approval(world: World) -> Iterator[str]:
    """Large binders that nobody approved, and that began: a sentence each."""
    large = [each for each in world.launched() if each.size == LARGE]
    decided = approvals_of(world)  # read afterwards: a decision stays
    for row in large:
        state = decided.get(row.id)
        if state is None:
            yield f"nobody was asked about {row.name}"
        elif state != ApprovalState.APPROVED and has_begun(row):
            yield f"{row.name} is {row.status}, but its approval is {state}"


def see_approvals(world: World) -> None:
    """See that nothing large begins without approval.

    Raises:
        Violation: It does.
    """
    if found := list(begun_without_approval(world)):
        raise Violation("; ".join(found))


def wrong(world: World) -> Iterator[str]:
    """What is not as it has to be once nothing waits: a sentence each."""
    yield from begun_without_approval(world)
    decided = approvals_of(world)
    for row in world.launched():
        state = decided.get(row.id)
        if state is not None and row.size != LARGE:
            yield f"{row.name} needed no approval"
        if state in {ApprovalState.ASKED, ApprovalState.EXPIRED}:
            yield f"{row.name} is {row.status}, but the question is {state}"
        if was_denied(row) != (state == ApprovalState.DENIED):
            yield f"the approval of {row.name} is {state}, but its failure is {row.failure}"
    with Person(world.workspace.url, ADMIN) as person:
        seen = person.look().messages(ADMINS_CHANNEL)
    questions = [plain(each) for each in seen if not each["is_ephemeral"]]
    yield from (f"this question is still open: {each}" for each in questions if "[Approve]" in each)
    if len(questions) != len(decided):
        yield f"{len(decided)} launches needed approval, and {len(questions)} questions were asked"


def was_denied(row: Binder) -> bool:
    """Whether a binder failed because an admin said no."""
    return row.failure == f"It was not approved: {REASON}"
