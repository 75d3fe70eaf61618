"""The queue over both databases: who begins is decided once, and no quota is exceeded by any crowd."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from bot.binders.admission import LOOK_AGAIN_SECONDS, Admission, QueueKeeper
from bot.errors import CloudUnreachable
from bot.policy.quotas import read_quotas
from bot.tokens import new_id
from storage import binders, draining, policies, queue, shares
from storage.engine import Store
from storage.models import Binder
from storage.vocabulary import Ending, Status, Target, WaitsFor
from tests.contract.database.rows import new_binder, together

SITE = Admission(read_quotas("site=binders:2+vcpus:8,S1=binders:1,C7=binders:1"))


def ask(store: Store, admission: Admission = SITE, **changes: Any) -> Binder:
    """Launch something that takes a vCPU; it begins or waits in the same transaction."""
    with store.write() as session:
        given = {
            "id": new_id(),
            "request_key": new_id(),
            "url": f"https://github.com/o/{new_id()}",
            "vcpus": 1,
        }
        row = new_binder(**(given | {"waits_for": WaitsFor.PLACE, "waits_since": store.now()} | changes))
        added = binders.add(session, row, wanted_name="demo").binder
        admission.run(session)
        session.refresh(added)
        return added


def begun(store: Store) -> set[str]:
    with store.read() as session:
        return set(session.scalars(binders_that_began()))


def binders_that_began() -> Any:
    return Binder.__table__.select().with_only_columns(Binder.id).where(Binder.waits_for.is_(None))


def gone(store: Store, binder_id: str) -> None:
    with store.write() as session:
        binders.end(session, binder_id, ending=Ending.STOPPED, by="U1")
        row = session.get_one(Binder, binder_id)
        row.status, row.gone_at = Status.GONE, store.now()


def keeper(store: Store, vcpus: Any = lambda _size: 1, clock: Any = lambda: 0.0) -> QueueKeeper:
    return QueueKeeper(store, SITE, vcpus, clock=clock)


def row_of(store: Store, binder_id: str) -> Binder:
    with store.read() as session:
        return session.get_one(Binder, binder_id)


def test_what_fits_begins_at_once_and_the_rest_has_a_place(store: Store) -> None:
    rows = [ask(store, owner=f"U{number}") for number in range(4)]
    assert [each.waits_for for each in rows] == [None, None, WaitsFor.PLACE, WaitsFor.PLACE]
    place = {"scope": "site", "what": "binders", "used": 2.0, "limit": 2.0}
    assert [each.queue for each in rows[2:]] == [{"number": 1, **place}, {"number": 2, **place}]
    assert list(rows[0].stages) == ["repository"]


def test_the_next_begins_when_one_is_gone_and_its_lifetime_begins_then(store: Store) -> None:
    rows = [ask(store, owner=f"U{number}", ends_at=store.now() + 60) for number in range(4)]
    ticking = keeper(store)
    ticking.tick()
    gone(store, rows[0].id)
    with store.write() as session:
        session.get_one(Binder, rows[2].id).waits_since = store.now() - 600
    ticking.tick()
    first = row_of(store, rows[2].id)
    assert first.waits_for is None
    assert first.ends_at >= rows[2].ends_at + 600
    assert row_of(store, rows[3].id).queue["number"] == 1
    assert first.next_at == 0.0


def test_what_is_cancelled_holds_no_place(store: Store) -> None:
    rows = [ask(store, owner=f"U{number}") for number in range(4)]
    gone(store, rows[2].id)
    ticking = keeper(store)
    ticking.tick()
    assert row_of(store, rows[3].id).queue["number"] == 1
    gone(store, rows[0].id)
    ticking.tick()
    assert row_of(store, rows[3].id).waits_for is None


def test_replicas_and_requests_at_once_exceed_nothing(store: Store) -> None:
    ticking = [keeper(store) for _ in range(2)]

    def work(number: int) -> None:
        for _ in range(3):
            ask(store, owner=f"U{number}")
            ticking[number % 2].tick()

    together(work, 4)
    assert len(begun(store)) == 2
    for _ in range(5):
        for each in begun(store):
            if row_of(store, each).status != Status.GONE:
                gone(store, each)
        together(lambda _: keeper(store).tick(), 4)
        with store.read() as session:
            assert sum(each.binders for each in queue.held(session)) == 2
    assert len(begun(store)) == 12


def test_nothing_is_counted_where_nothing_waits_or_nothing_changed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[None] = []
    held = queue.held

    def counting(session: Session) -> Any:
        counted.append(None)
        return held(session)

    monkeypatch.setattr(queue, "held", counting)
    now = [0.0]
    ticking = keeper(store, clock=lambda: now[0])
    ticking.tick()
    assert counted == []
    rows = [ask(store, owner=f"U{number}") for number in range(3)]
    ticking.tick()
    counted.clear()
    for _ in range(5):
        ticking.tick()
    assert counted == []
    gone(store, rows[0].id)
    ticking.tick()
    assert counted == [None]
    ask(store, owner="U9")
    now[0] += LOOK_AGAIN_SECONDS
    counted.clear()
    ticking.tick()
    assert counted == [None]


def test_a_size_of_which_nobody_knows_the_vcpus_waits_until_the_cloud_tells(store: Store) -> None:
    row = ask(store, vcpus=None)
    assert (row.waits_for, row.queue) == (WaitsFor.PLACE, {})

    def unreachable(_size: str) -> int:
        raise CloudUnreachable("It does not answer.")

    keeper(store, unreachable).tick()
    assert row_of(store, row.id).waits_for == WaitsFor.PLACE
    keeper(store, lambda _size: 8).tick()
    assert (row_of(store, row.id).waits_for, row_of(store, row.id).vcpus) == (None, 8)
    assert ask(store, owner="U2").queue["what"] == "vcpus"


def test_nobody_waits_for_the_vcpus_of_a_size_where_nothing_limits_them(store: Store) -> None:
    admission = Admission(read_quotas("site=binders:2"))
    assert ask(store, admission, vcpus=None).waits_for is None
    with store.write() as session:
        policies.set_limits(session, "T1", "U9", {"vcpus": 4}, by="UADA")
    assert ask(store, admission, vcpus=None).waits_for == WaitsFor.PLACE


def test_nothing_begins_while_an_admin_drains_the_site_and_what_waits_does_not_keep_it_from_being_empty(
    store: Store,
) -> None:
    rows = [ask(store, owner=f"U{number}") for number in range(3)]
    with store.write() as session:
        draining.begin(session, by="UADA", team_id="T1", until=None)
    for each in rows[:2]:
        gone(store, each.id)
    keeper(store).tick()
    assert row_of(store, rows[2].id).waits_for == WaitsFor.PLACE
    with store.write() as session:
        assert draining.count_running(session) == 0
        draining.end(session, by="UADA")
    keeper(store).tick()
    assert row_of(store, rows[2].id).waits_for is None


def test_what_can_never_fit_any_more_fails(store: Store) -> None:
    row = ask(store, vcpus=9)
    assert (row.target, row.ending) == (Target.GONE, Ending.FAILED)
    assert "does not fit" in str(row.failure)


def test_the_members_of_a_group_share_its_quota(store: Store) -> None:
    with store.write() as session:
        shares.name_groups(session, {"S1"})
        shares.set_members(session, "S1", {"U1", "U2"})
    assert ask(store, owner="U1").waits_for is None
    assert ask(store, owner="U2").queue["scope"] == "group"
    assert ask(store, owner="U3").waits_for is None


def test_a_channel_may_have_a_quota_of_its_own(store: Store) -> None:
    assert ask(store, owner="U1", channel="C7").waits_for is None
    assert ask(store, owner="U2", channel="C7").queue["scope"] == "channel"
    assert ask(store, owner="U3", channel="C8").waits_for is None


def test_limits_of_ones_own_replace_those_for_everybody(store: Store) -> None:
    admission = Admission(read_quotas("person=vcpus:2,site=vcpus:99"))
    with store.write() as session:
        policies.set_limits(session, "T1", "U2", {"vcpus": 4}, "UADA")
        policies.set_limits(session, "T1", "U3", {"binders": 0, "hours": 1}, "UADA")
    assert ask(store, admission, owner="U2", vcpus=3).waits_for is None
    assert ask(store, admission, owner="U1", vcpus=3).ending == Ending.FAILED
    assert ask(store, admission, owner="U3", vcpus=1).ending == Ending.FAILED


@pytest.mark.parametrize(("what", "limit"), [("hours", 3), ("cost", 30)])
def test_hours_and_costs_count_what_ran_and_nothing_that_failed(store: Store, what: str, limit: int) -> None:
    admission = Admission(read_quotas(f"person={what}:{limit}"))
    now = store.now()
    ran = {"price_per_hour": 10.0, "status": Status.GONE, "target": Target.GONE, "waits_for": None}
    ask(store, admission, owner="U1", ended_at=now - 60, ready_at=None, **ran)
    assert ask(store, admission, owner="U1").waits_for is None
    ask(store, admission, owner="U1", ended_at=now - 60, ready_at=now - 60 - 3 * 3600, **ran)
    waiting = ask(store, admission, owner="U1")
    assert (waiting.queue["what"], waiting.queue["used"], waiting.queue["limit"]) == (what, limit, limit)
    assert ask(store, admission, owner="U2").waits_for is None


def test_the_seats_of_a_class_count_for_the_site_and_for_nobodys_own_quota(store: Store) -> None:
    admission = Admission(read_quotas("person=vcpus:1,site=binders:3"))
    seats = [ask(store, admission, owner="U1", class_id="K1") for _ in range(2)]
    assert [each.waits_for for each in seats] == [None, None]
    assert ask(store, admission, owner="U1").waits_for is None
    assert ask(store, admission, owner="U1", class_id="K1", ends_at=5.0).queue["scope"] == "site"
