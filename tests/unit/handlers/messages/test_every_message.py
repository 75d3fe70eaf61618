"""Every message at its longest and at its most hostile, against all of Slack's limits.

A function of `handlers.messages` that makes something for Slack has a row here, or the first test fails.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any

import pytest

from bot.binders.costs import Expense, Period
from bot.config.featured import MOST_FEATURED, Featured
from bot.errors import RefNotFound, SpecError
from bot.jupyter.file_crawl import LeftOut
from bot.provisioning.instances import Size
from bot.repositories.launch_text import parse_launch
from bot.repositories.preview import Preview
from bot.saved_work.archive import Archive
from handlers import messages
from handlers.messages import (
    admin_text,
    approval_text,
    archive_text,
    candidates,
    connection_text,
    digest,
    drain_text,
    forms,
    help_request,
    home_tab,
    launch_links,
    more,
    notices,
    policy_text,
    share_fields,
    sharing,
)
from handlers.messages.admin_text import Announcement
from handlers.messages.blocks import MAX_SECTION, MAX_VIEW_BLOCKS, Json, problems
from handlers.messages.buttons import Offers
from handlers.messages.forms import FormFacts, Origin
from handlers.messages.home_tab import MOST_SHOWN, HomeOptions, Mine, Page, Usage
from handlers.messages.language import LANGUAGES, reading
from handlers.messages.message import Message
from handlers.messages.notices import NoticeOptions
from handlers.rules import Action, Role
from storage.access_models import ConnectionState, GitHubConnection
from storage.audit_models import Audit
from storage.models import Binder, Notice
from storage.policy_models import Approval, ApprovalState, PersonLimits, RepositoryRule
from storage.share_models import Share, ShareKind
from storage.vocabulary import Activity, Ending, Outcome, Reason, Result, Status, Target, WaitsFor
from tests.unit.handlers.conftest import NOW, TOKEN, binder
from tests.unit.handlers.messages.class_cases import CLASS_MESSAGES
from tests.unit.handlers.messages.conftest import HOSTILE_TEXTS, check, in_text

LONGEST = "x" * 6_000
TERMS = NoticeOptions(unit=LONGEST, can_shelve=True, shelves_idle=True)


class Case:
    """A binder in one of its states, and a text from outside. It knows whether its binder was looked at."""

    def __init__(self, row: Binder, text: str) -> None:
        self._row = row
        self.text = text
        self.is_looked_at = False

    @property
    def row(self) -> Binder:
        self.is_looked_at = True
        return self._row


def row_full_of(text: str, **changes: Any) -> Binder:
    """A binder of which every text is the given one."""
    long = {"name", "ref", "size", "commit", "line", "log", "failure", "hint", "waiting_for", "ended_by"}
    values: dict[str, Any] = dict.fromkeys(long, text)
    values["url"] = f"https://git.example.org/{text}"
    values["interfaces"] = [
        {"kind": kind, "label": text, "path": text} for kind in ("lab", "custom", "rstudio", "vscode")
    ]
    values["notes"] = [text] * 20
    values["failure_code"] = "needs-conda"
    values |= {"kept_until": NOW, "changed_files": 10**6, "price_per_hour": 1e9, "budget": 1e12}
    return binder(**(values | changes))


def archive_full_of(text: str) -> Archive:
    left_out = tuple(LeftOut(text, text) for _ in range(50))
    paths = (text,) * 1_000
    return Archive(
        name="x.zip",
        data=b"",
        changed=paths,
        new=paths,
        deleted=paths,
        left_out=left_out,
        note=text,
        has_patch=True,
    )


def act_full_of(text: str) -> Audit:
    return Audit(
        at=NOW,
        actor=text,
        event=text,
        binder_id="b1",
        way=text,
        channel="C1",
        result=Result.REFUSED,
        sentence=text,
        detail={},
    )


def shares_full_of(text: str) -> list[Share]:
    """Many shares of each kind; ids come from Slack alone, but nothing is believed."""
    ids = {ShareKind.USER: "U1234567890", ShareKind.CHANNEL: "C1234567890", ShareKind.GROUP: "S1234567890"}
    return [
        Share(binder_id="abcd2345", subject=subject, kind=kind, manages=manages, by=text, at=NOW)
        for kind, known in ids.items()
        for subject in (known, text)
        for manages in (True, False) * 15
    ]


def connection_full_of(text: str, state: ConnectionState | None) -> GitHubConnection | None:
    if state is None:
        return None
    return GitHubConnection(state=state, login=text[:64], address=text, user_code=text, code_until=NOW)


def question_full_of(text: str, state: ApprovalState) -> Approval:
    return Approval(
        binder_id="abcd2345", state=state, asked_at=NOW, expires_at=NOW, decided_by=text, reason=text
    )


def mine_full_of(case: Case) -> Mine:
    featured = [Featured(case.text or "x", launched_by(case.text))] * MOST_FEATURED
    shared = [(case.row, Role.MANAGER)] * 60
    usage = Usage(10**6, 10**6, 1e9, 1e9, 1e9, 1e12, 10**6, 1e9, 1e12)
    return Mine([case.row] * 60, shared, [case.row] * 60, featured, usage)


def home_options(case: Case) -> HomeOptions:
    return HomeOptions(NOW, case.text, Offers(can_ask=True), is_admin=True)


def form_facts_of(case: Case) -> FormFacts:
    sizes = [Size(f"size-{number}", case.text or "x", 1e9) for number in range(100)]
    found = forms.found_in(Preview(RefNotFound(case.text, hint=case.text), (case.text,), case.text))
    return FormFacts(sizes, case.text, {each.key: 10**6 for each in sizes}, found=found)


def launched_by(text: str) -> str:
    """A launch text that can be understood, with as much of a text in it as that allows."""
    asked = f"https://github.com/o/r --path '{text[:1_800]}'"
    try:
        parse_launch(asked)
    except SpecError:
        return "https://github.com/o/r"
    return asked


def a_notice(case: Case, reason: Reason, outcome: Outcome | None) -> Message:
    given = Notice(
        id=1,
        binder_id="abcd2345",
        reason=reason,
        deadline=NOW,
        lead_seconds=900,
        outcome=outcome,
        outcome_by=case.text,
    )
    return notices.notice(case.row, given, NOW, TERMS)


def every_notice(case: Case) -> Iterator[Message]:
    for reason, outcome in product(Reason, [None, *Outcome]):
        yield a_notice(case, reason, outcome)


MESSAGES: Mapping[str, Callable[[Case], Message | Iterator[Message]]] = {
    "status_card.card": lambda case: iter(
        messages.card(case.row, NOW, can_shelve=True, can_ask=True, newer_blocks=newer)
        for newer in (True, False)
    ),
    "milestones.waiting": lambda case: messages.waiting(case.row),
    "milestones.ready": lambda case: messages.ready(case.row, NOW, absent=case.text),
    "milestones.failed": lambda case: iter(
        messages.failed(case.row, shows_log=shows_log) for shows_log in (True, False)
    ),
    "milestones.shelved": lambda case: messages.shelved(case.row, failure=case.text),
    "milestones.gone": lambda case: messages.gone(case.row, NOW),
    "replies.note": lambda case: messages.note(case.text, f"{case.text}\n" * 50),
    "replies.alert": lambda case: messages.alert(case.text),
    "replies.refusal": lambda case: iter(messages.refusal(case.row, each) for each in Action),
    "sharing.told": lambda case: iter(
        sharing.told(case.row, case.text, to, manages=manages)
        for to in ("U1", "C1")
        for manages in (True, False)
    ),
    "sharing.acted": lambda case: iter(
        sharing.acted(case.row, case.text, each, case.text) for each in (*Action, case.text)
    ),
    "admin_text.usage": lambda _case: admin_text.usage([("x" * 200, "y" * 200)] * 60),
    "admin_text.everything": lambda case: admin_text.everything(
        Page([(case.row, Role.ADMIN)] * MOST_SHOWN, 50, 2_000, 1e9, [row_full_of(case.text)] * 60),
        home_options(case),
        drain_text.state(case.text, NOW, NOW),
    ),
    "admin_text.announcement_preview": lambda case: admin_text.announcement_preview(
        Announcement("abcd2345", case.text[: admin_text.MOST_TEXT]), 10**6
    ),
    "admin_text.announced": lambda _case: admin_text.announced(10**6),
    "admin_text.announcement": lambda case: admin_text.announcement(case.row, case.text, case.text),
    "admin_text.acts": lambda case: iter(
        admin_text.acts(rows, {"b1": case.text}) for rows in ([], [act_full_of(case.text)] * 20)
    ),
    "admin_text.costs": lambda case: iter(
        admin_text.costs(Period("2026-11", NOW, NOW), total, ([total] * 60,) * 3, case.text)
        for total in (Expense(case.text, 0, 0.0, 0.0), Expense(case.text, 10**6, 1e9, 1e12))
    ),
    "policy_text.limits_of": lambda case: iter(
        policy_text.limits_of(case.text, limits) for limits in ({}, {case.text: 1e12})
    ),
    "policy_text.everybodys_limits": lambda case: iter(
        policy_text.everybodys_limits(rows)
        for rows in (
            [],
            [PersonLimits(user=case.text, limits={case.text: 1e12}, by=case.text, at=NOW)] * 60,
        )
    ),
    "connection_text.told": lambda case: iter(
        connection_text.told(connection_full_of(case.text, state)) for state in (None, *ConnectionState)
    ),
    "connection_text.forgotten": lambda _case: iter(
        connection_text.forgotten(was_there=each) for each in (True, False)
    ),
    "policy_text.banned": lambda case: policy_text.banned(case.text, case.text),
    "policy_text.allowed": lambda case: policy_text.allowed(case.text),
    "policy_text.forgotten": lambda case: policy_text.forgotten(case.text),
    "policy_text.decided": lambda case: iter(
        policy_text.decided(rules)
        for rules in (
            [],
            [
                RepositoryRule(pattern=case.text, is_allowed=each, by=case.text, at=NOW, reason=case.text)
                for each in (True, False) * 30
            ],
        )
    ),
    "drain_text.warning": lambda case: iter(
        drain_text.warning(case.row, case.text, until) for until in (None, NOW)
    ),
    "drain_text.begun": lambda _case: iter(drain_text.begun(until, 10**6, 10**6) for until in (None, NOW)),
    "drain_text.ended": lambda _case: iter(drain_text.ended(was_in_force=each) for each in (True, False)),
    "drain_text.empty": lambda _case: drain_text.empty(),
    "sharing.shared_now": lambda case: sharing.shared_now(case.row, shares_full_of(case.text)),
    "sharing.unshared": lambda case: iter(
        sharing.unshared(case.row, [case.text, "C1"] * 60, keep) for keep in ([], [case.text, "U1"] * 60)
    ),
    "replies.links": lambda case: messages.links(case.row),
    "log_text.log_of": lambda case: iter(
        messages.log_of(case.row, with_file=with_file) for with_file in (True, False)
    ),
    "approval_text.question": lambda case: iter(
        approval_text.question(case.row, question_full_of(case.text, state), case.text)
        for state in ApprovalState
    ),
    "help_request.help_preview": lambda case: help_request.help_preview(case.row, "C1", case.text),
    "help_request.help_request": lambda case: help_request.help_request(case.row, case.text),
    "replies.on_its_way": lambda _case: messages.on_its_way(),
    "replies.unsaved": lambda case: messages.unsaved(case.row),
    "replies.held": lambda case: messages.held(case.row, NOW),
    "replies.invitation": lambda _case: messages.invitation(),
    "launch_links.launch_link": lambda case: iter(
        launch_links.launch_link(case.row, host) for host in ("", "https://binder.example.org")
    ),
    "lists.listing": lambda case: messages.listing([case.row] * 60, NOW, "U1"),
    "help.form_offer": lambda _case: messages.form_offer(),
    "help.launch_offer": lambda case: messages.launch_offer(launched_by(case.text), case.text),
    "help.help_text": lambda _case: messages.help_text([("launch " + "x" * 200, "y" * 200)] * 100),
    "help.not_understood": lambda case: iter(
        messages.not_understood(case.text, meant, [("list", "show what is running")])
        for meant in (case.text, None)
    ),
    "candidates.which": lambda case: iter(
        candidates.which([case.row] * 60, typed, NOW, "U2") for typed in (case.text, "stop demo")
    ),
    "candidates.in_channel": lambda case: candidates.in_channel([case.row] * 60, NOW, "U2"),
    "digest.digest": lambda case: digest.digest([case.row] * 60, NOW, TERMS),
    "notices.notice": every_notice,
    "notices.kept": lambda case: notices.kept(case.row, held_by=Reason.BUDGET, guessed_zone=case.text),
    "notices.ends_in_site_zone": lambda case: notices.ends_in_site_zone(case.text, NOW, case.text),
    **{
        name: lambda case, make=make: make(case.text, lambda: case.row)  # type: ignore[misc] # bound early
        for name, make in CLASS_MESSAGES.items()
    },
}
"""Each message by the function that makes it, from one case."""

VIEWS: Mapping[str, Callable[[Case], list[Json]]] = {
    "approval_text.deny_form": lambda case: approval_text.deny_form(case.row)["blocks"],
    "launch_links.unfurled": lambda case: launch_links.unfurled(launched_by(case.text)),
    "more.more_view": lambda case: more.more_view(case.row, Offers(can_ask=True), set(Action), Origin("C1"))[
        "blocks"
    ],
    "more.answer_view": lambda case: more.answer_view(messages.links(case.row), "{}")["blocks"],
    "home_tab.home_of_mine": lambda case: home_tab.home_of_mine(mine_full_of(case), home_options(case)),
    "home_tab.home_of_everything": lambda case: home_tab.home_of_everything(
        Page([(case.row, Role.ADMIN)] * MOST_SHOWN, 50, 2_000, 1e9, [row_full_of(case.text)] * 60),
        home_options(case),
    ),
    "share_fields.share_form": lambda case: share_fields.share_form(
        case.row, shares_full_of(case.text), {"S1234567890": case.text}
    )["blocks"],
    "forms.launch_form": lambda case: forms.launch_form(
        form_facts_of(case), Origin("C1", f"https://example.org/{case.text}"), repository=case.text
    )["blocks"],
}
"""The blocks of each view."""

OPTIONS: Mapping[str, Callable[[Case], list[Json]]] = {
    "forms.ref_options": lambda case: forms.ref_options(case.text, [case.text, "main"] * 200),
    "share_fields.group_options": lambda case: share_fields.group_options(
        "", {f"S{number:09}": case.text for number in range(200)}
    ),
}
"""The options that are suggested while somebody types."""

TEXTS: Mapping[str, Callable[[Case], str]] = {
    "log_text.log_file_comment": lambda case: messages.log_file_comment(case.row),
    "archive_text.saved": lambda case: archive_text.saved(case.row, archive_full_of(case.text)),
}
"""Each text that is sent without blocks."""


def makers() -> set[str]:
    """The functions of `handlers.messages` that make something for Slack, by what they return."""
    found = set()
    for module in pkgutil.iter_modules(messages.__path__):
        members = vars(importlib.import_module(f"handlers.messages.{module.name}"))
        for name, each in members.items():
            if inspect.isfunction(each) and each.__module__ == f"handlers.messages.{module.name}":
                returned = inspect.signature(each, eval_str=True).return_annotation
                if not name.startswith("_") and returned in {Message, Json, list[Json]}:
                    found.add(f"{module.name}.{name}")
    return found - {"blocks.as_json", "modals.modal"}


def test_every_message_has_a_row() -> None:
    assert makers() == MESSAGES.keys() | VIEWS.keys() | OPTIONS.keys()


FULL = {"number": 10**6, "scope": "workspace", "what": "cost", "used": 1e9 + 0.5, "limit": 1e9}
STATES: list[dict[str, Any]] = [
    {"status": Status.BUILDING, "ready_at": None},
    {"status": Status.REQUESTED, "ready_at": None, "waits_for": WaitsFor.PLACE, "queue": FULL},
    {"status": Status.REQUESTED, "ready_at": None, "waits_for": WaitsFor.APPROVAL, "queue": {"until": NOW}},
    {"resumes": 1},
    {"status": Status.SHELVED, "target": Target.SHELVED},
    *[{"target": Target.GONE, "ended_at": NOW, "ending": ending} for ending in Ending],
    {"target": Target.GONE, "status": Status.GONE, "ended_at": NOW, "ending": Ending.EXPIRED},
    *[{"activity": each, "used_at": NOW, "idle_seconds": 60} for each in Activity],
]
CASES = [
    *[Case(row_full_of(LONGEST, **state), LONGEST) for state in STATES],
    *[Case(row_full_of(text), text) for text in HOSTILE_TEXTS],
    Case(binder(token="t" * 2_000), ""),
    Case(row_full_of(""), ""),
]


def differing(cases: Sequence[Case]) -> Iterator[Case]:
    """Leave out what would make the same again: the same text, where the binder was not looked at."""
    enough: set[str] = set()
    for case in cases:
        if case.text not in enough:
            case.is_looked_at = False
            yield case
            if not case.is_looked_at:
                enough.add(case.text)


WITH_TOKEN = {"replies.links", "seat_card.seat_card"}
"""What only one person reads."""


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", MESSAGES)
def test_slack_takes_every_message(name: str, language: str) -> None:
    with reading(language):
        for case in differing(CASES):
            for message in made(name, case):
                check(message)
                assert name in WITH_TOKEN or TOKEN not in str(message)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", VIEWS)
def test_slack_takes_every_view(name: str, language: str) -> None:
    with reading(language):
        for case in differing(CASES):
            assert problems(VIEWS[name](case), most=MAX_VIEW_BLOCKS) == []


@pytest.mark.parametrize("name", OPTIONS)
def test_slack_takes_every_suggestion(name: str) -> None:
    for case in CASES:
        element = {"type": "static_select", "action_id": "x", "options": OPTIONS[name](case)}
        row = {"type": "actions", "elements": [element]}
        assert element["options"] == [] or problems([row]) == []


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", TEXTS)
def test_slack_takes_every_text(name: str, language: str) -> None:
    with reading(language):
        for case in CASES:
            text = TEXTS[name](case)
            check(Message(text, []))
            assert len(text) <= MAX_SECTION


# --- for everybody to read -------------------------------------------------------------------------------

ORDINARY = [
    Case(binder(changed_files=0, notes=[], log="pip said this", **state), "What was said.")
    for state in STATES
]
_EMOJI = re.compile(r":[a-z_]+:")
_DATE = re.compile(r"<!date\^[^>]*>")


def made(name: str, case: Case) -> Iterator[Message]:
    messages_of = MESSAGES[name](case)
    yield from [messages_of] if isinstance(messages_of, Message) else messages_of


@cache
def ordinary(name: str, language: str = "en") -> Sequence[Message]:
    """What nothing is the matter with; several tests read the same messages."""
    with reading(language):
        return [message for case in differing(ORDINARY) for message in made(name, case)]


def spoken(markup: str) -> str:
    """Markup as a screen reader has it: without pictures and emphasis."""
    return " ".join(re.sub(r"[*`:]", "", _EMOJI.sub("", markup)).split())


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_needs_its_pictures_to_be_understood(name: str, language: str) -> None:
    for message in ordinary(name, language):
        for text in [message.text, *in_text(list(message.blocks))]:
            assert re.search(r"[^\W\d_]{2}", spoken(text)), text


@pytest.mark.parametrize("name", MESSAGES)
def test_the_text_of_a_message_begins_with_what_its_blocks_begin_with(name: str) -> None:
    for message in ordinary(name):
        said = spoken(first_words(message.blocks[0])).split(" · ")[0]
        assert said.rstrip(".") in spoken(message.text), message


def first_words(block: Mapping[str, Any]) -> str:
    text = block["title"] if block["type"] == "container" else block["text"]
    return str(text["text"]).partition("\n")[0]


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", MESSAGES)
def test_every_moment_is_in_the_time_zone_of_its_reader(name: str, language: str) -> None:
    for message in ordinary(name, language):
        for text in [message.text, *in_text(list(message.blocks))]:
            assert not re.search(r"\d:\d\d|20\d\d-|UTC", _DATE.sub("", text).replace("18:00", "")), text


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_needs_a_wide_screen(name: str, language: str) -> None:
    """A phone shows some forty characters in a line of code, and wraps nothing that is in columns."""
    for message in ordinary(name, language):
        for text in in_text(list(message.blocks)):
            columns = [line for line in text.split("```")[1::2] if re.search(r"\S {3,}\S", line)]
            assert columns == []
