"""What admins read, and what they tell others. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.binders.costs import DIRECT, Expense, Period
from bot.times.durations import duration
from handlers import ids
from handlers.messages.binder_text import name_of, short_url
from handlers.messages.blocks import MAX_TEXT, actions, button, context, header, section
from handlers.messages.home_tab import HomeOptions, Page, facts_of, summary_of, turns
from handlers.messages.language import translated, translated_count
from handlers.messages.lists import pool_line
from handlers.messages.message import Message, shorten_lines
from handlers.messages.mrkdwn import code, date, inline, link, person
from handlers.messages.notices import amount
from handlers.messages.sharing import subject_text
from handlers.messages.status_text import phrase
from storage.audit_models import Audit
from storage.models import Binder
from storage.vocabulary import Result

MOST_TEXT = 1_000
"""Characters of an announcement: they travel in the value of a button."""
_MOST_EXPENSES = 5
_RESULTS: Mapping[Result, str] = {
    Result.DONE: ":white_check_mark:",
    Result.REFUSED: ":no_entry:",
    Result.FAILED: ":x:",
}


def usage(rows: Sequence[tuple[str, str]]) -> Message:
    """What an admin can type, and what it does."""
    typed = [(f"{ids.COMMAND} admin {words}", translated(what)) for words, what in rows]
    return Message.of(
        shorten_lines([f"{words}: {what}" for words, what in typed], MAX_TEXT),
        [section(shorten_lines([f"`{words}`  {what}" for words, what in typed]))],
    )


# --- all binders -----------------------------------------------------------------------------------------


def everything(page: Page, options: HomeOptions, state: str = "") -> Message:
    """One page of all binders, also private ones: owner, size, age and cost; `state` is that of a drain."""
    title, total = translated("All binders"), summary_of(page, options.unit)
    blocks = [
        header(title),
        context(total),
        *([context(state)] if state else []),
        *[section(_row(each, options)) for each, _ in page.binders],
        *actions(turns(page, ids.ADMIN_PAGE_PREFIX)),
        *([context(pool_line(page.pool, options.unit))] if page.pool else []),
    ]
    heard = [f"{phrase(each).after(name_of(each))} ({person(each.owner)})" for each, _ in page.binders]
    return Message.of(f"{title}: {total}\n{shorten_lines(heard, MAX_TEXT - 300)}", blocks)


def _row(binder: Binder, options: HomeOptions) -> str:
    said = phrase(binder)
    state = said.after(f"*{name_of(binder)}*")
    facts = " · ".join(facts_of(binder, options))
    return f"{said.emoji} {state} · {person(binder.owner)}\n{inline(short_url(binder.url), 150)}\n{facts}"


# --- announcements ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is to be told to everybody who has a binder; the same id is told once."""

    id: str
    text: str

    def as_value(self) -> str:
        """The value of the button that posts it."""
        return f"{self.id} {self.text}"

    @classmethod
    def of(cls, value: str) -> "Announcement":
        """What a button stands for."""
        announcement_id, _, text = value.partition(" ")
        return cls(announcement_id, text)


def announcement_preview(announcement: Announcement, count: int) -> Message:
    """What would be posted, and a button that posts it."""
    question = translated_count(
        "This is posted in the thread of {count} binder. Its owner is mentioned.",
        "This is posted in the threads of {count} binders. Their owners are mentioned.",
        count,
    )
    shown = inline(announcement.text, 2_000)
    post = button(translated("Post it"), ids.ADMIN_ANNOUNCE, announcement.as_value(), style="primary")
    return Message.of(f"{question}\n{shown}", [section(f"{question}\n{shown}"), *actions([post])])


def announced(count: int) -> Message:
    """The answer to the button."""
    story = translated_count(
        "It is being posted in the thread of {count} binder.",
        "It is being posted in the threads of {count} binders.",
        count,
    )
    return Message.of(story, [section(story)])


def announcement(binder: Binder, by: str, text: str) -> Message:
    """In the thread of a binder, to its owner."""
    story = f"{person(binder.owner)} {person(by)} says: {inline(text, 2_000)}"
    return Message.of(story, [section(f":mega: {story}")])


# --- the audit -------------------------------------------------------------------------------------------


def acts(rows: Sequence[Audit], names: Mapping[str, str]) -> Message:
    """The last acts, the newest first; `names` are those of binders by their ids."""
    if not rows:
        story = translated("Nothing is recorded.")
        return Message.of(story, [section(story)])
    lines = [_act(each, names) for each in rows]
    whole = translated("All of it comes as a file in our direct message.")
    return Message.of(shorten_lines(lines, MAX_TEXT - 200), [section(shorten_lines(lines)), context(whole)])


def _act(row: Audit, names: Mapping[str, str]) -> str:
    what = names.get(row.binder_id or "") or row.binder_id or row.class_id or row.setting
    what = what or str(row.detail.get("pattern") or row.detail.get("user") or "")
    channel = row.channel or ""
    where = subject_text(channel) if channel.startswith(("C", "G")) else ""
    facts = [each for each in (where, inline(row.way, 20)) if each]
    why = f" {inline(row.sentence, 300)}" if row.sentence else ""
    said = f"{_RESULTS[row.result]} {date(row.at)} {person(row.actor)} *{inline(row.event, 60)}*"
    return " ".join(each for each in (said, code(what, 80), " · ".join(facts)) if each) + why


# --- costs -----------------------------------------------------------------------------------------------


def costs(
    period: Period,
    total: Expense,
    tables: tuple[Sequence[Expense], Sequence[Expense], Sequence[Expense]],
    unit: str,
) -> Message:
    """What a month cost.

    Args:
        period: Which month.
        total: All of it.
        tables: The same by person, by channel and by repository, the most expensive first.
        unit: The unit of all prices.
    """
    title = translated("Costs of {month}", month=month_of(period))
    if not total.binders:
        nothing = translated("No binder ran.")
        return Message.of(f"{title}: {nothing}", [header(title), section(nothing)])
    people, channels, repositories = tables
    blocks = [
        header(title),
        section(_used(total, unit)),
        section(_table(translated("By person"), [(person(each.name), each) for each in people], unit)),
        section(_table(translated("By channel"), [(_place(each.name), each) for each in channels], unit)),
        section(
            _table(
                translated("By repository"),
                [(link(each.name, each.name[:100]), each) for each in repositories],
                unit,
            )
        ),
        context(translated("All of it comes as a file in our direct message.")),
    ]
    return Message.of(f"{title}: {_used(total, unit)}", blocks)


def month_of(period: Period) -> str:
    """A month as people write it: `11/2026`."""
    year, month = period.name.split("-")
    return f"{month}/{year}"


def _used(expense: Expense, unit: str) -> str:
    ran = translated_count(
        "{count} binder for {duration}",
        "{count} binders for {duration}",
        expense.binders,
        duration=duration(expense.seconds),
    )
    return f"{amount(expense.spent, unit)} · {ran}"


def _place(channel: str) -> str:
    return translated(DIRECT) if channel == DIRECT else subject_text(channel)


def _table(title: str, rows: Sequence[tuple[str, Expense]], unit: str) -> str:
    lines = [f"*{title}*", *(f"{name}: {_used(each, unit)}" for name, each in rows[:_MOST_EXPENSES])]
    left = len(rows) - _MOST_EXPENSES
    more = [translated("… and {count} more.", count=left)] if left > 0 else []
    return shorten_lines([*lines, *more])
