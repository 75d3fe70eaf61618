"""Looking for links within the site that lead nowhere."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """What a page links to, and the places on it that others can link to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        given = dict(attrs)
        self.links += [link for name in ("href", "src") if (link := given.get(name))]
        if place := given.get("id"):
            self.places.add(place)


def dead_links(site: Path) -> list[str]:
    """Each link that leads to no file of the site, or to no place of a page, with its page."""
    pages = {file.resolve(): _Page(file.read_text()) for file in site.rglob("*.html")}
    return sorted(
        f"{file.relative_to(site.resolve())}: {link}"
        for file, page in pages.items()
        for link in _inner(page.links)
        if not _leads_somewhere(file, link, pages, site)
    )


def _inner(links: list[str]) -> Iterator[str]:
    for link in dict.fromkeys(links):
        parts = urlsplit(link)
        if not parts.scheme and not parts.netloc:
            yield link


def _leads_somewhere(file: Path, link: str, pages: dict[Path, _Page], site: Path) -> bool:
    parts = urlsplit(link)
    path = unquote(parts.path)
    if path.startswith("/"):
        target = (site / path.lstrip("/")).resolve()
    else:
        target = (file.parent / path).resolve() if path else file
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return False
    return not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].places
