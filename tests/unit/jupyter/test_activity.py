"""What counts as use of a server: of a real one, and of such that lie."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import pairwise
from typing import Any

import pytest
import requests
import websocket
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ServerError
from bot.jupyter.activity import MOVING_SECONDS, Usage, judge, skew
from bot.jupyter.client import ANSWER_BYTES, JupyterServer
from storage.vocabulary import Activity
from tests.conftest import GitServer
from tests.fakes.http import Script
from tests.fakes.waiting import eventually
from tests.integration.local.world import TOKEN, Bench, order

STATUS, KERNELS, TERMINALS = (
    f"/api/{what}?no_track_activity=1" for what in ("status", "kernels", "terminals")
)
NOW = 1_800_000_000.0


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def kernel(ago: float, state: str = "idle", connections: int = 0) -> dict[str, Any]:
    return {"last_activity": iso(NOW - ago), "execution_state": state, "connections": connections}


def judged(ago: float, *kernels: dict[str, Any], terminals: tuple[float, ...] = ()) -> tuple[float, Activity]:
    """How long ago it was used, and the word for it."""
    listed = [{"name": "1", "last_activity": iso(NOW - each)} for each in terminals]
    found = judge({"last_activity": iso(NOW - ago)}, kernels, listed, now=NOW, skew=0.0)
    return NOW - found.used_at, found.kind


# The judgement ---------------------------------------------------------------------------------------------


def test_the_newest_sign_counts() -> None:
    assert judged(900) == (900, Activity.IDLE)
    assert judged(900, kernel(800), kernel(850), terminals=(870,)) == (800, Activity.IDLE)
    assert judged(900, kernel(800), terminals=(700, 710)) == (700, Activity.IDLE)


def test_a_busy_kernel_is_use_however_old_the_times_are() -> None:
    assert judged(90_000, kernel(90_000, "busy")) == (90_000, Activity.BUSY)
    assert judged(90_000, kernel(90_000, "busy", connections=2))[1] == Activity.BUSY


def test_an_open_page_is_a_tab_whether_its_times_are_old_or_moving() -> None:
    assert judged(90_000, kernel(90_000, connections=1)) == (90_000, Activity.TAB)
    assert judged(MOVING_SECONDS - 1)[1] == Activity.TAB
    assert judged(MOVING_SECONDS)[1] == Activity.IDLE


def test_connections_are_summed() -> None:
    two = [kernel(9, connections=2), kernel(9, connections=1), {"last_activity": iso(NOW)}]
    assert judge({"last_activity": iso(NOW)}, two, [], now=NOW, skew=0.0).connections == 3


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59.999999Z", iso(NOW + 1), "9999-12-31T23:59:59-23:59"])
def test_no_use_lies_in_the_future(moment: str) -> None:
    assert judge({"last_activity": moment}, [], [], now=NOW, skew=0.0).used_at == NOW


@pytest.mark.parametrize("ahead", [-86_400.0, 3_600.0])
def test_a_server_whose_clock_is_wrong_is_put_right(ahead: float) -> None:
    date = formatdate(NOW - ahead, usegmt=True)
    told = {"last_activity": iso(NOW - ahead - 500)}
    assert judge(told, [], [], now=NOW, skew=skew(date, NOW)).used_at == NOW - 500


def test_the_seconds_of_a_date_do_not_make_the_times_of_a_right_clock_jump() -> None:
    assert {skew(formatdate(NOW, usegmt=True), NOW + part) for part in (0.0, 0.4, 0.9, 3.0)} == {0.0}


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026", "Thu, 31 Dec 99999 23:59:59 GMT"])
def test_a_date_that_is_none_corrects_nothing(date: str) -> None:
    assert skew(date, NOW) == 0.0


@given(st.text())
def test_no_date_breaks_it(date: str) -> None:
    assert isinstance(skew(date, NOW), float)


json_values: st.SearchStrategy[Any] = (
    st.sampled_from([None, True, 1.5, "", "idle", "busy", [], {}, [[]]]) | st.integers() | st.text()
)
dates = json_values | st.datetimes().map(lambda each: each.isoformat() + "Z")
things = st.fixed_dictionaries(
    {}, optional={"last_activity": dates, "execution_state": json_values, "connections": json_values}
)


@given(status=things, kernels=st.lists(things | json_values), terminals=st.lists(things | json_values))
def test_whatever_a_server_says_is_a_safe_answer_or_none(
    status: dict[str, Any], kernels: list[Any], terminals: list[Any]
) -> None:
    try:
        found = judge(status, kernels, terminals, now=NOW, skew=0.0)
    except ServerError:
        return
    assert found.used_at <= NOW
    assert found.connections >= 0
    assert found.kind != Activity.UNKNOWN


# A server that lies ----------------------------------------------------------------------------------------


@pytest.fixture
def script(script: Script) -> Script:
    """One that begins with a server in which nothing happens."""
    script.json(STATUS, {"last_activity": iso(time.time() - 1000), "connections": 0, "kernels": 0})
    script.json(KERNELS, [])
    script.json(TERMINALS, [])
    return script


def test_it_is_asked_with_the_token_and_without_leaving_a_trace(
    script: Script, server: JupyterServer
) -> None:
    assert server.usage().kind == Activity.IDLE
    assert script.asked == [(path, "token s3cret") for path in (STATUS, KERNELS, TERMINALS)]


def test_terminals_may_be_switched_off(script: Script, server: JupyterServer) -> None:
    del script.pages[TERMINALS]
    assert server.usage().kind == Activity.IDLE


@pytest.mark.parametrize("path", [STATUS, KERNELS, TERMINALS])
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"null",
        b"3",
        b'"idle"',
        b"[" * 100_000,
        b'{"last_activity": ' + b"9" * 5000 + b"}",
        b'{"last_activity": "soon"}',
        b'{"last_activity": null}',
        b"[1]",
        b'[{"last_activity": 7}]',
        b'[{"last_activity": "0000-00-00"}]',
        b"\xff\xfe",
        b"",
    ],
)
def test_nonsense_is_no_answer_and_so_no_idleness(
    script: Script, server: JupyterServer, path: str, body: bytes
) -> None:
    script.pages[path] = (200, {}, body)
    with pytest.raises(ServerError):
        server.usage()


@pytest.mark.parametrize("path", [STATUS, KERNELS, TERMINALS])
@pytest.mark.parametrize("status", [302, 403, 500, 502])
def test_a_refusal_is_no_answer(script: Script, server: JupyterServer, path: str, status: int) -> None:
    script.page(path, status, "/login" if status == 302 else None)
    with pytest.raises(ServerError):
        server.usage()


def test_kernels_may_not_be_switched_off(script: Script, server: JupyterServer) -> None:
    del script.pages[KERNELS]
    with pytest.raises(ServerError):
        server.usage()


def test_nobody_there_is_no_answer() -> None:
    with closing(JupyterServer("http://127.0.0.1:1", "t")) as server, pytest.raises(ServerError):
        server.usage()


def test_more_kernels_than_anybody_has_are_no_answer(script: Script, server: JupyterServer) -> None:
    kernels = [kernel(0, connections=1)] * 5000
    assert len(json.dumps(kernels)) > ANSWER_BYTES
    script.json(KERNELS, kernels)
    with pytest.raises(ServerError):
        server.usage()
    script.json(KERNELS, kernels[:1000])
    assert server.usage().connections == 1000


# A real server ---------------------------------------------------------------------------------------------


class Jupyter:
    """A real server, and what people do with it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.server = JupyterServer(url, TOKEN)
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"token {TOKEN}"

    def close(self) -> None:
        self.server.close()
        self._session.close()

    def make(self, what: str) -> str:
        answer = self._session.post(f"{self.url}/api/{what}", json={}, timeout=30)
        answer.raise_for_status()
        made = answer.json()
        return str(made.get("id") or made["name"])

    def list(self, what: str) -> list[str]:
        found = self._session.get(f"{self.url}/api/{what}", timeout=30).json()
        return [str(each.get("id") or each["name"]) for each in found]

    def remove(self, what: str, ref: str) -> None:
        self._session.delete(f"{self.url}/api/{what}/{ref}", timeout=30).raise_for_status()

    def connect(self, path: str) -> websocket.WebSocket:
        address = f"{self.url.replace('http', 'ws', 1)}/{path}"
        return websocket.create_connection(address, header=[f"Authorization: token {TOKEN}"], timeout=30)

    def run(self, kernel_id: str, code: str) -> websocket.WebSocket:
        """Have a kernel compute, as a notebook does; the connection stays open."""
        channels = self.connect(f"api/kernels/{kernel_id}/channels")
        channels.send(json.dumps(execution(code)))
        return channels


