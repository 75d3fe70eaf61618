"""Tries answers on Slack, the database and the cloud. Each says what it found, in a sentence.

What is down raises `ServiceUnreachable` or `CloudUnreachable`; what is wrong raises another BinderBotError.
None of them shows a secret.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot import config
from bot.admin.check import check_cloud
from bot.admin.init.dialogue import Known
from bot.config.slack import SLACK_API_URL
from bot.errors import BinderBotError, CloudError, ConfigError, ServiceUnreachable
from bot.provisioning.choices import Choice
from bot.provisioning.registry import choices_of
from bot.wiring import slack_client
from storage.condition import Condition, StoreUnreachable, condition_of

_APP_OF_TOKEN = re.compile(r"xapp-\d+-(A[A-Z0-9]{6,})-")
_CLIENT_ID = re.compile(r"[0-9]+\.[0-9]+")
_TOKENS_BEGIN = ("xoxb-", "xoxp-", "xoxe", "xapp-")
_MADE_UP_CODE = "made-up-by-binder-bot-init"
_SERVER_FAILS, _TOO_MANY = 500, 429
_SLACK_SAYS: Mapping[str, str] = {
    "invalid_auth": "Slack does not know this token.",
    "not_authed": "Slack does not know this token.",
    "account_inactive": "This token was revoked, or the app was removed from the workspace.",
    "token_revoked": "This token was revoked.",
    "token_expired": "This token has expired. Token rotation must be off.",
    "not_allowed_token_type": "Slack takes another kind of token here.",
    "missing_scope": "The token lacks the scope `{needed}`.",
    "bad_client_secret": "The client secret is not that of the client id.",
    "invalid_client_id": "Slack does not know this client id.",
    "user_not_found": "There is nobody of that id in the workspace.",
}
_DATABASE_IS: Mapping[Condition, str] = {
    Condition.NEW: "The file will be made when the bot starts.",
    Condition.EMPTY: "It answers, and is empty.",
    Condition.OLDER: "It answers, and was used by an older version. Make a backup: `serve` updates it.",
    Condition.CURRENT: "It answers, and was used by this version.",
}


def value_fits(known: Known, name: str) -> str:
    """Only whether the setting can have this value."""
    if known[name]:
        config.check_value(name, known[name])
    return ""


# Slack -----------------------------------------------------------------------------------------------


def bot_token(known: Known) -> str:
    """Whom Slack takes the bot for."""
    _require_prefix(known["SLACK_BOT_TOKEN"], "xoxb-", "bot")
    with _slack_errors():
        bot = _bot(known).auth_test()
    return f"This is {bot['user']} in {bot['team']}."


def app_token(known: Known) -> str:
    """Whether Slack opens a connection, and for the bot's own app, as far as that can be known."""
    token = known["SLACK_APP_TOKEN"]
    _require_prefix(token, "xapp-", "app-level")
    with _slack_errors():
        _bot(known).apps_connections_open(app_token=token)
    here, there = _APP_OF_TOKEN.match(token), _app_of_bot(known)
    if here and there and here[1] != there:
        raise ConfigError(f"This token belongs to the app {here[1]}, and the bot's token to the app {there}.")
    return "Slack lets the bot connect with it."


def admins(known: Known) -> str:
    """Who these people are."""
    value_fits(known, "ADMINS")
    if not known.get("SLACK_BOT_TOKEN"):
        return ""  # no workspace has installed the bot yet, so nobody can be looked up
    with _slack_errors():
        people = [_bot(known).users_info(user=each) for each in re.findall(r"[^,\s]+", known["ADMINS"])]
    found = [str(each["user"].get("real_name") or each["user"]["id"]) for each in people]
    return f"These are: {', '.join(found)}." if found else ""


def https_address(known: Known, name: str) -> str:
    """Whether it is an address to which Slack sends requests."""
    value_fits(known, name)
    if not known[name].startswith("https://"):
        raise ConfigError("Slack sends requests only to an address that begins with `https://`.")
    return ""


def signing_secret(known: Known) -> str:
    """Whether it can be the signing secret: Slack lets nobody try it."""
    secret = known["SLACK_SIGNING_SECRET"]
    if secret.startswith(_TOKENS_BEGIN):
        raise ConfigError("This is a token, and not the signing secret.")
    if secret == known.get("SLACK_CLIENT_SECRET"):
        raise ConfigError("This is the client secret. The signing secret stands below it on the same page.")
    _require_plain(secret)
    return ""


def client_id(known: Known) -> str:
    """Whether it has the form of a client id."""
    if not _CLIENT_ID.fullmatch(known["SLACK_CLIENT_ID"]):
        raise ConfigError("A client id is two numbers with a dot between them.")
    return ""


def client_secret(known: Known) -> str:
    """Whether it can be sent to Slack at all."""
    _require_plain(known["SLACK_CLIENT_SECRET"])
    return ""


