"""What an instance is told after it was made: sealed, in pieces, and never put together wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.provisioning.agent.instructions import MAX_TEXT, pieces_of, text_of
from bot.provisioning.agent.sealing import SealBroken, derive, seal, unseal

SECRET = "what only the user data holds"
TEXTS = st.text("abcXYZ019-_=", min_size=1, max_size=MAX_TEXT)


@given(st.text(), st.sampled_from(["order", "push"]))
def test_what_was_sealed_is_read_with_the_same_secret_for_the_same_purpose(text: str, purpose: str) -> None:
    sealed = seal(text, SECRET, purpose)
    assert unseal(sealed, SECRET, purpose) == text
    for secret, other in ((SECRET, "else"), (f"{SECRET}.", purpose)):
        with pytest.raises(SealBroken):
            unseal(sealed, secret, other)


@given(st.text(max_size=50), st.integers(0, 10**6), st.sampled_from("abcXYZ019-_="))
def test_no_character_of_it_can_be_changed(text: str, at: int, letter: str) -> None:
    sealed = seal(text, SECRET, "order")
    at %= len(sealed)
    changed = sealed[:at] + letter + sealed[at + 1 :]
    if changed != sealed:
        try:
            found = unseal(changed, SECRET, "order")
        except SealBroken:
            return
        assert found == text  # of the last letter of base64 not every bit counts


@pytest.mark.parametrize("text", ["", "AAAA", "kein Base64!", "\u00e9", "=" * 80])
def test_what_was_never_sealed_is_refused(text: str) -> None:
    with pytest.raises(SealBroken):
        unseal(text, SECRET, "order")


def test_nothing_can_be_read_without_the_secret_and_no_two_seals_are_alike() -> None:
    one, other = seal("launch it", SECRET, "order"), seal("launch it", SECRET, "order")
    assert one != other
    assert "launch" not in one
    assert derive(SECRET, "one") != derive(SECRET, "two")


@given(TEXTS)
def test_pieces_fit_into_metadata_and_are_put_together_again(text: str) -> None:
    pieces = pieces_of("order", text)
    assert all(len(key) <= 255 and len(value) <= 255 for key, value in pieces.items())
    assert len(pieces) <= 100
    assert text_of("order", pieces) == text
    assert text_of("push", pieces) is None


@given(TEXTS, TEXTS)
def test_of_two_texts_the_newer_is_read_whole_or_none(old: str, new: str) -> None:
    before, after = pieces_of("order", old), pieces_of("order", new)
    assert text_of("order", before | after) == new
    for count in range(1, len(after)):
        half = before | dict(list(after.items())[:count])
        assert text_of("order", half) in {None, old, new}


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"binder-bot-order-00": 7},
        {"binder-bot-order-00": "12345678/99999999999/x"},
        {"binder-bot-order-00": "12345678/1/x"},
        {"binder-bot-order-00": "12345678/0/"},
    ],
)
def test_metadata_of_others_is_no_text(metadata: dict[str, object]) -> None:
    assert text_of("order", metadata) is None
