"""Slack's Web API: the methods, the tokens and scopes they need, and the errors they answer with."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspace import files, unfurls
from workspace.arguments import Args, between, paged
from workspace.block_tree import with_ids
from workspace.blocks import check_message
from workspace.state import Channel, Json, PostedMessage, SlackError, State, User

if TYPE_CHECKING:
    from workspace.options import Options
    from workspace.socket_mode import Sockets
    from workspace.views import Views

_TEXT, _UPDATE_TEXT = 40_000, 4_000
_METADATA = 16_000
_KIND_SCOPES = {"public": "channels", "private": "groups", "im": "im"}

Method = Callable[["WebApi", Args], Json]


@dataclass
class WebApi:
    """The app's hands: `call` runs one method as the bot."""

    state: State
    views: Views
    sockets: Sockets
    options: Options
    bot_token: str
    app_token: str
    base_url: str = ""
    revoked: bool = False
    joined: Callable[[Channel, str], None] = field(default=lambda _channel, _user: None)

    def call(self, method: str, token: str, given: Json) -> Json:
        """Run a method; raises SlackError with what Slack would answer."""
        self._authorize(method, token)
        known = _METHODS.get(method)
        if known is None:
            raise SlackError("unknown_method", req_method=method)
        run, scope = known
        if scope:
            self.need(scope)
        return {"ok": True, **run(self, Args(given))}

    def _authorize(self, method: str, token: str) -> None:
        if method == "api.test":
            return
        if not token:
            raise SlackError("not_authed")
        if not any(
            secrets.compare_digest(token.encode(), one.encode()) for one in (self.bot_token, self.app_token)
        ):
            raise SlackError("invalid_auth")
        if self.revoked:
            raise SlackError("account_inactive")
        if (token == self.app_token) != (method == "apps.connections.open"):
            raise SlackError("not_allowed_token_type")

    def need(self, scope: str) -> None:
        """Refuse (`missing_scope`) what the bot token may not."""
        if scope not in self.options.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(self.options.scopes)))

    def channel(self, args: Args) -> Channel:
        """The channel a call names, if the bot may know of it."""
        return self.state.channel_for(self.state.bot.id, args.text("channel"))

    def place_to_post(self, args: Args) -> Channel:
        """As `channel`, but people stand for their direct message, and the bot must be allowed to write."""
        name = args.text("channel")
        if name in self.state.users:
            return self.state.im(name, self.state.bot.id)
        channel = self.channel(args)
        member = self.state.bot.id in channel.members
        if not member and "chat:write.public" not in self.options.scopes:
            raise SlackError("not_in_channel")
        return channel

    def history(self, args: Args) -> Channel:
        """The channel a call reads: the bot must be a member, and hold the scope for its kind."""
        channel = self.channel(args)
        self.need(f"{_KIND_SCOPES[channel.kind]}:history")
        if self.state.bot.id not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def content(self, args: Args, most: int) -> tuple[str, list[Json]]:
        """The text and the checked blocks of a call; SlackError if there is neither, or too much."""
        text, blocks = args.text("text"), args.structure("blocks")
        if len(text) > most:
            raise SlackError("msg_too_long")
        if not text.strip() and not blocks and not args.structure("attachments"):
            raise SlackError("no_text")
        if blocks:
            check_message(blocks, new_blocks=self.options.new_blocks)
        return text, with_ids(blocks or [])

    def own(self, args: Args, error: str) -> PostedMessage:
        """The bot's own message that a call names; `error` if somebody else wrote it."""
        message = self.state.find(self.channel(args).id, args.text("ts"))
        if not message.by_app:
            raise SlackError(error)
        return message


def _metadata(args: Args) -> Json | None:
    metadata = args.structure("metadata")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata)) > _METADATA:
        raise SlackError("metadata_too_large")
    return metadata


def _api_test(_api: WebApi, args: Args) -> Json:
    return {"args": args.given}


def _auth_test(api: WebApi, _args: Args) -> Json:
    state = api.state
    return {
        "url": api.base_url + "/",
        "team": state.team_name,
        "team_id": state.team_id,
        "user": state.bot.name,
        "user_id": state.bot.id,
        "bot_id": state.bot_id,
        "is_enterprise_install": False,
    }


def _connections_open(api: WebApi, _args: Args) -> Json:
    return {"url": f"{api.base_url.replace('http', 'ws', 1)}/link?ticket={api.sockets.ticket()}"}


def _post_message(api: WebApi, args: Args) -> Json:
    channel = api.place_to_post(args)
    text, blocks = api.content(args, _TEXT)
    message = PostedMessage(
        ts=api.state.next_ts(),
        channel=channel.id,
        user=api.state.bot.id,
        text=text,
        blocks=blocks,
        thread_ts=args.text("thread_ts") or None,
        broadcast=args.flag("reply_broadcast"),
        metadata=_metadata(args),
        by_app=True,
    )
    api.state.post(message)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "message": api.state.message_json(message, metadata=True),
    }


