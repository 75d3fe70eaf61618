"""The questions about Slack: how it reaches the bot, the app, and what is copied from the app's pages."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bot.admin.init import trials
from bot.admin.init.answers import fits, one_of
from bot.admin.init.dialogue import Known, Question, Section, masked
from bot.admin.init.manifest import MOST_CHARACTERS_OF_NAME, ManifestOptions, link_to, manifest_of
from bot.config.slack import EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH
from bot.errors import ConfigError
from bot.provisioning.choices import Choice

SOCKET, HTTP = "socket", "http"
ONE, SEVERAL = "one", "several"
_MODES = (
    Choice(SOCKET, "the bot connects to Slack (Socket Mode), and nothing has to reach the bot"),
    Choice(HTTP, "Slack sends its requests to an https:// address of yours (HTTP mode)"),
)
_WORKSPACES = (
    Choice(ONE, "yours, with the bot token"),
    Choice(SEVERAL, "each installs the bot by OAuth, and has a token of its own"),
)
_OPEN_LINK = "Open this link:\n\n{link}\n"
_OPEN_FILE = "On https://api.slack.com/apps, press *Create New App*, *From a manifest*, and paste {file}."
_CREATE = "{open}\n   Choose your workspace, press *Next* and *Create*."
_INSTALL = "On the page *Install App*, press *Install to …* and *Allow*. Copy the bot token (xoxb-…)."
_APP_LEVEL = """\
On the page *Basic Information*, below *App-Level Tokens*, press *Generate Token and Scopes*, add the scope
   `connections:write`, and press *Generate*. Copy that token (xapp-…)."""
_SIGNING = "On the page *Basic Information*, below *App Credentials*, copy the signing secret."
_CREDENTIALS = """\
On the page *Basic Information*, below *App Credentials*, copy the client id, the client secret and the
   signing secret."""
_DISTRIBUTE = (
    "On *Manage Distribution*, activate public distribution. For Enterprise Grid, *Org Level Apps* is enough."
)
_CHANGED = """
If the address of the launch links is new, write its host into `unfurl_domains` of the app's manifest:
https://api.slack.com/apps, your app, *App Manifest*."""
_CHANGED_MODE = {
    SOCKET: "There, `socket_mode_enabled` has to be `true`.",
    HTTP: """\
There, `socket_mode_enabled` has to be `false`, and {events} stands
- as `url` of the command,
- as `request_url` of `event_subscriptions`,
- as `request_url` and as `message_menu_options_url` of `interactivity`.""",
}
_CHANGED_OAUTH = "{redirect} has to stand in `redirect_urls` of `oauth_config`."
_VERIFY = """
While it runs, let Slack verify the address: https://api.slack.com/apps, your app, *Event Subscriptions*."""
_FIRST_INSTALL = "Then open {install}, and install the bot in your own workspace first."


def sections(manifest_file: Path) -> tuple[Section, ...]:
    """The questions about Slack, in their order.

    Args:
        manifest_file: Where the manifest of the Slack app goes if it is too long for a link.
    """
    return (_CONNECTION, _app(manifest_file), _OAUTH, _TOKENS)


def after_start(known: Known) -> str:
    """What is left to do in Slack once the bot runs; empty for nothing."""
    if not _is_http(known):
        return ""
    install = _FIRST_INSTALL.format(install=_address(known) + INSTALL_PATH)
    return "\n".join([_VERIFY, *([install] if _has_several(known) else [])])


# What holds ------------------------------------------------------------------------------------------


def _is_http(known: Known) -> bool:
    return known.get("slack_mode") == HTTP


def _is_socket(known: Known) -> bool:
    return not _is_http(known)


def _has_several(known: Known) -> bool:
    return _is_http(known) and known.get("slack_workspaces") == SEVERAL


def _has_one(known: Known) -> bool:
    return not _has_several(known)


def _has_no_app(known: Known) -> bool:
    return not known.keys() & {"SLACK_BOT_TOKEN", "SLACK_CLIENT_ID"}


def _mode_before(known: Known) -> str:
    """The mode of the settings in the file."""
    return HTTP if "SLACK_SIGNING_SECRET" in known and "SLACK_APP_TOKEN" not in known else SOCKET


def _workspaces_before(known: Known) -> str:
    return SEVERAL if "SLACK_CLIENT_ID" in known else ONE


def _address(known: Known) -> str:
    return known.get("PUBLIC_URL", "").rstrip("/")


# What is tried and said ------------------------------------------------------------------------------


def _is_one_of(known: Known, name: str, choices: tuple[Choice, ...]) -> str:
    names = [each.name for each in choices]
    if known[name] not in names:
        raise ConfigError(f"Type {' or '.join(f'`{each}`' for each in names)}.")
    return ""


def _app_name_fits(known: Known) -> str:
    if len(known["app_name"]) > MOST_CHARACTERS_OF_NAME:
        raise ConfigError(f"Slack allows at most {MOST_CHARACTERS_OF_NAME} characters.")
    return ""


