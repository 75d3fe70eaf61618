"""What there is of everything, counted by both databases with as many queries for many rows as for none."""

from sqlalchemy import event

from storage import binders, census, leases, outbox
from storage.census import Census, Group
from storage.engine import Store
from storage.models import BuiltImage
from storage.vocabulary import ImageState, MessageKind, Status, WaitsFor
from tests.contract.database.rows import launch, let_pass, post_card


def taken(store: Store) -> tuple[Census, int]:
    """The census, and how many statements it took."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    try:
        with store.read() as session:
            return census.take(session), len([each for each in statements if each.startswith("SELECT")])
    finally:
        event.remove(store.engine, "before_cursor_execute", note)


def test_an_empty_database_has_nothing(store: Store) -> None:
    found, _ = taken(store)
    assert found == Census([], 0, 0, 0.0, {"binders": 0, "work": 0}, {}, 0)


def test_the_card_of_an_old_binder_is_no_old_message(store: Store) -> None:
    binder = launch(store)
    post_card(store, binder.id)
    let_pass(store, 10_000)
    with store.write() as session:
        outbox.touch_card(session, binder.id)
    found, _ = taken(store)
    assert (found.outbox, found.outbox_age) == (1, 0.0)


def test_everything_is_counted_once_with_the_same_queries(store: Store) -> None:
    with store.read():
        pass
    _, statements = taken(store)
    for _ in range(20):
        launch(store, price_per_hour=1.5)
    launch(store, status=Status.GONE)
    launch(store, waits_for=WaitsFor.PLACE)
    launch(store, is_warm=True, status=Status.WAITING, size="large", price_per_hour=2.0)
    let_pass(store, 100)
    with store.write() as session:
        binders.claim(session, "w1", limit=3, lease_seconds=60)
        leases.take(session, "sweep", "w1", 60)
        leases.begin(session, "outage")
        outbox.say(session, MessageKind.ALERT, "alert", None)
        for number in range(2):
            image = {"repository": "r", "key": f"k{number}", "image_id": "i", "provider": "gh", "url": "u"}
            times = {"built_at": 0.0, "used_at": 0.0, "binder_id": "b"}
            session.add(BuiltImage(**image, **times, state=ImageState.KEPT, size_bytes=10))
    found, again = taken(store)
    assert again == statements
    assert sorted(found.groups, key=str) == [
        Group("requested", "small", is_warm=False, count=21, price_per_hour=30.0),
        Group("waiting", "large", is_warm=True, count=1, price_per_hour=2.0),
    ]
    assert (found.waiting, found.outbox) == (1, 24)
    assert 100 <= found.outbox_age < 200
    assert found.leases == {"binders": 3, "work": 1}
    assert (found.images, found.image_bytes) == ({"kept": 2}, 20)
