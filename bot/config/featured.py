"""The repositories that a site shows on everybody's Home tab. Pure."""

from dataclasses import dataclass

from bot.errors import SpecError
from bot.repositories.launch_text import parse_launch
from bot.repositories.site_links import MOST

MOST_FEATURED = 8


@dataclass(frozen=True, slots=True)
class Featured:
    """One of them: what it is called, and what is launched, as it would be typed after `launch`."""

    title: str
    launch_text: str


def featured(text: str) -> tuple[Featured, ...]:
    """Read `Fractals = owner/fractals main --size large; owner/other`.

    Raises:
        ValueError: Its message says what is wrong.
    """
    entries = [_entry(each) for each in text.split(";") if each.strip()]
    if len(entries) > MOST_FEATURED:
        raise ValueError(f"names {len(entries)} repositories; at most {MOST_FEATURED} are shown")
    return tuple(entries)


def _entry(text: str) -> Featured:
    title, separator, launch_text = (part.strip() for part in text.partition(" = "))
    entry = Featured(title, launch_text) if separator else Featured(title, title)
    if not entry.title or len(entry.launch_text) > MOST:
        raise ValueError("needs a title before each =, and a repository after it")
    try:
        parse_launch(entry.launch_text)
    except SpecError as error:
        raise ValueError(f"cannot be launched: {error.sentence}") from error
    return entry
