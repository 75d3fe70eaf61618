"""What people type, as Slack hands it to an app."""

import pytest

from workspace.state import State
from workspace.typed import escape


@pytest.mark.parametrize(
    ("typed", "handed_on"),
    [
        ("owner/repo main README.md", "owner/repo main <http://README.md|README.md>"),
        ("owner/repo main.py", "owner/repo <http://main.py|main.py>"),
        ("--open index.md", "--open <http://index.md|index.md>"),
        ("--path docs.md/a", "--path <http://docs.md/a|docs.md/a>"),
        ("run.sh, lib.rs and a.pl", "<http://run.sh|run.sh>, <http://lib.rs|lib.rs> and <http://a.pl|a.pl>"),
        ("data.zip my.app", "<http://data.zip|data.zip> <http://my.app|my.app>"),
        ("nb/README.md a.ipynb data.csv v1.2.3 .md", "nb/README.md a.ipynb data.csv v1.2.3 .md"),
        ("gitlab.com/a/b", "<http://gitlab.com/a/b|gitlab.com/a/b>"),
        ("launch https://github.com/o/r", "launch\u00a0<https://github.com/o/r>"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
    ],
)
def test_names_that_end_as_domains_do_become_links(typed: str, handed_on: str) -> None:
    state = State("Binder", 3.0)
    assert escape(typed, state, labels=True) == escape(typed, state, labels=False) == handed_on
