"""Everything that the bot says, in words and Block Kit. Pure: no clock, no session.

Each message has blocks, and a text that says the same for notifications and for those who hear it read.
Whatever comes from a person, a repository or an instance goes through `handlers.messages.mrkdwn`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from slack_sdk.models.blocks import Block, ButtonElement

from bot.binders.deadlines import last_end
from bot.text import shorten, visible
from bot.times.durations import duration
from handlers import ids
from handlers.messages.blocks import (
    MAX_TEXT,
    Json,
    Sure,
    actions,
    as_json,
    button,
    context,
    header,
    link_button,
    section,
)
from handlers.messages.mrkdwn import code, code_block, date, escape, inline, is_web, link, person
from handlers.messages.status_text import (
    elapsed,
    ending,
    is_live,
    is_ready,
    is_shelved,
    phrase,
    ran,
    reason,
    short_ending,
    stage_lines,
    summary,
)
from storage.models import Binder, Ending, Target

BOT_NAME = "Binder"
MOST_LISTED = 20
_SHORT_COMMIT = 7
_MAX_URL_SHOWN = 500
_LOG_LIMIT = 2_900


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: a text for notifications and screen readers, and blocks for the eye."""

    text: str
    blocks: Sequence[Json]

    def as_arguments(self) -> dict[str, Any]:
        """The arguments by which every method of Slack takes a message."""
        return {"text": self.text, "blocks": list(self.blocks)}


def _message(text: str, blocks: Iterable[Block]) -> Message:
    return Message(text=shorten(text, MAX_TEXT), blocks=as_json(blocks))


# --- of one binder, in its thread ------------------------------------------------------------------------


def card(binder: Binder, now: float, *, can_shelve: bool = False) -> Message:
    """The status message; `now` in Unix seconds, and whether the cloud can put it away."""
    said = phrase(binder)
    title = f"{said.emoji} *{_name(binder)}* {said.words}"
    heard = [f"{_name(binder)} {said.words}", _repository_words(binder), summary(binder, now)]
    blocks = [
        section(f"{title} · for {person(binder.owner)}"),
        context(" · ".join(_origin(binder))),
        *[section("\n".join(lines)) for lines in [list(stage_lines(binder, now))] if lines],
        *[section(why) for why in [_why(binder)] if why],
        context(_times(binder, now)),
        *actions(_card_buttons(binder, can_shelve=can_shelve)),
    ]
    return _message(" · ".join(part for part in heard if part), blocks)


def ready(binder: Binder, now: float, *, absent: str | None = None) -> Message:
    """The links, which ask for the token; `absent` is an interface that was asked for and is not there."""
    labels = ", ".join(inline(each["label"], 60) for each in binder.interfaces)
    came = "is back" if binder.resumes else f"is ready after {duration(elapsed(binder, now))}"
    lines = [f"{person(binder.owner)} *{_name(binder)}* {came}."]
    if absent:
        lines.append(f"{inline(absent, 60)} did not answer; this is what does.")
    notes = (
        f"Ends {date(last_end(binder))}; files in it are gone then. These links ask for a token: "
        f"*Open* gives {person(binder.owner)} links that do not."
    )
    blocks = [
        section("\n".join(lines)),
        *actions(_interface_buttons(binder, token=None)),
        context(notes),
        *actions([_open_button(binder), _stop_button(binder)]),
    ]
    is_what = "is back" if binder.resumes else "is ready"
    return _message(f"{person(binder.owner)} {_name(binder)} {is_what}: {labels}.", blocks)


def links(binder: Binder) -> Message:
    """One-click links with the server's token: for the eyes of those who may use it."""
    buttons = _interface_buttons(binder, token=binder.token)
    blocks = [
        section(f"Your links to *{_name(binder)}*. Whoever has one has the server: keep them to yourself."),
        *actions(buttons),
    ]
    listed = ", ".join(link(each.url or "", each.text.text) for each in buttons if each.text)
    heard = f"Your links to {_name(binder)}: "
    # A link that is cut in two opens nothing; the buttons hold all of them.
    return _message(
        heard + (listed if len(heard + listed) <= MAX_TEXT else "they are on the buttons."), blocks
    )


def failed(binder: Binder) -> Message:
    """Why it did not work, the end of the log, and what to try."""
    why = reason(binder) or "It gave no reason."
    log = code_block(binder.log or "", _LOG_LIMIT)
    hint = inline(binder.hint or "", 1_000)
    blocks = [
        section(f":x: {person(binder.owner)} *{_name(binder)}* could not be launched.\n{why}"),
        *([section(log)] if log else []),
        *([section(f":bulb: {hint}")] if hint else []),
        *_inspection(binder),
        *actions([_retry_button(binder, "Try again"), *_hold_buttons(binder)]),
    ]
    heard = f"{person(binder.owner)} {_name(binder)} could not be launched. {why} {hint}"
    return _message(heard.strip(), blocks)


