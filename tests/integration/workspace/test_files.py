"""Files in the local workspace: brought, shared once, fetched, and refused as Slack does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from selenium.webdriver.common.by import By
from slack_sdk.errors import SlackApiError

from tests.fakes.browser import Page, chromium

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from slack_sdk import WebClient

    from workspace.hands import Person
    from workspace.server import Workspace


def error_of(method: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as raised:
        method(**arguments)
    return str(raised.value.response["error"])


def brought(client: WebClient, content: bytes = b"12345", name: str = "a.zip") -> str:
    """Bring a file; its id."""
    place = client.files_getUploadURLExternal(filename=name, length=len(content))
    requests.post(place["upload_url"], data=content, timeout=5).raise_for_status()
    return str(place["file_id"])


@pytest.fixture
def channel(ada: Person) -> str:
    return str(ada.look().channel("general")["id"])


def test_a_file_is_shared_in_a_thread_with_words(
    client: WebClient, workspace: Workspace, ada: Person, channel: str
) -> None:
    root = client.chat_postMessage(channel=channel, text="root")["ts"]
    done = client.files_completeUploadExternal(
        files=[{"id": brought(client, name="50% of #1?.zip"), "title": "Work"}],
        channel_id=channel,
        thread_ts=root,
        initial_comment="*Here*",
    )
    assert done["files"][0]["title"] == "Work"
    (message,) = ada.look().thread("general", root)
    assert message["text"] == "*Here*"
    answer = requests.get(workspace.url + message["files"][0]["url_private"], timeout=5)
    assert answer.content == b"12345"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    found = client.conversations_replies(channel=channel, ts=root)["messages"][1]
    assert found["files"][0]["name"] == "50% of #1?.zip"


def test_a_form_is_taken_too(client: WebClient, workspace: Workspace) -> None:
    place = client.files_getUploadURLExternal(filename="a", length=3)
    requests.post(place["upload_url"], files={"file": b"123"}, timeout=5).raise_for_status()
    assert workspace.state.files[place["file_id"]].content == b"123"


def test_without_a_channel_nobody_sees_it(client: WebClient, ada: Person) -> None:
    client.files_completeUploadExternal(files=[{"id": brought(client)}])
    assert ada.look().everything() == []


def test_a_place_takes_one_file(client: WebClient) -> None:
    place = client.files_getUploadURLExternal(filename="a", length=3)
    answers = [requests.post(place["upload_url"], data=b"123", timeout=5).status_code for _ in range(2)]
    assert answers == [200, 404]
    assert requests.post(place["upload_url"] + "x", data=b"123", timeout=5).status_code == 404
    assert (
        requests.get(place["upload_url"].replace("/upload/", "/files/") + "x/a", timeout=5).status_code == 404
    )


def test_what_did_not_arrive_whole_or_is_shared_already_is_not_found(client: WebClient, channel: str) -> None:
    place = client.files_getUploadURLExternal(filename="a", length=10)
    half = place["file_id"]
    assert error_of(client.files_completeUploadExternal, files=[{"id": half}]) == "file_not_found"
    requests.post(place["upload_url"], data=b"12345", timeout=5)
    assert error_of(client.files_completeUploadExternal, files=[{"id": half}]) == "file_not_found"
    whole = brought(client)
    client.files_completeUploadExternal(files=[{"id": whole}], channel_id=channel)
    assert error_of(client.files_completeUploadExternal, files=[{"id": whole}]) == "file_not_found"


def test_files_are_shared_only_where_the_bot_is_a_member(client: WebClient, ada: Person) -> None:
    file, lab = brought(client), ada.look().channel("lab")["id"]
    share = client.files_completeUploadExternal
    assert error_of(share, files=[{"id": file}], channel_id=lab) == "not_in_channel"
    assert error_of(share, files=[{"id": file}], channel_id="#general") == "invalid_arguments"
    assert error_of(share, files=[{"id": file}], channel_id=ada.look().me) == "invalid_arguments"
    client.conversations_join(channel=lab)
    assert share(files=[{"id": file}], channel_id=lab)["ok"]


def test_a_thread_that_is_not_there_is_refused_and_the_file_is_kept(client: WebClient, channel: str) -> None:
    file = brought(client)
    share = client.files_completeUploadExternal
    assert error_of(share, files=[{"id": file}], channel_id=channel, thread_ts="1.1") == "thread_not_found"
    assert share(files=[{"id": file}], channel_id=channel)["ok"]


@pytest.mark.parametrize("files", ["[]", "{}", '"x"', "[7]", "null"])
def test_what_is_no_list_of_files_is_refused(client: WebClient, files: str) -> None:
    call = {"api_method": "files.completeUploadExternal", "data": {"files": files}}
    assert error_of(client.api_call, **call) == "invalid_arguments"


@pytest.mark.parametrize("given", [{"filename": "a"}, {"filename": "a", "length": "0"}, {"length": "5"}])
def test_a_place_needs_a_name_and_a_length(client: WebClient, given: dict[str, str]) -> None:
    call = {"api_method": "files.getUploadURLExternal", "data": given}
    assert error_of(client.api_call, **call) == "invalid_arguments"


def test_it_needs_its_scope(start: Any) -> None:
    lesser = start(scopes=frozenset({"chat:write"}))
    url, token = lesser.api_url + "files.getUploadURLExternal", lesser.bot_token
    answer = requests.post(url, data={"token": token, "filename": "a", "length": "1"}, timeout=5)
    assert json.loads(answer.text)["needed"] == "files:write"


def test_bringing_a_file_can_fail_on_demand(client: WebClient, workspace: Workspace) -> None:
    place = client.files_getUploadURLExternal(filename="a", length=3)
    workspace.fail_next("upload", "http_500")
    workspace.fail_next("upload", "drop_after")
    assert requests.post(place["upload_url"], data=b"123", timeout=5).status_code == 500
    with pytest.raises(requests.ConnectionError):
        requests.post(place["upload_url"], data=b"123", timeout=5)
    assert workspace.state.files[place["file_id"]].content == b"123"


@pytest.mark.browser
def test_the_page_shows_a_file_with_a_link_to_download_it(
    client: WebClient, workspace: Workspace, channel: str, tmp_path: Path
) -> None:
    client.files_completeUploadExternal(
        files=[{"id": brought(client, name="50% of #1?.zip"), "title": "Work & <b>more</b>"}],
        channel_id=channel,
        initial_comment="*Here*",
    )
    with chromium(tmp_path) as browser:
        browser.get(workspace.url)
        Page(browser).wait_for("#messages .file", "Work & <b>more</b>")
        Page(browser).wait_for("#messages .file", "5 bytes")
        link = browser.find_element(By.CSS_SELECTOR, "#messages .file a").get_attribute("href")
    assert requests.get(str(link), timeout=5).content == b"12345"