def client(known: Known) -> str:
    """Whether Slack knows the app by its client id and secret: then it refuses only the made-up code."""
    given = {"client_id": known["SLACK_CLIENT_ID"], "client_secret": known["SLACK_CLIENT_SECRET"]}
    with _slack_errors():
        try:
            _slack(known).oauth_v2_access(code=_MADE_UP_CODE, **given)
        except SlackApiError as error:
            if error.response.get("error") != "invalid_code":
                raise
    return "Slack knows this client id and secret."


def _app_of_bot(known: Known) -> str | None:
    try:
        bot = _bot(known)
        return str(bot.bots_info(bot=bot.auth_test()["bot_id"])["bot"].get("app_id") or "") or None
    except (SlackClientError, OSError, HTTPException):
        return None  # what is not known cannot be compared


def _bot(known: Known) -> WebClient:
    return _slack(known, known["SLACK_BOT_TOKEN"])


def _slack(known: Known, token: str | None = None) -> WebClient:
    return slack_client(token, known.get("SLACK_API_URL") or SLACK_API_URL)


def _require_prefix(token: str, prefix: str, kind: str) -> None:
    if not token.startswith(prefix):
        raise ConfigError(f"This is not the {kind} token: it begins with `{prefix}`.")
    _require_plain(token)


def _require_plain(secret: str) -> None:
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigError("A token or a secret has only letters, digits, dots and dashes.")


@contextmanager
def _slack_errors() -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        if error.response.status_code >= _SERVER_FAILS or error.response.status_code == _TOO_MANY:
            raise ServiceUnreachable("Slack does not answer now.") from None
        raise ConfigError(_refusal(error.response)) from None
    except (SlackClientError, OSError, HTTPException):
        raise ServiceUnreachable("Slack does not answer.") from None


def _refusal(answer: SlackResponse) -> str:
    code = str(answer.get("error") or "")
    return _SLACK_SAYS.get(code, f"Slack refuses it: {code}.").replace("{needed}", str(answer.get("needed")))


# Database --------------------------------------------------------------------------------------------


def database(known: Known) -> str:
    """In which state the database is."""
    try:
        return _DATABASE_IS[condition_of(known["DATABASE_URL"])]
    except StoreUnreachable as error:
        raise ServiceUnreachable(error.sentence) from None


def database_is_in_use(known: Known) -> bool:
    """Whether a bot has used the database; False where that cannot be known."""
    try:
        return condition_of(known["DATABASE_URL"]) in {Condition.OLDER, Condition.CURRENT}
    except BinderBotError:
        return False


# Cloud -----------------------------------------------------------------------------------------------


def is_file(path: str) -> str:
    """Whether the file is there."""
    if not Path(path).is_file():
        raise ConfigError(f"There is no file {path}.")
    return ""


def credentials(known: Known) -> str:
    """Whether the cloud takes the credentials."""
    _offered.cache_clear()
    with _environment(_credentials_in(known)):
        found = choices_of(known["CLOUD"])
    return f"The cloud answers. It has {len(found['OPENSTACK_SIZES'])} flavors."


def choices(known: Known, name: str) -> Sequence[Choice]:
    """What the cloud has for a setting; nothing where it does not answer."""
    return _offered(known["CLOUD"], _credentials_in(known)).get(name, ())


def is_there(known: Known, name: str, also: Sequence[str] = ()) -> str:
    """Whether the cloud has what a setting names: one thing, or several with commas between them."""
    value_fits(known, name)
    there = [*also, *(each.name for each in choices(known, name))]
    for wanted in (each.partition(":")[0].strip() for each in known[name].split(",")):
        if len(there) > len(also) and wanted not in there:
            raise ConfigError(f"The cloud has no `{wanted}`. It has: {', '.join(there)}.")
    return ""


def whole_cloud(known: Known) -> str:
    """What `check` says of the cloud with all answers."""
    _offered.cache_clear()  # who answers again may have changed something
    names = {name for name in known if name.lower() in config.Settings.model_fields}
    chosen: dict[str, Any] = {name.lower(): known[name] for name in names if known[name]}
    left_out = [name for name in names if not known[name]]
    with _environment(_credentials_in(known), left_out), TemporaryDirectory() as folder:
        settings = config.load(_env_file=None, **chosen)
        if not settings.local_root.exists():  # the trial makes it, and nothing may be left of a trial
            settings = settings.model_copy(update={"local_root": Path(folder) / settings.local_root.name})
        return "\n".join(check_cloud(settings))


def _credentials_in(known: Known) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in known.items() if name.startswith("OS_") and value))


@lru_cache(maxsize=1)
def _offered(cloud: str, given: tuple[tuple[str, str], ...]) -> Mapping[str, Sequence[Choice]]:
    """What the cloud has, looked up once for all questions: one that is down makes nobody wait again."""
    try:
        with _environment(given):
            return choices_of(cloud)
    except CloudError:
        return {}


@contextmanager
def _environment(given: tuple[tuple[str, str], ...], left_out: Sequence[str] = ()) -> Iterator[None]:
    """Let the cloud's library find the credentials where it looks for them, and nothing what is left out."""
    before = dict(os.environ)
    os.environ.update(given)
    for name in left_out:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
