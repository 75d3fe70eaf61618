"""Shares: who may see and manage a binder, by themselves or as a member of a channel or group."""

import pytest
from sqlalchemy import select

from storage import binders, retention, shares
from storage.engine import Store
from storage.models import Ending, Status
from storage.share_models import Audience, AudienceMember, Share, ShareKind
from storage.shares import Subject
from tests.contract.database.rows import binder_of, launch, let_pass, together

GRACE = Subject(ShareKind.USER, "U2")
LAB = Subject(ShareKind.CHANNEL, "C9")
TEAM = Subject(ShareKind.GROUP, "S9")


def share(store: Store, binder_id: str, *subjects: Subject, manages: bool = False) -> list[Subject]:
    with store.write() as session:
        return shares.share(session, binder_id, subjects, manages=manages, by="U1")


def rights(store: Store, user: str, binder_id: str | None = None) -> dict[str, bool]:
    with store.read() as session:
        return shares.rights(session, user, binder_id)


def set_members(store: Store, subject: Subject, *users: str) -> set[str]:
    with store.write() as session:
        return shares.set_members(session, subject.id, users)


def claim(store: Store, older_than: float = 300.0) -> list[Subject]:
    with store.write() as session:
        is_due = shares.is_audience_due(session, older_than=older_than)
        claimed = shares.claim_audiences(session, older_than=older_than)
    assert is_due or not claimed
    return claimed


def test_a_person_sees_what_is_shared_with_them_and_nothing_else(store: Store) -> None:
    shared, other = launch(store), launch(store)
    assert share(store, shared.id, GRACE) == [GRACE]
    assert rights(store, "U2") == {shared.id: False}
    assert rights(store, "U2", other.id) == rights(store, "U3") == {}


def test_to_share_twice_is_to_share_once_and_a_right_can_change(store: Store) -> None:
    row = launch(store)
    assert share(store, row.id, GRACE) == [GRACE]
    assert share(store, row.id, GRACE) == []
    assert share(store, row.id, GRACE, manages=True) == [GRACE]
    assert rights(store, "U2") == {row.id: True}


def test_of_several_who_share_at_once_one_is_the_first(store: Store) -> None:
    row = launch(store)
    assert sorted(together(lambda _: len(share(store, row.id, GRACE)), 4)) == [0, 0, 0, 1]


@pytest.mark.parametrize("subject", [LAB, TEAM], ids=["channel", "group"])
def test_its_members_see_it_as_soon_as_they_are_known(store: Store, subject: Subject) -> None:
    row = launch(store)
    share(store, row.id, subject, manages=True)
    assert rights(store, "U2") == {}
    assert set_members(store, subject, "U2", "U3") == {"U2", "U3"}
    assert rights(store, "U2", row.id) == {row.id: True}
    assert set_members(store, subject, "U3", "U4") == {"U4"}
    assert rights(store, "U2") == {}


def test_the_widest_of_several_rights_counts(store: Store) -> None:
    row = launch(store)
    share(store, row.id, GRACE, manages=True)
    share(store, row.id, LAB)
    set_members(store, LAB, "U2")
    assert rights(store, "U2") == {row.id: True}


def test_to_unshare_takes_the_right_away_at_once_and_says_whose_it_was(store: Store) -> None:
    row = launch(store)
    share(store, row.id, GRACE, LAB)
    set_members(store, LAB, "U3")
    with store.write() as session:
        assert shares.unshare(session, row.id, ["U2", "C9", "U7"], by="U1") == [LAB, GRACE]
    assert rights(store, "U2") == rights(store, "U3") == {}


def test_what_is_shared_with_somebody_is_listed_until_it_is_gone(store: Store) -> None:
    row, own = launch(store), launch(store, owner="U2")
    share(store, row.id, GRACE)
    share(store, own.id, LAB)
    set_members(store, LAB, "U2")

    def listed() -> list[str]:
        with store.read() as session:
            return [each.id for each in shares.existing(session, "T1", "U2")]

    assert listed() == [row.id]
    with store.write() as session:
        binders.save(session, binder_of(store, row.id), {"status": Status.GONE})
    assert listed() == []


def test_a_name_means_what_is_shared_before_what_is_private(store: Store) -> None:
    shared = launch(store, "demo", is_private=True)
    private = launch(store, "demo", is_private=True, owner="U9")
    assert shared.name == private.name == "demo"
    share(store, shared.id, GRACE)
    with store.read() as session:
        found = binders.named(session, "T1", "demo", user="U2")
    assert found is not None
    assert found.id == shared.id


def test_members_are_asked_for_at_once_then_from_time_to_time_by_one_replica(store: Store) -> None:
    row = launch(store)
    share(store, row.id, GRACE, LAB)
    assert sorted(map(len, together(lambda _: claim(store), 4))) == [0, 0, 0, 1]
    assert claim(store) == []
    let_pass(store, 301)
    assert claim(store) == [LAB]
    with store.write() as session:
        shares.ask_again(session, LAB.id)
    assert claim(store) == [LAB]


def test_of_several_the_one_that_was_asked_longest_ago_is_next(store: Store) -> None:
    row = launch(store)
    share(store, row.id, LAB, TEAM)
    first, second = claim(store), claim(store)
    assert sorted([*first, *second], key=lambda each: each.id) == [LAB, TEAM]
    assert claim(store) == []
    let_pass(store, 301)
    assert claim(store) == first


def test_nobody_is_asked_about_what_is_shared_no_longer_and_it_is_forgotten(store: Store) -> None:
    row = launch(store)
    share(store, row.id, LAB, TEAM)
    set_members(store, LAB, "U2")
    with store.write() as session:
        shares.unshare(session, row.id, [LAB.id], by="U1")
        binders.end(session, row.id, ending=Ending.STOPPED, by="U1")
    assert claim(store) == [TEAM]
    with store.write() as session:
        retention.prune(session, older_than=0.0)
    with store.read() as session:
        assert session.scalars(select(Audience.subject)).all() == [TEAM.id]
        assert session.scalars(select(AudienceMember)).all() == []


def test_the_shares_of_a_binder_go_with_it(store: Store) -> None:
    row = launch(store)
    share(store, row.id, GRACE)
    with store.write() as session:
        binders.save(session, binder_of(store, row.id), {"status": Status.GONE, "gone_at": 1.0})
        retention.prune(session, older_than=0.0)
    with store.read() as session:
        assert session.scalars(select(Share)).all() == []


def test_who_got_links_is_known(store: Store) -> None:
    row = launch(store)
    with store.write() as session:
        for user in ("U2", "U2", "U3"):
            shares.note_opened(session, row.id, user)
    with store.read() as session:
        assert shares.opened_by(session, row.id) == {"U2", "U3"}


def test_the_live_binders_of_an_audience_are_found(store: Store) -> None:
    live, ended = launch(store), launch(store)
    for each in (live, ended):
        share(store, each.id, TEAM)
    with store.write() as session:
        binders.end(session, ended.id, ending=Ending.STOPPED, by="U1")
    with store.read() as session:
        assert [row.id for row, _ in shares.live_in(session, TEAM.id)] == [live.id]
