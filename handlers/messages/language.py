"""The language of whoever reads a message. Pure, but for the catalogues that are read at the start.

English sentences are the keys. A catalogue has the same sentences in one more language. It is
`catalogues/<language>/LC_MESSAGES/messages.po`, and `make catalogues` compiles it. Messages that several
people read are in English: only where one person alone reads an answer, `reading` sets their language.
"""

import gettext
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from bot.sentences import Sentence, filled

ENGLISH = "en"
CATALOGUES = Path(__file__).with_name("catalogues")

_TRANSLATIONS: Mapping[str, gettext.NullTranslations] = {
    ENGLISH: gettext.NullTranslations(),
    **{
        each.name: gettext.translation("messages", CATALOGUES, [each.name])
        for each in sorted(CATALOGUES.iterdir())
        if each.is_dir()
    },
}
LANGUAGES = frozenset(_TRANSLATIONS)
_COMMA_LANGUAGES = frozenset({"de"})
"""They write 1.234,50 for 1,234.50."""
_SWAPPED = str.maketrans(",.", ".,")

_reader: ContextVar[str] = ContextVar("language", default=ENGLISH)


def language_of(locale: str | None) -> str:
    """The language for a locale as Slack names it (`de-DE`); English where there is no catalogue for it."""
    language = (locale or "").partition("-")[0].lower()
    return language if language in LANGUAGES else ENGLISH


@contextmanager
def reading(language: str) -> Iterator[None]:
    """Make messages in the language of one reader."""
    token = _reader.set(language)
    try:
        yield
    finally:
        _reader.reset(token)


def translated(sentence: str, /, **values: object) -> str:
    """A sentence in the language of its reader.

    Args:
        sentence: English, with named placeholders: `Your links to {name}`. `make catalogues` finds it where
            it stands in the code, so it must not be an f-string. A `Sentence` brings its values along.
        **values: What stands in the place of each, with its markup escaped. They are never read as patterns.
    """
    pattern, given = (
        (sentence.pattern, sentence.values) if isinstance(sentence, Sentence) else (sentence, values)
    )
    if not pattern:
        return ""  # in a catalogue, its header has this key
    return filled(_translations().gettext(pattern), _in_language(given))


def translated_count(one: str, many: str, count: int, /, **values: object) -> str:
    """A sentence about a number of things, in the language of its reader.

    Args:
        one: English, for one thing: `{count} changed file`.
        many: The same for several: `{count} changed files`.
        count: How many. It fills in `{count}`.
        **values: As for `translated`.
    """
    pattern = _translations().ngettext(one, many, count)
    return filled(pattern, _in_language({"count": count, **values}))


def number(value: float, digits: int = 0) -> str:
    """A number as its reader writes it: `1,234.50`."""
    shown = f"{value:,.{digits}f}"
    return shown.translate(_SWAPPED) if _reader.get() in _COMMA_LANGUAGES else shown


def _translations() -> gettext.NullTranslations:
    return _TRANSLATIONS[_reader.get()]


def _in_language(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _value(each) for name, each in values.items()}


def _value(value: object) -> object:
    if isinstance(value, Sentence):
        return translated(value)
    return number(value) if isinstance(value, int) else value
