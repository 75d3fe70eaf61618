"""What a thread hears of its binder: it waits, is ready, has failed, is shelved, is gone. Pure."""

from slack_sdk.models.blocks import Block, ButtonElement

from bot.binders.deadlines import last_end
from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of
from handlers.messages.blocks import actions, button, context, section
from handlers.messages.buttons import interface_buttons, open_button, resume_button, retry_button, stop_button
from handlers.messages.message import LOG_LIMIT, Message
from handlers.messages.mrkdwn import code_block, date, inline, person
from handlers.messages.status_text import elapsed, ending, ran, reason
from storage.models import Binder


def waiting(binder: Binder) -> Message:
    """That there is no room yet."""
    why = inline(binder.waiting_for or "There is no room yet.", 1_500)
    story = f"*{name_of(binder)}* has to wait. {why} I keep trying, and say so when there is room."
    return Message.of(
        story.replace("*", ""),
        [section(f":vertical_traffic_light: {story}"), *actions([stop_button(binder)])],
    )


def ready(binder: Binder, now: float, *, absent: str | None = None) -> Message:
    """The links, which ask for the token; `absent` is an interface that was asked for and is not there."""
    labels = ", ".join(inline(each["label"], 60) for each in binder.interfaces)
    came = "is back" if binder.resumes else f"is ready after {duration(elapsed(binder, now))}"
    lines = [f"{person(binder.owner)} *{name_of(binder)}* {came}."]
    if absent:
        lines.append(f"{inline(absent, 60)} did not answer; this is what does.")
    notes = (
        f"Ends {date(last_end(binder))}; files in it are gone then. These links ask for a token: "
        f"*Open* gives {person(binder.owner)} links that do not."
    )
    blocks = [
        section("\n".join(lines)),
        *actions(interface_buttons(binder, token=None)),
        context(notes),
        *actions([open_button(binder), stop_button(binder)]),
    ]
    is_what = "is back" if binder.resumes else "is ready"
    return Message.of(f"{person(binder.owner)} {name_of(binder)} {is_what}: {labels}.", blocks)


def failed(binder: Binder) -> Message:
    """Why it did not work, the end of the log, and what to try."""
    why = reason(binder) or "It gave no reason."
    log = code_block(binder.log or "", LOG_LIMIT)
    hint = inline(binder.hint or "", 1_000)
    blocks = [
        section(f":x: {person(binder.owner)} *{name_of(binder)}* could not be launched.\n{why}"),
        *([section(log)] if log else []),
        *([section(f":bulb: {hint}")] if hint else []),
        *_inspection(binder),
        *actions([retry_button(binder, "Try again"), *_hold_buttons(binder)]),
    ]
    heard = f"{person(binder.owner)} {name_of(binder)} could not be launched. {why} {hint}"
    return Message.of(heard.strip(), blocks)


def _inspection(binder: Binder) -> list[Block]:
    """That its instance stays for a moment, where somebody may want to look at it."""
    if not binder.kept_until:
        return []
    return [context(f"Its instance is there until {date(binder.kept_until)}; *Keep it* keeps it for longer.")]


def _hold_buttons(binder: Binder) -> list[ButtonElement]:
    if not binder.kept_until:
        return []
    return [button("Keep it to look at", ids.HOLD, binder.id), button("Remove it now", ids.STOP, binder.id)]


def shelved(binder: Binder, *, failure: str = "") -> Message:
    """That it was put away, or why it could not be had back; and how it is."""
    name = f"*{name_of(binder)}*"
    story = f"{name} is put away: its files are kept, its links are not."
    if failure:
        story = f"{person(binder.owner)} {name} could not be had back. {inline(failure, 1_500)}"
    blocks = [
        section(f":package: {story}"),
        context(f"Kept until {date(binder.ends_at)}."),
        *actions([resume_button(binder), stop_button(binder)]),
    ]
    return Message.of(story.replace("*", ""), blocks)


def gone(binder: Binder, now: float) -> Message:
    """Who or what ended it, and how long it ran."""
    ran_for = ran(binder, now)
    story = [f"*{name_of(binder)}* {ending(binder, person(binder.ended_by))}."]
    if why := reason(binder):
        story.append(why)
    story.append(f"It ran for {duration(ran_for)}." if ran_for is not None else "It never became ready.")
    blocks = [
        section(":white_circle: " + " ".join(story)),
        *actions([retry_button(binder, "Launch again")]),
    ]
    return Message.of(" ".join(story).replace("*", ""), blocks)