def execution(code: str) -> dict[str, Any]:
    header = {"msg_id": "1", "username": "", "session": "s", "msg_type": "execute_request", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content | {"user_expressions": {}, "stop_on_error": True},
        "channel": "shell",
    }


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    root = tmp_path_factory.mktemp("used")
    with GitServer(root / "git") as git:
        bench = Bench(root / "local")
        repository = git.repository("team/repository")
        commit = repository.commit({"requirements.txt": ""})
        bench.cloud.create(order(repository.url, commit, "used"))
        try:
            bench.settle("used")
            with closing(Jupyter(bench.url("used"))) as jupyter:
                yield jupyter
        finally:
            bench.close()


@pytest.fixture
def quiet(jupyter: Jupyter) -> Iterator[Jupyter]:
    """As it is when nobody is there, and has not been for a while."""
    eventually(lambda: not (found := jupyter.server.usage()).busy and not found.connections)
    yield jupyter
    for what in ("kernels", "terminals"):
        for ref in jupyter.list(what):  # of a test that failed
            jupyter.remove(what, ref)


def test_asking_is_no_use(quiet: Jupyter) -> None:
    first = quiet.server.usage().used_at
    for _ in range(5):
        assert quiet.server.is_alive()
        assert quiet.server.kind_of("requirements.txt") == "file"
        assert quiet.server.usage().used_at == first


