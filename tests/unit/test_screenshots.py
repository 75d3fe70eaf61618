"""The pictures of the documentation show what the bot says today."""

import pytest

from tests.screenshots.scenes import IMAGES, PICTURES, known_hashes

MOST_BYTES = 150 * 1024


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_shows_what_the_bot_says_today(name: str) -> None:
    assert known_hashes().get(name) == PICTURES[name].hash(), "`make screenshots` takes the pictures again"


def test_there_are_the_pictures_that_are_taken_and_they_are_small() -> None:
    sizes = {each.stem: each.stat().st_size for each in IMAGES.glob("*.png")}
    assert sizes.keys() == PICTURES.keys() == known_hashes().keys()
    assert [name for name, size in sizes.items() if size > MOST_BYTES] == []