def gone(binder: Binder, now: float) -> Message:
    """Who or what ended it, and how long it ran."""
    ran_for = ran(binder, now)
    story = [f"*{_name(binder)}* {ending(binder, person(binder.ended_by))}."]
    if why := reason(binder):
        story.append(why)
    story.append(f"It ran for {duration(ran_for)}." if ran_for is not None else "It never became ready.")
    blocks = [
        section(":white_circle: " + " ".join(story)),
        *actions([_retry_button(binder, "Launch again")]),
    ]
    return _message(" ".join(story).replace("*", ""), blocks)


def shelved(binder: Binder, *, failure: str = "") -> Message:
    """That it was put away, or why it could not be had back; and how it is."""
    name = f"*{_name(binder)}*"
    story = f"{name} is put away: its files are kept, its links are not."
    if failure:
        story = f"{person(binder.owner)} {name} could not be had back. {inline(failure, 1_500)}"
    blocks = [
        section(f":package: {story}"),
        context(f"Kept until {date(binder.ends_at)}."),
        *actions([_resume_button(binder), _stop_button(binder)]),
    ]
    return _message(story.replace("*", ""), blocks)


def unsaved(binder: Binder) -> Message:
    """That teardown would lose work, and the two ways on."""
    count = "1 file" if binder.changed_files == 1 else f"{binder.changed_files} files"
    story = f"{count} in *{_name(binder)}* changed and would be lost."
    save = button("Save and tear down", ids.SAVE_AND_STOP, binder.id, style="primary")
    lose = button("Tear down without saving", ids.STOP_ANYWAY, binder.id, style="danger")
    return _message(story.replace("*", ""), [section(story), *actions([save, lose])])


def held(binder: Binder, until: float) -> Message:
    """That what is left of a failed launch is kept, and where it is found."""
    where = urlsplit(binder.server_url or "").hostname
    story = f"*{_name(binder)}* is kept for you to look at until {date(until)}."
    if where:
        story += f" It is at {code(where)}, for those who have the key pair of the instances."
    return _message(story.replace("*", ""), [section(story)])


def waiting(binder: Binder) -> Message:
    """That there is no room yet."""
    why = inline(binder.waiting_for or "There is no room yet.", 1_500)
    story = f"*{_name(binder)}* has to wait. {why} I keep trying, and say so when there is room."
    return _message(
        story.replace("*", ""),
        [section(f":vertical_traffic_light: {story}"), *actions([_stop_button(binder)])],
    )


def log_of(binder: Binder) -> Message:
    """The last lines of the build's log."""
    block = code_block(binder.log or binder.line or "", _LOG_LIMIT)
    if not block:
        return note(f"{binder.name} has no log yet.")
    return _message(f"The log of {_name(binder)} ends so:\n{block}", [section(_log_title(binder) + block)])


def _log_title(binder: Binder) -> str:
    return f"*{_name(binder)}*: "


# --- of everything else ----------------------------------------------------------------------------------


def alert(sentence: str) -> Message:
    """Something that the operators must know."""
    shown = inline(sentence, 2_000) or "An alert without words."
    return _message(shown, [section(f":rotating_light: {shown}")])


def note(sentence: str, hint: str = "") -> Message:
    """A plain answer; both texts are unescaped, and lines of the hint stay lines."""
    lines = [inline(sentence, 1_500), *(inline(line, 600) for line in hint.splitlines()[:MOST_LISTED])]
    shown = shorten_lines([line for line in lines if line])
    return _message(shown, [section(shown)])


def refusal(binder: Binder, deed: str) -> Message:
    """That this is for the owner to do; `deed` ends the sentence."""
    shown = f"*{_name(binder)}* belongs to {person(binder.owner)}, so only they can {deed}."
    return _message(shown.replace("*", ""), [section(shown)])


def not_understood(typed: str, meant: str | None) -> Message:
    """What was typed, and the right form of it, both unescaped; without one, all that is understood."""
    if meant:
        return note(f"I do not know “{typed}”.", f"Did you mean `{ids.COMMAND} {meant}`?")
    known = help_text()
    sorry = f"I do not know “{inline(typed, 200)}”. This is what I understand:"
    return Message(f"{sorry}\n{known.text}", [*as_json([section(sorry)]), *known.blocks])


