"""The milestones that are posted in a binder's thread: waiting, ready, failed, shelved, gone. Pure."""

from slack_sdk.models.blocks import Block, InteractiveElement

from bot.binders.deadlines import last_end
from bot.plain_links import is_plain
from bot.provisioning.agent.failures import FailureCode
from bot.times.durations import duration
from handlers.messages.binder_text import collaboration_of, name_of, notes_of
from handlers.messages.blocks import actions, context, section
from handlers.messages.buttons import (
    WITHOUT_CONDA,
    Offers,
    controls,
    interface_buttons,
    without_conda_button,
)
from handlers.messages.message import LOG_LIMIT, Message
from handlers.messages.mrkdwn import code_block, date, inline, person
from handlers.messages.status_text import elapsed, ending, ran, reason
from storage.models import Binder

_HOLD = "Keep for debugging"
_NOTHING = Offers(can_shelve=False)
_WITHOUT_CONDA = (
    f"*{WITHOUT_CONDA}* installs the packages of the same names from PyPI. "
    "Not all conda packages are there, and a few names belong to other packages."
)


_PLAIN = "The links are not encrypted (http): enter no passwords and nothing confidential there."


def waiting(binder: Binder, offers: Offers = _NOTHING) -> Message:
    """The cloud has no room yet."""
    why = inline(binder.waiting_for or "The cloud has no free capacity at the moment.", 1_500)
    story = f"*{name_of(binder)}* has to wait. {why} I will keep trying and start it as soon as I can."
    return Message.of(
        story.replace("*", ""),
        [section(f":vertical_traffic_light: {story}"), *actions(controls(binder, offers))],
    )


def ready(binder: Binder, now: float, *, absent: str | None = None, offers: Offers = _NOTHING) -> Message:
    """The links, without the token; `absent` is an interface that was asked for but did not answer."""
    labels = ", ".join(inline(each["label"], 60) for each in binder.interfaces)
    owner, state = person(binder.owner), "is running again" if binder.resumes else "is ready"
    after = "" if binder.resumes else f" after {duration(elapsed(binder, now))}"
    lines = [f"{owner} *{name_of(binder)}* {state}{after}."]
    if absent:
        lines.append(f"{inline(absent, 60)} did not answer. These interfaces did:")
    end = f"It ends {date(last_end(binder))}, and its files are deleted then."
    tokens = f"These links ask for a token. {owner} can press *Open* for links that include it."
    plain = _PLAIN if is_plain(binder.server_url) else ""
    notes = " ".join(each for each in (end, tokens, plain, collaboration_of(binder)) if each)
    blocks = [
        section("\n".join(lines)),
        *actions(interface_buttons(binder, token=None)),
        *[section(text) for text in [notes_of(binder)] if text],
        context(notes),
        *actions(controls(binder, offers)),
    ]
    heard = f"{owner} {name_of(binder)} {state}{after}: {labels}. {end}"
    return Message.of(heard, blocks)


def failed(binder: Binder, *, shows_log: bool = False, offers: Offers = _NOTHING) -> Message:
    """Why a launch failed, and what to try; `shows_log` says whether all who read this may read its log."""
    why = reason(binder) or "No reason is known."
    log = code_block(binder.log or "", LOG_LIMIT) if shows_log else ""
    hint = inline(binder.hint or "", 1_000)
    blocks = [
        section(f":x: {person(binder.owner)} *{name_of(binder)}* could not be launched.\n{why}"),
        *([section(log)] if log else []),
        *([section(f":bulb: {hint}")] if hint else []),
        *_inspection(binder),
        *([context(_WITHOUT_CONDA)] if _can_do_without_conda(binder) else []),
        *actions(_after_failure(binder, offers)),
    ]
    heard = f"{person(binder.owner)} {name_of(binder)} could not be launched. {why} {hint}"
    return Message.of(heard.strip(), blocks)


def _inspection(binder: Binder) -> list[Block]:
    """How long the instance of a failed launch is kept for debugging."""
    if not binder.kept_until:
        return []
    return [
        context(
            f"Its instance is kept until {date(binder.kept_until)}. *{_HOLD}* in the menu keeps it longer."
        )
    ]


def _can_do_without_conda(binder: Binder) -> bool:
    """Whether conda packages were the only thing that could not be provided."""
    return binder.failure_code == FailureCode.NEEDS_CONDA.value


def _after_failure(binder: Binder, offers: Offers) -> list[InteractiveElement]:
    """The buttons of a failed binder; *Try without conda* stands behind *Try again* where it may help."""
    first, *rest = controls(binder, offers)
    return [first, *([without_conda_button(binder)] if _can_do_without_conda(binder) else []), *rest]


def shelved(binder: Binder, *, failure: str = "", offers: Offers = _NOTHING) -> Message:
    """The binder was shelved; or it could not be resumed, because of `failure`, and is still shelved."""
    name = f"*{name_of(binder)}*"
    story = f"{name} is shelved. Its files are kept. Press *Resume* to start it again; its links will be new."
    if failure:
        why = inline(failure, 1_500)
        story = f"{person(binder.owner)} {name} could not be resumed. {why} It is still shelved."
    blocks = [
        section(f":package: {story}"),
        context(f"Kept until {date(binder.ends_at)}."),
        *actions(controls(binder, offers)),
    ]
    return Message.of(f"{story} Kept until {date(binder.ends_at)}.".replace("*", ""), blocks)


def gone(binder: Binder, now: float, *, offers: Offers = _NOTHING) -> Message:
    """Who or what ended a binder, and how long it ran."""
    ran_for = ran(binder, now)
    story = [f"*{name_of(binder)}* {ending(binder, person(binder.ended_by))}."]
    if why := reason(binder):
        story.append(why)
    story.append(f"It ran for {duration(ran_for)}." if ran_for is not None else "It never became ready.")
    blocks = [
        section(":white_circle: " + " ".join(story)),
        *actions(controls(binder, offers)),
    ]
    return Message.of(" ".join(story).replace("*", ""), blocks)
