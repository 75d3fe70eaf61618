"""Teams, people, channels, messages and files: the workspace's memory. Used from the server's loop only."""

from __future__ import annotations

import asyncio
import secrets
import string
import time
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote

Json = dict[str, Any]
ChannelKind = Literal["public", "private", "im"]

_ID_ALPHABET = string.ascii_uppercase + string.digits


class SlackError(Exception):
    """What Slack answers instead of `ok`: its error word, and whatever explains it."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra

    def as_slack(self) -> Json:
        """The body of the answer."""
        return {"ok": False, "error": self.error, **self.extra}


def new_id(prefix: str) -> str:
    """An identifier as Slack makes them: a letter for the kind, then ten characters."""
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(10))


@dataclass(frozen=True)
class User:
    """A person, the app's bot, or Slackbot."""

    id: str
    name: str
    real_name: str
    tz: str = "Europe/London"
    tz_label: str = "Greenwich Mean Time"
    tz_offset: int = 0
    locale: str = "en-GB"
    is_bot: bool = False
    is_owner: bool = False
    is_guest: bool = False
    home: str = ""
    """The id of the workspace to which they belong, where it is another one (Slack Connect)."""

    def as_slack(self, team_id: str) -> Json:
        """The user object of users.info; `tz_offset` is in seconds east of UTC."""
        profile = {
            "real_name": self.real_name,
            "display_name": self.name,
            "email": f"{self.name}@example.com",
        }
        return {
            "id": self.id,
            "team_id": self.home or team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": False,
            "tz": self.tz,
            "tz_label": self.tz_label,
            "tz_offset": self.tz_offset,
            "is_bot": self.is_bot,
            "is_admin": self.is_owner,
            "is_owner": self.is_owner,
            "is_restricted": self.is_guest,
            "is_ultra_restricted": False,
            "is_app_user": False,
            "profile": profile,
        }


@dataclass
class Channel:
    """A channel or a direct message; `members` are user ids."""

    id: str
    name: str
    kind: ChannelKind
    members: set[str]

    def as_slack(self, viewer: str) -> Json:
        """The channel object of conversations.info, as seen by `viewer`."""
        common = {"id": self.id, "is_im": self.kind == "im", "is_archived": False}
        if self.kind == "im":
            others = sorted(self.members - {viewer}) or [viewer]
            return {**common, "user": others[0], "is_open": True}
        private = self.kind == "private"
        return {
            **common,
            "name": self.name,
            "is_channel": not private,
            "is_group": private,
            "is_private": private,
            "is_member": viewer in self.members,
            "num_members": len(self.members),
        }


@dataclass(frozen=True)
class UserGroup:
    """A group that people mention by its handle (`@team`); `members` are user ids."""

    id: str
    handle: str
    members: tuple[str, ...]

    def as_slack(self) -> Json:
        """The group object of usergroups.list."""
        return {"id": self.id, "handle": self.handle, "name": self.handle, "user_count": len(self.members)}


@dataclass
class PostedMessage:
    """One message. `ephemeral_to` names the only person who sees it; `by_app` says that the bot wrote it."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: Json | None = None
    files: list[str] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    unfurls: dict[str, list[Json]] = field(default_factory=dict)
    edited_ts: str | None = None
    ephemeral_to: str | None = None
    by_app: bool = False
    tombstone: bool = False

    def attachments(self) -> list[Json]:
        """What the app shows below its links."""
        return [
            {"id": number, "from_url": url, "is_app_unfurl": True, "app_unfurl_url": url, "blocks": blocks}
            for number, (url, blocks) in enumerate(self.unfurls.items(), 1)
        ]

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread, below its root."""
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass
class File:
    """An upload; its `content` is empty until it arrived, and nobody sees it until it is completed."""

    id: str
    name: str
    title: str
    length: int
    key: str
    content: bytes = b""
    completed: bool = False


@dataclass
class Trigger:
    """The right to open one view for one person, for a few seconds."""

    user: str
    expires: float
    used: bool = False


def _default_people() -> list[User]:
    return [
        User(new_id("U"), "ada", "Ada Lovelace", is_owner=True),
        User(new_id("U"), "grace", "Grace Hopper", "America/New_York", "Eastern Standard Time", -18000),
        User(new_id("U"), "linus", "Linus Torvalds", "Europe/Helsinki", "Eastern European Time", 7200),
    ]


