"""What happens to an image next, and which images go."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.images.manifests import Manifest
from bot.images.plans import (
    MOST_TRIES,
    AwaitPush,
    DropImage,
    ImagesInUse,
    ImageStep,
    KeepImage,
    KeepingPolicy,
    OfferPush,
    SeenImage,
    plan,
    removals,
    size_of,
)
from storage.models import BuiltImage, ImageState

NOW = 1_000_000.0
MINE = Manifest("sha256:m", frozenset({"sha256:m", "sha256:mine"}))
OTHER = Manifest("sha256:o", frozenset({"sha256:o", "sha256:other"}))


def image(**values: Any) -> BuiltImage:
    whole: dict[str, Any] = {
        "id": 1,
        "repository": "r/a",
        "key": "k",
        "image_id": "sha256:mine",
        "provider": "gh",
        "url": "u",
        "state": ImageState.BUILT,
        "tries": 0,
        "right_until": None,
        "before": "",
        "built_at": NOW,
        "used_at": NOW,
        "layers": {},
    }
    return BuiltImage(**(whole | values))


def pushing(**values: Any) -> BuiltImage:
    return image(**({"state": ImageState.PUSHING, "tries": 1, "right_until": NOW + 60} | values))


GONE = DropImage("Its binder ended before it was pushed.")
FORGED = DropImage("Another image was pushed in its place.", forged="sha256:o")
TIRED = DropImage(f"It was not pushed in {MOST_TRIES} tries.")
CASES: list[tuple[str, BuiltImage, SeenImage, ImageStep]] = [
    ("built, nothing there", image(), SeenImage(None), OfferPush()),
    ("built, there already", image(), SeenImage(MINE), KeepImage(MINE)),
    ("built, something there before", image(), SeenImage(OTHER), OfferPush()),
    ("built, its binder is gone", image(), SeenImage(None, is_there=False), GONE),
    (
        "built, nobody may push",
        image(),
        SeenImage(None, may_push=False),
        DropImage("Instances may not push."),
    ),
    ("pushing, nothing there", pushing(), SeenImage(None), AwaitPush()),
    ("pushing, arrived", pushing(), SeenImage(MINE), KeepImage(MINE)),
    ("pushing, arrived, its binder is gone", pushing(), SeenImage(MINE, is_there=False), KeepImage(MINE)),
    ("pushing, arrived too late", pushing(right_until=NOW - 1), SeenImage(MINE), KeepImage(MINE)),
    ("pushing, its binder is gone", pushing(), SeenImage(None, is_there=False), GONE),
    ("pushing, forged", pushing(), SeenImage(OTHER), FORGED),
    ("pushing, forged, its binder is gone", pushing(), SeenImage(OTHER, is_there=False), FORGED),
    ("pushing, as before", pushing(before="sha256:o"), SeenImage(OTHER), AwaitPush()),
    ("pushing, a rival's", pushing(), SeenImage(OTHER, frozenset({"sha256:other"})), AwaitPush()),
    ("pushing, the right ran out", pushing(right_until=NOW), SeenImage(None), OfferPush()),
    ("pushing, tired", pushing(right_until=NOW, tries=MOST_TRIES), SeenImage(None), TIRED),
    ("pushing, the last right lasts", pushing(tries=MOST_TRIES), SeenImage(None), AwaitPush()),
]


@pytest.mark.parametrize(
    ("row", "seen", "step"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_next_step(row: BuiltImage, seen: SeenImage, step: ImageStep) -> None:
    assert plan(row, seen, NOW) == step


manifests = st.one_of(st.none(), st.just(MINE), st.just(OTHER))
rows = st.builds(
    image,
    state=st.sampled_from([ImageState.BUILT, ImageState.PUSHING]),
    tries=st.integers(0, 5),
    right_until=st.sampled_from([None, NOW - 1, NOW + 1]),
    before=st.sampled_from(["", "sha256:o"]),
)
sights = st.builds(
    SeenImage,
    manifests,
    st.sampled_from([frozenset(), frozenset({"sha256:other"})]),
    st.booleans(),
    st.booleans(),
)


@given(rows, sights)
def test_only_what_was_reported_is_kept_and_only_who_may_is_told_to_push(
    row: BuiltImage, seen: SeenImage
) -> None:
    step = plan(row, seen, NOW)
    if isinstance(step, KeepImage):
        assert row.image_id in step.manifest.image_ids
    if isinstance(step, OfferPush):
        assert seen.is_there
        assert seen.may_push
        assert row.tries < MOST_TRIES


# --- retention ---------------------------------------------------------------------------------------------

DAY = 86_400.0
WIDE = KeepingPolicy(30 * DAY, 10**9)


def kept(number: int, *, age: float = 0.0, **values: Any) -> BuiltImage:
    """An image with a layer of its own, of 10 bytes, and one of 100 bytes that all share."""
    layers = {"base": 100, f"own {number}": 10}
    facts = {"id": number, "key": f"k{number}", "image_id": f"i{number}", "used_at": NOW - age}
    return image(state=ImageState.KEPT, layers=layers, **(facts | values))


def test_a_layer_that_several_share_counts_once() -> None:
    assert size_of([kept(1), kept(2), kept(3)]) == 130


def test_what_was_not_used_for_long_goes() -> None:
    assert removals([kept(1), kept(2, age=31 * DAY)], ImagesInUse(), NOW, WIDE) == {
        2: "It was not used for long."
    }


def test_what_was_built_anew_goes() -> None:
    rows = [kept(1, key="k"), kept(2, key="k"), kept(3, key="k", repository="r/b")]
    assert removals(rows, ImagesInUse(), NOW, WIDE) == {1: "It was built anew."}


@pytest.mark.parametrize(("most", "gone"), [(130, []), (129, [3]), (120, [3]), (115, [2, 3]), (0, [1, 2, 3])])
def test_a_full_store_loses_what_was_not_used_for_the_longest_time(most: int, gone: list[int]) -> None:
    rows = [kept(number, age=number) for number in (1, 2, 3)]
    assert sorted(removals(rows, ImagesInUse(), NOW, KeepingPolicy(30 * DAY, most))) == gone


@given(
    st.lists(st.tuples(st.floats(0, 60 * DAY), st.booleans(), st.booleans()), max_size=8),
    st.integers(0, 300),
)
def test_no_image_in_use_goes_and_the_rest_fits(ages: list[tuple[float, bool, bool]], most: int) -> None:
    rows = [kept(number, age=age, url=f"u{number}") for number, (age, _, _) in enumerate(ages)]
    used = ImagesInUse(
        frozenset(f"i{number}" for number, (_, runs, _) in enumerate(ages) if runs),
        frozenset(("gh", f"u{number}") for number, (_, _, boots) in enumerate(ages) if boots),
    )
    gone = removals(rows, used, NOW, KeepingPolicy(30 * DAY, most))
    left = [each for each in rows if each.id not in gone]
    assert not [each.id for each in rows if each.id in gone and used.has(each)]
    assert size_of(left) <= most or all(used.has(each) for each in left)
