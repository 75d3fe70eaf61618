"""Launching, naming, finding and ending binders."""

from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from bot.sentences import Sentence
from storage import binders
from storage.audit_models import Audit
from storage.engine import Store
from storage.models import Binder, OutboxMessage
from storage.vocabulary import Ending, MessageKind, Status, Target
from tests.contract.database.rows import TOKEN, binder_of, launch, launched, let_pass, new_binder, together


def audited(store: Store, binder_id: str) -> list[tuple[str, str, dict[str, object]]]:
    with store.read() as session:
        query = select(Audit).where(Audit.binder_id == binder_id).order_by(Audit.id)
        return [(each.actor, each.event, each.detail) for each in session.scalars(query)]


def gone(store: Store, binder_id: str) -> None:
    with store.write() as session:
        values = {"status": Status.GONE, "target": Target.GONE, "gone_at": store.now()}
        session.execute(update(Binder).where(Binder.id == binder_id).values(values))


def test_a_launch_owes_its_card_and_is_audited(store: Store) -> None:
    binder = launch(store, url="https://example.org/r", ref="main", size="large")
    with store.read() as session:
        owed = session.scalars(select(OutboxMessage)).all()
    assert [(each.kind, each.key, each.binder_id) for each in owed] == [
        (MessageKind.CARD, f"card:{binder.id}", binder.id)
    ]
    detail = {"url": "https://example.org/r", "ref": "main", "size": "large"}
    assert audited(store, binder.id) == [("U1", "launch", detail)]


def test_a_launch_that_is_taken_back_leaves_nothing(store: Store) -> None:
    def refuse() -> None:
        with store.write() as session:
            binders.add(session, new_binder(id="refused"), wanted_name="repo")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        refuse()
    with store.read() as session:
        assert binders.existing_ids(session) == []
        assert session.scalars(select(OutboxMessage)).all() == []
    assert audited(store, "refused") == []


def test_identical_commands_at_once_give_one_binder(store: Store) -> None:
    added = together(lambda index: launched(store, request_key=f"k{index}", url="https://example.org/r"))
    assert sum(each.is_new for each in added) == 1
    assert len({each.binder.id for each in added}) == 1


def test_one_request_delivered_many_times_gives_one_binder(store: Store) -> None:
    added = together(lambda index: launched(store, request_key="k", url=f"https://example.org/{index}"))
    assert sum(each.is_new for each in added) == 1
    assert len({each.binder.id for each in added}) == 1


def test_one_request_is_the_same_one_forever(store: Store) -> None:
    first = launch(store, request_key="k")
    gone(store, first.id)
    let_pass(store, 3600)
    again = launched(store, request_key="k")
    assert (again.binder.id, again.is_new) == (first.id, False)


def test_an_identical_launch_is_a_new_one_after_a_minute(store: Store) -> None:
    first = launch(store, url="u")
    let_pass(store, binders.TWIN_SECONDS - 10)
    assert launched(store, url="u").binder.id == first.id
    let_pass(store, 11)
    assert launched(store, url="u").is_new


def test_an_identical_launch_is_a_new_one_after_the_end_of_the_first(store: Store) -> None:
    first = launch(store, url="u")
    with store.write() as session:
        binders.end(session, first.id, ending=Ending.STOPPED, by="U1")
    assert launched(store, url="u").is_new


