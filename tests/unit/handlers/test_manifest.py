"""The manifest against Slack's rules and against the code: nothing missing, nothing too much."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from slack_bolt import App
from slack_sdk import WebClient

import handlers
from bot.admin.init.manifest import ManifestOptions, filled
from handlers import ids, messages
from handlers.requests import subcommands

ROOT = Path(handlers.__file__).parents[1]
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text())

SCOPES_OF_METHODS: dict[str, set[str]] = {
    "chat_delete": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write", "chat:write.public"},
    "chat_unfurl": {"links:write"},
    "chat_update": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history", "im:history", "mpim:history"},
    "conversations_info": {"channels:read"},
    "conversations_join": {"channels:join"},
    "conversations_members": {"channels:read", "groups:read"},
    "conversations_open": {"im:write"},
    "conversations_replies": {"channels:history", "groups:history", "im:history", "mpim:history"},
    "files_completeUploadExternal": {"files:write"},
    "files_getUploadURLExternal": {"files:write"},
    "usergroups_users_list": {"usergroups:read"},
    "usergroups_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "views_open": set(),
    "views_push": set(),
    "views_update": set(),
    "views_publish": set(),
}
"""From the page of each method in Slack's documentation; posts go to public channels without joining."""
SCOPES_OF_EVENTS: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_mention": {"app_mentions:read"},
    "app_uninstalled": set(),
    "link_shared": {"links:read"},
    "message.im": {"im:history"},
    "tokens_revoked": set(),
}


def text(most: int, least: int = 1) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": most}


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": required | optional,
    }


TRUTH = {"type": "boolean"}
URL = {"type": "string", "pattern": r"^https://[^/]+/slack/(events|oauth_redirect)$"}


def schema(*, is_http: bool = False, is_installed: bool = False) -> dict[str, Any]:
    """What Slack takes in a mode: in HTTP mode, it wants an address wherever it sends something."""

    def if_http(*names: str) -> dict[str, Any]:
        return dict.fromkeys(names, URL) if is_http else {}

    return closed(
        {
            "_metadata": closed({"major_version": {"const": 2}, "minor_version": {"type": "integer"}}),
            "display_information": closed(
                {
                    "name": text(35),
                    "description": text(140),
                    "background_color": {"type": "string", "pattern": "^#([0-9a-fA-F]{3}){1,2}$"},
                    "long_description": text(4_000, 175),
                }
            ),
            "features": closed(
                {
                    "app_home": closed(
                        {
                            "home_tab_enabled": TRUTH,
                            "messages_tab_enabled": TRUTH,
                            "messages_tab_read_only_enabled": TRUTH,
                        }
                    ),
                    "bot_user": closed(
                        {"display_name": {**text(80), "pattern": r"^[\w.\- ]+$"}, "always_online": TRUTH}
                    ),
                    "shortcuts": {
                        "type": "array",
                        "maxItems": 10,
                        "items": closed(
                            {
                                "name": text(24),
                                "type": {"enum": ["message", "global"]},
                                "callback_id": text(255),
                                "description": text(150),
                            }
                        ),
                    },
                    "unfurl_domains": {
                        "type": "array",
                        "uniqueItems": True,
                        "maxItems": 5,
                        "items": text(255),
                    },
                    "slash_commands": {
                        "type": "array",
                        "maxItems": 50,
                        "items": closed(
                            {
                                "command": {"type": "string", "pattern": "^/[a-z0-9_-]{1,31}$"},
                                "description": text(2_000),
                                "usage_hint": text(1_000),
                                "should_escape": {"const": True},
                                **if_http("url"),
                            }
                        ),
                    },
                }
            ),
            "oauth_config": closed(
                {
                    "scopes": closed(
                        {"bot": {"type": "array", "uniqueItems": True, "maxItems": 255, "items": text(100)}}
                    ),
                    **(
                        {"redirect_urls": {"type": "array", "maxItems": 1000, "items": URL}}
                        if is_installed
                        else {}
                    ),
                }
            ),
            "settings": closed(
                {
                    "event_subscriptions": closed(
                        {
                            "bot_events": {
                                "type": "array",
                                "uniqueItems": True,
                                "maxItems": 100,
                                "items": text(100),
                            },
                            **if_http("request_url"),
                        }
                    ),
                    "interactivity": closed(
                        {"is_enabled": {"const": True}, **if_http("request_url", "message_menu_options_url")}
                    ),
                    "org_deploy_enabled": TRUTH,
                    "socket_mode_enabled": {"const": not is_http},
                    "token_rotation_enabled": {"const": False},
                }
            ),
        }
    )


class Recorder(App):
    """A Bolt app that notes what listeners were registered for."""

    def __init__(self) -> None:
        super().__init__(client=WebClient("xoxb-1"), token_verification_enabled=False, signing_secret="x")
        self.heard: dict[str, set[str]] = {}

    def note(self, kind: str, constraint: Any) -> None:
        self.heard.setdefault(kind, set()).add(getattr(constraint, "pattern", constraint))

    def command(self, command: Any, *rest: Any, **more: Any) -> Any:
        self.note("command", command)
        return super().command(command, *rest, **more)

    def action(self, constraints: Any, *rest: Any, **more: Any) -> Any:
        self.note("action", constraints)
        return super().action(constraints, *rest, **more)

    def options(self, constraints: Any, *rest: Any, **more: Any) -> Any:
        self.note("options", constraints)
        return super().options(constraints, *rest, **more)

    def event(self, event: Any, *rest: Any, **more: Any) -> Any:
        self.note("event", event)
        return super().event(event, *rest, **more)

    def view(self, constraints: Any, *rest: Any, **more: Any) -> Any:
        self.note("view", constraints)
        return super().view(constraints, *rest, **more)

    def shortcut(self, constraints: Any, *rest: Any, **more: Any) -> Any:
        self.note("shortcut", constraints)
        return super().shortcut(constraints, *rest, **more)


