"""The rows of images over both databases: one for a key at a time, claimed by one, written by its holder."""

from typing import Any

import pytest

from storage import binders, images
from storage.engine import Store
from storage.errors import LostLease
from storage.models import BuiltImage, ImageState, Status
from tests.contract.database.rows import launch, let_pass, together

ROOT = "registry.test/binders/"


def image(**values: Any) -> BuiltImage:
    whole = {
        "repository": f"{ROOT}a",
        "key": "k",
        "image_id": "sha256:i",
        "provider": "gh",
        "url": "u",
        "binder_id": "b1",
    }
    return BuiltImage(**(whole | values))


def add(store: Store, *, launched_at: float = 0.0, is_rebuilt: bool = False, **values: Any) -> bool:
    with store.write() as session:
        return images.add(session, image(**values), launched_at=launched_at, is_rebuilt=is_rebuilt)


def claim(store: Store, *, limit: int = 10, seconds: float = 60.0) -> list[BuiltImage]:
    with store.write() as session:
        return list(images.claim(session, ROOT, limit=limit, seconds=seconds))


def save(store: Store, row: BuiltImage, *, next_in: float = 0.0, **changes: Any) -> None:
    with store.write() as session:
        images.save(session, row, changes, next_in=next_in)


def all_of(store: Store) -> list[BuiltImage]:
    with store.read() as session:
        return sorted(images.listing(session), key=lambda each: each.id)


def test_one_of_many_builds_of_a_key_is_written_down(store: Store) -> None:
    assert sum(together(lambda index: add(store, image_id=f"sha256:{index}"))) == 1


def test_an_image_is_claimed_by_one(store: Store) -> None:
    for key in "abcdef":
        add(store, key=key)
    claimed = together(lambda _: [each.key for each in claim(store, limit=2)], 4)
    found = [key for keys in claimed for key in keys]
    assert len(found) == len(set(found))
    rest = [each.key for each in claim(store)]
    assert sorted(found + rest) == list("abcdef")


def test_a_claim_that_is_over_is_taken_over_and_its_holder_writes_nothing(store: Store) -> None:
    add(store)
    [mine] = claim(store)
    assert claim(store) == []
    let_pass(store, 61)
    [theirs] = claim(store)
    with pytest.raises(LostLease):
        save(store, mine, state=ImageState.KEPT)
    with store.write() as session:
        images.forget(session, mine)
    save(store, theirs, state=ImageState.KEPT, digest="sha256:d")
    assert [each.state for each in all_of(store)] == [ImageState.KEPT]


@pytest.mark.parametrize(
    ("state", "digest", "is_due"),
    [
        (ImageState.BUILT, "", True),
        (ImageState.PUSHING, "", True),
        (ImageState.KEPT, "sha256:d", False),
        (ImageState.REMOVING, "sha256:d", True),
        (ImageState.DROPPED, "sha256:d", True),
        (ImageState.DROPPED, "", False),
    ],
)
def test_what_is_due(store: Store, state: ImageState, digest: str, *, is_due: bool) -> None:
    add(store)
    [row] = claim(store)
    save(store, row, state=state, digest=digest)
    assert len(claim(store)) == is_due


def test_images_of_another_registry_are_left_alone(store: Store) -> None:
    add(store, repository="registry.test/binders2/a")
    add(store, repository="other.test/binders/a")
    assert claim(store) == []


def test_a_build_anew_ends_the_work_on_the_one_before(store: Store) -> None:
    add(store)
    [row] = claim(store)
    assert add(store, image_id="sha256:new", is_rebuilt=True)
    with pytest.raises(LostLease):
        save(store, row, state=ImageState.PUSHING)
    assert [each.state for each in all_of(store)] == [ImageState.DROPPED, ImageState.BUILT]


def test_what_is_kept_is_listed_newest_first_and_removed_once(store: Store) -> None:
    for number in range(3):
        add(store, key=f"k{number}", image_id=f"sha256:{number}")
        let_pass(store, 10)
    for row in claim(store):
        save(store, row, state=ImageState.KEPT, digest=f"d{row.key}")
    with store.read() as session:
        assert [each.key for each in images.kept(session, f"{ROOT}a")] == ["k2", "k1", "k0"]
    first, second, _ = all_of(store)
    with store.write() as session:
        images.begin_removal(session, {first.id: "It was full.", 999: "No such image."})
    [going] = claim(store)
    assert (going.id, going.reason) == (first.id, "It was full.")
    with store.write() as session:
        images.begin_removal(session, {second.id: "Too old."})
        images.forget(session, going)
    assert [each.state for each in all_of(store)] == [ImageState.REMOVING, ImageState.KEPT]


def test_images_in_use(store: Store) -> None:
    rows = [launch(store, url=f"u{number}") for number in range(3)]
    with store.write() as session:
        for row, status in zip(rows, (Status.READY, Status.BOOTING, Status.GONE), strict=True):
            found = binders.get(session, row.id)
            assert found is not None
            found.status, found.image = status, {"id": f"sha256:{row.url}"}
    with store.read() as session:
        ids, sources = images.in_use(session)
    assert ids == {"sha256:u0", "sha256:u1"}
    assert sources == {("gh", "u1")}


def test_what_was_dropped_is_forgotten_after_a_while(store: Store) -> None:
    add(store, key="old")
    add(store, key="undeleted")
    for row in claim(store):
        save(store, row, state=ImageState.DROPPED, digest="sha256:d" if row.key == "undeleted" else "")
    let_pass(store, 100)
    add(store, key="new")
    with store.write() as session:
        images.forget_dropped(session, older_than=50)
    assert [each.key for each in all_of(store)] == ["undeleted", "new"]