def test_a_busy_kernel_without_output_is_use_and_an_idle_one_is_not(quiet: Jupyter) -> None:
    ref = quiet.make("kernels")
    with closing(quiet.run(ref, "import threading; threading.Event().wait()")):
        eventually(lambda: quiet.server.usage().kind == Activity.BUSY)
        assert quiet.server.usage().connections == 1
    eventually(lambda: quiet.server.usage().connections == 0)  # nobody looks any more, but it computes

    def computing() -> list[Usage]:
        return [quiet.server.usage() for _ in range(3)]

    # It looks unused by its times alone, once the end of the connection was noted.
    eventually(lambda: len({each.used_at for each in computing()}) == 1)
    assert {each.kind for each in computing()} == {Activity.BUSY}
    quiet.remove("kernels", ref)
    eventually(lambda: not quiet.server.usage().busy)


def test_an_open_page_that_nobody_touches_is_a_tab(quiet: Jupyter, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = quiet.make("kernels")
    monkeypatch.setattr("bot.jupyter.activity.MOVING_SECONDS", 0.0)  # as if it had been open for a while
    with closing(quiet.connect(f"api/kernels/{ref}/channels")):
        eventually(lambda: (found := quiet.server.usage()).connections == 1 and not found.busy)
        assert quiet.server.usage().kind == Activity.TAB
    eventually(lambda: quiet.server.usage().kind == Activity.IDLE)
    quiet.remove("kernels", ref)


def test_a_terminal_that_prints_is_use_although_nobody_looks(quiet: Jupyter) -> None:
    ref = quiet.make("terminals")
    with closing(quiet.connect(f"terminals/websocket/{ref}")) as terminal:
        terminal.send(json.dumps(["stdin", "while sleep 0.2; do date; done\r"]))
        eventually(lambda: "date" in str(terminal.recv()))
    used: list[float] = []

    def it_moved() -> bool:
        used.append(quiet.server.usage().used_at)
        return len(used) > 3 and used[-1] > used[0] + 1

    eventually(it_moved)
    assert all(earlier <= later for earlier, later in pairwise(used))
    quiet.remove("terminals", ref)