def shorten_lines(lines: Sequence[str], limit: int = 2_900) -> str:
    """As many whole lines as fit, so that no markup is cut in two."""
    kept: list[str] = []
    for line in lines:
        if len("\n".join([*kept, line])) > limit:
            break
        kept.append(line)
    return "\n".join(kept) or "…"


def invitation() -> Message:
    """Why a launch goes on somewhere else."""
    return note(
        "I cannot post in this channel, so this launch goes on in our direct messages.",
        f"To have me here: `/invite @{BOT_NAME}`",
    )


def listing(binders: Sequence[Binder], now: float, user: str) -> Message:
    """All live binders of a workspace, those of `user` first."""
    if not binders:
        return note("No binder is running.", f"Start one: `{ids.COMMAND} launch owner/repo`")
    ordered = sorted(binders, key=lambda each: each.owner != user)
    shown = ordered[:MOST_LISTED]
    more = [context(f"… and {len(ordered) - len(shown)} more.")] if len(ordered) > len(shown) else []
    blocks = [header(_count(len(ordered))), *[_row(each, now, user) for each in shown], *more]
    words = [f"{_name(each)} {phrase(each).words} ({person(each.owner)})" for each in shown]
    return _message(f"{_count(len(ordered))}: " + shorten_lines(words, MAX_TEXT - 100), blocks)


def help_text() -> Message:
    """How the command is used, by examples that work."""
    command = ids.COMMAND
    examples = {
        f"{command} launch owner/repo": "run a repository of GitHub",
        f"{command} launch https://… main notebooks/a.ipynb": "any link or DOI; then a ref and a path",
        f"{command} launch owner/repo --open rstudio --size large --for 6h --name demo": "as you want it",
        f"{command} launch": "a form",
        f"{command} list": "what is running",
        f"{command} status demo": "how far it is",
        f"{command} logs demo": "what the build says",
        f"{command} open demo": "your links, as often as you like",
        f"{command} save demo": "what you changed in it, as a file in its thread",
        f"{command} shelve demo": "put it away, where the cloud can; `resume` has it back",
        f"{command} extend demo 2h": "let it live longer; `until friday 18:00` does, too",
        f"{command} stop demo": "tear it down; files in it are gone then",
    }
    lines = "\n".join(f"`{typed}`  {what}" for typed, what in examples.items())
    tip = f"With one binder, leave the name out. In its thread, @{BOT_NAME} takes the same words."
    heard = "\n".join(f"{typed}: {what}" for typed, what in examples.items())
    return _message(
        heard, [section(lines), context(tip), *actions([button("Launch a repository", ids.FORM)])]
    )


def home(binders: Sequence[Binder], now: float, user: str) -> list[Json]:
    """The blocks of the home tab: the person's binders, and how to begin."""
    begin = button("Launch a repository", ids.FORM, style="primary")
    blocks: list[Block] = [
        header("Your binders"),
        *actions([begin]),
        *[block for each in binders[:MOST_LISTED] for block in _home_rows(each, now, user)],
    ]
    if not binders:
        blocks.append(section("Nothing is running. A repository of notebooks is a good beginning."))
    blocks.append(
        context(f"Or type `{ids.COMMAND} launch owner/repo` in any channel; `{ids.COMMAND} help` tells more.")
    )
    return as_json(blocks)


# --- parts -----------------------------------------------------------------------------------------------


def _count(number: int) -> str:
    return "1 binder" if number == 1 else f"{number} binders"


def _name(binder: Binder) -> str:
    return inline(binder.name, 64)


def repository(binder: Binder) -> str:
    """What was launched, as short plain text: `github.com/owner/repo`."""
    return shorten(visible(binder.url).removeprefix("https://").removeprefix("http://"), 80)


def _repository_words(binder: Binder) -> str:
    return escape(repository(binder))


def _repository_link(binder: Binder) -> str:
    page = _page(binder)
    # A link of thousands of characters would fill the message; its words are enough.
    return link(page, repository(binder)) if len(page) <= _MAX_URL_SHOWN else _repository_words(binder)


def _page(binder: Binder) -> str:
    """Where a person can look at it."""
    if binder.url.startswith("10."):
        return f"https://doi.org/{quote(binder.url, safe='/')}"
    if binder.url.startswith("swh:"):
        return f"https://archive.softwareheritage.org/{quote(binder.url, safe=':;=/')}"
    return binder.url


def _origin(binder: Binder) -> list[str]:
    commit = code((binder.commit or "")[:_SHORT_COMMIT])
    ref = code(binder.ref or "", 80)
    at = f"{ref} at {commit}" if ref and commit else ref or commit
    return [part for part in [_repository_link(binder), at, f"size {code(binder.size, 66)}"] if part]


