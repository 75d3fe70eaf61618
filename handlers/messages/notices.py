"""The notices that warn of a binder's end, and what they say once they are settled. Pure.

A notice is posted once, with a mention. Later it is only edited, because an edit notifies nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from slack_sdk.models.blocks import Block, ContextBlock, InteractiveElement

from bot.binders import deadlines
from bot.binders.cost import cost
from bot.binders.deadlines import WarningPolicy
from bot.sentences import Sentence
from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of
from handlers.messages.blocks import actions, button, context, section
from handlers.messages.buttons import Offers, menu_beside, possible_buttons, stop_button
from handlers.messages.language import number, translated
from handlers.messages.message import Message
from handlers.messages.mrkdwn import date, inline, person
from handlers.messages.status_text import is_live, is_ready, is_shelved, short_ending
from handlers.rules import Action, is_possible
from storage.models import Binder, Notice
from storage.vocabulary import Activity, Outcome, Reason

_MOVABLE = frozenset({Reason.IDLE, Reason.LIFETIME})
_AS_BUTTONS = frozenset({ids.KEEP, ids.KEEP_TONIGHT, ids.SAVE, ids.RESUME, ids.SHELVE, ids.STOP})
"""What a notice offers as buttons, where it helps; the rest stands in its menu."""


@dataclass(frozen=True, slots=True)
class NoticeOptions:
    """The settings of a site that messages depend on.

    Attributes:
        policy: When people are warned.
        unit: The unit of prices; may be empty.
        can_shelve: Whether the cloud can shelve instances.
        shelves_idle: Whether idle binders are shelved instead of torn down.
        shows_logs: Whether everybody who sees a binder may read its log.
        help_channel: The channel id in which people help; None where there is none.
        approval_channel: The channel id in which admins approve launches; None where there is none.
        newer_blocks: Whether the status message may hold Slack's newer blocks.
    """

    policy: WarningPolicy = field(default_factory=WarningPolicy)
    unit: str = ""
    can_shelve: bool = False
    shelves_idle: bool = False
    shows_logs: bool = False
    help_channel: str | None = None
    approval_channel: str | None = None
    newer_blocks: bool = True

    @property
    def offers(self) -> Offers:
        """What buttons depend on."""
        return Offers(self.can_shelve, self.help_channel is not None)


def notice(binder: Binder, given: Notice, now: float, options: NoticeOptions) -> Message:
    """A notice in its current state; `now` in Unix seconds UTC."""
    if given.outcome is None and is_live(binder):
        return _open(binder, given, now, options)
    return _settled(binder, given, now, options)


def amount(cost: float, unit: str) -> str:
    """A cost with its unit, as escaped markup: `12.30 SU`."""
    return f"{number(cost, 2)} {inline(unit, 40)}".strip()


def kept(binder: Binder, *, held_by: Reason | None, guessed_zone: str = "") -> Message:
    """When a binder ends now, the limit that held it back, and the time zone that had to be guessed."""
    lines = [_kept_until(binder)]
    if held_by is not None:
        is_by_class = binder.class_id is not None and held_by == Reason.MAXIMUM
        lines.append(translated(_IN_CLASS if is_by_class else _HELD[held_by]))
    if guessed_zone:
        lines.append(guess_of(guessed_zone))
    shown = " ".join(lines)
    return Message.of(shown.replace("*", ""), [section(shown)])


def ends_in_site_zone(name: str, ends_at: float, zone: str) -> Message:
    """When a binder ends, and the time zone that was used because the person's own is unknown."""
    ends = translated("{name} will end {end}.", name=inline(name, 64), end=date(ends_at))
    shown = f"{ends} {guess_of(zone)}"
    return Message.of(shown, [section(shown)])


# --- an open one -----------------------------------------------------------------------------------------


def _open(binder: Binder, given: Notice, now: float, options: NoticeOptions) -> Message:
    what = "will be shelved" if _will_be_shelved(binder, given, options) else "will end"
    end = date(deadlines.end_of(given, now, options.policy))
    why = " ".join(_why(binder, given, options))
    loss = _loss(binder, given, options)
    first = f"{person(binder.owner)} *{name_of(binder)}* {what} {end}."
    blocks: list[Block] = [
        section(f":hourglass: {first}\n{why}"),
        section(loss),
        *_spent(binder, now, options),
        *actions(_buttons(binder, given, options)),
    ]
    return Message.of(f"{first} {why} {loss}".replace("*", ""), blocks)


def _why(binder: Binder, given: Notice, options: NoticeOptions) -> Iterator[str]:
    if given.reason == Reason.LIFETIME:
        shelved = "Shelved binders are kept only until then."
        yield shelved if is_shelved(binder) else "Its lifetime is over then."
    elif given.reason == Reason.MAXIMUM:
        site = "That is the longest lifetime that this site allows, so it cannot be extended."
        yield site if binder.class_id is None else "Its class ends then."
    elif given.reason == Reason.BUDGET:
        most = amount(binder.budget or 0.0, options.unit)
        yield f"That is when it reaches the cost limit of {most}, so it cannot be extended."
    if not is_shelved(binder):
        yield from _use(binder)