def _update(api: WebApi, args: Args) -> Json:
    message = api.own(args, "cant_update_message")
    metadata = _metadata(args)
    message.text, message.blocks = api.content(args, _UPDATE_TEXT)
    message.metadata = message.metadata if metadata is None else metadata
    message.edited_ts = api.state.next_ts()
    api.state.touch()
    shown = api.state.message_json(message, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}


def _delete(api: WebApi, args: Args) -> Json:
    message = api.own(args, "cant_delete_message")
    api.state.remove(message)
    return {"channel": message.channel, "ts": message.ts}


def _post_ephemeral(api: WebApi, args: Args) -> Json:
    channel = api.place_to_post(args)
    user = args.required("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks = api.content(args, _TEXT)
    ts, thread = api.state.next_ts(), args.text("thread_ts") or None
    api.state.post(
        PostedMessage(ts, channel.id, api.state.bot.id, text, blocks, thread, ephemeral_to=user, by_app=True)
    )
    return {"message_ts": ts}


def _permalink(api: WebApi, args: Args) -> Json:
    channel = api.channel(args)
    message = api.state.find(channel.id, args.required("message_ts"))
    link = f"{api.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": link}


def _open_im(api: WebApi, args: Args) -> Json:
    channel = api.state.im(_user(api, args.required("users")).id, api.state.bot.id)
    return {"channel": channel.as_slack(api.state.bot.id) if args.flag("return_im") else {"id": channel.id}}


def _channel_info(api: WebApi, args: Args) -> Json:
    channel = api.channel(args)
    api.need(f"{_KIND_SCOPES[channel.kind]}:read")
    return {"channel": channel.as_slack(api.state.bot.id)}


def _kinds(args: Args) -> set[str]:
    words = args.text("types", "public_channel").split(",")
    return {word.strip().removesuffix("_channel") for word in words}


def _channel_list(api: WebApi, args: Args) -> Json:
    bot, kinds = api.state.bot.id, _kinds(args)
    known = [one for one in api.state.channels.values() if one.kind == "public" or bot in one.members]
    return paged("channels", [one.as_slack(bot) for one in known if one.kind in kinds], args)


def _own_channels(api: WebApi, args: Args) -> Json:
    bot, kinds = api.state.bot.id, _kinds(args)
    user = args.text("user", bot)
    known = [one for one in api.state.channels.values() if {bot, user} <= one.members or _shared(one, user)]
    return paged("channels", [one.as_slack(bot) for one in known if one.kind in kinds], args)


def _shared(channel: Channel, user: str) -> bool:
    return channel.kind == "public" and user in channel.members


def _members(api: WebApi, args: Args) -> Json:
    channel = api.channel(args)
    api.need(f"{_KIND_SCOPES[channel.kind]}:read")
    return paged("members", sorted(channel.members), args)