@pytest.mark.parametrize(
    "other",
    [
        {"team_id": "T2"},
        {"owner": "U2"},
        {"channel": "C2"},
        {"url": "u2"},
        {"ref": None},
        {"path": "a.ipynb"},
        {"interface": "lab"},
        {"size": "large"},
        {"without_conda": True},
        {"rebuild": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_launch_that_differs_is_no_twin(store: Store, other: dict[str, Any]) -> None:
    launch(store, url="u", ref="main")
    assert launched(store, **({"url": "u", "ref": "main"} | other)).is_new


def test_names_get_numbers(store: Store) -> None:
    first = launch(store)
    assert [launch(store).name for _ in range(2)] == ["repo-2", "repo-3"]
    assert launch(store, team_id="T2").name == "repo"
    gone(store, first.id)
    assert [launch(store).name for _ in range(2)] == ["repo", "repo-4"]


def test_names_differ_even_for_launches_at_once(store: Store) -> None:
    added = together(lambda index: launch(store, owner=f"U{index}", is_private=False))
    assert sorted(each.name for each in added) == ["repo", *(f"repo-{n}" for n in range(2, 9))]


def test_a_long_name_still_gets_its_number(store: Store) -> None:
    names = [launch(store, "x" * 80).name for _ in range(2)]
    assert names == ["x" * 64, "x" * 62 + "-2"]


def test_live_means_the_same_in_python_and_in_sql(store: Store) -> None:
    rows = [launch(store, id=target.value, url=target.value, target=target) for target in Target]
    with store.read() as session:
        live = set(session.scalars(select(Binder.id).where(Binder.is_live)))
    assert live == {each.id for each in rows if each.is_live} == {"ready", "shelved"}


def test_what_is_not_gone_can_be_listed(store: Store) -> None:
    first, second, others = (
        launch(store, created_at=2.0),
        launch(store, created_at=1.0),
        launch(store, owner="U2"),
    )
    gone(store, launch(store).id)
    elsewhere = launch(store, team_id="T2")
    with store.read() as session:
        assert [each.id for each in binders.existing(session, "T1", owner="U1")] == [second.id, first.id]
        assert {each.id for each in binders.existing(session, "T1")} == {first.id, second.id, others.id}
        assert set(binders.existing_ids(session)) == {first.id, second.id, others.id, elsewhere.id}


def test_a_name_finds_the_live_binder_else_the_newest(store: Store) -> None:
    old, newer = launch(store, created_at=10.0), launch(store, created_at=20.0, name="")
    with store.write() as session:
        session.execute(update(Binder).values(name="repo"))

    def found(name: str, team: str = "T1") -> str | None:
        with store.read() as session:
            binder = binders.named(session, team, name, user="U1")
        return None if binder is None else binder.id

    assert found("repo") == newer.id
    gone(store, newer.id)
    assert found("repo") == old.id
    gone(store, old.id)
    assert found("repo") == newer.id
    assert found(old.id) == old.id
    assert found("repo", "T2") is None


@pytest.mark.parametrize("is_private", [True, None])
def test_a_private_binder_takes_no_name_away_from_others(store: Store, *, is_private: bool | None) -> None:
    secret = launch(store, owner="U1", is_private=is_private)
    public = launch(store, owner="U2", is_private=False)
    assert (secret.name, public.name) == ("repo", "repo")
    assert launch(store, owner="U1", is_private=is_private).name == "repo-2"

    def found(user: str) -> str:
        with store.read() as session:
            binder = binders.named(session, "T1", "repo", user=user)
        assert binder is not None
        return binder.id

    assert (found("U1"), found("U2"), found("U3")) == (secret.id, public.id, public.id)
    gone(store, public.id)
    assert (found("U1"), found("U2"), found("U3")) == (secret.id, public.id, public.id)


def test_a_channel_turns_out_to_be_private_or_not(store: Store) -> None:
    binder = launch(store)
    for is_private in (True, False):
        with store.write() as session:
            binders.note_privacy(session, binder.id, is_private=is_private)
        assert binder_of(store, binder.id).is_private is is_private


def test_a_thread_leads_to_its_binder(store: Store) -> None:
    binder = launch(store)
    with store.write() as session:
        binders.set_thread(session, binder.id, "C1", "1.5")
    with store.read() as session:
        found = binders.of_thread(session, "C1", "1.5")
        assert found is not None
        assert found.id == binder.id
        assert binders.of_thread(session, "C1", "2.5") is None
        assert binders.of_thread(session, "C2", "1.5") is None


def test_a_thread_is_lost_once_and_only_while_it_is_the_one(store: Store) -> None:
    binder = launch(store)
    with store.write() as session:
        binders.set_thread(session, binder.id, "C1", "1.5")
    with store.write() as session:
        assert not binders.lose_thread(session, binder.id, "1.4")
        assert binders.lose_thread(session, binder.id, "1.5")
        assert not binders.lose_thread(session, binder.id, "1.5")
    found = binder_of(store, binder.id)
    assert (found.thread_channel, found.thread_ts) == ("C1", None)


def test_the_first_to_end_a_binder_is_the_one_who_did(store: Store) -> None:
    binder = launch(store)

    def end(index: int) -> bool:
        with store.write() as session:
            return binders.end(session, binder.id, ending=Ending.STOPPED, by=f"U{index}")

    told = together(end)
    assert sum(told) == 1
    by = f"U{told.index(True)}"
    row = binder_of(store, binder.id)
    assert (row.target, row.ending, row.ended_by, row.generation) == (Target.GONE, Ending.STOPPED, by, 2)
    assert row.ended_at == pytest.approx(store.now(), abs=30)
    assert audited(store, binder.id)[1:] == [(by, "end", {"ending": "stopped"})]


def test_an_end_changes_the_card_once(store: Store) -> None:
    binder = launch(store)
    for _ in range(2):
        with store.write() as session:
            binders.end(session, binder.id, ending=Ending.EXPIRED, by="bot")
    with store.read() as session:
        [card] = session.scalars(select(OutboxMessage)).all()
    assert card.version == 2


def test_what_nobody_launched_cannot_be_ended(store: Store) -> None:
    with store.write() as session:
        assert not binders.end(session, "unknown", ending=Ending.STOPPED, by="U1")
    assert audited(store, "unknown") == []


def test_the_cloud_should_hold_nothing_of_what_is_unknown_or_gone(store: Store) -> None:
    kept, old = launch(store), launch(store)
    gone(store, old.id)
    with store.read() as session:
        assert binders.unknown_or_gone(session, [kept.id, old.id, "unknown"]) == {old.id, "unknown"}
        assert binders.unknown_or_gone(session, []) == set()


def test_no_text_of_a_binder_or_of_an_error_shows_secrets(store: Store) -> None:
    binder = launch(store, response_url="https://hooks.example.org/secret")
    assert repr(binder) == f"<Binder {binder.id} requested/ready>"
    with pytest.raises(IntegrityError) as caught, store.write() as session:
        session.add(new_binder(request_key=binder.request_key, name="n", response_url="https://x/secret"))
    assert TOKEN not in str(caught.value)
    assert "/secret" not in str(caught.value)


def test_the_sentence_of_an_error_is_kept_as_the_text_that_it_is(store: Store) -> None:
    said = Sentence("There is no host {host}.", host="x{y}")
    binder = launch(store)
    with store.write() as session:
        session.execute(update(Binder).where(Binder.id == binder.id).values(failure=said, notes=[said]))
    kept = binder_of(store, binder.id)
    assert (kept.failure, kept.notes) == ("There is no host x{y}.", ["There is no host x{y}."])
    assert type(kept.failure) is str
