"""What a workspace can be told when it is made."""

from __future__ import annotations

from dataclasses import dataclass

ALL_SCOPES = frozenset(
    [
        "app_mentions:read",
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "chat:write.public",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "links:read",
        "links:write",
        "reactions:write",
        "team:read",
        "usergroups:read",
        "users:read",
    ]
)


@dataclass(frozen=True)
class SlashCommand:
    """A registered slash command; `name` with its slash."""

    name: str
    description: str = ""
    usage_hint: str = ""


@dataclass(frozen=True)
class Shortcut:
    """A registered shortcut: in the menu of every message, or (`on_message` false) of the workspace."""

    name: str
    callback_id: str
    on_message: bool = True


@dataclass(frozen=True)
class Options:
    """A workspace's settings.

    Attributes:
        port: where on loopback; 0 takes a free one.
        app_name: how the app is called.
        commands: its slash commands; without any, every command is passed on to it.
        shortcuts: its shortcuts.
        scopes: what its bot token may do; leave `chat:write.public` out to be refused where it is no member.
        events: the bot events it is subscribed to, as in a manifest (`message.im`); None is all.
        unfurl_domains: the domains of whose links it hears.
        bot_token: accepted as `xoxb-…`; made up where empty. `app_token` likewise, as `xapp-…`.
        signing_secret: for HTTP mode; made up where empty.
        retry_seconds: in HTTP mode, how long after a failure an event is sent again: Slack's own times.
        team_id: the workspace's own id; made up where empty.
        ack_seconds: how long the app may take to acknowledge.
        trigger_seconds: how long a trigger_id lives.
        enforce_rates: answer 429 where Slack would.
        new_blocks: take `card`, `container`, `plan` and `table` blocks; else refuse them, as old servers do.
        suggestion: a command that the page suggests to whoever does not know what to type.
    """

    port: int = 0
    app_name: str = "App"
    commands: tuple[SlashCommand, ...] = ()
    shortcuts: tuple[Shortcut, ...] = ()
    scopes: frozenset[str] = ALL_SCOPES
    events: frozenset[str] | None = None
    unfurl_domains: tuple[str, ...] = ()
    bot_token: str = ""
    app_token: str = ""
    signing_secret: str = ""
    retry_seconds: tuple[float, ...] = (0.0, 60.0, 300.0)
    team_id: str = ""
    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    enforce_rates: bool = False
    new_blocks: bool = True
    suggestion: str = ""