def _why(binder: Binder) -> str:
    """The sentence that a card owes: why it waits, or why it is no more."""
    if binder.target == Target.GONE:
        return reason(binder)
    return inline(binder.waiting_for or "", 1_500)


def _times(binder: Binder, now: float) -> str:
    if is_ready(binder):
        return f"Ready after {duration(elapsed(binder, now))} · ends {date(last_end(binder))}"
    if is_live(binder) and binder.ready_at is not None:
        return f"Since {date(binder.status_since)} · kept until {date(binder.ends_at)}"
    if is_live(binder):
        return f"{duration(elapsed(binder, now))} so far"
    ran_for = ran(binder, now)
    lasted = f"{duration(ran_for)} of running" if ran_for is not None else duration(elapsed(binder, now))
    return f"{short_ending(binder, person(binder.ended_by))} after {lasted}"


def _row(binder: Binder, now: float, user: str) -> Block:
    said = phrase(binder)
    whose = "" if binder.owner == user else f" · {person(binder.owner)}"
    age = duration(now - binder.created_at)
    line = f"{said.emoji} *{_name(binder)}* {said.words} · {age}{whose}\n{_repository_words(binder)}"
    return section(line)


def _home_rows(binder: Binder, now: float, user: str) -> list[Block]:
    opened = [_open_button(binder)] if is_ready(binder) else []
    buttons = [*opened, _log_button(binder), _stop_button(binder)] if is_live(binder) else []
    return [_row(binder, now, user), *actions(buttons)]


def _card_buttons(binder: Binder, *, can_shelve: bool) -> list[ButtonElement]:
    if not is_live(binder):
        return []
    first = [_open_button(binder)] if is_ready(binder) else []
    away = [_shelve_button(binder)] if is_ready(binder) and can_shelve else []
    back = [_resume_button(binder)] if is_shelved(binder) else []
    return [*first, _log_button(binder), *away, *back, _stop_button(binder)]


def _inspection(binder: Binder) -> list[Block]:
    """That its instance stays for a moment, where somebody may want to look at it."""
    if not binder.kept_until:
        return []
    return [context(f"Its instance is there until {date(binder.kept_until)}; *Keep it* keeps it for longer.")]


def _hold_buttons(binder: Binder) -> list[ButtonElement]:
    if not binder.kept_until:
        return []
    return [button("Keep it to look at", ids.HOLD, binder.id), button("Remove it now", ids.STOP, binder.id)]


def _shelve_button(binder: Binder) -> ButtonElement:
    return button("Shelve", ids.SHELVE, binder.id)


def _resume_button(binder: Binder) -> ButtonElement:
    return button("Resume", ids.RESUME, binder.id, style="primary")


def _open_button(binder: Binder) -> ButtonElement:
    return button("Open", ids.OPEN, binder.id, style="primary")


def _log_button(binder: Binder) -> ButtonElement:
    return button("Show log", ids.LOG, binder.id)


def _stop_button(binder: Binder) -> ButtonElement:
    sure = Sure(
        f"Tear {shorten(visible(binder.name), 60)} down?",
        "Its server ends, and the files in it are lost.",
        "Tear down",
        "Keep it",
    )
    return button("Tear down", ids.STOP, binder.id, style="danger", sure=sure)


def _retry_button(binder: Binder, text: str) -> ButtonElement:
    style = "primary" if binder.ending == Ending.FAILED else None
    return button(text, ids.RETRY, binder.id, style=style)


def _interface_buttons(binder: Binder, *, token: str | None) -> list[ButtonElement]:
    """One button per interface; a kind that turns up twice is shown once."""
    by_kind = {each["kind"]: each for each in reversed(binder.interfaces or [])}
    pages = [(kind, each["label"], _address(binder, each["path"], token)) for kind, each in by_kind.items()]
    return [
        link_button(label, f"{ids.LINK_PREFIX}{kind}", url)
        for kind, label, url in reversed(pages)
        if is_web(url)
    ]


def _address(binder: Binder, path: str, token: str | None) -> str:
    base = (binder.server_url or "").rstrip("/")
    url = _with_token(f"{base}/{path.lstrip('/')}", token)
    # A path too long for a button: the server's own front page is better than nothing.
    return url if is_web(url) else _with_token(f"{base}/", token)


def _with_token(url: str, token: str | None) -> str:
    if token is None:
        return url
    return f"{url}{'&' if '?' in url else '?'}token={quote(token, safe='')}"
