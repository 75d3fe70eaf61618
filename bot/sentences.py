"""Sentences for people that can be put into another language later. Pure.

Whoever raises an error does not know who will read it. A `Sentence` is its text in English. It also keeps
what that text was made of, so that `handlers.messages.language` can say the same in another language.
"""

from typing import Any, Self


class Sentence(str):
    """A text in English that keeps its pattern, and the values in it.

    Args:
        pattern: English, with named placeholders: `There is no size {size}.` It is the key of its
            translations, and found by `make catalogues` where it stands in the code.
        **values: What stands in the place of each. They are never read as patterns themselves. Numbers get
            the separators of the language.
    """

    __slots__ = ("pattern", "values")
    pattern: str
    values: dict[str, object]

    def __new__(cls, pattern: str, /, **values: object) -> Self:
        """See the class."""
        self = super().__new__(
            cls, filled(pattern, {name: _in_english(each) for name, each in values.items()})
        )
        self.pattern = pattern
        self.values = values
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.pattern, self.values)


def _restored(pattern: str, values: dict[str, object]) -> Sentence:
    return Sentence(pattern, **values)


def _in_english(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) else value


def filled(pattern: str, values: dict[str, object]) -> str:
    """A pattern with its values. Without values it is a plain text, and its braces are only braces."""
    return pattern.format_map(values) if values else pattern


def joined(*sentences: str) -> str:
    """Sentences one after the other, as one; those that are empty are left out."""
    given = {f"part{number}": each for number, each in enumerate(sentences) if each}
    pattern = " ".join(f"{{{name}}}" for name in given)
    return Sentence(pattern, **given)
