"""What is said of a drain: the bot launches nothing new, and what runs goes on. Pure."""

from bot.binders.deadlines import last_end
from bot.sentences import Sentence
from bot.times import calendar
from handlers import ids
from handlers.messages.binder_text import name_of
from handlers.messages.blocks import context, section
from handlers.messages.language import translated, translated_count
from handlers.messages.message import Message
from handlers.messages.mrkdwn import date, person
from handlers.messages.status_text import is_live
from storage.models import Binder


def refusal(until: float | None) -> Sentence:
    """Why nothing is launched, to whoever wants to."""
    if until is None:
        return Sentence("An admin has stopped new launches for now.")
    return Sentence("An admin has stopped new launches until {until}.", until=calendar.in_utc(until))


def what_runs_goes_on() -> Sentence:
    """What people should know beside."""
    return Sentence("What runs already goes on. Try again later.")


def warning(binder: Binder, by: str, until: float | None) -> Message:
    """In the thread of a binder, to its owner: nothing new is launched."""
    when = f" until {date(until)}" if until else ""
    end = f" *{name_of(binder)}* goes on and ends {date(last_end(binder))}." if is_live(binder) else ""
    story = (
        f"{person(binder.owner)} {person(by) if by else 'An admin'} has stopped new launches{when}.{end} "
        "Once it has ended, you cannot launch it again before that."
    )
    return Message.of(story.replace("*", ""), [section(f":no_entry: {story}")])


def begun(until: float | None, warned: int, running: int) -> Message:
    """The answer to who began it."""
    if until is None:
        story = translated("Nothing new is launched from now on.")
    else:
        story = translated("Nothing new is launched until {until}.", until=date(until))
    told = translated_count(
        "{count} person who has a binder is told.", "{count} people who have a binder are told.", warned
    )
    off = translated("`{command} admin drain off` ends this.", command=ids.COMMAND)
    lines = f"{story} {told} {_left(running)}"
    return Message.of(lines, [section(lines), context(off)])


def _left(running: int) -> str:
    if not running:
        return translated("No binder is running.")
    left = translated_count("{count} binder is running.", "{count} binders are running.", running)
    told = translated("I will tell you when the last one has ended.")
    return f"{left} {told}"


def ended(*, was_in_force: bool) -> Message:
    """The answer to who ended it."""
    goes_on = Sentence("People can launch again.")
    story = translated(goes_on if was_in_force else Sentence("Launches were not stopped."))
    return Message.of(story, [section(story)])


def state(by: str, since: float, until: float | None) -> str:
    """One line for admins: who stopped launches, since when, and until when."""
    if until is None:
        return translated("{person} stopped new launches {since}.", person=person(by), since=date(since))
    return translated(
        "{person} stopped new launches {since}, until {until}.",
        person=person(by),
        since=date(since),
        until=date(until),
    )


def empty() -> Message:
    """To who began it: nothing runs any more."""
    story = translated("No binder is running any more. New launches are still stopped.")
    off = translated("`{command} admin drain off` ends this.", command=ids.COMMAND)
    return Message.of(f"{story} {off}", [section(f":white_check_mark: {story}"), context(off)])