def _use(binder: Binder) -> Iterator[str]:
    if binder.activity == Activity.BUSY:
        yield "A kernel in it is busy."
    elif binder.activity == Activity.TAB:
        yield "Somebody is using it or has it open in a browser tab."
    elif binder.used_at is not None:
        yield f"Nobody has used it since {date(binder.used_at)}."


def _loss(binder: Binder, given: Notice, options: NoticeOptions) -> str:
    if _will_be_shelved(binder, given, options):
        return "Its files will be kept. Running programs will stop, and its links will change."
    if is_shelved(binder):
        return "Its files will be deleted then."
    if binder.changed_files:
        count = (
            "1 changed file is" if binder.changed_files == 1 else f"{binder.changed_files} changed files are"
        )
        return f":warning: *{count} not saved.* All files in it will be deleted then."
    return "Its files will be deleted then."


def _spent(binder: Binder, now: float, options: NoticeOptions) -> list[ContextBlock]:
    if not binder.price_per_hour:
        return []
    spent, price = (amount(each, options.unit) for each in (cost(binder, now), binder.price_per_hour))
    shown = f"It has cost {spent} so far" if is_live(binder) else f"It cost {spent}"
    return [context(f"{shown} ({price} an hour).")]


def _buttons(binder: Binder, given: Notice, options: NoticeOptions) -> Iterator[InteractiveElement]:
    if given.reason in _MOVABLE and not is_shelved(binder):
        yield button("Keep 2 h", ids.KEEP, binder.id, style="primary")
        yield button("Keep until tonight", ids.KEEP_TONIGHT, binder.id)
    if is_possible(binder, Action.SAVE):
        yield button("Save my work", ids.SAVE, binder.id)
    yield from possible_buttons(binder, (Action.RESUME, Action.SHELVE), can_shelve=options.can_shelve)
    yield stop_button(binder, "Tear down now")
    yield from menu_beside(binder, options.offers, _AS_BUTTONS)


def _will_be_shelved(binder: Binder, given: Notice, options: NoticeOptions) -> bool:
    return given.reason == Reason.IDLE and options.shelves_idle and options.can_shelve and is_ready(binder)


# --- what became of one ----------------------------------------------------------------------------------


def _settled(binder: Binder, given: Notice, now: float, options: NoticeOptions) -> Message:
    if not is_live(binder):
        shown = f":white_circle: {_ended(binder)}"
    elif given.outcome == Outcome.KEPT:
        shown = f":white_check_mark: {_kept_until(binder)} {person(given.outcome_by)} extended it."
    elif given.outcome == Outcome.OVER and is_shelved(binder):
        shown = f":package: *{name_of(binder)}* was shelved."
    else:
        shown = f":leftwards_arrow_with_hook: {_withdrawn(binder, given)}"
    return Message.of(shown.replace("*", ""), [section(shown), *_spent(binder, now, options)])


def _withdrawn(binder: Binder, given: Notice) -> str:
    name, then = f"*{name_of(binder)}*", date(given.deadline)
    if given.reason != Reason.IDLE:
        return f"{name} will no longer end {then}."
    if binder.activity == Activity.UNKNOWN:
        return (
            f"The server of {name} does not answer, so nobody knows whether it is idle. "
            f"It will not end {then} for being idle."
        )
    return f"{name} is in use again, so it will not end {then}."


def _ended(binder: Binder) -> str:
    when = f" {date(binder.ended_at)}" if binder.ended_at is not None else ""
    lasted = (binder.ended_at or 0.0) - (binder.ready_at or binder.ended_at or 0.0)
    after = f", after {duration(lasted)}" if lasted > 0 else ""
    return f"*{name_of(binder)}* ended{when}{after}. {short_ending(binder, person(binder.ended_by))}."


def _kept_until(binder: Binder) -> str:
    """When a binder ends if somebody uses it, and if nobody does."""
    name, last = f"*{name_of(binder)}*", deadlines.last_end(binder)
    first = deadlines.upcoming(binder)
    if first is not None and first.reason == Reason.IDLE:
        return translated(
            "{name} stays until {first} even if nobody uses it, and until {last} if somebody does.",
            name=name,
            first=date(first.at),
            last=date(last),
        )
    return translated("{name} stays until {last}.", name=name, last=date(last))


_IN_CLASS = Sentence("Its class ends then. Only the teacher can extend the class, for everybody.")
_HELD = {
    Reason.MAXIMUM: Sentence("That is the longest lifetime that this site allows."),
    Reason.BUDGET: Sentence("That is when it reaches the cost limit."),
}


def guess_of(zone: str) -> str:
    """Which time zone was used, where Slack did not tell a person's own."""
    return translated("Slack did not tell me your time zone, so I used {zone}.", zone=inline(zone, 60))