@pytest.fixture(scope="module")
def heard() -> dict[str, set[str]]:
    recorder = Recorder()
    handlers.register(recorder, handlers.Context(None, None, (), lambda: None))  # type: ignore[arg-type] # not used yet
    return recorder.heard


def names_in_code(*folders: str) -> Iterator[tuple[str, str]]:
    """Every attribute and constant of `ids` that a module uses, with the module's name."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute):
                    yield node.attr, path.name


def methods_called() -> set[str]:
    web_api = {name for name in dir(WebClient) if "_" in name and not name.startswith("_")}
    families = (
        "chat_",
        "conversations_",
        "views_",
        "users_",
        "usergroups_",
        "files_",
        "reactions_",
        "team_",
        "bots_",
    )
    return {name for name, _ in names_in_code("handlers") if name in web_api and name.startswith(families)}


def test_it_is_what_slack_takes() -> None:
    jsonschema.validate(MANIFEST, schema())


@pytest.mark.parametrize(
    ("options", "modes"),
    [
        (ManifestOptions("Lab"), {}),
        (ManifestOptions("Lab", "https://lab.example.org", "https://bot.example.org/"), {"is_http": True}),
        (
            ManifestOptions("Lab", "", "https://bot.example.org", is_installed_by_workspaces=True),
            {"is_http": True, "is_installed": True},
        ),
    ],
)
def test_what_init_fills_in_is_what_slack_takes(options: ManifestOptions, modes: dict[str, bool]) -> None:
    jsonschema.validate(filled(MANIFEST, options), schema(**modes))


def test_every_command_shortcut_and_event_has_its_listener(heard: dict[str, set[str]]) -> None:
    features = MANIFEST["features"]
    assert heard["command"] == {each["command"] for each in features["slash_commands"]} == {ids.COMMAND}
    assert heard["shortcut"] == {each["callback_id"] for each in features["shortcuts"]}
    events = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    assert heard["event"] == {each.partition(".")[0] for each in events}


NO_BUTTONS = {
    "ADMIN_PAGE",
    "ADMIN_PAGE_PREFIX",
    "COMMAND",
    "HOME_PAGE",
    "HOME_PAGE_PREFIX",
    "LINK",
    "LINK_PREFIX",
    "LAUNCH_FORM",
    "SHARE_FORM",
    "DENY_FORM",
    "LAUNCH_ANYWHERE",
    "LAUNCH_MESSAGE",
    "GROUPS",
    "REFS",
    "REPOSITORY",
    "MORE",
    "METADATA_EVENT",
    "CANDIDATE",
    "CANDIDATE_PREFIX",
}
BUTTONS = {name for name in vars(ids) if name.isupper()} - NO_BUTTONS
SPEAKERS = {each.name for each in Path(messages.__file__).parent.glob("*.py")}


def test_every_button_and_view_has_its_listener_and_every_listener_its_button(
    heard: dict[str, set[str]],
) -> None:
    buttons = {value for name, value in vars(ids).items() if name in BUTTONS}
    assert heard["action"] == buttons | {
        ids.LINK.pattern,
        ids.ADMIN_PAGE.pattern,
        ids.HOME_PAGE.pattern,
        ids.CANDIDATE.pattern,
        ids.REPOSITORY,
        ids.REFS,
    }
    assert heard["options"] == {ids.REFS, ids.GROUPS}
    assert heard["view"] == {ids.LAUNCH_FORM, ids.SHARE_FORM, ids.DENY_FORM}
    used = {name for name, module in names_in_code("handlers") if module in SPEAKERS}
    assert used >= BUTTONS | {
        "LINK_PREFIX",
        "ADMIN_PAGE_PREFIX",
        "HOME_PAGE_PREFIX",
        "CANDIDATE_PREFIX",
        "LAUNCH_FORM",
        "SHARE_FORM",
        "REPOSITORY",
        "REFS",
        "GROUPS",
    }


def test_its_hint_names_every_subcommand() -> None:
    [command] = MANIFEST["features"]["slash_commands"]
    assert command["usage_hint"] == subcommands.USAGE_HINT


def test_every_scope_is_needed_and_every_need_has_its_scope() -> None:
    events = MANIFEST["settings"]["event_subscriptions"]["bot_events"]
    needed = {"commands"}.union(
        *(SCOPES_OF_METHODS[method] for method in methods_called()),
        *(SCOPES_OF_EVENTS[event] for event in events),
    )
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed
    assert methods_called() == set(SCOPES_OF_METHODS)


def test_the_bot_is_called_what_its_messages_call_it() -> None:
    assert MANIFEST["features"]["bot_user"]["display_name"] == messages.BOT_NAME