class State:
    """Everything there is in one workspace, with a version that grows at every change."""

    def __init__(self, app_name: str, trigger_seconds: float, team_id: str = "") -> None:
        self.team_id, self.app_id, self.bot_id = team_id or new_id("T"), new_id("A"), new_id("B")
        self.team_name, self.team_domain = "Analytical Engines", "analytical-engines"
        self.app_name = app_name
        self.bot = User(new_id("U"), app_name.lower().replace(" ", "-"), app_name, is_bot=True)
        self.slackbot = User("USLACKBOT", "slackbot", "Slackbot", is_bot=True)
        people = _default_people()
        self.users = {user.id: user for user in [*people, self.bot, self.slackbot]}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, UserGroup] = {}
        self.messages: dict[str, dict[str, PostedMessage]] = {}
        self._threads: dict[tuple[str, str], list[PostedMessage]] = {}
        self.files: dict[str, File] = {}
        self.triggers: dict[str, Trigger] = {}
        self.version = 1
        self._trigger_seconds = trigger_seconds
        self._last_ts = 0
        self._changed = asyncio.Event()
        self._furnish([user.id for user in people])

    def _furnish(self, people: list[str]) -> None:
        self.add_channel("general", "public", {*people, self.bot.id})
        self.add_channel("lab", "public", set(people))
        self.add_channel("secret", "private", set(people[:2]))
        self.add_channel("", "im", set(people[:2]))
        self.add_group("analysts", people[1:])
        for person in people:
            self.im(person, self.bot.id)

    def touch(self) -> None:
        """Say that something changed: whoever waits looks again."""
        self.version += 1
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    async def wait_since(self, version: int, seconds: float) -> None:
        """Return when something newer than `version` is there, or after so many seconds."""
        if self.version > version:
            return
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return

    def next_ts(self) -> str:
        """A new message's identity: seconds since 1970 with six digits, never twice the same."""
        self._last_ts = max(time.time_ns() // 1000, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add_channel(self, name: str, kind: ChannelKind, members: set[str]) -> Channel:
        """Make a channel (or, without a name, a direct message)."""
        channel = Channel(new_id({"public": "C", "private": "C", "im": "D"}[kind]), name, kind, members)
        self.channels[channel.id] = channel
        self.messages[channel.id] = {}
        return channel

    def add_group(self, handle: str, members: list[str]) -> UserGroup:
        """Make a user group."""
        group = UserGroup(new_id("S"), handle, tuple(members))
        self.groups[group.id] = group
        return group

    def im(self, one: str, other: str) -> Channel:
        """The direct message of two people, made if they never spoke."""
        for channel in self.channels.values():
            if channel.kind == "im" and channel.members == {one, other}:
                return channel
        return self.add_channel("", "im", {one, other})

    def person(self, user: str) -> User:
        """Find somebody by id or by handle; SlackError `user_not_found` otherwise."""
        for known in self.users.values():
            if user in (known.id, known.name):
                return known
        raise SlackError("user_not_found")

    def set_locale(self, user: str, locale: str) -> None:
        """Let somebody use Slack in another language, as `de-DE`."""
        known = self.person(user)
        self.users[known.id] = replace(known, locale=locale)

    def set_membership(self, user: str, *, is_guest: bool = False, home: str = "") -> None:
        """Make somebody a guest, or of another workspace."""
        known = self.person(user)
        self.users[known.id] = replace(known, is_guest=is_guest, home=home)

    def channel_for(self, viewer: str, channel: str) -> Channel:
        """Find what `viewer` may know of, by id or by (#)name; SlackError `channel_not_found` otherwise."""
        for known in self.channels.values():
            named = known.name and channel.removeprefix("#") == known.name
            if (channel == known.id or named) and (known.kind == "public" or viewer in known.members):
                return known
        raise SlackError("channel_not_found")

    def post(self, message: PostedMessage) -> PostedMessage:
        """Put a message into its channel; SlackError `thread_not_found` if its thread was never there."""
        channel = self.messages[message.channel]
        root = channel.get(message.thread_ts) if message.thread_ts else None
        if message.thread_ts and message.ephemeral_to is None:
            if root is None:
                raise SlackError("thread_not_found")
            # Slack takes a reply's ts for the thread as well, and shows the reply under the root.
            message.thread_ts = root.thread_ts or root.ts
            self._threads.setdefault((message.channel, message.thread_ts), []).append(message)
        channel[message.ts] = message
        self.touch()
        return message

    def find(self, channel: str, ts: str) -> PostedMessage:
        """The message that everybody in the channel can see; SlackError `message_not_found` otherwise."""
        message = self.messages[channel].get(ts)
        if message is None or message.ephemeral_to or message.tombstone:
            raise SlackError("message_not_found")
        return message

    def remove(self, message: PostedMessage) -> None:
        """Delete a message; the root of a thread leaves a tombstone, as in Slack."""
        if self.replies(message):
            message.tombstone, message.text = True, "This message was deleted."
            message.blocks, message.metadata = [], None
        else:
            del self.messages[message.channel][message.ts]
            if message.is_reply and not message.ephemeral_to:
                self._threads[message.channel, str(message.thread_ts)].remove(message)
        self.touch()

    def replies(self, root: PostedMessage) -> list[PostedMessage]:
        """What stands in the thread of `root`, oldest first, without what only one person sees."""
        return self._threads.get((root.channel, root.ts), [])

    def issue_trigger(self, user: str) -> str:
        """A trigger_id for what this person just did."""
        trigger = f"{time.time_ns() // 1_000_000}.{self.team_id}.{secrets.token_hex(8)}"
        self.triggers[trigger] = Trigger(user, time.monotonic() + self._trigger_seconds)
        return trigger

    def exchange_trigger(self, trigger: str) -> str:
        """Whom a trigger lets the app open a view for; SlackError if it is unknown, used or late."""
        known = self.triggers.get(trigger)
        if known is None:
            raise SlackError("invalid_trigger_id")
        if known.used:
            raise SlackError("exchanged_trigger_id")
        if time.monotonic() > known.expires:
            raise SlackError("expired_trigger_id")
        known.used = True
        return known.user

    def message_json(self, message: PostedMessage, *, metadata: bool = False) -> Json:
        """The message object of histories and payloads."""
        found: Json = {"type": "message", "ts": message.ts, "user": message.user, "text": message.text}
        found["team"] = self.team_id
        if message.by_app:
            found |= {"bot_id": self.bot_id, "app_id": self.app_id}
            found["bot_profile"] = {"id": self.bot_id, "app_id": self.app_id, "name": self.app_name}
        if message.tombstone:
            found |= {"subtype": "tombstone", "user": "USLACKBOT", "hidden": True}
        if message.blocks:
            found["blocks"] = message.blocks
        if message.unfurls:
            found["attachments"] = message.attachments()
        if message.edited_ts:
            found["edited"] = {"user": message.user, "ts": message.edited_ts}
        if message.files:
            found["files"] = [self.file_json(self.files[file_id]) for file_id in message.files]
        if message.reactions:
            found["reactions"] = [
                {"name": name, "users": users, "count": len(users)}
                for name, users in message.reactions.items()
            ]
        if metadata and message.metadata:
            found["metadata"] = message.metadata
        return found | self._thread_json(message)

    def _thread_json(self, message: PostedMessage) -> Json:
        if message.is_reply:
            return {
                "thread_ts": message.thread_ts,
                **({"subtype": "thread_broadcast"} if message.broadcast else {}),
            }
        replies = self.replies(message)
        if not replies:
            return {}
        users = sorted({reply.user for reply in replies})
        return {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": users,
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts,
        }

    def file_json(self, file: File) -> Json:
        """The file object of messages; the link holds the right to read it."""
        link = f"/files/{file.key}/{quote(file.name)}"
        return {
            "id": file.id,
            "name": file.name,
            "title": file.title,
            "size": file.length,
            "url_private": link,
        }

    def seen_by(self, viewer: User) -> Json:
        """All that one person can see: people, channels, and in them the messages for their eyes."""
        visible = [one for one in self.channels.values() if one.kind == "public" or viewer.id in one.members]
        return {
            "version": self.version,
            "me": viewer.as_slack(self.team_id),
            "team": {"id": self.team_id, "name": self.team_name, "domain": self.team_domain},
            "app": {"id": self.app_id, "name": self.app_name, "user": self.bot.id},
            "users": {user.id: user.as_slack(self.team_id) for user in self.users.values()},
            "channels": [
                {**one.as_slack(viewer.id), "messages": self._messages_for(viewer, one)} for one in visible
            ],
        }

    def _messages_for(self, viewer: User, channel: Channel) -> list[Json]:
        return [
            {**self.message_json(one), "channel": channel.id, "is_ephemeral": bool(one.ephemeral_to)}
            for one in self.messages[channel.id].values()
            if one.ephemeral_to in (None, viewer.id)
        ]