def _group_members(api: WebApi, args: Args) -> Json:
    group = api.state.groups.get(args.required("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.members)}


def _join(api: WebApi, args: Args) -> Json:
    channel = api.channel(args)
    if channel.kind != "public":
        raise SlackError("method_not_supported_for_channel_type")
    if api.state.bot.id not in channel.members:
        channel.members.add(api.state.bot.id)
        api.joined(channel, api.state.bot.id)
        api.state.touch()
    return {"channel": channel.as_slack(api.state.bot.id)}


def _history(api: WebApi, args: Args) -> Json:
    channel = api.history(args)
    stored = api.state.messages[channel.id].values()
    top = [one for one in stored if (not one.is_reply or one.broadcast) and not one.ephemeral_to]
    return _messages(api, args, top[::-1])


def _replies(api: WebApi, args: Args) -> Json:
    channel = api.history(args)
    asked = api.state.messages[channel.id].get(args.required("ts"))
    if asked is None or asked.ephemeral_to:
        raise SlackError("thread_not_found")
    root = api.state.messages[channel.id].get(asked.thread_ts or asked.ts, asked)
    return _messages(api, args, [root, *api.state.replies(root)])


def _messages(api: WebApi, args: Args, messages: list[PostedMessage]) -> Json:
    oldest, latest = args.text("oldest", "0"), args.text("latest") or "9" * 10
    within = [one for one in messages if between(oldest, one.ts, latest, inclusive=args.flag("inclusive"))]
    shown = [api.state.message_json(one, metadata=args.flag("include_all_metadata")) for one in within]
    page = paged("messages", shown, args)
    return {**page, "has_more": bool(page["response_metadata"]["next_cursor"])}


def _user(api: WebApi, user_id: str) -> User:
    user = api.state.users.get(user_id)
    if user is None:
        raise SlackError("user_not_found")
    return user


def _user_info(api: WebApi, args: Args) -> Json:
    user = _user(api, args.required("user"))
    locale = {"locale": user.locale} if args.flag("include_locale") else {}
    return {"user": user.as_slack(api.state.team_id) | locale}


def _user_list(api: WebApi, args: Args) -> Json:
    return paged("members", [user.as_slack(api.state.team_id) for user in api.state.users.values()], args)


def _reserve_file(api: WebApi, args: Args) -> Json:
    return files.reserve(api.state, api.base_url, args)


def _views_open(api: WebApi, args: Args) -> Json:
    user = api.state.exchange_trigger(args.required("trigger_id"))
    return {"view": api.views.as_slack(api.views.open(user, args.structure("view")))}


def _views_push(api: WebApi, args: Args) -> Json:
    user = api.state.exchange_trigger(args.required("trigger_id"))
    return {"view": api.views.as_slack(api.views.push(user, args.structure("view")))}


def _views_update(api: WebApi, args: Args) -> Json:
    view = api.views.find(args.required("view_id"), args.text("hash") or None)
    return {"view": api.views.as_slack(api.views.update(view, args.structure("view")))}


def _views_publish(api: WebApi, args: Args) -> Json:
    user = _user(api, args.required("user_id"))
    return {"view": api.views.as_slack(api.views.publish(user.id, args.structure("view")))}


def _react(api: WebApi, args: Args) -> Json:
    users = _reacted(api, args)
    if api.state.bot.id in users:
        raise SlackError("already_reacted")
    users.append(api.state.bot.id)
    api.state.touch()
    return {}


def _unreact(api: WebApi, args: Args) -> Json:
    users = _reacted(api, args)
    if api.state.bot.id not in users:
        raise SlackError("no_reaction")
    users.remove(api.state.bot.id)
    api.state.touch()
    return {}


def _reacted(api: WebApi, args: Args) -> list[str]:
    message = api.state.find(api.channel(args).id, args.required("timestamp"))
    return message.reactions.setdefault(args.required("name").strip(":"), [])


def _bot_info(api: WebApi, _args: Args) -> Json:
    state = api.state
    bot = {"id": state.bot_id, "app_id": state.app_id, "user_id": state.bot.id, "name": state.app_name}
    return {"bot": {**bot, "deleted": False}}


def _team_info(api: WebApi, _args: Args) -> Json:
    return {"team": {"id": api.state.team_id, "name": api.state.team_name, "domain": api.state.team_domain}}


# method -> (what it does, the scope it needs; empty where it needs none or where that depends on the channel)
_METHODS: dict[str, tuple[Method, str]] = {
    "api.test": (_api_test, ""),
    "auth.test": (_auth_test, ""),
    "apps.connections.open": (_connections_open, ""),
    "bots.info": (_bot_info, "users:read"),
    "chat.delete": (_delete, "chat:write"),
    "chat.getPermalink": (_permalink, ""),
    "chat.postEphemeral": (_post_ephemeral, "chat:write"),
    "chat.postMessage": (_post_message, "chat:write"),
    "chat.unfurl": (lambda api, args: unfurls.unfurl(api.state, api.channel(args), args), "links:write"),
    "chat.update": (_update, "chat:write"),
    "conversations.history": (_history, ""),
    "conversations.info": (_channel_info, ""),
    "conversations.join": (_join, "channels:join"),
    "conversations.list": (_channel_list, "channels:read"),
    "conversations.members": (_members, ""),
    "conversations.open": (_open_im, "im:write"),
    "conversations.replies": (_replies, ""),
    "files.completeUploadExternal": (lambda api, args: files.complete(api.state, args), "files:write"),
    "files.getUploadURLExternal": (
        lambda api, args: files.reserve(api.state, api.base_url, args),
        "files:write",
    ),
    "reactions.add": (_react, "reactions:write"),
    "reactions.remove": (_unreact, "reactions:write"),
    "team.info": (_team_info, "team:read"),
    "usergroups.list": (
        lambda api, _: {"usergroups": [each.as_slack() for each in api.state.groups.values()]},
        "usergroups:read",
    ),
    "usergroups.users.list": (_group_members, "usergroups:read"),
    "users.conversations": (_own_channels, "channels:read"),
    "users.info": (_user_info, "users:read"),
    "users.list": (_user_list, "users:read"),
    "views.open": (_views_open, ""),
    "views.publish": (_views_publish, ""),
    "views.push": (_views_push, ""),
    "views.update": (_views_update, ""),
}
