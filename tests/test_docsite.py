"""The documentation as a site: every page is in it, and every link within it leads somewhere."""

import json
from pathlib import Path

import pytest

from docsite.build import ROOT, build
from docsite.links import dead_links

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("docs"))


def test_no_link_leads_nowhere(site: Path) -> None:
    assert dead_links(site) == []


def test_every_page_of_the_documentation_is_in_it_and_in_the_search(site: Path) -> None:
    pages = {each.relative_to(ROOT).with_suffix(".html") for each in (ROOT / "docs").rglob("*.md")}
    assert [str(each) for each in pages if not (site / each).is_file()] == []
    found = json.dumps(json.loads((site / "search.json").read_text()))
    assert [str(each) for each in pages if str(each) not in found] == []


def test_a_page_needs_nothing_from_elsewhere(site: Path) -> None:
    page = (site / "index.html").read_text()
    assert '<script src="http' not in page
    assert "fonts.g" not in page


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">1</a><a href="#gone">2</a><a href="b.html#x">3</a>'
        '<a href="c.html">4</a><a href="https://example.org/gone">5</a><img src="/d%20e.png"></p>'
    )
    (tmp_path / "b.html").write_text('<h2 id="y">y</h2>')
    (tmp_path / "d e.png").touch()
    assert dead_links(tmp_path) == ["a.html: #gone", "a.html: b.html#x", "a.html: c.html"]
