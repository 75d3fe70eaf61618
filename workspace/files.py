"""Files: where they are brought, how they are shared, and where they are fetched."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from workspace.state import Channel, File, Json, PostedMessage, SlackError, State, new_id

if TYPE_CHECKING:
    from workspace.arguments import Args

_CHANNEL_ID = re.compile(r"[CGDZ][A-Z0-9]{8,}")


def reserve(state: State, base_url: str, args: Args) -> Json:
    """files.getUploadURLExternal: a place for a file of that length."""
    length = args.number("length", 0)
    if length < 1:
        raise _invalid("length")
    name = args.required("filename").replace("/", "_")
    file = File(new_id("F"), name, name, length, secrets.token_urlsafe(16))
    state.files[file.id] = file
    return {"upload_url": f"{base_url}/upload/{file.key}", "file_id": file.id}


def complete(state: State, args: Args) -> Json:
    """files.completeUploadExternal: show files that were brought, in a channel or in a thread of it."""
    described = args.structure("files")
    if (
        not isinstance(described, list)
        or not described
        or not all(isinstance(one, dict) for one in described)
    ):
        raise _invalid("files")
    files = [_brought(state, one) for one in described]
    if args.text("channel_id"):
        _share(state, _place(state, args.text("channel_id")), files, args)
    for file in files:
        file.completed = True
    return {"files": [state.file_json(file) for file in files]}


async def take(state: State, request: web.Request) -> web.Response:
    """Take the bytes of a file, bare or as a form's, once."""
    file = _keyed(state, request)
    if file.content:
        raise web.HTTPNotFound
    file.content = await _bytes_of(request)
    return web.Response(text=f"OK - {len(file.content)}")


def give(state: State, request: web.Request) -> web.Response:
    """Give a file to be stored, never to be shown: it may hold anything."""
    headers = {"Content-Disposition": "attachment"}
    body = _keyed(state, request).content
    return web.Response(body=body, content_type="application/octet-stream", headers=headers)


def _keyed(state: State, request: web.Request) -> File:
    for file in state.files.values():
        if file.key == request.match_info["key"]:
            return file
    raise web.HTTPNotFound


async def _bytes_of(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for field in (await request.post()).values():
        if isinstance(field, web.FileField):
            return field.file.read()
    raise web.HTTPBadRequest(text="no file")


def _brought(state: State, described: Json) -> File:
    file = state.files.get(str(described.get("id")))
    if file is None or file.completed or len(file.content) != file.length:
        raise SlackError("file_not_found")
    file.title = described.get("title") or file.name
    return file


def _place(state: State, channel_id: str) -> Channel:
    """The channel to share in, by its id alone. Unlike for messages, the bot must be a member."""
    if not _CHANNEL_ID.fullmatch(channel_id):
        raise _invalid("channel_id")
    channel = state.channel_for(state.bot.id, channel_id)
    if state.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _share(state: State, channel: Channel, files: list[File], args: Args) -> None:
    text, thread = args.text("initial_comment"), args.text("thread_ts") or None
    message = PostedMessage(state.next_ts(), channel.id, state.bot.id, text, thread_ts=thread, by_app=True)
    message.files = [file.id for file in files]
    state.post(message)


def _invalid(argument: str) -> SlackError:
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] invalid: {argument}"]})
