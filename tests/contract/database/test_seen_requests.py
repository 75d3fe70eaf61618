"""Which requests of Slack were taken, on both databases."""

from storage import seen_requests
from storage.engine import Store, unix_now
from storage.lease_models import SeenRequest
from tests.contract.database.rows import together


def test_each_key_is_taken_once(store: Store) -> None:
    for key, is_new in (("v0=a", True), ("event:1", True), ("v0=a", False), ("event:1", False)):
        with store.write() as session:
            assert seen_requests.take(session, key) is is_new


def test_of_many_at_once_one_takes_a_key(store: Store) -> None:
    def take(_: int) -> bool:
        with store.write() as session:
            return seen_requests.take(session, "v0=a")

    assert sum(together(take, 8)) == 1


def test_what_was_given_back_can_be_taken_again(store: Store) -> None:
    with store.write() as session:
        seen_requests.take(session, "event:1")
        seen_requests.give_back(session, "event:1")
        assert seen_requests.take(session, "event:1")


def test_what_cannot_come_again_is_forgotten(store: Store) -> None:
    with store.write() as session:
        assert all(seen_requests.take(session, key) for key in ("old", "new"))
        old = session.get_one(SeenRequest, "old")
        old.at = unix_now() - seen_requests.REMEMBERED_SECONDS - 1
        session.flush()
        seen_requests.forget(session)
    with store.read() as session:
        assert [each.key for each in session.query(SeenRequest)] == ["new"]