def _steps(manifest_file: Path, known: Known) -> str:
    """What to click in Slack."""
    if "app_name" not in known:
        return "\n".join(_changes(known))
    steps = _creation(manifest_file, known)
    return "\n" + "\n".join(f"{number}. {each}" for number, each in enumerate(steps, 1))


def _creation(manifest_file: Path, known: Known) -> Iterator[str]:
    yield _CREATE.format(open=_opening(manifest_file, known))
    if _has_one(known):
        yield _INSTALL
    if _is_socket(known):
        yield _APP_LEVEL
    else:
        yield _CREDENTIALS if _has_several(known) else _SIGNING
    if _has_several(known):
        yield _DISTRIBUTE


def _opening(manifest_file: Path, known: Known) -> str:
    """How to create the app; writes the manifest into a file where it is too long for a link."""
    options = ManifestOptions(
        known["app_name"], known.get("LINK_HOST", ""), _address(known), _has_several(known)
    )
    manifest = manifest_of(options)
    if link := link_to(manifest):
        return _OPEN_LINK.format(link=link)
    manifest_file.write_text(manifest, encoding="utf-8")
    return _OPEN_FILE.format(file=manifest_file)


def _changes(known: Known) -> Iterator[str]:
    """What has to stand in the manifest of an app that is there already."""
    yield _CHANGED
    yield _CHANGED_MODE[HTTP if _is_http(known) else SOCKET].format(events=_address(known) + EVENTS_PATH)
    if _has_several(known):
        yield _CHANGED_OAUTH.format(redirect=_address(known) + REDIRECT_PATH)
        yield _DISTRIBUTE


# The questions ---------------------------------------------------------------------------------------

_CONNECTION = Section(
    "How Slack reaches the bot",
    (
        Question(
            "slack_mode",
            "How does Slack reach the bot?",
            default=_mode_before,
            choices=lambda _known: _MODES,
            read=one_of,
            tried=partial(_is_one_of, name="slack_mode", choices=_MODES),
        ),
        Question(
            "slack_workspaces",
            "How many workspaces use the bot?",
            default=_workspaces_before,
            is_due=_is_http,
            choices=lambda _known: _WORKSPACES,
            read=one_of,
            tried=partial(_is_one_of, name="slack_workspaces", choices=_WORKSPACES),
        ),
    ),
)


def _app(manifest_file: Path) -> Section:
    return Section(
        "The Slack app",
        (
            Question(
                "app_name",
                "What should people call the app?",
                default=lambda _known: "Binder",
                is_due=_has_no_app,
                tried=_app_name_fits,
            ),
            Question(
                "PUBLIC_URL",
                "The address at which Slack reaches the bot, such as https://binder-bot.example.org. A "
                "reverse proxy passes it on to the bot (docs/deploy.md).",
                is_due=_is_http,
                is_left_out=True,
                tried=partial(trials.https_address, name="PUBLIC_URL"),
            ),
            Question(
                "LINK_HOST",
                "The address of your launch links, such as https://binder.example.org; Enter for none.",
                optional=True,
                tried=fits("LINK_HOST"),
            ),
        ),
        said=partial(_steps, manifest_file),
    )


def _copied_secret(
    name: str, text: str, *, is_due: Callable[[Known], bool], tried: Callable[[Known], str]
) -> Question:
    """The question for a secret that is copied from a page of the app."""
    return Question(name, text, is_due=is_due, is_left_out=True, secret=True, shown=masked, tried=tried)


_OAUTH = Section(
    "How workspaces install the bot",
    (
        Question(
            "SLACK_CLIENT_ID",
            "The client id, from the page *Basic Information*.",
            is_due=_has_several,
            is_left_out=True,
            tried=trials.client_id,
        ),
        _copied_secret(
            "SLACK_CLIENT_SECRET",
            "The client secret, from the same page.",
            is_due=_has_several,
            tried=trials.client_secret,
        ),
        Question(
            "HOME_WORKSPACE",
            "The id of your own workspace, T…. In a browser, it stands in Slack's address: "
            "https://app.slack.com/client/T…. Others can install the bot only if LAUNCH_FOR names them.",
            is_due=_has_several,
            is_left_out=True,
            tried=fits("HOME_WORKSPACE"),
        ),
    ),
    tried=trials.client,
)

_TOKENS = Section(
    "Slack",
    (
        _copied_secret(
            "SLACK_BOT_TOKEN",
            "The bot token, xoxb-…, from the page *Install App*.",
            is_due=_has_one,
            tried=trials.bot_token,
        ),
        _copied_secret(
            "SLACK_APP_TOKEN",
            "The app-level token, xapp-…, from the page *Basic Information*.",
            is_due=_is_socket,
            tried=trials.app_token,
        ),
        _copied_secret(
            "SLACK_SIGNING_SECRET",
            "The signing secret, from the page *Basic Information*.",
            is_due=_is_http,
            tried=trials.signing_secret,
        ),
        Question(
            "ADMINS",
            "The member ids of the admins, with commas between them. In Slack: your profile, *⋮*, "
            "*Copy member ID*.",
            optional=True,
            tried=trials.admins,
        ),
    ),
)
