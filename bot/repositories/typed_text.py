"""Typed or pasted text -> words: what chat programs and markup put around them is taken off. Pure."""

import re
import unicodedata
from urllib.parse import unquote

from bot.errors import SpecError
from bot.repositories.parts import LEAK, echo
from bot.sentences import Sentence

MAX_TEXT = 4_000
"""Characters of a whole request. The longest honest one, badge Markdown, has some 500."""

_SLACK_LINK = re.compile(r"<((?:[a-zA-Z+]{2,9}://|mailto:)[^<>|\s]+)(?:\|([^<>]*))?>")
_SECRET = re.compile(
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|xapp-[\w-]{10,})"
    r"|://[^\s/@:<>|]*:[^\s/@<>|]+@"
)
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACES = "\t\n\v\f\r\x85\u2800"
"""White space that Unicode calls a control character, or a letter of Braille without dots."""
_QUOTES = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"')
    | dict.fromkeys("\u2018\u2019\u201a\u201b\u2039\u203a", "'")
)
_WORD = re.compile(
    "\\s*(?:([-\u2010-\u2015\u2212]+\\w+=|[a-z]+=)?(?:\"([^\"]*)\"|'([^']*)')[.,;!)]*(?=\\s|$)|(\\S+))"
)
_BULLETS = re.compile(
    "(?:\\s*(?:[-*+\u2013\u2014](?=\\s)|[\u2022\u25aa\u25cf\u25e6\u2023\u2043\u00b7]|>+|#{1,6}(?=\\s)|\\d{1,2}[.)](?=\\s)))+\\s*"
)
_MARKUPS: tuple[re.Pattern[str], ...] = (
    # Markdown: [text](link "title"), also with a picture for its text
    re.compile(r"\[(?:!\[[^\[\]]*\]\([^()]*\)|[^\[\]]*)\]\(([^()\s]+)(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*\)"),
    # AsciiDoc: image:picture[text,link=link], link:link[text]
    re.compile(r"image::?[^\s\[\]]*\[[^\[\]]*?\blink=[\"']?([^\[\]\s,\"']+)[\"']?[^\[\]]*\]\^?"),
    re.compile(r"(?:link:)?(https?://[^\s\[\]]+)\[[^\[\]]*\]"),
    # Org: [[link][text]]; Jira and MediaWiki: [text|link]
    re.compile(r"\[\[(https?://[^\[\]\s]+)\](?:\[[^\[\]]*\])?\]"),
    re.compile(r"\[[^\[\]|]*\|(https?://[^\[\]|\s]+)\]"),
    # reStructuredText: `text <link>`_, whose angle brackets are Slack's as well
    re.compile(r"`[^`<>]*?\s<?(https?://[^`<>\s]+)>?`__?"),
)
_PICTURE = re.compile(r"^!\[[^\[\]]*\]\([^()]*\)\s+(?=\S)")
_DAY = re.compile(r"\d{1,2}\.(?:\d{1,2}\.)?")
"""`1.12.` is a day. Without its last dot it would look like a version, and become a ref."""
_EMOJI = re.compile(r":[a-z0-9_+-]+:")
_HTML_LINK = re.compile(r"<a\s[^<>]{0,300}?href\s*=\s*[\"']?([^\"'<>\s]+)", re.IGNORECASE)
_REST_IMAGE = re.compile(r"\.\.\s+(?:\|[^|]*\|\s+)?image::.*?:target:\s*(\S+)(?:\s+:\w+:[^\n]*)*", re.DOTALL)
_HTML_TAG = re.compile(r"<[^<>]*>")
_QUOTED = re.compile(r"(?P<quote>[\"'`])(?P<inner>\s*[^\s\"'`]*/[^\s\"'`]*\s[^\"'`]*)(?P=quote)")
_PAGE_OF_FILE = re.compile(r"\s*\S+/(?:blob|tree|src|raw|resolve|browse)/")
_AROUND = ('"', "'", "`", "*", "_", "~")
_BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">"}


def split(text: str) -> list[str]:
    """The words of a request.

    Raises:
        SpecError: The text is too long, holds a secret, or hides something.
    """
    return _words(_clean(text))


