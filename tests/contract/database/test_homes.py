"""Home tabs: who has to be shown theirs again, once however much changed, and by one replica."""

import pytest
from sqlalchemy import func, select

from storage import binders, homes, outbox, retention, shares
from storage.engine import Store
from storage.errors import LostLease
from storage.home_models import Home, HomeChange, HomeTab
from storage.homes import OwedHome
from storage.share_models import ShareKind
from storage.shares import Subject
from storage.vocabulary import Ending
from tests.contract.database.rows import launch, let_pass, together

GRACE = Subject(ShareKind.USER, "U2")
LAB = Subject(ShareKind.CHANNEL, "C9")


def visit(store: Store, user: str, team: str = "T1") -> None:
    with store.write() as session:
        homes.visit(session, team, user)


def claim(store: Store) -> OwedHome | None:
    with store.write() as session:
        is_due = homes.is_due(session)
        claimed = homes.claim(session, lease_seconds=60)
    assert is_due == (claimed is not None)
    return claimed


def shown(store: Store) -> list[str]:
    """Show all that is due; whose tabs that were, in order."""
    users = []
    while owed := claim(store):
        with store.write() as session:
            homes.shown(session, owed)
        users.append(owed.home.user)
    return users


def end(store: Store, binder_id: str) -> None:
    with store.write() as session:
        binders.end(session, binder_id, ending=Ending.STOPPED, by="U1")


def rows(store: Store) -> int:
    with store.read() as session:
        return sum(session.scalar(select(func.count(each.id))) or 0 for each in (Home, HomeChange))


def test_who_never_looked_costs_nothing(store: Store) -> None:
    end(store, launch(store).id)
    assert rows(store) == 0
    assert claim(store) is None


def test_who_opens_it_is_shown_it_at_once_and_again_only_when_it_is_old(store: Store) -> None:
    visit(store, "U1")
    assert shown(store) == ["U1"]
    visit(store, "U1")
    assert shown(store) == []
    let_pass(store, homes.FRESH_SECONDS + 1)
    visit(store, "U1")
    assert shown(store) == ["U1"]


def test_many_changes_are_shown_once(store: Store) -> None:
    visit(store, "U1")
    shown(store)
    for _ in range(3):
        end(store, launch(store).id)
    assert claim(store) is None  # a moment after the last time
    let_pass(store, 2)
    assert shown(store) == ["U1"]
    let_pass(store, 2)
    assert shown(store) == []


def test_the_heartbeat_of_a_build_is_no_change(store: Store) -> None:
    binder = launch(store)
    visit(store, "U1")
    shown(store)
    with store.write() as session:
        outbox.touch_card(session, binder.id, urgent=False)
    let_pass(store, 2)
    assert shown(store) == []


def test_all_who_have_a_binder_on_their_tab_are_shown_its_change(store: Store) -> None:
    for user in ("U1", "U2", "U3", "U4", "U5"):
        visit(store, user)
    visit(store, "U1", team="T2")
    with store.write() as session:
        homes.turn_to(session, "T1", "U5", HomeTab.EVERYTHING)
    binder = launch(store)
    with store.write() as session:
        shares.share(session, binder.id, [GRACE, LAB], manages=False, by="U1")
        shares.set_members(session, "C9", ["U3"])
    shown(store)
    let_pass(store, 2)
    end(store, binder.id)
    assert sorted(shown(store)) == ["U1", "U2", "U3", "U5"]


@pytest.mark.parametrize("how", ["share", "unshare", "join", "leave"])
def test_who_gets_or_loses_a_binder_is_shown_that(store: Store, how: str) -> None:
    binder = launch(store)
    visit(store, "U2")
    with store.write() as session:
        shares.share(session, binder.id, [LAB], manages=False, by="U1")
        if how == "unshare":
            shares.share(session, binder.id, [GRACE], manages=False, by="U1")
        if how == "leave":
            shares.set_members(session, "C9", ["U2"])
    shown(store)
    let_pass(store, 2)
    with store.write() as session:
        if how == "share":
            shares.share(session, binder.id, [GRACE], manages=False, by="U1")
        elif how == "unshare":
            shares.unshare(session, binder.id, ["U2"], by="U1")
        else:
            shares.set_members(session, "C9", ["U2"] if how == "join" else [])
    assert shown(store) == ["U2"]


def test_who_has_seen_nothing_yet_comes_first(store: Store) -> None:
    visit(store, "U1")
    shown(store)
    let_pass(store, homes.FRESH_SECONDS + 1)
    visit(store, "U1")
    visit(store, "U2")
    assert shown(store) == ["U2", "U1"]


def test_what_changes_while_it_is_shown_is_shown_after(store: Store) -> None:
    visit(store, "U1")
    owed = claim(store)
    assert owed
    end(store, launch(store).id)
    with store.write() as session:
        homes.shown(session, owed)
    let_pass(store, 2)
    assert shown(store) == ["U1"]


def test_a_crash_while_it_is_shown_loses_nothing(store: Store) -> None:
    visit(store, "U1")
    lost = claim(store)
    assert lost
    assert claim(store) is None
    let_pass(store, 61)
    owed = claim(store)
    assert owed
    with pytest.raises(LostLease), store.write() as session:
        homes.shown(session, lost)
    with store.write() as session:
        homes.shown(session, owed)
        homes.show_again(session, lost)  # what the first one showed may have come last
    let_pass(store, 2)
    assert shown(store) == ["U1"]


def test_a_restart_of_the_only_process_need_not_wait_for_the_lease(store: Store) -> None:
    visit(store, "U1")
    assert claim(store)
    with store.write() as session:
        homes.release_all(session)
    assert shown(store) == ["U1"]


def test_what_is_too_early_is_owed_later(store: Store) -> None:
    visit(store, "U1")
    owed = claim(store)
    assert owed
    with store.write() as session:
        homes.postpone(session, owed, 30)
    assert claim(store) is None
    let_pass(store, 31)
    assert shown(store) == ["U1"]


def test_a_turned_page_is_shown_at_once(store: Store) -> None:
    visit(store, "U1")
    shown(store)
    with store.write() as session:
        homes.turn_to(session, "T1", "U1", HomeTab.EVERYTHING, 2)
    owed = claim(store)
    assert owed
    assert (owed.home.tab, owed.home.page) == (HomeTab.EVERYTHING, 2)


def test_two_replicas_never_show_the_same_tab(store: Store) -> None:
    for number in range(8):
        visit(store, f"U{number}")
    claimed = [each.home.user for each in together(lambda _: claim_one(store)) if each]
    assert len(claimed) == len(set(claimed))


def claim_one(store: Store) -> OwedHome | None:
    with store.write() as session:
        return homes.claim(session, lease_seconds=60)


def test_who_does_not_come_back_is_forgotten(store: Store) -> None:
    visit(store, "U1")
    let_pass(store, retention.HOME_SECONDS + 1)
    visit(store, "U2")
    with store.write() as session:
        retention.prune(session, older_than=30 * 86_400.0)
    assert shown(store) == ["U2"]
    assert rows(store) == 1


def test_what_slack_does_not_take_is_dropped_until_it_is_opened_again(store: Store) -> None:
    visit(store, "U1")
    owed = claim(store)
    assert owed
    with store.write() as session:
        homes.drop(session, owed)
    end(store, launch(store).id)
    assert claim(store) is None
    visit(store, "U1")
    assert shown(store) == ["U1"]
