"""The notices that a binder will end: their words, their buttons, and what became of them. Pure.

A notice is posted once, with a mention, and then edited, which mentions nobody.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from slack_sdk.models.blocks import Block, ButtonElement

from bot.binders import deadlines
from bot.binders.cost import cost
from bot.binders.deadlines import WarningPolicy
from bot.text import shorten, visible
from bot.times.durations import duration
from handlers import ids
from handlers.messages.blocks import Sure, actions, as_json, button, context, section
from handlers.messages.messages import Message
from handlers.messages.mrkdwn import date, inline, person
from handlers.messages.status_text import is_live, is_ready, is_shelved, short_ending
from storage.models import Activity, Binder, Notice, Outcome, Reason

_MOVABLE = frozenset({Reason.IDLE, Reason.LIFETIME})


@dataclass(frozen=True, slots=True)
class NoticeOptions:
    """What a site's notices depend on.

    Attributes:
        policy: When people are warned.
        unit: In what prices are counted; may be empty.
        can_shelve: Whether the cloud can put instances away.
        shelves_idle: Whether what lies idle is put away instead of torn down.
    """

    policy: WarningPolicy = field(default_factory=WarningPolicy)
    unit: str = ""
    can_shelve: bool = False
    shelves_idle: bool = False


def notice(binder: Binder, given: Notice, now: float, terms: NoticeOptions) -> Message:
    """A notice as it is now; `now` in Unix seconds UTC."""
    if given.outcome is None and is_live(binder):
        return _open(binder, given, now, terms)
    return _settled(binder, given, now, terms)


def amount(cost: float, unit: str) -> str:
    """A cost with its unit, as escaped markup: `12.30 SU`."""
    return f"{cost:,.2f} {inline(unit, 40)}".strip()


def kept(binder: Binder, *, held_by: Reason | None, guessed_zone: str = "") -> Message:
    """Until when it lives now; what held it back, and the zone that was taken for want of a better one."""
    lines = [_kept_until(binder)]
    if held_by is not None:
        lines.append(_HELD[held_by])
    if guessed_zone:
        lines.append(_guess(guessed_zone))
    shown = " ".join(lines)
    return Message(shown.replace("*", ""), as_json([section(shown)]))


def ends_in_site_zone(name: str, ends_at: float, zone: str) -> Message:
    """By which time zone the end of a launch was read, where nobody knows the person's own."""
    shown = f"{inline(name, 64)} will end {date(ends_at)}. {_guess(zone)}"
    return Message(shown, as_json([section(shown)]))


# --- an open one -----------------------------------------------------------------------------------------


def _open(binder: Binder, given: Notice, now: float, terms: NoticeOptions) -> Message:
    deed = "is put away" if _is_put_away(binder, given, terms) else "ends"
    end = date(deadlines.end_of(given, now, terms.policy))
    why = " ".join(_why(binder, given, terms))
    loss = _loss(binder, given, terms)
    first = f"{person(binder.owner)} *{inline(binder.name, 64)}* {deed} {end}."
    blocks: list[Block] = [
        section(f":hourglass: {first}\n{why}"),
        section(loss),
        *[context(f"It has cost {spent} so far.") for spent in _spent(binder, now, terms)],
        *actions(_buttons(binder, given, terms)),
    ]
    return Message(f"{first.replace('*', '')} {why} {loss}", as_json(blocks))


def _why(binder: Binder, given: Notice, terms: NoticeOptions) -> Iterator[str]:
    if given.reason == Reason.LIFETIME:
        yield "It is put away, and not kept for longer." if is_shelved(binder) else "Its time is over then."
    elif given.reason == Reason.MAXIMUM:
        yield "That is the longest that this site allows, so it cannot be kept."
    elif given.reason == Reason.BUDGET:
        most = amount(binder.budget or 0.0, terms.unit)
        yield f"It has cost {most} then, the most that one binder may cost here, so it cannot be kept."
    if not is_shelved(binder):
        yield from _use(binder)


def _use(binder: Binder) -> Iterator[str]:
    if binder.activity == Activity.BUSY:
        yield "A kernel is computing in it."
    elif binder.activity == Activity.TAB:
        yield "Somebody uses it, or a tab is open."
    elif binder.used_at is not None:
        yield f"Nobody has used it since {date(binder.used_at)}."


