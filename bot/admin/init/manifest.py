"""The Slack app's manifest, filled in for a site, and the link that opens Slack's page with it."""

import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from bot.config.slack import EVENTS_PATH, REDIRECT_PATH
from bot.errors import ConfigError

MOST_CHARACTERS_OF_NAME = 35
"""Of an app's name, by Slack's reference of manifests."""
LONGEST_LINK = 8000
"""RFC 9110, section 4.1: what everybody on the way should take. Slack names no limit of its own."""
_EXAMPLE_HOST = "binder.example.org"
_NEW_APP = "https://api.slack.com/apps?new_app=1&manifest_yaml="
_PLACES = (
    Path(__file__).parents[3] / "manifest.yml",  # in a checkout
    Path(sysconfig.get_path("data")) / "share" / "binder-bot" / "manifest.yml",
)


@dataclass(frozen=True, slots=True)
class ManifestOptions:
    """What differs between sites.

    Attributes:
        app_name: What people call the app.
        link_host: The address of the site's launch links; empty for none.
        public_url: The address to which Slack sends its requests; empty for Socket Mode.
        is_installed_by_workspaces: Whether workspaces install the app by OAuth, at that address.
    """

    app_name: str
    link_host: str = ""
    public_url: str = ""
    is_installed_by_workspaces: bool = False


def manifest_of(options: ManifestOptions) -> str:
    """The manifest as YAML.

    Raises:
        ConfigError: This installation has no manifest.
    """
    return yaml.safe_dump(filled(_read(), options), sort_keys=False, allow_unicode=True, width=10_000)


def filled(manifest: dict[str, Any], options: ManifestOptions) -> dict[str, Any]:
    """A manifest with another name, with the site's host in place of the example, and with its addresses."""
    address = options.public_url.rstrip("/")
    manifest = _named(manifest, options)
    if address:
        manifest = _with_request_urls(manifest, address + EVENTS_PATH)
    if options.is_installed_by_workspaces:
        oauth = {"redirect_urls": [address + REDIRECT_PATH]} | manifest["oauth_config"]
        manifest = manifest | {"oauth_config": oauth}
    return manifest


def _named(manifest: dict[str, Any], options: ManifestOptions) -> dict[str, Any]:
    features = manifest["features"]
    others = [each for each in features["unfurl_domains"] if each != _EXAMPLE_HOST]
    host = urlsplit(options.link_host).hostname
    return manifest | {
        "display_information": manifest["display_information"] | {"name": options.app_name},
        "features": features
        | {
            "bot_user": features["bot_user"] | {"display_name": options.app_name},
            "unfurl_domains": [*others, *([host] if host and host not in others else [])],
        },
    }


def _with_request_urls(manifest: dict[str, Any], url: str) -> dict[str, Any]:
    """The manifest for HTTP mode: Slack sends everything to one address."""
    features, settings = manifest["features"], manifest["settings"]
    return manifest | {
        "features": features
        | {"slash_commands": [{"url": url} | each for each in features["slash_commands"]]},
        "settings": settings
        | {
            "event_subscriptions": {"request_url": url} | settings["event_subscriptions"],
            "interactivity": settings["interactivity"]
            | {"request_url": url, "message_menu_options_url": url},
            "socket_mode_enabled": False,
        },
    }


def link_to(manifest: str) -> str | None:
    """The link that opens Slack's page with a manifest; None where it would be too long."""
    link = _NEW_APP + quote(manifest, safe="")
    return link if len(link) <= LONGEST_LINK else None


def _read() -> dict[str, Any]:
    for place in _PLACES:
        if place.is_file():
            return dict(yaml.safe_load(place.read_text(encoding="utf-8")))
    raise ConfigError("manifest.yml is missing in this installation of binder-bot.")
