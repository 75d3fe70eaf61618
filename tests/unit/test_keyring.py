"""What a key opens, and what it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import UnreadableSecret
from storage.keyring import Keyring, is_sealed

OLD, NEW = "an old key " * 4, "a new key " * 4
PLACE = "binders.token.abc"


@given(text=st.text(), place=st.text())
def test_what_was_sealed_opens_in_its_place_alone(text: str, place: str) -> None:
    keyring = Keyring([NEW])
    sealed = keyring.seal(text, place)
    assert is_sealed(sealed)
    assert keyring.open(sealed, place) == text
    with pytest.raises(UnreadableSecret, match="copied from another row"):
        keyring.open(sealed, place + "d")


def test_two_texts_that_are_the_same_do_not_look_so() -> None:
    keyring = Keyring([NEW])
    assert keyring.seal("x", PLACE) != keyring.seal("x", PLACE)


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    old, both = Keyring([OLD]), Keyring([NEW, OLD])
    assert both.open(old.seal("token", PLACE), PLACE) == "token"
    assert Keyring([NEW]).open(both.seal("token", PLACE), PLACE) == "token"
    with pytest.raises(UnreadableSecret, match="lacks the key") as caught:
        old.open(both.seal("token", PLACE), PLACE)
    assert "SECRET_KEY" in caught.value.hint


@pytest.mark.parametrize("number", range(60))
def test_not_one_character_can_be_changed(number: int) -> None:
    keyring = Keyring([NEW])
    sealed = keyring.seal("a token of a server", PLACE)
    number %= len(sealed) - len(keyring.mark)
    at = len(keyring.mark) + number
    changed = sealed[:at] + ("A" if sealed[at] != "A" else "Q") + sealed[at + 1 :]
    with pytest.raises(UnreadableSecret):
        keyring.open(changed, PLACE)


@pytest.mark.parametrize("ending", ["", "=", "!", "AA==", "ü"])
def test_what_is_no_ciphertext_is_an_error_of_ours(ending: str) -> None:
    keyring = Keyring([NEW])
    with pytest.raises(UnreadableSecret) as caught:
        keyring.open(keyring.mark + ending, PLACE)
    assert caught.value.__cause__ is None


def test_no_key_shows_in_its_repr() -> None:
    assert NEW not in repr(Keyring([NEW]))
    assert OLD not in str(vars(Keyring([NEW, OLD])))
