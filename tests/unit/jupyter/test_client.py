"""What is asked of a running server, against servers that lie, drip and redirect."""

import time
from urllib.parse import quote

import pytest

from bot.errors import ServerError
from bot.interfaces.discovery import discover
from bot.jupyter.client import ANSWER_BYTES, JupyterServer
from tests.fakes.http import Script


def test_alive_is_asked_without_the_token(script: Script, server: JupyterServer) -> None:
    script.json("/api", {"version": "2.17.0"})
    assert server.is_alive()
    assert script.asked == [("/api", None)]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"hello": 1}', b"\xff\xfe", b'"version"'])
def test_something_else_on_the_port_is_not_alive(script: Script, server: JupyterServer, body: bytes) -> None:
    script.pages["/api"] = (200, {}, body)
    assert not server.is_alive()


def test_nobody_there_is_not_alive() -> None:
    server = JupyterServer("http://127.0.0.1:1", "t")
    assert not server.is_alive()
    server.close()


def test_a_page_is_asked_with_the_token_in_a_header_never_in_the_url(
    script: Script, server: JupyterServer
) -> None:
    script.page("/lab")
    assert server.answers("lab")
    assert script.asked == [("/lab", "token s3cret")]


@pytest.mark.parametrize("location", ["/login?next=%2Flab", "http://evil.example/lab", "//evil.example/lab"])
def test_a_redirect_to_a_login_or_elsewhere_is_no_answer(
    script: Script, server: JupyterServer, location: str
) -> None:
    script.page("/lab", 302, location)
    script.page("/login?next=%2Flab")
    assert not server.answers("lab")
    assert [path for path, _ in script.asked] == ["/lab"]


def test_a_redirect_to_the_same_page_with_a_slash_is_followed(script: Script, server: JupyterServer) -> None:
    script.page("/voila", 301, "/voila/")
    script.page("/voila/")
    assert server.answers("voila")


def test_an_answer_without_end_is_cut(script: Script, server: JupyterServer) -> None:
    script.pages["/api"] = (200, {}, b" " * (ANSWER_BYTES * 4) + b'{"version": 1}')
    assert not server.is_alive()


def test_an_answer_that_drips_for_ever_is_given_up(
    script: Script, server: JupyterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(0, 1000, 10))
    monkeypatch.setattr("bot.jupyter.client.time.monotonic", lambda: float(next(moments)))
    script.pages["/api"] = (200, {}, b'{"version": 1}' + b" " * 100_000)
    before = time.perf_counter()
    server.is_alive()
    assert time.perf_counter() - before < 10


def test_kinds_of_files(script: Script, server: JupyterServer) -> None:
    script.json("/api/contents/a%20b/x.ipynb?content=0&no_track_activity=1", {"type": "notebook"})
    script.json("/api/contents/odd?content=0&no_track_activity=1", {"type": ["list"]})
    assert server.kind_of("a b/x.ipynb") == "notebook"
    assert server.kind_of("missing") is None
    script.page("/api/contents/broken?content=0&no_track_activity=1", 500)
    with pytest.raises(ServerError):
        server.kind_of("broken")


def test_discovery_posts_only_what_answers_and_starts_nothing(script: Script, server: JupyterServer) -> None:
    script.page("/lab")
    script.page("/tree")
    script.json("/server-proxy/servers-info", {"server_processes": [{"name": "rstudio"}, {"name": 7}, "x"]})
    found = discover(server, path=None, wanted="rstudio")
    assert [(each.kind, each.path) for each in found] == [
        ("rstudio", "rstudio/"),
        ("lab", "lab"),
        ("notebook", "tree"),
    ]
    assert not [path for path, _ in script.asked if path.startswith(("/rstudio", "/shiny"))]


@pytest.mark.parametrize(
    ("kind", "path", "lab", "notebook"),
    [
        ("notebook", "a/x y.ipynb", "lab/tree/a/x%20y.ipynb", "notebooks/a/x%20y.ipynb"),
        ("directory", "a", "lab/tree/a", "tree/a"),
        ("file", "data?.csv", "lab/tree/data%3F.csv", "edit/data%3F.csv"),
        (None, "was-built-from", "lab", "tree"),
    ],
)
def test_what_was_asked_for_is_opened(
    script: Script, server: JupyterServer, kind: str | None, path: str, lab: str, notebook: str
) -> None:
    script.page("/lab")
    script.page("/tree")
    if kind:
        script.json(f"/api/contents/{quote(path)}?content=0&no_track_activity=1", {"type": kind})
    assert [each.path for each in discover(server, path=path, wanted=None)] == [lab, notebook]


def test_a_shiny_app_and_voila_open_their_own_way(script: Script, server: JupyterServer) -> None:
    script.json("/server-proxy/servers-info", {"server_processes": [{"name": "shiny"}]})
    script.page("/voila")
    script.json("/api/contents/app?content=0&no_track_activity=1", {"type": "directory"})
    assert [each.path for each in discover(server, path="app", wanted="shiny")] == ["shiny/app/", "voila"]


@pytest.mark.parametrize(("answers", "kinds"), [(True, ["custom", "lab"]), (False, ["lab"])])
def test_a_page_asked_for_by_its_path_is_posted_first_if_it_answers(
    script: Script, server: JupyterServer, *, answers: bool, kinds: list[str]
) -> None:
    script.page("/lab")
    if answers:
        script.page("/git-pull?repo=x")
    assert [each.kind for each in discover(server, path=None, wanted="/git-pull?repo=x")] == kinds


@pytest.mark.parametrize(
    ("endpoint", "page", "answer"),
    [
        (405, b'{"disableRTC": false, "x": 1}', True),
        (405, b"<html>", True),
        (405, b'{"disableRTC": true}', False),
        (404, b'{"disableRTC": false}', False),
        (302, b"<html>", False),
    ],
)
def test_a_server_tells_whether_people_in_one_notebook_see_each_other(
    script: Script,
    server: JupyterServer,
    endpoint: int,
    page: bytes,
    answer: bool,  # noqa: FBT001
) -> None:
    script.page("/api/collaboration/session/none.ipynb", status=endpoint)
    script.pages["/lab"] = (200, {}, page)
    assert server.collaborates() is answer


def test_a_server_that_does_not_answer_does_not_tell() -> None:
    server = JupyterServer("http://127.0.0.1:1", "t")
    assert server.collaborates() is None
    server.close()
