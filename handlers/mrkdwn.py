"""Slack's markup from text that nobody trusts. Pure.

Whatever a person, a repository or an instance wrote goes through here before it stands in a message.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

ELLIPSIS = "…"
MAX_URL = 3_000
_MAX_INPUT = 10_000
"""Characters that are looked at; no message holds more."""
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LABEL = str.maketrans({"<": "(", ">": ")", "|": "/"})
_URL = str.maketrans({"`": "%60", "<": "%3C", ">": "%3E", "|": "%7C", " ": "%20", "&": "&amp;", '"': "%22"})
_PERSON = re.compile(r"[UW][A-Z0-9]{1,30}")


def visible(text: str) -> str:
    """One line of what can be seen: no controls, no changes of direction, no beginning of a code block."""
    return _without_fences(_printable(re.sub(r"\s+", " ", text[:_MAX_INPUT]))).strip()


def visible_lines(text: str) -> str:
    """The last lines of a text, each as `visible`, but with their indentation."""
    lines = re.split(r"\r\n|[\n\r\u2028\u2029]", text[-_MAX_INPUT:].expandtabs(4))
    return _without_fences("\n".join(_printable(line).rstrip() for line in lines))


def _printable(line: str) -> str:
    return line if line.isprintable() else "".join(char for char in line if char.isprintable())


def _without_fences(text: str) -> str:
    return re.sub("`{3,}", lambda ticks: "'" * len(ticks[0]), text)


def escape(text: str) -> str:
    """Text that Slack shows as it is."""
    return text.translate(_ENTITIES)


def inline(text: str, limit: int = 300) -> str:
    """Hostile text within a sentence: on one line, escaped, at most `limit` characters of markup."""
    return _fitting(visible(text), limit, escape)


def code(text: str, limit: int = 200) -> str:
    """Hostile text as inline code, or nothing where nothing of it can be seen."""
    shown = _fitting(visible(text).replace("`", "'"), limit - 2, escape)
    return f"`{shown}`" if shown else ""


def code_block(text: str, limit: int = 2_900) -> str:
    """The end of hostile lines as a code block of at most `limit` characters, or nothing."""
    lines = visible_lines(text).strip("\n")
    shown = _fitting(lines[::-1], limit - 8, lambda backwards: escape(backwards[::-1]))
    return f"```\n{shown}\n```" if shown.strip() else ""


def link(url: str, label: str) -> str:
    """A link, or its label alone where the URL is not one of the web."""
    shown = escape(visible(label).translate(_LABEL)) or "link"
    return f"<{url.translate(_URL)}|{shown}>" if is_web(url) else shown


def is_web(url: str) -> bool:
    """Whether a URL may be offered for clicking."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isprintable() and not re.search(r"\s", url) and len(url) <= MAX_URL
    return plain and parts.scheme in {"http", "https"} and bool(parts.netloc)


def person(user: str | None) -> str:
    """A mention of a Slack user; other names (`operator`) as words."""
    if user and _PERSON.fullmatch(user):
        return f"<@{user}>"
    return f"the {inline(user, 40)}" if user else "somebody"


def date(at: float) -> str:
    """A moment in each reader's own time zone; `at` in Unix seconds."""
    fallback = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at)}^{{date_short_pretty}} at {{time}}|{fallback}>"


def duration(seconds: float) -> str:
    """Seconds in words of two parts at most: `2 min 5 s`."""
    whole = max(int(seconds), 0)
    sizes = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    largest = next((index for index, (size, _) in enumerate(sizes) if whole >= size), len(sizes) - 1)
    words: list[str] = []
    for size, unit in sizes[largest : largest + 2]:
        count, whole = divmod(whole, size)
        if count or not words:
            words.append(f"{count} {unit}")
    return " ".join(words)


def shorten(text: str, limit: int) -> str:
    """Plain text (no markup) of at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def _fitting(text: str, limit: int, markup: Callable[[str], str]) -> str:
    """Markup of as much of the beginning of a text as fits; no entity is ever cut in two."""
    # No character becomes longer than `&amp;`, so what this cuts off could not fit anyway.
    kept = text[:limit]
    if len(kept) == len(text) and len(shown := markup(kept)) <= limit:
        return shown
    kept = kept[: limit - 1]
    while len(shown := markup(kept + ELLIPSIS)) > limit:
        kept = kept[: -max((len(shown) - limit) // 5, 1)]
    return shown
