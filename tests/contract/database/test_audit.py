"""The audit on both databases: it only grows, it says what became of each act, and old rows are forgotten."""

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from storage import audit, binders, shares
from storage.audit import Act, AuditFilter
from storage.audit_models import Audit
from storage.engine import Store
from storage.vocabulary import Ending, Result
from tests.contract.database.rows import launch

FOREVER = 9e12


def note(store: Store, event: str, binder_id: str | None = None, actor: str = "U1") -> None:
    with store.write() as session:
        audit.record(session, actor, event, binder_id)


def rows(store: Store, wanted: AuditFilter = AuditFilter()) -> list[Audit]:  # noqa: B008 - it cannot change
    with store.read() as session:
        return list(audit.stream(session, wanted))


def events(store: Store, wanted: AuditFilter = AuditFilter()) -> list[str]:  # noqa: B008 - it cannot change
    return [each.event for each in rows(store, wanted)]


@pytest.mark.parametrize(
    "change",
    [
        update(Audit).values(actor="U2"),
        update(Audit).where(Audit.event == "login").values(result=Result.REFUSED),
        delete(Audit),
        text("DELETE FROM audit WHERE event = 'login'"),
    ],
    ids=str,
)
def test_nobody_changes_or_deletes_a_row(store: Store, change: object) -> None:
    note(store, "login")
    with pytest.raises(DBAPIError, match="append-only"), store.write() as session:
        session.execute(change)  # type: ignore[call-overload] # each is a statement
    assert events(store) == ["login"]


def test_postgresql_does_not_empty_it_either(postgresql: Store) -> None:
    note(postgresql, "login")
    with pytest.raises(DBAPIError, match="append-only"), postgresql.write() as session:
        session.execute(text("TRUNCATE audit"))


def test_retention_deletes_what_is_old_and_nothing_else_may(store: Store) -> None:
    note(store, "old")
    with store.write() as session:
        horizon = store.now()
    note(store, "new")
    with store.write() as session:
        assert audit.forget(session, before=horizon) == 1
    assert events(store) == ["new"]
    with pytest.raises(DBAPIError, match="append-only"), store.write() as session:
        session.execute(delete(Audit))


def test_what_was_done_with_a_binder_stays_while_it_is_there(store: Store) -> None:
    binder = launch(store)
    with store.write() as session:
        shares.note_opened(session, binder.id, "U2")
        assert audit.forget(session, before=FOREVER) == 0
        assert shares.opened_by(session, binder.id) == {"U2"}


def test_who_was_refused_the_links_did_not_open_it(store: Store) -> None:
    binder = launch(store)
    with store.write() as session:
        audit.settle(session, Act("U2", event="open", binder_id=binder.id, refusal="No."))
        assert shares.opened_by(session, binder.id) == set()


def test_a_row_says_how_it_was_asked_for_and_with_what(store: Store) -> None:
    binder = launch(store)
    act = Act("U1", "T1", "C1", "button")
    with audit.acting(act), store.write() as session:
        assert binders.end(session, binder.id, ending=Ending.STOPPED, by="U1")
    *_, row = rows(store)
    assert (row.event, row.binder_id, row.way, row.channel, row.team_id) == (
        "end",
        binder.id,
        "button",
        "C1",
        "T1",
    )
    assert (row.result, row.sentence) == (Result.DONE, None)
    assert not act.is_to_be_settled


def test_what_nobody_asked_for_is_of_the_workspace_of_its_binder(store: Store) -> None:
    binder = launch(store, team_id="T9")
    note(store, "sweep", None, "bot")
    assert [(each.team_id, each.way) for each in rows(store)] == [("T9", ""), (None, "")]
    assert events(store, AuditFilter(binder_id=binder.id)) == ["launch"]


@pytest.mark.parametrize(
    ("act", "result", "sentence"),
    [
        (Act("U1", event="stop", refusal="No."), Result.REFUSED, "No."),
        (Act("U1", event="stop", failure="It broke."), Result.FAILED, "It broke."),
        (Act("U1", event="open", is_owed=True), Result.DONE, None),
    ],
)
def test_what_wrote_nothing_is_settled(store: Store, act: Act, result: Result, sentence: str | None) -> None:
    assert act.is_to_be_settled
    with store.write() as session:
        audit.settle(session, act)
    [row] = rows(store)
    assert (row.result, row.sentence, row.event) == (result, sentence, act.event)


@pytest.mark.parametrize(
    "act",
    [
        Act("U1", refusal="No such binder."),
        Act("U1", event="stop"),
        Act("U1", event="open", is_owed=True, is_recorded=True),
    ],
)
def test_what_is_only_looked_at_or_stands_there_already_is_not(act: Act) -> None:
    assert not act.is_to_be_settled


def test_it_is_read_in_order_and_by_who_when_and_where(store: Store) -> None:
    with store.write() as session:
        for number in range(1200):
            session.add(Audit(at=float(number), team_id="T1", actor=f"U{number % 2}", event=f"e{number}"))
    assert events(store) == [f"e{number}" for number in range(1200)]
    assert events(store, AuditFilter(actor="U1", since=1190)) == ["e1191", "e1193", "e1195", "e1197", "e1199"]
    assert events(store, AuditFilter(team_id="T2")) == []
    with store.read() as session:
        last = audit.newest(session, AuditFilter(team_id="T1"), limit=2)
    assert [each.event for each in last] == ["e1199", "e1198"]


def test_detail_is_kept(store: Store) -> None:
    with store.write() as session:
        audit.record(session, "U1", "drain", None, setting="drain", until=1.0)
    with store.read() as session:
        row = session.scalars(select(Audit)).one()
    assert (row.setting, row.detail) == ("drain", {"until": 1.0})