def _loss(binder: Binder, given: Notice, terms: NoticeOptions) -> str:
    if _is_put_away(binder, given, terms):
        return "Its files are kept then; its links and what runs in it are not."
    if is_shelved(binder):
        return "Its files are gone then."
    if binder.changed_files:
        count = (
            "1 changed file is" if binder.changed_files == 1 else f"{binder.changed_files} changed files are"
        )
        return f":warning: *{count} not saved* and will be lost, with everything else in it."
    return "The files in it are gone then."


def _spent(binder: Binder, now: float, terms: NoticeOptions) -> Iterator[str]:
    if binder.price_per_hour:
        price = amount(binder.price_per_hour, terms.unit)
        yield f"{amount(cost(binder, now), terms.unit)} ({price} an hour)"


def _buttons(binder: Binder, given: Notice, terms: NoticeOptions) -> Iterator[ButtonElement]:
    if is_shelved(binder):
        yield button("Resume", ids.RESUME, binder.id, style="primary")
    elif given.reason in _MOVABLE:
        yield button("Keep 2 h", ids.KEEP, binder.id, style="primary")
        yield button("Keep until tonight", ids.KEEP_TONIGHT, binder.id)
    if is_ready(binder):
        yield button("Save my work", ids.SAVE, binder.id)
    if is_ready(binder) and terms.can_shelve:
        yield button("Shelve", ids.SHELVE, binder.id)
    yield button("Tear down now", ids.STOP, binder.id, style="danger", sure=_sure(binder))


def _sure(binder: Binder) -> Sure:
    name = shorten(visible(binder.name), 60)
    return Sure(
        f"Tear {name} down?", "Its server ends, and the files in it are lost.", "Tear down", "Keep it"
    )


def _is_put_away(binder: Binder, given: Notice, terms: NoticeOptions) -> bool:
    return given.reason == Reason.IDLE and terms.shelves_idle and terms.can_shelve and is_ready(binder)


# --- what became of one ----------------------------------------------------------------------------------


def _settled(binder: Binder, given: Notice, now: float, terms: NoticeOptions) -> Message:
    if not is_live(binder):
        shown = f":white_circle: {_ended(binder)}"
    elif given.outcome == Outcome.KEPT:
        shown = f":white_check_mark: {_kept_until(binder)} {person(given.outcome_by)} kept it."
    elif given.outcome == Outcome.OVER and is_shelved(binder):
        shown = f":package: *{inline(binder.name, 64)}* was put away."
    else:
        shown = f":leftwards_arrow_with_hook: {_withdrawn(binder, given)}"
    spent = [context(f"It has cost {each} so far.") for each in _spent(binder, now, terms)]
    return Message(shown.replace("*", ""), as_json([section(shown), *spent]))


def _withdrawn(binder: Binder, given: Notice) -> str:
    name, then = f"*{inline(binder.name, 64)}*", date(given.deadline)
    if given.reason != Reason.IDLE:
        return f"{name} does not end {then} any more."
    if binder.activity == Activity.UNKNOWN:
        return f"The server of {name} does not answer, which is no idleness: it does not end {then} for it."
    return f"{name} is in use again, so it does not end {then}."


def _ended(binder: Binder) -> str:
    when = f" {date(binder.ended_at)}" if binder.ended_at is not None else ""
    lasted = (binder.ended_at or 0.0) - (binder.ready_at or binder.ended_at or 0.0)
    after = f", after {duration(lasted)}" if lasted > 0 else ""
    return f"*{inline(binder.name, 64)}* ended{when}{after}. {short_ending(binder, person(binder.ended_by))}."


def _kept_until(binder: Binder) -> str:
    """Until when it lives, and until when whether or not somebody uses it."""
    name, last = f"*{inline(binder.name, 64)}*", deadlines.last_end(binder)
    first = deadlines.upcoming(binder)
    if first is not None and first.reason == Reason.IDLE:
        unused = f"until {date(first.at)} even if nobody uses it"
        return f"{name} stays {unused}, and until {date(last)} if somebody does."
    return f"{name} stays until {date(last)}."


_HELD = {
    Reason.MAXIMUM: "That is the longest that this site allows.",
    Reason.BUDGET: "It has cost then what one binder may cost here.",
}


def _guess(zone: str) -> str:
    return f"Slack did not tell your time zone, so I took the time to be that of {inline(zone, 60)}."
