"""What people do in the workspace, and what the app hears of it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workspace import unfurls
from workspace.arguments import Args
from workspace.block_tree import elements
from workspace.socket_mode import NotAnsweredError
from workspace.state import Channel, Json, PostedMessage, SlackError, State, User, new_id
from workspace.typed import escape
from workspace.views import View, Views, entered

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspace.delivery import Delivery
    from workspace.options import Options, SlashCommand
    from workspace.web_api import WebApi

_RESPONSES = 5
_RESPONSE_SECONDS = 30 * 60
_CONTAINER_TYPE = {"public": "channel", "private": "group", "im": "im"}
_NAMELESS = {"private": "privategroup", "im": "directmessage"}


@dataclass
class ResponseUrl:
    """The right to answer one interaction a few times, without a token."""

    channel: Channel
    user: User
    message: PostedMessage | None
    expires: float
    left: int = _RESPONSES


class People:
    """Every method is something one person does; each returns `ok`, or the `error` that the person sees."""

    def __init__(self, state: State, views: Views, delivery: Delivery, api: WebApi, options: Options) -> None:
        self._state, self._views, self._delivery, self._api = state, views, delivery, api
        self._options = options
        self._responses: dict[str, ResponseUrl] = {}
        self._verification = secrets.token_hex(12)
        api.joined = self.tell_joined

    async def command(self, user: str, channel: str, text: str, thread_ts: str = "") -> Json:
        """Type a slash command."""
        who, where = self._who_and_where(user, channel)
        name, _, rest = text.strip().partition(" ")
        if name == "/invite":
            return self._invite(where, rest)
        if thread_ts:
            return self._slackbot_says(who, where, f"{name} is not supported in threads. Sorry!", thread_ts)
        if self._options.commands and name not in [command.name for command in self._options.commands]:
            return self._slackbot_says(who, where, f"{name} is not a valid command.")
        payload = self._command_payload(who, where, name, rest)
        try:
            answer = await self._delivery.ask("slash_commands", payload)
        except NotAnsweredError as error:
            return self._slackbot_says(who, where, f"{name} failed {_because(error)}", error=error.error)
        response = self._responses[payload["response_url"].rsplit("/", 1)[1]]
        return self.answered(lambda: self._show_response(response, answer) if answer else None)

    def _command_payload(self, who: User, where: Channel, name: str, rest: str) -> Json:
        return {
            **self._flat_identity(who, where),
            "command": name,
            "text": escape(rest.strip(), self._state, labels=True),
            "response_url": self._response_url(who, where, None),
            "trigger_id": self._state.issue_trigger(who.id),
        }

    def _flat_identity(self, who: User, where: Channel) -> Json:
        return {
            "token": self._verification,
            "team_id": self._state.team_id,
            "team_domain": self._state.team_domain,
            "channel_id": where.id,
            "channel_name": _NAMELESS.get(where.kind, where.name),
            "user_id": who.id,
            "user_name": who.name,
            "api_app_id": self._state.app_id,
            "is_enterprise_install": "false",
        }

    def _invite(self, where: Channel, rest: str) -> Json:
        guest = self._state.person(rest.strip().lstrip("@"))
        where.members.add(guest.id)
        self._state.post(PostedMessage(self._state.next_ts(), where.id, guest.id, f"joined #{where.name}."))
        self.tell_joined(where, guest.id)
        return {"ok": True}

    def tell_joined(self, channel: Channel, user: str) -> None:
        """Let the app hear that somebody (or itself) came into a channel."""
        event = {
            "type": "member_joined_channel",
            "user": user,
            "channel": channel.id,
            "team": self._state.team_id,
        }
        channel_type = {"public": "C", "private": "G"}.get(channel.kind, "D")
        self._tell("member_joined_channel", {**event, "channel_type": channel_type})

    def message(self, user: str, channel: str, text: str, thread_ts: str = "") -> Json:
        """Say something, in a channel or in a thread."""
        who, where = self._who_and_where(user, channel)
        marked_up = escape(text, self._state, labels=False)
        message = PostedMessage(
            self._state.next_ts(), where.id, who.id, marked_up, thread_ts=thread_ts or None
        )
        self._state.post(message)
        self._tell_links(where, message)
        if self._state.bot.id in where.members:
            self._tell_message(where, message)
        elif f"<@{self._state.bot.id}>" in marked_up:
            self._slackbot_says(
                who, where, f"{self._state.app_name} is not in this channel: /invite it first."
            )
        return {"ok": True, "ts": message.ts}

    def _tell_message(self, where: Channel, message: PostedMessage) -> None:
        event = self._state.message_json(message) | {"channel": where.id, "event_ts": message.ts}
        event["client_msg_id"] = new_id("M")
        kind = _CONTAINER_TYPE[where.kind]
        plural = {"channel": "channels", "group": "groups", "im": "im"}[kind]
        self._tell(f"message.{plural}", {**event, "channel_type": kind})
        if f"<@{self._state.bot.id}>" in message.text and where.kind != "im":
            self._tell("app_mention", {**event, "type": "app_mention"})

    def _tell_links(self, where: Channel, message: PostedMessage) -> None:
        event = unfurls.event_of(where, message, self._options.unfurl_domains)
        is_there = where.kind == "public" or self._state.bot.id in where.members
        if event and is_there and "links:read" in self._options.scopes:
            self._tell("link_shared", event)

    def delete(self, user: str, channel: str, ts: str) -> Json:
        """Delete a message: one's own, or anybody's as the workspace's owner."""
        who, where = self._who_and_where(user, channel)
        message = self._state.find(where.id, ts)
        if message.user != who.id and not who.is_owner:
            raise SlackError("cant_delete_message")
        self._state.remove(message)
        return {"ok": True}

    async def click(self, user: str, at: Json, action_id: str, block_id: str, value: Any = None) -> Json:
        """Press a button or choose `value`, `at` a message (channel, ts) or a view (view_id)."""
        who = self._state.person(user)
        if at.get("view_id"):
            view = self.own_view(who, at["view_id"])
            blocks, payload = view.payload["blocks"], self.view_container(view)
        else:
            message = self._visible(who, str(at.get("channel")), str(at.get("ts")))
            blocks, payload = message.blocks, self._message_container(who, message)
            for attachment in message.attachments():
                if any(element["action_id"] == action_id for _, element in elements(attachment["blocks"])):
                    blocks, payload = attachment["blocks"], _in_unfurl(payload, attachment)
        action = action_on(blocks, action_id, block_id, value)
        return await self.interact(who, {"type": "block_actions", **payload, "actions": [action]})

    def own_view(self, who: User, view_id: str) -> View:
        """A view that is open before a person; SlackError `not_found` otherwise."""
        view = self._views.find(view_id)
        if view.user != who.id:
            raise SlackError("not_found")
        return view

    def view_container(self, view: View) -> Json:
        """Where something was done, as payloads tell it."""
        container = {"type": "view", "view_id": view.id}
        return {"container": container, "view": self._views.as_slack(view)}

    def _message_container(self, who: User, message: PostedMessage) -> Json:
        where = self._state.channels[message.channel]
        container: Json = {"type": "message", "message_ts": message.ts, "channel_id": where.id}
        container["is_ephemeral"] = bool(message.ephemeral_to)
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        return {
            "container": container,
            **({} if message.ephemeral_to else {"message": self._state.message_json(message)}),
            "channel": {"id": where.id, "name": _NAMELESS.get(where.kind, where.name)},
            "state": {"values": {}},
            "response_url": self._response_url(who, where, message),
        }

    async def shortcut(self, user: str, callback_id: str, at: Json | None = None) -> Json:
        """Use a shortcut, of the workspace or `at` a message (channel, ts)."""
        who = self._state.person(user)
        payload: Json = {"type": "shortcut", "callback_id": callback_id, "action_ts": self._state.next_ts()}
        if at:
            message = self._visible(who, str(at.get("channel")), str(at.get("ts")))
            around = self._message_container(who, message)
            kept: Json = {key: around[key] for key in ("message", "channel", "response_url") if key in around}
            payload |= {**kept, "type": "message_action", "message_ts": message.ts}
        return await self.interact(who, payload)

    def open_home(self, user: str) -> Json:
        """Look at the app's home tab."""
        who = self._state.person(user)
        event: Json = {"type": "app_home_opened", "user": who.id, "tab": "home"}
        event |= {"channel": self._state.im(who.id, self._state.bot.id).id, "event_ts": self._state.next_ts()}
        home = self._views.homes.get(who.id)
        self._tell("app_home_opened", event | ({"view": self._views.as_slack(home)} if home else {}))
        return {"ok": True}

    def uninstall(self) -> None:
        """Remove the app: it hears of it, and its tokens die."""
        self._tell("app_uninstalled", {"type": "app_uninstalled"})
        self._api.revoked = True

    async def interact(self, who: User, payload: Json) -> Json:
        """Tell the app what a person did, and wait for its acknowledgement."""
        whole = {**payload, **self.identity(who), "trigger_id": self._state.issue_trigger(who.id)}
        try:
            await self._delivery.ask("interactive", whole)
        except NotAnsweredError as error:
            return {"ok": False, "error": error.error}
        return {"ok": True}

    def answered(self, show: Callable[[], None]) -> Json:
        """Show what the app answered; what Slack would refuse of it is the answer."""
        try:
            show()
        except SlackError as error:
            return error.as_slack()
        return {"ok": True}

    def identity(self, who: User) -> Json:
        """Who does something, as payloads tell it."""
        return {
            "user": {"id": who.id, "username": who.name, "name": who.name, "team_id": self._state.team_id},
            "team": {"id": self._state.team_id, "domain": self._state.team_domain},
            "api_app_id": self._state.app_id,
            "token": self._verification,
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _tell(self, subscription: str, event: Json) -> None:
        if self._options.events is not None and subscription not in self._options.events:
            return
        team, bot = self._state.team_id, self._state.bot.id
        authorization = {"enterprise_id": None, "team_id": team, "user_id": bot, "is_bot": True}
        envelope = {"token": self._verification, "team_id": team, "api_app_id": self._state.app_id}
        self._delivery.tell(
            {
                **envelope,
                "event": event,
                "type": "event_callback",
                "event_id": new_id("Ev"),
                "event_time": int(time.time()),
                "authorizations": [{**authorization, "is_enterprise_install": False}],
                "is_ext_shared_channel": False,
            }
        )

    def _who_and_where(self, user: str, channel: str) -> tuple[User, Channel]:
        who = self._state.person(user)
        return who, self._state.channel_for(who.id, channel)

    def _visible(self, who: User, channel: str, ts: str) -> PostedMessage:
        where = self._state.channel_for(who.id, channel)
        message = self._state.messages[where.id].get(ts)
        if message is None or message.ephemeral_to not in (None, who.id):
            raise SlackError("message_not_found")
        return message

    def _slackbot_says(
        self, who: User, where: Channel, text: str, thread_ts: str = "", error: str = ""
    ) -> Json:
        ts, slackbot = self._state.next_ts(), self._state.slackbot.id
        self._state.post(
            PostedMessage(ts, where.id, slackbot, text, thread_ts=thread_ts or None, ephemeral_to=who.id)
        )
        return {"ok": False, "error": error or "refused", "text": text}

    def _response_url(self, who: User, where: Channel, message: PostedMessage | None) -> str:
        key = secrets.token_urlsafe(16)
        self._responses[key] = ResponseUrl(where, who, message, time.monotonic() + _RESPONSE_SECONDS)
        return f"{self._api.base_url}/response/{key}"

    def respond(self, key: str, payload: Json) -> None:
        """Show what the app sent to a response_url; SlackError `used_url` or `expired_url` at its end."""
        response = self._responses.get(key)
        if response is None or time.monotonic() > response.expires:
            raise SlackError("expired_url")
        if response.left < 1:
            raise SlackError("used_url")
        self._show_response(response, payload)
        response.left -= 1

    def _show_response(self, response: ResponseUrl, payload: Json) -> None:
        args = Args(payload)
        if args.flag("delete_original") and response.message:
            self._state.remove(response.message)
            return
        text, blocks = self._api.content(args, 40_000)
        if args.flag("replace_original") and response.message:
            message = response.message
            message.text, message.blocks, message.edited_ts = text, blocks, self._state.next_ts()
            self._state.touch()
            return
        alone = None if args.text("response_type") == "in_channel" else response.user.id
        thread = args.text("thread_ts") or (response.message.thread_ts if response.message else None)
        where, ts, bot = response.channel.id, self._state.next_ts(), self._state.bot.id
        self._state.post(PostedMessage(ts, where, bot, text, blocks, thread, ephemeral_to=alone, by_app=True))

    def seen_by(self, user: str) -> Json:
        """Everything that one person sees, and may use."""
        who = self._state.person(user)
        return {
            **self._state.seen_by(who),
            **self._views.seen_by(who.id),
            "dm": self._state.im(who.id, self._state.bot.id).id,
            "connected": self._delivery.connected,
            "commands": [_hint(command) for command in self._options.commands],
            "shortcuts": [vars(shortcut) for shortcut in self._options.shortcuts],
        }


def _in_unfurl(payload: Json, attachment: Json) -> Json:
    """The payload of a click below a link; as in Slack, without the message."""
    kept = {name: payload[name] for name in ("channel", "state", "response_url")}
    where = {"type": "message_attachment", "attachment_id": attachment["id"], "is_app_unfurl": True}
    where |= {"app_unfurl_url": attachment["app_unfurl_url"]}
    return {**kept, "container": {**payload["container"], **where}, "app_unfurl": attachment}


def _hint(command: SlashCommand) -> Json:
    return {"name": command.name, "description": command.description, "usage_hint": command.usage_hint}


def _because(error: NotAnsweredError) -> str:
    if error.error == "dispatch_failed":
        return "because the app did not respond"
    return f'with the error "{error.error}"'


def action_on(blocks: list[Json], action_id: str, block_id: str, value: Any = None) -> Json:
    """What a payload says of an element that was pressed, or in which `value` was chosen."""
    block, element = _pressed(blocks, action_id, block_id)
    action = {"action_id": action_id, "block_id": block["block_id"], "type": element["type"]}
    action["action_ts"] = f"{time.time():.6f}"
    if element["type"] != "button":
        return action | entered(element, value)
    return action | {key: element[key] for key in ("text", "value", "style", "url") if key in element}


def _pressed(blocks: list[Json], action_id: str, block_id: str) -> tuple[Json, Json]:
    """The element that was pressed, with its block. An edit gives blocks new ids while somebody presses."""
    found = [(block, element) for block, element in elements(blocks) if element["action_id"] == action_id]
    exact = [(block, element) for block, element in found if block_id in ("", block["block_id"])]
    if exact:
        return exact[0]
    if len(found) != 1:  # nobody can tell any more which one it was
        raise SlackError("action_not_found")
    return found[0]