def _clean(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise SpecError(
            Sentence(
                "The text is {count} characters long; at most {most} can be read.",
                count=len(text),
                most=MAX_TEXT,
            )
        )
    if _SECRET.search(text):
        raise SpecError(LEAK)
    visible = "".join(_visible(char) for char in _BIDI.sub(_refuse_bidi, text.translate(_QUOTES)))
    plain = _unwrap_slack(visible).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return _without_quotes(_unwrap_markup(_without_bullets(_unwrap_slack(plain))))


def _refuse_bidi(match: re.Match[str]) -> str:
    # Such a character makes a link look like another one.
    raise SpecError(
        Sentence(
            "The text holds a character that reverses writing (U+{code}); type it anew.",
            code=format(ord(match[0]), "04X"),
        )
    )


def _visible(char: str) -> str:
    """The character, a space for any white space, nothing for one of no width."""
    if char in _SPACES or char.isspace():
        return "\n" if char == "\n" else " "
    category = unicodedata.category(char)
    if category in {"Cc", "Cs"}:
        raise SpecError(
            Sentence("The text holds a control character (U+{code}).", code=format(ord(char), "04X"))
        )
    return "" if category == "Cf" else char


def _unwrap_slack(text: str) -> str:
    return _SLACK_LINK.sub(lambda match: _typed(match[1], match[2] or ""), text)


def _typed(url: str, label: str) -> str:
    """What was typed where Slack shows a link: it makes one of `README.md` too, and adds a scheme."""
    if url.startswith("mailto:"):
        return url.removeprefix("mailto:")
    without_scheme = url.partition("://")[2]
    is_made_by_slack = label and unquote(without_scheme).strip("/").casefold() == label.strip("/").casefold()
    return label if is_made_by_slack else url


def _without_bullets(text: str) -> str:
    match = _BULLETS.match(text)
    return text[match.end() :] if match else text.strip()


def _unwrap_markup(text: str) -> str:
    """The link in a markup's own form, and what was typed after it where its end is plain."""
    text = _PICTURE.sub("", text)
    begin = len(text) - len(text.lstrip("*_~"))
    for pattern in _MARKUPS:
        if match := pattern.match(text, begin):
            return f"{match[1]} {text[match.end() :].lstrip('*_~')}"
    if match := _HTML_LINK.search(text):
        rest = text.rpartition("</a>")[2] if "</a>" in text else text[match.end() :].partition(">")[2]
        return f"{match[1]} {_HTML_TAG.sub(' ', rest)}"
    match = _REST_IMAGE.search(text)
    return f"{match[1]} {text[match.end() :]}" if match else text


def _without_quotes(text: str) -> str:
    """The text, if all of it stands in quotes or in a code block; quotes around one name are left to it."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").strip()
    match = _QUOTED.fullmatch(text)
    return match["inner"].strip() if match and not _PAGE_OF_FILE.match(match["inner"]) else text


def _words(text: str) -> list[str]:
    """Words, grouped by quotes as a shell does it, but with apostrophes allowed inside of words."""
    words = []
    for prefix, double, single, bare in _WORD.findall(text):
        if bare[:1] in {'"', "'"} and bare:
            raise SpecError(Sentence("A quote is opened at {place} and never closed.", place=echo(bare)))
        words.append(prefix + (double or single or _without_lone_brackets(bare)))
    return [word for word in words if word and not _is_picture(word)]


def _is_picture(word: str) -> bool:
    """Whether a word is an emoji, as Slack or as Unicode writes it, or an arrow."""
    symbols = {"So", "Mn"} if word[:1] not in {"\u2192", "\u21d2"} else {"So", "Mn", "Sm"}
    return bool(_EMOJI.fullmatch(word)) or all(unicodedata.category(char) in symbols for char in word)


def _without_lone_brackets(word: str) -> str:
    """A word at the beginning or the end of what stands in brackets."""
    for opening, closing in ("()", "[]", "{}"):
        if word.startswith(opening) and closing not in word:
            word = word[1:]
        if word.endswith(closing) and opening not in word:
            word = word[:-1]
    return word


def undecorated(word: str) -> str:
    """A word without the punctuation, brackets and emphasis that a sentence puts around it."""
    bare = word.rstrip(",;\u2026")
    bare = bare.rstrip(".") if bare.endswith("...") else bare
    if bare[-1:] in {".", "!", "?", ":"} and bare[-2:-1].isalnum() and not _DAY.fullmatch(bare):
        bare = bare[:-1]
    if len(bare) > 2 and ((bare[0] in _AROUND and bare[-1] == bare[0]) or _BRACKETS.get(bare[0]) == bare[-1]):  # noqa: PLR2004 - something between them
        return undecorated(bare[1:-1])
    return bare or word
