"""Questions to the admins whether a launch may begin, and what became of them. Pure."""

from collections.abc import Mapping

from slack_sdk.models.blocks import Block, ButtonElement, InputBlock, PlainTextInputElement

from bot.sentences import Sentence
from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of, repository_link
from handlers.messages.blocks import Json, actions, button, context, section
from handlers.messages.language import translated
from handlers.messages.message import Message
from handlers.messages.modals import modal
from handlers.messages.mrkdwn import code, date, inline, person
from handlers.messages.notices import amount
from storage.models import Binder
from storage.policy_models import Approval, ApprovalState

REASON = "reason"
"""The field for the reason of a denial, and what is typed into it."""
MOST_REASON = 500
DECIDED = Sentence("Somebody decided about {name} before, or it has ended.")
DENIED = Sentence("It was not approved: {reason}")
_OUTCOMES: Mapping[ApprovalState, str] = {
    ApprovalState.APPROVED: ":white_check_mark: {by} approved it.",
    ApprovalState.DENIED: ":no_entry: {by} denied it: {reason}",
    ApprovalState.EXPIRED: ":hourglass: Nobody decided in time, so it was not launched.",
    ApprovalState.WITHDRAWN: ":white_circle: It was cancelled.",
}


def question(binder: Binder, asked: Approval, unit: str) -> Message:
    """In the admins' channel, edited in place: who wants to launch what, with buttons until it is decided."""
    story = f"{person(binder.owner)} asks to launch *{name_of(binder)}*: {repository_link(binder)}"
    facts = " · ".join(_facts(binder, unit))
    blocks: list[Block] = [section(story), context(facts)]
    if asked.state == ApprovalState.ASKED:
        said = f"Decide until {date(asked.expires_at)}."
        blocks += [context(said), *actions(_buttons(binder))]
    else:
        by = person(asked.decided_by)
        said = _OUTCOMES[asked.state].format_map({"by": by, "reason": inline(asked.reason, MOST_REASON)})
        blocks.append(section(said))
    return Message.of(f"{story} · {facts} · {said}".replace("*", ""), blocks)


def _buttons(binder: Binder) -> list[ButtonElement]:
    return [
        button("Approve", ids.APPROVE, binder.id, style="primary"),
        button("Deny…", ids.DENY, binder.id, style="danger"),
    ]


def _facts(binder: Binder, unit: str) -> list[str]:
    """What it would take."""
    seconds = binder.ends_at - binder.created_at
    spends = (binder.price_per_hour or 0.0) * seconds / 3600  # None until it is written
    return [
        f"size {code(binder.size, 66)}",
        *([f"{binder.vcpus} vCPUs"] if binder.vcpus else []),
        f"for {duration(seconds)}",
        *([f"{amount(spends, unit)} in all"] if spends else []),
    ]


def deny_form(binder: Binder) -> Json:
    """The form that asks why."""
    element = PlainTextInputElement(action_id=REASON, max_length=MOST_REASON, multiline=True)
    label = translated("Why not? Its owner reads that.")
    return modal(
        ids.DENY_FORM,
        Sentence("Deny a launch"),
        Sentence("Deny"),
        [
            section(translated("*{name}* is not launched then.", name=name_of(binder))),
            InputBlock(block_id=REASON, label=label, element=element),
        ],
        binder.id,
    )
